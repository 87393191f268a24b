//! `handshake-protocol-error`: a violation our stack met.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::handshake::{FailureKind, Stage};
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "handshake-protocol-error",
    severity: Severity::Critical,
    title: "the server breaks the TLS protocol",
    explanation: "The server began a TLS handshake and then sent something the protocol does not allow.",
    advice: "Update the server's TLS library; look for a middlebox that changes the stream.",
    citations: &["RFC 8446 §6.2"],
    explains: &[Category::Handshake, Category::Closed, Category::NotTls, Category::Other],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::when_all_fail(
        context,
        |failure| failure.stage != Stage::Starttls && failure.kind == FailureKind::Protocol,
        "update the server's TLS library; look for a middlebox that changes the stream",
    )
}
