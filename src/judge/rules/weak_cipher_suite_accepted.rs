//! `weak-cipher-suite-accepted`: suites without encryption, authentication or strength.

use super::{Check, Context, Found, Outcome, Rule, support};
use crate::model::finding::{Severity, SubjectKind};

pub const RULE: Rule = Rule {
    code: "weak-cipher-suite-accepted",
    severity: Severity::Medium,
    title: "cipher suites are accepted that protect nothing or too little",
    explanation: "Suites without encryption (NULL), without a certificate (anon), of export strength, with RC4 or DES \
                  can be read or changed on the way; 3DES alone weighs less. Clients of today do not offer them, but \
                  audits fail on them, and one client that does is enough.",
    advice: "Allow ECDHE with AES-GCM or ChaCha20 only (the list `intermediate` of most TLS policies).",
    citations: &["RFC 9325 §4.1", "RFC 7465", "RFC 8429"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    /// Suites that are listed.
    const MAX_LISTED: usize = 12;
    support::per_survey(context, |endpoint, survey| {
        let suites = survey.versions.iter().flat_map(|version| &version.cipher_suites);
        let mut weak: Vec<&str> = suites.map(|suite| suite.name.as_str()).filter(|name| is_weak(name)).collect();
        weak.sort_unstable();
        weak.dedup();
        let worst = weak.iter().any(|name| !name.contains("_3DES_"));
        let (count, severity) = (weak.len(), if worst { Severity::Medium } else { Severity::Low });
        weak.truncate(MAX_LISTED);
        let found = Found::new(SubjectKind::Endpoint, endpoint.address.to_string())
            .fact("cipher_suites", weak)
            .fact("count", count)
            .severity(severity)
            .remedy("allow ECDHE with AES-GCM or ChaCha20 only in the listener's TLS policy", None, true);
        (count > 0).then_some(found)
    })
}

fn is_weak(suite: &str) -> bool {
    ["_NULL", "_anon_", "_EXPORT", "_RC4_", "_RC2_", "_DES_", "_DES40_", "_3DES_"]
        .iter()
        .any(|word| suite.contains(word))
}
