//! `addresses-differ`: more than one chain behind one name.

use super::{Check, Context, Found, Outcome, Rule};
use crate::model::finding::{Severity, SubjectKind};

pub const RULE: Rule = Rule {
    code: "addresses-differ",
    severity: Severity::Medium,
    title: "the addresses serve different chains",
    explanation: "A deployment that has not reached every edge yet, or one that was forgotten: what a client sees \
                  depends on the address it picks.",
    advice: "Deploy the same certificate and chain to every address; then probe again.",
    citations: &["RFC 8446 §4.4.2"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    let chains: Vec<_> = context.chains().collect();
    if chains.is_empty() {
        return Outcome::NotApplicable;
    }
    let first = &chains[0].1.served_list;
    if chains.iter().all(|(_, deployment)| deployment.served_list == *first) {
        return Outcome::Clear;
    }
    let groups: Vec<String> = chains
        .iter()
        .map(|(_, deployment)| {
            let addresses: Vec<String> = deployment
                .endpoints
                .iter()
                .map(|&index| context.evidence.endpoints[index].address.to_string())
                .collect();
            let subject =
                deployment.served.first().map_or("?".to_owned(), |&id| context.judgement.pool.get(id).subject.short());
            format!("{}: {} certificates for {subject}", addresses.join(", "), deployment.served_list.len())
        })
        .collect();
    let remedy = "deploy the same certificate and chain to every address";
    Outcome::Found(vec![
        Found::new(SubjectKind::Dns, context.target.host.to_string()).fact("groups", groups).remedy(remedy, None, true),
    ])
}
