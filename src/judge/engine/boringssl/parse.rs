//! What BoringSSL reads in a certificate, where it differs from our reader.

use crate::x509::dn::DistinguishedName;
use crate::x509::{Certificate, EncodingFault};

/// `x509v3_cache_extensions`: a broken or repeated one makes the certificate unusable, and so does a pathLenConstraint of
/// what is no CA.
const CACHED: &[&str] =
    &["2.5.29.14", "2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.30", "2.5.29.31", "2.5.29.35", "2.5.29.37"];

pub(super) fn extensions_decode(certificate: &Certificate) -> bool {
    let extensions = &certificate.extensions;
    let is_cached = |oid: &str| CACHED.contains(&oid);
    let constraints = extensions.basic_constraints.as_ref();
    !extensions.repeated.iter().any(|oid| is_cached(oid))
        && !extensions.undecodable.iter().any(|extension| is_cached(&extension.oid))
        && constraints.is_none_or(|constraints| constraints.ca || constraints.path_len.is_none())
        && !certificate.encoding_faults.iter().any(|fault| {
            matches!(fault, EncodingFault::ExtensionTrailingData | EncodingFault::ExtensionLengthNotMinimal)
        })
}

/// `X509_parse_with_algorithms`: extensions in v3 only, lengths and integers in the fewest octets, names that decode.
pub fn parses(certificate: &Certificate) -> bool {
    let has_times = || certificate.validity_encoding().is_some_and(|times| times.into_iter().all(is_time));
    !certificate.encoding_faults.iter().any(|fault| match fault {
        EncodingFault::SerialNotMinimal | EncodingFault::SerialEmpty | EncodingFault::LengthNotMinimal => true,
        EncodingFault::TimeFormat => !has_times(),
        _ => false,
    }) && (1..=3).contains(&certificate.version)
        && (certificate.version == 3 || certificate.extensions.count == 0)
        && [&certificate.issuer, &certificate.subject].into_iter().all(is_readable)
}

/// `CBS_parse_utc_time` may have an offset, which verification refuses later.
fn is_time((tag, content): (u8, &[u8])) -> bool {
    const UTC_TIME: u8 = 0x17;
    let (digits, zone) = content.split_at(content.len().min(if tag == UTC_TIME { 12 } else { 14 }));
    let is_offset =
        |zone: &[u8]| zone.len() == 5 && matches!(zone[0], b'+' | b'-') && zone[1..].iter().all(u8::is_ascii_digit);
    digits.iter().all(u8::is_ascii_digit) && (zone == b"Z" || (tag == UTC_TIME && is_offset(zone)))
}

/// `x509_parse_name`: no empty SET, strings of their type.
fn is_readable(name: &DistinguishedName) -> bool {
    !name.has_empty_rdn() && !name.has_invalid_utf8()
}
