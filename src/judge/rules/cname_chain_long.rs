//! `cname-chain-long`: more aliases than some resolvers follow.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::resolution::DnsStatus;

/// Aliases that every resolver we know follows: hickory-resolver stops after 8, Unbound after 11, BIND after 16.
const FOLLOWED_BY_ALL: usize = 8;

pub const RULE: Rule = Rule {
    code: "cname-chain-long",
    severity: Severity::Low,
    title: "the CNAME chain is longer than some resolvers follow",
    explanation: "There are more than 8 aliases on the way to an address. The resolver that was asked followed them; others stop \
                  earlier, and each alias is one more zone that must work and one more TTL to wait for.",
    advice: "Point the first alias closer to the final endpoint.",
    citations: &["RFC 1034 §3.6.2", "RFC 1123 §6.1.2.1"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::when_dns(
        context,
        |dns| dns.cname_chain.len() > FOLLOWED_BY_ALL && !matches!(dns.status, DnsStatus::TooLong | DnsStatus::Loop),
        |found| {
            let aliases = context.evidence.resolution.cname_chain.len();
            found.fact("aliases", aliases).remedy("point the first alias closer to the final endpoint", None, true)
        },
    )
}
