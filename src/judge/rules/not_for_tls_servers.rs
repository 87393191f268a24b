//! `not-for-tls-servers`: extendedKeyUsage without serverAuth.

use super::{Check, Context, Outcome, Rule, support};
use crate::judge::standard::FaultKind;
use crate::model::finding::Severity;
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "not-for-tls-servers",
    severity: Severity::Critical,
    title: "a certificate on the path is not meant for TLS servers",
    explanation: "The extended key usage of the end entity, or of a CA above it, does not contain serverAuth: a \
                  client, code-signing or e-mail certificate was deployed.",
    advice: "Deploy a TLS server certificate.",
    citations: &["RFC 5280 §4.2.1.12"],
    explains: &[
        Category::Usage,
        Category::Invalid,
        Category::BadFormat,
        Category::UnknownIssuer,
        Category::Unspecified,
    ],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::on_path(
        context,
        |kind| matches!(kind, FaultKind::NotForServers),
        |found, _| found.remedy("deploy a certificate issued for TLS servers", None, true),
    )
}
