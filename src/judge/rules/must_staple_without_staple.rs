//! `must-staple-without-staple`: the certificate demands a stapled response that does not come.

use super::{Check, Context, Found, Outcome, Rule, support};
use crate::model::finding::{Severity, SubjectKind};
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "must-staple-without-staple",
    severity: Severity::High,
    title: "the certificate demands OCSP stapling, and the server does not staple",
    explanation: "The TLS feature extension (must-staple) tells clients to refuse the certificate when no OCSP response \
                  comes with it. Firefox and GnuTLS programs (gnutls-cli, wget, git) do; Chrome, curl with OpenSSL, Go and \
                  Java take no notice, so the fault is easily missed. Some servers staple only from the second connection \
                  on, after they have fetched a response.",
    advice: "Switch OCSP stapling on and let the server reach the responder; or have the certificate reissued without the \
             extension, as CAs that have given up OCSP do.",
    citations: &["RFC 7633 §4.2.3.1", "RFC 6066 §8"],
    explains: &[Category::MustStaple],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::per_chain(context, |_, deployment| {
        let certificate = context.judgement.pool.get(support::end_entity(deployment)?);
        let without: Vec<String> = deployment
            .endpoints
            .iter()
            .map(|&index| &context.evidence.endpoints[index])
            .filter(|endpoint| endpoint.ocsp_staple.is_none())
            .map(|endpoint| endpoint.address.to_string())
            .collect();
        (certificate.extensions.must_staple && !without.is_empty()).then(|| {
            Found::new(SubjectKind::Certificate, certificate.fingerprint.to_string())
                .fact("certificate", certificate.subject.to_string())
                .fact("without_staple", without)
                .remedy("switch OCSP stapling on, and let the server reach the CA's responder", None, true)
        })
    })
}
