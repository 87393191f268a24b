//! `chain-too-large`: a handshake message over our limit.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::handshake::FailureKind;
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "chain-too-large",
    severity: Severity::High,
    title: "the certificate message is larger than clients accept",
    explanation: "OpenSSL and curl stop at 100 KB, Java at 32 KB or 10 certificates, rustls at 64 KB. Such a chain is \
                  full of certificates that do not belong in it.",
    advice: "Serve the end entity and its intermediates only.",
    citations: &["RFC 8446 §4.4.2", "OpenSSL SSL_CTX_set_max_cert_list"],
    explains: &[Category::MessageTooBig, Category::Handshake],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::failing(
        context,
        |failure| failure.kind == FailureKind::TooLarge,
        "serve the end entity and its intermediates only",
    )
}
