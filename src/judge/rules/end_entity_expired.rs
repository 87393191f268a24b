//! `end-entity-expired`: notAfter of the end entity.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::time::DAY;
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "end-entity-expired",
    severity: Severity::Critical,
    title: "the certificate has expired",
    explanation: "The server's certificate is past its notAfter. Every client refuses it.",
    advice: "Renew the certificate and deploy the new one; if that was done, this address still serves the old \
             one.",
    citations: &["RFC 5280 §6.1.3 (a)(2)"],
    explains: &[Category::Expired],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::on_end_entity(context, |found, certificate| {
        let at = context.settings.at;
        (certificate.not_after < at).then(|| {
            found
                .fact("expired_at", certificate.not_after.to_string())
                .fact("days_ago", at.since(certificate.not_after) / DAY)
                .remedy("renew the certificate and deploy it with its chain", None, true)
        })
    })
}
