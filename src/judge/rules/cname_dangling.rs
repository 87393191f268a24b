//! `cname-dangling`: aliases that lead nowhere.

use super::{Check, Context, Outcome, Rule, support};
use crate::judge::providers;
use crate::model::finding::Severity;
use crate::model::resolution::DnsStatus;

pub const RULE: Rule = Rule {
    code: "cname-dangling",
    severity: Severity::Critical,
    title: "the CNAME chain ends at a name that has no address",
    explanation: "The name is an alias, but what it stands for does not exist or has no address: typically a cloud \
                  gateway or CDN domain that was deleted or never created. Whoever can create that target takes the \
                  name over, so it is a security fault too.",
    advice: "Point the CNAME to an endpoint that exists, or remove the record.",
    citations: &["RFC 1034 §3.6.2", "RFC 2308 §2.1"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::when_dns(
        context,
        |dns| !dns.cname_chain.is_empty() && matches!(dns.status, DnsStatus::Nxdomain | DnsStatus::Nodata),
        |found| {
            let provider = providers::of(&context.evidence.resolution.cname_chain);
            // At a provider the name can often be had by whoever asks first.
            let found = match provider {
                Some(provider) => found.fact("provider", format!("{} {}", provider.name, provider.product).trim_end()),
                None => found,
            };
            found.remedy("point the CNAME to an endpoint that exists, or remove it", None, true)
        },
    )
}
