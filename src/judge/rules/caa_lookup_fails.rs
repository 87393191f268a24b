//! `caa-lookup-fails`: a zone that fails when it is asked for CAA records.

use super::{Check, Context, Found, Outcome, Rule, support};
use crate::judge::caa::{self, Relevant};
use crate::model::finding::{Severity, SubjectKind};
use crate::model::resolution::DnsStatus;

pub const RULE: Rule = Rule {
    code: "caa-lookup-fails",
    severity: Severity::Medium,
    title: "the question for CAA records ends with SERVFAIL",
    explanation: "A public CA must ask for CAA records before it issues, and may not go on when the answer is a failure. The name \
                  has addresses, so visitors notice nothing; but the next renewal fails. Usual causes: name servers or load \
                  balancers that do not know the record type and answer SERVFAIL or nothing at all, or a DNSSEC fault.",
    advice: "Let the zone's name servers answer questions for CAA, if only with \"no such record\".",
    citations: &["RFC 8659 §3", "CA/Browser Forum TLS Baseline Requirements §4.2.2.1"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    // Where nothing can be resolved this is no news.
    if context.evidence.resolution.status != DnsStatus::Noerror {
        return Outcome::NotApplicable;
    }
    support::on_caa(context, |certificate, organization, _, sets, name| {
        let Relevant::Open(set) = caa::relevant(sets, caa::asked_for(certificate, name)) else { return None };
        let found = || {
            Found::new(SubjectKind::Dns, set.name.clone())
                .fact("issuer", organization)
                .fact("message", set.failure.clone())
                .fact("expires", certificate.not_after.to_string())
                .remedy("let the zone's name servers answer questions for CAA", None, true)
        };
        (set.status == DnsStatus::Servfail).then(found)
    })
}
