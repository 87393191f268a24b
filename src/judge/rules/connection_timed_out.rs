//! `connection-timed-out`: silence to a SYN.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::handshake::{FailureKind, Stage};
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "connection-timed-out",
    severity: Severity::Critical,
    title: "the port does not answer",
    explanation: "No answer came to the connection attempt: packets are dropped, most often by a firewall, a security \
                  group or a load balancer without this listener; or the address is dead.",
    advice: "Open the port in the security group or firewall; check that the address in the DNS is the gateway's.",
    citations: &["RFC 9293 §3.8.3"],
    explains: &[Category::Timeout, Category::Closed],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::when_all_fail(
        context,
        |failure| failure.stage == Stage::Tcp && failure.kind == FailureKind::Timeout,
        "open the port in the security group or firewall, and check that the address is the right one",
    )
}
