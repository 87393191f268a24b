//! Names: constraints on them (`wolfcrypt/src/asn.c`) and the host's (`src/internal.c`).

use crate::model::target::ReferenceId;
use crate::x509::general_name::GeneralName;
use crate::x509::{Certificate, NameConstraints};

/// `ConfirmNameConstraints`: e-mail, DNS and directory names; all other types are ignored. Without a SAN the common name
/// counts as a DNS name, in CAs too; an address or URI in the SAN is compared with DNS constraints like a DNS name.
pub(super) fn names_are_allowed(certificate: &Certificate, constraints: &NameConstraints) -> bool {
    let names = certificate.extensions.subject_alt_name.as_ref().map_or(&[][..], |san| &san.names);
    let attributes = certificate.subject.attributes();
    let last =
        |oid: &str| attributes.iter().rfind(|attribute| attribute.oid == oid).map(|attribute| &attribute.value[..]);
    let alternative: Vec<&[u8]> = names.iter().filter_map(compared_name).collect();
    let common_name = last("2.5.4.3").filter(|_| alternative.is_empty());
    let emails = names.iter().filter_map(|name| match name {
        GeneralName::Email(text) => Some(text.as_bytes()),
        _ => None,
    });
    let directories = names.iter().filter_map(|name| match name {
        GeneralName::Directory(name) => Some(name.rdns()),
        _ => None,
    });
    let subject = Some(certificate.subject.rdns()).filter(|subject| !subject.is_empty());

    let dns = Subtrees::new(constraints, |subtree| match subtree {
        GeneralName::Dns(base) => Some(base.as_bytes()),
        _ => None,
    });
    let email = Subtrees::new(constraints, |subtree| match subtree {
        GeneralName::Email(base) => Some(base.as_bytes()),
        _ => None,
    });
    let directory = Subtrees::new(constraints, |subtree| match subtree {
        GeneralName::Directory(base) => Some(base.rdns()),
        _ => None,
    });
    alternative.into_iter().chain(common_name).all(|name| dns.allow(name, dns_within))
        && emails.chain(last("1.2.840.113549.1.9.1")).all(|name| email.allow(name, email_within))
        && directories.chain(subject).all(|name| directory.allow(name, |name, base| name.starts_with(base)))
}

/// The names that go to `altNames`: dNSName, URI and the octets of an iPAddress.
fn compared_name(name: &GeneralName) -> Option<&[u8]> {
    match name {
        GeneralName::Dns(text) | GeneralName::Uri(text) => Some(text.as_bytes()),
        GeneralName::Ip(octets) => Some(octets),
        _ => None,
    }
}

/// Subtrees of one type, as octets.
struct Subtrees<'a> {
    permitted: Vec<&'a [u8]>,
    excluded: Vec<&'a [u8]>,
}

impl<'a> Subtrees<'a> {
    fn new(constraints: &'a NameConstraints, pick: fn(&GeneralName) -> Option<&[u8]>) -> Self {
        Self {
            permitted: constraints.permitted.iter().filter_map(pick).collect(),
            excluded: constraints.excluded.iter().filter_map(pick).collect(),
        }
    }

    /// `IsInExcludedList`, `PermittedListOk`; `MatchBaseName` never matches an empty base, a name that is shorter than the
    /// base or one that begins with a dot.
    fn allow(&self, name: &[u8], within: fn(&[u8], &[u8]) -> bool) -> bool {
        let matches = |base: &&[u8]| {
            !base.is_empty() && !name.is_empty() && name[0] != b'.' && name.len() >= base.len() && within(name, base)
        };
        !self.excluded.iter().any(matches) && (self.permitted.is_empty() || self.permitted.iter().any(matches))
    }
}

/// The end of the name is the base; that a label begins there is not checked.
fn dns_within(name: &[u8], base: &[u8]) -> bool {
    name[name.len() - base.len()..].eq_ignore_ascii_case(base)
}

fn email_within(address: &[u8], base: &[u8]) -> bool {
    if base[0] == b'.' {
        return dns_within(address, base);
    }
    let host = address.iter().position(|&byte| byte == b'@').map_or(address, |at| &address[at + 1..]);
    if base.contains(&b'@') { address.eq_ignore_ascii_case(base) } else { host.eq_ignore_ascii_case(base) }
}

/// The name check of `ProcessPeerCerts`: dNSNames, URIs and addresses (as text); the last common name only when the SAN has
/// none of them.
pub(super) fn matches_name(certificate: &Certificate, reference: &ReferenceId) -> bool {
    let host = reference.to_string();
    let names = certificate.extensions.subject_alt_name.as_ref().map_or(&[][..], |san| &san.names);
    let mut compared = names.iter().filter(|name| compared_name(name).is_some());
    // An otherName is one of them, too, which matches nothing.
    if !names.iter().any(|name| compared_name(name).is_some() || matches!(name, GeneralName::Other(OTHER_NAME))) {
        let attributes = certificate.subject.attributes();
        let common_name = attributes.iter().rfind(|attribute| attribute.oid == "2.5.4.3");
        return common_name.is_some_and(|attribute| matches_pattern(&attribute.value, host.as_bytes()));
    }
    compared.any(|name| match name.as_ip() {
        Some(address) => matches_pattern(address.to_string().as_bytes(), host.as_bytes()),
        None => compared_name(name).is_some_and(|text| matches_pattern(text, host.as_bytes())),
    })
}

/// The tag of otherName in GeneralName (RFC 5280 §4.2.1.6).
const OTHER_NAME: u8 = 0;

/// `MatchDomainName`: an asterisk anywhere stands for the characters of a label up to the first that follows it in the
/// pattern; there is no going back.
fn matches_pattern(pattern: &[u8], host: &[u8]) -> bool {
    if pattern.is_empty() {
        return false;
    }
    let (mut pattern, mut host) = (pattern, host);
    while let Some((&byte, rest)) = pattern.split_first() {
        if byte == 0 {
            break;
        }
        if byte == b'*' {
            let behind = rest.iter().position(|&byte| byte != b'*').map_or(&[][..], |position| &rest[position..]);
            let next = behind.first().copied();
            while let Some((&letter, others)) = host.split_first() {
                if next.is_some_and(|next| next.eq_ignore_ascii_case(&letter)) {
                    break;
                }
                if letter == b'.' {
                    return false;
                }
                host = others;
            }
            let Some((_, rest)) = behind.split_first() else {
                pattern = behind;
                break;
            };
            pattern = rest;
            host = host.get(1..).unwrap_or_default();
        } else {
            match host.split_first() {
                Some((letter, others)) if letter.eq_ignore_ascii_case(&byte) => host = others,
                _ => return false,
            }
            pattern = rest;
        }
    }
    host.is_empty() && pattern.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asterisk_stops_at_the_first_letter_that_follows_it() {
        for (pattern, host, same) in [
            ("example.com", "EXAMPLE.com", true),
            ("*.example.com", "a.example.com", true),
            ("*.com", "example.com", true),
            ("f*.example.com", "foo.example.com", true),
            ("*o.example.com", "foo.example.com", false),
            ("a.*.com", "a.b.com", true),
            ("*", "localhost", true),
            ("*", "a.b", false),
            ("example.com\0.evil", "example.com", false),
            ("example.com.", "example.com", false),
        ] {
            assert_eq!(matches_pattern(pattern.as_bytes(), host.as_bytes()), same, "{pattern} {host}");
        }
    }

    #[test]
    fn a_constraint_is_compared_with_the_end_of_the_name() {
        let constraints = NameConstraints {
            permitted: vec![GeneralName::Dns("example.com".into())],
            excluded: vec![GeneralName::Dns("".into())],
            critical: true,
            ..NameConstraints::default()
        };
        let dns = Subtrees::new(&constraints, |subtree| match subtree {
            GeneralName::Dns(base) => Some(base.as_bytes()),
            _ => None,
        });
        assert!(dns.allow(b"a.example.com", dns_within));
        assert!(dns.allow(b"badexample.com", dns_within));
        assert!(!dns.allow(b"example.org", dns_within));
        assert!(!dns.allow(b".example.com", dns_within));
    }
}
