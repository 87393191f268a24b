//! `missing-intermediate`: proven by finding it.

use serde_json::json;

use super::{Check, Context, Found, Outcome, Rule};
use crate::model::finding::{Severity, SubjectKind};
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "missing-intermediate",
    severity: Severity::High,
    title: "the served chain stops before a trusted issuer",
    explanation: "The server must send every intermediate up to, not including, the root. Clients that fetch the issuer \
                  themselves (Chrome, Edge, Safari, Windows) or know it beforehand (Firefox) hide the gap; curl, OpenSSL, \
                  Java, Go, rustls, Python and most apps fail.",
    advice: "Serve the end entity followed by the intermediates listed in the repair.",
    citations: &["RFC 8446 §4.4.2", "RFC 5246 §7.4.2", "RFC 5280 §4.2.2.1"],
    explains: &[Category::UnknownIssuer, Category::BadSignature],
    check: Check::Evidence(check),
};

/// Fires only on proof: no path over what was served reaches an anchor, and one over what was fetched does.
fn check(context: &Context<'_>) -> Outcome {
    let mut found = Vec::new();
    let mut applicable = false;
    for (index, deployment) in context.chains() {
        applicable = true;
        if deployment.as_served.paths.iter().any(|path| path.anchored) {
            continue;
        }
        let Some(path) = deployment.with_fetched.paths.iter().find(|path| path.anchored) else { continue };
        let missing: Vec<_> = path
            .certificates
            .iter()
            .filter(|id| !deployment.served.contains(id) && context.judgement.pool.origin(**id).anchor.is_none())
            .collect();
        let names: Vec<String> =
            missing.iter().map(|id| context.judgement.pool.get(**id).subject.to_string()).collect();
        let hashes: Vec<String> = missing.iter().map(|id| context.fingerprint(**id)).collect();
        found.push(
            Found::new(SubjectKind::Deployment, index.to_string())
                .in_deployment(index)
                .fact("missing", json!(hashes))
                .fact("missing_subjects", json!(names))
                .remedy(
                    format!("serve the missing intermediate too: {}", names.join("; ")),
                    context.bundle_command(),
                    true,
                ),
        );
    }
    if applicable { Outcome::of(found) } else { Outcome::NotApplicable }
}
