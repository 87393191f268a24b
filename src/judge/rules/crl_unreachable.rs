//! `crl-unreachable`: the CRL that a certificate names does not come.

use super::{Check, Context, Found, Outcome, Rule};
use crate::model::aia::AiaOutcome;
use crate::model::finding::{Severity, SubjectKind};
use crate::model::revocation::RevocationSource;
use crate::x509::dn::printable;

pub const RULE: Rule = Rule {
    code: "crl-unreachable",
    severity: Severity::Low,
    title: "a CRL cannot be fetched from the address in a certificate",
    explanation: "The certificate says where its CA publishes what it has revoked, and nothing usable comes from there. \
                  Clients that check CRLs (Windows services, some Java and IoT programs) wait for it, then go on or \
                  refuse. Where a CRL of an earlier day stood in, the report says so: the address is dead all the same.",
    advice: "Look whether this machine may reach the address; if others cannot either, tell the CA.",
    citations: &["RFC 5280 §4.2.1.13", "CA/Browser Forum Baseline Requirements §4.10.2"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    let Some(asked) = context.evidence.revocation.as_ref().filter(|asked| asked.crls) else {
        return Outcome::NotApplicable;
    };
    let crls = asked.fetched.iter().map(|fetched| &fetched.fetch).filter(|fetch| fetch.kind == RevocationSource::Crl);
    let dead = crls.filter(|fetch| {
        !matches!(fetch.outcome, AiaOutcome::Accepted | AiaOutcome::PrivateAddress | AiaOutcome::LimitReached)
    });
    let found = dead.map(|fetch| {
        let found = Found::new(SubjectKind::Endpoint, printable(&fetch.url))
            .fact("url", printable(&fetch.url))
            .fact("why", fetch.detail.clone())
            .remedy("see whether the address can be reached from here; else tell the CA", None, true);
        match fetch.cached_at {
            Some(at) => found.fact("used_instead", format!("the CRL fetched at {at}")),
            None => found,
        }
    });
    Outcome::of(found.collect())
}
