//! `starttls-refused`: asked for TLS, the server says no; or it says no to everybody.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::handshake::FailureKind;
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "starttls-refused",
    severity: Severity::Critical,
    title: "the server refuses to turn to TLS",
    explanation: "The server answered the request for TLS, or already the connection, with a refusal in its own words. Mail \
                  servers say 454 when their certificate or key cannot be read, and 421 or 554 to clients that they do not \
                  want at all; databases refuse by address.",
    advice: "Read the server's log at this moment: certificate and key must be readable to it and belong together; else \
             look for the rule that turns this client away.",
    citations: &["RFC 3207 §4", "RFC 4511 §4.14.2"],
    explains: &[Category::NotTls],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::when_all_fail(
        context,
        |failure| failure.kind == FailureKind::StarttlsRefused,
        "look in the server's log for why: a certificate or key it cannot read, or a rule against this client's address",
    )
}
