//! `implicit-tls-on-port`: STARTTLS was asked for where TLS is spoken anyway.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::handshake::FailureKind;
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "implicit-tls-on-port",
    severity: Severity::Critical,
    title: "the port speaks TLS from the start",
    explanation: "Plain text was expected, with a request for TLS, and the port waits for a ClientHello at once (\"implicit \
                  TLS\", as on the ports 465, 993, 995 and 636). A client that is set to STARTTLS hangs there.",
    advice: "Set the client to TLS (often called SSL/TLS) instead of STARTTLS, or use the protocol's plain-text port.",
    citations: &["RFC 8314 §3"],
    explains: &[Category::NotTls, Category::Timeout, Category::Closed],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    let remedy = "set the client to TLS instead of STARTTLS; probe it without --starttls";
    let outcome = support::when_all_fail(context, |failure| failure.kind == FailureKind::ImplicitTls, remedy);
    support::with_command(outcome, &support::probe_command(context, None))
}
