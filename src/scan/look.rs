//! One target: from its name to its line.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::gate::Gate;
use crate::judge;
use crate::judge::alike::{Alike, Known};
use crate::model::evidence::Evidence;
use crate::model::finding::{Finding, Severity};
use crate::model::handshake::{EndpointEvidence, EndpointStatus, Failure, FailureKind, Stage};
use crate::model::line::{ByClient, Line, LineCertificate, LineDns, LineEndpoint, LineFailure, LinePem, Sha256, Word};
use crate::model::report::{Endpoint, Report};
use crate::model::resolution::DnsStatus;
use crate::model::target::{ReferenceId, Target};
use crate::model::time::Time;
use crate::model::verdict::Verdict;
use crate::observe::dns::Resolver;
use crate::observe::tls::Connector;
use crate::probe::{self, Clock, EvidenceLevel, Probed};
use crate::x509::{Certificate, Fingerprint, pem};

/// What all looks of a scan share. Of names it asks for addresses alone: CAA and HTTPS records would be as many questions
/// again.
pub struct Looker {
    settings: probe::Settings,
    evidence: EvidenceLevel,
    collect: bool,
    clock: Clock,
    resolver: Resolver,
    connector: Arc<Connector>,
    alike: Alike<Arc<Conclusion>>,
    /// What is judged by in the present minute.
    judge_settings: Mutex<Option<Arc<judge::Settings>>>,
}

/// What a line says of a target that does not depend on what is its certificate's own.
#[derive(Debug)]
struct Conclusion {
    clients: Vec<(&'static str, Verdict, Breaks)>,
    findings: Vec<Word>,
    severity: Option<Severity>,
    lacks: Vec<LineCertificate>,
    expires_first: Vec<LineCertificate>,
    /// What was served above the end entity.
    issuers: Vec<Sha256>,
}

/// Until when a client accepts.
#[derive(Debug, Clone, Copy)]
enum Breaks {
    /// It does not, or no path is known.
    Unknown,
    WithTheEndEntity,
    /// Or with the first above it to expire.
    OrAt(Time),
}

/// How to look.
#[derive(Clone)]
pub struct LookSettings {
    /// Resolvers, anchors, clients, moment, depth. Its `timeout` is not used: each look is given its deadline.
    pub probe: probe::Settings,
    /// How much of the certificates goes on the line.
    pub evidence: EvidenceLevel,
    /// Hand out the certificates beside the line.
    pub collect: bool,
    pub clock: Clock,
}

/// What a look brought.
#[derive(Debug)]
pub struct Look {
    /// Without `index`, `input` and `input_line`, which the queue fills in.
    pub line: Line,
    /// The certificates that were served: DER by hash. Empty unless they are collected.
    pub certificates: Vec<(Sha256, Arc<[u8]>)>,
    /// Worth another attempt.
    pub transient: bool,
    /// It failed because this machine had no descriptor or port left: says nothing about the target.
    pub exhausted: bool,
}

impl Looker {
    /// Opens what the looks share.
    pub fn new(settings: &LookSettings) -> std::io::Result<Self> {
        let LookSettings { probe, evidence, collect, clock } = settings.clone();
        Ok(Self {
            resolver: Resolver::for_many(probe.resolvers.clone()),
            connector: Arc::new(Connector::new()),
            alike: Alike::default(),
            judge_settings: Mutex::default(),
            settings: probe::Settings { evidence: EvidenceLevel::None, ..probe },
            evidence,
            collect,
            clock,
        })
    }

    /// Looks at one target. Never fails: whatever goes wrong stands in the line. Ends before `deadline`, to which the time
    /// is added that `gate` was closed.
    pub async fn look(&self, target: &Target, gate: &Gate, deadline: Instant) -> Look {
        let begun = Instant::now();
        let started_at = (self.clock)();
        let timeout = deadline.saturating_duration_since(begun);
        // The shares of `probe`.
        let share = |percent: u32| begun + timeout * percent / 100;
        let (resolution, addresses) = probe::resolve(target, &self.settings, &self.resolver, share(50)).await;
        let reference = self.settings.server_name.clone().unwrap_or_else(|| target.host.clone());
        let connector = match target.starttls {
            None => Arc::clone(&self.connector),
            protocol => Arc::new(Connector::new().with_starttls(protocol)),
        };
        let (endpoints, mut waited) = self.speak(&connector, &addresses, &reference, gate, share(80)).await;
        let evidence = Evidence { reference, resolution, endpoints, aia: Vec::new(), files: None, revocation: None };
        let judge_settings = self.judge_settings(started_at);
        let mut known = self.alike.find(target, &evidence, &judge_settings);
        let mut permit = None;
        if let (Known::Stranger(_) | Known::OutOfOrder, Some(address)) = (&known, addresses.first()) {
            // What further connections this target needs counts as one.
            let entered = gate.enter(address.ip()).await;
            waited += entered.waited();
            permit = Some(entered);
            // Many meet a new family at once, and one of them is enough to make it known.
            if matches!(known, Known::Stranger(_)) {
                known = self.alike.find(target, &evidence, &judge_settings);
            }
        }
        let (mut line, evidence) = match known {
            Known::Alike(conclusion, end_entity) => (alike_line(target, &evidence, &conclusion, &end_entity), evidence),
            known => {
                let judge_settings = self.exact(judge_settings, &evidence, started_at);
                let rest = probe::Rest {
                    target,
                    settings: &self.settings,
                    judge_settings: &judge_settings,
                    resolver: &self.resolver,
                    connector: &connector,
                    started_at,
                    hellos_until: share(90) + waited,
                    issuers_until: share(100) + waited,
                    clock: self.clock,
                };
                // Apart, because it is large and seldom needed.
                let probed = Box::pin(probe::conclude(evidence, probe::Looks::default(), &rest)).await;
                let line = line_of(&probed.report, target, started_at);
                if let Known::Stranger(stranger) = known
                    && let Some(conclusion) = conclusion(&probed, &judge_settings, &line)
                {
                    let Probed { evidence, judgement, .. } = &probed;
                    self.alike.keep(*stranger, target, evidence, &judge_settings, judgement, Arc::new(conclusion));
                }
                (line, probed.evidence)
            }
        };
        drop(permit);
        line.at = (self.clock)();
        line.duration_ms = u64::try_from(begun.elapsed().saturating_sub(waited).as_millis()).unwrap_or(u64::MAX);
        let certificates = if self.collect { collected(&line, &evidence) } else { Vec::new() };
        match self.evidence {
            EvidenceLevel::None => {
                line.served_chain.clear();
                line.other_chains.clear();
            }
            EvidenceLevel::Hashes => {}
            EvidenceLevel::Pem => line.certificates = pem_of(&line, &evidence),
        }
        Look { transient: is_transient(&line), exhausted: is_exhausted(&line), line, certificates }
    }

    /// Speaks to all addresses at once, each when the gate is open; says how long it was not.
    async fn speak(
        &self,
        connector: &Connector,
        addresses: &[SocketAddr],
        reference: &ReferenceId,
        gate: &Gate,
        deadline: Instant,
    ) -> (Vec<EndpointEvidence>, Duration) {
        let one = async |address: SocketAddr| {
            if gate.is_silent(address) {
                return (presumed_silent(address), Duration::ZERO);
            }
            let permit = gate.enter(address.ip()).await;
            let waited = permit.waited();
            if !waited.is_zero() && gate.is_silent(address) {
                return (presumed_silent(address), waited);
            }
            let probe::Settings { depth, survey, .. } = self.settings;
            let endpoint = probe::look_at_one(connector, address, reference, depth, survey, deadline + waited).await;
            let silence = |failure: &Failure| failure.stage == Stage::Tcp && failure.kind == FailureKind::Timeout;
            gate.heard(address, endpoint.failure.as_ref().is_some_and(silence));
            (endpoint, waited)
        };
        let spoken = match *addresses {
            [address] => vec![one(address).await],
            _ => all(addresses.iter().map(|&address| one(address)).collect()).await,
        };
        let waited = spoken.iter().map(|(_, waited)| *waited).max().unwrap_or_default();
        (spoken.into_iter().map(|(endpoint, _)| endpoint).collect(), waited)
    }

    /// Judging goes by whole minutes, so that what was thought of one target serves the next.
    fn judge_settings(&self, now: Time) -> Arc<judge::Settings> {
        let minute = now.plus(-now.unix().rem_euclid(60));
        let at = self.settings.at.unwrap_or(minute);
        let mut known = self.judge_settings.lock().unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Some(settings) if settings.at == at => Arc::clone(settings),
            _ => {
                let settings = Arc::new(judge::Settings { at, ..self.settings.for_judging(at) });
                Arc::clone(known.insert(settings))
            }
        }
    }

    /// What `settings` say, but for the moment itself where a certificate began or ended since the minute did.
    fn exact(&self, settings: Arc<judge::Settings>, evidence: &Evidence, now: Time) -> Arc<judge::Settings> {
        let turns = |der: &Vec<u8>| {
            let is_new = |moment: Time| settings.at <= moment && moment <= now;
            Certificate::parse(der).is_ok_and(|it| is_new(it.not_before) || is_new(it.not_after))
        };
        let mut served = evidence.endpoints.iter().flat_map(|endpoint| &endpoint.served_chain);
        if self.settings.at.is_some() || !served.any(turns) {
            return settings;
        }
        Arc::new(judge::Settings { at: now, ..settings.as_ref().clone() })
    }
}

/// The evidence of an address that is not tried, because all before this target met silence there.
fn presumed_silent(address: SocketAddr) -> EndpointEvidence {
    EndpointEvidence {
        failure: Some(Failure {
            stage: Stage::Tcp,
            kind: FailureKind::Timeout,
            alert: None,
            protocol: None,
            message: "not tried: the last connections to this address were met with silence".to_owned(),
        }),
        ..EndpointEvidence::new(address, EndpointStatus::NotTried)
    }
}

/// All of them at once, in their order.
async fn all<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut pending: Vec<_> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    poll_fn(|context| {
        let mut is_done = true;
        for (future, output) in &mut pending {
            if output.is_none() {
                match future.as_mut().poll(context) {
                    Poll::Ready(done) => *output = Some(done),
                    Poll::Pending => is_done = false,
                }
            }
        }
        if is_done { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    pending.into_iter().filter_map(|(_, output)| output).collect()
}

/// The line of a target whose end entity is like one that was judged: all addresses that were tried completed their
/// handshake and serve the same chain.
fn alike_line(target: &Target, evidence: &Evidence, conclusion: &Conclusion, end_entity: &Certificate) -> Line {
    let mut line = Line::new(canonical(target), end_entity.not_before);
    let dns = &evidence.resolution;
    line.dns = Some(LineDns {
        status: dns.status,
        cname_chain: dns.cname_chain.iter().map(|alias| alias.target.clone()).collect(),
    });
    let endpoint = |endpoint: &EndpointEvidence| LineEndpoint {
        address: endpoint.address,
        status: endpoint.status,
        failure: endpoint.failure.as_ref().map(failure),
        version: endpoint.tls.as_ref().and_then(|tls| tls.version.clone()).map(Word::Owned),
        key_proof: endpoint.tls.as_ref().map(|tls| tls.key_proof),
        chain: (!endpoint.served_chain.is_empty()).then_some(0),
        survey: None,
    };
    line.endpoints = evidence.endpoints.iter().map(endpoint).collect();
    line.served_chain =
        [Sha256(end_entity.fingerprint.0)].into_iter().chain(conclusion.issuers.iter().copied()).collect();
    line.conclude(evidence.endpoints.iter().map(|endpoint| endpoint.status == EndpointStatus::Completed));
    let clients = &conclusion.clients;
    line.clients = ByClient(clients.iter().map(|(id, verdict, _)| (Word::Borrowed(*id), *verdict)).collect());
    let breaks = clients.iter().filter_map(|(id, _, breaks)| {
        let at = match breaks {
            Breaks::Unknown => return None,
            Breaks::WithTheEndEntity => end_entity.not_after,
            Breaks::OrAt(above) => end_entity.not_after.min(*above),
        };
        Some((Word::Borrowed(*id), at))
    });
    line.breaks_at = ByClient(breaks.collect());
    line.findings.clone_from(&conclusion.findings);
    line.severity = conclusion.severity;
    line.lacks.clone_from(&conclusion.lacks);
    line.expires_first.clone_from(&conclusion.expires_first);
    line
}

/// What of a line holds for others that are alike; `None` where that cannot be told.
fn conclusion(probed: &Probed, settings: &judge::Settings, line: &Line) -> Option<Conclusion> {
    let [deployment] = &probed.judgement.deployments[..] else { return None };
    let pool = &probed.judgement.pool;
    let end_entity = *deployment.served.first()?;
    let clients = settings.clients.iter().zip(&deployment.answers).map(|(client, answer)| {
        let breaks = match (answer.verdict, &answer.path[..]) {
            (Verdict::Accept, [first, above @ ..]) if *first == end_entity => {
                let above = above.iter().map(|&id| pool.get(id).not_after).min();
                above.map_or(Breaks::WithTheEndEntity, Breaks::OrAt)
            }
            (Verdict::Accept, [_, ..]) => return None,
            _ => Breaks::Unknown,
        };
        Some((client.id, answer.verdict, breaks))
    });
    let findings = line.findings.iter().map(|code| Some(Word::Borrowed(judge::rules::find(code)?.code)));
    Some(Conclusion {
        clients: clients.collect::<Option<_>>()?,
        findings: findings.collect::<Option<_>>()?,
        severity: line.severity,
        lacks: line.lacks.clone(),
        expires_first: line.expires_first.clone(),
        issuers: line.served_chain.get(1..)?.to_vec(),
    })
}

/// Worth another attempt: an answer may come next time.
pub fn is_transient(line: &Line) -> bool {
    let dns = line.dns.as_ref().is_some_and(|dns| {
        matches!(dns.status, DnsStatus::Servfail | DnsStatus::Timeout | DnsStatus::Unreachable | DnsStatus::Malformed)
    });
    let passing = |failure: &LineFailure| {
        matches!(failure.kind, FailureKind::Timeout | FailureKind::Reset | FailureKind::Local)
            || (failure.kind == FailureKind::Closed && failure.stage == Stage::Tls)
    };
    let tried = line.endpoints.iter().filter(|endpoint| endpoint.status == EndpointStatus::Failed);
    dns || tried.filter_map(|endpoint| endpoint.failure.as_ref()).any(passing)
}

/// This machine was at its end, not the target.
pub fn is_exhausted(line: &Line) -> bool {
    let local = |endpoint: &LineEndpoint| endpoint.failure.as_ref().is_some_and(|it| it.kind == FailureKind::Local);
    line.endpoints.iter().any(local)
}

fn line_of(report: &Report, target: &Target, at: Time) -> Line {
    let mut line = Line::new(canonical(target), at);
    line.dns = Some(LineDns {
        status: report.dns.status,
        cname_chain: report.dns.cname_chain.iter().map(|alias| alias.target.clone()).collect(),
    });
    let mut chains: Vec<Vec<Sha256>> = Vec::new();
    let mut chain_of = |endpoint: &Endpoint| {
        let served = &report.deployments.get(endpoint.deployment?)?.served_chain;
        let chain: Vec<Sha256> = served.iter().filter_map(|hash| hash.parse().ok()).collect();
        if chain.is_empty() {
            return None;
        }
        let known = chains.iter().position(|known| *known == chain);
        Some(known.unwrap_or_else(|| {
            chains.push(chain);
            chains.len() - 1
        }))
    };
    line.endpoints = report
        .endpoints
        .iter()
        .filter_map(|endpoint| {
            let chain = chain_of(endpoint);
            Some(LineEndpoint {
                address: endpoint.address.parse().ok()?,
                status: endpoint.status,
                failure: endpoint.failure.as_ref().map(failure),
                version: endpoint.tls.as_ref().and_then(|tls| tls.version.clone()).map(Word::Owned),
                key_proof: endpoint.tls.as_ref().filter(|_| chain.is_some()).map(|tls| tls.key_proof),
                chain,
                survey: endpoint.survey.clone(),
            })
        })
        .collect();
    let mut chains = chains.into_iter();
    line.served_chain = chains.next().unwrap_or_default();
    line.other_chains = chains.collect();
    line.conclude(report.endpoints.iter().map(Endpoint::spoke_tls));
    verdicts(report, &mut line);
    line.findings = report.findings.iter().map(|finding| Word::Owned(finding.code.clone())).collect();
    line.severity = report.findings.iter().map(|finding| finding.severity).max();
    for finding in &report.findings {
        root_cause(finding, &mut line);
    }
    line
}

/// `host:port` in one notation; with the scheme where plain text comes first.
pub fn canonical(target: &Target) -> String {
    let authority = match &target.host {
        ReferenceId::Ip(ip) => SocketAddr::new(*ip, target.port).to_string(),
        ReferenceId::Dns(name) => format!("{name}:{}", target.port),
    };
    match target.starttls {
        Some(protocol) => format!("{}://{authority}", protocol.word()),
        None => authority,
    }
}

/// The worst verdict each client has of the chains that are served, and the first moment that one of them breaks.
fn verdicts(report: &Report, line: &mut Line) {
    let weight = |verdict: Verdict| match verdict {
        Verdict::Accept => 0,
        Verdict::Undetermined => 1,
        Verdict::Error => 2,
        Verdict::Reject => 3,
    };
    let mut clients: Vec<(Word, Verdict)> = Vec::new();
    let mut breaks: Vec<(Word, Time)> = Vec::new();
    for answer in report.deployments.iter().flat_map(|deployment| &deployment.clients) {
        match clients.iter_mut().find(|(id, _)| *id == answer.id) {
            Some((_, worst)) if weight(*worst) < weight(answer.verdict) => *worst = answer.verdict,
            Some(_) => {}
            None => clients.push((Word::Owned(answer.id.clone()), answer.verdict)),
        }
        if let Some(at) = answer.breaks_at {
            match breaks.iter_mut().find(|(id, _)| *id == answer.id) {
                Some((_, first)) => *first = at.min(*first),
                None => breaks.push((Word::Owned(answer.id.clone()), at)),
            }
        }
    }
    breaks.retain(|(id, _)| clients.contains(&(id.clone(), Verdict::Accept)));
    (line.clients, line.breaks_at) = (ByClient(clients), ByClient(breaks));
}

fn root_cause(finding: &Finding, line: &mut Line) {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    match finding.code.as_str() {
        "missing-intermediate" => {
            let list = |name: &str| finding.facts.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
            for (hash, subject) in list("missing").iter().zip(list("missing_subjects")) {
                if let (Some(Ok(sha256)), Some(subject)) = (text(hash).map(|hash| hash.parse()), text(&subject)) {
                    let lacking = LineCertificate { sha256, subject, not_after: None };
                    if !line.lacks.contains(&lacking) {
                        line.lacks.push(lacking);
                    }
                }
            }
        }
        "intermediate-expires-first" => {
            let fact = |name: &str| finding.facts.get(name).and_then(text);
            if let (Ok(sha256), Some(subject)) = (finding.subject.reference.parse(), fact("subject")) {
                let not_after = fact("expires_at").and_then(|at| at.parse().ok());
                let expiring = LineCertificate { sha256, subject, not_after };
                if !line.expires_first.contains(&expiring) {
                    line.expires_first.push(expiring);
                }
            }
        }
        _ => {}
    }
}

fn failure(failure: &Failure) -> LineFailure {
    LineFailure {
        stage: failure.stage,
        kind: failure.kind,
        alert: failure.alert.clone().map(Word::Owned),
        protocol: failure.protocol.clone().map(Word::Owned),
    }
}

/// The certificates that were served, each once, in the order of their hashes.
fn served<'a>(line: &Line, evidence: &'a Evidence) -> BTreeMap<Sha256, &'a [u8]> {
    let is_on_line =
        |hash: &Sha256| line.other_chains.iter().chain([&line.served_chain]).any(|chain| chain.contains(hash));
    let all = evidence.endpoints.iter().flat_map(|endpoint| &endpoint.served_chain);
    let all = all.map(|der| (Sha256(Fingerprint::of(der).0), der.as_slice()));
    all.filter(|(hash, der)| is_on_line(hash) && Certificate::parse(der).is_ok()).collect()
}

fn pem_of(line: &Line, evidence: &Evidence) -> Vec<LinePem> {
    served(line, evidence).into_iter().map(|(sha256, der)| LinePem { sha256, pem: pem::encode(der) }).collect()
}

fn collected(line: &Line, evidence: &Evidence) -> Vec<(Sha256, Arc<[u8]>)> {
    served(line, evidence).into_iter().map(|(sha256, der)| (sha256, der.into())).collect()
}
