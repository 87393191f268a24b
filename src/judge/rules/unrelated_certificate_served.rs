//! `unrelated-certificate-served`: a stranger in the chain.

use super::{Check, Context, Found, Outcome, Rule, support};
use crate::judge::standard::FaultKind;
use crate::model::finding::{Severity, SubjectKind};
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "unrelated-certificate-served",
    severity: Severity::Low,
    title: "a certificate is served that belongs to no path",
    explanation: "It lies on no path from the end entity: the intermediate of another CA, or the rest of an old \
                  bundle. Clients that build paths ignore it; those that expect order may stop there.",
    advice: "Leave it out.",
    citations: &["RFC 8446 §4.4.2", "RFC 5246 §7.4.2"],
    explains: &[Category::UnknownIssuer],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::per_chain(context, |index, deployment| {
        let pool = &context.judgement.pool;
        let strangers: Vec<String> = deployment
            .served
            .iter()
            .skip(1)
            .filter(|id| {
                let on_a_path = deployment.with_fetched.paths.iter().any(|path| {
                    // One with the right name and the wrong key has a finding of its own.
                    path.certificates.contains(id)
                        || path.has(
                            |kind| matches!(kind, FaultKind::IssuerKeyDoesNotMatch { candidate } if candidate == *id),
                        )
                });
                let repeats_an_issuer = deployment
                    .with_fetched
                    .paths
                    .iter()
                    .flat_map(|path| &path.certificates)
                    .any(|&other| pool.get(other).subject.normalised() == pool.get(**id).subject.normalised());
                !on_a_path && !repeats_an_issuer
            })
            .map(|&id| pool.get(id).subject.to_string())
            .collect();
        let search_was_whole = !deployment.with_fetched.incomplete;
        (search_was_whole && !strangers.is_empty()).then(|| {
            Found::new(SubjectKind::Deployment, index.to_string()).fact("unrelated", strangers).remedy(
                "leave the unrelated certificates out",
                context.bundle_command(),
                true,
            )
        })
    })
}
