//! `signature-algorithms-disagree`: signature against signatureAlgorithm.

use super::{Check, Context, Outcome, Rule, support};
use crate::judge::standard::FaultKind;
use crate::model::finding::Severity;
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "signature-algorithms-disagree",
    severity: Severity::High,
    title: "a certificate names two different signature algorithms",
    explanation: "The algorithm inside the signed part differs from the one outside: the file was tampered with or \
                  made by a faulty tool.",
    advice: "Have the certificate reissued.",
    citations: &["RFC 5280 §4.1.1.2"],
    explains: &[
        Category::BadFormat,
        Category::BadSignature,
        Category::Algorithm,
        Category::Invalid,
        Category::UnknownIssuer,
    ],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::on_path(
        context,
        |kind| matches!(kind, FaultKind::AlgorithmsDisagree),
        |found, _| found.remedy("have the certificate reissued", None, true),
    )
}
