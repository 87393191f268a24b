//! What a certificate must be for GnuTLS to read it at all (`gnutls_x509_crt_import`).

use super::LibraryError;
use crate::x509::{Certificate, der};

/// 2.5.29.17
const SUBJECT_ALT_NAME: &str = "2.5.29.17";

/// 2.5.29.18
const ISSUER_ALT_NAME: &str = "2.5.29.18";

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

/// `gnutls_x509_ext_import_subject_alt_names` of `lib/x509/x509_ext.c`: first all is decoded, then each name is read, where
/// only an otherName may be empty.
fn alternative_names_error(value: &[u8]) -> Option<LibraryError> {
    if value.first().is_some_and(|&tag| tag != SEQUENCE) {
        return Some(LibraryError::ASN1_TAG);
    }
    let Some((list, &[])) = der::split(value) else { return Some(LibraryError::ASN1_DER) };
    let (mut rest, mut has_empty) = (list.content, false);
    while !rest.is_empty() {
        let Some((name, after)) = der::split(rest) else { return Some(LibraryError::ASN1_DER) };
        if let Some(error) = name_error(name) {
            return Some(error);
        }
        has_empty |= name.content.is_empty();
        rest = after;
    }
    has_empty.then_some(LibraryError::UNKNOWN_SAN)
}

/// What libtasn1 says to a GeneralName (measured with GnuTLS 3.7.9): x400Address and ediPartyName it decodes in no form.
fn name_error(name: der::Value<'_>) -> Option<LibraryError> {
    const OTHER_NAME: u8 = 0xa0;
    const EMAIL: u8 = 0x81;
    const DNS: u8 = 0x82;
    const DIRECTORY: u8 = 0xa4;
    const URI: u8 = 0x86;
    const IP: u8 = 0x87;
    const REGISTERED_ID: u8 = 0x88;
    match (name.tag, name.content) {
        (EMAIL | DNS | URI | IP, _) | (DIRECTORY, [SEQUENCE, ..]) | (REGISTERED_ID, [_, ..]) => None,
        (OTHER_NAME, []) => Some(LibraryError::ASN1_ELEMENT),
        (OTHER_NAME, content) => {
            let parts: Vec<_> = der::values(content).collect();
            let is_whole =
                matches!(parts[..], [id, value] if id.tag == 0x06 && value.tag == 0xa0 && !value.content.is_empty());
            (!is_whole).then_some(LibraryError::ASN1_TAG)
        }
        _ => Some(LibraryError::ASN1_DER),
    }
}

const SEQUENCE: u8 = 0x30;

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
            (&[0x30, 4, 0xa4, 2, 0x30, 0], None),
            (&[0x30, 4, 0x88, 2, 0x2a, 3], None),
            (&[0x30, 9, 0xa0, 7, 0x06, 1, 0x2a, 0xa0, 2, 0x05, 0], None),
            (&[0x30, 2, 0x82, 0], Some(LibraryError::UNKNOWN_SAN)),
            (&[0x30, 2, 0x87, 0], Some(LibraryError::UNKNOWN_SAN)),
            (&[0x30, 2, 0xa4, 0], Some(LibraryError::ASN1_DER)),
            (&[0x30, 2, 0x88, 0], Some(LibraryError::ASN1_DER)),
            (&[0x30, 4, 0xa5, 2, 0x30, 0], Some(LibraryError::ASN1_DER)),
            (&[0x30, 2, 0xa0, 0], Some(LibraryError::ASN1_ELEMENT)),
            (&[0x30, 5, 0xa0, 3, 0x06, 1, 0x2a], Some(LibraryError::ASN1_TAG)),
            (&[0x30, 6, 0x82, 0, 0xa3, 2, 0x30, 0], Some(LibraryError::ASN1_DER)),
            (&[0x30, 3, 0x0c, 1, b'a'], Some(LibraryError::ASN1_DER)),
            (&[0x30, 3, 0x82, 1, b'a', 0, 0], Some(LibraryError::ASN1_DER)),
            (&[0x30, 0x80, 0x82, 1, b'a', 0, 0], Some(LibraryError::ASN1_DER)),
            (&[0x30, 3, 0x82, 2, b'a'], Some(LibraryError::ASN1_DER)),
            (&[0x05, 0], Some(LibraryError::ASN1_TAG)),
            (&[], Some(LibraryError::ASN1_DER)),
        ] {
            assert_eq!(alternative_names_error(value), error, "{value:x?}");
        }
    }
}
