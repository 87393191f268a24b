//! `crl-unusable`: what stands at a CRL's address is no CRL that may be used.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::revocation::{NoAnswer, RevocationSource};

pub const RULE: Rule = Rule {
    code: "crl-unusable",
    severity: Severity::Low,
    title: "what the CRL's address gives cannot be used",
    explanation: "Something came from the address, but it is no CRL in DER, is not signed by the certificate's issuer, or \
                  says with a critical extension that only who understands it may use it. Clients that check CRLs treat \
                  the status as unknown.",
    advice: "Have the CA publish the right file; where a proxy or a portal answers in its place, let this address through.",
    citations: &["RFC 5280 §4.2.1.13, §5.2, §6.3.3"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::on_revocation_answer(
        context,
        |answer| answer.source == Some(RevocationSource::Crl) && answer.problem == Some(NoAnswer::Unusable),
        "have the CA publish the right file, or let the address through",
    )
}
