//! From evidence to a judgement: intern, group, search, ask every client, and say which issuers are lacking.

use std::sync::Arc;

use super::anchors::TrustAnchors;
use super::case::{Case, View};
use super::client::{Answer, Client, Hello};
use super::memo::{self, Memo};
use super::name::Name;
use super::pool::{CertId, Pool};
use super::search::{self, Issuers, Search};
use super::standard::FaultKind;
use super::stores::doubt;
use crate::model::evidence::Evidence;
use crate::model::handshake::{EndpointEvidence, EndpointStatus, Failure, FailureKind};
use crate::model::target::{DEFAULT_PORT, DnsName};
use crate::model::time::Time;
use crate::model::verdict::Verdict;
use crate::x509::{Certificate, Fingerprint, ParseError};

/// `caIssuers` addresses asked for in one judgement, over all certificates: real certificates carry one or two.
const MAX_WANTED: usize = 16;

/// What to judge by.
#[derive(Debug, Clone)]
pub struct Settings {
    pub clients: Vec<&'static Client>,
    pub anchors: TrustAnchors,
    pub at: Time,
    /// Days before an end entity's expiry that are worth a finding; `None`: a third of its lifetime.
    pub warn_days: Option<u32>,
    /// The name the target's CNAME chain must pass through.
    pub expect_cname: Option<DnsName>,
}

/// One certificate of a served chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Served {
    Certificate(CertId),
    /// Bytes that are no certificate.
    Unparsable {
        fingerprint: Fingerprint,
        error: ParseError,
    },
}

/// Endpoints that serve the same chain and end their handshake the same way, judged once.
#[derive(Debug)]
pub struct Deployment {
    /// Indices into `Evidence::endpoints`; empty for the chain of `Evidence::files`.
    pub endpoints: Vec<usize>,
    /// Every certificate as sent.
    pub served_list: Vec<Served>,
    /// Those that parse, in the same order.
    pub served: Vec<CertId>,
    /// Positions of those that do not.
    pub unparsable: Vec<usize>,
    /// Paths over what was served.
    pub as_served: Arc<Search>,
    /// Paths over what was served and fetched.
    pub with_fetched: Arc<Search>,
    /// One for each of `Settings::clients`.
    pub answers: Vec<Answer>,
}

/// Everything that thinking found, before it is put into words.
#[derive(Debug)]
pub struct Judgement {
    pub pool: Arc<Pool>,
    pub deployments: Vec<Deployment>,
    /// `caIssuers` addresses that may bring what a path lacks, and were not fetched yet.
    pub wanted_issuers: Vec<String>,
}

impl Judgement {
    /// What the engines are given for `deployment`.
    pub fn case<'a>(&'a self, evidence: &'a Evidence, settings: &'a Settings, deployment: &'a Deployment) -> Case<'a> {
        case(&self.pool, evidence, settings, deployment)
    }
}

fn case<'a>(pool: &'a Pool, evidence: &'a Evidence, settings: &'a Settings, deployment: &'a Deployment) -> Case<'a> {
    let endpoint = deployment.endpoints.first().map(|&index| &evidence.endpoints[index]);
    Case {
        pool,
        served: &deployment.served,
        unparsable: &deployment.unparsable,
        served_bytes: chain_of(evidence, &deployment.endpoints).iter().map(Vec::len).sum(),
        reference: Name::new(&evidence.reference),
        any_name: false,
        view: View {
            own_stores: settings.anchors.are_own_stores(),
            update: settings.anchors.update(),
            ..View::default()
        },
        port: endpoint.map_or(DEFAULT_PORT, |endpoint| endpoint.address.port()),
        at: settings.at,
        ocsp_staple: endpoint.and_then(|endpoint| endpoint.ocsp_staple.as_deref()),
        tls: endpoint.and_then(|endpoint| endpoint.tls.as_ref()),
        failure: endpoint.and_then(|endpoint| endpoint.failure.as_ref()),
        asked: None,
    }
}

/// Judges what was seen. Pure: the same evidence and settings give the same judgement.
pub fn judge(evidence: &Evidence, settings: &Settings) -> Judgement {
    let groups = group(evidence);
    let thought = think(evidence, settings, &groups, None);
    thought.judgement(evidence, settings, groups, |_, case| {
        settings.clients.iter().map(|client| answer(client, case)).collect()
    })
}

/// The same judgement, with what was thought of other targets: `memo` is the caller's, and only saves time.
pub fn judge_with(memo: &Memo, evidence: &Evidence, settings: &Settings) -> Judgement {
    let groups = group(evidence);
    let remembered = memo.remember(evidence, settings, &groups, || think(evidence, settings, &groups, Some(memo)));
    remembered
        .thought
        .judgement(evidence, settings, groups, |index, case| remembered.answers(index, case, &evidence.reference))
}

/// A judgement as far as it does not depend on the name.
#[derive(Debug)]
pub struct Thought {
    pool: Arc<Pool>,
    deployments: Vec<Chain>,
    wanted_issuers: Vec<String>,
}

/// What was thought of one deployment's chain.
#[derive(Debug)]
struct Chain {
    served_list: Vec<Served>,
    served: Vec<CertId>,
    unparsable: Vec<usize>,
    as_served: Arc<Search>,
    with_fetched: Arc<Search>,
}

impl Thought {
    /// With the endpoints of each deployment and what the clients answer to it.
    fn judgement(
        &self,
        evidence: &Evidence,
        settings: &Settings,
        groups: Vec<Vec<usize>>,
        answers: impl Fn(usize, &Case<'_>) -> Vec<Answer>,
    ) -> Judgement {
        let deployments = self.deployments.iter().zip(groups).enumerate().map(|(index, (chain, endpoints))| {
            let mut deployment = Deployment {
                endpoints,
                served_list: chain.served_list.clone(),
                served: chain.served.clone(),
                unparsable: chain.unparsable.clone(),
                as_served: Arc::clone(&chain.as_served),
                with_fetched: Arc::clone(&chain.with_fetched),
                answers: Vec::new(),
            };
            deployment.answers = answers(index, &case(&self.pool, evidence, settings, &deployment));
            deployment
        });
        let deployments = deployments.collect();
        Judgement { pool: Arc::clone(&self.pool), deployments, wanted_issuers: self.wanted_issuers.clone() }
    }
}

/// Everything that does not depend on the name.
fn think(evidence: &Evidence, settings: &Settings, groups: &[Vec<usize>], memo: Option<&Memo>) -> Thought {
    let parse = |der: &[u8]| match memo {
        Some(memo) => memo.certificate(der),
        None => Certificate::parse(der).map(Arc::new),
    };
    let mut pool = memo::pool(memo);
    settings.anchors.add_named(&mut pool);
    let mut deployments: Vec<Deployment> =
        groups.iter().map(|endpoints| deployment(endpoints.clone(), evidence, &mut pool, parse)).collect();
    for fetched in &evidence.aia {
        for certificate in fetched.certificates.iter().filter_map(|der| parse(der).ok()) {
            let id = pool.intern(certificate);
            // Clients ask the address themselves, and get nothing from our cache.
            if fetched.fetch.from_cache { pool.mark_cached(id) } else { pool.mark_fetched(id) }
        }
    }
    settings.anchors.add_met(&mut pool);
    let mut wanted_issuers = Vec::new();
    for deployment in &mut deployments {
        let case = case(&pool, evidence, settings, deployment);
        let as_served = search::paths(&case, Issuers::ServedOnly);
        let with_fetched = search::paths(&case, Issuers::WithFetched);
        want(&case, &with_fetched, evidence, &mut wanted_issuers);
        (deployment.as_served, deployment.with_fetched) = (Arc::new(as_served), Arc::new(with_fetched));
    }
    let chains = deployments.into_iter().map(|deployment| Chain {
        served_list: deployment.served_list,
        served: deployment.served,
        unparsable: deployment.unparsable,
        as_served: deployment.as_served,
        with_fetched: deployment.with_fetched,
    });
    Thought { deployments: chains.collect(), pool: Arc::new(pool), wanted_issuers }
}

/// A client looks at the chain first and meets what comes later in the handshake only when it accepts that.
pub fn answer(client: &Client, case: &Case<'_>) -> Answer {
    if !case.view.own_stores {
        return unweighed(client, case);
    }
    let view = View { store: Some(client.trust.store), known: client.trust.known, ..case.view };
    let case = &Case { view, ..*case };
    doubt::weigh(case, unweighed(client, case))
}

fn unweighed(client: &Client, case: &Case<'_>) -> Answer {
    let handshake = |failure: &Failure| {
        let decided = failure.kind != FailureKind::NothingInCommon || client.hello == Hello::Ours;
        let answer = if decided { (client.handshake)(failure, case) } else { None };
        answer.unwrap_or_else(|| Answer::undetermined(format!("what it would do is not known: {}", failure.message)))
    };
    match case.failure {
        Some(failure) if case.served.is_empty() && case.unparsable.is_empty() => handshake(failure),
        None if case.served.is_empty() && case.unparsable.is_empty() => Answer::undetermined("no chain was served"),
        failure => {
            let answer = (client.judge)(case);
            match failure {
                // Our own limit: the client has looked at the message's size by its own.
                Some(failure) if failure.kind == FailureKind::TooLarge => answer,
                Some(failure) if answer.verdict == Verdict::Accept => handshake(failure),
                _ => answer,
            }
        }
    }
}

/// The endpoints of each deployment; last, without any, the chain of the files.
fn group(evidence: &Evidence) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (index, endpoint) in evidence.endpoints.iter().enumerate() {
        if endpoint.status == EndpointStatus::NotTried {
            continue;
        }
        match groups.iter_mut().find(|group| alike(&evidence.endpoints[group[0]], endpoint)) {
            Some(group) => group.push(index),
            None => groups.push(vec![index]),
        }
    }
    groups.extend(evidence.files.iter().map(|_| Vec::new()));
    groups
}

/// Without a chain all are alike: they form the one deployment with nothing served.
fn alike(one: &EndpointEvidence, other: &EndpointEvidence) -> bool {
    let end =
        |endpoint: &EndpointEvidence| endpoint.failure.as_ref().map(|failure| (failure.kind, failure.alert.clone()));
    one.served_chain == other.served_chain && (one.served_chain.is_empty() || end(one) == end(other))
}

fn deployment(
    endpoints: Vec<usize>,
    evidence: &Evidence,
    pool: &mut Pool,
    parse: impl Fn(&[u8]) -> Result<Arc<Certificate>, ParseError>,
) -> Deployment {
    let chain = chain_of(evidence, &endpoints);
    let mut deployment = Deployment {
        endpoints,
        served_list: Vec::with_capacity(chain.len()),
        served: Vec::with_capacity(chain.len()),
        unparsable: Vec::new(),
        as_served: Arc::default(),
        with_fetched: Arc::default(),
        answers: Vec::new(),
    };
    for (position, der) in chain.iter().enumerate() {
        match parse(der) {
            Ok(certificate) => {
                let id = pool.intern(certificate);
                deployment.served.push(id);
                deployment.served_list.push(Served::Certificate(id));
            }
            Err(error) => {
                deployment.unparsable.push(position);
                deployment.served_list.push(Served::Unparsable { fingerprint: Fingerprint::of(der), error });
            }
        }
    }
    deployment
}

/// The chain that the endpoints of one deployment serve; without endpoints that of the files.
fn chain_of<'a>(evidence: &'a Evidence, endpoints: &[usize]) -> &'a [Vec<u8>] {
    match (endpoints.first(), &evidence.files) {
        (Some(&index), _) => &evidence.endpoints[index].served_chain,
        (None, Some(files)) => &files.chain,
        (None, None) => &[],
    }
}

/// Another issuer can only help where a path ends too early or an issuer on it is at fault: then the addresses of every
/// certificate met on the way are wanted, as in Chromium (`cert_issuer_source_aia.cc`), which replaces expired
/// intermediates this way too.
fn want(case: &Case<'_>, search: &Search, evidence: &Evidence, wanted: &mut Vec<String>) {
    let an_issuer_is_at_fault = search.best().is_some_and(|path| {
        path.faults.iter().any(|fault| {
            fault.position > 0
                || matches!(
                    fault.kind,
                    FaultKind::IssuerNotFound
                        | FaultKind::IssuerKeyDoesNotMatch { .. }
                        | FaultKind::SignatureNotChecked
                )
        })
    });
    if !an_issuer_is_at_fault {
        return;
    }
    for &id in search.paths.iter().flat_map(|path| &path.certificates) {
        if case.is_anchor(id).is_some() {
            continue;
        }
        for url in &case.pool.get(id).extensions.ca_issuers {
            let known = evidence.aia.iter().any(|fetched| *fetched.fetch.url == **url)
                || wanted.iter().any(|other| **other == **url);
            if !known && wanted.len() < MAX_WANTED {
                wanted.push(url.to_string());
            }
        }
    }
}
