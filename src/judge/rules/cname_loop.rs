//! `cname-loop`: an alias whose target was seen before.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::resolution::DnsStatus;

pub const RULE: Rule = Rule {
    code: "cname-loop",
    severity: Severity::Critical,
    title: "the CNAME chain leads back to itself",
    explanation: "An alias points, directly or over others, to a name that was already passed. Resolvers give up; \
                  clients see a resolution failure.",
    advice: "Change one of the aliases in the loop to point to the real endpoint.",
    citations: &["RFC 1034 §3.6.2", "RFC 1034 §5.2.2"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::when_dns(
        context,
        |dns| dns.status == DnsStatus::Loop,
        |found| found.remedy("point one of the aliases in the loop to the real endpoint", None, true),
    )
}
