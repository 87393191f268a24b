//! `plaintext-on-port`: a banner or an HTTP error.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::handshake::FailureKind;
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "plaintext-on-port",
    severity: Severity::Critical,
    title: "the port speaks another protocol, without TLS",
    explanation: "The answer to the ClientHello is not TLS but a protocol in plain text. curl says (35) wrong version \
                  number, browsers ERR_SSL_PROTOCOL_ERROR.",
    advice: "Use the TLS port of that service, enable TLS on the listener, or fix the port in the URL.",
    citations: &["RFC 8446 §5.1"],
    explains: &[Category::NotTls, Category::Handshake, Category::Closed],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    let outcome = support::when_all_fail(
        context,
        |failure| failure.kind == FailureKind::Plaintext,
        "enable TLS on this listener, or use the port that speaks TLS",
    );
    support::with_starttls(context, outcome)
}
