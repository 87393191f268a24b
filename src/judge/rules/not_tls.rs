//! `not-tls`: garbage.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::handshake::FailureKind;
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "not-tls",
    severity: Severity::Critical,
    title: "what answers is not TLS",
    explanation: "The bytes that came back are neither TLS nor a protocol we recognise.",
    advice: "Check what listens on the port; a proxy protocol or a TCP forwarder in front may garble the stream.",
    citations: &["RFC 8446 §5.1"],
    explains: &[Category::NotTls, Category::Handshake, Category::Closed],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    let outcome = support::when_all_fail(
        context,
        |failure| failure.kind == FailureKind::NotTls,
        "check what listens on the port and what stands in front of it",
    );
    support::with_starttls(context, outcome)
}
