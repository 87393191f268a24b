//! `end-entity-not-yet-valid`: notBefore of the end entity.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "end-entity-not-yet-valid",
    severity: Severity::Critical,
    title: "the certificate is not valid yet",
    explanation: "The server's certificate has its notBefore in the future. Either it was deployed too early or a \
                  clock is wrong.",
    advice: "Wait, deploy the current certificate, or set the clock.",
    citations: &["RFC 5280 §6.1.3 (a)(2)"],
    explains: &[Category::NotYetValid, Category::Expired],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::on_end_entity(context, |found, certificate| {
        (context.settings.at < certificate.not_before).then(|| {
            found.fact("valid_from", certificate.not_before.to_string()).remedy(
                "deploy the certificate that is valid now, or set the clock",
                None,
                true,
            )
        })
    })
}
