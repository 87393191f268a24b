//! Addresses that are not all alike.

use std::net::SocketAddr;

use crate::judge::rules::{Context, Found, Outcome};
use crate::model::finding::SubjectKind;
use crate::model::handshake::EndpointEvidence;
use crate::model::survey::Survey;

/// Runs `check` on what each address supports; addresses of which it finds the same share a finding.
pub fn per_survey(context: &Context<'_>, check: impl Fn(&EndpointEvidence, &Survey) -> Option<Found>) -> Outcome {
    if context.survey_of_any().is_none() {
        return Outcome::NotApplicable;
    }
    let mut all: Vec<(Found, Vec<String>)> = Vec::new();
    for endpoint in &context.evidence.endpoints {
        let Some(found) = endpoint.survey.as_ref().and_then(|evidence| check(endpoint, &evidence.survey)) else {
            continue;
        };
        let address = endpoint.address.to_string();
        let alike =
            |(other, _): &&mut (Found, Vec<String>)| other.facts == found.facts && other.severity == found.severity;
        match all.iter_mut().find(alike) {
            Some((_, addresses)) => addresses.push(address),
            None => all.push((found, vec![address])),
        }
    }
    Outcome::of(all.into_iter().map(|(found, addresses)| found.fact("addresses", addresses)).collect())
}

/// The addresses with which several handshakes were made, each with its entries in `Evidence::endpoints`.
pub fn sampled(context: &Context<'_>) -> Vec<(SocketAddr, Vec<usize>)> {
    let mut addresses: Vec<(SocketAddr, Vec<usize>)> = Vec::new();
    for (index, endpoint) in context.evidence.endpoints.iter().enumerate() {
        if endpoint.samples.is_none() {
            continue;
        }
        match addresses.iter_mut().find(|(address, _)| *address == endpoint.address) {
            Some((_, entries)) => entries.push(index),
            None => addresses.push((endpoint.address, vec![index])),
        }
    }
    addresses
}

/// The address, with how often it answered so where it does not always.
pub fn label(endpoint: &EndpointEvidence) -> String {
    match endpoint.samples {
        Some(samples) if samples.seen < samples.made => {
            format!("{} ({} of {})", endpoint.address, samples.seen, samples.made)
        }
        _ => endpoint.address.to_string(),
    }
}

/// One finding when the addresses are not all alike in what `of` says of them; those of which it says nothing do not count.
pub fn drift(context: &Context<'_>, of: impl Fn(&EndpointEvidence) -> Option<String>, remedy: &str) -> Outcome {
    let mut groups: Vec<(String, Vec<&EndpointEvidence>)> = Vec::new();
    for endpoint in &context.evidence.endpoints {
        let Some(said) = of(endpoint) else { continue };
        match groups.iter_mut().find(|(known, _)| *known == said) {
            Some((_, members)) => members.push(endpoint),
            None => groups.push((said, vec![endpoint])),
        }
    }
    if groups.iter().map(|(_, members)| members.len()).sum::<usize>() < 2 {
        return Outcome::NotApplicable;
    }
    if groups.len() < 2 {
        return Outcome::Clear;
    }
    let members: Vec<Vec<&EndpointEvidence>> = groups.iter().map(|(_, members)| members.clone()).collect();
    let told = groups.iter().map(|(said, members)| {
        let labels: Vec<String> = members.iter().map(|endpoint| label(endpoint)).collect();
        format!("{}: {said}", labels.join(", "))
    });
    Outcome::Found(vec![
        name_odd(context, &members).fact("groups", told.collect::<Vec<_>>()).remedy(remedy, None, true),
    ])
}

/// A finding about those that are not as most are; about the name, where no group is the largest.
pub fn name_odd(context: &Context<'_>, groups: &[Vec<&EndpointEvidence>]) -> Found {
    let weight = |group: &Vec<&EndpointEvidence>| -> usize {
        group.iter().map(|endpoint| endpoint.samples.map_or(1, |samples| samples.seen)).sum()
    };
    let most = groups.iter().map(weight).max().unwrap_or_default();
    let is_most = |group: &&Vec<&EndpointEvidence>| weight(group) == most;
    if groups.iter().filter(is_most).count() != 1 {
        return Found::new(SubjectKind::Dns, context.target.host.to_string());
    }
    let odd = groups.iter().filter(|group| !is_most(group)).flatten();
    let odd: Vec<String> = odd.map(|endpoint| label(endpoint)).collect();
    let found = match odd.as_slice() {
        [one] => Found::new(SubjectKind::Endpoint, one.split(' ').next().unwrap_or_default()),
        _ => Found::new(SubjectKind::Dns, context.target.host.to_string()),
    };
    found.fact("odd_ones_out", odd)
}
