//! `no-certificate-served`: a Certificate message without certificates.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::handshake::FailureKind;
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "no-certificate-served",
    severity: Severity::Critical,
    title: "the server sends an empty certificate list",
    explanation: "A TLS server must send at least its own certificate.",
    advice: "Bind a certificate to the listener.",
    citations: &["RFC 8446 §4.4.2.4", "RFC 5246 §7.4.2"],
    explains: &[Category::Handshake, Category::Closed, Category::BadFormat, Category::Other],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::when_all_fail(
        context,
        |failure| failure.kind == FailureKind::NoCertificate,
        "bind a certificate to the listener",
    )
}
