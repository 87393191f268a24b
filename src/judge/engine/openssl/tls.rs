//! What OpenSSL's handshake refuses before or beside the chain, as entries of its error queue.
//!
//! From `ssl/statem/statem_clnt.c`, `ssl/t1_lib.c` (signature algorithms), `ssl/ssl_err.c` (texts).

use crate::judge::case::Case;
use crate::judge::client::alert_category;
use crate::judge::pool::CertId;
use crate::model::handshake::{Failure, FailureKind, Stage};
use crate::model::verdict::{Category, Verdict};
use crate::x509::EncodingFault;
use crate::x509::key::{Curve, KeyKind};

/// `SSL_MAX_CERT_LIST_DEFAULT` of `ssl.h`: octets of the Certificate message.
const MAX_CERTIFICATE_MESSAGE: usize = 100 * 1024;

/// An entry of the error queue (`ERR_get_error`): programs print its parts in their own ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LibraryError {
    /// Library and reason, packed.
    pub code: u32,
    /// `ERR_lib_error_string`.
    pub library: &'static str,
    /// `ERR_reason_error_string`.
    pub reason: &'static str,
    pub category: Category,
}

impl LibraryError {
    pub const fn new(code: u32, library: &'static str, reason: &'static str, category: Category) -> Self {
        Self { code, library, reason, category }
    }

    const fn ssl(reason_code: u32, reason: &'static str, category: Category) -> Self {
        Self::new(0x0a00_0000 + reason_code, "SSL routines", reason, category)
    }

    const fn asn1(reason_code: u32, reason: &'static str) -> Self {
        Self::new(0x0680_0000 + reason_code, "asn1 encoding routines", reason, Category::BadFormat)
    }

    /// The start of `ERR_error_string`'s text: `0A000410:SSL routines`.
    pub fn origin(&self) -> String {
        format!("{:08X}:{}", self.code, self.library)
    }

    /// Certificates that do not parse are refused; everything else leaves no verdict on them.
    pub fn verdict(&self) -> Verdict {
        if self.library == "SSL routines" { Verdict::Error } else { Verdict::Reject }
    }
}

/// What programs on OpenSSL differ in before the chain is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Least size of a finite-field group: 1024 bits at security level 1, 2048 at level 2 (`SSL_SECOP_TMP_DH`).
    pub min_dh_bits: usize,
    /// OpenSSL 3.4 and later refuse a time that is too short while they parse (`asn1_ex_c2i`).
    pub refuses_short_times: bool,
}

/// The chain as `tls_process_server_certificate` takes it in, up to the verification.
pub fn receive(case: &Case<'_>, limits: Limits) -> Result<CertId, LibraryError> {
    if case.end_entity().is_some_and(|id| !negotiates(&case.pool.get(id).key)) {
        return Err(alert("handshake_failure"));
    }
    if case.certificate_message_bytes() > MAX_CERTIFICATE_MESSAGE {
        return Err(LibraryError::ssl(152, "excessive message size", Category::MessageTooBig));
    }
    // d2i_X509 on each certificate of the list.
    for certificate in case.served.iter().map(|&id| case.pool.get(id)) {
        if certificate.encoding_faults.contains(&EncodingFault::SerialNotMinimal) {
            return Err(LibraryError::asn1(221, "illegal padding"));
        }
        if certificate.encoding_faults.contains(&EncodingFault::SerialEmpty) {
            return Err(LibraryError::asn1(222, "illegal zero content"));
        }
        // `x509_name_canon` brings every string into UTF-8.
        if [&certificate.issuer, &certificate.subject].iter().any(|name| name.has_invalid_utf8()) {
            return Err(LibraryError::asn1(134, "invalid utf8string"));
        }
        let times = certificate.validity_encoding().into_iter().flatten();
        for (tag, content) in times.filter(|_| limits.refuses_short_times) {
            const UTC_TIME: u8 = 0x17;
            if tag == UTC_TIME && content.len() < 13 {
                return Err(LibraryError::asn1(233, "utctime is too short"));
            }
            if tag != UTC_TIME && content.len() < 15 {
                return Err(LibraryError::asn1(232, "generalizedtime is too short"));
            }
        }
    }
    // Which of the ASN.1 reasons it is depends on where the bytes go wrong; this is the most common.
    case.end_entity().filter(|_| case.unparsable.is_empty()).ok_or(LibraryError::asn1(168, "wrong tag"))
}

/// Keys it offers signature algorithms and groups for (`tls12_sigalgs`, `supported_groups_default`): a server with
/// another key finds nothing in common.
fn negotiates(key: &KeyKind) -> bool {
    match key {
        KeyKind::Rsa { .. } | KeyKind::Ed25519 | KeyKind::Ed448 => true,
        KeyKind::Ec(curve) => matches!(curve, Curve::P256 | Curve::P384 | Curve::P521),
        KeyKind::Dsa | KeyKind::Other(_) => false,
    }
}

/// `tls_process_key_exchange`, which comes when the chain has been verified.
pub fn exchange_keys(case: &Case<'_>, limits: Limits) -> Result<(), LibraryError> {
    let Some(tls) = case.tls else { return Ok(()) };
    if tls.dh_bits.is_some_and(|bits| bits < limits.min_dh_bits) {
        return Err(LibraryError::ssl(394, "dh key too small", Category::WeakHandshake));
    }
    // Before TLS 1.2 it is signed over MD5 and SHA-1, which from security level 1 on is too weak (`tls1_set_peer_legacy_sigalg`).
    let suite = tls.cipher_suite.as_deref().unwrap_or_default();
    if tls.is_before_tls12() && (suite.starts_with("TLS_ECDHE_") || suite.starts_with("TLS_DHE_")) {
        return Err(LibraryError::ssl(333, "legacy sigalg disallowed or unsupported", Category::WeakHandshake));
    }
    Ok(())
}

/// The library's own word for a failure. `None`: it did not come to the library (TCP), or nothing is known.
pub fn failed(failure: &Failure) -> Option<LibraryError> {
    Some(match (failure.kind, failure.alert.as_deref()) {
        (FailureKind::Plaintext | FailureKind::NotTls, _) => {
            LibraryError::ssl(267, "wrong version number", Category::NotTls)
        }
        // The server went on with a version that was not offered (ssl_choose_client_version).
        (FailureKind::VersionNotSupported, None) => {
            LibraryError::ssl(258, "unsupported protocol", Category::TlsVersion)
        }
        (FailureKind::SignatureWrong, _) => LibraryError::ssl(123, "bad signature", Category::Handshake),
        (FailureKind::Closed, _) if failure.stage != Stage::AfterHandshake => {
            LibraryError::ssl(294, "unexpected eof while reading", Category::Closed)
        }
        (FailureKind::ClientCertificateRequired, name) => {
            LibraryError { category: Category::ClientCertificate, ..alert(name.unwrap_or("certificate_required")) }
        }
        (_, Some(name)) if ALERTS.iter().any(|(known, _, _)| *known == name) => alert(name),
        _ => return None,
    })
}

/// Number and reason of each alert in `ssl_err.c`, by the name RFC 8446 §6 gives it.
const ALERTS: &[(&str, u32, &str)] = &[
    ("unexpected_message", 10, "sslv3 alert unexpected message"),
    ("bad_record_mac", 20, "sslv3 alert bad record mac"),
    ("record_overflow", 22, "tlsv1 alert record overflow"),
    ("handshake_failure", 40, "sslv3 alert handshake failure"),
    ("bad_certificate", 42, "sslv3 alert bad certificate"),
    ("unsupported_certificate", 43, "sslv3 alert unsupported certificate"),
    ("certificate_revoked", 44, "sslv3 alert certificate revoked"),
    ("certificate_expired", 45, "sslv3 alert certificate expired"),
    ("certificate_unknown", 46, "sslv3 alert certificate unknown"),
    ("illegal_parameter", 47, "sslv3 alert illegal parameter"),
    ("unknown_ca", 48, "tlsv1 alert unknown ca"),
    ("access_denied", 49, "tlsv1 alert access denied"),
    ("decode_error", 50, "tlsv1 alert decode error"),
    ("decrypt_error", 51, "tlsv1 alert decrypt error"),
    ("protocol_version", 70, "tlsv1 alert protocol version"),
    ("insufficient_security", 71, "tlsv1 alert insufficient security"),
    ("internal_error", 80, "tlsv1 alert internal error"),
    ("inappropriate_fallback", 86, "tlsv1 alert inappropriate fallback"),
    ("user_canceled", 90, "tlsv1 alert user cancelled"),
    ("missing_extension", 109, "tlsv13 alert missing extension"),
    ("unsupported_extension", 110, "tlsv1 unsupported extension"),
    ("unrecognized_name", 112, "tlsv1 unrecognized name"),
    ("bad_certificate_status_response", 113, "tlsv1 bad certificate status response"),
    ("certificate_required", 116, "tlsv13 alert certificate required"),
    ("no_application_protocol", 120, "tlsv1 alert no application protocol"),
];

/// The error of a fatal alert that the server sends.
pub fn alert(name: &str) -> LibraryError {
    let (_, number, reason) =
        ALERTS.iter().find(|(known, _, _)| *known == name).copied().unwrap_or(("", 0, "reason unknown"));
    LibraryError::ssl(1000 + number, reason, alert_category(name))
}
