//! `Certificate.VerifyHostname`.

use super::parse::extensions;
use super::{Error, MAX_NAMES_SHOWN};
use crate::judge::case::Case;
use crate::model::target::ReferenceId;
use crate::model::verdict::Category;
use crate::x509::Certificate;
use crate::x509::general_name::GeneralName;

/// `VerifyHostname`.
fn hostname_matches(certificate: &Certificate, reference: &ReferenceId) -> bool {
    let names = extensions(certificate).subject_alt_name.as_ref().map_or(&[][..], |san| &san.names);
    match reference {
        ReferenceId::Ip(address) => names.iter().any(|name| name.as_ip() == Some(*address)),
        ReferenceId::Dns(host) => names.iter().any(|name| match name {
            GeneralName::Dns(presented) if is_valid_pattern(presented) => matches_host(presented, host.as_str()),
            GeneralName::Dns(presented) => presented.eq_ignore_ascii_case(host.as_str()),
            _ => false,
        }),
    }
}

fn common_name_matches(certificate: &Certificate, reference: &ReferenceId) -> bool {
    matches_host(certificate.subject.common_name().unwrap_or_default(), &reference.to_string())
}

/// `VerifyHostname`, `HostnameError`.
pub(super) fn verify_hostname(case: &Case<'_>, certificate: &Certificate) -> Result<(), Error> {
    if case.name_holds(certificate, hostname_matches) {
        return Ok(());
    }
    let san = extensions(certificate).subject_alt_name.as_ref();
    let names = san.map_or(&[][..], |san| &san.names);
    let (host, is_address) = (case.reference, case.name_is_address());
    let text = if san.is_none() && case.name_holds(certificate, common_name_matches) {
        "x509: certificate relies on legacy Common Name field, use SANs instead".to_owned()
    } else {
        let presented: Vec<String> = names
            .iter()
            .filter_map(|name| match name {
                name if is_address => name.as_ip().map(|ip| ip.to_string()),
                GeneralName::Dns(text) => Some(crate::x509::dn::printable(text)),
                _ => None,
            })
            .collect();
        match presented.len() {
            0 if is_address => {
                format!("x509: cannot validate certificate for {host} because it doesn't contain any IP SANs")
            }
            0 => format!("x509: certificate is not valid for any names, but wanted to match {host}"),
            count if count >= MAX_NAMES_SHOWN => {
                format!("x509: certificate is valid for {count} names, but none matched {host}")
            }
            _ => format!("x509: certificate is valid for {}, not {host}", presented.join(", ")),
        }
    };
    Err(Error::new("x509.HostnameError", Category::Hostname, text))
}

/// `validHostnamePattern`: labels of letters, digits, inner hyphens and underscores; `*` only as the whole first label,
/// and not alone.
fn is_valid_pattern(name: &str) -> bool {
    name != "*"
        && name.split('.').enumerate().all(|(position, label)| {
            (position == 0 && label == "*")
                || (!label.is_empty()
                    && !label.starts_with('-')
                    && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')))
        })
}

/// `matchHostnames`: label by label; a first label `*` matches any.
fn matches_host(pattern: &str, host: &str) -> bool {
    let (pattern, host) = (pattern.strip_suffix('.').unwrap_or(pattern), host.strip_suffix('.').unwrap_or(host));
    if pattern.is_empty() || pattern.split('.').count() != host.split('.').count() {
        return false;
    }
    let mut labels = pattern.split('.').zip(host.split('.')).enumerate();
    labels.all(|(position, (pattern, label))| (position == 0 && pattern == "*") || pattern.eq_ignore_ascii_case(label))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_the_first_label_only() {
        assert!(matches_host("*.com", "example.com"));
        assert!(matches_host("*.Example.com", "a.example.com"));
        assert!(!matches_host("*.example.com", "a.b.example.com"));
        assert!(!is_valid_pattern("f*.example.com"));
        assert!(!is_valid_pattern("a.*.example.com"));
        assert!(!is_valid_pattern("example.com."), "a final dot makes it no pattern, and it must then be equal");
    }
}
