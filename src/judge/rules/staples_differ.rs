//! `staples-differ`: some addresses staple an OCSP response, or say something else in it.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::handshake::EndpointEvidence;
use crate::x509::ocsp::{self, CertificateStatus};

pub const RULE: Rule = Rule {
    code: "staples-differ",
    severity: Severity::Low,
    title: "the addresses do not staple the same OCSP response",
    explanation: "Addresses that serve the same certificate differ in the OCSP response that comes with it: some have none, or \
                  it says something else. nginx has none for the first visitor after a start; another look tells that case \
                  from a node that cannot reach the responder. Where the certificate demands a staple, browsers refuse the \
                  addresses without.",
    advice: "Look at why the odd ones have no fresh response: their way to the responder, their stapling settings, their clock.",
    citations: &["RFC 6066 §8", "RFC 7633 §4.2.3.1"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    // Where the certificates differ, so may what is said about them.
    let mut served = context.evidence.endpoints.iter().filter_map(|endpoint| endpoint.served_chain.first());
    let first = served.next();
    if first.is_none() || served.any(|other| Some(other) != first) {
        return Outcome::NotApplicable;
    }
    let staple = |endpoint: &EndpointEvidence| {
        let is_read = endpoint.tls.is_some() && !endpoint.served_chain.is_empty();
        is_read.then(|| endpoint.ocsp_staple.as_deref().map_or("no staple", |staple| says(context, staple)).to_owned())
    };
    support::drift(context, staple, "look at why these addresses have another response, or none")
}

/// Its status, where it is signed by whom it may be.
fn says(context: &Context<'_>, staple: &[u8]) -> &'static str {
    let path = context.chains().find_map(|(_, deployment)| support::judged_path(deployment));
    let [subject, issuer, ..] = path.map(|path| path.certificates.as_slice()).unwrap_or_default() else {
        return "a staple whose signer is not known";
    };
    let (pool, at) = (&context.judgement.pool, context.settings.at);
    match ocsp::verify(staple, pool.get(*subject), pool.get(*issuer), at) {
        Err(_) => "a staple that is of no use",
        Ok(answer) if answer.next_update.is_some_and(|until| until < at) => "an expired staple",
        Ok(answer) => match answer.status {
            CertificateStatus::Good => "a staple that says good",
            CertificateStatus::Revoked => "a staple that says revoked",
            CertificateStatus::Unknown => "a staple that says unknown",
        },
    }
}
