//! `X509Certificate::VerifyHostname`, and names that no public CA may issue for.

use std::net::IpAddr;

use super::super::mozpkix::ip_matches;
use crate::model::target::ReferenceId;
use crate::x509::Certificate;
use crate::x509::general_name::GeneralName;

/// `X509Certificate::VerifyHostname`: only the SAN counts.
pub fn matches_host(certificate: &Certificate, reference: &ReferenceId) -> bool {
    let names = certificate.extensions.subject_alt_name.iter().flat_map(|san| &san.names);
    match reference {
        ReferenceId::Ip(ip) => {
            names.into_iter().any(|name| matches!(name, GeneralName::Ip(octets) if ip_matches(octets, *ip)))
        }
        ReferenceId::Dns(host) => names
            .into_iter()
            .any(|name| matches!(name, GeneralName::Dns(presented) if dns_matches(presented, host.as_str()))),
    }
}

fn dns_matches(presented: &str, host: &str) -> bool {
    let presented = presented.strip_suffix('.').unwrap_or(presented);
    if presented.is_empty() || presented.contains('\0') {
        return false;
    }
    let split = |name: &str| name.find('.').unwrap_or(name.len());
    let (host_label, host_domain) = host.split_at(split(host));
    let (label, domain) = presented.split_at(split(presented));
    domain.eq_ignore_ascii_case(host_domain)
        && (label.eq_ignore_ascii_case(host_label) || (label == "*" && takes_wildcards(host, host_domain)))
}

/// A wildcard does not cover names directly below a public suffix of the ICANN part, nor below one that is not known.
fn takes_wildcards(host: &str, domain: &str) -> bool {
    let Some(domain) = domain.strip_prefix('.') else { return false };
    let is_numeric = host.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    !is_numeric && icann_suffix(host) != Some(domain)
}

/// `GetCanonicalHostRegistryLength` with `EXCLUDE_PRIVATE_REGISTRIES`.
fn icann_suffix(host: &str) -> Option<&str> {
    let mut rest = host;
    loop {
        let suffix = psl::suffix(rest.as_bytes())?;
        let text = rest.get(rest.len() - suffix.as_bytes().len()..)?;
        match suffix.typ() {
            Some(psl::Type::Private) => rest = text.split_once('.')?.1,
            _ => return Some(text),
        }
    }
}

/// Is `host` below a public suffix that the list knows, private ones too (`HostHasRegistryControlledDomain`)?
pub fn has_registrable_domain(host: &str) -> bool {
    psl::suffix(host.as_bytes()).is_some_and(|suffix| suffix.is_known() && suffix.as_bytes().len() < host.len())
}

/// Does the list have `suffix`? Every last label is a suffix to it, listed or not.
fn is_listed(suffix: &str) -> bool {
    psl::suffix(suffix.as_bytes()).is_some_and(|suffix| suffix.is_known())
}

/// `IsHostnameNonUnique`: no name or address of the public Internet.
pub(super) fn is_non_unique(reference: &ReferenceId) -> bool {
    match reference {
        // Private registries are passed over: below them are names of ICANN's all the same (`s3.amazonaws.com`).
        ReferenceId::Dns(name) => {
            let (host, suffix) = (name.as_str(), icann_suffix(name.as_str()));
            !suffix.is_some_and(|suffix| suffix.len() < host.len() && is_listed(suffix))
        }
        ReferenceId::Ip(IpAddr::V4(ip)) => {
            let octets = ip.octets();
            ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || ip.is_unspecified()
                || ip.is_documentation()
                || matches!(
                    octets,
                    [0, ..] | [100, 64..128, ..] | [192, 0, 0, _] | [198, 18 | 19, ..] | [240..=255, ..]
                )
        }
        // Global unicast is 2000::/3 (RFC 4291 §2.4).
        ReferenceId::Ip(IpAddr::V6(ip)) => match ip.to_ipv4_mapped() {
            Some(ip) => is_non_unique(&ReferenceId::Ip(ip.into())),
            None => ip.segments()[0] >> 13 != 1,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stop_at_public_suffixes() {
        assert!(dns_matches("*.example.com", "a.example.com"));
        assert!(dns_matches("*.example.com.", "a.example.com"));
        assert!(dns_matches("*.appspot.com", "a.appspot.com"), "private suffixes are no limit");
        for (presented, host) in [
            ("*.com", "example.com"),
            ("*.co.uk", "example.co.uk"),
            ("*.intranet", "host.intranet"),
            ("*.example.com", "example.com"),
            ("*.example.com", "a.b.example.com"),
            ("f*.example.com", "foo.example.com"),
            ("example.com:443", "example.com"),
        ] {
            assert!(!dns_matches(presented, host), "{presented} {host}");
        }
    }

    #[test]
    fn names_of_no_public_network() {
        let non_unique = |text: &str| is_non_unique(&text.parse().unwrap());
        for text in ["127.0.0.1", "10.1.2.3", "host.intranet", "localhost", "::1", "fe80::1", "100.64.0.1"] {
            assert!(non_unique(text), "{text}");
        }
        for text in ["8.8.8.8", "example.com", "a.example.co.uk", "2606:4700::1111"] {
            assert!(!non_unique(text), "{text}");
        }
    }
}
