//! `address-family-fails`: IPv4 works and IPv6 does not, or the other way round.

use super::{Check, Context, Found, Outcome, Rule, some_addresses_fail, support};
use crate::model::finding::{Severity, SubjectKind};

pub const RULE: Rule = Rule {
    code: "address-family-fails",
    severity: Severity::Medium,
    title: "all addresses of one family fail, those of the other work",
    explanation: "Every IPv6 address fails and every IPv4 address works, or the reverse. Browsers and curl try both and hide it \
                  behind a short delay; programs that take the first address (many Java, PHP and Python ones) wait or fail, \
                  and clients in networks with only that family cannot connect. Usual causes: a firewall rule or listener \
                  that exists for one family only, or an AAAA record that was left behind.",
    advice: "Let the server listen and the firewall pass on both families, or take the failing records out of the DNS.",
    citations: &["RFC 8305 §4", "RFC 6724 §6"],
    explains: some_addresses_fail::RULE.explains,
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    let Some((failing, working)) = support::failing_family(context) else { return Outcome::Clear };
    let words: Vec<String> = failing
        .iter()
        .map(|endpoint| {
            let message = endpoint.failure.as_ref().map_or("no reason known", |failure| &failure.message);
            format!("{}: {message}", endpoint.address)
        })
        .collect();
    let first = failing[0].address;
    let family = if first.is_ipv6() { "IPv6" } else { "IPv4" };
    let record = if first.is_ipv6() { "AAAA" } else { "A" };
    let mut found = Found::new(SubjectKind::Endpoint, first.to_string())
        .fact("family", family)
        .fact("failing", words)
        .fact("working", working.iter().map(|endpoint| endpoint.address.to_string()).collect::<Vec<_>>())
        .remedy(
            format!("make the server reachable over {family}, or take the {record} records out of the DNS"),
            None,
            true,
        );
    found.deployment = context.deployment_of(first);
    Outcome::Found(vec![found])
}
