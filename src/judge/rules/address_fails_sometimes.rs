//! `address-fails-sometimes`: one of the servers behind an address is broken.

use super::{Check, Context, Found, Outcome, Rule, support};
use crate::model::finding::{Severity, SubjectKind};
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "address-fails-sometimes",
    severity: Severity::Medium,
    title: "an address completes a handshake, and another time does not",
    explanation: "Several handshakes with the same address ended differently: one of the servers behind it is down, full or \
                  set up in another way. Users see errors that a reload of the page seems to mend.",
    advice: "Find the back-end that fails, by its log or by taking them out one by one; then sample again.",
    citations: &["RFC 9110 §3.7"],
    explains: &[
        Category::Refused,
        Category::Timeout,
        Category::Closed,
        Category::NotTls,
        Category::Handshake,
        Category::Other,
        Category::TlsVersion,
        Category::UnrecognizedName,
    ],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    let addresses = support::sampled(context);
    if addresses.is_empty() {
        return Outcome::NotApplicable;
    }
    let mut found = Vec::new();
    for (address, entries) in addresses {
        let endpoints = || entries.iter().map(|&index| &context.evidence.endpoints[index]);
        let (good, bad): (Vec<_>, Vec<_>) = endpoints().partition(|endpoint| !endpoint.served_chain.is_empty());
        if good.is_empty() || bad.is_empty() {
            continue;
        }
        let told = bad.iter().filter_map(|endpoint| {
            let samples = endpoint.samples?;
            Some(format!("{} of {}: {}", samples.seen, samples.made, endpoint.failure.as_ref()?.message))
        });
        let mut finding = Found::new(SubjectKind::Endpoint, address.to_string())
            .fact("failing", told.collect::<Vec<_>>())
            .remedy("find the back-end behind this address that fails, and repair it or take it out", None, true);
        let is_bad = |&&index: &&usize| context.evidence.endpoints[index].served_chain.is_empty();
        finding.deployment = entries
            .iter()
            .find(is_bad)
            .and_then(|&index| context.judgement.deployments.iter().position(|known| known.endpoints.contains(&index)));
        found.push(finding);
    }
    Outcome::of(found)
}
