//! `issuer-name-matches-key-does-not`: the name fits, the signature does not.

use super::{Check, Context, Found, Outcome, Rule, support};
use crate::judge::standard::FaultKind;
use crate::model::finding::{Severity, SubjectKind};
use crate::model::verdict::Category;
use crate::x509::hex;

pub const RULE: Rule = Rule {
    code: "issuer-name-matches-key-does-not",
    severity: Severity::High,
    title: "the intermediate served has the right name but another key",
    explanation: "A certificate with the issuer's name is there, but the signature does not verify under its key: the \
                  intermediate of an older or newer generation of the CA was deployed, or the wrong file of two with \
                  the same name.",
    advice: "Serve the intermediate whose key signed this end entity; its key identifier must equal the authority \
             key identifier.",
    citations: &["RFC 5280 §6.1.3 (a)(1)", "RFC 5280 §4.2.1.1"],
    explains: &[Category::UnknownIssuer, Category::BadSignature, Category::SelfSigned],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::per_chain(context, |index, deployment| {
        // What was served is at fault here, whether or not the right issuer could be fetched.
        if deployment.as_served.paths.iter().any(|path| path.anchored) {
            return None;
        }
        let (position, candidate, path) = deployment.as_served.paths.iter().find_map(|path| {
            path.faults.iter().find_map(|fault| match fault.kind {
                FaultKind::IssuerKeyDoesNotMatch { candidate } => Some((fault.position, candidate, path)),
                _ => None,
            })
        })?;
        let pool = &context.judgement.pool;
        let (child, other) = (pool.get(path.certificates[position]), pool.get(candidate));
        Some(
            Found::new(SubjectKind::Certificate, other.fingerprint.to_string())
                .fact("certificate", child.subject.to_string())
                .fact("issuer", child.issuer.to_string())
                .fact(
                    "authority_key_identifier",
                    child.extensions.authority_key_id.as_ref().and_then(|aki| aki.key_id.as_deref()).map(hex),
                )
                .fact("subject_key_identifier", other.extensions.subject_key_id.as_deref().map(hex))
                .remedy(
                    format!("serve the certificate of `{}` whose key signed `{}`", child.issuer, child.subject),
                    None,
                    true,
                )
                .in_deployment(index),
        )
    })
}
