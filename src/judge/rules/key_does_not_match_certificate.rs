//! `key-does-not-match-certificate`: CertificateVerify or ServerKeyExchange does not verify.

use super::{Check, Context, Found, Outcome, Rule, support};
use crate::model::finding::{Severity, SubjectKind};
use crate::model::handshake::{FailureKind, KeyProof};
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "key-does-not-match-certificate",
    severity: Severity::Critical,
    title: "the server does not hold the key of its certificate",
    explanation: "The signature of the handshake does not verify under the end entity's public key: certificate and \
                  private key do not belong together, most often after a renewal that replaced only one of them.",
    advice: "Deploy certificate and key of the same request together.",
    citations: &["RFC 8446 §4.4.3", "RFC 5246 §7.4.3"],
    explains: &[Category::Handshake, Category::BadSignature, Category::Other, Category::Closed],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    const REMEDY: &str = "deploy the certificate together with the private key it was issued for";
    if let Some(files) = &context.evidence.files {
        let index = context.judgement.deployments.iter().position(|deployment| deployment.endpoints.is_empty());
        return match (files.key, index) {
            (Some(KeyProof::Wrong), Some(index)) => Outcome::Found(vec![
                Found::new(SubjectKind::Deployment, index.to_string())
                    .in_deployment(index)
                    .fact("message", "the private key that was given is not that of the first certificate")
                    .remedy(REMEDY, None, true),
            ]),
            (Some(KeyProof::NotChecked), _) => Outcome::Undetermined("the key is of a kind that cannot be compared"),
            (Some(_), _) => Outcome::Clear,
            (None, _) => Outcome::NotApplicable,
        };
    }
    support::failing(context, |failure| failure.kind == FailureKind::SignatureWrong, REMEDY)
}
