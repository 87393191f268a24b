//! `address-serves-several-chains`: servers take turns behind one address, and do not serve the same.

use super::{Check, Context, Found, Outcome, Rule, support};
use crate::judge::Deployment;
use crate::model::finding::{Severity, SubjectKind};

pub const RULE: Rule = Rule {
    code: "address-serves-several-chains",
    severity: Severity::Medium,
    title: "one address serves now this chain, now another",
    explanation: "Several handshakes with the same address brought different chains: a load balancer with back-ends that were \
                  not all renewed, a node that was forgotten, or a reload in progress. What a client sees is chance, and so \
                  is what a single check of it reports.",
    advice: "Find the back-end that serves the odd chain and deploy to it; then sample again.",
    citations: &["RFC 8446 §4.4.2"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    let addresses = support::sampled(context);
    if addresses.is_empty() {
        return Outcome::NotApplicable;
    }
    let mut found = Vec::new();
    for (address, entries) in addresses {
        // One chain with two versions of TLS is another matter.
        let mut chains: Vec<(&[Vec<u8>], usize, &Deployment)> = Vec::new();
        let mut made = 0;
        for index in entries {
            let endpoint = &context.evidence.endpoints[index];
            let samples = endpoint.samples.map_or((1, 1), |samples| (samples.made, samples.seen));
            made = made.max(samples.0);
            let deployment = context.judgement.deployments.iter().find(|known| known.endpoints.contains(&index));
            let Some(deployment) = deployment.filter(|_| !endpoint.served_chain.is_empty()) else { continue };
            match chains.iter_mut().find(|(chain, ..)| *chain == endpoint.served_chain) {
                Some((_, count, _)) => *count += samples.1,
                None => chains.push((&endpoint.served_chain, samples.1, deployment)),
            }
        }
        if chains.len() < 2 {
            continue;
        }
        let told = chains.iter().map(|(chain, count, deployment)| {
            let subject = support::served_for(context, deployment);
            format!("{count} of {made}: {} certificates for {subject}", chain.len())
        });
        let remedy = "find the back-end behind this address that serves the odd chain, and deploy to it";
        found.push(
            Found::new(SubjectKind::Endpoint, address.to_string())
                .fact("chains", told.collect::<Vec<_>>())
                .remedy(remedy, None, true),
        );
    }
    Outcome::of(found)
}
