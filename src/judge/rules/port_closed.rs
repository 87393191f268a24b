//! `port-closed`: RST in answer to SYN.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::handshake::FailureKind;
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "port-closed",
    severity: Severity::Critical,
    title: "nothing listens on the port",
    explanation: "The connection was refused at once: the host is there, but no program listens on this port, or a \
                  firewall answers for it. curl says (7) Connection refused, browsers ERR_CONNECTION_REFUSED.",
    advice: "Start the listener, or probe the port that it uses.",
    citations: &["RFC 9293 §3.10.7.1"],
    explains: &[Category::Refused],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::when_all_fail(
        context,
        |failure| failure.kind == FailureKind::Refused,
        "start the listener on this port, or check the port number and the firewall",
    )
}
