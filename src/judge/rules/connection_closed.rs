//! `connection-closed`: FIN before Finished.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::handshake::{FailureKind, Stage};
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "connection-closed",
    severity: Severity::Critical,
    title: "the server closes the connection during the handshake",
    explanation: "The server ended the connection before the handshake was complete, without a TLS alert: typical for \
                  a listener without a certificate, a proxy without a back-end for this name, or a plain TCP \
                  forwarder.",
    advice: "Check that a certificate is bound to the listener and that a back-end is healthy.",
    citations: &["RFC 8446 §6.1"],
    explains: &[Category::Closed, Category::Handshake],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    let outcome = support::when_all_fail(
        context,
        |failure| failure.stage != Stage::Starttls && failure.kind == FailureKind::Closed,
        "check that a certificate is bound to this listener and that its back-end is healthy",
    );
    support::with_starttls(context, outcome)
}
