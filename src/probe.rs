//! The pipeline: target → evidence → judgement → report. The only place where observing and judging meet.

mod again;
mod assemble;
mod http;
mod inspect;
mod revocation;
mod samples;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::judge::anchors::TrustAnchors;
use crate::judge::client::Client;
use crate::judge::memo::Memo;
use crate::judge::{self, Judgement, WantedHello};
use crate::model::evidence::Evidence;
use crate::model::handshake::EndpointEvidence;
use crate::model::hello::HelloEvidence;
use crate::model::report::Report;
use crate::model::resolution::Resolution;
use crate::model::target::{DnsName, ReferenceId, Target};
use crate::model::time::Time;
use crate::observe::aia::{Cache, Fetcher};
use crate::observe::dns::{Look, Resolver, Surroundings};
use crate::observe::tls::{Connector, SurveySettings};

pub use again::{Change, NotPossible, judge_again};
pub(crate) use http::Looks;
pub use inspect::{complete, inspect};
pub use revocation::Revocation;

/// Addresses spoken to for one target. CDNs answer with up to about 30; a zone made to exhaust us is cut here.
const MAX_ADDRESSES: usize = 64;

/// Handshakes with one address: enough to meet each of a few back-ends.
pub const MAX_SAMPLES: usize = 20;

/// Rounds of fetching issuers: each may lead to the next certificate up. Chromium stops at 5 per chain.
const MAX_AIA_ROUNDS: usize = 5;

/// How much of the certificates a report carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvidenceLevel {
    /// No certificate facts at all.
    None,
    /// Their facts, without the certificates themselves.
    Hashes,
    /// The certificates too.
    Pem,
}

/// How much a server is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Its chain, without a handshake: whether it holds the key is not known.
    Chain,
    Handshake,
    /// A handshake, and what else the server supports.
    Survey,
}

/// An address to go to instead of asking the DNS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PinnedAddress {
    pub ip: IpAddr,
    /// `None`: the target's port.
    pub port: Option<u16>,
}

/// How to probe. [`Settings::default`] is what `tlsmend probe` does without options, but for the request over HTTP: a person
/// is glad of it, and it would double what a scan costs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Name servers to ask; empty: the system's, and its hosts file.
    pub resolvers: Vec<SocketAddr>,
    /// Addresses to go to; when any is given no name is resolved.
    pub addresses: Vec<PinnedAddress>,
    /// The name for SNI and for the certificate, when it is not the target's host.
    pub server_name: Option<ReferenceId>,
    pub anchors: TrustAnchors,
    pub clients: Vec<&'static Client>,
    /// The moment to judge at; `None`: when the probe starts.
    pub at: Option<Time>,
    /// The name the CNAME chain must pass through.
    pub expect_cname: Option<DnsName>,
    /// Fetch missing issuers from the addresses in certificates.
    pub fetch_issuers: bool,
    /// Also from private and loopback addresses.
    pub allow_private_aia: bool,
    /// Fetch from every address that stands in a certificate, also where nothing is lacking: for its health, and for
    /// other certificates of the same issuers.
    pub fetch_every_issuer: bool,
    /// Propose a bundle that ends with the root.
    pub bundle_with_root: bool,
    /// Where fetched issuers are kept for the day their address is dead; `None`: nowhere.
    pub aia_cache: Option<Cache>,
    /// How far revocation is looked into.
    pub revocation: Revocation,
    /// Days before expiry that are worth a finding; `None`: a third of the lifetime.
    pub warn_days: Option<u32>,
    pub depth: Depth,
    /// Ask for `/` over TLS too, where the target is one of https: a connection more.
    pub http: bool,
    /// Handshakes with each address, up to [`MAX_SAMPLES`].
    pub samples: usize,
    /// What to ask the name system beyond the addresses; `None`: nothing.
    pub look: Option<Look>,
    /// How to survey, where `depth` says so.
    pub survey: SurveySettings,
    /// For the whole target.
    pub timeout: Duration,
    pub evidence: EvidenceLevel,
    /// What was thought of other targets: probes of one scan share it by cloning their settings. It only saves time, and
    /// most where they judge `at` one moment.
    pub memo: Arc<Memo>,
    /// The command line for the report, cleaned of secrets and paths by the caller.
    pub arguments: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            resolvers: Vec::new(),
            addresses: Vec::new(),
            server_name: None,
            anchors: TrustAnchors::own_stores(),
            clients: judge::clients::ALL.to_vec(),
            at: None,
            expect_cname: None,
            fetch_issuers: true,
            allow_private_aia: false,
            fetch_every_issuer: false,
            bundle_with_root: false,
            aia_cache: None,
            revocation: Revocation::default(),
            warn_days: None,
            depth: Depth::Handshake,
            http: false,
            samples: 1,
            look: Some(Look::Beside),
            survey: SurveySettings::default(),
            timeout: Duration::from_secs(10),
            evidence: EvidenceLevel::Pem,
            memo: Arc::default(),
            arguments: Vec::new(),
        }
    }
}

impl Settings {
    /// What of them the judge needs; `now` where no other moment was asked for.
    pub(crate) fn for_judging(&self, now: Time) -> judge::Settings {
        judge::Settings {
            clients: self.clients.clone(),
            anchors: self.anchors.clone(),
            at: self.at.unwrap_or(now),
            warn_days: self.warn_days,
            expect_cname: self.expect_cname.clone(),
        }
    }
}

/// Tells the time, so that nothing below has to ask the system.
pub type Clock = fn() -> Time;

/// Probes one target. A broken server is a result: there is always a report, and it comes within `settings.timeout`
/// (plus the milliseconds of judging).
pub async fn probe(target: &Target, settings: &Settings, clock: Clock) -> Report {
    let started_at = clock();
    let begun = Instant::now();
    // What remains after a stage that ran into its limit is for the next: a silent address must not cost the report its
    // issuers.
    let share = |percent: u32| begun + settings.timeout * percent / 100;
    let resolver = Resolver::new(settings.resolvers.clone());
    let reference = settings.server_name.clone().unwrap_or_else(|| target.host.clone());
    let (mut resolution, addresses) = resolve(target, settings, &resolver, share(50)).await;
    let connector = Arc::new(Connector::new().with_starttls(target.starttls));
    let mut looks = Looks::begin(target, settings, (&connector, &reference), &addresses, share(90));
    // Neither needs the other's answer.
    let (endpoints, surroundings) = tokio::join!(
        async {
            let first = look_at(&connector, &addresses, &reference, settings, share(80)).await;
            looks.go_on(&first);
            let samples = (settings.depth, settings.samples.min(MAX_SAMPLES));
            let all = samples::repeat(&connector, first, &reference, samples, share(80)).await;
            with_timestamps(&connector, all, &reference, settings, share(85)).await
        },
        look_around(target, settings, &resolver, &resolution, started_at, share(80))
    );
    surroundings.put_into(&mut resolution);
    let revocation = settings.revocation.evidence();
    let evidence = Evidence { reference, resolution, endpoints, aia: Vec::new(), files: None, revocation };
    let judge_settings = settings.for_judging(started_at);
    let rest = Rest {
        target,
        settings,
        judge_settings: &judge_settings,
        resolver: &resolver,
        connector: &connector,
        started_at,
        hellos_until: share(90),
        issuers_until: share(100),
        clock,
    };
    conclude(evidence, looks, &rest).await.report
}

/// What the rest of a probe needs once the addresses have been spoken to.
pub(crate) struct Rest<'a> {
    pub target: &'a Target,
    pub settings: &'a Settings,
    pub judge_settings: &'a judge::Settings,
    pub resolver: &'a Resolver,
    pub connector: &'a Arc<Connector>,
    pub started_at: Time,
    /// Until when servers may be asked with clients' ClientHellos, and addresses for issuers.
    pub hellos_until: Instant,
    pub issuers_until: Instant,
    pub clock: Clock,
}

/// A report and what it was made of.
pub(crate) struct Probed {
    pub report: Report,
    pub evidence: Evidence,
    pub judgement: Judgement,
}

/// Judges, fetches what the judge asks for, waits for `looks`, and reports.
pub(crate) async fn conclude(mut evidence: Evidence, looks: Looks, rest: &Rest<'_>) -> Probed {
    let settings = rest.settings;
    let server = (settings.depth != Depth::Chain).then_some((rest.connector, rest.hellos_until));
    let judgement = judge_and_fetch(
        &mut evidence,
        rest.judge_settings,
        settings,
        rest.resolver,
        server,
        rest.started_at,
        rest.issuers_until,
    )
    .await;
    looks.add_to(&mut evidence.endpoints).await;
    let report = assemble::report(&assemble::Input {
        target: rest.target,
        settings,
        evidence: &evidence,
        judge_settings: rest.judge_settings,
        judgement: &judgement,
        options: assemble::repeated_options(settings),
        started_at: rest.started_at,
        finished_at: (rest.clock)(),
    });
    Probed { report, evidence, judgement }
}

pub(crate) async fn resolve(
    target: &Target,
    settings: &Settings,
    resolver: &Resolver,
    deadline: Instant,
) -> (Resolution, Vec<SocketAddr>) {
    if !settings.addresses.is_empty() {
        let addresses =
            settings.addresses.iter().map(|pinned| SocketAddr::new(pinned.ip, pinned.port.unwrap_or(target.port)));
        return (Resolution::not_asked(settings.addresses.iter().map(|pinned| pinned.ip)), addresses.collect());
    }
    let resolution = match &target.host {
        ReferenceId::Ip(ip) => Resolution::not_asked([*ip]),
        ReferenceId::Dns(name) => resolver.resolve(name, deadline).await,
    };
    let addresses =
        resolution.addresses.iter().take(MAX_ADDRESSES).map(|address| SocketAddr::new(address.ip, target.port));
    let addresses = addresses.collect();
    (resolution, addresses)
}

/// What the name system has beyond addresses. Only a whole handshake is worth it, unless it was asked for.
async fn look_around(
    target: &Target,
    settings: &Settings,
    resolver: &Resolver,
    resolution: &Resolution,
    now: Time,
    deadline: Instant,
) -> Surroundings {
    match (&target.host, settings.look) {
        (ReferenceId::Dns(_), Some(Look::Beside)) if settings.depth == Depth::Chain => Surroundings::default(),
        (ReferenceId::Dns(name), Some(look)) => {
            let https_port = target.starttls.is_none().then_some(target.port);
            resolver.look(name, https_port, resolution, look, now, deadline).await
        }
        (ReferenceId::Ip(_), _) | (_, None) => Surroundings::default(),
    }
}

async fn look_at(
    connector: &Arc<Connector>,
    addresses: &[SocketAddr],
    reference: &ReferenceId,
    settings: &Settings,
    deadline: Instant,
) -> Vec<EndpointEvidence> {
    let (depth, survey) = (settings.depth, settings.survey);
    // The common case needs no task of its own.
    if let [address] = addresses {
        return vec![look_at_one(connector, *address, reference, depth, survey, deadline).await];
    }
    let mut tasks = JoinSet::new();
    for (index, &address) in addresses.iter().enumerate() {
        let (connector, reference) = (Arc::clone(connector), reference.clone());
        tasks
            .spawn(async move { (index, look_at_one(&connector, address, &reference, depth, survey, deadline).await) });
    }
    let mut found = tasks.join_all().await;
    found.sort_by_key(|(index, _)| *index);
    found.into_iter().map(|(_, endpoint)| endpoint).collect()
}

/// Where a list of logs was given, the timestamps count that come with the handshake too: each chain's first address is asked.
async fn with_timestamps(
    connector: &Arc<Connector>,
    mut endpoints: Vec<EndpointEvidence>,
    reference: &ReferenceId,
    settings: &Settings,
    deadline: Instant,
) -> Vec<EndpointEvidence> {
    if settings.anchors.logs().is_none() {
        return endpoints;
    }
    let mut tasks = JoinSet::new();
    for (index, endpoint) in endpoints.iter().enumerate() {
        let is_first = !endpoints[..index].iter().any(|other| other.served_chain == endpoint.served_chain);
        if is_first && !endpoint.served_chain.is_empty() {
            let (connector, reference, address) = (Arc::clone(connector), reference.clone(), endpoint.address);
            tasks.spawn(async move { (index, connector.timestamps(address, &reference, deadline).await) });
        }
    }
    for (index, timestamps) in tasks.join_all().await {
        endpoints[index].timestamps = timestamps;
    }
    endpoints
}

pub(crate) async fn look_at_one(
    connector: &Connector,
    address: SocketAddr,
    reference: &ReferenceId,
    depth: Depth,
    survey: SurveySettings,
    deadline: Instant,
) -> EndpointEvidence {
    match depth {
        Depth::Chain => connector.chain(address, reference, deadline).await,
        Depth::Handshake => connector.handshake(address, reference, deadline).await,
        Depth::Survey => connector.survey(address, reference, survey, deadline).await,
    }
}

/// The judge says which clients' ClientHellos the server must answer before their verdict is known, which is so only where
/// the handshake failed or chose something unusual. All are sent at once, on a connection each.
async fn ask_for_clients(
    evidence: &mut Evidence,
    wanted: &[WantedHello],
    connector: &Arc<Connector>,
    deadline: Instant,
) {
    let mut tasks = JoinSet::new();
    for (index, wanted) in wanted.iter().copied().enumerate() {
        let (connector, reference) = (Arc::clone(connector), evidence.reference.clone());
        let address = evidence.endpoints[wanted.endpoint].address;
        tasks.spawn(async move { (index, wanted, connector.ask(address, &reference, &wanted.hello, deadline).await) });
    }
    let mut answers = tasks.join_all().await;
    answers.sort_by_key(|(index, ..)| *index);
    for (_, wanted, answer) in answers {
        evidence.endpoints[wanted.endpoint].hellos.push(HelloEvidence { hello: wanted.hello, answer });
    }
}

/// The judge says which answers of the server it lacks (`server`: whom to ask, until when) and which issuers; they are
/// fetched, and it judges again.
async fn judge_and_fetch(
    evidence: &mut Evidence,
    judge_settings: &judge::Settings,
    settings: &Settings,
    resolver: &Resolver,
    server: Option<(&Arc<Connector>, Instant)>,
    now: Time,
    deadline: Instant,
) -> Judgement {
    let cache = settings.aia_cache.as_ref().map(|cache| (cache, now));
    let mut fetcher = Fetcher::new(resolver, settings.allow_private_aia, cache);
    let mut judgement = judge::judge_with(&settings.memo, evidence, judge_settings);
    if let (Some((connector, deadline)), false) = (server, judgement.wanted_hellos.is_empty()) {
        ask_for_clients(evidence, &judgement.wanted_hellos, connector, deadline).await;
        judgement = judge::judge_with(&settings.memo, evidence, judge_settings);
    }
    for _ in 0..MAX_AIA_ROUNDS {
        let wanted = match settings.fetch_every_issuer {
            true => judge::aia::every_address(&judgement, evidence),
            false => std::mem::take(&mut judgement.wanted_issuers),
        };
        if !settings.fetch_issuers || wanted.is_empty() {
            break;
        }
        evidence.aia.extend(fetcher.fetch(&wanted, deadline).await);
        judgement = judge::judge_with(&settings.memo, evidence, judge_settings);
    }
    revocation::look(evidence, judgement, judge_settings, settings, resolver, now, deadline).await
}
