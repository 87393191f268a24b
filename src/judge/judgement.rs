//! From evidence to a judgement: intern, group, search, ask every client, and say which issuers are lacking.

use std::sync::Arc;

use super::anchors::TrustAnchors;
use super::case::{Case, View};
use super::client::{Answer, Client};
use super::meeting::{self, Meeting};
use super::memo::{self, Memo};
use super::name::Name;
use super::pool::{CertId, Pool};
use super::revocation;
use super::search::{self, BuiltPath, Issuers, Search};
use super::standard::FaultKind;
use super::stores::doubt;
use crate::model::evidence::Evidence;
use crate::model::handshake::{EndpointEvidence, EndpointStatus, Failure, FailureKind, Stage};
use crate::model::hello::{Chosen, Hello, HelloAnswer};
use crate::model::revocation::{CertificateRevocation, RevocationAnswer};
use crate::model::target::{DEFAULT_PORT, DnsName};
use crate::model::time::Time;
use crate::model::verdict::{Category, Verdict};
use crate::x509::{Certificate, Fingerprint, ParseError};

/// `caIssuers` addresses asked for in one judgement, over all certificates: real certificates carry one or two.
const MAX_WANTED: usize = 16;

/// ClientHellos asked for in one judgement: there are a dozen different ones among the clients.
const MAX_WANTED_HELLOS: usize = 24;

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
    /// The chains that came in answer to further ClientHellos, one for each of the endpoint's.
    pub other_chains: Arc<[OtherChain]>,
    /// Paths over what was served.
    pub as_served: Arc<Search>,
    /// Paths over what was served, fetched or is known from elsewhere.
    pub with_fetched: Arc<Search>,
    /// One for each of `Settings::clients`.
    pub answers: Vec<Answer>,
    /// For each certificate of [`judged_path`] below its anchor; empty when nothing was asked for or stapled.
    pub revocation: Vec<CertificateRevocation>,
}

/// The end entity, when it can be read.
pub fn end_entity(deployment: &Deployment) -> Option<CertId> {
    if deployment.unparsable.contains(&0) { None } else { deployment.served.first().copied() }
}

/// The path to talk about: the best over what was served where that reaches an anchor, else the best over all that is
/// known.
pub fn judged_path(deployment: &Deployment) -> Option<&BuiltPath> {
    let served = deployment.as_served.best().filter(|path| path.anchored);
    served.or_else(|| deployment.with_fetched.best())
}

/// The chain that another ClientHello brought: those of its certificates that parse, and the positions of the others.
#[derive(Debug, Default)]
pub struct OtherChain {
    pub served: Vec<CertId>,
    pub unparsable: Vec<usize>,
}

/// A question to a server that only its answer to this ClientHello can settle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WantedHello {
    /// Index into `Evidence::endpoints`.
    pub endpoint: usize,
    pub hello: Hello<'static>,
}

/// Everything that thinking found, before it is put into words.
#[derive(Debug, Default)]
pub struct Judgement {
    pub pool: Arc<Pool>,
    pub deployments: Vec<Deployment>,
    /// `caIssuers` addresses that may bring what a path lacks, and were not fetched yet.
    pub wanted_issuers: Vec<String>,
    /// ClientHellos whose answer would decide what clients meet.
    pub wanted_hellos: Vec<WantedHello>,
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
            logs: settings.anchors.logs(),
            ..View::default()
        },
        port: endpoint.map_or(DEFAULT_PORT, |endpoint| endpoint.address.port()),
        at: settings.at,
        ocsp_staple: endpoint.and_then(|endpoint| endpoint.ocsp_staple.as_deref()),
        timestamps: endpoint.and_then(|endpoint| endpoint.timestamps.as_deref()),
        tls: endpoint.and_then(|endpoint| endpoint.tls.as_ref()),
        failure: endpoint.and_then(|endpoint| endpoint.failure.as_ref()),
        choice: endpoint.and_then(|endpoint| endpoint.choice),
        hellos: endpoint.map_or(&[], |endpoint| &endpoint.hellos),
        fetched: evidence.revocation.as_ref().map_or(&[], |revocation| &revocation.fetched),
        asked: None,
    }
}

/// Judges what was seen. Pure: the same evidence and settings give the same judgement.
pub fn judge(evidence: &Evidence, settings: &Settings) -> Judgement {
    let groups = group(evidence);
    let thought = think(evidence, settings, &groups, None);
    thought.judgement(evidence, settings, groups, |_, case, others| {
        settings.clients.iter().map(|client| answer_to(client, case, others)).collect()
    })
}

/// The same judgement, with what was thought of other targets: `memo` is the caller's, and only saves time.
pub fn judge_with(memo: &Memo, evidence: &Evidence, settings: &Settings) -> Judgement {
    let groups = group(evidence);
    let remembered = memo.remember(evidence, settings, &groups, || think(evidence, settings, &groups, Some(memo)));
    remembered.thought.judgement(evidence, settings, groups, |index, case, others| {
        remembered.answers(index, case, others, &evidence.reference)
    })
}

/// A judgement as far as it does not depend on the name.
#[derive(Debug)]
pub struct Thought {
    pool: Arc<Pool>,
    deployments: Vec<Chain>,
    wanted_issuers: Vec<String>,
    /// With the index of the deployment that is to be asked.
    wanted_hellos: Vec<(usize, Hello<'static>)>,
}

/// What was thought of one deployment's chain.
#[derive(Debug)]
struct Chain {
    served_list: Vec<Served>,
    served: Vec<CertId>,
    unparsable: Vec<usize>,
    other_chains: Arc<[OtherChain]>,
    as_served: Arc<Search>,
    with_fetched: Arc<Search>,
    /// What the first endpoint's staple says.
    stapled: Option<RevocationAnswer>,
}

impl Thought {
    /// With the endpoints of each deployment and what the clients answer to it.
    fn judgement(
        &self,
        evidence: &Evidence,
        settings: &Settings,
        groups: Vec<Vec<usize>>,
        answers: impl Fn(usize, &Case<'_>, &[OtherChain]) -> Vec<Answer>,
    ) -> Judgement {
        let deployments = self.deployments.iter().zip(groups).enumerate().map(|(index, (chain, endpoints))| {
            let mut deployment = Deployment {
                endpoints,
                served_list: chain.served_list.clone(),
                served: chain.served.clone(),
                unparsable: chain.unparsable.clone(),
                other_chains: Arc::clone(&chain.other_chains),
                as_served: Arc::clone(&chain.as_served),
                with_fetched: Arc::clone(&chain.with_fetched),
                answers: Vec::new(),
                revocation: Vec::new(),
            };
            deployment.answers =
                answers(index, &case(&self.pool, evidence, settings, &deployment), &deployment.other_chains);
            deployment.revocation =
                revocation::of_deployment(&deployment, &self.pool, evidence, chain.stapled.as_ref(), settings.at);
            deployment
        });
        let deployments: Vec<Deployment> = deployments.collect();
        let wanted_hellos = self.wanted_hellos.iter().filter_map(|&(deployment, hello)| {
            Some(WantedHello { endpoint: *deployments[deployment].endpoints.first()?, hello })
        });
        Judgement {
            pool: Arc::clone(&self.pool),
            wanted_issuers: self.wanted_issuers.clone(),
            wanted_hellos: wanted_hellos.collect(),
            deployments,
        }
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
        for (position, der) in fetched.certificates.iter().enumerate() {
            let Ok(certificate) = parse(der) else { continue };
            let id = pool.intern(certificate);
            // Clients ask the address themselves, and get nothing from our cache.
            if fetched.fetch.from_cache {
                pool.mark_cached(id);
            } else {
                pool.mark_fetched(id, fetched.is_read_by_chromium(position));
            }
        }
    }
    settings.anchors.add_met(&mut pool);
    let (mut wanted_issuers, mut wanted_hellos) = (Vec::new(), Vec::new());
    for (index, deployment) in deployments.iter_mut().enumerate() {
        let case = case(&pool, evidence, settings, deployment);
        let as_served = search::paths(&case, Issuers::ServedOnly);
        let with_fetched = search::paths(&case, Issuers::WithFetched);
        want_hellos(&case, index, settings, &mut wanted_hellos);
        // What some clients know beforehand must still be fetched for those that fetch.
        let is_known = |id: &CertId| pool.origin(*id).known && !case.is_served(*id);
        if with_fetched.best().is_some_and(|path| path.certificates.iter().any(is_known)) {
            want(&case, &search::paths(&case, Issuers::Fetched), evidence, &mut wanted_issuers);
        } else {
            want(&case, &with_fetched, evidence, &mut wanted_issuers);
        }
        (deployment.as_served, deployment.with_fetched) = (Arc::new(as_served), Arc::new(with_fetched));
    }
    let chains = deployments.into_iter().map(|deployment| Chain {
        stapled: deployment
            .endpoints
            .first()
            .and_then(|&index| evidence.endpoints[index].ocsp_staple.as_deref())
            .and_then(|staple| revocation::stapled(&deployment, &pool, staple, settings.at)),
        served_list: deployment.served_list,
        served: deployment.served,
        unparsable: deployment.unparsable,
        other_chains: deployment.other_chains,
        as_served: deployment.as_served,
        with_fetched: deployment.with_fetched,
    });
    let deployments = chains.collect();
    Thought { deployments, pool: Arc::new(pool), wanted_issuers, wanted_hellos }
}

/// What `client` says if the chain of `case` is what every client gets.
pub fn answer(client: &Client, case: &Case<'_>) -> Answer {
    answer_to(client, case, &[])
}

/// What `client` says; `others` are the chains of `case.hellos`.
pub(super) fn answer_to(client: &Client, case: &Case<'_>, others: &[OtherChain]) -> Answer {
    if !case.view.own_stores {
        return unweighed(client, case, others);
    }
    let view = View { store: Some(client.trust.store), known: client.trust.known, ..case.view };
    let case = &Case { view, ..*case };
    doubt::weigh(case, unweighed(client, case, others))
}

fn unweighed(client: &Client, case: &Case<'_>, others: &[OtherChain]) -> Answer {
    match meeting::meet(client.hello.as_ref(), case) {
        Meeting::AsSeen => look(client, case),
        Meeting::WithoutOurFailure => look(client, &Case { failure: None, ..*case }),
        Meeting::Refused(failure) => handshake(client, failure, case),
        Meeting::Other(index, chosen) => look(client, &other_case(case, chosen, others.get(index))),
        Meeting::Unknown => Answer::undetermined(
            "what the server has in common with this client is not known: it was not asked with this client's offer",
        ),
    }
}

/// A client looks at the chain first and meets what comes later in the handshake only when it accepts that.
fn look(client: &Client, case: &Case<'_>) -> Answer {
    let nothing_served = case.served.is_empty() && case.unparsable.is_empty();
    match case.failure {
        Some(failure) if nothing_served => handshake(client, failure, case),
        None if nothing_served => Answer::undetermined("no chain was served, or it could not be read"),
        failure => {
            let answer = (client.judge)(case);
            match failure {
                // Our own limit: the client has looked at the message's size by its own.
                Some(failure) if failure.kind == FailureKind::TooLarge => answer,
                Some(failure) if answer.verdict == Verdict::Accept => handshake(client, failure, case),
                _ => answer,
            }
        }
    }
}

fn handshake(client: &Client, failure: &Failure, case: &Case<'_>) -> Answer {
    if failure.stage == Stage::Starttls {
        return before_tls(failure);
    }
    (client.handshake)(failure, case)
        .unwrap_or_else(|| Answer::undetermined(format!("what it would do is not known: {}", failure.message)))
}

/// Nobody comes as far as TLS. What a client says then are words of its mail or database part, which is not modelled.
fn before_tls(failure: &Failure) -> Answer {
    let category = match failure.kind {
        FailureKind::Timeout => Category::Timeout,
        FailureKind::Closed | FailureKind::Reset => Category::Closed,
        FailureKind::Local => {
            return Answer::undetermined(format!("what it would do is not known: {}", failure.message));
        }
        _ => Category::NotTls,
    };
    let answer = Answer { verdict: Verdict::Error, ..Answer::undetermined("TLS never began") };
    Answer { category: Some(category), ..answer }
}

/// The case that a client of another ClientHello has. A chain that could not be read there is taken to be the one seen.
fn other_case<'a>(case: &Case<'a>, chosen: &'a Chosen, chain: Option<&'a OtherChain>) -> Case<'a> {
    // A server that demands a client certificate demands it of this client, too.
    let failure = chosen.failure.as_ref().or(case.failure.filter(|failure| !meeting::is_ours(failure)));
    let case = Case { tls: Some(&chosen.tls), choice: Some(chosen.choice), failure, ..*case };
    match chain {
        Some(chain) if !chosen.served_chain.is_empty() => Case {
            served: &chain.served,
            unparsable: &chain.unparsable,
            served_bytes: chosen.served_chain.iter().map(Vec::len).sum(),
            ocsp_staple: chosen.ocsp_staple.as_deref(),
            ..case
        },
        _ => case,
    }
}

/// The hellos of the clients for which nothing else decides, each once: the deployment's index with each.
fn want_hellos(case: &Case<'_>, deployment: usize, settings: &Settings, wanted: &mut Vec<(usize, Hello<'static>)>) {
    for hello in settings.clients.iter().filter_map(|client| client.hello) {
        let is_new = !wanted.contains(&(deployment, hello)) && wanted.len() < MAX_WANTED_HELLOS;
        if is_new && meeting::meet(Some(&hello), case) == Meeting::Unknown {
            wanted.push((deployment, hello));
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
    let end = |endpoint: &EndpointEvidence| {
        let choice = endpoint.choice.filter(|_| endpoint.failure.is_some());
        endpoint.failure.as_ref().map(|failure| (failure.kind, failure.alert.clone(), choice))
    };
    one.served_chain == other.served_chain && (one.served_chain.is_empty() || end(one) == end(other))
}

fn other_chain(
    answer: &HelloAnswer,
    pool: &mut Pool,
    parse: impl Fn(&[u8]) -> Result<Arc<Certificate>, ParseError>,
) -> OtherChain {
    let mut chain = OtherChain::default();
    let HelloAnswer::Chosen(chosen) = answer else { return chain };
    for (position, der) in chosen.served_chain.iter().enumerate() {
        match parse(der) {
            Ok(certificate) => chain.served.push(pool.intern(certificate)),
            Err(_) => chain.unparsable.push(position),
        }
    }
    chain
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
        other_chains: Arc::default(),
        as_served: Arc::default(),
        with_fetched: Arc::default(),
        answers: Vec::new(),
        revocation: Vec::new(),
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
    let hellos = deployment.endpoints.first().map_or(&[][..], |&index| &evidence.endpoints[index].hellos);
    deployment.other_chains = hellos.iter().map(|hello| other_chain(&hello.answer, pool, &parse)).collect();
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
