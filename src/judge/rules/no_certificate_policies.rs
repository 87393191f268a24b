//! `no-certificate-policies`: a public certificate that does not say under what rules it was issued.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::x509::Certificate;

pub const RULE: Rule = Rule {
    code: "no-certificate-policies",
    severity: Severity::Info,
    title: "the certificate names no policy it was issued under",
    explanation: "Public CAs name a policy of the CA/Browser Forum in every certificate (2.23.140.1.…: domain, organisation, \
                  individual or extended validation). No client refuses a server without one; it is a sign of a \
                  certificate issued outside the CA's usual way.",
    advice: "Nothing has to be done; ask the CA when the certificate should have been an ordinary one.",
    citations: &["CA/Browser Forum Baseline Requirements §7.1.2.7.6, §7.1.6.1", "RFC 5280 §4.2.1.4"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::on_public_end_entity(context, |found, certificate| names_no_policy(certificate).then_some(found))
}

fn names_no_policy(certificate: &Certificate) -> bool {
    certificate.extensions.policies.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_a_policy_and_without() {
        let with = |extensions: Vec<rcgen::CustomExtension>| {
            let mut params = rcgen::CertificateParams::new(vec!["example.com".to_owned()]).unwrap();
            params.custom_extensions = extensions;
            let key = rcgen::KeyPair::generate().unwrap();
            names_no_policy(&Certificate::parse(params.self_signed(&key).unwrap().der()).unwrap())
        };
        // SEQUENCE { SEQUENCE { 2.23.140.1.2.1 } }
        let value = vec![0x30, 10, 0x30, 8, 6, 6, 0x67, 0x81, 0x0c, 1, 2, 1];
        let policies = rcgen::CustomExtension::from_oid_content(&[2, 5, 29, 32], value);
        assert!(with(Vec::new()) && !with(vec![policies]));
    }
}
