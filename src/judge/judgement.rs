//! From evidence to a judgement: intern, group, search, ask every client, and say which issuers are lacking.

use std::sync::Arc;

use super::anchors::{AnchorKind, TrustAnchors};
use super::case::Case;
use super::client::{Answer, Client, Hello};
use super::pool::{CertId, Pool};
use super::search::{self, Issuers, Search};
use super::standard::FaultKind;
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
    pub as_served: Search,
    /// Paths over what was served and fetched.
    pub with_fetched: Search,
    /// One for each of `Settings::clients`.
    pub answers: Vec<Answer>,
}

/// Everything that thinking found, before it is put into words.
#[derive(Debug)]
pub struct Judgement {
    pub pool: Pool,
    pub deployments: Vec<Deployment>,
    /// `caIssuers` addresses that may bring what a path lacks, and were not fetched yet.
    pub wanted_issuers: Vec<String>,
}

impl Judgement {
    /// What the engines are given for `deployment`.
    pub fn case<'a>(&'a self, evidence: &'a Evidence, settings: &Settings, deployment: &'a Deployment) -> Case<'a> {
        case(&self.pool, evidence, settings, deployment)
    }
}

fn case<'a>(pool: &'a Pool, evidence: &'a Evidence, settings: &Settings, deployment: &'a Deployment) -> Case<'a> {
    // A deployment without endpoints is the chain of the files.
    let endpoint = deployment.endpoints.first().map(|&index| &evidence.endpoints[index]);
    let chain = match (endpoint, &evidence.files) {
        (Some(endpoint), _) => endpoint.served_chain.as_slice(),
        (None, Some(files)) => files.chain.as_slice(),
        (None, None) => &[],
    };
    Case {
        pool,
        served: &deployment.served,
        unparsable: &deployment.unparsable,
        served_bytes: chain.iter().map(Vec::len).sum(),
        reference: &evidence.reference,
        any_name: false,
        own_stores: settings.anchors.is_embedded(),
        port: endpoint.map_or(DEFAULT_PORT, |endpoint| endpoint.address.port()),
        at: settings.at,
        ocsp_staple: endpoint.and_then(|endpoint| endpoint.ocsp_staple.as_deref()),
        tls: endpoint.and_then(|endpoint| endpoint.tls.as_ref()),
        failure: endpoint.and_then(|endpoint| endpoint.failure.as_ref()),
    }
}

/// Judges what was seen. Pure: the same evidence and settings give the same judgement.
pub fn judge(evidence: &Evidence, settings: &Settings) -> Judgement {
    let mut pool = Pool::default();
    for (anchors, kind) in
        [(&settings.anchors.public, AnchorKind::Public), (&settings.anchors.local, AnchorKind::Local)]
    {
        for anchor in anchors.iter() {
            let id = pool.intern(Arc::clone(anchor));
            pool.mark_anchor(id, kind);
        }
    }
    let mut deployments = group(evidence, &mut pool);
    if let Some(files) = &evidence.files {
        deployments.push(deployment(Vec::new(), &files.chain, &mut pool));
    }
    for fetched in &evidence.aia {
        for certificate in fetched.certificates.iter().filter_map(|der| Certificate::parse(der).ok()) {
            let id = pool.intern(Arc::new(certificate));
            // Clients ask the address themselves, and get nothing from our cache.
            if fetched.fetch.from_cache { pool.mark_known(id) } else { pool.mark_fetched(id) }
        }
    }
    let mut wanted_issuers = Vec::new();
    for deployment in &mut deployments {
        let case = case(&pool, evidence, settings, deployment);
        let as_served = search::paths(&case, Issuers::ServedOnly);
        let with_fetched = search::paths(&case, Issuers::WithFetched);
        let answers = settings.clients.iter().map(|client| answer(client, &case)).collect();
        want(&case, &with_fetched, evidence, &mut wanted_issuers);
        (deployment.as_served, deployment.with_fetched, deployment.answers) = (as_served, with_fetched, answers);
    }
    Judgement { pool, deployments, wanted_issuers }
}

/// A client looks at the chain first and meets what comes later in the handshake only when it accepts that.
pub fn answer(client: &Client, case: &Case<'_>) -> Answer {
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

fn group(evidence: &Evidence, pool: &mut Pool) -> Vec<Deployment> {
    let mut deployments: Vec<Deployment> = Vec::new();
    for (index, endpoint) in evidence.endpoints.iter().enumerate() {
        if endpoint.status == EndpointStatus::NotTried {
            continue;
        }
        let same =
            deployments.iter_mut().find(|deployment| alike(&evidence.endpoints[deployment.endpoints[0]], endpoint));
        match same {
            Some(deployment) => deployment.endpoints.push(index),
            None => deployments.push(deployment(vec![index], &endpoint.served_chain, pool)),
        }
    }
    deployments
}

/// Without a chain all are alike: they form the one deployment with nothing served.
fn alike(one: &EndpointEvidence, other: &EndpointEvidence) -> bool {
    let end =
        |endpoint: &EndpointEvidence| endpoint.failure.as_ref().map(|failure| (failure.kind, failure.alert.clone()));
    one.served_chain == other.served_chain && (one.served_chain.is_empty() || end(one) == end(other))
}

fn deployment(endpoints: Vec<usize>, chain: &[Vec<u8>], pool: &mut Pool) -> Deployment {
    let mut deployment = Deployment {
        endpoints,
        served_list: Vec::with_capacity(chain.len()),
        served: Vec::with_capacity(chain.len()),
        unparsable: Vec::new(),
        as_served: Search::default(),
        with_fetched: Search::default(),
        answers: Vec::new(),
    };
    for (position, der) in chain.iter().enumerate() {
        match Certificate::parse(der) {
            Ok(certificate) => {
                let id = pool.intern(Arc::new(certificate));
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
