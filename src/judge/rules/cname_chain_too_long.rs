//! `cname-chain-too-long`: more aliases than we follow.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::resolution::DnsStatus;

pub const RULE: Rule = Rule {
    code: "cname-chain-too-long",
    severity: Severity::High,
    title: "the CNAME chain is longer than resolvers follow",
    explanation: "Resolvers stop after some 8 to 16 aliases; who resolves the name and who does not then depends on \
                  the resolver.",
    advice: "Point the first alias closer to the final endpoint.",
    citations: &["RFC 1034 §3.6.2", "RFC 1123 §6.1.2.1"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::when_dns(
        context,
        |dns| dns.status == DnsStatus::TooLong,
        |found| found.remedy("point the first alias closer to the final endpoint", None, true),
    )
}
