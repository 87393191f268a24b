//! `handshake-refused`: an alert that has no finding of its own.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::handshake::FailureKind;
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "handshake-refused",
    severity: Severity::Critical,
    title: "the server refuses the handshake with an alert",
    explanation: "The server ended the handshake with a fatal TLS alert. internal_error is often a listener without a \
                  usable certificate or key; access_denied a policy.",
    advice: "Read the server's log at this time; check that certificate and key are loaded.",
    citations: &["RFC 8446 §6.2"],
    explains: &[Category::Handshake, Category::Other],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::when_all_fail(
        context,
        |failure| failure.kind == FailureKind::Alert && failure.alert.as_deref() != Some("unrecognized_name"),
        "read the server's log; check that its certificate and key are loaded",
    )
}
