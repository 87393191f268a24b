//! `weak-diffie-hellman-group`: a finite field below 2048 bits.

use super::{Check, Context, Found, Outcome, Rule, support};
use crate::model::finding::{Severity, SubjectKind};
use crate::model::verdict::Category;

/// Bits that OpenSSL asks for at its security level 2, which Debian and Ubuntu set.
const WANTED: usize = 2048;

pub const RULE: Rule = Rule {
    code: "weak-diffie-hellman-group",
    severity: Severity::Medium,
    title: "a Diffie-Hellman group is too small",
    explanation: "With a DHE suite the server uses a prime below 2048 bits. Clients that come to choose such a suite \
                  refuse it: OpenSSL says `dh key too small`, Java that the prime does not comply to algorithm \
                  constraints. Browsers do not offer DHE any more.",
    advice: "Take the DHE suites out, or configure a group of 2048 bits (RFC 7919).",
    citations: &["RFC 7919 §4", "RFC 9325 §4.1", "OpenSSL SSL_CTX_set_security_level(3)"],
    explains: &[Category::WeakHandshake],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::per_survey(context, |endpoint, survey| {
        let bits = survey.versions.iter().filter_map(|version| version.dh_bits).min().filter(|bits| *bits < WANTED)?;
        let found = Found::new(SubjectKind::Endpoint, endpoint.address.to_string()).fact("bits", bits);
        Some(found.remedy("take the DHE suites out of the listener's TLS policy", None, true))
    })
}
