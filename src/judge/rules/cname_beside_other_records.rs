//! `cname-beside-other-records`: an alias that is not alone.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::naming::NameFaultKind;

pub const RULE: Rule = Rule {
    code: "cname-beside-other-records",
    severity: Severity::High,
    title: "a CNAME stands beside other records of the same name",
    explanation: "Where there is a CNAME there may be nothing else (but DNSSEC's own records): resolvers follow the alias and \
                  forget the rest, or the other way round. What a client gets depends on what its resolver asked for first.",
    advice: "Keep either the CNAME or the other records.",
    citations: &["RFC 1034 §3.6.2", "RFC 2181 §10.1", "RFC 1912 §2.4"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    let remedy = "keep either the CNAME or the other records of this name";
    Outcome::of(support::name_faults(context, NameFaultKind::CnameBesideOtherRecords, remedy))
}
