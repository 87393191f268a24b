//! `end-entity-revoked`: the CA has revoked the certificate.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::revocation::RevocationStatus;
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "end-entity-revoked",
    severity: Severity::Critical,
    title: "the certificate has been revoked",
    explanation: "The CA has taken the certificate back, often because its key is in wrong hands, and says so in a signed \
                  answer. Who notices differs: Chrome, Firefox and GnuTLS programs honour a stapled answer; browsers also \
                  learn of revocations from lists that their makers distribute, some hours or days later; curl, OpenSSL, \
                  Go, Java and Python look nowhere unless told to and go on accepting it. That they accept it does not \
                  make it good.",
    advice: "Have a new certificate issued, with a new key, and ask the CA why the old one was revoked.",
    citations: &["RFC 5280 §5.3.1, §6.3", "RFC 6960 §2.2", "CA/Browser Forum Baseline Requirements §4.9.1"],
    explains: &[Category::Revoked],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::on_revocation(context, |position, revocation, found| {
        (position == 0 && revocation.answer.status == RevocationStatus::Revoked).then(|| {
            support::answered(found, &revocation.answer).remedy(
                "have a new certificate issued, with a new key",
                None,
                true,
            )
        })
    })
}
