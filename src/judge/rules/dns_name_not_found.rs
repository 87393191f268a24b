//! `dns-name-not-found`: proven by the name server's own answer.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::resolution::DnsStatus;

pub const RULE: Rule = Rule {
    code: "dns-name-not-found",
    severity: Severity::Critical,
    title: "the name does not exist in the DNS",
    explanation: "The name servers answered that there is no such name (NXDOMAIN). No client gets as far as a \
                  certificate: browsers show ERR_NAME_NOT_RESOLVED or DNS_PROBE_FINISHED_NXDOMAIN, curl says (6) Could \
                  not resolve host.",
    advice: "Check the spelling, create the record in the zone, or wait until the negative answer's TTL has \
             passed when it was created just now.",
    citations: &["RFC 2308 §2.1", "RFC 1034 §4.3.1"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::when_dns(
        context,
        |dns| dns.status == DnsStatus::Nxdomain && dns.cname_chain.is_empty(),
        |found| {
            found.remedy(
                "create the record in its zone; resolvers may remember the refusal for the negative TTL",
                None,
                true,
            )
        },
    )
}
