//! `address-unreachable`: ICMP unreachable.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::handshake::{FailureKind, Stage};
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "address-unreachable",
    severity: Severity::Critical,
    title: "the address cannot be reached",
    explanation: "A router or this machine said that there is no way to the host or network.",
    advice: "Check that the address in the DNS is public and right, and the route to it.",
    citations: &["RFC 792", "RFC 4443 §3.1"],
    explains: &[Category::Refused, Category::Other, Category::Timeout],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::when_all_fail(
        context,
        |failure| failure.stage != Stage::Starttls && failure.kind == FailureKind::Unreachable,
        "check the address in the DNS and the route to it",
    )
}
