//! From a name to its addresses: A and AAAA at the same time, alias after alias, until something ends it.

use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, RecordType};
use tokio::time::{Instant, sleep_until};

use super::answer::{Conflict, ConflictKind, MAX_ALIASES, Walk, parse, same, text};
use super::asker::negative_ttl;
use super::exchange::{FIRST_WAIT, Failure, Reply, Servers, ask};
use crate::model::naming::{Dnssec, DnssecSource, DnssecStatus, NameFault, NameFaultKind};
use crate::model::resolution::{Alias, DnsStatus, Resolution, ResolvedAddress};

/// Addresses kept. CDNs answer with up to about 30; an answer over TCP could hold thousands.
const MAX_ADDRESSES: usize = 64;

/// How long the AAAA answer may take after A has said enough: one repetition of a lost datagram, with its answer.
/// Some servers never answer AAAA (RFC 4074 §4.1), and must not cost the whole time.
const AAAA_GRACE: Duration = FIRST_WAIT.saturating_add(Duration::from_millis(200));

/// The same for A, which most machines need more.
const A_GRACE: Duration = Duration::from_secs(2);

/// What a resolution left behind that is not in the report's `dns`.
#[derive(Debug)]
pub struct Followed {
    pub asked_for: String,
    pub resolution: Resolution,
    /// Of the last negative answer.
    pub negative_ttl: Option<u32>,
}

/// Follows `name` to its addresses. Ends before `deadline`.
pub async fn follow(servers: &Servers, name: &str, deadline: Instant) -> Resolution {
    match parse(name) {
        Some(name) => view(servers, &name, deadline).await.resolution,
        // A target's name keeps to RFC 1035; with a search domain behind it, it may not.
        None => Resolution {
            status: DnsStatus::Nxdomain,
            final_name: Some(name.to_owned()),
            detail: Some(format!("`{name}` is not a name that can be asked for")),
            ..Resolution::not_asked([])
        },
    }
}

pub async fn view(servers: &Servers, name: &Name, deadline: Instant) -> Followed {
    let mut trail = Trail { names: vec![name.clone()], ..Trail::default() };
    let (status, addresses) = trail.follow(servers, deadline).await;
    let negative = matches!(status, DnsStatus::Nxdomain | DnsStatus::Nodata);
    let resolution = Resolution {
        resolver: trail.resolver.map(|server| server.to_string()),
        status,
        final_name: Some(text(trail.names.last().unwrap_or(name))),
        cname_chain: trail.chain,
        addresses,
        detail: (!trail.notes.is_empty()).then(|| trail.notes.join("; ")),
        dnssec: (status == DnsStatus::Noerror && trail.vouched).then_some(Dnssec {
            status: DnssecStatus::Secure,
            by: DnssecSource::Resolver,
            fault: None,
            zone: None,
            reason: None,
            extended_error: None,
        }),
        faults: trail.faults,
        ..Resolution::not_asked([])
    };
    Followed { asked_for: text(name), resolution, negative_ttl: trail.negative_ttl.filter(|_| negative) }
}

/// The way so far.
struct Trail {
    /// The name asked for and every alias target after it; we stand at the last.
    names: Vec<Name>,
    chain: Vec<Alias>,
    /// Who answered last.
    resolver: Option<SocketAddr>,
    notes: Vec<String>,
    faults: Vec<NameFault>,
    /// Every answer so far came with AD: the resolver has validated it (RFC 4035 §3.2.3).
    vouched: bool,
    negative_ttl: Option<u32>,
}

impl Default for Trail {
    fn default() -> Self {
        Self {
            names: Vec::new(),
            chain: Vec::new(),
            resolver: None,
            notes: Vec::new(),
            faults: Vec::new(),
            vouched: true,
            negative_ttl: None,
        }
    }
}

/// What one of the two questions, A or AAAA, gave.
struct Family {
    server: Option<SocketAddr>,
    walk: Walk,
    end: End,
    /// The resolver vouches for the answer (AD).
    vouched: bool,
}

enum End {
    Addresses,
    /// An alias whose target the server said nothing about.
    Open,
    Nodata,
    Nxdomain,
    Failed(DnsStatus, String),
}

impl Trail {
    async fn follow(&mut self, servers: &Servers, deadline: Instant) -> (DnsStatus, Vec<ResolvedAddress>) {
        // Every turn but the last moves along at least one alias, and `advance` counts those.
        loop {
            let Some(here) = self.names.last().cloned() else { return (DnsStatus::Nxdomain, Vec::new()) };
            let (a, aaaa) = ask_both(servers, &here, deadline).await;
            let (a, aaaa) = (self.family(&here, a), self.family(&here, aaaa));
            let (main, other) = if leads(&a, &aaaa) { (&a, &aaaa) } else { (&aaaa, &a) };
            self.compare(&here, main, other);
            self.vouched &= main.vouched && (other.vouched || other.walk.addresses.is_empty());
            if let Some(broken) = self.advance(main) {
                return (broken, Vec::new());
            }
            if matches!(main.end, End::Addresses) {
                self.note_missing(&a, &aaaa);
                return (DnsStatus::Noerror, self.addresses(&a, &aaaa));
            }
            let end = self.names.last().map_or_else(String::new, text);
            let failed = match (&a.end, &aaaa.end) {
                // A says what the name is; servers that answer AAAA with NXDOMAIN where there is only A are known
                // (RFC 4074 §4.2).
                (End::Nxdomain, _) => {
                    self.notes.push(format!("`{end}` does not exist"));
                    return (DnsStatus::Nxdomain, Vec::new());
                }
                (End::Open, _) | (_, End::Open) => continue,
                (End::Failed(status, detail), _) | (_, End::Failed(status, detail)) => Some((*status, detail)),
                _ => None,
            };
            let Some((status, detail)) = failed else {
                self.notes.push(format!("`{end}` has neither A nor AAAA records"));
                return (DnsStatus::Nodata, Vec::new());
            };
            // Resolvers answer a loop, a chain too long and an unreachable target alike with SERVFAIL and no records.
            // Asked for the alias alone they tell how far it goes.
            if status == DnsStatus::Servfail
                && let Some(here) = self.names.last().cloned()
                && let Ok(answer) = walk(servers, &here, RecordType::CNAME, deadline).await
            {
                let alias = self.family(&here, Ok(answer));
                if let Some(broken) = self.advance(&alias) {
                    return (broken, Vec::new());
                }
                if !alias.walk.aliases.is_empty() {
                    continue;
                }
            }
            self.notes.push(format!("asked for `{end}`: {detail}"));
            return (status, Vec::new());
        }
    }

    fn family(&mut self, start: &Name, answer: Result<Answer, Failure>) -> Family {
        let (answer, failed) = match answer {
            Ok(answer) => (Some(answer), None),
            Err(failure) => {
                let answer = failure.reply.map(|reply| Answer::new(start, *reply));
                (answer, Some(End::Failed(failure.status, failure.detail)))
            }
        };
        let Some(Answer { reply, walk }) = answer else {
            let end = failed.unwrap_or(End::Nodata);
            return Family { server: None, walk: Walk::default(), end, vouched: false };
        };
        self.resolver = Some(reply.server);
        self.negative_ttl = negative_ttl(&reply.message.authorities).or(self.negative_ttl);
        let end = failed.unwrap_or_else(|| {
            if !walk.addresses.is_empty() {
                End::Addresses
            } else if reply.message.metadata.response_code == ResponseCode::NXDomain {
                End::Nxdomain // of the last name in the chain (RFC 6604 §3)
            } else if walk.aliases.is_empty() {
                End::Nodata
            } else {
                End::Open
            }
        });
        Family { server: Some(reply.server), walk, end, vouched: reply.message.metadata.authentic_data }
    }

    /// Notes where two answers about one name contradict each other or the standard.
    fn compare(&mut self, start: &Name, main: &Family, other: &Family) {
        for (family, conflict) in [main, other].into_iter().filter_map(|one| Some((one, one.walk.conflict.as_ref()?))) {
            self.faulty(conflict, family.server);
        }
        let both = main.walk.aliases.iter().zip(&other.walk.aliases);
        if let Some(((owner, one, _), (_, two, _))) = both.into_iter().find(|(one, two)| !same(&one.1, &two.1)) {
            let (owner, one, two) = (text(owner), text(one), text(two));
            self.notes.push(format!("the A and AAAA answers follow different aliases of `{owner}` (`{one}`, `{two}`)"));
        } else if matches!((&main.end, &other.end), (End::Addresses, End::Addresses))
            && !same(main.walk.end(start), other.walk.end(start))
        {
            self.notes.push("the A and AAAA answers follow aliases to different ends".to_owned());
        }
    }

    fn faulty(&mut self, conflict: &Conflict, server: Option<SocketAddr>) {
        let owner = text(&conflict.owner);
        if self.faults.iter().any(|known| known.owner == owner) {
            return;
        }
        self.notes.push(conflict.to_string());
        let (kind, beside) = match &conflict.kind {
            ConflictKind::SeveralCnames(targets) => (NameFaultKind::SeveralCnames, targets.iter().map(text).collect()),
            ConflictKind::Addresses => (NameFaultKind::CnameBesideOtherRecords, vec!["A or AAAA".to_owned()]),
        };
        let server = server.map_or_else(String::new, |server| server.to_string());
        self.faults.push(NameFault { kind, owner, beside, server });
    }

    /// Moves along the aliases of an answer. `Some`: they lead nowhere.
    fn advance(&mut self, family: &Family) -> Option<DnsStatus> {
        let server = family.server?;
        for (owner, target, ttl) in &family.walk.aliases {
            if self.chain.len() == MAX_ALIASES {
                self.notes.push(format!("more than {MAX_ALIASES} aliases; no resolver follows that many"));
                return Some(DnsStatus::TooLong);
            }
            self.chain.push(Alias {
                owner: text(owner),
                target: text(target),
                ttl: *ttl,
                resolver: server.to_string(),
            });
            let back = self.names.iter().any(|name| same(name, target));
            self.names.push(target.clone());
            if back {
                self.notes.push(format!("`{}` leads back to `{}`", text(owner), text(target)));
                return Some(DnsStatus::Loop);
            }
        }
        None
    }

    /// One family has addresses. That the other has none is common; that it could not be had is worth a word.
    fn note_missing(&mut self, a: &Family, aaaa: &Family) {
        for (kind, family) in [("A", a), ("AAAA", aaaa)] {
            match &family.end {
                End::Failed(_, detail) => self.notes.push(format!("the question for {kind} failed ({detail})")),
                End::Nxdomain => self.notes.push(format!("asked for {kind}, the name was said not to exist")),
                End::Addresses | End::Open | End::Nodata => {}
            }
        }
    }

    /// IPv4 first: the family that nearly every machine can reach.
    fn addresses(&mut self, a: &Family, aaaa: &Family) -> Vec<ResolvedAddress> {
        let mut kept: Vec<ResolvedAddress> = Vec::new();
        for &(ip, ttl) in a.walk.addresses.iter().chain(&aaaa.walk.addresses) {
            if kept.iter().all(|address| address.ip != ip) {
                kept.push(ResolvedAddress { ip, ttl: Some(ttl) });
            }
        }
        kept.sort_by_key(|address| address.ip.is_ipv6()); // stable: within a family as answered
        if kept.len() > MAX_ADDRESSES {
            self.notes.push(format!("{} more addresses were left out", kept.len() - MAX_ADDRESSES));
            kept.truncate(MAX_ADDRESSES);
        }
        kept
    }
}

/// Whether the chain of A is the one to report: the answer with addresses, else the one that leads further.
fn leads(a: &Family, aaaa: &Family) -> bool {
    match (&a.end, &aaaa.end) {
        (End::Addresses | End::Nxdomain, _) if !matches!((&a.end, &aaaa.end), (End::Nxdomain, End::Addresses)) => true,
        (_, End::Addresses) => false,
        _ => a.walk.aliases.len() >= aaaa.walk.aliases.len(),
    }
}

/// What a server said, and where that leads.
struct Answer {
    reply: Reply,
    walk: Walk,
}

impl Answer {
    fn new(start: &Name, reply: Reply) -> Self {
        Self { walk: Walk::along(start, &reply.message.answers), reply }
    }
}

async fn walk(servers: &Servers, name: &Name, record_type: RecordType, deadline: Instant) -> Result<Answer, Failure> {
    Ok(Answer::new(name, ask(servers, name, record_type, deadline).await?))
}

/// Both questions at once. When one of them has said enough the other gets a limited time.
async fn ask_both(
    servers: &Servers,
    name: &Name,
    deadline: Instant,
) -> (Result<Answer, Failure>, Result<Answer, Failure>) {
    let mut a = pin!(walk(servers, name, RecordType::A, deadline));
    let mut aaaa = pin!(walk(servers, name, RecordType::AAAA, deadline));
    let (mut got_a, mut got_aaaa) = (None, None);
    let mut until = deadline;
    loop {
        tokio::select! {
            biased; // at the deadline the questions themselves know best what happened
            got = &mut a, if got_a.is_none() => {
                if enough(&got) || is_nxdomain(&got) {
                    until = deadline.min(Instant::now() + AAAA_GRACE);
                }
                got_a = Some(got);
            }
            got = &mut aaaa, if got_aaaa.is_none() => {
                if enough(&got) {
                    until = deadline.min(Instant::now() + A_GRACE);
                }
                got_aaaa = Some(got);
            }
            () = sleep_until(until) => {
                let late = || Err(Failure { status: DnsStatus::Timeout, reply: None, detail: "no answer in time".to_owned() });
                return (got_a.unwrap_or_else(late), got_aaaa.unwrap_or_else(late));
            }
        }
        match (got_a, got_aaaa) {
            (Some(a), Some(aaaa)) => return (a, aaaa),
            still => (got_a, got_aaaa) = still,
        }
    }
}

fn enough(got: &Result<Answer, Failure>) -> bool {
    got.as_ref().is_ok_and(|answer| !answer.walk.addresses.is_empty())
}

fn is_nxdomain(got: &Result<Answer, Failure>) -> bool {
    got.as_ref().is_ok_and(|answer| answer.reply.message.metadata.response_code == ResponseCode::NXDomain)
}
