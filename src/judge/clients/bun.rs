//! Bun's `fetch`, on BoringSSL.

use crate::judge::case::Case;
use crate::judge::client::{Answer, Client};
use crate::judge::engine::boringssl::{self, Refusal};
use crate::judge::engine::openssl::host::match_name_as_node;
use crate::judge::stores::{StoreId, Trust};
use crate::model::handshake::{Failure, FailureKind};
use crate::model::hello::{Hello, TLS_1_2, TLS_1_3};
use crate::model::verdict::Category;
use crate::x509::key::{Curve, KeyKind};
use crate::x509::usage;

pub const CLIENT: Client = Client {
    id: "bun",
    name: "Bun",
    versions: "Bun 1.4.5 (BoringSSL)",
    measured: true,
    fetches_issuers: false,
    hello: Some(HELLO),
    trust: Trust::of(StoreId::Mozilla),
    notes: &[
        "Uses only the certificates the server sends and its trust store; AIA is never followed.",
        "Takes the first issuer that fits, expired or not, and reports the last fault it finds. Only certificates of the store that are out of their dates are left out where a chain without them is good.",
        "Trust anchors are checked too: critical extensions, CA flag, purpose, path length, dates.",
        "Takes SHA-1 signatures and RSA keys of 1024 bits.",
        "A keyUsage without digitalSignature, a certificate it cannot parse and every other failure of the handshake are \
         one error: EPROTO.",
        "Compares names as Node does: partial wildcards match, and the common name counts when there is no dNSName.",
    ],
    sources: &[
        "BoringSSL crypto/x509/x509_vfy.cc, v3_purp.cc, v3_ncons.cc, policy.cc, x_x509.cc, ssl/ssl_cert.cc (ssl_cert_check_key_usage), \
         ssl/extensions.cc (kVerifySignatureAlgorithms, kDefaultGroups)",
        "Node.js lib/tls.js (checkServerIdentity), src/crypto/crypto_common.cc",
        "measured on 2026-11-22",
    ],
    judge,
    handshake,
};

/// As sent by Bun 1.4 (`kVerifySignatureAlgorithms`, `kDefaultGroups` of BoringSSL).
const HELLO: Hello<'static> = Hello {
    versions: &[TLS_1_3, TLS_1_2],
    #[rustfmt::skip]
    cipher_suites: &[
        0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc009, 0xc013, 0xc00a, 0xc014,
        0x009c, 0x009d, 0x002f, 0x0035,
    ],
    groups: &[0x11ec, 0x001d, 0x0017, 0x0018],
    signature_schemes: &[0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601, 0x0807, 0x0603, 0x0201],
    certificate_schemes: &[],
};

/// `SSL_MAX_CERT_LIST_DEFAULT` of BoringSSL's `ssl.h`.
const MAX_CERTIFICATE_MESSAGE: usize = 100 * 1024;

fn judge(case: &Case<'_>) -> Answer {
    let Some(end_entity) = case.end_entity().filter(|_| takes_part(case)) else { return failed() };
    let outcome = boringssl::verify(case, end_entity);
    let answer = match outcome.result {
        Ok(()) if case.any_name => Answer::accept(Vec::new()),
        Ok(()) => match match_name_as_node(case, case.pool.get(end_entity)) {
            Ok(()) => Answer::accept(Vec::new()),
            Err(_) => Answer::reject(Category::Hostname, "ERR_TLS_CERT_ALTNAME_INVALID"),
        },
        Err(Refusal::Fault(error)) => {
            let text = match error.name {
                // BoringSSL has kept OpenSSL's older words.
                "X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT" => "self signed certificate",
                "X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN" => "self signed certificate in certificate chain",
                "X509_V_ERR_INVALID_PURPOSE" => "unsupported certificate purpose",
                _ => error.text,
            };
            Answer::reject(error.category, error.name.trim_start_matches("X509_V_ERR_")).with_message(text)
        }
        Err(Refusal::Aborted) => failed(),
    };
    answer.with_path(outcome.chain)
}

/// Does the handshake come as far as the verification?
fn takes_part(case: &Case<'_>) -> bool {
    let suite = case.tls.and_then(|tls| tls.cipher_suite.as_deref()).unwrap_or_default();
    let Some(end_entity) = case.end_entity().map(|id| case.pool.get(id)) else { return false };
    let negotiates = match &end_entity.key {
        KeyKind::Rsa { .. } | KeyKind::Ed25519 => true,
        KeyKind::Ec(curve) => matches!(curve, Curve::P256 | Curve::P384 | Curve::P521),
        KeyKind::Ed448 | KeyKind::Dsa | KeyKind::Other(_) => false,
    };
    let needed = if suite.starts_with("TLS_RSA_") { usage::KEY_ENCIPHERMENT } else { usage::DIGITAL_SIGNATURE };
    case.unparsable.is_empty()
        && case.served.iter().all(|&id| boringssl::parses(case.pool.get(id)))
        && negotiates
        && end_entity.extensions.key_usage.as_ref().is_none_or(|key_usage| key_usage.allows(needed))
        && case.certificate_message_bytes() <= MAX_CERTIFICATE_MESSAGE
}

fn failed() -> Answer {
    Answer::error(Category::Handshake, "EPROTO")
        .with_message("The TLS handshake failed. Does the server speak TLS on this port?")
}

fn handshake(failure: &Failure, _case: &Case<'_>) -> Option<Answer> {
    let say = |category, code: &str, message: &str| Some(Answer::error(category, code).with_message(message));
    match failure.kind {
        FailureKind::Refused => {
            say(Category::Refused, "ECONNREFUSED", "Unable to connect. Is the computer able to access the url?")
        }
        FailureKind::Unreachable => say(Category::Other, "EHOSTUNREACH", "No route to host"),
        // AbortError's number: a program that does not abort waits for minutes.
        FailureKind::Timeout => say(Category::Timeout, "20", "The operation was aborted."),
        FailureKind::Reset | FailureKind::Closed => {
            say(Category::Closed, "ECONNRESET", "The socket connection was closed unexpectedly.")
        }
        // Our limit is lower than its.
        FailureKind::TooLarge
        | FailureKind::StarttlsNotOffered
        | FailureKind::StarttlsRefused
        | FailureKind::ImplicitTls
        | FailureKind::Local => None,
        FailureKind::Plaintext
        | FailureKind::NotTls
        | FailureKind::Alert
        | FailureKind::NothingInCommon
        | FailureKind::VersionNotSupported
        | FailureKind::SignatureWrong
        | FailureKind::NoCertificate
        | FailureKind::ClientCertificateRequired
        | FailureKind::Protocol => Some(failed()),
    }
}
