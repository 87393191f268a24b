//! `nothing-in-common`: alert handshake_failure or insufficient_security.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::handshake::FailureKind;
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "nothing-in-common",
    severity: Severity::Critical,
    title: "no cipher suite, group or signature algorithm in common",
    explanation: "The server found nothing it can use in what a current client offers: only RSA key exchange, CBC or \
                  RC4 suites, an unusual curve, or a key no client supports.",
    advice: "Enable ECDHE suites with AES-GCM and the group X25519 or P-256 on the listener.",
    citations: &["RFC 8446 §6.2", "RFC 9325 §4.2"],
    explains: &[Category::Handshake, Category::WeakHandshake, Category::TlsVersion],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::without_overlap(
        context,
        FailureKind::NothingInCommon,
        "enable ECDHE with AES-GCM, and X25519 or P-256, in the listener's security policy",
    )
}
