//! `name-server-unreachable`: a name server that does not answer.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::naming::NameServerStatus;

pub const RULE: Rule = Rule {
    code: "name-server-unreachable",
    severity: Severity::Medium,
    title: "a name server of the zone does not answer",
    explanation: "The zone's NS records name it, but its name has no address, or nothing that makes sense comes back. Resolvers \
                  wait for it before they try the next one: look-ups are slow now and then, and the zone hangs on the \
                  servers that are left.",
    advice: "Repair the server or its address, or remove it from the NS records of the zone and at the registrar.",
    citations: &["RFC 2182 §3", "RFC 1912 §2.8"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::failing_name_servers(
        context,
        |status| match status {
            NameServerStatus::Timeout
            | NameServerStatus::Unreachable
            | NameServerStatus::Malformed
            | NameServerStatus::NoAddress => true,
            NameServerStatus::Answers | NameServerStatus::Lame | NameServerStatus::NotTried => false,
        },
        "repair the server or its address, or remove it from the NS records and at the registrar",
    )
}
