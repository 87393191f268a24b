//! `issuer-not-found`: a path that ends too early, without proof of what is missing.

use super::{Check, Context, Outcome, Rule, known_bad_ca, support};
use crate::judge::standard::FaultKind;
use crate::model::finding::Severity;
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "issuer-not-found",
    severity: Severity::High,
    title: "the chain breaks off: an issuer is neither served, nor found, nor trusted",
    explanation: "No certificate with the issuer's name is served, and none could be fetched. Either an intermediate \
                  is missing and its address in the certificate (caIssuers) is absent or dead, or the chain belongs to \
                  a private CA whose root is not in the store.",
    advice: "Get the issuer's certificate from the CA and serve it after the end entity; for a private CA, \
             clients must trust its root.",
    citations: &["RFC 8446 §4.4.2", "RFC 5280 §6.1"],
    explains: &[Category::UnknownIssuer, Category::BadSignature, Category::SelfSigned],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::unanchored(
        context,
        |kind| matches!(kind, FaultKind::IssuerNotFound),
        |found, certificate| {
            // That issuer is known only too well.
            if known_bad_ca::issued_by(certificate).is_some() {
                return None;
            }
            let issuer = certificate.issuer.to_string();
            let summary = if certificate.is_ca() {
                format!(
                    "serve the certificate of `{issuer}`; if that is a root, it is in no store we know: clients must be given it"
                )
            } else {
                format!("serve the certificate of `{issuer}` after the end entity")
            };
            Some(found.fact("issuer", issuer).remedy(summary, None, true))
        },
    )
}
