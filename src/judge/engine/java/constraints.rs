//! Name constraints (`NameConstraintsExtension` and the `GeneralNameInterface`s).

use std::net::IpAddr;

use super::certificate::alternative_names;
use super::host::is_matched;
use super::{MAX_NAME_COMPARISONS, Stop};
use crate::x509::general_name::GeneralName;
use crate::x509::{Certificate, NameConstraints};

/// `NameConstraintsExtension.verify(X509Certificate)`: the subject, then the SAN, or without one the subject's addresses.
pub(super) fn names_allowed(certificate: &Certificate, constraints: &NameConstraints) -> Result<bool, Stop> {
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

/// What the constructor of `DNSName` takes: labels of letters, digits, inner hyphens and underscores.
fn is_dns_name(name: &str) -> bool {
    !name.is_empty()
        && name.split('.').all(|label| {
            label.starts_with(|c: char| c.is_ascii_alphanumeric())
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        })
}

/// `NameConstraintsExtension.verify(GeneralNameInterface)`: excluded first.
fn name_allowed(name: &GeneralName, constraints: &NameConstraints) -> Result<bool, Stop> {
    let same_kind = |subtree: &&GeneralName| std::mem::discriminant(*subtree) == std::mem::discriminant(name);
    for subtree in constraints.excluded.iter().filter(same_kind) {
        if is_within(name, subtree)? {
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
        (GeneralName::Dns(name), GeneralName::Dns(base)) => dns_is_within(name, base)?,
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

/// `DNSName.constrains`. A wildcard in the certificate that can stand for the constraint's name matches it; an empty
/// constraint is asked for its first character.
fn dns_is_within(name: &str, base: &str) -> Result<bool, Stop> {
    let (name, base) = (name.to_ascii_lowercase(), base.to_ascii_lowercase());
    if name == base || is_matched(&base, &name, false) {
        return Ok(true);
    }
    if base.ends_with(&name) || !name.ends_with(&base) {
        return Ok(false);
    }
    let Some(first) = base.chars().next() else {
        return Err(Stop::Crash("String index out of range: 0"));
    };
    // `name` is longer than `base` here, and ends with it.
    let before = name.as_bytes()[name.len() - base.len() - 1];
    Ok((before == b'.') ^ (first == '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dns_constraints_know_wildcards_and_trip_over_the_empty_one() {
        let within = |name, base| dns_is_within(name, base).ok();
        assert_eq!(within("a.example.com", "example.com"), Some(true));
        assert_eq!(within("example.com", "example.com"), Some(true));
        assert_eq!(within("xexample.com", "example.com"), Some(false));
        assert_eq!(within("a.example.com", ".example.com"), Some(true));
        assert_eq!(within("*.example.com", "secret.example.com"), Some(true));
        assert_eq!(within("com", "example.com"), Some(false));
        assert_eq!(within("example.com", ""), None);
    }
}
