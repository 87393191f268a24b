//! `key-usage-forbids-tls`: keyUsage of the end entity.

use super::{Check, Context, Outcome, Rule, support};
use crate::judge::standard::FaultKind;
use crate::model::finding::Severity;
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "key-usage-forbids-tls",
    severity: Severity::Critical,
    title: "the certificate's key usage allows no use in TLS",
    explanation: "keyUsage has neither digitalSignature nor a key exchange bit.",
    advice: "Have the certificate reissued with digitalSignature.",
    citations: &["RFC 5280 §4.2.1.3", "RFC 8446 §4.4.2.2"],
    explains: &[Category::Usage, Category::BadFormat, Category::Invalid],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::on_path(
        context,
        |kind| matches!(kind, FaultKind::KeyUsageForbidsTls),
        |found, _| found.remedy("have the certificate reissued with the key usage digitalSignature", None, true),
    )
}
