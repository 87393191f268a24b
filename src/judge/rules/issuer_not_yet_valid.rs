//! `issuer-not-yet-valid`: notBefore of the issuers.

use super::{Check, Context, Outcome, Rule, support};
use crate::judge::standard::FaultKind;
use crate::model::finding::Severity;
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "issuer-not-yet-valid",
    severity: Severity::High,
    title: "a CA certificate on the path is not valid yet",
    explanation: "The issuer's notBefore lies in the future: a clock is wrong, or a new CA certificate was deployed \
                  too early.",
    advice: "Check the clock; serve the CA's current certificate.",
    citations: &["RFC 5280 §6.1.3 (a)(2)"],
    explains: &[Category::NotYetValid, Category::Expired, Category::UnknownIssuer],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    let is_early = |kind: &FaultKind| matches!(kind, FaultKind::NotYetValid { .. });
    support::on_issuer(context, is_early, |found, _| {
        Some(found.remedy("check the clock; serve the CA's current certificate", None, true))
    })
}
