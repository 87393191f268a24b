//! `path-length-exceeded`: pathLenConstraint.

use super::{Check, Context, Outcome, Rule, support};
use crate::judge::standard::FaultKind;
use crate::model::finding::Severity;
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "path-length-exceeded",
    severity: Severity::High,
    title: "a CA on the path has issued more levels than it may",
    explanation: "The path length constraint of a CA says how many intermediates may follow below it; there are more.",
    advice: "Use a certificate issued within the constraint; the CA above must be reissued otherwise.",
    citations: &["RFC 5280 §6.1.4 (l), (m)", "RFC 5280 §4.2.1.9"],
    explains: &[
        Category::PathLength,
        Category::Invalid,
        Category::UnknownIssuer,
        Category::Unspecified,
        Category::CaFlag,
        Category::NameConstraints,
    ],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::on_path(
        context,
        |kind| matches!(kind, FaultKind::PathLenExceeded { .. }),
        |found, _| found.remedy("get a certificate issued within the path length constraint", None, true),
    )
}
