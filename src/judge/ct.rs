//! Certificate Transparency by a list of logs: are the timestamps signed by logs that count, and are they enough for Chrome?
//!
//! Chrome's policy is published (googlechrome.github.io/CertificateTransparency/ct_policy.html) and implemented in
//! `components/certificate_transparency/chrome_ct_policy_enforcer.cc`. Safari and Firefox have lists of their own, which
//! Chrome's does not stand for: they are not judged. That at least one log be one of RFC 6962, as Chrome wanted while logs
//! of static-ct-api were new (from 134 on, in 2025), it has given up since; the report says of each log which kind it is.

mod list;

use super::anchors::AnchorKind;
use super::case::Case;
use super::judgement::{Deployment, Judgement, Settings, end_entity, judged_path};
use super::pool::CertId;
use crate::model::ct::{CheckedSct, CtFacts, CtPolicy, Delivery, LogState, SctWorth};
use crate::model::evidence::Evidence;
use crate::model::time::{DAY, Time};
use crate::x509::sct::{self, Entry, Sct};
use crate::x509::signature::SignatureCheck;
use crate::x509::{Certificate, hex, ocsp};

pub use list::{Log, LogList, LogListError};

/// notBefore from which the policy judged here applies: 2022-04-15. Older certificates had another.
const POLICY_FROM: i64 = 1_649_980_800;

/// Age of its list at which Chrome stops enforcing (`IsLogDataTimely`).
const MAX_LIST_AGE: i64 = 70 * DAY;

/// Lifetime up to which two embedded timestamps are enough; else three.
const SHORT_LIFETIME: i64 = 180 * DAY;

/// A timestamp with what the list knows of it.
struct Weighed<'a> {
    sct: &'a Sct,
    delivery: Delivery,
    worth: SctWorth,
    log: Option<&'a Log>,
}

/// What the timestamps of a deployment's end entity are worth. `None`: no list of logs was given, or there is no
/// certificate.
pub fn of_deployment(
    judgement: &Judgement,
    evidence: &Evidence,
    settings: &Settings,
    deployment: &Deployment,
) -> Option<CtFacts> {
    let path = judged_path(deployment).filter(|path| path.certificates.first().copied() == end_entity(deployment))?;
    let case = judgement.case(evidence, settings, deployment);
    check(&case, &path.certificates)
}

/// The ids of all logs whose timestamps came with an end entity.
pub fn log_ids(judgement: &Judgement, evidence: &Evidence) -> Vec<[u8; 32]> {
    let mut ids = Vec::new();
    for deployment in &judgement.deployments {
        let Some(id) = end_entity(deployment) else { continue };
        let certificate = judgement.pool.get(id);
        let staples = deployment.endpoints.iter().filter_map(|&index| evidence.endpoints[index].ocsp_staple.as_ref());
        let stapled = staples.flat_map(|staple| ocsp::scts(staple, certificate));
        let sent = deployment.endpoints.iter().filter_map(|&index| evidence.endpoints[index].timestamps.as_deref());
        let sent = sent.flat_map(|list| sct::list(list).unwrap_or_default());
        ids.extend(certificate.extensions.scts.iter().cloned().chain(stapled).chain(sent).map(|sct| sct.log_id));
    }
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// The same for one path; `None` without a list or a path.
pub fn check(case: &Case<'_>, path: &[CertId]) -> Option<CtFacts> {
    let logs = case.view.logs?;
    let (&id, rest) = path.split_first()?;
    let certificate = case.pool.get(id);
    let issuer = rest.first().map(|&issuer| case.pool.get(issuer));
    let stapled = case.ocsp_staple.map(|staple| ocsp::scts(staple, certificate)).unwrap_or_default();
    let sent = case.timestamps.and_then(sct::list).unwrap_or_default();
    let embedded = certificate.extensions.scts.iter().map(|sct| (sct, Delivery::Embedded));
    let beside = stapled.iter().map(|sct| (sct, Delivery::Ocsp)).chain(sent.iter().map(|sct| (sct, Delivery::Tls)));
    let all = embedded.chain(beside);
    let precertificate = issuer.and_then(|issuer| Entry::precertificate(certificate, issuer));
    let weighed: Vec<Weighed<'_>> = all
        .map(|(sct, delivery)| {
            let entry = match delivery {
                Delivery::Embedded => precertificate.clone(),
                Delivery::Ocsp | Delivery::Tls => Some(Entry::Certificate(certificate.der())),
            };
            let log = logs.find(&sct.log_id);
            Weighed { sct, delivery, worth: worth(sct, entry.as_ref(), log, case.at), log }
        })
        .collect();
    let wanted = wanted(certificate);
    let (policy, why) = match exempt(case, certificate, path, logs) {
        Some((policy, why)) => (policy, Some(why)),
        None if weighed.iter().any(|weighed| weighed.worth == SctWorth::NotChecked) => {
            (CtPolicy::NotChecked, Some("the issuer is not known, whose key the logs signed too".to_owned()))
        }
        None => (policy(&weighed, wanted), None),
    };
    let scts = weighed.iter().map(|weighed| CheckedSct {
        log_id: hex(&weighed.sct.log_id),
        timestamp: weighed.sct.at(),
        delivery: weighed.delivery,
        worth: weighed.worth,
        log: weighed.log.map(|log| log.facts.description.clone()),
        operator: weighed.log.map(|log| log.operator_at(weighed.sct.at()).to_owned()),
        state: weighed.log.map(|log| log.facts.state),
    });
    Some(CtFacts { scts: scts.collect(), policy, wanted, why })
}

fn worth(sct: &Sct, entry: Option<&Entry<'_>>, log: Option<&Log>, at: Time) -> SctWorth {
    let Some(log) = log else { return SctWorth::UnknownLog };
    let Some(entry) = entry else { return SctWorth::NotChecked };
    match sct.signature(entry, &log.key) {
        SignatureCheck::Valid => {}
        SignatureCheck::Invalid | SignatureCheck::Unsupported => return SctWorth::BadSignature,
    }
    match log.facts.state {
        _ if sct.at() > at => SctWorth::InTheFuture,
        LogState::Pending | LogState::Rejected => SctWorth::LogNotAccepted,
        LogState::Retired if log.facts.since <= at => SctWorth::LogRetired,
        LogState::Retired | LogState::Qualified | LogState::Usable | LogState::ReadOnly => SctWorth::Counts,
    }
}

/// Embedded timestamps that Chrome wants.
fn wanted(certificate: &Certificate) -> usize {
    if certificate.not_after.since(certificate.not_before) > SHORT_LIFETIME { 3 } else { 2 }
}

/// What Chrome does not judge, and what we cannot.
fn exempt(case: &Case<'_>, certificate: &Certificate, path: &[CertId], logs: &LogList) -> Option<(CtPolicy, String)> {
    let is_public = path.last().and_then(|&last| case.is_anchor(last)) == Some(AnchorKind::Public);
    if !is_public {
        let why = "it leads to no public root: certificates of private CAs need not be logged";
        return Some((CtPolicy::NotRequired, why.to_owned()));
    }
    if certificate.not_before.unix() < POLICY_FROM {
        let why = "it was issued before 2022-04-15, when another policy applied";
        return Some((CtPolicy::NotChecked, why.to_owned()));
    }
    (case.at.since(logs.timestamp) >= MAX_LIST_AGE).then(|| {
        let why = format!(
            "the log list is of {}, too old to judge by: Chrome enforces nothing after 70 days",
            logs.timestamp
        );
        (CtPolicy::NotChecked, why)
    })
}

/// `CheckCTPolicyCompliance`: by timestamps beside the certificate, or by those in it.
fn policy(scts: &[Weighed<'_>], wanted: usize) -> CtPolicy {
    let signed = || scts.iter().filter(|sct| matches!(sct.worth, SctWorth::Counts | SctWorth::LogRetired));
    let is_embedded = |sct: &&Weighed<'_>| sct.delivery == Delivery::Embedded;
    let counts = |sct: &&Weighed<'_>| sct.worth == SctWorth::Counts;
    // Issued when the first of the logs that still count promised to publish it.
    let issued = signed().filter(counts).map(|sct| sct.sct.at()).min();
    // A log that was retired later may have been good when the certificate was made; beside the certificate only logs
    // that are good today serve.
    let quorum = signed().filter(is_embedded).filter(|sct| {
        counts(sct)
            || sct.log.is_some_and(|log| {
                sct.sct.at() < log.facts.since && issued.is_some_and(|issued| issued < log.facts.since)
            })
    });
    let mut logs: Vec<[u8; 32]> = quorum.map(|sct| sct.sct.log_id).collect();
    logs.sort_unstable();
    logs.dedup();
    let mut operators: Vec<&str> = signed()
        .filter(|sct| is_embedded(sct) || counts(sct))
        .filter_map(|sct| Some(sct.log?.operator_at(sct.sct.at())))
        .collect();
    operators.sort_unstable();
    operators.dedup();
    let beside = signed().filter(counts).any(|sct| !is_embedded(&sct));
    let inside = signed().filter(counts).any(|sct| is_embedded(&sct));
    match (beside || (inside && logs.len() >= wanted), operators.len() >= 2) {
        (true, true) => CtPolicy::Complies,
        (true, false) => CtPolicy::NotDiverse,
        (false, _) => CtPolicy::NotEnough,
    }
}
