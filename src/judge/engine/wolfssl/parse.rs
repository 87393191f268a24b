//! What `DecodeCert` of `wolfcrypt/src/asn.c` makes of one certificate.

use super::{
    CRITICAL_EXTENSION, EXPECTED_ZERO, Error, NAME_INVALID, OBJECT_ID, OUT_OF_MEMORY, PARSE, SIGNATURE_OID, VERSION,
};
use crate::x509::dn::DistinguishedName;
use crate::x509::general_name::GeneralName;
use crate::x509::key::{KeyKind, has_explicit_curve, is_p192};
use crate::x509::signature::SignatureAlgorithm;
use crate::x509::{Certificate, EncodingFault, der};

/// Extensions that `DecodeExtensionType` knows.
const KNOWN: &[&str] = &[
    "2.5.29.9",
    "2.5.29.14",
    "2.5.29.15",
    "2.5.29.17",
    "2.5.29.19",
    "2.5.29.30",
    "2.5.29.31",
    "2.5.29.32",
    "2.5.29.35",
    "2.5.29.36",
    "2.5.29.37",
    "2.5.29.54",
    "1.3.6.1.5.5.7.1.1",
    "1.3.6.1.5.5.7.1.11",
    "1.3.6.1.5.5.7.48.1.5",
    "2.16.840.1.113730.1.1",
];

/// `EXTERNAL_SERIAL_SIZE` of `asn_public.h`.
const MAX_SERIAL: usize = 32;

/// `MIN_DATE_SIZE` of `asn.h`: a UTCTime with its seconds.
const MIN_DATE: usize = 13;

/// What `DecodeCert` refuses. A critical extension that is not known is found last.
pub(super) fn parse(certificate: &Certificate) -> Result<(), Error> {
    let extensions = &certificate.extensions;
    let is_malformed = |fault: &EncodingFault| {
        matches!(
            fault,
            EncodingFault::SerialNotMinimal
                | EncodingFault::SerialEmpty
                | EncodingFault::LengthNotMinimal
                | EncodingFault::ExtensionLengthNotMinimal
        )
    };
    let has_short_date =
        || certificate.validity_encoding().is_none_or(|dates| dates.iter().any(|(_, date)| date.len() < MIN_DATE));
    // `x509CertASN` has no unique identifiers, `GetName` wants attributes.
    if certificate.encoding_faults.iter().any(is_malformed)
        || has_short_date()
        || certificate.serial.len() > MAX_SERIAL
        || certificate.has_unique_ids()
        || [&certificate.issuer, &certificate.subject].into_iter().any(DistinguishedName::has_empty_rdn)
        || !has_readable_key(certificate)
    {
        return Err(PARSE);
    }
    if !has_known_signature(certificate) {
        return Err(SIGNATURE_OID);
    }
    if certificate.encoding_faults.contains(&EncodingFault::SignatureUnusedBits) {
        return Err(EXPECTED_ZERO);
    }
    if certificate.version < 3 && extensions.count > 0 {
        return Err(VERSION);
    }
    let is_known = |oid: &str| KNOWN.contains(&oid);
    if extensions.repeated.iter().any(|oid| is_known(oid)) {
        return Err(OBJECT_ID);
    }
    // DecodeKeyUsage wants a bit; GenerateDNSEntryIPString an address of four or sixteen octets.
    if extensions.key_usage.as_ref().is_some_and(|key_usage| key_usage.bits == 0)
        || extensions
            .undecodable
            .iter()
            .any(|extension| is_known(&extension.oid) && *extension.oid != *SUBJECT_ALT_NAME)
        || KNOWN.iter().any(|oid| certificate.extension_value(oid).is_some_and(|value| lacks_content(oid, value)))
    {
        return Err(PARSE);
    }
    let names = extensions.subject_alt_name.as_ref().map_or(&[][..], |san| &san.names);
    if names.iter().any(|name| matches!(name, GeneralName::Ip(_)) && name.as_ip().is_none()) {
        return Err(OUT_OF_MEMORY);
    }
    if let Some(constraints) = &extensions.name_constraints {
        if !certificate.is_ca() {
            return Err(NAME_INVALID);
        }
        // DecodeSubtree wants content.
        let is_empty = |subtree: &GeneralName| matches!(subtree, GeneralName::Dns(text) | GeneralName::Email(text) if text.is_empty());
        if constraints.permitted.iter().chain(&constraints.excluded).any(is_empty) {
            return Err(PARSE);
        }
    }
    // Key identifiers must not be critical either.
    let is_refused = |oid: &str| !is_known(oid) || matches!(oid, "2.5.29.14" | "2.5.29.35");
    if extensions.critical.iter().any(|oid| is_refused(oid)) {
        return Err(CRITICAL_EXTENSION);
    }
    Ok(())
}

/// Names of a kind that it does not know are passed over.
const SUBJECT_ALT_NAME: &str = "2.5.29.17";

/// Extensions and lists that must hold something: names, policies, the fields of authorityKeyIdentifier, subtrees.
fn lacks_content(oid: &str, value: &[u8]) -> bool {
    let list = der::split(value).map(|(list, _)| list.content);
    match oid {
        "2.5.29.17" | "2.5.29.32" | "2.5.29.35" => list.is_none_or(<[u8]>::is_empty),
        "2.5.29.30" => list.is_some_and(|lists| der::values(lists).any(|list| list.content.is_empty())),
        _ => false,
    }
}

/// `StoreKey`, `StoreEccKey`: RSA keys with NULL for parameters, named curves from `ECC_MIN_KEY_SZ` bits on.
fn has_readable_key(certificate: &Certificate) -> bool {
    match certificate.key {
        KeyKind::Rsa { pss: false, .. } => certificate.key_algorithm_encoding().ends_with(&[5, 0]),
        KeyKind::Ec(_) => !has_explicit_curve(certificate.spki()) && !is_p192(certificate.spki()),
        _ => true,
    }
}

/// The signature's OIDs, without their parameters, must be the same inside and outside, and known (`oidSigType`): beside
/// those our reader names, DSA and those of SHA-3.
fn has_known_signature(certificate: &Certificate) -> bool {
    let oid = |encoding| der::split(encoding).map(|(oid, _)| oid.content);
    let is_known = match &certificate.signature_algorithm {
        SignatureAlgorithm::Other(oid) => {
            ["1.2.840.10040.4.3", "1.2.840.113549.1.1.10"].contains(&&**oid) || oid.starts_with("2.16.840.1.101.3.4.3.")
        }
        _ => true,
    };
    is_known && oid(certificate.signature_algorithm_encoding()) == oid(certificate.signed_algorithm_encoding())
}

/// `wc_ValidateDate`: only what stands behind the seconds is looked at, Z or an offset.
pub(super) fn has_zone((tag, date): (u8, &[u8])) -> bool {
    const UTC_TIME: u8 = 0x17;
    let digits = if tag == UTC_TIME { 12 } else { 14 };
    matches!(date.get(digits), Some(b'Z' | b'+' | b'-'))
}
