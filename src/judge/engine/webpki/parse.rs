//! What `Cert::from_input` of `cert.rs` refuses.

use super::Error;
use crate::x509::{Certificate, EncodingFault, der};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Path,
    Anchor,
}

/// `Cert::from_input`: v3 only, understood critical extensions only. For trust anchors critical ones are passed over,
/// and v1 will do (`trust_anchor.rs`).
pub(super) fn unparsable(certificate: &Certificate, role: Role) -> Option<Error> {
    /// `remember_cert_extension`: keyUsage, subjectAltName, basicConstraints, nameConstraints, CRL distribution points,
    /// extended key usage.
    const KNOWN: &[&str] = &[KEY_USAGE, "2.5.29.17", "2.5.29.19", "2.5.29.30", "2.5.29.31", "2.5.29.37"];
    /// `TWO_BYTE_DER_SIZE`, for the whole of it too.
    const MAX_BYTES: usize = 0xffff;
    let extensions = &certificate.extensions;
    if certificate.der().len() > MAX_BYTES {
        return Some(Error::BadDer);
    }
    if certificate.version != 3 {
        return (role == Role::Path || certificate.version != 1).then_some(Error::UnsupportedCertVersion);
    }
    if !certificate.algorithms_agree {
        return Some(Error::SignatureAlgorithmMismatch);
    }
    // `der.rs`: lengths in the fewest octets, a BIT STRING of whole octets.
    let is_malformed = |fault: &EncodingFault| {
        matches!(
            fault,
            EncodingFault::BooleanNotCanonical | EncodingFault::LengthNotMinimal | EncodingFault::SignatureUnusedBits
        )
    };
    // Unique identifiers (RFC 5280 §4.1.2.8) are data that it does not expect.
    if certificate.encoding_faults.iter().any(is_malformed)
        || certificate.has_unique_ids()
        || KNOWN.iter().any(|oid| *oid != KEY_USAGE && certificate.extension_value(oid).is_some_and(is_not_a_sequence))
        || extensions.undecodable.iter().any(|extension| {
            // Lists that are empty or hold odd entries are read later, or never; keyUsage is not read.
            KNOWN.contains(&&*extension.oid) && !matches!(&*extension.oid, KEY_USAGE | "2.5.29.31" | "2.5.29.37")
        })
    {
        return Some(Error::BadDer);
    }
    if extensions.repeated.iter().any(|oid| KNOWN.contains(&&**oid)) {
        return Some(Error::ExtensionValueInvalid);
    }
    if role == Role::Path && extensions.critical.iter().any(|oid| !KNOWN.contains(&&**oid)) {
        return Some(Error::UnsupportedCriticalExtension);
    }
    None
}

const KEY_USAGE: &str = "2.5.29.15";

/// `remember_cert_extension`: all that it remembers but keyUsage is one SEQUENCE, and nothing behind it.
fn is_not_a_sequence(value: &[u8]) -> bool {
    const SEQUENCE: u8 = 0x30;
    let is_sequence = |(sequence, rest): (der::Value<'_>, &[u8])| {
        sequence.tag == SEQUENCE && rest.is_empty() && der::lengths_are_minimal(value)
    };
    !der::split(value).is_some_and(is_sequence)
}
