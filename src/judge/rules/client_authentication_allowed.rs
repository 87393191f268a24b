//! `client-authentication-allowed`: a public server certificate that may be shown by clients, too.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::x509::Certificate;

/// From this notBefore on Chrome's programme forbids it: 2027-03-15.
const FORBIDDEN_FROM: i64 = 1_805_068_800;

pub const RULE: Rule = Rule {
    code: "client-authentication-allowed",
    severity: Severity::Info,
    title: "the certificate is for TLS clients too, which public CAs are giving up",
    explanation: "The extended key usage holds clientAuth beside serverAuth. Chrome's root programme takes public \
                  hierarchies for servers only: intermediates since 2026-06-15, end entities from 2027-03-15 on, and most \
                  CAs leave clientAuth out already. As a server's certificate it works; where a service shows this \
                  certificate to another one (mutual TLS), the next renewal breaks that.",
    advice: "Before the next renewal, find out whether the certificate is also shown by a client; if so, get that one from \
             a private CA.",
    citations: &["Chrome Root Program Policy 1.8 §4.1 (dedicated TLS server hierarchies)", "RFC 5280 §4.2.1.12"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::on_public_end_entity(context, |found, certificate| {
        let severity = severity(certificate)?;
        let remedy = "get the certificates that clients show from a private CA before this one is renewed";
        Some(found.severity(severity).remedy(remedy, None, true))
    })
}

/// `None`: it is for servers only.
fn severity(certificate: &Certificate) -> Option<Severity> {
    certificate.extensions.extended_key_usage.as_ref().filter(|usage| usage.client_auth && usage.server_auth)?;
    let is_late = certificate.not_before.unix() >= FORBIDDEN_FROM;
    Some(if is_late { Severity::Low } else { RULE.severity })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_too_and_from_when_on() {
        let issued = |year: i32, usages: &[rcgen::ExtendedKeyUsagePurpose]| {
            let mut params = rcgen::CertificateParams::new(vec!["example.com".to_owned()]).unwrap();
            params.extended_key_usages = usages.to_vec();
            params.not_before = rcgen::date_time_ymd(year, 6, 1);
            let key = rcgen::KeyPair::generate().unwrap();
            severity(&Certificate::parse(params.self_signed(&key).unwrap().der()).unwrap())
        };
        use rcgen::ExtendedKeyUsagePurpose::{ClientAuth, ServerAuth};
        assert_eq!(issued(2026, &[ServerAuth, ClientAuth]), Some(Severity::Info));
        assert_eq!(issued(2027, &[ServerAuth, ClientAuth]), Some(Severity::Low));
        assert_eq!(issued(2027, &[ServerAuth]), None);
        assert_eq!(issued(2027, &[]), None, "without the extension nothing is said");
    }
}
