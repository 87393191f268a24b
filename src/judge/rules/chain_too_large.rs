//! `chain-too-large`: a certificate message over the clients' limits or ours.

use super::{Check, Context, Found, Outcome, Rule, support};
use crate::model::finding::{Severity, SubjectKind};
use crate::model::handshake::{FailureKind, Stage};
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "chain-too-large",
    severity: Severity::High,
    title: "the certificate message is larger than clients accept",
    explanation: "Mbed TLS and wolfSSL stop at 16 KiB, Java at 32 KiB or 10 certificates, rustls and Go at 64 KiB, \
                  OpenSSL, curl and browsers at about 100 KB. The chain is full of certificates that do not belong in \
                  it, or one certificate holds thousands of names.",
    advice: "Serve the end entity and its intermediates only, and spread thousands of names over several certificates.",
    citations: &["RFC 8446 §4.4.2", "OpenSSL SSL_CTX_set_max_cert_list"],
    explains: &[Category::MessageTooBig, Category::Handshake],
    check: Check::Evidence(check),
};

/// What Java takes, the first of the clients that sites are built for.
const JAVA: usize = 32 * 1024;

/// What Mbed TLS and wolfSSL take.
const SMALL_DEVICES: usize = 16 * 1024;

const REMEDY: &str = "serve the end entity and its intermediates only; spread many names over several certificates";

fn check(context: &Context<'_>) -> Outcome {
    match support::failing(
        context,
        |failure| failure.stage != Stage::Starttls && failure.kind == FailureKind::TooLarge,
        REMEDY,
    ) {
        Outcome::Found(found) => return Outcome::Found(found),
        Outcome::NotApplicable | Outcome::Clear | Outcome::Undetermined(_) => {}
    }
    support::per_chain(context, |index, deployment| {
        let case = context.judgement.case(context.evidence, context.settings, deployment);
        let bytes = case.certificate_message_bytes();
        (bytes > SMALL_DEVICES).then(|| {
            Found::new(SubjectKind::Deployment, index.to_string())
                .fact("certificate_message_bytes", bytes)
                .fact("certificates", deployment.served_list.len())
                .severity(if bytes > JAVA { RULE.severity } else { Severity::Low })
                .remedy(REMEDY, None, true)
        })
    })
}
