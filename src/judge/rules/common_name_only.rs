//! `common-name-only`: the CN would match, no SAN does.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::verdict::Category;
use crate::x509::identity::NearMiss;

pub const RULE: Rule = Rule {
    code: "common-name-only",
    severity: Severity::High,
    title: "the name stands only in the subject's common name",
    explanation: "Browsers, Go, rustls and all who follow RFC 9525 look only at the subject alternative names; the \
                  common name has not counted there since 2017. curl, OpenSSL, Java and others still fall back to it, \
                  so it works for some.",
    advice: "Have the certificate reissued with the name as a subject alternative name.",
    citations: &["RFC 9525 §6", "RFC 9110 §4.3.4"],
    explains: &[Category::Hostname, Category::BadFormat],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::on_name(context, |near_miss| match near_miss {
        NearMiss::CommonNameOnly { common_name, .. } => Some((
            format!("CN=`{common_name}`"),
            "have the certificate reissued with the name as a subject alternative name".to_owned(),
        )),
        _ => None,
    })
}
