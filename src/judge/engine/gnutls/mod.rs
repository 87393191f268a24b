//! GnuTLS 3.7: sorts what it was sent, cuts it where the trust list knows the issuer, checks from there down and stops at
//! the first certificate with a fault; then it adds what is wrong with name, purpose and staple.
//!
//! The rules are those of `lib/x509/verify.c` (one chain), `verify-high.c` (trust list, sorting), `common.c`
//! (`_gnutls_sort_clist`), `name_constraints.c`, `hostname-verify.c`, `x509.c` (what an import refuses),
//! `lib/cert-session.c` (stapled OCSP) and `lib/auth/cert.c`, with the patches of Debian's 3.7.9.

mod constraints;
mod host;
mod import;
mod path;
mod staple;

pub use host::matches_host;

use std::collections::BTreeSet;

use crate::judge::case::Case;
use crate::judge::pool::CertId;
use crate::model::handshake::{Failure, FailureKind};
use crate::model::verdict::Category;
use crate::x509::key::{Curve, KeyKind};
use crate::x509::{NameConstraints, usage};
use import::import_error;
use path::has_purpose;
use staple::staple_status;

/// `DEFAULT_MAX_VERIFY_DEPTH` of `gnutls_int.h`: certificates in the message, and what is sorted.
const MAX_CERTIFICATES: usize = 16;

/// `MAX_VERIFY_DEPTH` of `gnutls_int.h`: what is left of it bounds the path, and pathLenConstraint lowers it.
const MAX_PATH: u32 = 4096;

/// `MAX_HANDSHAKE_PACKET_SIZE` of `gnutls_int.h`.
const MAX_MESSAGE: usize = 128 * 1024;

/// `MAX_CN` of `str.h`: octets of a name that still fit.
const MAX_NAME: usize = 255;

/// `MAX_NC_CHECKS` of `name_constraints.c`.
const MAX_NAME_CHECKS: usize = 1 << 20;

/// `MAX_OCSP_VALIDITY_SECS` of `cert-session.c`: how long an OCSP answer without nextUpdate holds.
const MAX_OCSP_SECONDS: i64 = 3 * 24 * 60 * 60;

/// `supported_exts.gperf`: those that may be critical.
const SUPPORTED: &[&str] = &[
    "2.5.29.14",
    "2.5.29.15",
    "2.5.29.17",
    "2.5.29.18",
    "2.5.29.19",
    "2.5.29.30",
    "2.5.29.31",
    "2.5.29.32",
    "2.5.29.35",
    "2.5.29.37",
    "2.5.29.54",
    "1.3.6.1.5.5.7.1.1",
    "1.3.6.1.5.5.7.1.14",
    "1.3.6.1.5.5.7.1.24",
];

/// What a program on GnuTLS asks `gnutls_certificate_verify_peers` to check besides the path.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settings {
    /// `GNUTLS_DT_KEY_PURPOSE_OID`, serverAuth.
    pub purpose: bool,
    /// `GNUTLS_DT_DNS_HOSTNAME`.
    pub host: bool,
    /// `GNUTLS_VERIFY_DO_NOT_ALLOW_SAME`: an end entity is not trusted for being in the list of anchors.
    pub needs_issuer: bool,
    pub profile: Profile,
}

/// `gnutls_certificate_verification_profiles_t`: how strong keys must be (`lib/algorithms/secparams.c`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Profile {
    /// 80 bits, the level of priority NORMAL.
    #[default]
    Low,
    /// 112 bits.
    Medium,
}

/// One of the `GNUTLS_CERT_` flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    UnexpectedOwner,
    Expired,
    NotActivated,
    Revoked,
    SignerNotFound,
    SignerNotCa,
    InsecureAlgorithm,
    SignerConstraints,
    Purpose,
    Signature,
    UnknownCriticalExtension,
    MissingOcsp,
    InvalidOcsp,
    OcspSuperseded,
}

/// The outcome of `gnutls_certificate_verify_peers`: several faults at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// `GNUTLS_CERT_INVALID`, which can stand alone.
    pub invalid: bool,
    pub faults: BTreeSet<Fault>,
}

impl Status {
    pub fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    fn add(&mut self, fault: Fault) {
        self.invalid = true;
        self.faults.insert(fault);
    }

    fn merge(&mut self, other: Self) {
        self.invalid |= other.invalid;
        self.faults.extend(other.faults);
    }

    /// `SIGNER_OLD_OR_UNKNOWN` of `verify-high.c`.
    fn signer_is_old_or_unknown(&self) -> bool {
        [Fault::SignerNotFound, Fault::Expired, Fault::InsecureAlgorithm].iter().any(|&fault| self.has(fault))
    }

    /// `gnutls_certificate_verification_status_print`: the sentences, in its order.
    pub fn sentences(&self) -> String {
        const SENTENCES: &[(Fault, &str)] = &[
            (Fault::Revoked, "The certificate chain is revoked."),
            (Fault::OcspSuperseded, "The revocation or OCSP data are old and have been superseded."),
            (Fault::SignerNotFound, "The certificate issuer is unknown."),
            (Fault::SignerNotCa, "The certificate issuer is not a CA."),
            (Fault::InsecureAlgorithm, "The certificate chain uses insecure algorithm."),
            (Fault::SignerConstraints, "The certificate chain violates the signer's constraints."),
            (Fault::Purpose, "The certificate chain does not match the intended purpose."),
            (Fault::NotActivated, "The certificate chain uses not yet valid certificate."),
            (Fault::Expired, "The certificate chain uses expired certificate."),
            (Fault::Signature, "The signature in the certificate is invalid."),
            (Fault::UnexpectedOwner, "The name in the certificate does not match the expected."),
            (
                Fault::MissingOcsp,
                "The certificate requires the server to include an OCSP status in its response, but the OCSP status is missing.",
            ),
            (Fault::InvalidOcsp, "The received OCSP status response is invalid."),
            (Fault::UnknownCriticalExtension, "The certificate contains an unknown critical extension."),
        ];
        let sentences = SENTENCES.iter().filter(|(fault, _)| self.has(*fault)).map(|(_, sentence)| *sentence);
        sentences.collect::<Vec<_>>().join(" ")
    }
}

/// The path as it was cut, and what is wrong with it.
#[derive(Debug)]
pub struct Outcome {
    pub chain: Vec<CertId>,
    pub status: Status,
}

/// One of the `GNUTLS_E_` errors (`lib/errors.c`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LibraryError {
    /// `gnutls_strerror`.
    pub text: &'static str,
    pub number: i32,
    pub category: Category,
}

impl LibraryError {
    const CERTIFICATE: Self = Self::format(-43, "Error in the certificate.");
    const UNKNOWN_SAN: Self = Self::format(-62, "Unknown Subject Alternative name in X.509 certificate.");
    const ASN1_DER: Self = Self::format(-69, "ASN1 parser: Error in DER parsing.");
    const ASN1_TAG: Self = Self::format(-73, "ASN1 parser: Error in TAG.");
    const TIME: Self = Self::format(-416, "Error in the time fields of certificate.");
    const ASN1_TIME: Self = Self::format(-418, "The DER time encoding is invalid.");
    const DUPLICATE_EXTENSION: Self = Self::format(-430, "Duplicate extension in X.509 certificate.");
    const CONSTRAINT: Self =
        Self { text: "Some constraint limits were reached.", number: -101, category: Category::PathLength };

    const fn format(number: i32, text: &'static str) -> Self {
        Self { text, number, category: Category::BadFormat }
    }
}

/// What `gnutls_handshake` returns: its own error, or an alert that the server sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandshakeError {
    /// `gnutls_strerror`.
    pub text: &'static str,
    /// Number and `gnutls_alert_get_name` of the alert received.
    pub alert: Option<(u8, &'static str)>,
    pub category: Category,
}

impl HandshakeError {
    const fn own(category: Category, text: &'static str) -> Self {
        Self { text, alert: None, category }
    }

    /// Does it name the certificate, so that the user takes it for a verdict on that? Its decoder's errors do not.
    pub fn is_verdict(&self) -> bool {
        matches!(self.category, Category::BadFormat | Category::Usage) && self.text.contains("certificate")
    }

    /// `GNUTLS_E_FATAL_ALERT_RECEIVED`, with the texts of `lib/alert.c`; `name` as RFC 8446 §6 has it.
    fn alert(name: &str) -> Self {
        let (number, text, category) = match name {
            "unexpected_message" => (10, "Unexpected message", Category::Handshake),
            "bad_record_mac" => (20, "Bad record MAC", Category::Handshake),
            "record_overflow" => (22, "Record overflow", Category::Handshake),
            "bad_certificate" => (42, "Certificate is bad", Category::Handshake),
            "unsupported_certificate" => (43, "Certificate is not supported", Category::Handshake),
            "certificate_revoked" => (44, "Certificate was revoked", Category::Handshake),
            "certificate_expired" => (45, "Certificate is expired", Category::Handshake),
            "certificate_unknown" => (46, "Unknown certificate", Category::Handshake),
            "illegal_parameter" => (47, "Illegal parameter", Category::Handshake),
            "unknown_ca" => (48, "CA is unknown", Category::Handshake),
            "access_denied" => (49, "Access was denied", Category::Handshake),
            "decode_error" => (50, "Decode error", Category::Handshake),
            "decrypt_error" => (51, "Decrypt error", Category::Handshake),
            "protocol_version" => (70, "Error in protocol version", Category::TlsVersion),
            "insufficient_security" => (71, "Insufficient security", Category::WeakHandshake),
            "internal_error" => (80, "Internal error", Category::Handshake),
            "inappropriate_fallback" => (86, "Inappropriate fallback", Category::Handshake),
            "user_canceled" => (90, "User canceled", Category::Handshake),
            "missing_extension" => (109, "An extension was expected but was not seen", Category::Handshake),
            "unsupported_extension" => (110, "An unsupported extension was sent", Category::Handshake),
            "unrecognized_name" => (112, "The server name sent was not recognized", Category::UnrecognizedName),
            "certificate_required" => (116, "Certificate is required", Category::ClientCertificate),
            "no_application_protocol" => {
                (120, "No supported application protocol could be negotiated", Category::Handshake)
            }
            _ => (40, "Handshake failed", Category::Handshake),
        };
        Self { text: "A TLS fatal alert has been received.", alert: Some((number, text)), category }
    }
}

/// What it says when the handshake fails this way; `None` where GnuTLS goes on or nothing is known.
pub fn handshake_error(failure: &Failure) -> Option<HandshakeError> {
    if let Some(name) = &failure.alert {
        return Some(HandshakeError::alert(name));
    }
    Some(match failure.kind {
        FailureKind::Reset => HandshakeError::own(Category::Closed, "Error in the pull function."),
        // A record that is cut short; at the border of a record it would say "The TLS connection was non-properly terminated."
        FailureKind::Closed => HandshakeError::own(Category::Closed, "Error decoding the received TLS packet."),
        FailureKind::Plaintext | FailureKind::NotTls => {
            HandshakeError::own(Category::NotTls, "An unexpected TLS packet was received.")
        }
        FailureKind::ClientCertificateRequired => HandshakeError::alert("certificate_required"),
        FailureKind::SignatureWrong => {
            HandshakeError::own(Category::Handshake, "Public key signature verification has failed.")
        }
        FailureKind::NoCertificate => HandshakeError::own(Category::Handshake, "No certificate was found."),
        _ => return None,
    })
}

/// What stops the handshake before or while the Certificate message is read: of the list only the first certificate is
/// imported then (`_gnutls_get_auth_info_pcert` of `lib/pcert.c`).
pub fn receive(case: &Case<'_>) -> Result<(), HandshakeError> {
    let end_entity = case.end_entity().map(|id| case.pool.get(id));
    if end_entity.is_some_and(|certificate| !negotiates(&certificate.key)) {
        return Err(HandshakeError::alert("handshake_failure"));
    }
    if case.certificate_message_bytes() > MAX_MESSAGE {
        return Err(HandshakeError::own(Category::MessageTooBig, "The handshake data size is too large."));
    }
    // What our reader does not take, libtasn1 mostly does not decode.
    let error =
        if case.unparsable.contains(&0) { Some(LibraryError::ASN1_DER) } else { end_entity.and_then(import_error) };
    error.map_or(Ok(()), |error| Err(HandshakeError::own(error.category, error.text)))
}

/// `_gnutls_check_key_usage_for_sig` and `_gnutls_check_key_usage_for_enc` (`lib/tls-sig.c`), which run when the server
/// uses its key; a keyUsage without any bit counts as none.
pub fn key_usage_allows_handshake(case: &Case<'_>) -> Result<(), HandshakeError> {
    let needed = match case.tls.and_then(|tls| tls.cipher_suite.as_deref()) {
        Some(suite) if suite.starts_with("TLS_RSA_WITH_") => usage::KEY_ENCIPHERMENT,
        _ => usage::DIGITAL_SIGNATURE,
    };
    let key_usage = case.end_entity().and_then(|id| case.pool.get(id).extensions.key_usage.as_ref());
    if key_usage.is_none_or(|key_usage| key_usage.bits == 0 || key_usage.allows(needed)) {
        return Ok(());
    }
    Err(HandshakeError::own(Category::Usage, "Key usage violation in certificate has been detected."))
}

/// Keys that the signature algorithms and groups of priority NORMAL allow (`lib/priority.c`).
fn negotiates(key: &KeyKind) -> bool {
    match key {
        KeyKind::Rsa { .. } | KeyKind::Ed25519 | KeyKind::Ed448 => true,
        KeyKind::Ec(curve) => matches!(curve, Curve::P256 | Curve::P384 | Curve::P521),
        KeyKind::Dsa | KeyKind::Other(_) => false,
    }
}

/// `gnutls_certificate_verify_peers` (`_gnutls_x509_cert_verify_peers` of `lib/cert-session.c`): the whole list is imported,
/// whether it is needed or not.
pub fn verify_peers(case: &Case<'_>, end_entity: CertId, settings: Settings) -> Result<Outcome, LibraryError> {
    if case.served.len() + case.unparsable.len() > MAX_CERTIFICATES {
        return Err(LibraryError::CONSTRAINT);
    }
    if let Some(error) = case.served.iter().find_map(|&id| import_error(case.pool.get(id))) {
        return Err(error);
    }
    // Most of what is no certificate does not even begin like one.
    if !case.unparsable.is_empty() {
        return Err(LibraryError::ASN1_TAG);
    }
    verify(case, end_entity, settings)
}

/// `gnutls_x509_trust_list_verify_crt2` and what the caller has checked besides.
pub fn verify(case: &Case<'_>, end_entity: CertId, settings: Settings) -> Result<Outcome, LibraryError> {
    if case.served.len() > MAX_CERTIFICATES {
        return Err(LibraryError::CONSTRAINT);
    }
    let verification = Verification { case, settings };
    let mut chain = verification.shorten(verification.sorted());
    let mut status = verification.verify_list(&mut chain);
    let certificate = case.pool.get(end_entity);
    if settings.purpose && !has_purpose(certificate, true) {
        status.add(Fault::Purpose);
    }
    if settings.host && !case.any_name && !case.name_holds(certificate, matches_host) {
        status.add(Fault::UnexpectedOwner);
    }
    status.merge(staple_status(case));
    Ok(Outcome { chain, status })
}

struct Verification<'a> {
    case: &'a Case<'a>,
    settings: Settings,
}

/// What `verify_crt` carries from one certificate down to the next (`verify_state_st`).
struct Below<'a> {
    max_path: u32,
    constraints: Vec<&'a NameConstraints>,
    must_staple: bool,
}
