//! `tls-version-not-supported`: alert protocol_version, or an old version chosen.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::handshake::FailureKind;
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "tls-version-not-supported",
    severity: Severity::Critical,
    title: "no TLS version in common",
    explanation: "The server speaks only versions of TLS (1.1 or older) that current clients refuse; RFC 8996 forbids \
                  them.",
    advice: "Enable TLS 1.2 and 1.3 on the listener (its TLS security policy).",
    citations: &["RFC 8996", "RFC 8446 §4.1.3"],
    explains: &[Category::TlsVersion, Category::Handshake, Category::WeakHandshake],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::without_overlap(
        context,
        FailureKind::VersionNotSupported,
        "enable TLS 1.2 and 1.3 in the listener's security policy",
    )
}
