//! `duplicate-certificate-served`: the same bytes at two places.

use super::{Check, Context, Found, Outcome, Rule, support};
use crate::model::finding::{Severity, SubjectKind};

pub const RULE: Rule = Rule {
    code: "duplicate-certificate-served",
    severity: Severity::Low,
    title: "a certificate is served twice",
    explanation: "It breaks no current client, costs bytes in every handshake and is usually the trace of a bundle \
                  made by hand.",
    advice: "Serve every certificate once.",
    citations: &["RFC 8446 §4.4.2"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::per_chain(context, |index, deployment| {
        let twice =
            deployment.served.iter().enumerate().find(|(position, id)| deployment.served[..*position].contains(id))?;
        Some(
            Found::new(SubjectKind::Certificate, context.fingerprint(*twice.1))
                .fact("subject", context.judgement.pool.get(*twice.1).subject.to_string())
                .remedy("serve every certificate once", context.bundle_command(), true)
                .in_deployment(index),
        )
    })
}
