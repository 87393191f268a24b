//! Go's `net/http` with `crypto/tls`: most command-line tools of the cloud world.

use crate::judge::case::Case;
use crate::judge::client::{Answer, Client};
use crate::judge::engine::go;
use crate::judge::stores::{StoreId, Trust};
use crate::model::handshake::{Failure, FailureKind, Stage};
use crate::model::hello::{Hello, TLS_1_2, TLS_1_3};
use crate::model::verdict::Category;
use crate::x509::key::{Curve, KeyKind};

pub const CLIENT: Client = Client {
    id: "go",
    name: "Go",
    versions: "Go 1.27.3",
    measured: true,
    fetches_issuers: false,
    hello: Some(HELLO),
    trust: Trust::of(StoreId::Mozilla),
    notes: &[
        "Looks at the end entity's dates, then the host name, then the chain: the first fault is the one reported.",
        "Tries every chain, and stops after 100 signatures.",
        "Issuer and subject must be equal byte by byte.",
        "The common name is never used.",
        "SHA-1 and MD5 signatures make the issuer unknown; the reason stands in brackets.",
        "Negative serial numbers pass, as measured; a program whose go.mod asks for Go 1.23 or later refuses them \
         (GODEBUG x509negativeserial).",
    ],
    sources: &[
        "Go crypto/x509 verify.go, parser.go, constraints.go, cert_pool.go",
        "Go crypto/tls handshake_client.go, alert.go, common.go",
        "measured on 2026-11-22",
    ],
    judge,
    handshake,
};

/// `defaultCipherSuites`, `defaultCurvePreferences`, `defaultSupportedSignatureAlgorithms`, as a program gets them whose go.mod
/// asks for Go 1.22: with ECDHE and 3DES, and with SHA-1 in the handshake (GODEBUG tls3des, tlssha1), which later ones lack.
const HELLO: Hello<'static> = Hello {
    versions: &[TLS_1_3, TLS_1_2],
    #[rustfmt::skip]
    cipher_suites: &[
        0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc009, 0xc013, 0xc00a, 0xc014,
        0xc012,
    ],
    groups: &[0x001d, 0x0017, 0x0018, 0x0019],
    signature_schemes: SCHEMES,
    certificate_schemes: SCHEMES,
};

/// `defaultSupportedSignatureAlgorithms` of crypto/tls/defaults.go, without ML-DSA: sent for certificates too.
const SCHEMES: &[u16] =
    &[0x0804, 0x0403, 0x0807, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0503, 0x0603, 0x0201, 0x0203];

fn judge(case: &Case<'_>) -> Answer {
    if case.end_entity().is_some_and(|id| !negotiates(&case.pool.get(id).key)) {
        return alert_answer("handshake_failure");
    }
    let length = case.certificate_message_bytes();
    if length > go::MAX_CERTIFICATE_MESSAGE {
        let text = format!(
            "tls: handshake message of length {length} bytes exceeds maximum of {} bytes",
            go::MAX_CERTIFICATE_MESSAGE
        );
        return Answer::error(Category::MessageTooBig, text.clone()).with_message(text);
    }
    let outcome = go::verify(case);
    if outcome.incomplete {
        return Answer::undetermined("too many names and constraints to compare them all");
    }
    match outcome.result {
        Ok(()) => Answer::accept(outcome.chain),
        Err(error) => Answer::reject(error.category, error.code).with_message(error.text).with_path(outcome.chain),
    }
}

/// Keys that `supportedSignatureAlgorithms` of crypto/tls/common.go has an algorithm for.
fn negotiates(key: &KeyKind) -> bool {
    match key {
        KeyKind::Rsa { pss, .. } => !pss,
        KeyKind::Ec(curve) => matches!(curve, Curve::P256 | Curve::P384 | Curve::P521),
        KeyKind::Ed25519 => true,
        KeyKind::Ed448 | KeyKind::Dsa | KeyKind::Other(_) => false,
    }
}

/// `alertText` of crypto/tls/alert.go, by the name RFC 8446 §6 gives it.
const ALERTS: &[(&str, &str)] = &[
    ("unexpected_message", "unexpected message"),
    ("bad_record_mac", "bad record MAC"),
    ("record_overflow", "record overflow"),
    ("handshake_failure", "handshake failure"),
    ("bad_certificate", "bad certificate"),
    ("unsupported_certificate", "unsupported certificate"),
    ("certificate_revoked", "revoked certificate"),
    ("certificate_expired", "expired certificate"),
    ("certificate_unknown", "unknown certificate"),
    ("illegal_parameter", "illegal parameter"),
    ("unknown_ca", "unknown certificate authority"),
    ("access_denied", "access denied"),
    ("decode_error", "error decoding message"),
    ("decrypt_error", "error decrypting message"),
    ("protocol_version", "protocol version not supported"),
    ("insufficient_security", "insufficient security level"),
    ("internal_error", "internal error"),
    ("inappropriate_fallback", "inappropriate fallback"),
    ("user_canceled", "user canceled"),
    ("missing_extension", "missing extension"),
    ("unsupported_extension", "unsupported extension"),
    ("unrecognized_name", "unrecognized name"),
    ("bad_certificate_status_response", "bad certificate status response"),
    ("unknown_psk_identity", "unknown PSK identity"),
    ("certificate_required", "certificate required"),
    ("no_application_protocol", "no application protocol"),
];

fn alert_answer(name: &str) -> Answer {
    let text = ALERTS.iter().find(|(known, _)| *known == name).map_or(name, |(_, text)| text);
    Answer::error(super::alert_category(name), format!("tls: {text}"))
        .with_message(format!("remote error: tls: {text}"))
}

fn handshake(failure: &Failure, case: &Case<'_>) -> Option<Answer> {
    let say = |category, text: &str| Some(Answer::error(category, text).with_message(text));
    match (failure.kind, failure.alert.as_deref()) {
        (FailureKind::Refused, _) => say(Category::Refused, "connection refused"),
        (FailureKind::Unreachable, _) => say(Category::Other, "no route to host"),
        (FailureKind::Timeout, _) if failure.stage == Stage::Tcp => say(Category::Timeout, "i/o timeout"),
        (FailureKind::Timeout, _) => {
            say(Category::Timeout, "context deadline exceeded (Client.Timeout exceeded while awaiting headers)")
        }
        (FailureKind::Reset, _) => say(Category::Closed, "connection reset by peer"),
        (FailureKind::Closed, _) => say(Category::Closed, "unexpected EOF"),
        // net/http knows this answer by its first bytes.
        (FailureKind::Plaintext, _) if failure.protocol.as_deref() == Some("http") => {
            say(Category::NotTls, "http: server gave HTTP response to HTTPS client")
        }
        (FailureKind::Plaintext | FailureKind::NotTls, _) => {
            say(Category::NotTls, "tls: first record does not look like a TLS handshake")
        }
        // The server went on with a version that was not offered (pickTLSVersion).
        (FailureKind::VersionNotSupported, None) => {
            let minor: u16 = case.tls?.version.as_deref()?.strip_prefix("1.")?.parse().ok()?;
            let text = format!("tls: server selected unsupported protocol version {:x}", 0x0301 + minor);
            say(Category::TlsVersion, &text)
        }
        (FailureKind::SignatureWrong, _) => {
            say(Category::Handshake, "tls: invalid signature by the server certificate")
        }
        (FailureKind::ClientCertificateRequired, alert) => Some(Answer {
            category: Some(Category::ClientCertificate),
            ..alert_answer(alert.unwrap_or("certificate_required"))
        }),
        (_, Some(alert)) if ALERTS.iter().any(|(known, _)| *known == alert) => Some(alert_answer(alert)),
        _ => None,
    }
}
