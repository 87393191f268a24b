//! `self-signed-end-entity`: the end entity signed itself.

use super::{Check, Context, Outcome, Rule, support};
use crate::judge::standard::FaultKind;
use crate::model::finding::Severity;
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "self-signed-end-entity",
    severity: Severity::Critical,
    title: "the server's certificate is self-signed",
    explanation: "The end entity is its own issuer and no trust anchor: a default or test certificate of the server or \
                  the gateway. Every client refuses it.",
    advice: "Deploy the certificate that was issued for this name. When one was deployed already, the request \
             reached another listener or virtual host.",
    citations: &["RFC 5280 §6.1"],
    explains: &[
        Category::UnknownIssuer,
        Category::SelfSigned,
        Category::BadFormat,
        Category::CaFlag,
        Category::Invalid,
        Category::Unspecified,
    ],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::unanchored(
        context,
        |kind| matches!(kind, FaultKind::SelfSignedEndEntity),
        |found, certificate| {
            Some(found.fact("subject", certificate.subject.to_string()).remedy(
                "deploy the certificate that a CA issued for this name",
                None,
                true,
            ))
        },
    )
}
