//! `ocsp-responder-fails`: the responder that a certificate names gives no answer that holds.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::revocation::{NoAnswer, RevocationSource};

pub const RULE: Rule = Rule {
    code: "ocsp-responder-fails",
    severity: Severity::Low,
    title: "the OCSP responder gives no answer that can be used",
    explanation: "The responder was asked, as Firefox does and as servers do that staple. No answer came, or it is an error, \
                  old, about another certificate, or not signed by the issuer or by whom the issuer certified for it. A \
                  server that staples cannot renew its staple; clients that ask themselves wait and go on, unless they \
                  are set to insist.",
    advice: "Look whether this machine may reach the responder; if others get the same, tell the CA.",
    citations: &["RFC 6960 §2.3, §3.2, §4.2.2.2", "RFC 5019 §2.2"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    let fails = |problem| {
        matches!(
            problem,
            NoAnswer::Unreachable
                | NoAnswer::Unusable
                | NoAnswer::Expired
                | NoAnswer::OutOfScope
                | NoAnswer::ResponderDoesNotKnow
        )
    };
    support::on_revocation_answer(
        context,
        |answer| answer.source == Some(RevocationSource::Ocsp) && answer.problem.is_some_and(fails),
        "see whether the responder can be reached from here; else tell the CA",
    )
}
