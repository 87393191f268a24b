//! `stapled-response-expired`: the server staples an OCSP response whose time is over.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::revocation::{NoAnswer, RevocationSource};
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "stapled-response-expired",
    severity: Severity::Medium,
    title: "the stapled OCSP response is out of date",
    explanation: "The server sends an OCSP response along with its certificate and has not renewed it in time. Firefox and \
                  GnuTLS programs refuse the connection (SEC_ERROR_OCSP_OLD_RESPONSE); Chrome ignores an old response; \
                  others do not look. Often the server cannot reach the responder, or was given the response in a file \
                  that nobody replaces.",
    advice: "Let the server reach its CA's OCSP responder, renew the file it staples from, or switch stapling off.",
    citations: &["RFC 6960 §4.2.2.1", "RFC 6066 §8"],
    explains: &[Category::Staple],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::on_revocation_answer(
        context,
        |answer| answer.source == Some(RevocationSource::Staple) && answer.problem == Some(NoAnswer::Expired),
        "renew the stapled response: let the server reach the responder, or replace its file",
    )
}
