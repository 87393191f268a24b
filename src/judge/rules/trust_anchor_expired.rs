//! `trust-anchor-expired`: notAfter of the anchor itself.

use super::{Check, Context, Outcome, Rule, support};
use crate::judge::standard::FaultKind;
use crate::model::finding::Severity;
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "trust-anchor-expired",
    severity: Severity::Medium,
    title: "the trust anchor has expired",
    explanation: "The root at the end of the path is past its notAfter. Java, rustls and Chrome (public roots) do not \
                  look at that; OpenSSL, Firefox, Go and GnuTLS refuse.",
    advice: "Serve a chain to a root that is valid, or have the certificate reissued under one.",
    citations: &["RFC 5280 §6.1.1 (d)"],
    explains: &[Category::Expired, Category::UnknownIssuer],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    let is_expired = |kind: &FaultKind| matches!(kind, FaultKind::Expired { .. });
    support::on_issuer(context, is_expired, |found, id| {
        context.judgement.pool.origin(id).anchor?;
        Some(found.remedy("serve a chain to a root that is valid", None, true))
    })
}
