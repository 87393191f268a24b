//! `starttls-not-offered`: the protocol is the right one, TLS is not among what it can do.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::handshake::FailureKind;
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "starttls-not-offered",
    severity: Severity::Critical,
    title: "the server does not offer to turn to TLS",
    explanation: "The server speaks the protocol that was asked for and does not list STARTTLS among its capabilities: TLS \
                  is not configured, is offered on another port or to other networks only, or something on the way takes \
                  the offer out of the stream. Clients that insist on TLS fail; all others send passwords and mail in \
                  plain text.",
    advice: "Give the server a certificate and key and switch STARTTLS on; probe from its own network too, to see whether \
             something on the way removes the offer.",
    citations: &["RFC 3207 §4", "RFC 9051 §6.2.1", "RFC 2595 §4", "RFC 4217 §4", "RFC 8314 §4.1"],
    explains: &[Category::NotTls],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::when_all_fail(
        context,
        |failure| failure.kind == FailureKind::StarttlsNotOffered,
        "give the server a certificate and switch STARTTLS on; where it is on, look for what removes the offer on the way",
    )
}
