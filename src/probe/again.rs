//! A report judged again: the evidence is taken out of it, no server is asked.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Depth, EvidenceLevel, MAX_ADDRESSES, MAX_SAMPLES, Settings, assemble};
use crate::judge;
use crate::judge::anchors::TrustAnchors;
use crate::judge::client::Client;
use crate::judge::clients;
use crate::judge::ct::LogList;
use crate::model::aia::AiaEvidence;
use crate::model::certificate::CertificateFacts;
use crate::model::evidence::{Evidence, FileEvidence};
use crate::model::finding::NotChecked;
use crate::model::handshake::{EndpointEvidence, EndpointStatus};
use crate::model::hello::{self, Chosen, HelloAnswer, HelloEvidence};
use crate::model::path::Provenance;
use crate::model::report::{Deployment, HelloFacts, Report};
use crate::model::survey::{Survey, SurveyEvidence};
use crate::model::target::Target;
use crate::model::time::Time;
use crate::x509::{Certificate, Fingerprint, certificates_in};

/// Certificates taken out of a report. One of 64 addresses with a chain of ten each has as many.
const MAX_CERTIFICATES: usize = 1_000;

/// Endpoints likewise: no probe speaks to more, each of which may answer in as many ways as it is sampled.
const MAX_ENDPOINTS: usize = MAX_ADDRESSES * MAX_SAMPLES;

/// What is to be otherwise than when the report was made.
#[derive(Debug, Clone, Default)]
pub struct Change {
    pub at: Option<Time>,
    /// `None`: those of the report.
    pub clients: Option<Vec<&'static Client>>,
    /// Each client's own store, where the report's user named no other; `None`: as compiled in.
    pub own_stores: Option<TrustAnchors>,
    /// Trust exactly these; `None`: the store of the report.
    pub roots: Option<Vec<Arc<Certificate>>>,
    /// Trust these too; `None`: what the report's user added.
    pub local: Option<Vec<Arc<Certificate>>>,
}

/// Why a report cannot be judged again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotPossible {
    #[error("it carries no certificates (made with --evidence {0}): what it says can be shown, but not judged again")]
    NoCertificates(&'static str),
    #[error("certificate {0} in it is not the one that it is called by: the file was changed")]
    Changed(String),
    #[error("{0} in it cannot be read: {1}")]
    Malformed(&'static str, String),
    #[error("it has more {0} than a report has")]
    TooMuch(&'static str),
}

/// Judges what `report` says was seen, by the models and rules of this build. The result is of the same run: its id, its
/// times and what it did not look at stay.
pub fn judge_again(report: &Report, change: &Change) -> Result<Report, NotPossible> {
    let store = Octets::of(report)?;
    let target = target(report)?;
    let evidence = evidence(report, &store)?;
    let settings = settings(report, change, &store)?;
    let judge_settings = settings.for_judging(report.run.judged_at);
    let judgement = judge::judge(&evidence, &judge_settings);
    let mut again = assemble::report(&assemble::Input {
        target: &target,
        settings: &settings,
        evidence: &evidence,
        judge_settings: &judge_settings,
        judgement: &judgement,
        options: report.run.judged_by.as_ref().map(|by| by.options.clone()).unwrap_or_default(),
        started_at: report.run.started_at,
        finished_at: report.run.finished_at,
    });
    again.run.id.clone_from(&report.run.id);
    if change.roots.is_none() && change.local.is_none() && !settings.anchors.are_own_stores() {
        // Of a store that was given only what matters here is in the report; its size is of the store.
        again.run.stores.clone_from(&report.run.stores);
    }
    again.reproduce.clone_from(&report.reproduce);
    again.not_checked.extend(limits(report, &again));
    Ok(again)
}

/// What the second judgement cannot see of what the first saw.
fn limits(report: &Report, again: &Report) -> Vec<NotChecked> {
    let mut limits = Vec::new();
    let mut add = |code: &str, reason: String| limits.push(NotChecked { code: code.to_owned(), reason });
    let staple_lost = report.endpoints.iter().any(|endpoint| {
        endpoint.tls.as_ref().is_some_and(|tls| tls.ocsp_staple_bytes.is_some()) && endpoint.ocsp_staple.is_none()
    });
    if staple_lost {
        add("stapled-response", "the report does not carry the OCSP response that was stapled".to_owned());
    }
    for store in &again.run.stores {
        let then = report.run.stores.iter().find(|then| then.id == store.id);
        if let (Some(then), Some(now)) = (then.and_then(|then| then.date.as_ref()), &store.date)
            && then != now
        {
            add(
                "trust-store-of-then",
                format!("the {} store of {now} was used; the report was made with that of {then}", store.id),
            );
        }
    }
    limits
}

/// The octets behind the hashes of a report.
struct Octets(BTreeMap<String, Vec<u8>>);

impl Octets {
    fn of(report: &Report) -> Result<Self, NotPossible> {
        if report.certificates.len() + report.unreadable.len() > MAX_CERTIFICATES {
            return Err(NotPossible::TooMuch("certificates"));
        }
        let mut octets = BTreeMap::new();
        let mut keep = |hash: &String, der: Vec<u8>| {
            if Fingerprint::of(&der).to_string() != *hash {
                return Err(NotPossible::Changed(hash.chars().take(16).collect()));
            }
            octets.insert(hash.clone(), der);
            Ok(())
        };
        for (hash, facts) in &report.certificates {
            if let Some(pem) = &facts.pem {
                let found = certificates_in(pem.as_bytes()).ok().and_then(|mut found| found.pop());
                keep(hash, found.unwrap_or_default())?;
            }
        }
        for (hash, text) in &report.unreadable {
            keep(hash, STANDARD.decode(text).unwrap_or_default())?;
        }
        let store = Self(octets);
        let served = report.deployments.iter().flat_map(|deployment| &deployment.served_chain);
        let fetched = report.aia.iter().flat_map(|fetch| &fetch.certificates);
        if served.chain(fetched).any(|hash| !store.0.contains_key(hash)) {
            let level = if report.certificates.is_empty() { "none" } else { "hashes" };
            return Err(NotPossible::NoCertificates(level));
        }
        Ok(store)
    }

    fn chain(&self, hashes: &[String]) -> Vec<Vec<u8>> {
        hashes.iter().filter_map(|hash| self.0.get(hash).cloned()).collect()
    }

    /// The anchors of a store, as far as they matter to this report.
    fn anchors(&self, report: &Report, store: &Provenance) -> Vec<Arc<Certificate>> {
        let on_a_path = |hash: &String| {
            let paths = report.deployments.iter().flat_map(|deployment| &deployment.paths);
            paths
                .flat_map(|path| path.certificates.iter().zip(&path.provenance))
                .any(|(on, from)| on == hash && from == store)
        };
        let trusted =
            |(hash, facts): &(&String, &CertificateFacts)| facts.trusted_in.as_ref() == Some(store) || on_a_path(hash);
        let hashes = report.certificates.iter().filter(trusted).map(|(hash, _)| hash);
        hashes.filter_map(|hash| Certificate::parse(self.0.get(hash)?).ok().map(Arc::new)).collect()
    }
}

fn target(report: &Report) -> Result<Target, NotPossible> {
    let host = report.target.host.parse();
    let host = host.map_err(|error: crate::model::target::DnsNameError| {
        NotPossible::Malformed("target.host", error.to_string())
    })?;
    let starttls = report.target.starttls.as_deref().map(str::parse).transpose();
    let starttls = starttls.map_err(|reason: String| NotPossible::Malformed("target.starttls", reason))?;
    Ok(Target { input: report.target.input.clone(), host, port: report.target.port, starttls })
}

/// The offer is the one that the clients it was made for send in this build. `None`: none of them is modelled any more.
fn hello(facts: &HelloFacts, store: &Octets) -> Option<HelloEvidence> {
    let of_clients = facts.clients.iter().filter_map(|id| clients::find(id)?.hello);
    let of_nobody = [hello::WIDEST, hello::WIDEST_BEFORE_TLS13].into_iter().filter(|_| facts.clients.is_empty());
    let offered = |hello: &hello::Hello<'_>| {
        hello.cipher_suites.len() == facts.cipher_suites && hello.versions.len() == facts.versions.len()
    };
    let hello = of_clients.chain(of_nobody).find(offered)?;
    let answer = match (facts.choice, &facts.tls) {
        (Some(choice), Some(tls)) => HelloAnswer::Chosen(Box::new(Chosen {
            choice,
            tls: tls.clone(),
            served_chain: store.chain(&facts.served_chain),
            ocsp_staple: None,
            failure: facts.failure.clone(),
        })),
        _ => HelloAnswer::Refused(facts.failure.clone()?),
    };
    Some(HelloEvidence { hello, answer })
}

/// Chains whose certificates the report does not carry are known by their hashes alone.
fn survey_evidence(survey: &Survey, store: &Octets) -> SurveyEvidence {
    let mut certificates: Vec<Vec<u8>> = survey.chains().flat_map(|chain| store.chain(chain)).collect();
    certificates.sort_unstable();
    certificates.dedup();
    SurveyEvidence { survey: survey.clone(), certificates }
}

fn evidence(report: &Report, store: &Octets) -> Result<Evidence, NotPossible> {
    if report.endpoints.len() > MAX_ENDPOINTS {
        return Err(NotPossible::TooMuch("endpoints"));
    }
    let reference = report.target.server_name.parse();
    let reference = reference.map_err(|error: crate::model::target::DnsNameError| {
        NotPossible::Malformed("target.server_name", error.to_string())
    })?;
    let endpoints = report.endpoints.iter().map(|endpoint| {
        let address = endpoint.address.parse();
        let address = address.map_err(|error: std::net::AddrParseError| {
            NotPossible::Malformed("endpoints[].address", error.to_string())
        })?;
        let deployment = endpoint.deployment.and_then(|index| report.deployments.get(index));
        let served = deployment.map(|deployment| store.chain(&deployment.served_chain));
        Ok(EndpointEvidence {
            address,
            status: endpoint.status,
            failure: endpoint.failure.clone(),
            tls: endpoint.tls.clone(),
            served_chain: if endpoint.status == EndpointStatus::NotTried {
                Vec::new()
            } else {
                served.unwrap_or_default()
            },
            ocsp_staple: endpoint.ocsp_staple.as_ref().and_then(|text| STANDARD.decode(text).ok()),
            timestamps: endpoint.timestamps.as_ref().and_then(|text| STANDARD.decode(text).ok()),
            timing: endpoint.timing_ms,
            choice: endpoint.choice,
            hellos: endpoint.hellos.iter().filter_map(|facts| hello(facts, store)).collect(),
            starttls: endpoint.starttls.clone(),
            http: endpoint.http.clone(),
            survey: endpoint.survey.as_deref().map(|survey| survey_evidence(survey, store)),
            samples: endpoint.samples,
        })
    });
    let endpoints = endpoints.collect::<Result<Vec<_>, _>>()?;
    let of_files = |deployment: &&Deployment| deployment.endpoints.is_empty() && report.endpoints.is_empty();
    let files = report.deployments.iter().find(of_files).map(|deployment| FileEvidence {
        chain: store.chain(&deployment.served_chain),
        key: deployment.private_key,
        name_given: !report.not_checked.iter().any(|check| check.code == "name"),
    });
    let aia = report
        .aia
        .iter()
        .map(|fetch| AiaEvidence { fetch: fetch.clone(), certificates: store.chain(&fetch.certificates) });
    let revocation = super::revocation::recorded(report);
    Ok(Evidence { reference, resolution: report.dns.clone(), endpoints, aia: aia.collect(), files, revocation })
}

fn settings(report: &Report, change: &Change, store: &Octets) -> Result<Settings, NotPossible> {
    let by = report.run.judged_by.clone().unwrap_or_default();
    let expect_cname = by.expect_cname.as_deref().map(str::parse).transpose();
    let expect_cname = expect_cname.map_err(|error: crate::model::target::DnsNameError| {
        NotPossible::Malformed("run.judged_by.expect_cname", error.to_string())
    })?;
    let recorded = || {
        // Older reports name their clients only where they judged something.
        let told = report.deployments.iter().flat_map(|deployment| &deployment.clients).map(|client| &client.id);
        let ids: Vec<&String> = if by.clients.is_empty() { told.collect() } else { by.clients.iter().collect() };
        let known: Vec<&'static Client> =
            clients::ALL.iter().copied().filter(|client| ids.iter().any(|id| *id == client.id)).collect();
        if known.is_empty() { clients::ALL.to_vec() } else { known }
    };
    let logs = by.ct_logs.as_ref().map(LogList::from_facts).transpose();
    let logs = logs.map_err(|error| NotPossible::Malformed("run.judged_by.ct_logs", error.to_string()))?;
    let was_given = report.run.stores.iter().any(|used| used.id == "roots");
    let anchors = match &change.roots {
        Some(roots) => TrustAnchors::exactly(roots.clone()),
        None if was_given => TrustAnchors::exactly(store.anchors(report, &Provenance::StoreRoots)),
        None => change.own_stores.clone().unwrap_or_else(TrustAnchors::own_stores),
    };
    let local = change.local.clone().unwrap_or_else(|| store.anchors(report, &Provenance::StoreLocal));
    Ok(Settings {
        anchors: anchors.with_local(local).with_logs(logs.map(Arc::new)),
        clients: change.clients.clone().unwrap_or_else(recorded),
        at: Some(change.at.unwrap_or(report.run.judged_at)),
        expect_cname,
        warn_days: by.warn_days,
        fetch_issuers: !report.not_checked.iter().any(|check| check.code == "aia"),
        depth: match report.endpoints.iter().any(|endpoint| endpoint.survey.is_some()) {
            true => Depth::Survey,
            false => Depth::Handshake,
        },
        evidence: EvidenceLevel::Pem,
        arguments: report.run.arguments.clone(),
        ..Settings::default()
    })
}
