//! `ca-issuers-unreachable`: asked when an issuer was lacking.

use super::{Check, Context, Found, Outcome, Rule};
use crate::model::aia::AiaOutcome;
use crate::model::finding::{Severity, SubjectKind};

pub const RULE: Rule = Rule {
    code: "ca-issuers-unreachable",
    severity: Severity::Low,
    title: "the address for fetching the issuer does not give it",
    explanation: "The caIssuers address in a certificate does not answer, or answers with an error. Clients that would \
                  fetch a missing issuer from there (Chrome, Windows, Safari) cannot.",
    advice: "Nothing to do on the server but to serve the full chain; the CA runs that address.",
    citations: &["RFC 5280 §4.2.2.1"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    let fetches = &context.evidence.aia;
    if fetches.is_empty() {
        return Outcome::NotApplicable;
    }
    let is_dead = |outcome| match outcome {
        AiaOutcome::NotResolved
        | AiaOutcome::Unreachable
        | AiaOutcome::Timeout
        | AiaOutcome::HttpStatus
        | AiaOutcome::TooManyRedirects
        | AiaOutcome::TooLarge
        | AiaOutcome::InvalidUrl => true,
        // `ca-issuers-wrong-type` tells that.
        AiaOutcome::NotACertificate => false,
        // https and ldap are passed over by every client; the rest are our own limits.
        AiaOutcome::Accepted
        | AiaOutcome::SchemeNotSupported
        | AiaOutcome::PrivateAddress
        | AiaOutcome::LimitReached => false,
    };
    let dead: Vec<String> = fetches
        .iter()
        .filter(|evidence| is_dead(evidence.fetch.outcome))
        .map(|evidence| {
            let fetch = &evidence.fetch;
            let kept = fetch.cached_at.map(|at| format!(" (what it gave on {} is at hand)", at.date()));
            let detail = fetch.detail.as_deref().unwrap_or("no certificate came");
            format!("{}: {detail}{}", fetch.url, kept.unwrap_or_default())
        })
        .collect();
    if dead.is_empty() {
        if fetches.iter().any(|evidence| evidence.fetch.outcome == AiaOutcome::PrivateAddress) {
            return Outcome::Undetermined("an address is on a private network; --allow-private-aia would fetch it");
        }
        return Outcome::Clear;
    }
    let remedy = "serve the full chain, so that no client needs the address";
    Outcome::Found(vec![
        Found::new(SubjectKind::Dns, context.target.host.to_string())
            .fact("addresses", dead)
            .remedy(remedy, None, true),
    ])
}
