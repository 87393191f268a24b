//! Name constraints as `v3_ncons.c` compares them.

use super::{CONSTRAINT_SYNTAX, DNS_NAME, EXCLUDED_VIOLATION, NAME_SYNTAX, PERMITTED_VIOLATION, UNSPECIFIED};
use super::{DISTANCE_UNSUPPORTED, UNSUPPORTED_CONSTRAINT, VerifyError};
use crate::x509::general_name::GeneralName;
use crate::x509::{Certificate, NameConstraints};

/// `NAME_CHECK_MAX`.
const MAX_NAME_CHECKS: usize = 1 << 20;

/// What a wildcard in a dNSName means to an excluded subtree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wildcards {
    /// It is compared as text: one that covers an excluded name is let through (OpenSSL).
    AsTheyStand,
    /// One that covers an excluded name is excluded (BoringSSL).
    Cover,
}

/// `NAME_CONSTRAINTS_check`: subject, e-mail addresses in the subject, then the SAN.
pub fn check_names(
    certificate: &Certificate,
    constraints: &NameConstraints,
    wildcards: Wildcards,
) -> Result<(), VerifyError> {
    let attributes = certificate.subject.attributes();
    let names = certificate.extensions.subject_alt_name.as_ref().map_or(&[][..], |san| &san.names);
    let subtrees = constraints.permitted.len() + constraints.excluded.len();
    if (attributes.len() + names.len()).saturating_mul(subtrees) > MAX_NAME_CHECKS {
        return Err(UNSPECIFIED);
    }
    if !attributes.is_empty() {
        check_name(&GeneralName::Directory(certificate.subject.clone()), constraints, wildcards)?;
        for email in attributes.iter().filter(|attribute| attribute.oid == "1.2.840.113549.1.9.1") {
            const IA5_STRING: u8 = 0x16;
            if email.tag != IA5_STRING {
                return Err(NAME_SYNTAX);
            }
            check_name(&GeneralName::Email(email.text.as_str().into()), constraints, wildcards)?;
        }
    }
    names.iter().try_for_each(|name| check_name(name, constraints, wildcards))
}

/// `NAME_CONSTRAINTS_check_CN`: a common name that looks like a host name counts when the SAN has no dNSName.
pub fn check_common_name(certificate: &Certificate, constraints: &NameConstraints) -> Result<(), VerifyError> {
    if has_dns_name(certificate) {
        return Ok(());
    }
    for attribute in certificate.subject.attributes().iter().filter(|attribute| attribute.oid == "2.5.4.3") {
        let name = attribute.text.trim_end_matches('\0');
        if name.contains('\0') {
            return Err(NAME_SYNTAX);
        }
        if looks_like_dns(name) {
            check_name(&GeneralName::Dns(name.into()), constraints, Wildcards::AsTheyStand)?;
        }
    }
    Ok(())
}

/// `cn2dnsid`.
pub fn looks_like_dns(name: &str) -> bool {
    let bytes = name.as_bytes();
    let mut has_dot = false;
    for (position, &byte) in bytes.iter().enumerate() {
        let inside = position > 0 && position + 1 < bytes.len();
        let joins = |byte: u8| matches!(byte, b'.' | b'-');
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => {}
            b'-' if inside => {}
            b'.' if inside && !joins(bytes[position + 1]) && bytes[position - 1] != b'-' => has_dot = true,
            _ => return false,
        }
    }
    has_dot
}

/// `nc_match`: permitted subtrees of the same kind first, then excluded ones.
fn check_name(name: &GeneralName, constraints: &NameConstraints, wildcards: Wildcards) -> Result<(), VerifyError> {
    let same_kind = |subtree: &&GeneralName| std::mem::discriminant(*subtree) == std::mem::discriminant(name);
    // `nc_minmax_valid`, of each subtree before it is compared. Which one has the distance is not kept.
    let mut subtrees = constraints.permitted.iter().chain(&constraints.excluded);
    if (constraints.minimum || constraints.maximum) && subtrees.any(|subtree| same_kind(&subtree)) {
        return Err(DISTANCE_UNSUPPORTED);
    }
    let mut permitted = None;
    for subtree in constraints.permitted.iter().filter(same_kind) {
        if permitted == Some(true) {
            break;
        }
        permitted = Some(is_within(name, subtree)?);
    }
    if permitted == Some(false) {
        return Err(PERMITTED_VIOLATION);
    }
    for subtree in constraints.excluded.iter().filter(same_kind) {
        if is_within(name, subtree)? || (wildcards == Wildcards::Cover && covers(name, subtree)) {
            return Err(EXCLUDED_VIOLATION);
        }
    }
    Ok(())
}

/// Does a wildcard stand for the name of a subtree among others?
fn covers(name: &GeneralName, subtree: &GeneralName) -> bool {
    let (GeneralName::Dns(name), GeneralName::Dns(base)) = (name, subtree) else { return false };
    let parent = base.strip_prefix('.').unwrap_or(base).split_once('.').map(|(_, parent)| parent);
    name.strip_prefix("*.").is_some_and(|rest| parent.is_some_and(|parent| parent.eq_ignore_ascii_case(rest)))
}

/// `nc_match_single`. A wildcard is compared as it stands: one that covers an excluded name is let through.
fn is_within(name: &GeneralName, subtree: &GeneralName) -> Result<bool, VerifyError> {
    Ok(match (name, subtree) {
        (GeneralName::Directory(name), GeneralName::Directory(base)) => {
            name.normalised().starts_with(base.normalised())
        }
        (GeneralName::Dns(name), GeneralName::Dns(base)) => {
            base.is_empty()
                || (ends_with(name, base)
                    && (name.len() == base.len()
                        || base.starts_with('.')
                        || name.as_bytes()[name.len() - base.len() - 1] == b'.'))
        }
        (GeneralName::Email(address), GeneralName::Email(base)) => {
            let (local, host) = address.split_once('@').ok_or(NAME_SYNTAX)?;
            match base.split_once('@') {
                None if base.starts_with('.') => address.len() > base.len() && ends_with(address, base),
                None => host.eq_ignore_ascii_case(base),
                Some((wanted, base)) => (wanted.is_empty() || wanted == local) && host.eq_ignore_ascii_case(base),
            }
        }
        (GeneralName::Uri(uri), GeneralName::Uri(base)) => {
            let host = uri.split_once(':').and_then(|(_, rest)| rest.strip_prefix("//")).ok_or(NAME_SYNTAX)?;
            let host = match host.split_once(':') {
                Some((host, _)) => host,
                None => host.split('/').next().unwrap_or(host),
            };
            if host.is_empty() {
                return Err(NAME_SYNTAX);
            }
            if base.starts_with('.') {
                host.len() > base.len() && ends_with(host, base)
            } else {
                host.eq_ignore_ascii_case(base)
            }
        }
        (GeneralName::Ip(address), GeneralName::Ip(range)) => {
            if !matches!(address.len(), 4 | 16) {
                return Err(NAME_SYNTAX);
            }
            if !matches!(range.len(), 8 | 32) {
                return Err(CONSTRAINT_SYNTAX);
            }
            range.len() == 2 * address.len() && {
                let (base, mask) = range.split_at(address.len());
                address.iter().zip(base).zip(mask).all(|((a, b), m)| (a ^ b) & m == 0)
            }
        }
        _ => return Err(UNSUPPORTED_CONSTRAINT),
    })
}

fn ends_with(text: &str, end: &str) -> bool {
    text.len() >= end.len() && text.as_bytes()[text.len() - end.len()..].eq_ignore_ascii_case(end.as_bytes())
}

fn has_dns_name(certificate: &Certificate) -> bool {
    let names = certificate.extensions.subject_alt_name.as_ref().map_or(&[][..], |san| &san.names);
    names.iter().any(|name| matches!(name, GeneralName::Dns(_) | GeneralName::Invalid(DNS_NAME)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_below_a_name_constraint_is_compared_as_it_stands() {
        let dns = |text: &str| GeneralName::Dns(text.into());
        assert_eq!(is_within(&dns("*.a.example"), &dns("a.example")), Ok(true));
        assert_eq!(is_within(&dns("*.a.example"), &dns("b.a.example")), Ok(false));
        assert_eq!(is_within(&dns("ba.example"), &dns("a.example")), Ok(false));
        assert_eq!(is_within(&dns("b.a.example"), &dns(".a.example")), Ok(true));
    }

    #[test]
    fn distances_stand_in_the_way_of_names_of_their_kind() {
        let dns = |text: &str| GeneralName::Dns(text.into());
        let constraints =
            NameConstraints { permitted: vec![dns("example")], maximum: true, ..NameConstraints::default() };
        let check = |name| check_name(&name, &constraints, Wildcards::AsTheyStand);
        assert_eq!(check(dns("a.example")), Err(DISTANCE_UNSUPPORTED));
        assert_eq!(check(GeneralName::Email("a@b.example".into())), Ok(()));
    }

    #[test]
    fn common_names_that_look_like_hosts() {
        assert!(looks_like_dns("www.example.com"));
        for name in ["Example Corp", "localhost", "a..b", "-a.b", "a-.b", "a.b."] {
            assert!(!looks_like_dns(name), "{name}");
        }
    }
}
