//! `extension-malformed`: known by OID, not decodable.

use super::{Check, Context, Outcome, Rule, support};
use crate::judge::standard::FaultKind;
use crate::model::finding::Severity;
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "extension-malformed",
    severity: Severity::Medium,
    title: "an extension cannot be decoded",
    explanation: "An extension of a certificate on the path is not encoded as its standard says; some clients refuse, \
                  some ignore it.",
    advice: "Have the certificate reissued.",
    citations: &["RFC 5280 §4.2", "X.690"],
    explains: &[
        Category::BadFormat,
        Category::Invalid,
        Category::Usage,
        Category::Unspecified,
        Category::CriticalExtension,
    ],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::on_path(
        context,
        |kind| matches!(kind, FaultKind::UndecodableExtension(_)),
        |found, _| found.remedy("have the certificate reissued", None, true),
    )
}
