//! `several-cnames`: an alias of more than one name.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::naming::NameFaultKind;

pub const RULE: Rule = Rule {
    code: "several-cnames",
    severity: Severity::High,
    title: "a name has more than one CNAME",
    explanation: "An alias stands for one name. Some resolvers take the first target, some a random one, some refuse the answer: \
                  a left-over of a move, or an attempt at load balancing that CNAMEs do not offer.",
    advice: "Remove all but one of the CNAME records.",
    citations: &["RFC 2181 §10.1", "RFC 1034 §3.6.2"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    let remedy = "remove all but one of the CNAME records";
    Outcome::of(support::name_faults(context, NameFaultKind::SeveralCnames, remedy))
}
