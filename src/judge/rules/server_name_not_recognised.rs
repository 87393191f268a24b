//! `server-name-not-recognised`: the alert unrecognized_name.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "server-name-not-recognised",
    severity: Severity::Critical,
    title: "the server does not serve this name",
    explanation: "The server answered the SNI host name with the alert unrecognized_name: no virtual host, domain \
                  binding or certificate for this name is configured on the gateway.",
    advice: "Bind the domain and its certificate to the listener or gateway.",
    citations: &["RFC 6066 §3"],
    explains: &[Category::UnrecognizedName, Category::Handshake],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::when_all_fail(
        context,
        |failure| failure.alert.as_deref() == Some("unrecognized_name"),
        "bind the domain and its certificate to the listener or gateway",
    )
}
