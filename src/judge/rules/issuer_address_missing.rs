//! `issuer-address-missing`: a public certificate that does not say where its issuer is to be had.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::x509::Certificate;

pub const RULE: Rule = Rule {
    code: "issuer-address-missing",
    severity: Severity::Info,
    title: "the certificate has no address for its issuer's certificate",
    explanation: "Public CAs put an authority information access extension into every certificate, with the address \
                  (caIssuers) where the issuer's certificate is to be had. Without it browsers cannot mend a chain that \
                  lacks an intermediate, and neither can we: the server must send every intermediate.",
    advice: "Serve the whole chain; the next certificate of the CA should have the address.",
    citations: &["CA/Browser Forum Baseline Requirements §7.1.2.7.6, §7.1.2.7.7", "RFC 5280 §4.2.2.1"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::on_public_end_entity(context, |found, certificate| {
        has_no_address(certificate)
            .then(|| found.remedy("serve the whole chain: nobody can fetch what lacks", None, true))
    })
}

fn has_no_address(certificate: &Certificate) -> bool {
    certificate.extensions.ca_issuers.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_an_address_and_without() {
        let with = |extensions: Vec<rcgen::CustomExtension>| {
            let mut params = rcgen::CertificateParams::new(vec!["example.com".to_owned()]).unwrap();
            params.custom_extensions = extensions;
            let key = rcgen::KeyPair::generate().unwrap();
            has_no_address(&Certificate::parse(params.self_signed(&key).unwrap().der()).unwrap())
        };
        // SEQUENCE { SEQUENCE { caIssuers, [6] "http://a/" } }
        let value = [&[0x30, 23, 0x30, 21, 6, 8, 0x2b, 6, 1, 5, 5, 7, 0x30, 2, 0x86, 9][..], b"http://a/"].concat();
        let aia = rcgen::CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], value);
        assert!(with(Vec::new()) && !with(vec![aia]));
    }
}
