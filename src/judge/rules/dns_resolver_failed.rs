//! `dns-resolver-failed`: an answer that is none.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::naming::DnssecStatus;
use crate::model::resolution::DnsStatus;

pub const RULE: Rule = Rule {
    code: "dns-resolver-failed",
    severity: Severity::Critical,
    title: "the name could not be resolved",
    explanation: "No resolver gave an answer that can be used: it failed (SERVFAIL: often a DNSSEC or delegation \
                  fault), refused, was silent, or could not be reached. This says nothing about the server behind the \
                  name.",
    advice: "Ask another resolver (--resolver 1.1.1.1). If that one answers, the resolver is at fault; if all \
             fail, look at the zone's delegation and DNSSEC.",
    citations: &["RFC 1035 §4.1.1", "RFC 8914"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::when_dns(
        context,
        |dns| {
            // Told by `dnssec-bogus`.
            let bogus = dns.dnssec.as_ref().is_some_and(|dnssec| dnssec.status == DnssecStatus::Bogus);
            !bogus
                && matches!(
                    dns.status,
                    DnsStatus::Servfail
                        | DnsStatus::Refused
                        | DnsStatus::Timeout
                        | DnsStatus::Unreachable
                        | DnsStatus::Malformed
                )
        },
        |found| {
            found.remedy(
                "ask another resolver to see whether the resolver or the zone is at fault",
                Some(format!("tlsmend probe {} --resolver 1.1.1.1", context.target.input)),
                true,
            )
        },
    )
}
