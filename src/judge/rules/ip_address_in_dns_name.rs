//! `ip-address-in-dns-name`: text where octets belong.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::verdict::Category;
use crate::x509::identity::NearMiss;

pub const RULE: Rule = Rule {
    code: "ip-address-in-dns-name",
    severity: Severity::Critical,
    title: "the address is written as a DNS name",
    explanation: "An address matches only an iPAddress entry; here it stands as text in a dNSName, which no careful \
                  client accepts.",
    advice: "Have the certificate reissued with the address as an IP entry.",
    citations: &["RFC 9525 §6.4", "RFC 5280 §4.2.1.6"],
    explains: &[Category::Hostname],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::on_name(context, |near_miss| match near_miss {
        NearMiss::IpInDnsName { presented } => Some((
            format!("`{presented}` is text, not an address"),
            "have the certificate reissued with the address as an iPAddress entry".to_owned(),
        )),
        _ => None,
    })
}
