//! `wildcard-covers-one-label`: the nearest miss is a wildcard above. It explains a `name-mismatch`, which weighs.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::verdict::Category;
use crate::x509::identity::NearMiss;

pub const RULE: Rule = Rule {
    code: "wildcard-covers-one-label",
    severity: Severity::Info,
    title: "the wildcard does not reach this far down",
    explanation: "A wildcard stands for exactly one label: *.example.com is for a.example.com, not for \
                  a.b.example.com.",
    advice: "Have the certificate reissued with the name itself or a wildcard one level deeper.",
    citations: &["RFC 9525 §6.3"],
    explains: &[Category::Hostname],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::on_name(context, |near_miss| match near_miss {
        NearMiss::WildcardCoversOneLabel { presented } => Some((
            format!("`{presented}` covers one label only"),
            "have the certificate reissued with this name, or with a wildcard one level deeper".to_owned(),
        )),
        _ => None,
    })
}
