//! `intermediate-expires-first`: the path's first day of trouble is not the end entity's.

use super::{Check, Context, Found, Outcome, Rule, support};
use crate::model::finding::{Severity, SubjectKind};

pub const RULE: Rule = Rule {
    code: "intermediate-expires-first",
    severity: Severity::Low,
    title: "an intermediate expires before the end entity",
    explanation: "The site will break on the day the intermediate expires, though its own certificate is still valid, \
                  unless the chain is replaced before.",
    advice: "Plan to serve the renewed intermediate, or to renew the certificate, before that day.",
    citations: &["RFC 5280 §6.1.3 (a)(2)"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::per_chain(context, |index, deployment| {
        let pool = &context.judgement.pool;
        let path = deployment.as_served.valid()?;
        let end_entity = pool.get(*path.certificates.first()?);
        let intermediates = path.certificates[1..].iter().filter(|&&id| pool.origin(id).anchor.is_none());
        let first = intermediates.min_by_key(|&&id| pool.get(id).not_after)?;
        let certificate = pool.get(*first);
        (certificate.not_after < end_entity.not_after).then(|| {
            Found::new(SubjectKind::Certificate, context.fingerprint(*first))
                .fact("subject", certificate.subject.to_string())
                .fact("expires_at", certificate.not_after.to_string())
                .fact("end_entity_expires_at", end_entity.not_after.to_string())
                .remedy(format!("replace the chain before {}", certificate.not_after.date()), None, true)
                .in_deployment(index)
        })
    })
}
