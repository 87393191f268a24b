//! `handshake-timed-out`: silence after a ClientHello.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::handshake::{FailureKind, Stage};
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "handshake-timed-out",
    severity: Severity::Critical,
    title: "the server accepts the connection and then says nothing",
    explanation: "TCP connects, but no answer comes to the ClientHello: an overloaded server, a listener that waits \
                  for the client to speak another protocol, or a middlebox that swallows large hellos.",
    advice: "Check what listens on the port and whether its back-end is healthy.",
    citations: &["RFC 8446 §4.1.2"],
    explains: &[Category::Timeout, Category::Closed],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    let outcome = support::when_all_fail(
        context,
        |failure| !matches!(failure.stage, Stage::Tcp | Stage::Starttls) && failure.kind == FailureKind::Timeout,
        "check what listens on the port and whether it is overloaded",
    );
    support::with_starttls(context, outcome)
}
