//! `capabilities-differ`: the addresses of one name do not support the same.

use std::collections::BTreeSet;

use super::{Check, Context, Found, Outcome, Rule};
use crate::model::finding::{Severity, SubjectKind};
use crate::model::survey::{Support, Survey};

pub const RULE: Rule = Rule {
    code: "capabilities-differ",
    severity: Severity::Low,
    title: "the addresses do not support the same versions and suites",
    explanation: "A TLS policy that has not reached every edge, or a machine that was forgotten: some clients fail now \
                  and then, depending on the address that they pick.",
    advice: "Give every address the same TLS policy; then survey again.",
    citations: &["RFC 8446 §4.1.3", "RFC 9325 §3.1"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    let surveys =
        context.evidence.endpoints.iter().filter_map(|endpoint| Some((endpoint, &endpoint.survey.as_ref()?.survey)));
    // What was not learnt of one differs from nothing.
    let whole: Vec<_> = surveys.filter(|(_, survey)| survey.limits.is_empty()).collect();
    let mut groups: Vec<(BTreeSet<String>, Vec<String>)> = Vec::new();
    for (endpoint, survey) in whole {
        let (can, address) = (capabilities(survey), endpoint.address.to_string());
        match groups.iter_mut().find(|(other, _)| *other == can) {
            Some((_, addresses)) => addresses.push(address),
            None => groups.push((can, vec![address])),
        }
    }
    let [(most, _), rest @ ..] = groups.as_slice() else { return Outcome::NotApplicable };
    if rest.is_empty() {
        return Outcome::Clear;
    }
    let common = rest.iter().fold(most.clone(), |common, (can, _)| common.intersection(can).cloned().collect());
    let told: Vec<String> = groups.iter().map(|(can, addresses)| told(&common, can, addresses)).collect();
    let remedy = "give every address the same TLS policy";
    let found = Found::new(SubjectKind::Dns, context.target.host.to_string()).fact("groups", told);
    Outcome::Found(vec![found.remedy(remedy, None, true)])
}

/// Versions, suites and groups.
fn capabilities(survey: &Survey) -> BTreeSet<String> {
    let yes = survey.versions.iter().filter(|version| version.supported == Support::Yes);
    yes.flat_map(|version| {
        let title = if version.version.starts_with("SSL") {
            version.version.clone()
        } else {
            format!("TLS {}", version.version)
        };
        let parts = version.cipher_suites.iter().chain(&version.groups).map(|named| format!("{title} {}", named.name));
        parts.chain([title.clone()]).collect::<Vec<_>>()
    })
    .collect()
}

/// What these addresses have and others lack.
fn told(common: &BTreeSet<String>, can: &BTreeSet<String>, addresses: &[String]) -> String {
    /// Capabilities that are listed.
    const MAX_LISTED: usize = 6;
    let own: Vec<&str> = can.difference(common).map(String::as_str).collect();
    let shown = own.iter().take(MAX_LISTED).copied().collect::<Vec<_>>().join(", ");
    let more = if own.len() > MAX_LISTED { format!(" and {} more", own.len() - MAX_LISTED) } else { String::new() };
    let what = if own.is_empty() { "nothing that the others lack".to_owned() } else { format!("also {shown}{more}") };
    format!("{}: {what}", addresses.join(", "))
}
