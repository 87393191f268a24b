//! `some-addresses-fail`: one address of several is dead.

use super::{Check, Context, Found, Outcome, Rule, support};
use crate::model::finding::{Severity, SubjectKind};
use crate::model::handshake::EndpointStatus;
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "some-addresses-fail",
    severity: Severity::Medium,
    title: "some of the addresses do not complete a handshake",
    explanation: "Clients pick one of the addresses: some connect, some fail or wait. Which ones differs from client \
                  to client and from day to day.",
    advice: "Repair the failing addresses, or take them out of the DNS.",
    citations: &["RFC 8305 §4"],
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
    let tried = || context.evidence.endpoints.iter().filter(|endpoint| endpoint.status != EndpointStatus::NotTried);
    if tried().count() < 2 {
        return Outcome::NotApplicable;
    }
    // Told by `address-family-fails`.
    if support::failing_family(context).is_some() {
        return Outcome::Clear;
    }
    let (good, bad): (Vec<_>, Vec<_>) = tried().partition(|endpoint| !endpoint.served_chain.is_empty());
    // One that fails only sometimes is a finding of its own.
    let bad: Vec<_> = bad.into_iter().filter(|bad| good.iter().all(|good| good.address != bad.address)).collect();
    let (Some(_), Some(first)) = (good.first(), bad.first()) else { return Outcome::Clear };
    let failing: Vec<String> = bad
        .iter()
        .map(|endpoint| {
            let message = endpoint.failure.as_ref().map_or("no reason known", |failure| &failure.message);
            format!("{}: {message}", endpoint.address)
        })
        .collect();
    let mut found = Found::new(SubjectKind::Endpoint, first.address.to_string())
        .fact("failing", failing)
        .fact("working", good.iter().map(|endpoint| endpoint.address.to_string()).collect::<Vec<_>>())
        .remedy("repair the failing addresses, or take them out of the DNS", None, true);
    found.deployment = context.deployment_of(first.address);
    Outcome::Found(vec![found])
}
