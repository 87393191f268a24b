//! What a certificate must be for GnuTLS to read it at all (`gnutls_x509_crt_import`).

use super::LibraryError;
use crate::x509::{Certificate, der};

/// 2.5.29.17
const SUBJECT_ALT_NAME: &str = "2.5.29.17";

/// 2.5.29.18
const ISSUER_ALT_NAME: &str = "2.5.29.18";

/// The tags of the iPAddress, dNSName, … in GeneralName, which are not constructed.
const PRIMITIVE_NAMES: [u8; 5] = [0x81, 0x82, 0x86, 0x87, 0x88];

/// otherName and directoryName.
const CONSTRUCTED_NAMES: [u8; 2] = [0xa0, 0xa4];

/// x400Address and ediPartyName, which `_gnutls_x509_san_find_type` does not know.
const UNKNOWN_NAMES: [u8; 2] = [0xa3, 0xa5];

/// `gnutls_x509_crt_import` of `lib/x509/x509.c`, step by step: the strict decoder of libtasn1, `compare_sig_algorithm`,
/// `cache_alt_names`, `_gnutls_check_cert_sanity`.
pub(super) fn import_error(certificate: &Certificate) -> Option<LibraryError> {
    let times = certificate.validity_encoding().unwrap_or_default();
    if times.iter().any(|&(tag, text)| !is_time_decoded(tag, text)) {
        return Some(LibraryError::ASN1_TIME);
    }
    if !certificate.algorithms_agree_but_for_null() {
        return Some(LibraryError::CERTIFICATE);
    }
    let mut alternative_names =
        [SUBJECT_ALT_NAME, ISSUER_ALT_NAME].into_iter().filter_map(|oid| certificate.extension_value(oid));
    if let Some(error) = alternative_names.find_map(alternative_names_error) {
        return Some(error);
    }
    if certificate.version < 3 && certificate.extensions.count > 0 {
        return Some(LibraryError::CERTIFICATE);
    }
    if !certificate.extensions.repeated.is_empty() {
        return Some(LibraryError::DUPLICATE_EXTENSION);
    }
    (!times.iter().all(|&(tag, text)| is_time_read(tag, text))).then_some(LibraryError::TIME)
}

/// `_asn1_get_time_der` of libtasn1's `lib/decoding.c`, strict: digits and a `Z`; a GeneralizedTime may have one point.
fn is_time_decoded(tag: u8, text: &[u8]) -> bool {
    let Some((last, digits)) = text.split_last() else { return false };
    let points = digits.iter().filter(|&&byte| byte == b'.').count();
    *last == b'Z'
        && text.len() >= 8
        && (points == 0 || (points == 1 && tag == GENERALIZED_TIME))
        && digits.iter().all(|&byte| byte.is_ascii_digit() || byte == b'.')
}

const GENERALIZED_TIME: u8 = 0x18;

/// `_gnutls_x509_generalTime2gtime` and `_gnutls_utcTime2gtime` of `lib/x509/time.c`.
fn is_time_read(tag: u8, text: &[u8]) -> bool {
    if tag == GENERALIZED_TIME { text.len() >= 12 && !text.contains(&b'.') } else { text.len() >= 10 }
}

/// `gnutls_x509_ext_import_subject_alt_names` of `lib/x509/x509_ext.c`: first all is decoded, then each name is read.
fn alternative_names_error(value: &[u8]) -> Option<LibraryError> {
    if !value.starts_with(&[0x30]) {
        return Some(LibraryError::ASN1_TAG);
    }
    let Some((list, &[])) = der::split(value) else { return Some(LibraryError::ASN1_DER) };
    let (mut rest, mut names) = (list.content, Vec::new());
    while !rest.is_empty() {
        let Some((name, after)) = der::split(rest) else { return Some(LibraryError::ASN1_DER) };
        names.push(name);
        rest = after;
    }
    let is_general_name = |tag: u8| [&PRIMITIVE_NAMES[..], &CONSTRUCTED_NAMES, &UNKNOWN_NAMES].concat().contains(&tag);
    if !names.iter().all(|name| is_general_name(name.tag)) {
        return Some(LibraryError::ASN1_DER);
    }
    let is_unreadable = |name: &der::Value<'_>| {
        UNKNOWN_NAMES.contains(&name.tag) || (PRIMITIVE_NAMES.contains(&name.tag) && name.content.is_empty())
    };
    names.iter().any(is_unreadable).then_some(LibraryError::UNKNOWN_SAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_decoded_then_read() {
        const UTC: u8 = 0x17;
        for (tag, text, decoded, read) in [
            (UTC, "261101000000Z", true, true),
            (UTC, "2611010000Z", true, true),
            (UTC, "261101000000+0100", false, true),
            (UTC, "261101000000.5Z", false, true),
            (GENERALIZED_TIME, "20261101000000Z", true, true),
            (GENERALIZED_TIME, "20261101000000.5Z", true, false),
            (GENERALIZED_TIME, "20261101000000", false, true),
        ] {
            assert_eq!(is_time_decoded(tag, text.as_bytes()), decoded, "{text}");
            assert_eq!(is_time_read(tag, text.as_bytes()), read, "{text}");
        }
    }

    #[test]
    fn alternative_names_are_decoded_then_read() {
        for (value, error) in [
            (&[0x30, 3, 0x82, 1, b'a'][..], None),
            (&[0x30, 0], None),
            (&[0x30, 2, 0xa4, 0], None),
            (&[0x30, 2, 0x82, 0], Some(LibraryError::UNKNOWN_SAN)),
            (&[0x30, 2, 0xa3, 0], Some(LibraryError::UNKNOWN_SAN)),
            (&[0x30, 3, 0x0c, 1, b'a'], Some(LibraryError::ASN1_DER)),
            (&[0x30, 3, 0x82, 1, b'a', 0, 0], Some(LibraryError::ASN1_DER)),
            (&[0x30, 0x80, 0x82, 1, b'a', 0, 0], Some(LibraryError::ASN1_DER)),
            (&[0x30, 3, 0x82, 2, b'a'], Some(LibraryError::ASN1_DER)),
            (&[0x05, 0], Some(LibraryError::ASN1_TAG)),
            (&[], Some(LibraryError::ASN1_TAG)),
        ] {
            assert_eq!(alternative_names_error(value), error, "{value:x?}");
        }
    }
}
