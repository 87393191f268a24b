//! Names and the subtrees of name constraints (`pkixnames.cpp`).

use std::net::IpAddr;

use super::Error;
use crate::model::target::ReferenceId;
use crate::x509::general_name::GeneralName;
use crate::x509::{Certificate, der};

/// A SAN that is not DER matches nothing.
pub(super) fn names_are_der(certificate: &Certificate) -> bool {
    let san = certificate.extension_value("2.5.29.17");
    san.is_none_or(|value| {
        der::split(value).is_some_and(|(_, rest)| rest.is_empty()) && der::lengths_are_minimal(value)
    })
}

/// `CheckCertHostname`: dNSName and iPAddress only; names that are none match nothing.
pub(super) fn names_match(certificate: &Certificate, reference: &ReferenceId) -> bool {
    certificate.extensions.subject_alt_name.iter().flat_map(|san| &san.names).any(|name| match (name, reference) {
        (GeneralName::Dns(presented), ReferenceId::Dns(host)) => dns_matches(presented, host.as_str()),
        (GeneralName::Ip(octets), ReferenceId::Ip(ip)) => ip_matches(octets, *ip),
        _ => false,
    })
}

/// A wildcard is permitted where all its names are, and excluded where one may be.
pub(super) fn in_subtree(name: &GeneralName, subtree: &GeneralName, expands: bool) -> Result<bool, Error> {
    match (name, subtree) {
        (GeneralName::Dns(name), GeneralName::Dns(base)) => {
            dns_in_subtree(name, base, expands).map_err(|_| Error::BadDer)
        }
        (GeneralName::Ip(address), GeneralName::Ip(range)) => match (address.len(), range.len()) {
            (4, 8) | (16, 32) => Ok(crate::judge::constraints::within(name, subtree, false)),
            (4, 32) | (16, 8) => Ok(false),
            _ => Err(Error::BadDer),
        },
        // `MatchPresentedDirectoryNameWithConstraint`: RDN by RDN, byte by byte, the constraint first.
        (GeneralName::Directory(name), GeneralName::Directory(base)) => Ok(name.rdns().starts_with(base.rdns())),
        (GeneralName::Email(_), GeneralName::Email(_)) => Ok(crate::judge::constraints::within(name, subtree, false)),
        _ => Err(Error::CertNotInNameSpace),
    }
}

pub fn ip_matches(octets: &[u8], ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => octets == ip.octets(),
        IpAddr::V6(ip) => octets == ip.octets(),
    }
}

/// `MatchPresentedDNSIDWithReferenceDNSID` for a host: a wildcard is the whole first label, with two labels behind it.
pub fn dns_matches(presented: &str, host: &str) -> bool {
    if !is_dns_id(presented, IdRole::Presented) {
        return false;
    }
    match presented.strip_prefix('*') {
        None => presented.eq_ignore_ascii_case(host),
        Some(rest) => host.find('.').is_some_and(|dot| dot > 0 && host[dot..].eq_ignore_ascii_case(rest)),
    }
}

/// A name that `IsValidDNSID` refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MalformedDnsId {
    Presented,
    Constraint,
}

/// `MatchPresentedDNSIDWithReferenceDNSID` for a constraint. A leading dot means subdomains only; a wildcard label of the
/// presented name stands, where it `expands`, for one label of the constraint.
pub fn dns_in_subtree(presented: &str, base: &str, expands: bool) -> Result<bool, MalformedDnsId> {
    if !is_dns_id(presented, IdRole::Presented) {
        return Err(MalformedDnsId::Presented);
    }
    if !is_dns_id(base, IdRole::Constraint) {
        return Err(MalformedDnsId::Constraint);
    }
    let mut rest = presented;
    if presented.len() > base.len() {
        if base.is_empty() {
            return Ok(true);
        }
        // Valid names are ASCII: any position is a character's.
        let (before, end) = presented.split_at(presented.len() - base.len());
        if !base.starts_with('.') && !before.ends_with('.') {
            return Ok(false);
        }
        rest = end;
    }
    if expands && let Some(after_wildcard) = rest.strip_prefix('*') {
        return Ok(base.find('.').is_some_and(|dot| dot > 0 && base[dot..].eq_ignore_ascii_case(after_wildcard)));
    }
    Ok(rest.eq_ignore_ascii_case(base))
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum IdRole {
    Presented,
    Constraint,
}

/// `IsValidDNSID`: letters, digits, hyphens inside and underscores; no final dot; the last label is no number; at least
/// two labels after a wildcard.
pub(super) fn is_dns_id(text: &str, role: IdRole) -> bool {
    if text.len() > 253 {
        return false;
    }
    let name = match role {
        IdRole::Constraint if text.is_empty() => return true,
        IdRole::Constraint => text.strip_prefix('.').unwrap_or(text),
        IdRole::Presented => text.strip_prefix("*.").unwrap_or(text),
    };
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let is_wildcard = name.len() < text.len() && role == IdRole::Presented;
    name.split('.').all(is_label)
        && !name.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()))
        && (!is_wildcard || name.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        assert!(dns_matches("Example.com", "example.com"));
        assert!(dns_matches("*.example.com", "a_b.example.com"));
        assert!(dns_matches("*.co.uk", "example.co.uk"));
        for presented in ["*.com", "example.com.", "a*.example.com", "*.*.com", " example.com", "example.com:443", ""] {
            assert!(!dns_matches(presented, "example.com"), "{presented}");
        }
        assert!(!dns_matches("*.example.com", "example.com"));
        assert!(!dns_matches("*.example.com", "a.b.example.com"));
    }

    #[test]
    fn subtrees() {
        for (presented, base, expands, inside) in [
            ("a.example.com", "example.com", true, true),
            ("badexample.com", "example.com", true, false),
            ("example.com", ".example.com", true, false),
            ("a.example.com", ".example.com", true, true),
            ("*.example.com", "a.example.com", true, true),
            ("*.example.com", "a.example.com", false, false),
            ("*.example.com", "a.b.example.com", true, false),
            ("*.example.com", "example.com", false, true),
            ("example.com", "", true, true),
        ] {
            assert_eq!(dns_in_subtree(presented, base, expands), Ok(inside), "{presented} in {base}");
        }
        assert_eq!(dns_in_subtree("a b", "example.com", true), Err(MalformedDnsId::Presented));
        assert_eq!(dns_in_subtree("a.b", "*.example.com", true), Err(MalformedDnsId::Constraint));
    }
}
