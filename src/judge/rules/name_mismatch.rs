//! `name-mismatch`: no presented identifier matches.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::verdict::Category;
use crate::x509::identity::NearMiss;

pub const RULE: Rule = Rule {
    code: "name-mismatch",
    severity: Severity::Critical,
    title: "the certificate is not for this name",
    explanation: "None of the names in the certificate matches the name that was asked for: the default certificate of \
                  the gateway, another domain's, or one that lacks this name. A CNAME's target does not count; only \
                  the name the user typed does.",
    advice: "Deploy a certificate that holds the name; if one was deployed, the gateway serves another for this \
             name (check the domain binding and SNI).",
    citations: &["RFC 9525 §6", "RFC 9110 §4.3.4"],
    explains: &[Category::Hostname],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::on_name(context, |near_miss| {
        let (near, summary) = match near_miss {
            // Some clients take these names: findings of their own.
            NearMiss::CommonNameOnly { .. } | NearMiss::IpInDnsName { .. } => return None,
            NearMiss::WildcardCoversOneLabel { presented } => (
                format!("`{presented}` covers one label only"),
                "have the certificate reissued with this name, or with a wildcard one level deeper",
            ),
            NearMiss::WildcardNotApex { presented } => (
                format!("`{presented}` does not cover the name it is derived from"),
                "have the certificate reissued with the bare name beside the wildcard",
            ),
            NearMiss::Www { presented } => {
                (format!("`{presented}` differs only in the `www.`"), "have the certificate reissued with both names")
            }
            NearMiss::Malformed { presented } => (
                format!("`{presented}` holds the name, but is no host name itself"),
                "have the certificate reissued with the plain host name",
            ),
            NearMiss::NoNames => (
                "the certificate holds no name at all".to_owned(),
                "have the certificate reissued with the name as SAN",
            ),
            NearMiss::Different => ("other names".to_owned(), "deploy the certificate that was issued for this name"),
        };
        Some((near, summary.to_owned()))
    })
}
