//! curl with OpenSSL, as Debian and Ubuntu ship it.

use crate::judge::case::Case;
use crate::judge::client::{Answer, Client};
use crate::judge::engine::openssl::{self, NameError, Settings};
use crate::model::handshake::{Failure, FailureKind, Stage};
use crate::model::verdict::Category;
use crate::x509::EncodingFault;
use crate::x509::key::{Curve, KeyKind};

pub const CLIENT: Client = Client {
    id: "curl",
    name: "curl (OpenSSL)",
    versions: "curl 7.88.1, OpenSSL 3.0.22",
    measured: true,
    fetches_issuers: false,
    notes: &[
        "Uses only the certificates the server sends and its trust store; AIA is never followed.",
        "Builds one chain and never goes back: a wrong issuer that comes first in the list is final.",
        "An intermediate in the trust store is a trust anchor (partial chains, since curl 7.68).",
        "The host name is compared last, so every other fault is reported before it.",
        "Falls back to the common name when the SAN has no dNSName and no iPAddress.",
        "Security level 2: RSA keys below 2048 bits and SHA-1 signatures are refused.",
    ],
    sources: &[
        "OpenSSL 3.0 crypto/x509/x509_vfy.c, v3_purp.c, v3_ncons.c, x509_lu.c, x509_set.c",
        "curl 7.88 lib/vtls/openssl.c (ossl_connect_step2, servercert, Curl_ossl_verifyhost), lib/vtls/hostcheck.c",
        "measured on 2026-11-22",
    ],
    judge,
    handshake,
};

/// libcurl sets `X509_V_FLAG_PARTIAL_CHAIN`; level 2 is Debian's default.
const SETTINGS: Settings = Settings { partial_chain: true, security_level: 2 };

fn judge(case: &Case<'_>) -> Answer {
    // At level 2 no SHA-1 is offered.
    if super::signs_with_sha1(case) || case.end_entity().is_some_and(|id| !negotiates(&case.pool.get(id).key)) {
        return alert_answer("handshake_failure");
    }
    if case.certificate_message_bytes() > openssl::MAX_CERTIFICATE_MESSAGE {
        return ssl_error(Answer::error, Category::MessageTooBig, "0A000098:SSL routines", "excessive message size");
    }
    // d2i_X509 on each certificate of the list (tls_process_server_certificate).
    if case.served.iter().any(|&id| case.pool.get(id).encoding_faults.contains(&EncodingFault::SerialNotMinimal)) {
        return ssl_error(Answer::reject, Category::BadFormat, "068000DD:asn1 encoding routines", "illegal padding");
    }
    let Some(end_entity) = case.end_entity().filter(|_| case.unparsable.is_empty()) else {
        // Which of the ASN.1 reasons it is depends on where the bytes go wrong; this is the most common.
        return ssl_error(Answer::reject, Category::BadFormat, "068000A8:asn1 encoding routines", "wrong tag");
    };
    let outcome = openssl::verify(case, end_entity, SETTINGS);
    let answer = match (outcome.result, outcome.queued) {
        (Ok(()), _) => after_handshake(case),
        // ossl_connect_step2 shows the oldest entry of the error queue; only if that is "certificate verify failed" does
        // it ask for the verification's result.
        (Err(error), Some(queued)) => {
            let category = if error.category == Category::BadSignature { error.category } else { queued.category };
            ssl_error(Answer::reject, category, queued.origin, queued.reason)
        }
        (Err(error), None) => Answer::reject(error.category, format!("60 {}", error.name))
            .with_message(format!("SSL certificate problem: {}", error.text)),
    };
    answer.with_path(outcome.chain)
}

/// `servercert` of lib/vtls/openssl.c: the name, then the issuer's name, which must not be empty to be printed.
fn after_handshake(case: &Case<'_>) -> Answer {
    let Some(end_entity) = case.end_entity() else { return Answer::undetermined("no end entity") };
    let certificate = case.pool.get(end_entity);
    let host = case.reference;
    let name = if case.any_name { Ok(()) } else { openssl::match_name_as_libcurl(certificate, host) };
    match name {
        Ok(()) if certificate.issuer.is_empty() => Answer::reject(Category::BadFormat, "60 PEER_FAILED_VERIFICATION")
            .with_message("SSL: couldn't get X509-issuer name"),
        Ok(()) => Answer::accept(Vec::new()),
        Err(NameError::AlternativeName) => Answer::reject(Category::Hostname, "60 HOSTNAME")
            .with_message(format!("SSL: no alternative certificate subject name matches target host name '{host}'")),
        Err(NameError::CommonName) => Answer::reject(Category::Hostname, "60 HOSTNAME").with_message(format!(
            "SSL: certificate subject name '{}' does not match target host name '{host}'",
            crate::x509::dn::printable(certificate.subject.common_name().unwrap_or_default())
        )),
        Err(NameError::IllegalField) => Answer::reject(Category::Hostname, "60 PEER_FAILED_VERIFICATION")
            .with_message("SSL: illegal cert name field"),
        Err(NameError::NoName) => Answer::reject(Category::Hostname, "60 PEER_FAILED_VERIFICATION")
            .with_message("SSL: unable to obtain common name from peer certificate"),
    }
}

/// Keys it offers signature algorithms and groups for (`tls12_sigalgs`, `supported_groups_default` of OpenSSL's
/// ssl/t1_lib.c): a server with another key finds nothing in common.
fn negotiates(key: &KeyKind) -> bool {
    match key {
        KeyKind::Rsa { .. } | KeyKind::Ed25519 | KeyKind::Ed448 => true,
        KeyKind::Ec(curve) => matches!(curve, Curve::P256 | Curve::P384 | Curve::P521),
        KeyKind::Dsa | KeyKind::Other(_) => false,
    }
}

/// What curl prints for an OpenSSL error: exit code 35 and the error string.
fn ssl_error(make: fn(Category, String) -> Answer, category: Category, origin: &str, reason: &str) -> Answer {
    make(category, format!("35 {reason}")).with_message(format!("OpenSSL/3.0.22: error:{origin}::{reason}"))
}

/// Number and reason of each alert in OpenSSL's ssl/ssl_err.c, by the name RFC 8446 §6 gives it.
const ALERTS: &[(&str, u16, &str)] = &[
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

fn alert_answer(name: &str) -> Answer {
    let (_, number, reason) =
        ALERTS.iter().find(|(known, _, _)| *known == name).copied().unwrap_or(("", 0, "reason unknown"));
    let origin = format!("{:08X}:SSL routines", 0x0A00_0000 + 1000 + u32::from(number));
    ssl_error(Answer::error, super::alert_category(name), &origin, reason)
}

fn handshake(failure: &Failure, case: &Case<'_>) -> Option<Answer> {
    let (host, port) = (case.reference, case.port);
    let early = failure.stage != Stage::AfterHandshake;
    Some(match (failure.kind, failure.alert.as_deref()) {
        (FailureKind::Refused | FailureKind::Unreachable, _) => {
            let text = format!("Failed to connect to {host} port {port} after 0 ms: Couldn't connect to server");
            let category = if failure.kind == FailureKind::Refused { Category::Refused } else { Category::Other };
            Answer::error(category, code(7, &text)).with_message(text)
        }
        (FailureKind::Timeout, _) => {
            // DEFAULT_CONNECT_TIMEOUT of lib/connect.h: 300 s, the handshake included.
            let text = "Connection timed out after 300000 milliseconds";
            Answer::error(Category::Timeout, code(28, text)).with_message(text)
        }
        (FailureKind::Reset, _) => {
            let text = "Recv failure: Connection reset by peer";
            Answer::error(Category::Closed, code(if early { 35 } else { 56 }, text)).with_message(text)
        }
        (FailureKind::Closed, _) if early => {
            let text = format!("OpenSSL SSL_connect: SSL_ERROR_SYSCALL in connection to {host}:{port}");
            Answer::error(Category::Closed, code(35, &text)).with_message(text)
        }
        (FailureKind::Plaintext | FailureKind::NotTls, _) => {
            ssl_error(Answer::error, Category::NotTls, "0A00010B:SSL routines", "wrong version number")
        }
        // Debian's OpenSSL still speaks TLS 1.0 and 1.1, but has no signature algorithm left for them at level 2.
        (FailureKind::VersionNotSupported, _) => ssl_error(
            Answer::error,
            Category::WeakHandshake,
            "0A00014D:SSL routines",
            "legacy sigalg disallowed or unsupported",
        ),
        (FailureKind::SignatureWrong, _) => {
            ssl_error(Answer::error, Category::Handshake, "0A00007B:SSL routines", "bad signature")
        }
        // TLS 1.3: the handshake was done, and the alert comes on the first read.
        (FailureKind::ClientCertificateRequired, None | Some("certificate_required")) => {
            let text = "tlsv13 alert certificate required, errno 0";
            Answer::error(Category::ClientCertificate, code(56, text))
                .with_message(format!("OpenSSL SSL_read: OpenSSL/3.0.22: error:0A00045C:SSL routines::{text}"))
        }
        (FailureKind::ClientCertificateRequired, Some(alert)) => {
            Answer { category: Some(Category::ClientCertificate), ..alert_answer(alert) }
        }
        // It offers more than our hello (RSA key exchange, CBC, finite fields, Ed448): a server that found nothing in ours
        // may find it there.
        (FailureKind::NothingInCommon, _) => return None,
        (_, Some(alert)) if ALERTS.iter().any(|(known, _, _)| *known == alert) => alert_answer(alert),
        _ => return None,
    })
}

/// curl's exit code and the first 60 characters of its text, as the measurements cut it.
fn code(exit: u8, text: &str) -> String {
    let start: String = text.chars().take(60).collect();
    format!("{exit} {start}")
}
