//! One target: from its name to its line.

use std::sync::Arc;

use serde_json::Value;
use tokio::time::Instant;

use super::gate::Gate;
use crate::model::finding::Finding;
use crate::model::handshake::{FailureKind, Stage};
use crate::model::line::{ByClient, Line, LineCertificate, LineDns, LineEndpoint, LineFailure, LinePem, Sha256, Word};
use crate::model::report::{Endpoint, Report};
use crate::model::resolution::DnsStatus;
use crate::model::target::{ReferenceId, Target};
use crate::model::time::Time;
use crate::model::verdict::Verdict;
use crate::probe::{self, Clock, EvidenceLevel};
use crate::x509::certificates_in;

/// What all looks of a scan share.
pub struct Looker {
    settings: probe::Settings,
    evidence: EvidenceLevel,
    collect: bool,
    clock: Clock,
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
        let level = if collect || evidence == EvidenceLevel::Pem { EvidenceLevel::Pem } else { EvidenceLevel::Hashes };
        Ok(Self { settings: probe::Settings { evidence: level, ..probe }, evidence, collect, clock })
    }

    /// Looks at one target. Never fails: whatever goes wrong stands in the line. Ends before `deadline`, to which the time
    /// is added that `gate` was closed.
    pub async fn look(&self, target: &Target, gate: &Gate, deadline: Instant) -> Look {
        let begun = Instant::now();
        let permit = gate.enter(std::net::Ipv4Addr::LOCALHOST.into()).await;
        let timeout = (deadline + permit.waited()).saturating_duration_since(Instant::now());
        let settings = probe::Settings { timeout, ..self.settings.clone() };
        let report = probe::probe(target, &settings, self.clock).await;
        drop(permit);
        let mut line = line_of(&report, target, (self.clock)());
        line.duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let certificates = if self.collect { collected(&report) } else { Vec::new() };
        match self.evidence {
            EvidenceLevel::None => {
                line.served_chain.clear();
                line.other_chains.clear();
            }
            EvidenceLevel::Hashes => {}
            EvidenceLevel::Pem => line.certificates = pem_of(&report),
        }
        Look { transient: is_transient(&line), exhausted: is_exhausted(&line), line, certificates }
    }
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
    dns || line.endpoints.iter().filter_map(|endpoint| endpoint.failure.as_ref()).any(passing)
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
                failure: endpoint.failure.as_ref().map(|failure| LineFailure {
                    stage: failure.stage,
                    kind: failure.kind,
                    alert: failure.alert.clone().map(Word::Owned),
                    protocol: failure.protocol.clone().map(Word::Owned),
                }),
                version: endpoint.tls.as_ref().and_then(|tls| tls.version.clone()).map(Word::Owned),
                key_proof: endpoint.tls.as_ref().filter(|_| chain.is_some()).map(|tls| tls.key_proof),
                chain,
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
        ReferenceId::Ip(ip) => std::net::SocketAddr::new(*ip, target.port).to_string(),
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

fn served(report: &Report) -> impl Iterator<Item = (Sha256, &str)> {
    let is_served = |hash: &String| report.deployments.iter().any(|deployment| deployment.served_chain.contains(hash));
    let found = report.certificates.iter().filter(move |(hash, _)| is_served(hash));
    found.filter_map(|(hash, facts)| Some((hash.parse().ok()?, facts.pem.as_deref()?)))
}

fn pem_of(report: &Report) -> Vec<LinePem> {
    served(report).map(|(sha256, pem)| LinePem { sha256, pem: pem.to_owned() }).collect()
}

fn collected(report: &Report) -> Vec<(Sha256, Arc<[u8]>)> {
    let der = |pem: &str| certificates_in(pem.as_bytes()).ok()?.into_iter().next();
    served(report).filter_map(|(sha256, pem)| Some((sha256, der(pem)?.into()))).collect()
}
