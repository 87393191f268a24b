//! `addresses-differ`: more than one chain behind one name.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::handshake::EndpointEvidence;

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
    let endpoints_of = |index: usize| -> Vec<&EndpointEvidence> {
        let indices = &context.judgement.deployments[index].endpoints;
        indices.iter().map(|&index| &context.evidence.endpoints[index]).collect()
    };
    // Deployments may differ in how their handshake ended alone.
    let mut groups: Vec<(usize, Vec<&EndpointEvidence>)> = Vec::new();
    for (index, deployment) in chains {
        let is_same = |(known, _): &&mut (usize, Vec<_>)| {
            context.judgement.deployments[*known].served_list == deployment.served_list
        };
        match groups.iter_mut().find(is_same) {
            Some((_, members)) => members.extend(endpoints_of(index)),
            None => groups.push((index, endpoints_of(index))),
        }
    }
    // What servers behind one address do in turn is not a matter of the addresses.
    let addresses = |(_, members): &(usize, Vec<&EndpointEvidence>)| -> BTreeSet<SocketAddr> {
        members.iter().map(|endpoint| endpoint.address).collect()
    };
    if groups.iter().all(|group| addresses(group) == addresses(&groups[0])) {
        return Outcome::Clear;
    }
    let told = groups.iter().map(|(index, members)| {
        let deployment = &context.judgement.deployments[*index];
        let labels: Vec<String> = members.iter().map(|endpoint| support::label(endpoint)).collect();
        let subject = support::served_for(context, deployment);
        format!("{}: {} certificates for {subject}", labels.join(", "), deployment.served_list.len())
    });
    let told: Vec<String> = told.collect();
    let members: Vec<Vec<&EndpointEvidence>> = groups.into_iter().map(|(_, members)| members).collect();
    let remedy = "deploy the same certificate and chain to every address";
    Outcome::Found(vec![support::name_odd(context, &members).fact("groups", told).remedy(remedy, None, true)])
}
