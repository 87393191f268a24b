//! `crl-expired`: the CA publishes a CRL whose time is over.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::revocation::{NoAnswer, RevocationSource};

pub const RULE: Rule = Rule {
    code: "crl-expired",
    severity: Severity::Medium,
    title: "the CA's CRL is out of date",
    explanation: "nextUpdate of the list has passed and no newer one is published: the CA's publishing has stopped, or \
                  something between it and us hands out an old copy. Clients that check CRLs treat the status as unknown, \
                  and many of them then refuse. An entry in an old list still says that a certificate is revoked.",
    advice: "Ask the CA to publish a new CRL; with a CA of your own, run its CRL job again.",
    citations: &["RFC 5280 §5.1.2.5", "CA/Browser Forum Baseline Requirements §4.9.7"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::on_revocation_answer(
        context,
        |answer| answer.source == Some(RevocationSource::Crl) && answer.problem == Some(NoAnswer::Expired),
        "have the CA publish a new CRL",
    )
}
