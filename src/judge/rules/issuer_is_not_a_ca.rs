//! `issuer-is-not-a-ca`: basicConstraints and keyCertSign of every issuer.

use super::{Check, Context, Outcome, Rule, support};
use crate::judge::standard::FaultKind;
use crate::model::finding::Severity;
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "issuer-is-not-a-ca",
    severity: Severity::High,
    title: "a certificate on the path may not issue certificates",
    explanation: "An issuer on the path lacks basicConstraints cA or the keyUsage keyCertSign. Every client that \
                  validates refuses what it signed.",
    advice: "Use a certificate issued by a CA; an end entity's key cannot sign others.",
    citations: &["RFC 5280 §6.1.4 (k), (n)", "RFC 5280 §4.2.1.9"],
    explains: &[
        Category::CaFlag,
        Category::Usage,
        Category::Invalid,
        Category::UnknownIssuer,
        Category::BadFormat,
        Category::Unspecified,
    ],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::on_path(
        context,
        |kind| matches!(kind, FaultKind::NotACa | FaultKind::KeyCertSignMissing),
        |found, _| found.remedy("get a certificate from a CA whose certificate allows it to issue", None, true),
    )
}
