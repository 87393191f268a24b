//! `https-record-hints-differ`: the addresses in an HTTPS record are not those of the name.

use std::net::IpAddr;

use super::{Check, Context, Found, Outcome, Rule};
use crate::model::finding::{Severity, SubjectKind};

pub const RULE: Rule = Rule {
    code: "https-record-hints-differ",
    severity: Severity::Low,
    title: "the address hints of an HTTPS record are not addresses of the name",
    explanation: "A browser may connect to the hints (ipv4hint, ipv6hint) before it knows the addresses of the name. None of \
                  them is one of those: typically the addresses were changed and the record forgotten, and browsers go on \
                  using the old server while other programs use the new one.",
    advice: "Update the hints, or leave them out: they only save a moment.",
    citations: &["RFC 9460 §7.3"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    let dns = &context.evidence.resolution;
    let Some(records) = &dns.https else { return Outcome::NotApplicable };
    let mut found = Vec::new();
    for record in records.iter().filter(|record| record.priority != 0) {
        let own = Some(&record.target) == dns.final_name.as_ref() || record.target == context.target.host.to_string();
        let known: Vec<IpAddr> = match own {
            true => dns.addresses.iter().map(|address| address.ip).collect(),
            false => record.target_addresses.clone(),
        };
        for v6 in [false, true] {
            let of_family =
                |ips: &[IpAddr]| -> Vec<IpAddr> { ips.iter().copied().filter(|ip| ip.is_ipv6() == v6).collect() };
            let (hints, known) = (of_family(&record.hints), of_family(&known));
            // Sets that overlap are what a load balancer answers.
            if hints.is_empty() || known.is_empty() || hints.iter().any(|hint| known.contains(hint)) {
                continue;
            }
            let words = |ips: &[IpAddr]| ips.iter().map(ToString::to_string).collect::<Vec<_>>();
            found.push(
                Found::new(SubjectKind::Dns, record.owner.clone())
                    .fact("target", record.target.as_str())
                    .fact("hints", words(&hints))
                    .fact("addresses", words(&known))
                    .fact("ttl", record.ttl)
                    .remedy("update the hints in the HTTPS record, or leave them out", None, true),
            );
        }
    }
    Outcome::of(found)
}
