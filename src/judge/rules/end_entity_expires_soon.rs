//! `end-entity-expires-soon`: what is left of its lifetime.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::time::DAY;

pub const RULE: Rule = Rule {
    code: "end-entity-expires-soon",
    severity: Severity::Low,
    title: "the certificate expires soon",
    explanation: "Less than a third of the certificate's lifetime is left (or less than --warn-days). Automatic \
                  renewal usually happens at a third; later means that it may not be working.",
    advice: "Renew it, and look at why it was not renewed by itself.",
    citations: &["RFC 9773"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::on_end_entity(context, |found, certificate| {
        let left = certificate.not_after.since(context.settings.at);
        let lifetime = certificate.not_after.since(certificate.not_before);
        let limit = context.settings.warn_days.map_or(lifetime / 3, |days| i64::from(days) * DAY);
        if left < 0 || left >= limit {
            return None;
        }
        // A limit the user set is one they want to fail on; by default only the last tenth is urgent.
        let urgent = context.settings.warn_days.is_some() || left < lifetime / 10;
        Some(
            found
                .fact("expires_at", certificate.not_after.to_string())
                .fact("days_left", left / DAY)
                .fact("lifetime_days", lifetime / DAY)
                .remedy("renew the certificate; check that automatic renewal works", None, true)
                .severity(if urgent { Severity::Medium } else { Severity::Low }),
        )
    })
}
