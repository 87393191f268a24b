//! Object identifiers in dotted form.

use std::borrow::Cow;
use std::fmt::Write;

use x509_parser::der_parser::asn1_rs::Oid;

/// The text of `oid`. asn1-rs makes the same with some ten allocations, which the many OIDs of a certificate make felt.
pub(super) fn dotted(oid: &Oid<'_>) -> Cow<'static, str> {
    short(oid.as_bytes()).unwrap_or_else(|| Cow::Owned(oid.to_id_string()))
}

/// Where the first octet is two arcs and no arc is longer than 32 bits (X.690 §8.19).
fn short(octets: &[u8]) -> Option<Cow<'static, str>> {
    let (&first, rest) = octets.split_first().filter(|(first, _)| **first < 120)?;
    if let Some((_, text)) = FREQUENT.iter().find(|(frequent, _)| *frequent == octets) {
        return Some(Cow::Borrowed(text));
    }
    let mut text = String::with_capacity(4 * octets.len());
    // Writing to a String cannot fail.
    let _ = write!(text, "{}.{}", first / 40, first % 40);
    let mut arc: u32 = 0;
    for (position, octet) in rest.iter().enumerate() {
        if arc >> 25 != 0 {
            return None;
        }
        arc = arc << 7 | u32::from(octet & 0x7f);
        if octet & 0x80 == 0 {
            let _ = write!(text, ".{arc}");
            arc = 0;
        } else if position + 1 == rest.len() {
            return None;
        }
    }
    Some(Cow::Owned(text))
}

/// Those of an ordinary certificate, which need not be written.
const FREQUENT: &[(&[u8], &str)] = &[
    (&[0x55, 4, 3], "2.5.4.3"),
    (&[0x55, 4, 6], "2.5.4.6"),
    (&[0x55, 4, 10], "2.5.4.10"),
    (&[0x55, 29, 14], "2.5.29.14"),
    (&[0x55, 29, 15], "2.5.29.15"),
    (&[0x55, 29, 17], "2.5.29.17"),
    (&[0x55, 29, 19], "2.5.29.19"),
    (&[0x55, 29, 31], "2.5.29.31"),
    (&[0x55, 29, 32], "2.5.29.32"),
    (&[0x55, 29, 35], "2.5.29.35"),
    (&[0x55, 29, 37], "2.5.29.37"),
    (&[0x2b, 6, 1, 5, 5, 7, 1, 1], "1.3.6.1.5.5.7.1.1"),
    (&[0x2b, 6, 1, 5, 5, 7, 48, 1], "1.3.6.1.5.5.7.48.1"),
    (&[0x2b, 6, 1, 5, 5, 7, 48, 2], "1.3.6.1.5.5.7.48.2"),
    (&[0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 4, 2], "1.3.6.1.4.1.11129.2.4.2"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1], "1.2.840.10045.2.1"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7], "1.2.840.10045.3.1.7"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2], "1.2.840.10045.4.3.2"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1], "1.2.840.113549.1.1.1"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 11], "1.2.840.113549.1.1.11"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_as_asn1_rs() {
        for arcs in
            [&[1, 2, 840, 113_549, 1, 1, 11][..], &[2, 5, 29, 17], &[1, 3, 6, 1, 4, 1, 11_129, 2, 4, 2], &[0, 9]]
        {
            let oid = Oid::from(arcs).unwrap();
            assert_eq!(short(oid.as_bytes()), Some(Cow::Owned(oid.to_id_string())));
        }
        for octets in
            [&[0x2a][..], &[0x2a, 0x80], &[0x88, 0x37], &[0x2a, 0xff, 0xff, 0xff, 0xff, 0x7f], &[0x2a, 0x80, 1], &[]]
        {
            let oid = Oid::new(octets.into());
            assert_eq!(dotted(&oid), oid.to_id_string(), "{octets:02x?}");
        }
    }
}
