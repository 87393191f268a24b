//! `intermediate-expired`: notAfter of the issuers below the trust anchor.

use super::{Check, Context, Outcome, Rule, support};
use crate::judge::standard::FaultKind;
use crate::model::finding::Severity;
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "intermediate-expired",
    severity: Severity::High,
    title: "an intermediate certificate has expired",
    explanation: "A CA certificate on the path is past its notAfter. Renewing the end entity does not help as long as \
                  the old intermediate is served with it.",
    advice: "Serve the renewed intermediate of the same CA, or have the end entity reissued by the current one.",
    citations: &["RFC 5280 §6.1.3 (a)(2)"],
    explains: &[Category::Expired, Category::UnknownIssuer],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    let is_expired = |kind: &FaultKind| matches!(kind, FaultKind::Expired { .. });
    support::on_issuer(context, is_expired, |found, id| {
        // The second certificate of a key that has a valid one too is `expired-cross-certificate`.
        if context.judgement.pool.origin(id).anchor.is_some() || support::certified_elsewhere(context, id) {
            return None;
        }
        Some(found.remedy("serve the renewed intermediate of this CA", context.bundle_command(), true))
    })
}
