//! `refused-for-own-reasons`: what no other rule explains.

use super::{Check, Context, Found, Outcome, Rule, explains};
use crate::model::finding::{Severity, SubjectKind};
use crate::model::verdict::Verdict;

pub const RULE: Rule = Rule {
    code: "refused-for-own-reasons",
    severity: Severity::Medium,
    title: "a client refuses for a reason of its own",
    explanation: "The client was measured to refuse such a chain, and no other finding names the cause: a rule that \
                  this client applies and most others do not. Its code and words are in the client table.",
    advice: "Look up the client's code with `tlsmend explain`; `tlsmend clients -v` says how the client decides.",
    citations: &[],
    explains: &[],
    check: Check::AfterOthers(check),
};

fn check(context: &Context<'_>, others: &[(&'static Rule, Found)]) -> Outcome {
    let mut found = Vec::new();
    for (index, deployment) in context.judgement.deployments.iter().enumerate() {
        for (client, answer) in context.settings.clients.iter().zip(&deployment.answers) {
            let (Verdict::Reject | Verdict::Error, Some(category)) = (answer.verdict, answer.category) else {
                continue;
            };
            if others.iter().any(|(rule, instance)| explains(rule, instance, index, category)) {
                continue;
            }
            found.push(
                Found::new(SubjectKind::Client, client.id)
                    .in_deployment(index)
                    .fact("code", answer.code.clone())
                    .fact("message", answer.message.clone())
                    .fact("category", serde_json::to_value(category).unwrap_or_default()),
            );
        }
    }
    Outcome::of(found)
}
