//! Mbed TLS as its own programs use it (`mbedtls_ssl_set_hostname`, verification required).

use crate::judge::case::Case;
use crate::judge::client::{Answer, Client};
use crate::judge::engine::mbedtls::{self, Error, Flag};
use crate::judge::stores::{StoreId, Trust};
use crate::model::handshake::{Failure, FailureKind};
use crate::model::hello::{Hello, TLS_1_0, TLS_1_1, TLS_1_2};
use crate::model::verdict::Category;
use crate::x509::key::KeyKind;

pub const CLIENT: Client = Client {
    id: "mbedtls",
    name: "Mbed TLS",
    versions: "Mbed TLS 2.28.3",
    measured: true,
    fetches_issuers: false,
    hello: Some(HELLO),
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

/// The default preset, as sent by Mbed TLS 2.28.
const HELLO: Hello<'static> = Hello {
    versions: &[TLS_1_2, TLS_1_1, TLS_1_0],
    #[rustfmt::skip]
    cipher_suites: &[
        0xcca8, 0xcca9, 0xccaa, 0xc02c, 0xc030, 0x009f, 0xc0ad, 0xc09f, 0xc024, 0xc028, 0x006b, 0xc00a, 0xc014,
        0x0039, 0xc0af, 0xc0a3, 0xc087, 0xc08b, 0xc07d, 0xc073, 0xc077, 0x00c4, 0x0088, 0xc02b, 0xc02f, 0x009e,
        0xc0ac, 0xc09e, 0xc023, 0xc027, 0x0067, 0xc009, 0xc013, 0x0033, 0xc0ae, 0xc0a2, 0xc086, 0xc08a, 0xc07c,
        0xc072, 0xc076, 0x00be, 0x0045, 0x009d, 0xc09d, 0x003d, 0x0035, 0xc032, 0xc02a, 0xc00f, 0xc02e, 0xc026,
        0xc005, 0xc0a1, 0xc07b, 0x00c0, 0x0084, 0xc08d, 0xc079, 0xc089, 0xc075, 0x009c, 0xc09c, 0x003c, 0x002f,
        0xc031, 0xc029, 0xc00e, 0xc02d, 0xc025, 0xc004, 0xc0a0, 0xc07a, 0x00ba, 0x0041, 0xc08c, 0xc078, 0xc088,
        0xc074,
    ],
    groups: &[0x0019, 0x001c, 0x0018, 0x001b, 0x0017, 0x0016, 0x001a, 0x0015, 0x0014, 0x0013, 0x0012, 0x001d, 0x001e],
    signature_schemes: &[0x0603, 0x0601, 0x0503, 0x0501, 0x0403, 0x0401, 0x0303, 0x0301],
    certificate_schemes: &[],
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
    let outcome = match mbedtls::verify(case) {
        Ok(outcome) => outcome,
        Err(failure) if failure.category == Category::MessageTooBig || failure == mbedtls::UNSUPPORTED_POINT => {
            return error(failure);
        }
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

fn handshake(failure: &Failure, _case: &Case<'_>) -> Option<Answer> {
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
        | FailureKind::StarttlsNotOffered
        | FailureKind::StarttlsRefused
        | FailureKind::ImplicitTls
        | FailureKind::Local => return None,
    };
    Some(Answer::error(category, code).with_message(text))
}

fn error(error: Error) -> Answer {
    Answer::error(error.category, error.code).with_message(error.text)
}
