//! `local-failure`: the fault is on this side.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::handshake::FailureKind;
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "local-failure",
    severity: Severity::High,
    title: "this machine could not look",
    explanation: "The system here refused what a connection needs: a socket, a port of its own, memory, random numbers. It \
                  says nothing about the server.",
    advice: "Raise the limit on open files (ulimit -n), close other programs, look at the local firewall; then probe again.",
    citations: &["POSIX.1-2017 socket, connect"],
    explains: &[Category::Other, Category::Refused],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::when_all_fail(
        context,
        |failure| failure.kind == FailureKind::Local,
        "raise the limit on open files (ulimit -n), or look at the local firewall; then probe again",
    )
}
