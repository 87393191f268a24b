//! From evidence and judgement to the report: names, order, cross-references. Nothing is decided here.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Depth, EvidenceLevel, Settings};
use crate::judge::anchors::AnchorKind;
use crate::judge::case::Case;
use crate::judge::client::{Answer, Client};
use crate::judge::pool::{CertId, Origin, Pool};
use crate::judge::search::{self, BuiltPath};
use crate::judge::stores::StoreId;
use crate::judge::{self, Judgement, Served, rules};
use crate::model::aia::{AiaEvidence, AiaFetch};
use crate::model::certificate::{CertificateFacts, KeyFacts, SctFacts, Source};
use crate::model::evidence::Evidence;
use crate::model::finding::{Finding, NotChecked};
use crate::model::hello::{self, HelloAnswer, HelloEvidence};
use crate::model::naming::DnssecStatus;
use crate::model::path::{Path, PathFault, Provenance};
use crate::model::report::{
    Deployment, Endpoint, HelloFacts, JudgedBy, Repair, RepairOutcome, Report, Run, SCHEMA_VERSION, TargetFacts, Tool,
};
use crate::model::resolution::{DnsStatus, Resolution};
use crate::model::starttls::StartTls;
use crate::model::target::{ReferenceId, Target};
use crate::model::time::Time;
use crate::model::verdict::{ClientVerdict, Verdict};
use crate::remedy::bundle;
use crate::x509::key::{Curve, KeyKind};
use crate::x509::{Certificate, Fingerprint, pem};

/// Paths listed per deployment; the search keeps more.
const MAX_PATHS: usize = 8;

pub struct Input<'a> {
    pub target: &'a Target,
    pub settings: &'a Settings,
    pub evidence: &'a Evidence,
    pub judge_settings: &'a judge::Settings,
    pub judgement: &'a Judgement,
    /// What a command must repeat to see the same, see [`repeated_options`].
    pub options: String,
    pub started_at: Time,
    pub finished_at: Time,
}

pub fn report(input: &Input<'_>) -> Report {
    let context = rules::Context {
        target: input.target,
        evidence: input.evidence,
        settings: input.judge_settings,
        judgement: input.judgement,
        options: &input.options,
    };
    let rules::Findings { findings, mut not_checked, causes } = rules::run(&context);
    not_checked.extend(out_of_scope(input));
    let repair = repair(input, &findings);
    let deployments: Vec<Deployment> = input
        .judgement
        .deployments
        .iter()
        .zip(&causes)
        .map(|(deployment, causes)| self::deployment(input, deployment, causes))
        .collect();
    Report {
        schema_version: SCHEMA_VERSION.to_owned(),
        tool: Tool { name: env!("CARGO_PKG_NAME").to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
        run: Run {
            id: run_id(),
            started_at: input.started_at,
            finished_at: input.finished_at,
            judged_at: input.judge_settings.at,
            arguments: input.settings.arguments.clone(),
            stores: input.settings.anchors.describe(&input.settings.clients),
            judged_by: Some(judged_by(input)),
        },
        target: target(input),
        dns: dns(input),
        endpoints: endpoints(input),
        certificates: certificates(input, &deployments),
        unreadable: unreadable(input),
        deployments,
        aia: input.evidence.aia.iter().map(|evidence| fetch(input, evidence)).collect(),
        revocation: super::revocation::facts(input.evidence, input.judgement, input.settings.evidence),
        findings,
        not_checked,
        repair,
        reproduce: reproduce(input),
    }
}

fn dns(input: &Input<'_>) -> Resolution {
    let resolution = input.evidence.resolution.clone();
    Resolution { provider: judge::providers::of(&resolution.cname_chain), ..resolution }
}

fn judged_by(input: &Input<'_>) -> JudgedBy {
    let settings = input.judge_settings;
    JudgedBy {
        clients: settings.clients.iter().map(|client| client.id.to_owned()).collect(),
        warn_days: settings.warn_days,
        expect_cname: settings.expect_cname.as_ref().map(ToString::to_string),
        options: input.options.clone(),
        ct_logs: settings
            .anchors
            .logs()
            .map(|logs| logs.facts(judge::ct::log_ids(input.judgement, input.evidence).iter())),
    }
}

/// What a command must repeat to see what this probe saw. Paths stay out of reports: FILE stands for them.
pub fn repeated_options(settings: &Settings) -> String {
    let mut options = String::new();
    let mut add = |option: &str, value: &dyn std::fmt::Display| {
        // Writing to a String cannot fail.
        let _ = write!(options, " {option} {value}");
    };
    for resolver in &settings.resolvers {
        add("--resolver", resolver);
    }
    for address in &settings.addresses {
        match address.port {
            Some(port) => add("--address", &SocketAddr::new(address.ip, port)),
            None => add("--address", &address.ip),
        }
    }
    if let Some(name) = &settings.server_name {
        add("--server-name", name);
    }
    if !settings.anchors.are_own_stores() {
        add("--roots", &"FILE");
    }
    if settings.anchors.has_local() {
        add("--ca", &"FILE");
    }
    if settings.anchors.logs().is_some() {
        add("--ct-logs", &"FILE");
    }
    if settings.revocation.crls {
        options.push_str(" --revocation");
    }
    if settings.revocation.ocsp {
        options.push_str(" --ocsp");
    }
    if settings.allow_private_aia {
        options.push_str(" --allow-private-aia");
    }
    match settings.depth {
        Depth::Chain => options.push_str(" --depth chain"),
        Depth::Handshake => {}
        Depth::Survey => options.push_str(" --depth survey"),
    }
    options
}

/// 16 random hex digits: enough to tell the runs of one ticket apart.
fn run_id() -> String {
    let mut bytes = [0; 8];
    // Without randomness no handshake would have worked; zeros are then as good as anything.
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    crate::x509::hex(&bytes)
}

fn target(input: &Input<'_>) -> TargetFacts {
    let host = &input.target.host;
    TargetFacts {
        input: input.target.input.clone(),
        host: host.to_string(),
        host_unicode: match host {
            ReferenceId::Dns(name) => name.to_unicode(),
            ReferenceId::Ip(ip) => ip.to_string(),
        },
        port: input.target.port,
        server_name: input.evidence.reference.to_string(),
        starttls: input.target.starttls.map(|protocol| protocol.to_string()),
    }
}

fn endpoints(input: &Input<'_>) -> Vec<Endpoint> {
    let seen = input.evidence.endpoints.iter().enumerate();
    seen.map(|(index, endpoint)| {
        let mut timing_ms = endpoint.timing;
        timing_ms.dns = Some(input.evidence.resolution.duration_ms);
        Endpoint {
            address: endpoint.address.to_string(),
            status: endpoint.status,
            failure: endpoint.failure.clone(),
            tls: endpoint.tls.clone(),
            timing_ms,
            ocsp_staple: endpoint
                .ocsp_staple
                .as_ref()
                .filter(|_| input.settings.evidence == EvidenceLevel::Pem)
                .map(|staple| STANDARD.encode(staple)),
            timestamps: endpoint.timestamps.as_ref().map(|list| STANDARD.encode(list)),
            deployment: input.judgement.deployments.iter().position(|deployment| deployment.endpoints.contains(&index)),
            choice: endpoint.choice,
            hellos: endpoint.hellos.iter().map(|evidence| hello(input, evidence)).collect(),
            starttls: endpoint.starttls.clone(),
            http: endpoint.http.clone(),
            survey: endpoint.survey.as_ref().map(|evidence| Box::new(evidence.survey.clone())),
            samples: endpoint.samples,
        }
    })
    .collect()
}

fn hello(input: &Input<'_>, evidence: &HelloEvidence) -> HelloFacts {
    let sends_it = |client: &&&Client| client.hello == Some(evidence.hello);
    let (chosen, failure) = match &evidence.answer {
        HelloAnswer::Chosen(chosen) => (Some(chosen), chosen.failure.clone()),
        HelloAnswer::Refused(failure) => (None, Some(failure.clone())),
    };
    let chain = chosen.map(|chosen| chosen.served_chain.as_slice()).unwrap_or_default();
    HelloFacts {
        clients: input.judge_settings.clients.iter().filter(sends_it).map(|client| client.id.to_owned()).collect(),
        versions: evidence.hello.versions.iter().map(|version| hello::version_name(*version)).collect(),
        cipher_suites: evidence.hello.cipher_suites.len(),
        tls: chosen.map(|chosen| chosen.tls.clone()),
        choice: chosen.map(|chosen| chosen.choice),
        failure,
        served_chain: chain.iter().map(|der| Fingerprint::of(der).to_string()).collect(),
    }
}

fn deployment(input: &Input<'_>, deployment: &judge::Deployment, causes: &[Option<&'static str>]) -> Deployment {
    let case = input.judgement.case(input.evidence, input.judge_settings, deployment);
    let mut built: Vec<BuiltPath> = deployment.with_fetched.paths.iter().take(MAX_PATHS).cloned().collect();
    let clients = input
        .judge_settings
        .clients
        .iter()
        .zip(deployment.answers.iter().zip(causes))
        .map(|(client, (answer, cause))| verdict(input, &case, client, answer, *cause, &mut built))
        .collect();
    Deployment {
        endpoints: deployment
            .endpoints
            .iter()
            .map(|&index| input.evidence.endpoints[index].address.to_string())
            .collect(),
        served_chain: deployment
            .served_list
            .iter()
            .map(|served| match served {
                Served::Certificate(id) => input.judgement.pool.get(*id).fingerprint.to_string(),
                Served::Unparsable { fingerprint, .. } => fingerprint.to_string(),
            })
            .collect(),
        paths: built.iter().map(|path| self::path(input, &case, path)).collect(),
        clients,
        revocation: deployment.revocation.clone(),
        certificate_transparency: judge::ct::of_deployment(
            input.judgement,
            input.evidence,
            input.judge_settings,
            deployment,
        ),
        private_key: match &input.evidence.files {
            Some(files) if deployment.endpoints.is_empty() => files.key,
            _ => None,
        },
    }
}

fn verdict(
    input: &Input<'_>,
    case: &Case<'_>,
    client: &Client,
    answer: &Answer,
    cause: Option<&'static str>,
    built: &mut Vec<BuiltPath>,
) -> ClientVerdict {
    let path = (!answer.path.is_empty()).then(|| {
        built.iter().position(|path| path.certificates == answer.path).unwrap_or_else(|| {
            built.push(search::describe(case, answer.path.clone()));
            built.len() - 1
        })
    });
    ClientVerdict {
        id: client.id.to_owned(),
        name: client.name.to_owned(),
        modelled_versions: client.versions.to_owned(),
        store: input.settings.anchors.store_of(client).to_owned(),
        measured: client.measured,
        verdict: answer.verdict,
        category: answer.category,
        code: answer.code.clone(),
        message: answer.message.clone(),
        cause: cause.map(str::to_owned),
        path,
        breaks_at: (answer.verdict == Verdict::Accept).then(|| breaks_at(case, &answer.path)).flatten(),
    }
}

fn breaks_at(case: &Case<'_>, path: &[CertId]) -> Option<Time> {
    path.iter().map(|&id| case.pool.get(id).not_after).min()
}

fn path(input: &Input<'_>, case: &Case<'_>, path: &BuiltPath) -> Path {
    let provenance = |id: CertId| {
        let origin = case.pool.origin(id);
        match origin.anchor {
            _ if case.is_served(id) => Provenance::Served,
            Some(kind) => store_of(input, kind, &origin),
            None if origin.fetched => Provenance::Aia,
            None if origin.cached => Provenance::Cache,
            None => Provenance::Known,
        }
    };
    Path {
        certificates: path.certificates.iter().map(|&id| case.pool.get(id).fingerprint.to_string()).collect(),
        provenance: path.certificates.iter().map(|&id| provenance(id)).collect(),
        errors: path
            .faults
            .iter()
            .map(|fault| PathFault {
                position: fault.position,
                kind: fault.kind.word().to_owned(),
                message: fault.kind.to_string(),
            })
            .collect(),
        breaks_at: breaks_at(case, &path.certificates),
    }
}

fn of_store(store: StoreId) -> Provenance {
    match store {
        StoreId::Mozilla => Provenance::StoreMozilla,
        StoreId::WebpkiRoots => Provenance::StoreWebpkiRoots,
        StoreId::Chrome => Provenance::StoreChrome,
        StoreId::Apple => Provenance::StoreApple,
        StoreId::Android => Provenance::StoreAndroid,
        StoreId::Microsoft => Provenance::StoreMicrosoft,
        StoreId::Java => Provenance::StoreJava,
    }
}

fn certificates(input: &Input<'_>, deployments: &[Deployment]) -> BTreeMap<String, CertificateFacts> {
    if input.settings.evidence == EvidenceLevel::None {
        return BTreeMap::new();
    }
    let pool = &input.judgement.pool;
    let served = |id: CertId| input.judgement.deployments.iter().any(|deployment| deployment.served.contains(&id));
    let on_a_path =
        |hash: &String| deployments.iter().flat_map(|d| &d.paths).any(|path| path.certificates.contains(hash));
    let mut shown = BTreeMap::new();
    for id in pool.ids() {
        let certificate = pool.get(id);
        let origin = pool.origin(id);
        let hash = certificate.fingerprint.to_string();
        if !served(id) && !origin.fetched && !origin.cached && !on_a_path(&hash) && !is_named(pool, id, &served) {
            continue;
        }
        let sources = [
            (served(id), Source::Served),
            (origin.fetched, Source::Aia),
            (origin.anchor.is_some(), Source::Store),
            (origin.cached, Source::Cache),
            (origin.known, Source::Known),
        ];
        let sources = sources.into_iter().filter(|(is, _)| *is).map(|(_, source)| source).collect();
        let mut facts = facts(certificate, sources, input.settings.evidence);
        facts.trusted_in = origin.anchor.map(|kind| store_of(input, kind, &origin));
        shown.insert(hash, facts);
    }
    for certificate in surveyed(input) {
        let level = input.settings.evidence;
        let new = || facts(&certificate, vec![Source::Served], level);
        shown.entry(certificate.fingerprint.to_string()).or_insert_with(new);
    }
    shown
}

/// What the survey was served beyond the chains that are judged.
fn surveyed(input: &Input<'_>) -> impl Iterator<Item = Certificate> {
    let surveys = input.evidence.endpoints.iter().filter_map(|endpoint| endpoint.survey.as_ref());
    surveys.flat_map(|survey| &survey.certificates).filter_map(|der| Certificate::parse(der).ok())
}

/// An anchor with the name of an issuer: it may lie on no path because its key does not fit, which the judge must be able
/// to see again.
fn is_named(pool: &Pool, anchor: CertId, served: &impl Fn(CertId) -> bool) -> bool {
    let name = pool.get(anchor).subject.normalised();
    pool.ids().any(|id| {
        let origin = pool.origin(id);
        (served(id) || origin.fetched || origin.cached) && pool.get(id).issuer.normalised() == name
    })
}

fn store_of(input: &Input<'_>, kind: AnchorKind, origin: &Origin) -> Provenance {
    match kind {
        AnchorKind::Local => Provenance::StoreLocal,
        AnchorKind::Public if !input.settings.anchors.are_own_stores() => Provenance::StoreRoots,
        AnchorKind::Public => origin.stores.iter().next().map_or(Provenance::StoreRoots, of_store),
    }
}

/// What was served and does not parse, for whoever judges it again.
fn unreadable(input: &Input<'_>) -> BTreeMap<String, String> {
    if input.settings.evidence != EvidenceLevel::Pem {
        return BTreeMap::new();
    }
    let files = input.evidence.files.iter().map(|files| &files.chain);
    let chains = input.evidence.endpoints.iter().map(|endpoint| &endpoint.served_chain).chain(files);
    let unread = chains.flatten().filter(|octets| Certificate::parse(octets).is_err());
    unread.map(|octets| (Fingerprint::of(octets).to_string(), STANDARD.encode(octets))).collect()
}

fn facts(certificate: &Certificate, sources: Vec<Source>, level: EvidenceLevel) -> CertificateFacts {
    let extensions = &certificate.extensions;
    let hex = |bytes: &[u8]| crate::x509::hex(bytes);
    CertificateFacts {
        subject: certificate.subject.to_string(),
        issuer: certificate.issuer.to_string(),
        serial: hex(&certificate.serial),
        not_before: certificate.not_before,
        not_after: certificate.not_after,
        subject_alternative_names: extensions
            .subject_alt_name
            .iter()
            .flat_map(|san| &san.names)
            .map(ToString::to_string)
            .collect(),
        key: KeyFacts {
            algorithm: certificate.key.algorithm().to_owned(),
            bits: certificate.key.bits(),
            curve: match certificate.key {
                KeyKind::Ec(curve) if curve != Curve::Other => Some(curve.name().to_owned()),
                _ => None,
            },
        },
        signature_algorithm: certificate.signature_algorithm.to_string(),
        ski: extensions.subject_key_id.as_deref().map(hex),
        aki: extensions.authority_key_id.as_ref().and_then(|aki| aki.key_id.as_deref()).map(hex),
        spki_sha256: certificate.spki_sha256().to_string(),
        is_ca: certificate.is_ca(),
        ca_issuers: extensions.ca_issuers.iter().map(|url| crate::x509::dn::printable(url)).collect(),
        scts: extensions.scts.iter().map(|sct| SctFacts { log_id: hex(&sct.log_id), timestamp: sct.at() }).collect(),
        sources,
        trusted_in: None,
        pem: (level == EvidenceLevel::Pem).then(|| pem::encode(certificate.der())),
    }
}

/// The address is the certificate's text: the evidence keeps it as it is, the report shows it as `ca_issuers` does.
fn fetch(input: &Input<'_>, evidence: &AiaEvidence) -> AiaFetch {
    let url = crate::x509::dn::printable(&evidence.fetch.url);
    AiaFetch { url, fit: judge::aia::fit(input.judgement, evidence), ..evidence.fetch.clone() }
}

/// The first deployment that a bundle can mend; else the first one's reason.
fn repair(input: &Input<'_>, findings: &[Finding]) -> Repair {
    let mut first: Option<Repair> = None;
    for (index, deployment) in input.judgement.deployments.iter().enumerate() {
        if deployment.served_list.is_empty() {
            continue;
        }
        let repair = bundle::propose(&bundle::Request {
            case: input.judgement.case(input.evidence, input.judge_settings, deployment),
            search: &deployment.with_fetched,
            clients: &input.judge_settings.clients,
            before: &deployment.answers,
            findings,
            deployment: index,
            with_root: input.settings.bundle_with_root,
        });
        if repair.possible {
            return repair;
        }
        // That nothing is needed here says nothing of the other addresses.
        let weighs_more = first.as_ref().is_none_or(|first| {
            first.outcome == Some(RepairOutcome::NotNeeded) && repair.outcome != Some(RepairOutcome::NotNeeded)
        });
        if weighs_more {
            first = Some(repair);
        }
    }
    first.unwrap_or_else(|| bundle::no_chain(findings))
}

/// What this version does not look at: absence of a finding there means nothing.
fn out_of_scope(input: &Input<'_>) -> Vec<NotChecked> {
    let mut list = vec![("certificate-transparency", transparency(input))];
    list.extend(revocation(input));
    match &input.evidence.files {
        Some(files) => {
            list.push(("server", "no server was asked: what it would send may be something else"));
            if !input.settings.fetch_issuers {
                list.push(("aia", "issuers were not fetched: the files were judged without network"));
            }
            if !files.name_given {
                list.push(("name", "no name was given (--host): the certificate was judged for a name of its own"));
            }
            if files.key.is_none() {
                list.push(("private-key", "none was given (--key)"));
            }
        }
        None => list.extend(out_of_a_probe(input)),
    }
    let surveys =
        input.evidence.endpoints.iter().filter_map(|endpoint| Some((endpoint.address, endpoint.survey.as_ref()?)));
    let limits = surveys.flat_map(|(address, evidence)| {
        let limits = evidence.survey.limits.iter();
        limits
            .map(move |limit| NotChecked { code: "protocol-survey".to_owned(), reason: format!("{address}: {limit}") })
    });
    list.into_iter()
        .map(|(code, reason)| NotChecked { code: code.to_owned(), reason: reason.to_owned() })
        .chain(limits)
        .collect()
}

/// What of Certificate Transparency is not judged.
fn transparency(input: &Input<'_>) -> &'static str {
    match input.judge_settings.anchors.logs() {
        None => "no log list was given (--ct-logs), and timestamps in the TLS extension were not asked for",
        Some(_) => "judged for Chrome and Edge; Safari and Firefox have lists of their own",
    }
}

/// Who was not asked about revocations.
fn revocation(input: &Input<'_>) -> Option<(&'static str, &'static str)> {
    let reason = match input.evidence.revocation.as_ref().map(|asked| (asked.crls, asked.ocsp)) {
        None if input.evidence.files.is_some() => "neither CRLs nor OCSP responders are asked about files",
        None => {
            "CRLs were not fetched (--revocation) and OCSP responders not asked (--ocsp); a stapled response was read"
        }
        Some((true, _)) => return None,
        Some((false, _)) => "CRLs were not fetched (--revocation)",
    };
    Some(("revocation", reason))
}

fn out_of_a_probe(input: &Input<'_>) -> Vec<(&'static str, &'static str)> {
    let (settings, dns) = (input.settings, &input.evidence.resolution);
    let mut list = Vec::new();
    if settings.depth == Depth::Chain {
        list.push((
            "key-possession",
            "the chain was read and the handshake left (--depth chain): whether the server holds its key, and what it \
             asks of clients, is not known",
        ));
    }
    if input.evidence.endpoints.iter().all(|endpoint| endpoint.http.is_none()) {
        list.push(("http", "nothing was requested after the handshake"));
    }
    if dns.dnssec.is_none() {
        list.push(match dns.status {
            DnsStatus::NotAsked => ("dnssec", "no name was resolved"),
            _ => (
                "dnssec",
                "the resolver does not vouch for the answer: it does not validate, or the zone is not signed \
                            (--propagation tells which)",
            ),
        });
    }
    match &dns.caa_sets {
        None => list.push(("caa", "CAA records were not asked for")),
        Some(_) if dns.https.is_none() && input.target.starttls.is_none() => {
            list.push(("https-record", "the question for HTTPS records was not answered"))
        }
        Some(_) => {}
    }
    if settings.depth != Depth::Survey {
        list.push(("protocol-survey", "one handshake an address; versions, suites and groups were not surveyed"));
    }
    if !settings.fetch_issuers {
        list.push(("aia", "issuers were not fetched (--no-aia)"));
    }
    list
}

fn reproduce(input: &Input<'_>) -> Vec<String> {
    let reference = &input.evidence.reference;
    let port = input.target.port;
    let mut commands = Vec::new();
    if input.evidence.files.is_some() {
        return commands;
    }
    if let ReferenceId::Dns(name) = &input.target.host
        && input.settings.addresses.is_empty()
    {
        let server = match input.settings.resolvers.first() {
            Some(resolver) => format!("@{} -p {} ", resolver.ip(), resolver.port()),
            None => String::new(),
        };
        commands.push(format!("dig {server}{name} A +noall +answer"));
        let dns = &input.evidence.resolution;
        if dns.dnssec.as_ref().is_some_and(|dnssec| dnssec.status == DnssecStatus::Bogus) {
            commands.push(format!("dig {server}{name} A +dnssec +cdflag"));
        }
        if !dns.caa.is_empty() {
            commands.push(format!("dig {server}{name} CAA +noall +answer"));
        }
    }
    if let Some(endpoint) = input.evidence.endpoints.first() {
        let address = endpoint.address;
        let sni = match reference {
            ReferenceId::Dns(name) => format!("-servername {name} "),
            ReferenceId::Ip(_) => "-noservername ".to_owned(),
        };
        let starttls = input.target.starttls;
        let upgrade = starttls.map(|protocol| format!("-starttls {protocol} ")).unwrap_or_default();
        commands.push(format!("openssl s_client -connect {address} {upgrade}{sni}-showcerts </dev/null"));
        let (scheme, option) = match starttls {
            None => ("https", ""),
            Some(StartTls::Smtp | StartTls::Imap | StartTls::Pop3 | StartTls::Ftp | StartTls::Ldap) => {
                (starttls.map_or("", StartTls::word), "--ssl-reqd ")
            }
            Some(StartTls::Postgres | StartTls::Mysql) => return commands, // curl does not speak them
        };
        commands.push(match reference {
            ReferenceId::Dns(name) => {
                let ip = match address {
                    SocketAddr::V4(v4) => v4.ip().to_string(),
                    SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
                };
                format!(
                    "curl -v {option}--resolve {name}:{port}:{ip} {scheme}://{name}:{port}/",
                    port = if address.port() == port { port } else { address.port() }
                )
            }
            ReferenceId::Ip(_) => format!("curl -v {option}{scheme}://{address}/"),
        });
    }
    commands
}
