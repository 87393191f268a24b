//! `name-constraints-violated`: permitted and excluded subtrees.

use super::{Check, Context, Outcome, Rule, support};
use crate::judge::standard::FaultKind;
use crate::model::finding::Severity;
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "name-constraints-violated",
    severity: Severity::High,
    title: "a CA on the path is not allowed to issue for this name",
    explanation: "A CA above limits the names that may be certified below it, and the certificate holds one outside. \
                  Clients that enforce name constraints refuse all of it.",
    advice: "Get the certificate from a CA that may issue for the name, or leave the offending name out.",
    citations: &["RFC 5280 §4.2.1.10", "RFC 5280 §6.1.3 (b), (c)"],
    explains: &[
        Category::NameConstraints,
        Category::Invalid,
        Category::CriticalExtension,
        Category::UnknownIssuer,
        Category::Unspecified,
        Category::BadFormat,
    ],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::on_path(
        context,
        |kind| matches!(kind, FaultKind::NameConstraintViolated(_)),
        |found, _| found.remedy("get the certificate from a CA that may issue for the name", None, true),
    )
}
