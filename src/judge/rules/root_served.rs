//! `root-served`: a trust anchor in the certificate list.

use super::{Check, Context, Found, Outcome, Rule, support};
use crate::model::finding::{Severity, SubjectKind};

pub const RULE: Rule = Rule {
    code: "root-served",
    severity: Severity::Info,
    title: "the root certificate is served",
    explanation: "Clients have the root already; sending it costs bytes in every handshake and helps nobody. It breaks \
                  nothing.",
    advice: "Leave the root out of the bundle.",
    citations: &["RFC 8446 §4.4.2", "RFC 5246 §7.4.2"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::per_chain(context, |index, deployment| {
        let pool = &context.judgement.pool;
        let root = deployment
            .served
            .iter()
            .skip(1)
            .find(|&&id| pool.origin(id).anchor.is_some() && pool.get(id).is_self_issued())?;
        Some(
            Found::new(SubjectKind::Certificate, context.fingerprint(*root))
                .fact("subject", pool.get(*root).subject.to_string())
                .remedy("leave the root out of the bundle", None, true)
                .in_deployment(index),
        )
    })
}
