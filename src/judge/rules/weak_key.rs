//! `weak-key`: strength of every key below the trust anchor.

use super::{Check, Context, Outcome, Rule, support};
use crate::judge::standard::FaultKind;
use crate::model::finding::Severity;
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "weak-key",
    severity: Severity::High,
    title: "a key on the path is too short",
    explanation: "RSA below 2048 bits, P-224 and DSA are below what current clients and the Baseline Requirements \
                  accept; some clients still take them.",
    advice: "Make a new key (P-256 or RSA 2048) and have the certificate reissued.",
    citations: &["CA/Browser Forum Baseline Requirements §6.1.5", "NIST SP 800-57 part 1"],
    explains: &[
        Category::WeakKey,
        Category::UnsupportedKey,
        Category::BadSignature,
        Category::Handshake,
        Category::Algorithm,
        Category::Invalid,
        Category::Unspecified,
        Category::WeakHandshake,
    ],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::on_path(
        context,
        |kind| matches!(kind, FaultKind::WeakKey(_)),
        |found, _| found.remedy("make a new key (P-256 or RSA 2048) and have the certificate reissued", None, true),
    )
}
