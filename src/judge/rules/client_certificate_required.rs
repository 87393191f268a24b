//! `client-certificate-required`: alert certificate_required.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::handshake::FailureKind;
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "client-certificate-required",
    severity: Severity::Medium,
    title: "the server requires a client certificate",
    explanation: "The server ends the connection of clients that present no certificate (mutual TLS). For a public \
                  site that is a misconfiguration; for an API it may be intended.",
    advice: "Present a client certificate, or switch client authentication off on the listener.",
    citations: &["RFC 8446 §4.3.2", "RFC 8446 §6.2"],
    explains: &[Category::ClientCertificate, Category::Handshake],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::failing(
        context,
        |failure| failure.kind == FailureKind::ClientCertificateRequired,
        "present a client certificate, or make it optional on the listener",
    )
}
