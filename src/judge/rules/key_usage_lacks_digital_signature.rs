//! `key-usage-lacks-digital-signature`: keyUsage of the end entity.

use super::{Check, Context, Outcome, Rule, support};
use crate::judge::standard::FaultKind;
use crate::model::finding::Severity;
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "key-usage-lacks-digital-signature",
    severity: Severity::Medium,
    title: "the key usage does not allow the signatures that TLS needs",
    explanation: "Every cipher suite of TLS 1.3, and ECDHE in TLS 1.2, has the server sign the handshake; keyUsage \
                  lacks digitalSignature. Chrome (ERR_SSL_KEY_USAGE_INCOMPATIBLE) and Java refuse, others do not look.",
    advice: "Have the certificate reissued with digitalSignature.",
    citations: &["RFC 5280 §4.2.1.3", "RFC 8446 §4.4.2.2"],
    explains: &[Category::Usage],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::on_path(
        context,
        |kind| matches!(kind, FaultKind::DigitalSignatureMissing),
        |found, _| found.remedy("have the certificate reissued with the key usage digitalSignature", None, true),
    )
}
