//! `dns-no-address`: the name server answered with nothing.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::resolution::DnsStatus;

pub const RULE: Rule = Rule {
    code: "dns-no-address",
    severity: Severity::Critical,
    title: "the name exists, but has no address",
    explanation: "The name servers know the name but hold neither an A nor an AAAA record for it. Nothing can connect \
                  to it.",
    advice: "Add an A or AAAA record, or a CNAME to the gateway's public endpoint.",
    citations: &["RFC 2308 §2.2"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::when_dns(
        context,
        |dns| dns.status == DnsStatus::Nodata && dns.cname_chain.is_empty(),
        |found| found.remedy("add an A or AAAA record, or a CNAME to the gateway's endpoint", None, true),
    )
}
