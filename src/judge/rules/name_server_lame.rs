//! `name-server-lame`: a name server that does not hold the zone it is named for.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::naming::NameServerStatus;

pub const RULE: Rule = Rule {
    code: "name-server-lame",
    severity: Severity::Medium,
    title: "a name server of the zone does not hold it",
    explanation: "The zone's NS records name it, but it refuses, fails or answers without authority. Resolvers try the next one, \
                  which costs time, and the zone hangs on the servers that are left. Usual causes: a provider that was left \
                  without removing its NS records, or a secondary that could not copy the zone and let it expire.",
    advice: "Have the server load the zone, or remove it from the NS records of the zone and at the registrar.",
    citations: &["RFC 1912 §2.8", "RFC 1034 §4.2.2"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::failing_name_servers(
        context,
        |status| status == NameServerStatus::Lame,
        "have the server load the zone, or remove it from the NS records and at the registrar",
    )
}
