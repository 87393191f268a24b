//! `root-not-in-store`: a self-signed CA at the end that nobody trusts.

use super::{Check, Context, Outcome, Rule, support};
use crate::judge::standard::FaultKind;
use crate::model::finding::Severity;
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "root-not-in-store",
    severity: Severity::High,
    title: "the chain leads to a root that is not in the store",
    explanation: "The chain is complete, but its root is not among the trust anchors: a private CA, a root the vendor \
                  has removed or not added yet, or an interception proxy. Adding intermediates cannot help.",
    advice: "Use a certificate from a public CA, or give the root to the clients (probe --ca FILE shows what then \
             happens).",
    citations: &["RFC 5280 §6.1.1 (d)"],
    explains: &[Category::UnknownIssuer, Category::SelfSigned, Category::BadSignature],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::unanchored(
        context,
        |kind| matches!(kind, FaultKind::UntrustedRoot),
        |found, certificate| {
            let found = found
                .fact("root", certificate.subject.to_string())
                .fact("root_sha256", certificate.fingerprint.to_string())
                .remedy("use a certificate of a public CA, or give this root to every client", None, true);
            Some(found)
        },
    )
}
