//! What one certificate must be (`pkixcert.cpp`, `pkixcheck.cpp`).

use super::Error;
use crate::judge::case::Case;
use crate::judge::pool::CertId;
use crate::x509::der;
use crate::x509::key::{Curve, KeyKind, has_explicit_curve};
use crate::x509::signature::{Hash, SignatureAlgorithm};
use crate::x509::{Certificate, EncodingFault, usage};

/// `mMinRSABits` for domain-validated certificates (`CertVerifier.cpp`, `MIN_RSA_BITS_WEAK`).
const MIN_RSA_BITS: u32 = 1024;

/// `BackCert::Init`: what keeps a certificate from being looked at.
pub(super) fn unreadable(certificate: &Certificate) -> Option<Error> {
    /// `Input` holds what 16 bits can count.
    const MAX_BYTES: usize = 0xffff;
    /// `BackCert::RememberExtension`.
    const UNDERSTOOD: &[&str] = &[
        "2.5.29.15",
        "2.5.29.17",
        "2.5.29.19",
        "2.5.29.30",
        "2.5.29.32",
        "2.5.29.36",
        "2.5.29.37",
        "2.5.29.54",
        "1.3.6.1.5.5.7.1.1",
        "1.3.6.1.5.5.7.1.3",
        "1.3.6.1.5.5.7.1.24",
        "1.3.6.1.5.5.7.48.1.5",
        "1.3.6.1.4.1.11129.2.4.2",
    ];
    /// Netscape Cert Type: passed over when what it says stands in the standard's extensions too.
    const NETSCAPE_CERT_TYPE: &str = "2.16.840.1.113730.1.1";
    let extensions = &certificate.extensions;
    let fault = |fault| certificate.encoding_faults.contains(&fault);
    if fault(EncodingFault::SerialNotMinimal) {
        return Some(Error::InvalidIntegerEncoding);
    }
    if fault(EncodingFault::BooleanNotCanonical) || certificate.der().len() > MAX_BYTES {
        return Some(Error::BadDer);
    }
    if extensions.repeated.iter().any(|oid| UNDERSTOOD.contains(&&**oid)) {
        return Some(Error::ExtensionValueInvalid);
    }
    let is_understood = |oid: &str| {
        UNDERSTOOD.contains(&oid)
            || (oid == NETSCAPE_CERT_TYPE
                && extensions.basic_constraints.is_some()
                && extensions.extended_key_usage.is_some())
    };
    extensions.critical.iter().any(|oid| !is_understood(oid)).then_some(Error::UnknownCriticalExtension)
}

pub(super) fn undecodable(certificate: &Certificate, oid: &str) -> bool {
    certificate.extensions.undecodable.iter().any(|extension| &*extension.oid == oid)
}

/// `CheckIssuerIndependentProperties`. The order decides which of several errors is reported.
pub(super) fn check_certificate(
    case: &Case<'_>,
    id: CertId,
    is_end_entity: bool,
    is_anchor: bool,
    intermediates: usize,
) -> Result<(), Error> {
    let certificate = case.pool.get(id);
    // `ParseValidity`; years before 1970 are no dates (`TimeChoice`).
    if certificate.encoding_faults.contains(&EncodingFault::TimeFormat)
        || certificate.not_before.unix() < 0
        || certificate.not_before > certificate.not_after
    {
        return Err(Error::InvalidDerTime);
    }
    if !is_anchor {
        check_signature_algorithm(certificate)?;
    }
    check_key(certificate)?;
    if certificate.issuer.is_empty() {
        return Err(Error::EmptyIssuerName);
    }
    check_key_usage(certificate, is_end_entity)?;
    check_basic_constraints(certificate, is_end_entity, is_anchor, intermediates)?;
    check_extended_key_usage(certificate, is_end_entity)?;
    if case.at < certificate.not_before {
        return Err(Error::NotYetValidCertificate);
    }
    if case.at > certificate.not_after {
        return Err(Error::ExpiredCertificate);
    }
    Ok(())
}

/// `CheckSignatureAlgorithm`, `CheckSignatureDigestAlgorithm`: SHA-2 only. What `pkixder.cpp` does not know (MD5, SHA-224,
/// EdDSA) is "disabled" too.
fn check_signature_algorithm(certificate: &Certificate) -> Result<(), Error> {
    let is_known = match &certificate.signature_algorithm {
        SignatureAlgorithm::RsaPkcs1(hash) | SignatureAlgorithm::RsaPss(hash) | SignatureAlgorithm::Ecdsa(hash) => {
            !matches!(hash, Hash::Md5 | Hash::Sha224)
        }
        SignatureAlgorithm::Ed25519 | SignatureAlgorithm::Ed448 | SignatureAlgorithm::Other(_) => false,
    };
    if !is_known || certificate.has_unusual_pss() {
        return Err(Error::SignatureAlgorithmDisabled);
    }
    if !certificate.algorithms_agree_as_parsed() {
        return Err(Error::SignatureAlgorithmMismatch);
    }
    match certificate.signature_algorithm.hash() {
        Some(Hash::Sha1) => Err(Error::SignatureAlgorithmDisabled),
        _ => Ok(()),
    }
}

/// `CheckSubjectPublicKeyInfoContents`.
fn check_key(certificate: &Certificate) -> Result<(), Error> {
    /// The parameters that RFC 3279 §2.3.1 wants, DER.
    const NULL: &[u8] = &[0x05, 0x00];
    const UNCOMPRESSED: u8 = 4;
    match &certificate.key {
        KeyKind::Ec(_) if has_explicit_curve(certificate.spki()) => Err(Error::BadDer),
        KeyKind::Ec(Curve::P256 | Curve::P384 | Curve::P521) => {
            let is_uncompressed = certificate.subject_public_key().first() == Some(&UNCOMPRESSED);
            if is_uncompressed { Ok(()) } else { Err(Error::UnsupportedEcPointForm) }
        }
        KeyKind::Ec(_) => Err(Error::UnsupportedEllipticCurve),
        KeyKind::Rsa { pss: false, .. } if !certificate.key_algorithm_encoding().ends_with(NULL) => Err(Error::BadDer),
        // The size is counted in whole octets.
        KeyKind::Rsa { bits, pss: false, .. } if bits.div_ceil(8) * 8 < MIN_RSA_BITS => Err(Error::InadequateKeySize),
        KeyKind::Rsa { pss: false, .. } => Ok(()),
        // rsaEncryption whose RSAPublicKey cannot be read.
        KeyKind::Other(oid) if &**oid == "1.2.840.113549.1.1.1" => Err(Error::BadDer),
        _ => Err(Error::UnsupportedKeyAlgorithm),
    }
}

/// `CheckKeyUsage`; for an end entity `VerifySSLServerCert` tries digitalSignature, keyEncipherment and keyAgreement in
/// turn, whatever the key exchange.
fn check_key_usage(certificate: &Certificate, is_end_entity: bool) -> Result<(), Error> {
    let required = if is_end_entity {
        usage::DIGITAL_SIGNATURE | usage::KEY_ENCIPHERMENT | usage::KEY_AGREEMENT
    } else {
        usage::KEY_CERT_SIGN
    };
    match &certificate.extensions.key_usage {
        Some(key_usage) if !key_usage.allows(required) => Err(Error::InadequateKeyUsage),
        None if undecodable(certificate, "2.5.29.15") => Err(Error::InadequateKeyUsage),
        _ => Ok(()),
    }
}

/// `CheckBasicConstraints`.
fn check_basic_constraints(
    certificate: &Certificate,
    is_end_entity: bool,
    is_anchor: bool,
    intermediates: usize,
) -> Result<(), Error> {
    let is_odd = certificate.encoding_faults.contains(&EncodingFault::BasicConstraintsBoolean);
    if is_odd || undecodable(certificate, "2.5.29.19") {
        return Err(Error::ExtensionValueInvalid);
    }
    let constraints = certificate.extensions.basic_constraints.as_ref();
    if is_end_entity {
        return if certificate.is_ca() { Err(Error::CaCertUsedAsEndEntity) } else { Ok(()) };
    }
    match constraints {
        None if certificate.version == 1 && is_anchor => Ok(()),
        None if certificate.version == 1 => Err(Error::V1CertUsedAsCa),
        Some(constraints) if constraints.ca => match constraints.path_len {
            Some(length) if usize::try_from(length).is_ok_and(|length| intermediates > length) => {
                Err(Error::PathLenConstraintInvalid)
            }
            _ => Ok(()),
        },
        _ => Err(Error::CaCertInvalid),
    }
}

/// `CheckExtendedKeyUsage`: serverAuth by name (anyExtendedKeyUsage is none), and never OCSPSigning beside it.
fn check_extended_key_usage(certificate: &Certificate, is_end_entity: bool) -> Result<(), Error> {
    match &certificate.extensions.extended_key_usage {
        Some(purposes) if !purposes.server_auth || (is_end_entity && purposes.ocsp_signing) => {
            Err(Error::InadequateCertType)
        }
        None if undecodable(certificate, "2.5.29.37") => Err(Error::InadequateCertType),
        _ => Ok(()),
    }
}

/// The TLS feature extension (RFC 7633 §4) holds another feature than status_request.
pub(super) fn has_other_tls_feature(certificate: &Certificate) -> bool {
    const STATUS_REQUEST: &[u8] = &[5];
    let features = certificate.extension_value("1.3.6.1.5.5.7.1.24").and_then(der::split);
    features.is_some_and(|(list, _)| der::values(list.content).any(|feature| feature.content != STATUS_REQUEST))
}
