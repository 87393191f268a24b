//! `ipv6-only`: no address for those without IPv6.

use super::{Check, Context, Found, Outcome, Rule};
use crate::model::finding::{Severity, SubjectKind};
use crate::model::resolution::DnsStatus;

pub const RULE: Rule = Rule {
    code: "ipv6-only",
    severity: Severity::Low,
    title: "the name has IPv6 addresses only",
    explanation: "Clients in networks without IPv6, which are still about half of all, cannot connect, and say that the name or \
                  the network is unreachable.",
    advice: "Add an A record, unless only clients with IPv6 are meant.",
    citations: &["RFC 4213 §2.2", "RFC 6555 §1"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    let dns = &context.evidence.resolution;
    if dns.status != DnsStatus::Noerror || dns.addresses.iter().any(|address| address.ttl.is_none()) {
        return Outcome::NotApplicable;
    }
    if dns.addresses.iter().any(|address| address.ip.is_ipv4()) {
        return Outcome::Clear;
    }
    if dns.detail.is_some() {
        return Outcome::Undetermined("the answer was not clean: IPv4 addresses may be missing from it");
    }
    let addresses: Vec<String> = dns.addresses.iter().map(|address| address.ip.to_string()).collect();
    let found = Found::new(SubjectKind::Dns, dns.final_name.clone().unwrap_or_default())
        .fact("addresses", addresses)
        .remedy("add an A record, unless only clients with IPv6 are meant", None, true);
    Outcome::Found(vec![found])
}
