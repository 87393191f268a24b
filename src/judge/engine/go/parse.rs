//! What Go's reader refuses that ours lets pass (`parser.go`).

use std::net::{IpAddr, Ipv6Addr};
use std::sync::LazyLock;

use crate::x509::general_name::GeneralName;
use crate::x509::key::{Curve, KeyKind, has_explicit_curve};
use crate::x509::{Certificate, EncodingFault, Extensions, NameConstraints, der};

/// Below v3 `parseCertificate` does not look whether there are extensions.
pub(super) fn extensions(certificate: &Certificate) -> &Extensions {
    static NONE: LazyLock<Extensions> = LazyLock::new(Extensions::default);
    if certificate.version < 3 { &NONE } else { &certificate.extensions }
}

/// `parsePublicKey` leaves the key empty for algorithms it does not know.
pub(super) fn has_unknown_key(certificate: &Certificate) -> bool {
    matches!(certificate.key, KeyKind::Ed448 | KeyKind::Other(_) | KeyKind::Rsa { pss: true, .. })
}

/// Extensions of RFC 5280 that `processExtensions` reads; any other that is critical is unhandled.
const HANDLED: &[&str] = &[
    "2.5.29.14",
    "2.5.29.15",
    "2.5.29.17",
    "2.5.29.19",
    "2.5.29.30",
    "2.5.29.31",
    "2.5.29.32",
    "2.5.29.33",
    "2.5.29.35",
    "2.5.29.36",
    "2.5.29.37",
    "2.5.29.54",
    "1.3.6.1.5.5.7.1.1",
];

/// `UnhandledCriticalExtensions`: unknown ones, name constraints with kinds of names Go has no rule for, and a SAN that
/// holds none of the kinds it knows.
pub(super) fn has_unhandled_critical_extension(certificate: &Certificate) -> bool {
    let extensions = extensions(certificate);
    let is_known = |name: &GeneralName| {
        matches!(name, GeneralName::Dns(_) | GeneralName::Ip(_) | GeneralName::Email(_) | GeneralName::Uri(_))
    };
    extensions.critical.iter().any(|oid| !HANDLED.contains(&&**oid))
        || extensions.name_constraints.as_ref().is_some_and(|constraints| {
            constraints.critical && !constraints.permitted.iter().chain(&constraints.excluded).all(is_known)
        })
        || extensions.subject_alt_name.as_ref().is_some_and(|san| san.critical && !san.names.iter().any(is_known))
}

/// `parseCertificate`: what it refuses of that which our reader lets pass, in its order.
pub(super) fn parse_error(certificate: &Certificate) -> Option<String> {
    let fault = |fault| certificate.encoding_faults.contains(&fault);
    let say = |text: &str| Some(text.to_owned());
    // cryptobyte reads lengths in the fewest octets only.
    if fault(EncodingFault::LengthNotMinimal) {
        return say("x509: malformed certificate");
    }
    if certificate.version > 3 {
        return say("x509: invalid version");
    }
    if fault(EncodingFault::SerialNotMinimal) || fault(EncodingFault::SerialEmpty) {
        return say("x509: malformed serial number");
    }
    if !certificate.algorithms_agree {
        return say("x509: inner and outer signature algorithm identifiers don't match");
    }
    let times = certificate.validity_encoding().unwrap_or_default();
    name_error(&certificate.issuer)
        .or_else(|| times.into_iter().find_map(time_error).map(str::to_owned))
        .or_else(|| name_error(&certificate.subject))
        .or_else(|| key_error(certificate).map(str::to_owned))
        .or_else(|| extensions_error(certificate))
}

/// `readASN1Time`: UTCTime may lack the seconds, and both forms may have an offset, though not that of UTC.
fn time_error((tag, content): (u8, &[u8])) -> Option<&'static str> {
    let (lengths, text): (&[usize], _) = match tag {
        0x17 => (&[10, 12], "x509: malformed UTCTime"),
        0x18 => (&[14], "x509: malformed GeneralizedTime"),
        _ => return Some("x509: unsupported time format"),
    };
    let digits = content.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let is_zone = match &content[digits..] {
        b"Z" => true,
        [b'+' | b'-', offset @ ..] => offset.len() == 4 && offset.iter().all(u8::is_ascii_digit) && offset != b"0000",
        _ => false,
    };
    (!is_zone || !lengths.contains(&digits)).then_some(text)
}

/// `parsePublicKey`.
fn key_error(certificate: &Certificate) -> Option<&'static str> {
    const UNCOMPRESSED: u8 = 4;
    match certificate.key {
        KeyKind::Rsa { pss: false, .. } if !certificate.key_algorithm_encoding().ends_with(&[5, 0]) => {
            Some("x509: RSA key missing NULL parameters")
        }
        KeyKind::Ec(_) if has_explicit_curve(certificate.spki()) => Some("x509: invalid ECDSA parameters"),
        KeyKind::Ec(Curve::Secp256k1 | Curve::Other) => Some("x509: unsupported elliptic curve"),
        KeyKind::Ec(_) if certificate.subject_public_key().first() != Some(&UNCOMPRESSED) => {
            Some("ecdsa: invalid uncompressed public key")
        }
        _ => None,
    }
}

/// `parseExtension`, `processExtensions`.
fn extensions_error(certificate: &Certificate) -> Option<String> {
    let extensions = extensions(certificate);
    let fault = |fault| extensions.count > 0 && certificate.encoding_faults.contains(&fault);
    let say = |text: &str| Some(text.to_owned());
    if fault(EncodingFault::BooleanNotCanonical) {
        return say("x509: malformed extension critical field");
    }
    if let Some(oid) = extensions.repeated.first() {
        return Some(format!("x509: certificate contains duplicate extension with OID {:?}", &**oid));
    }
    let critical = |oid: &str| extensions.critical.iter().any(|critical| **critical == *oid);
    let has_long_length = |oid: &str| {
        fault(EncodingFault::ExtensionLengthNotMinimal)
            && certificate.extension_value(oid).is_some_and(|value| !der::lengths_are_minimal(value))
    };
    let is_malformed = |oid: &str| match oid {
        "2.5.29.19" if fault(EncodingFault::BasicConstraintsBoolean) => true,
        "2.5.29.32" if has_twice(&extensions.policies) => true,
        // `forEachSAN` walks over names of a kind that it does not know.
        "2.5.29.17" if extensions.subject_alt_name.is_none() => certificate
            .extension_value(oid)
            .is_some_and(|value| der::split(value).is_none_or(|(names, _)| names.tag != SEQUENCE)),
        _ => extensions.undecodable.iter().any(|extension| &*extension.oid == oid) || has_long_length(oid),
    };
    for (oid, name) in [
        ("2.5.29.15", "x509: invalid key usage"),
        ("2.5.29.19", "x509: invalid basic constraints"),
        ("2.5.29.17", "x509: invalid subject alternative names"),
        ("2.5.29.30", "x509: invalid NameConstraints extension"),
        ("2.5.29.31", "x509: invalid CRL distribution points"),
        ("2.5.29.35", "x509: invalid authority key identifier"),
        ("2.5.29.36", "x509: invalid policy constraints extension"),
        ("2.5.29.37", "x509: invalid extended key usages"),
        ("2.5.29.14", "x509: invalid subject key identifier"),
        ("2.5.29.32", "x509: invalid certificate policies"),
        ("2.5.29.33", "x509: invalid policy mappings extension"),
        ("2.5.29.54", "x509: invalid inhibit any policy extension"),
        ("1.3.6.1.5.5.7.1.1", "x509: invalid authority info access"),
    ] {
        if is_malformed(oid) {
            return say(name);
        }
    }
    for (oid, name) in [
        ("2.5.29.35", "authority key identifier"),
        ("2.5.29.14", "subject key identifier"),
        ("1.3.6.1.5.5.7.1.1", "authority info access"),
    ] {
        if critical(oid) {
            return Some(format!("x509: {name} incorrectly marked critical"));
        }
    }
    extensions
        .subject_alt_name
        .iter()
        .find_map(|san| san.names.iter().find_map(san_error))
        .or_else(|| extensions.name_constraints.as_ref().and_then(constraints_error))
}

const SEQUENCE: u8 = 0x30;

/// `parseCertificatePoliciesExtension`.
fn has_twice(policies: &[Box<str>]) -> bool {
    policies.iter().enumerate().any(|(index, policy)| policies[..index].contains(policy))
}

/// `parseName`, `readASN1Any`, `parseASN1String`.
fn name_error(name: &crate::x509::dn::DistinguishedName) -> Option<String> {
    let printable = |byte: &u8| byte.is_ascii_alphanumeric() || b" '()+,-./:=?*&".contains(byte);
    name.attributes().iter().find_map(|attribute| {
        let problem = match attribute.tag {
            0x0c if std::str::from_utf8(&attribute.value).is_err() => "invalid UTF-8 string",
            0x13 if !attribute.value.iter().all(printable) => "invalid PrintableString",
            0x16 if !attribute.value.is_ascii() => "invalid IA5String",
            0x12 if !attribute.value.iter().all(|byte| byte.is_ascii_digit() || *byte == b' ') => {
                "invalid NumericString"
            }
            0x1e if attribute.value.len() % 2 != 0 => "invalid BMPString",
            // `readASN1Any` keeps what it has no type for.
            _ => return None,
        };
        Some(format!("x509: invalid RDNSequence: invalid attribute value: {problem}"))
    })
}

/// `parseSANExtension`.
fn san_error(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::Dns(text) if !text.is_ascii() => Some("x509: SAN dNSName is malformed".to_owned()),
        GeneralName::Email(text) if !text.is_ascii() => Some("x509: SAN rfc822Name is malformed".to_owned()),
        GeneralName::Ip(octets) if !matches!(octets.len(), 4 | 16) => {
            Some(format!("x509: cannot parse IP address of length {}", octets.len()))
        }
        GeneralName::Ip(octets) if is_mapped(octets) => {
            Some("x509: SAN iPAddress contains IPv4-mapped IPv6 address".to_owned())
        }
        GeneralName::Uri(text) => match url_host(text) {
            None => Some(format!("x509: cannot parse URI {text:?}: parse {text:?}")),
            Some(host) if !host.is_empty() && !domain_is_valid(host, false) => {
                Some(format!("x509: cannot parse URI {text:?}: invalid domain"))
            }
            Some(_) => None,
        },
        GeneralName::Invalid(1) => Some("x509: SAN rfc822Name is malformed".to_owned()),
        GeneralName::Invalid(2) => Some("x509: SAN dNSName is malformed".to_owned()),
        GeneralName::Invalid(6) => Some("x509: SAN uniformResourceIdentifier is malformed".to_owned()),
        _ => None,
    }
}

/// An IPv6 address that stands for an IPv4 address (RFC 4291 §2.5.5.2).
fn is_mapped(octets: &[u8]) -> bool {
    <[u8; 16]>::try_from(octets).is_ok_and(|octets| Ipv6Addr::from(octets).to_ipv4_mapped().is_some())
}

/// `parseNameConstraintsExtension`.
fn constraints_error(constraints: &NameConstraints) -> Option<String> {
    if constraints.permitted.is_empty() && constraints.excluded.is_empty() {
        return Some("x509: empty name constraints extension".to_owned());
    }
    constraints.permitted.iter().chain(&constraints.excluded).find_map(|subtree| match subtree {
        GeneralName::Dns(base) if !domain_is_valid(base, true) => {
            Some(format!("x509: failed to parse dnsName constraint {base:?}"))
        }
        GeneralName::Ip(range) => match range.len() {
            8 | 32 => {
                let mask = &range[range.len() / 2..];
                // One bits, then zero bits.
                let ones: u32 = mask.iter().map(|byte| byte.leading_ones()).sum();
                let is_prefix = mask.iter().map(|byte| byte.count_ones()).sum::<u32>() == ones
                    && mask.windows(2).all(|pair| pair[0] == 0xff || pair[1] == 0);
                match is_prefix {
                    false => Some(format!("x509: IP constraint contained invalid mask {}", crate::x509::hex(mask))),
                    true if is_mapped(&range[..range.len() / 2]) => {
                        Some("x509: IP constraint contained IPv4-mapped IPv6 address".to_owned())
                    }
                    true => None,
                }
            }
            length => Some(format!("x509: IP constraint contained value of length {length}")),
        },
        GeneralName::Email(base) if !base.contains('@') && !domain_is_valid(base, true) => {
            Some(format!("x509: failed to parse rfc822Name constraint {base:?}"))
        }
        GeneralName::Uri(base) if base.parse::<IpAddr>().is_ok() => {
            Some(format!("x509: failed to parse URI constraint {base:?}: cannot be IP address"))
        }
        GeneralName::Uri(base) if !domain_is_valid(base, true) => {
            Some(format!("x509: failed to parse URI constraint {base:?}"))
        }
        _ => None,
    })
}

/// `domainNameValid`: visible ASCII, no empty label, no final dot; a constraint may begin with a dot.
pub(super) fn domain_is_valid(name: &str, constraint: bool) -> bool {
    if name.is_empty() {
        return true;
    }
    let name = if constraint { name.strip_prefix('.').unwrap_or(name) } else { name };
    name.bytes().all(|byte| (33..=126).contains(&byte)) && name.split('.').all(|label| !label.is_empty())
}

/// The host of `url.Parse`, with its port; `None` when the text is no URL.
pub(super) fn url_host(text: &str) -> Option<&str> {
    if text.bytes().any(|byte| byte < 0x20 || byte == 0x7f) {
        return None;
    }
    let rest = match text.split_once("://") {
        Some((_, rest)) => rest,
        None => return Some(""),
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    (!host.contains(' ')).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_prefixes() {
        let with = |mask: [u8; 4]| NameConstraints {
            permitted: vec![GeneralName::Ip([[10, 0, 0, 0], mask].concat().into())],
            excluded: Vec::new(),
            critical: true,
            ..NameConstraints::default()
        };
        assert_eq!(constraints_error(&with([255, 128, 0, 0])), None);
        assert_eq!(constraints_error(&with([0, 0, 0, 0])), None);
        assert!(constraints_error(&with([255, 0, 255, 0])).is_some());
        assert!(constraints_error(&with([254, 255, 0, 0])).is_some());
        assert!(constraints_error(&with([253, 0, 0, 0])).is_some());
    }
}
