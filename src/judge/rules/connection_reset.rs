//! `connection-reset`: RST after SYN-ACK.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::handshake::{FailureKind, Stage};
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "connection-reset",
    severity: Severity::Critical,
    title: "the connection is reset during the handshake",
    explanation: "The TCP connection stood and was then cut by a RST, often by a middlebox or firewall that inspects \
                  SNI, a load balancer without a healthy back-end, or a server process that crashes.",
    advice: "Look at the server's and the load balancer's logs at this time; try from another network to find a \
             middlebox.",
    citations: &["RFC 9293 §3.5.2"],
    explains: &[Category::Closed],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    let outcome = support::when_all_fail(
        context,
        |failure| failure.stage != Stage::Starttls && failure.kind == FailureKind::Reset,
        "look at the load balancer's and the server's logs; try from another network",
    );
    support::with_starttls(context, outcome)
}
