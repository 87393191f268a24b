//! `refused-for-own-reasons`: what no other rule explains.

use super::{Check, Context, Found, Outcome, Rule, explains};
use crate::model::finding::{Severity, SubjectKind};
use crate::model::verdict::Verdict;

pub const RULE: Rule = Rule {
    code: "refused-for-own-reasons",
    severity: Severity::Medium,
    title: "a client refuses for a reason of its own",
    explanation: "The client was measured to refuse such a chain, and no other finding names the cause: a rule that \
                  this client applies and most others do not. Its code and words are in the client table. Where only \
                  libraries of small devices or a client with extra strict flags refuse, and others accept, it weighs \
                  little: most sites never meet them.",
    advice: "Look up the client's code with `tlsmend explain`; `tlsmend clients -v` says how the client decides.",
    citations: &[],
    explains: &[],
    check: Check::AfterOthers(check),
};

/// Clients whose refusal alone does not make a site broken: Python's strict flags ask for more than any browser, and the
/// two libraries for small devices have limits that public sites are not built for (Mbed TLS 16 KiB of handshake, wolfSSL
/// RSA of 4096 bits). Whoever serves them asks for them (`--client wolfssl`): then no other client accepts, and it weighs.
const SELDOM_MET: &[&str] = &["python-strict", "mbedtls", "wolfssl"];

fn check(context: &Context<'_>, others: &[(&'static Rule, Found)]) -> Outcome {
    let mut found = Vec::new();
    for (index, deployment) in context.judgement.deployments.iter().enumerate() {
        let others_accept = deployment.answers.iter().any(|answer| answer.verdict == Verdict::Accept);
        for (client, answer) in context.settings.clients.iter().zip(&deployment.answers) {
            let (Verdict::Reject | Verdict::Error, Some(category)) = (answer.verdict, answer.category) else {
                continue;
            };
            if others.iter().any(|(rule, instance)| explains(rule, instance, index, category)) {
                continue;
            }
            let weighs_little = others_accept && SELDOM_MET.contains(&client.id);
            let severity = if weighs_little { Severity::Low } else { RULE.severity };
            found.push(
                Found::new(SubjectKind::Client, client.id)
                    .severity(severity)
                    .in_deployment(index)
                    .fact("code", answer.code.clone())
                    .fact("message", answer.message.clone())
                    .fact("category", serde_json::to_value(category).unwrap_or_default()),
            );
        }
    }
    Outcome::of(found)
}
