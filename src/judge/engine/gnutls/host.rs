//! The name (`lib/x509/hostname-verify.c`).

use super::MAX_NAME;
use super::path::has_purpose;
use crate::model::target::ReferenceId;
use crate::x509::Certificate;
use crate::x509::general_name::GeneralName;

/// `gnutls_x509_crt_check_hostname2`: the SAN; the common name only when there is a single one and the SAN has neither
/// dNSName nor iPAddress nor URI. An address is never compared with text.
pub fn matches_host(certificate: &Certificate, reference: &ReferenceId) -> bool {
    let names = certificate.extensions.subject_alt_name.as_ref().map_or(&[][..], |san| &san.names);
    let host = match reference {
        ReferenceId::Ip(address) => return names.iter().any(|name| name.as_ip() == Some(*address)),
        ReferenceId::Dns(host) => host.as_str(),
    };
    let is_dns_match = |name: &GeneralName| matches!(name, GeneralName::Dns(text) if matches_text(text, host));
    if names.iter().any(is_dns_match) {
        return true;
    }
    let precludes = |name: &GeneralName| match name {
        GeneralName::Dns(_) | GeneralName::Ip(_) | GeneralName::Uri(_) => true,
        GeneralName::Email(text) => text.len() > MAX_NAME,
        _ => false,
    };
    if names.iter().any(precludes) || !has_purpose(certificate, true) {
        return false;
    }
    let attributes = certificate.subject.attributes();
    let mut common_names = attributes.iter().filter(|attribute| attribute.oid == "2.5.4.3");
    matches!((common_names.next(), common_names.next()), (Some(only), None) if matches_text(&only.text, host))
}

/// `_gnutls_hostname_compare`: a leading asterisk stands for any part of the first label, also for nothing, when two dots
/// follow.
fn matches_text(presented: &str, host: &str) -> bool {
    if presented.len() > MAX_NAME || !presented.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return false;
    }
    let Some(rest) = presented.strip_prefix('*') else { return presented.eq_ignore_ascii_case(host) };
    if rest.matches('.').count() < 2 || rest.ends_with('.') {
        return false;
    }
    let first_label = host.find('.').unwrap_or(host.len());
    host.is_ascii() && (0..=first_label).any(|start| host[start..].eq_ignore_ascii_case(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_stands_for_the_start_of_the_first_label() {
        for (presented, host, same) in [
            ("*.example.com", "a.example.com", true),
            ("*.example.com", "a.b.example.com", false),
            ("*.example.com", "example.com", false),
            ("*o.example.com", "foo.example.com", true),
            ("f*.example.com", "foo.example.com", false),
            ("*.com", "example.com", false),
            ("*.example.com.", "a.example.com", false),
            ("Example.com", "example.com", true),
            (" example.com", "example.com", false),
        ] {
            assert_eq!(matches_text(presented, host), same, "{presented} {host}");
        }
    }
}
