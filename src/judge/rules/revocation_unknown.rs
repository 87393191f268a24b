//! `revocation-unknown`: somebody was asked whether a certificate is revoked, and nothing follows from the answers.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::revocation::{RevocationSource, RevocationStatus};

pub const RULE: Rule = Rule {
    code: "revocation-unknown",
    severity: Severity::Low,
    title: "whether a certificate is revoked cannot be told",
    explanation: "Its CRL was fetched or its OCSP responder asked, and neither says anything that holds: no answer came, or \
                  it is old, is about other certificates, or is not signed by whom it may be. Unknown is not good and not \
                  revoked. Most clients go on without an answer; those that are set to insist on one (hard fail) refuse.",
    advice: "See why each answer does not count; when the CA's addresses are reached again, run the check again.",
    citations: &["RFC 5280 §6.3.3", "RFC 6960 §2.2, §3.2"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::on_revocation(context, |_, revocation, found| {
        let was_asked = |source| matches!(source, RevocationSource::Crl | RevocationSource::Ocsp);
        let is_unknown = revocation.answer.status == RevocationStatus::Unknown;
        if !is_unknown || !support::answers(revocation).filter_map(|answer| answer.source).any(was_asked) {
            return None;
        }
        let whys: Vec<String> = support::answers(revocation)
            .filter_map(|answer| {
                let from = answer.url.as_deref().map_or("the staple".to_owned(), crate::x509::dn::printable);
                Some(format!("{from}: {}", answer.why.as_ref()?))
            })
            .collect();
        Some(found.fact("answers", whys))
    })
}
