//! `intermediate-revoked`: a CA above the certificate has been revoked.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::revocation::RevocationStatus;
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "intermediate-revoked",
    severity: Severity::Critical,
    title: "an intermediate certificate of the path has been revoked",
    explanation: "The CA above has taken the intermediate back: everything below it must not be trusted on this path. \
                  Browsers learn of it from the lists that their makers distribute (CRLSets, OneCRL, Apple's); other \
                  clients look for it only when told to. Another certificate of the same issuer may still be good.",
    advice: "Get the chain that the CA recommends now; where there is none, have the certificate reissued.",
    citations: &["RFC 5280 §6.3", "CA/Browser Forum Baseline Requirements §4.9.1.2"],
    explains: &[Category::Revoked],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::on_revocation(context, |position, revocation, found| {
        (position > 0 && revocation.answer.status == RevocationStatus::Revoked).then(|| {
            support::answered(found, &revocation.answer).remedy(
                "get the CA's present chain, or have the certificate reissued",
                None,
                true,
            )
        })
    })
}
