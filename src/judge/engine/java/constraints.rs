//! Name constraints (`NameConstraintsExtension` and the `GeneralNameInterface`s).

use std::net::IpAddr;

use super::certificate::alternative_names;
use super::encoding::IO_EXCEPTION;
use super::host::is_matched;
use super::{Crash, MAX_NAME_COMPARISONS, PathError, Stop};
use crate::model::verdict::Category;
use crate::x509::general_name::GeneralName;
use crate::x509::{Certificate, NameConstraints};

/// `DNSName.constrains` asks an empty subtree for its first character.
static EMPTY_SUBTREE: Crash = Crash {
    code: "StringIndexOutOfBoundsException: String index out of range: 0",
    message: "javax.net.ssl.SSLException: (internal_error) String index out of range: 0 <- \
              java.lang.StringIndexOutOfBoundsException: String index out of range: 0",
};

/// `OIDName.constrains` of two different registeredIDs. Our reader keeps no value of these: equal ones count as different.
static REGISTERED_ID: Crash = Crash {
    code: "UnsupportedOperationException: Narrowing and widening are not supported for OIDNames",
    message: "javax.net.ssl.SSLProtocolException: (unexpected_message) Unsupported handshake message: certificate <- \
              java.lang.UnsupportedOperationException: Narrowing and widening are not supported for OIDNames",
};

/// `OtherName.constrains` of any two.
static OTHER_NAME: Crash = Crash {
    code: "UnsupportedOperationException: Narrowing, widening, and matching are not supported for OtherName.",
    message: "javax.net.ssl.SSLProtocolException: (unexpected_message) Unsupported handshake message: certificate <- \
              java.lang.UnsupportedOperationException: Narrowing, widening, and matching are not supported for OtherName.",
};

/// `GeneralSubtrees.createWidestSubtree` for dNSNames.
static WIDEST_SUBTREE: Crash = Crash {
    code: "IOException: DNSName must not be null or empty",
    message: "javax.net.ssl.SSLException: (internal_error) Unexpected error: java.io.IOException: DNSName must not be null \
              or empty <- java.lang.RuntimeException: Unexpected error: java.io.IOException: DNSName must not be null or \
              empty <- java.io.IOException: DNSName must not be null or empty",
};

/// `NameConstraintsExtension.verify(X509Certificate)`: the subject, then the SAN, or without one the subject's addresses.
pub(super) fn names_allowed(certificate: &Certificate, constraints: &NameConstraints) -> Result<bool, Stop> {
    let unsupported = match constraints {
        NameConstraints { minimum: true, .. } => {
            Some("Non-zero minimum BaseDistance in name constraints not supported")
        }
        NameConstraints { maximum: true, .. } => Some("Maximum BaseDistance in name constraints not supported"),
        _ => None,
    };
    if let Some(message) = unsupported {
        let error = PathError::new("UNSPECIFIED", Category::NameConstraints, format!("{IO_EXCEPTION}: {message}"));
        return Err(PathError { causes: vec![(IO_EXCEPTION, message.to_owned())], ..error }.into());
    }
    if !certificate.subject.is_empty()
        && !name_allowed(&GeneralName::Directory(certificate.subject.clone()), constraints)?
    {
        return Ok(false);
    }
    let mut names = alternative_names(certificate).map_or_else(Vec::new, |san| san.names.clone());
    if alternative_names(certificate).is_none() {
        let attributes = certificate.subject.attributes();
        let emails = attributes.iter().filter(|attribute| attribute.oid == "1.2.840.113549.1.9.1");
        names.extend(emails.map(|attribute| GeneralName::Email(attribute.text.as_str().into())));
    }
    // The common name counts, as a host name or an address, where the SAN has none of its kind.
    let common_name = certificate.subject.common_name().unwrap_or_default();
    match address_in_common_name(certificate) {
        Some(address) if !names.iter().any(|name| matches!(name, GeneralName::Ip(_))) => {
            names.push(GeneralName::Ip(match address {
                IpAddr::V4(address) => address.octets().into(),
                IpAddr::V6(address) => address.octets().into(),
            }));
        }
        None if !names.iter().any(|name| matches!(name, GeneralName::Dns(_))) && is_dns_name(common_name) => {
            names.push(GeneralName::Dns(common_name.into()));
        }
        _ => {}
    }
    if names.len().saturating_mul(constraints.permitted.len() + constraints.excluded.len()) > MAX_NAME_COMPARISONS {
        return Err(Stop::Undecided);
    }
    for name in &names {
        if !name_allowed(name, constraints)? {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(super) fn address_in_common_name(certificate: &Certificate) -> Option<IpAddr> {
    certificate.subject.common_name()?.parse().ok()
}

/// What the constructor of `DNSName` takes: labels of letters, digits and inner hyphens.
fn is_dns_name(name: &str) -> bool {
    name.len() <= 253
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
}

/// `NameConstraintsExtension.verify(GeneralNameInterface)`: excluded first.
fn name_allowed(name: &GeneralName, constraints: &NameConstraints) -> Result<bool, Stop> {
    let same_kind = |subtree: &&GeneralName| match (*subtree, name) {
        (GeneralName::Other(one), GeneralName::Other(other)) => one == other,
        (subtree, name) => std::mem::discriminant(subtree) == std::mem::discriminant(name),
    };
    for subtree in constraints.excluded.iter().filter(same_kind) {
        if is_wildcard_within(name, subtree) || is_within(name, subtree)? {
            return Ok(false);
        }
    }
    let mut constrained = false;
    for subtree in constraints.permitted.iter().filter(same_kind) {
        constrained = true;
        if is_within(name, subtree)? {
            return Ok(true);
        }
    }
    Ok(!constrained)
}

/// `constrains` of each kind of name: does `name` match or narrow `subtree`?
fn is_within(name: &GeneralName, subtree: &GeneralName) -> Result<bool, Stop> {
    Ok(match (name, subtree) {
        (GeneralName::Dns(name), GeneralName::Dns(base)) => {
            matches!(relation(name, base).map_err(Stop::Crash)?, Relation::Same | Relation::Narrows)
        }
        (GeneralName::Other(0), GeneralName::Other(0)) => return Err(Stop::Crash(&OTHER_NAME)),
        (GeneralName::Other(8), GeneralName::Other(8)) => return Err(Stop::Crash(&REGISTERED_ID)),
        (GeneralName::Directory(name), GeneralName::Directory(base)) => {
            name.normalised().starts_with(base.normalised())
        }
        (GeneralName::Ip(address), GeneralName::Ip(range)) => {
            range.len() == 2 * address.len() && {
                let (base, mask) = range.split_at(address.len());
                address.iter().zip(base).zip(mask).all(|((a, b), m)| (a ^ b) & m == 0)
            }
        }
        (GeneralName::Email(address), GeneralName::Email(base)) => {
            let (address, base) = (address.to_ascii_lowercase(), base.to_ascii_lowercase());
            let host = address.rsplit_once('@').map_or("", |(_, host)| host);
            address == base
                || (!base.contains('@') && if base.starts_with('.') { host.ends_with(&base) } else { host == base })
        }
        (GeneralName::Uri(uri), GeneralName::Uri(base)) => {
            let host = uri.split_once("://").map_or("", |(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or(""));
            let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
            let host = host.split(':').next().unwrap_or("").to_ascii_lowercase();
            let base = base.to_ascii_lowercase();
            if base.starts_with('.') { host.ends_with(&base) } else { host == base }
        }
        _ => false,
    })
}

/// `DNSName.constrains(GeneralNameInterface, boolean)`: a wildcard that can stand for an excluded name is excluded itself. Of
/// a permitted name it is not asked.
fn is_wildcard_within(name: &GeneralName, subtree: &GeneralName) -> bool {
    matches!((name, subtree), (GeneralName::Dns(name), GeneralName::Dns(base))
        if name.contains('*') && is_matched(base, name, false))
}

/// What one name is to another, as the constants of `GeneralNameInterface`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    Same,
    Narrows,
    Widens,
    Unrelated,
}

/// `DNSName.constrains`: what `name` is to `base`. An empty one is asked for its first character.
fn relation(name: &str, base: &str) -> Result<Relation, &'static Crash> {
    let (name, base) = (name.to_ascii_lowercase(), base.to_ascii_lowercase());
    let extends = |longer: &str, shorter: &str| {
        let first = shorter.chars().next().ok_or(&EMPTY_SUBTREE)?;
        // The callers have seen that `longer` is longer and ends with the other.
        let before = longer.as_bytes()[longer.len() - shorter.len() - 1];
        Ok((before == b'.') ^ (first == '.'))
    };
    Ok(if name == base {
        Relation::Same
    } else if base.ends_with(&name) {
        if extends(&base, &name)? { Relation::Widens } else { Relation::Unrelated }
    } else if name.ends_with(&base) {
        if extends(&name, &base)? { Relation::Narrows } else { Relation::Unrelated }
    } else {
        Relation::Unrelated
    })
}

/// `NameConstraintsExtension.merge`, `GeneralSubtrees.intersect`, of the permitted dNSNames alone: which of them are left
/// matters to nobody, since every name is held against each list, but where none is left Java fails to exclude all.
pub(super) fn narrow<'a>(permitted: &mut Vec<&'a str>, constraints: &'a NameConstraints) -> Result<(), &'static Crash> {
    let added = constraints.permitted.iter().filter_map(|subtree| match subtree {
        GeneralName::Dns(name) => Some(&**name),
        _ => None,
    });
    let added: Vec<&str> = added.collect();
    if permitted.is_empty() || added.is_empty() || permitted.len().saturating_mul(added.len()) > MAX_NAME_COMPARISONS {
        permitted.extend(added);
        return Ok(());
    }
    let mut left = Vec::new();
    for base in permitted.iter() {
        for name in &added {
            match relation(name, base)? {
                Relation::Same | Relation::Widens => left.push(*base),
                Relation::Narrows => left.push(*name),
                Relation::Unrelated => {}
            }
        }
    }
    *permitted = left;
    if permitted.is_empty() { Err(&WIDEST_SUBTREE) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dns_names_widen_and_narrow_and_trip_over_the_empty_one() {
        for (name, base, expected) in [
            ("a.example.com", "example.com", Relation::Narrows),
            ("example.com", "EXAMPLE.com", Relation::Same),
            ("xexample.com", "example.com", Relation::Unrelated),
            ("a.example.com", ".example.com", Relation::Narrows),
            ("example.com", ".example.com", Relation::Widens),
            ("com", "example.com", Relation::Widens),
        ] {
            let Ok(found) = relation(name, base) else { panic!("{name} {base}") };
            assert_eq!(found, expected, "{name} {base}");
        }
        assert!(relation("example.com", "").is_err());
        let dns = |name: &str| GeneralName::Dns(name.into());
        assert!(is_wildcard_within(&dns("*.example.com"), &dns("secret.example.com")));
        assert!(!is_wildcard_within(&dns("example.com"), &dns(".example.com")), "only wildcards");
    }

    fn constraints(permitted: &[&str], excluded: &[&str]) -> NameConstraints {
        let names = |names: &[&str]| names.iter().map(|&name| GeneralName::Dns(name.into())).collect();
        NameConstraints {
            permitted: names(permitted),
            excluded: names(excluded),
            minimum: false,
            maximum: false,
            critical: true,
        }
    }

    #[test]
    fn a_wildcard_is_excluded_with_what_it_can_stand_for_and_not_permitted_with_it() {
        let name = GeneralName::Dns("*.example.com".into());
        assert!(matches!(name_allowed(&name, &constraints(&[], &["a.example.com"])), Ok(false)));
        assert!(matches!(name_allowed(&name, &constraints(&["a.example.com"], &[])), Ok(false)));
        assert!(matches!(name_allowed(&name, &constraints(&["example.com"], &[])), Ok(true)));
    }

    #[test]
    fn names_without_an_order_crash() {
        let other = |tag| NameConstraints { permitted: vec![GeneralName::Other(tag)], ..constraints(&[], &[]) };
        for tag in [0, 8] {
            assert!(matches!(name_allowed(&GeneralName::Other(tag), &other(tag)), Err(Stop::Crash(_))), "{tag}");
            assert!(matches!(name_allowed(&GeneralName::Other(8 - tag), &other(tag)), Ok(true)), "{tag}");
        }
    }

    #[test]
    fn merging_disjoint_permitted_names_crashes() {
        let [com, org, sub] =
            [&["example.com"], &["example.org"], &["a.example.com"]].map(|names| constraints(names, &[]));
        let merge = |lists: &[&NameConstraints]| {
            let mut permitted = Vec::new();
            lists.iter().try_for_each(|list| narrow(&mut permitted, list)).is_ok()
        };
        assert!(merge(&[&com, &sub]));
        assert!(merge(&[&sub, &com]));
        assert!(!merge(&[&com, &org]));
        assert!(!merge(&[&com, &sub, &org]));
        assert!(merge(&[&com, &constraints(&[], &["example.org"])]));
    }
}
