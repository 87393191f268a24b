//! `sun.security.util.HostnameChecker`.

use std::net::IpAddr;

use super::certificate::alternative_names;
use super::constraints::address_in_common_name;
use super::{DNS_NAME, HostError};
use crate::judge::case::Case;
use crate::model::target::ReferenceId;
use crate::x509::Certificate;
use crate::x509::general_name::GeneralName;

/// `HostnameChecker.match` for TLS. Addresses are looked for in the SAN only, names also in the common name when the SAN
/// holds no dNSName.
pub(super) fn match_host(
    case: &Case<'_>,
    certificate: &Certificate,
    chains_to_public: bool,
    added: Option<IpAddr>,
) -> Result<(), HostError> {
    let host = case.reference;
    let say = |message: String| Err(HostError { message, cause: None });
    let names = alternative_names(certificate).map_or(&[][..], |san| &san.names);
    if case.name_is_address() {
        return match alternative_names(certificate) {
            None => say("No subject alternative names present".to_owned()),
            Some(_) if case.name_holds(certificate, address_matches) => Ok(()),
            Some(_) if added.is_some() && case.name_holds(certificate, added_address_matches) => Ok(()),
            Some(_) => say(format!("No subject alternative names matching IP address {host} found")),
        };
    }
    if !case.name_holds(certificate, |_, reference| is_sni_name(&reference.to_string())) {
        let message = format!("Illegal given domain name: {host}");
        return Err(HostError { message, cause: Some("Contains non-LDH ASCII characters") });
    }
    let matches = if chains_to_public { name_matches_for_public } else { name_matches };
    if case.name_holds(certificate, matches) {
        return Ok(());
    }
    if names.iter().any(|name| matches!(name, GeneralName::Dns(_) | GeneralName::Invalid(DNS_NAME))) {
        return say(format!("No subject alternative DNS name matching {host} found."));
    }
    say(format!("No name matching {host} found"))
}

fn address_matches(certificate: &Certificate, reference: &ReferenceId) -> bool {
    let names = alternative_names(certificate).map_or(&[][..], |san| &san.names);
    // InetAddress.getByName makes an IPv4 address of one that is mapped into IPv6 (RFC 4291 §2.5.5.2).
    let is_same = |name: &GeneralName, address: &IpAddr| {
        name.as_ip().is_some_and(|found| found.to_canonical() == address.to_canonical())
    };
    matches!(reference, ReferenceId::Ip(address) if names.iter().any(|name| is_same(name, address)))
}

fn added_address_matches(certificate: &Certificate, reference: &ReferenceId) -> bool {
    matches!(reference, ReferenceId::Ip(address) if address_in_common_name(certificate) == Some(*address))
}

fn name_matches(certificate: &Certificate, reference: &ReferenceId) -> bool {
    any_name_matches(certificate, reference, false)
}

fn name_matches_for_public(certificate: &Certificate, reference: &ReferenceId) -> bool {
    any_name_matches(certificate, reference, true)
}

/// A dNSName or, where the SAN holds none, the common name.
fn any_name_matches(certificate: &Certificate, reference: &ReferenceId, chains_to_public: bool) -> bool {
    let ReferenceId::Dns(host) = reference else { return false };
    let names = alternative_names(certificate).map_or(&[][..], |san| &san.names);
    let is_match = |text: &str| is_matched(host.as_str(), text, chains_to_public);
    if names.iter().any(|name| matches!(name, GeneralName::Dns(_) | GeneralName::Invalid(DNS_NAME))) {
        return names.iter().any(|name| matches!(name, GeneralName::Dns(text) if is_match(text)));
    }
    certificate.subject.common_name().is_some_and(is_match)
}

/// `SNIHostName`: letters, digits and hyphens, no empty label, no final dot.
fn is_sni_name(name: &str) -> bool {
    name.split('.').all(|label| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    })
}

/// `HostnameChecker.isMatched`: a wildcard may stand in any label and for part of it. The public suffix list is asked
/// only where the path leads to one of the JDK's own anchors.
pub(super) fn is_matched(host: &str, template: &str, chains_to_public: bool) -> bool {
    let (Some(host), Some(template)) = (unicode_name(host), unicode_name(template)) else { return false };
    let Some(ascii) = ascii_name(&template.replace('*', "z")) else { return false };
    if has_illegal_wildcard(&template, chains_to_public) || !is_sni_name(&ascii) {
        return false;
    }
    let (labels, patterns): (Vec<&str>, Vec<&str>) = (
        host.split('.').filter(|label| !label.is_empty()).collect(),
        template.split('.').filter(|label| !label.is_empty()).collect(),
    );
    labels.len() == patterns.len() && labels.iter().zip(&patterns).all(|(label, pattern)| label_matches(label, pattern))
}

/// `IDN.toASCII`, label by label; `None` where that throws. Labels of ASCII stay as they are.
fn ascii_name(name: &str) -> Option<String> {
    let labels = name.split('.').map(|label| match label.is_ascii() {
        true => Some(label.to_ascii_lowercase()),
        false => idna::domain_to_ascii(label).ok(),
    });
    Some(labels.collect::<Option<Vec<_>>>()?.join("."))
}

/// `IDN.toUnicode(IDN.toASCII(name))`: a label that is no Punycode stays as it is.
fn unicode_name(name: &str) -> Option<String> {
    let unicode = |label: &str| match label.starts_with("xn--").then(|| idna::domain_to_unicode(label)) {
        Some((unicode, Ok(()))) => unicode,
        _ => label.to_owned(),
    };
    Some(ascii_name(name)?.split('.').map(unicode).collect::<Vec<_>>().join("."))
}

/// `hasIllegalWildcard`: `*` alone, a wildcard with no dot after it, or one right above a public suffix.
fn has_illegal_wildcard(template: &str, chains_to_public: bool) -> bool {
    let Some(last) = template.rfind('*') else { return false };
    let Some((_, domain)) = template[last..].split_once('.') else { return true };
    if domain.is_empty() && last == 0 {
        return true;
    }
    chains_to_public
        && psl::suffix(format!("z.{domain}").as_bytes())
            .is_some_and(|suffix| suffix.typ() == Some(psl::Type::Icann) && suffix.as_bytes() == domain.as_bytes())
}

/// `matchWildCards`: the parts between wildcards, in sequence.
fn label_matches(label: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|start| label.strip_prefix(start)) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(end) = parts.pop() else { return rest.is_empty() }; // no wildcard
    for part in parts {
        match rest.find(part) {
            Some(position) => rest = &rest[position + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_in_any_label_and_for_parts_of_one() {
        for (host, template, matches) in [
            ("foo.example.com", "*.example.com", true),
            ("foo.example.com", "f*.example.com", true),
            ("foo.example.com", "*o.example.com", true),
            ("foo.example.com", "f*o*.example.com", true),
            ("foo.example.com", "b*.example.com", false),
            ("a.b.example.com", "a.*.example.com", true),
            ("a.b.example.com", "*.example.com", false),
            ("example.com", "*.com", true),
            ("localhost", "*", false),
            ("foo.example.com", "*.example.com.", false),
            ("foo.example.com", "f oo.example.com", false),
            ("xn--bcher-kva.example.com", "b\u{fc}cher.example.com", true),
            ("xn--bcher-kva.example.com", "XN--Bcher-kva.example.com", true),
            ("xn--bcher-kva.example.com", "*.example.com", true),
            ("xn--bcher-kva.example.com", "xn--*.example.com", false),
            ("xn--bcher-kva.example.com", "xn--bcher-*.example.com", false),
        ] {
            assert_eq!(is_matched(host, template, false), matches, "{host} {template}");
        }
        assert!(!is_matched("example.com", "*.com", true));
        assert!(!is_matched("example.co.uk", "*.co.uk", true));
        assert!(is_matched("www.example.co.uk", "*.example.co.uk", true));
    }
}
