//! `ca-issuers-wrong-certificate`: a certificate came, and it is not the issuer's.

use super::{Check, Context, Found, Outcome, Rule};
use crate::judge::aia;
use crate::model::aia::IssuerFit;
use crate::model::finding::{Severity, SubjectKind};

pub const RULE: Rule = Rule {
    code: "ca-issuers-wrong-certificate",
    severity: Severity::Low,
    title: "the address for fetching the issuer gives another certificate",
    explanation: "The caIssuers address in a certificate gives a certificate whose name is not the issuer's, or whose key did \
                  not sign: another CA, or another generation of the same one. Clients that would fetch a missing issuer \
                  from there cannot use it.",
    advice: "Nothing to do on the server but to serve the full chain; the CA runs that address.",
    citations: &["RFC 5280 §4.2.2.1"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    // What the cache kept is not what the address gives.
    let answered = context.evidence.aia.iter().filter(|evidence| !evidence.fetch.from_cache);
    let fits: Vec<(&str, IssuerFit)> = answered
        .filter_map(|evidence| Some((evidence.fetch.url.as_str(), aia::fit(context.judgement, evidence)?)))
        .collect();
    if fits.is_empty() {
        return Outcome::NotApplicable;
    }
    let wrong: Vec<String> = fits
        .into_iter()
        .filter_map(|(url, fit)| match fit {
            IssuerFit::Issuer => None,
            IssuerFit::OtherKey => Some(format!("{url}: the issuer's name with another key")),
            IssuerFit::OtherName => Some(format!("{url}: a certificate of another name")),
        })
        .collect();
    if wrong.is_empty() {
        return Outcome::Clear;
    }
    Outcome::Found(vec![Found::new(SubjectKind::Dns, context.target.host.to_string()).fact("addresses", wrong).remedy(
        "serve the full chain, so that no client needs the address",
        None,
        true,
    )])
}
