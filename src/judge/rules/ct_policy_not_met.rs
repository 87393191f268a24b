//! `ct-policy-not-met`: the certificate has timestamps enough, and too few of them count.

use super::no_scts;
use super::{Check, Context, Found, Outcome, Rule, support};
use crate::judge::ct;
use crate::model::ct::{CheckedSct, CtPolicy, SctWorth};
use crate::model::finding::{Severity, SubjectKind};
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "ct-policy-not-met",
    severity: Severity::High,
    title: "the certificate's timestamps (SCTs) do not satisfy Chrome",
    explanation: "By the list of logs that was given, the timestamps that came with the certificate are too few or too \
                  alike: some are of logs that Chrome does not know or has retired, are not signed for this certificate, \
                  or all come from one operator. Chrome wants logs of two operators at least: two for a lifetime of up to \
                  180 days, else three. It then says ERR_CERTIFICATE_TRANSPARENCY_REQUIRED. Safari and Firefox have \
                  similar rules and lists of their own; other programs do not look.",
    advice: "Have the certificate reissued; when a new one has the same fault, tell the CA which logs do not count.",
    citations: &["googlechrome.github.io/CertificateTransparency/ct_policy.html", "RFC 6962 §3.2, §3.3"],
    explains: &[Category::CertificateTransparency],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    if context.settings.anchors.logs().is_none() {
        return Outcome::NotApplicable;
    }
    support::per_chain(context, |_, deployment| {
        let certificate = context.judgement.pool.get(support::end_entity(deployment)?);
        let facts = ct::of_deployment(context.judgement, context.evidence, context.settings, deployment)?;
        // Too few to begin with is another finding.
        if !facts.policy.is_broken() || no_scts::is_so(context, deployment) {
            return None;
        }
        let found = Found::new(SubjectKind::Certificate, certificate.fingerprint.to_string())
            .fact("subject", certificate.subject.to_string())
            .fact("wanted", facts.wanted)
            .fact("all_of_one_operator", facts.policy == CtPolicy::NotDiverse)
            .fact("timestamps", facts.scts.iter().map(words).collect::<Vec<_>>());
        Some(found.remedy("have the certificate reissued", None, true))
    })
}

/// A timestamp in words.
fn words(sct: &CheckedSct) -> String {
    let log = sct.log.clone().unwrap_or_else(|| format!("log {}", &sct.log_id[..16]));
    let worth = match sct.worth {
        SctWorth::Counts => "counts",
        SctWorth::LogRetired => "the log has been retired",
        SctWorth::LogNotAccepted => "the log is not accepted",
        SctWorth::UnknownLog => "not in the list",
        SctWorth::BadSignature => "the signature does not verify",
        SctWorth::InTheFuture => "its time is still to come",
        SctWorth::NotChecked => "could not be checked",
    };
    match &sct.operator {
        Some(operator) => format!("{log} ({operator}): {worth}"),
        None => format!("{log}: {worth}"),
    }
}
