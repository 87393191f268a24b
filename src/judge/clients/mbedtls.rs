//! Mbed TLS as its own programs use it (`mbedtls_ssl_set_hostname`, verification required).

use crate::judge::case::Case;
use crate::judge::client::{Answer, Client, Hello};
use crate::judge::engine::mbedtls::{self, Error, Flag};
use crate::judge::stores::{StoreId, Trust};
use crate::model::handshake::{Failure, FailureKind};
use crate::model::verdict::Category;
use crate::x509::key::KeyKind;

pub const CLIENT: Client = Client {
    id: "mbedtls",
    name: "Mbed TLS",
    versions: "Mbed TLS 2.28.3",
    measured: true,
    fetches_issuers: false,
    hello: Hello::Wider,
    trust: Trust::of(StoreId::Mozilla),
    notes: &[
        "Uses only the certificates the server sends and its trust store; AIA is never followed.",
        "An issuer must stand behind the certificate it signed: wrongly ordered intermediates break the chain.",
        "Goes back never, but looks for an issuer that is valid now; key identifiers are not read.",
        "At most 8 intermediates, and the whole list must fit into one record of 16 kB.",
        "Critical extensions other than basicConstraints, keyUsage, extendedKeyUsage, SAN and policies are refused: critical name constraints break the chain whatever they say.",
        "Compares dNSNames only; an address is compared as text. The common name counts only without any SAN.",
        "Speaks TLS 1.2 at most; SHA-1 and RSA keys below 2048 bits are refused.",
    ],
    sources: &["Mbed TLS 2.28.3 library/x509_crt.c, x509.c, oid.c, ssl_tls.c, ssl_msg.c", "measured on 2026-11-22"],
    judge,
    handshake,
};

/// Name without `MBEDTLS_X509_BADCERT_`, and the sentence of `x509_crt_verify_strings`.
const FLAGS: &[(Flag, &str, &str)] = &[
    (Flag::Expired, "EXPIRED", "The certificate validity has expired"),
    (Flag::NameMismatch, "CN_MISMATCH", "The certificate Common Name (CN) does not match with the expected CN"),
    (Flag::NotTrusted, "NOT_TRUSTED", "The certificate is not correctly signed by the trusted CA"),
    (Flag::Future, "FUTURE", "The certificate validity starts in the future"),
    (Flag::KeyUsage, "KEY_USAGE", "Usage does not match the keyUsage extension"),
    (Flag::ExtendedKeyUsage, "EXT_KEY_USAGE", "Usage does not match the extendedKeyUsage extension"),
    (Flag::BadHash, "BAD_MD", "The certificate is signed with an unacceptable hash."),
    (Flag::BadAlgorithm, "BAD_PK", "The certificate is signed with an unacceptable PK alg (eg RSA vs ECDSA)."),
    (Flag::BadKey, "BAD_KEY", "The certificate is signed with an unacceptable key (eg bad curve, RSA too short)."),
];

/// Which of several flags says most about the cause.
const CATEGORIES: &[(Flag, Category)] = &[
    (Flag::NameMismatch, Category::Hostname),
    (Flag::Expired, Category::Expired),
    (Flag::Future, Category::NotYetValid),
    (Flag::KeyUsage, Category::Usage),
    (Flag::ExtendedKeyUsage, Category::Usage),
    (Flag::BadHash, Category::Algorithm),
    (Flag::BadAlgorithm, Category::Algorithm),
    (Flag::BadKey, Category::WeakKey),
    (Flag::NotTrusted, Category::UnknownIssuer),
];

/// `MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE`: whatever the alert.
const ALERT: Error = Error {
    code: "-0x7780",
    text: "SSL - A fatal alert message was received from our peer",
    category: Category::Handshake,
};

fn judge(case: &Case<'_>) -> Answer {
    // No EdDSA: the server finds nothing in common.
    if case.end_entity().is_some_and(|id| !matches!(case.pool.get(id).key, KeyKind::Rsa { .. } | KeyKind::Ec(_))) {
        return error(ALERT);
    }
    // Nor does it offer SHA-1 to sign the handshake with.
    let scheme = case.tls.and_then(|tls| tls.signature_scheme.as_deref());
    if scheme.is_some_and(|scheme| scheme.ends_with("_sha1")) && !case.tls.is_some_and(|tls| tls.is_before_tls12()) {
        return error(ALERT);
    }
    let outcome = match mbedtls::verify(case) {
        Ok(outcome) => outcome,
        Err(failure) if failure.category == Category::MessageTooBig => return error(failure),
        Err(failure) => return Answer::reject(failure.category, failure.code).with_message(failure.text),
    };
    let Some((_, category)) = CATEGORIES.iter().find(|(flag, _)| outcome.flags.contains(flag)) else {
        return Answer::accept(outcome.chain);
    };
    let found: Vec<_> = FLAGS.iter().filter(|(flag, ..)| outcome.flags.contains(flag)).collect();
    let code = found.iter().map(|(_, name, _)| *name).collect::<Vec<_>>().join("+");
    let message: String = found.iter().map(|(_, _, sentence)| format!("{sentence};")).collect();
    Answer::reject(*category, code).with_message(message).with_path(outcome.chain)
}

fn handshake(failure: &Failure, case: &Case<'_>) -> Option<Answer> {
    if failure.alert.is_some() {
        return Some(error(ALERT));
    }
    let (category, code, text) = match failure.kind {
        FailureKind::Refused => {
            (Category::Refused, "-0x0044", "NET - The connection to the given server / port failed")
        }
        FailureKind::Timeout => (Category::Timeout, "-0x6800", "SSL - The operation timed out"),
        FailureKind::Reset => (Category::Closed, "-0x0050", "NET - Connection was reset by peer"),
        FailureKind::Closed => (Category::Closed, "-0x7280", "SSL - The connection indicated an EOF"),
        FailureKind::Plaintext | FailureKind::NotTls => {
            (Category::NotTls, "-0x7200", "SSL - An invalid SSL record was received")
        }
        FailureKind::VersionNotSupported if case.tls.is_some_and(|tls| tls.is_before_tls12()) => {
            return Some(Answer::accept(Vec::new()));
        }
        FailureKind::VersionNotSupported | FailureKind::ClientCertificateRequired => {
            return Some(error(ALERT));
        }
        FailureKind::SignatureWrong => (Category::Handshake, "-0x4e00", "ECP - The signature is not valid"),
        FailureKind::NoCertificate => {
            (Category::Handshake, "-0x7a00", "SSL - Processing of the Certificate handshake message failed")
        }
        FailureKind::TooLarge => (Category::MessageTooBig, "-0x7080", "SSL - The requested feature is not available"),
        FailureKind::Unreachable
        | FailureKind::NothingInCommon
        | FailureKind::Alert
        | FailureKind::Protocol
        | FailureKind::Local => return None,
    };
    Some(Answer::error(category, code).with_message(text))
}

fn error(error: Error) -> Answer {
    Answer::error(error.category, error.code).with_message(error.text)
}
