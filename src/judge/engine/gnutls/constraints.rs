//! Name constraints (`lib/x509/name_constraints.c`).

use super::path::{has_purpose, is_undecodable};
use super::{Below, MAX_NAME, MAX_NAME_CHECKS};
use crate::x509::general_name::GeneralName;
use crate::x509::{Certificate, NameConstraints};

/// Adds the issuer's name constraints and holds the end entity's names against all of them; names of CAs are not looked at.
pub(super) fn constraints_hold<'a>(
    certificate: &Certificate,
    issuer: &'a Certificate,
    below: &mut Below<'a>,
    is_end: bool,
) -> bool {
    if is_undecodable(issuer, "2.5.29.30") {
        return false;
    }
    if let Some(constraints) = &issuer.extensions.name_constraints {
        if !constraints.permitted.iter().chain(&constraints.excluded).all(is_valid_constraint) {
            return false;
        }
        below.constraints.push(constraints);
    }
    !is_end || below.constraints.iter().all(|constraints| names_are_allowed(certificate, constraints))
}

/// `validate_name_constraints_node`.
fn is_valid_constraint(subtree: &GeneralName) -> bool {
    match subtree {
        GeneralName::Dns(text) | GeneralName::Email(text) => !text.contains("..") && **text != *".",
        GeneralName::Ip(range) => {
            let (_, mask) = range.split_at(range.len() / 2);
            let bits: Vec<bool> =
                mask.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1)).collect();
            matches!(range.len(), 8 | 32) && bits.is_sorted_by(|before, after| before >= after)
        }
        GeneralName::Uri(_) | GeneralName::Directory(_) => true,
        GeneralName::Other(_) | GeneralName::Invalid(_) => false,
    }
}

/// `gnutls_x509_name_constraints_check_crt` for each type of name. Directory names and URIs are not compared: an excluded
/// subtree of such a type refuses every certificate (with such a name), a permitted one none.
fn names_are_allowed(certificate: &Certificate, constraints: &NameConstraints) -> bool {
    let names = certificate.extensions.subject_alt_name.as_ref().map_or(&[][..], |san| &san.names);
    let subtrees = || constraints.permitted.iter().chain(&constraints.excluded);
    if subtrees().count().saturating_mul(names.len()) > MAX_NAME_CHECKS {
        return false;
    }
    let constrains = |is_type: fn(&GeneralName) -> bool| subtrees().any(is_type);
    let excludes = |is_type: fn(&GeneralName) -> bool| constraints.excluded.iter().any(is_type);
    let is_dns = |name: &GeneralName| matches!(name, GeneralName::Dns(_));
    let is_email = |name: &GeneralName| matches!(name, GeneralName::Email(_));
    let is_uri = |name: &GeneralName| matches!(name, GeneralName::Uri(_));
    let allowed = |is_type: fn(&GeneralName) -> bool| {
        names.iter().filter(|name| is_type(name)).all(|name| is_allowed(name, constraints))
    };
    let from_subject = |oid: &str, make: fn(Box<str>) -> GeneralName| {
        let attributes = certificate.subject.attributes();
        let mut values = attributes.iter().filter(|attribute| attribute.oid == oid);
        match (values.next(), values.next()) {
            (None, _) => true,
            (Some(only), None) => is_allowed(&make(only.text.as_str().into()), constraints),
            _ => false, // more than one: refused (RFC 6125 §1.8)
        }
    };
    let dns = !constrains(is_dns)
        || if names.iter().any(is_dns) {
            allowed(is_dns)
        } else {
            !has_purpose(certificate, true) || from_subject("2.5.4.3", GeneralName::Dns)
        };
    let email = !constrains(is_email)
        || if names.iter().any(is_email) {
            allowed(is_email)
        } else {
            from_subject("1.2.840.113549.1.9.1", GeneralName::Email)
        };
    dns && email
        && !excludes(|name| matches!(name, GeneralName::Directory(_)))
        && !(excludes(is_uri) && names.iter().any(is_uri))
        && allowed(|name| matches!(name, GeneralName::Ip(_)))
}

/// `check_dns_constraints`, `check_email_constraints`, `check_ip_constraints`. An empty excluded name excludes all of its
/// type; an empty permitted one says nothing.
fn is_allowed(name: &GeneralName, constraints: &NameConstraints) -> bool {
    let text_is_empty = |subtree: &GeneralName| match subtree {
        GeneralName::Dns(text) | GeneralName::Email(text) => text.is_empty(),
        _ => false,
    };
    let same_type = |subtree: &&GeneralName| match (name, *subtree) {
        (GeneralName::Ip(address), GeneralName::Ip(range)) => range.len() == 2 * address.len(),
        (name, subtree) => std::mem::discriminant(name) == std::mem::discriminant(subtree),
    };
    if matches!(name, GeneralName::Dns(text) | GeneralName::Email(text) if text.len() > MAX_NAME) {
        return false;
    }
    if constraints.excluded.iter().filter(same_type).any(|subtree| text_is_empty(subtree) || is_within(name, subtree)) {
        return false;
    }
    let mut permitted =
        constraints.permitted.iter().filter(same_type).filter(|subtree| !text_is_empty(subtree)).peekable();
    permitted.peek().is_none() || permitted.any(|subtree| is_within(name, subtree))
}

/// `compare_dns_names`, `compare_emails`, `ip_in_cidr`: a wildcard is compared as it stands.
fn is_within(name: &GeneralName, subtree: &GeneralName) -> bool {
    match (name, subtree) {
        (GeneralName::Dns(name), GeneralName::Dns(base)) => dns_within(name, base),
        (GeneralName::Email(address), GeneralName::Email(base)) => {
            let (local, host) = address.rsplit_once('@').unwrap_or(("", address));
            match base.rsplit_once('@') {
                Some((wanted, base)) => local == wanted && host.eq_ignore_ascii_case(base),
                None if base.starts_with('.') => dns_within(host, base),
                None => host.eq_ignore_ascii_case(base),
            }
        }
        (GeneralName::Ip(address), GeneralName::Ip(range)) => {
            let (base, mask) = range.split_at(range.len() / 2);
            address.iter().zip(base).zip(mask).all(|((a, b), m)| a & m == b & m)
        }
        _ => false,
    }
}

/// Labels are compared from the right; `.example.com` is read as "subdomains of", final dots are ignored.
fn dns_within(name: &str, base: &str) -> bool {
    let (name, base) = (name.trim_end_matches('.'), base.trim_end_matches('.'));
    let Some(cut) = name.len().checked_sub(base.len()) else { return false };
    let ends = name.as_bytes()[cut..].eq_ignore_ascii_case(base.as_bytes());
    ends && if base.starts_with('.') { cut > 0 } else { cut == 0 || name.as_bytes()[cut - 1] == b'.' }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subtrees() {
        for (name, base, inside) in [
            ("a.example.com", "example.com", true),
            ("example.com", "example.com", true),
            ("badexample.com", "example.com", false),
            ("a.example.com", ".example.com", true),
            ("example.com", ".example.com", false),
            ("*.a.example.com", "b.a.example.com", false),
        ] {
            assert_eq!(dns_within(name, base), inside, "{name} in {base}");
        }
        let range = |octets: &[u8]| GeneralName::Ip(octets.into());
        assert!(is_valid_constraint(&range(&[10, 0, 0, 0, 255, 128, 0, 0])));
        assert!(!is_valid_constraint(&range(&[10, 0, 0, 0, 255, 0, 255, 0])));
        assert!(!is_valid_constraint(&range(&[10, 0, 0, 0])));
    }
}
