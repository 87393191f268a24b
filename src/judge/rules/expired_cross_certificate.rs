//! `expired-cross-certificate`: a second certificate for the same CA key, expired.

use super::{Check, Context, Found, Outcome, Rule, support};
use crate::model::finding::{Severity, SubjectKind};
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "expired-cross-certificate",
    severity: Severity::Medium,
    title: "an expired cross-certificate is served",
    explanation: "A CA's key is certified twice: by its own newer root and, for older clients, by another root with a \
                  cross-certificate. The cross-certificate has expired. Clients that explore find the other path; old \
                  OpenSSL (1.0.2), old GnuTLS and some appliances follow the expired one and fail, as with AddTrust in \
                  2020 and DST Root CA X3 in 2021.",
    advice: "Stop serving the expired cross-certificate; serve the chain to the CA's own root.",
    citations: &["RFC 4949", "RFC 5280 §6.1.3 (a)(2)", "RFC 4158 §2.3"],
    explains: &[Category::Expired, Category::UnknownIssuer, Category::SelfSigned],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::per_chain(context, |index, deployment| {
        let pool = &context.judgement.pool;
        let at = context.settings.at;
        let crossed = deployment.served.iter().skip(1).copied().find(|&id| {
            let certificate = pool.get(id);
            certificate.not_after < at && !certificate.is_self_issued() && support::certified_elsewhere(context, id)
        })?;
        let certificate = pool.get(crossed);
        // Without another valid path the expiry is what breaks the site.
        let severity = if deployment.as_served.valid().is_some() { Severity::Medium } else { Severity::High };
        Some(
            Found::new(SubjectKind::Certificate, context.fingerprint(crossed))
                .fact("subject", certificate.subject.to_string())
                .fact("issuer", certificate.issuer.to_string())
                .fact("expired_at", certificate.not_after.to_string())
                .remedy("stop serving it; serve the chain to the CA's own root", context.bundle_command(), true)
                .severity(severity)
                .in_deployment(index),
        )
    })
}
