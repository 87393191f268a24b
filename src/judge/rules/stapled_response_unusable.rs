//! `stapled-response-unusable`: the server staples something that says nothing of its certificate.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::revocation::{NoAnswer, RevocationSource};
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "stapled-response-unusable",
    severity: Severity::Medium,
    title: "the stapled OCSP response says nothing of this certificate",
    explanation: "What the server sends as OCSP response is none, is an error of the responder, is about another \
                  certificate, lies in the future, or is signed neither by the issuer nor by a responder that the issuer \
                  certified for it. Firefox and GnuTLS programs refuse the connection; Chrome ignores it; others do not \
                  look. After a certificate was replaced the old one's response is often stapled on.",
    advice: "Have the server fetch a response for the certificate it serves now, or switch stapling off.",
    citations: &["RFC 6960 §3.2, §4.2.2.2", "RFC 6066 §8"],
    explains: &[Category::Staple],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::on_revocation_answer(
        context,
        |answer| {
            answer.source == Some(RevocationSource::Staple)
                && answer.problem.is_some_and(|problem| problem != NoAnswer::Expired)
        },
        "have the server fetch a response for the certificate that it serves",
    )
}
