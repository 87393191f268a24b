//! What is asked about a name beyond its addresses, while the addresses are spoken to.

use std::sync::Arc;
use std::time::Duration;

use hickory_proto::rr::Name;
use tokio::time::Instant;

use super::answer::parse;
use super::asker::{Asker, all};
use super::exchange::{FIRST_WAIT, Servers};
use super::{authority, beside, follow, signed};
use crate::model::naming::{CaaSet, Dnssec, DnssecStatus, HttpsRecord, NameFault, Propagation, View};
use crate::model::resolution::{DnsStatus, Resolution};
use crate::model::time::Time;

/// What a probe may wait for CAA and HTTPS records, from the moment that its addresses are known: one repetition of a lost
/// datagram, with its answer. A handshake takes most of it anyway.
const LIMIT: Duration = FIRST_WAIT.saturating_add(Duration::from_millis(200));

/// What it may wait where the user named several resolvers: they are to be compared, and one of them may be dead.
const LIMIT_OF_COMPARISON: Duration = Duration::from_secs(2);

/// What it may wait for the reason of a SERVFAIL. Without addresses there is nothing else to wait for.
const LIMIT_OF_DIAGNOSIS: Duration = Duration::from_secs(3);

/// How far to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// One round trip: CAA, HTTPS, and the resolvers compared that the user named.
    Beside,
    /// The authoritative name servers too, at this port; and the signatures, where the resolver does not vouch for them.
    Authorities(u16),
}

/// Everything that was found.
#[derive(Debug, Default)]
pub struct Surroundings {
    dnssec: Option<Dnssec>,
    caa_sets: Option<Vec<CaaSet>>,
    https: Option<Vec<HttpsRecord>>,
    faults: Vec<NameFault>,
    views: Vec<View>,
    propagation: Option<Propagation>,
}

impl Surroundings {
    /// Nobody was asked.
    fn is_nothing(&self) -> bool {
        self.caa_sets.is_none()
    }

    pub fn put_into(self, resolution: &mut Resolution) {
        if self.is_nothing() {
            return;
        }
        resolution.dnssec = resolution.dnssec.take().or(self.dnssec);
        resolution.caa = self.caa_sets.as_deref().map(relevant).unwrap_or_default();
        resolution.caa_sets = self.caa_sets;
        resolution.https = self.https;
        for fault in self.faults {
            if !resolution.faults.iter().any(|known| known.kind == fault.kind && known.owner == fault.owner) {
                resolution.faults.push(fault);
            }
        }
        resolution.resolvers_disagree = disagree(&self.views);
        resolution.views = self.views;
        resolution.propagation = self.propagation;
    }
}

/// The first set on the climb, as in a zone file.
fn relevant(sets: &[CaaSet]) -> Vec<String> {
    let set = sets.iter().find(|set| !set.records.is_empty() || set.failure.is_some());
    let lines = set.into_iter().flat_map(|set| {
        set.records.iter().map(|record| {
            let flags = if record.critical { 128 } else { 0 };
            format!("{} CAA {flags} {} \"{}\"", set.name, record.tag, record.value)
        })
    });
    lines.collect()
}

/// What to look around for.
pub struct Subject<'a> {
    pub name: &'a Name,
    /// That somebody wants to speak https to; `None`: another protocol, which HTTPS records do not concern.
    pub https_port: Option<u16>,
    /// The addresses, as the same servers gave them.
    pub resolution: &'a Resolution,
    /// The user named the servers: one by one they are to be compared. The system's stand in for each other.
    pub named: bool,
    pub now: Time,
}

/// Asks `servers`. Ends before `deadline`, and in an ordinary probe long before.
pub async fn look(servers: &Arc<Servers>, subject: &Subject<'_>, look: Look, deadline: Instant) -> Surroundings {
    let Subject { name, https_port, resolution, named, now } = *subject;
    let compare = servers.addresses.len() > 1 && named;
    let limit = match look {
        Look::Authorities(_) => deadline,
        Look::Beside if resolution.status == DnsStatus::Servfail => deadline.min(Instant::now() + LIMIT_OF_DIAGNOSIS),
        Look::Beside if compare => deadline.min(Instant::now() + LIMIT_OF_COMPARISON),
        Look::Beside => deadline.min(Instant::now() + LIMIT),
    };
    let asker = Asker::new(Arc::clone(servers), limit);
    let (caa_sets, https, views, dnssec, said) = tokio::join!(
        beside::caa(&asker, name),
        async {
            match https_port {
                Some(port) => beside::https(&asker, name, port).await,
                None => None,
            }
        },
        async { if compare || look != Look::Beside { views(&asker, name).await } else { Vec::new() } },
        dnssec(&asker, name, resolution, look, now),
        async {
            match look {
                Look::Beside => None,
                Look::Authorities(port) => Some(authority::ask_all(&asker, &names(name, resolution), port, now).await),
            }
        }
    );
    let (propagation, faults) = said.map_or((None, Vec::new()), |said| (Some(said.propagation), said.faults));
    Surroundings { dnssec, caa_sets: Some(caa_sets), https, faults, views, propagation }
}

/// The name and every alias target after it.
fn names(name: &Name, resolution: &Resolution) -> Vec<Name> {
    let targets = resolution.cname_chain.iter().filter_map(|alias| parse(&alias.target));
    [name.clone()].into_iter().chain(targets).collect()
}

async fn dnssec(asker: &Asker, name: &Name, resolution: &Resolution, look: Look, now: Time) -> Option<Dnssec> {
    if let Some(dnssec) = &resolution.dnssec {
        return (dnssec.status != DnssecStatus::Secure).then(|| dnssec.clone());
    }
    let names = names(name, resolution);
    match (resolution.status, look) {
        // The last name is the one that could not be had.
        (DnsStatus::Servfail, _) => signed::explain_failure(asker, names.last().unwrap_or(name), now).await,
        (DnsStatus::Noerror | DnsStatus::Nodata | DnsStatus::Nxdomain, Look::Authorities(_)) => {
            Some(signed::inspect(asker, &names, now).await)
        }
        _ => None,
    }
}

/// Each resolver by itself.
async fn views(asker: &Asker, name: &Name) -> Vec<View> {
    let servers = asker.resolvers();
    let each = servers.addresses.iter().map(|&address| {
        let one = Servers { addresses: vec![address], rounds: servers.rounds, patience: servers.patience, mux: None };
        let (name, deadline) = (name.clone(), asker.deadline);
        async move {
            let found = follow::view(&one, &name, deadline).await;
            View {
                resolver: address.to_string(),
                status: found.resolution.status,
                final_name: found.resolution.final_name,
                cname_chain: found.resolution.cname_chain,
                addresses: found.resolution.addresses,
                negative_ttl: found.negative_ttl,
                detail: found.resolution.detail,
            }
        }
    });
    all(each).await
}

/// Do those that say something say the same? The order of addresses does not matter, nor do TTLs.
fn disagree(views: &[View]) -> bool {
    let says = |view: &View| {
        let targets: Vec<String> = view.cname_chain.iter().map(|alias| alias.target.clone()).collect();
        let mut ips: Vec<_> = view.addresses.iter().map(|address| address.ip).collect();
        ips.sort();
        (view.status, targets, ips)
    };
    let mut said = views.iter().filter(|view| view.says_something()).map(says);
    said.next().is_some_and(|first| said.any(|other| other != first))
}
