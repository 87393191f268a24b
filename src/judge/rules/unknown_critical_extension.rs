//! `unknown-critical-extension`: extensions we have no name for.

use super::{Check, Context, Outcome, Rule, support};
use crate::judge::standard::FaultKind;
use crate::model::finding::Severity;
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "unknown-critical-extension",
    severity: Severity::High,
    title: "a critical extension is not understood",
    explanation: "A certificate carries an extension marked critical that clients do not know; they must refuse it.",
    advice: "Have the certificate reissued without it.",
    citations: &["RFC 5280 §4.2"],
    explains: &[Category::CriticalExtension, Category::Invalid, Category::BadFormat],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::on_path(
        context,
        |kind| matches!(kind, FaultKind::UnknownCriticalExtension(_)),
        |found, _| found.remedy("have the certificate reissued without that extension", None, true),
    )
}
