//! `starttls-failed`: the conversation before TLS breaks off.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::handshake::{FailureKind, Stage};
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "starttls-failed",
    severity: Severity::Critical,
    title: "the conversation before TLS breaks off",
    explanation: "The server accepted the connection, and in the plain text that comes before TLS it fell silent, hung up or \
                  broke the protocol. Nothing can be said of its TLS. Some mail servers make strangers wait for their \
                  greeting, longer than a diagnosis takes.",
    advice: "Check what listens on the port, and whether it is meant to speak this protocol; give it more time with \
             --timeout.",
    citations: &["RFC 5321 §4.5.3.2"],
    explains: &[Category::NotTls, Category::Closed, Category::Timeout],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    let fails_as = |kinds: &'static [FailureKind], remedy: &str| {
        support::when_all_fail(
            context,
            |failure| failure.stage == Stage::Starttls && kinds.contains(&failure.kind),
            remedy,
        )
    };
    let silent = fails_as(
        &[FailureKind::Timeout],
        "give it more time (--timeout 60s), and check that the port speaks this protocol and is not overloaded",
    );
    if !matches!(silent, Outcome::Clear) {
        return silent;
    }
    let broken = fails_as(
        &[FailureKind::Closed, FailureKind::Reset, FailureKind::Unreachable],
        "check that the port speaks this protocol and that no filter turns this client away; look in the server's log",
    );
    if !matches!(broken, Outcome::Clear) {
        return broken;
    }
    fails_as(
        &[FailureKind::Protocol, FailureKind::TooLarge],
        "check what listens on the port and what stands in front of it; try the real client of this protocol",
    )
}
