//! `weak-signature`: SHA-1 or MD5 below the trust anchor.

use super::{Check, Context, Outcome, Rule, support};
use crate::judge::standard::FaultKind;
use crate::model::finding::Severity;
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "weak-signature",
    severity: Severity::High,
    title: "a certificate is signed with a broken hash",
    explanation: "SHA-1 and MD5 collisions can be made; clients have refused such signatures from public CAs since \
                  2017.",
    advice: "Have the certificate reissued with SHA-256.",
    citations: &["CA/Browser Forum Baseline Requirements §7.1.3.2", "RFC 9155"],
    explains: &[
        Category::Algorithm,
        Category::UnknownIssuer,
        Category::Invalid,
        Category::Handshake,
        Category::BadSignature,
        Category::Unspecified,
    ],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::on_path(
        context,
        |kind| matches!(kind, FaultKind::WeakSignature(_)),
        |found, _| found.remedy("have the certificate reissued with SHA-256", None, true),
    )
}
