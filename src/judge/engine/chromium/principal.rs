//! Distinguished names (`verify_name_match.cc`, `parse_name.cc`, `x509_certificate.cc`).

use crate::x509::dn::DistinguishedName;

const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;
const TELETEX_STRING: u8 = 0x14;
const IA5_STRING: u8 = 0x16;
const UNIVERSAL_STRING: u8 = 0x1c;
const BMP_STRING: u8 = 0x1e;

/// `VerifyNameMatch`: ASCII letters are folded; what is in a TeletexString is compared as it stands.
pub(super) fn are_equal(one: &DistinguishedName, other: &DistinguishedName) -> bool {
    let has_teletex =
        |name: &DistinguishedName| name.attributes().iter().any(|attribute| attribute.tag == TELETEX_STRING);
    one.raw() == other.raw() || (one.is_equal_in_ascii(other) && !has_teletex(one) && !has_teletex(other))
}

/// `CertPrincipal::ParseDistinguishedName`: the attributes that are shown must be strings.
pub(super) fn is_readable(name: &DistinguishedName) -> bool {
    /// Common name, country, locality, state, organization, organizational unit.
    const SHOWN: [&str; 6] = ["2.5.4.3", "2.5.4.6", "2.5.4.7", "2.5.4.8", "2.5.4.10", "2.5.4.11"];
    let is_string = |tag: u8, value: &[u8]| match tag {
        PRINTABLE_STRING => value.iter().all(|&octet| is_printable(octet)),
        IA5_STRING => value.is_ascii(),
        UTF8_STRING | TELETEX_STRING | UNIVERSAL_STRING | BMP_STRING => true,
        _ => false,
    };
    let attributes = name.attributes();
    let mut shown = attributes.iter().filter(|attribute| SHOWN.contains(&&*attribute.oid));
    !name.has_empty_rdn() && shown.all(|attribute| is_string(attribute.tag, &attribute.value))
}

/// PrintableString (X.680 §41.4), and `*`, which lies between.
fn is_printable(octet: u8) -> bool {
    octet.is_ascii_alphabetic() || matches!(octet, b' ' | b'\''..=b':' | b'=' | b'?')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::der::encode;

    /// A name of one organization.
    fn name(tag: u8, text: &[u8]) -> DistinguishedName {
        let attribute = encode(0x30, &[&[0x06, 3, 0x55, 4, 10][..], &encode(tag, text)].concat());
        DistinguishedName::parse(&encode(0x30, &encode(0x31, &attribute))).unwrap()
    }

    #[test]
    fn ascii_letters_are_folded_and_no_others() {
        let utf8 = |text: &str| name(UTF8_STRING, text.as_bytes());
        assert!(are_equal(&utf8("Example  CA"), &name(PRINTABLE_STRING, b"EXAMPLE CA")));
        assert!(!are_equal(&utf8("Äpfel"), &utf8("äpfel")));
        assert!(are_equal(&utf8("Äpfel"), &utf8("ÄPFEL")));
        assert!(!are_equal(&utf8("Example"), &name(TELETEX_STRING, b"Example")));
        assert!(are_equal(&name(TELETEX_STRING, b"Example"), &name(TELETEX_STRING, b"Example")));
    }

    #[test]
    fn what_is_shown_must_be_a_string() {
        for (tag, text, expected) in [
            (PRINTABLE_STRING, &b"Ab 1'()+,-./:=?*"[..], true),
            (PRINTABLE_STRING, b"A&B", false),
            (PRINTABLE_STRING, b"a@b", false),
            (0x12, b"12", false), // NumericString
            (TELETEX_STRING, b"A&B", true),
        ] {
            assert_eq!(is_readable(&name(tag, text)), expected, "{tag} {text:?}");
        }
    }
}
