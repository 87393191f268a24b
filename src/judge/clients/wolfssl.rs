//! wolfSSL as Debian builds it, with `wolfSSL_check_domain_name` and verification on.

use crate::judge::case::Case;
use crate::judge::client::{Answer, Client, Hello};
use crate::judge::engine::wolfssl::{self, Error};
use crate::judge::stores::{StoreId, Trust};
use crate::model::handshake::{Failure, FailureKind};
use crate::model::verdict::Category;

pub const CLIENT: Client = Client {
    id: "wolfssl",
    name: "wolfSSL",
    versions: "wolfSSL 5.5.4",
    measured: true,
    fetches_issuers: false,
    hello: Hello::Wider,
    trust: Trust::of(StoreId::Mozilla),
    notes: &[
        "Uses the certificates the server sends and its trust store; AIA is never followed. Intermediates seen earlier in the same context help too; that is not modelled.",
        "Reads the list from its end: an issuer must stand behind the certificate it signed. At most 9 certificates and 18 kB.",
        "Finds issuers by key identifier; by name, octet by octet, only without authorityKeyIdentifier.",
        "An intermediate must have keyUsage with keyCertSign. Trust anchors are not checked at all: dates, CA flag, keyUsage and path length do not matter.",
        "Takes SHA-1 and MD5 signatures and partial wildcards; RSA keys above 4096 bits fail.",
        "Name constraints on DNS names are compared with the common names of CAs as well, and without regard to labels.",
        "keyUsage of the end entity counts in TLS 1.2 only; OCSP staples are not looked at.",
    ],
    sources: &[
        "wolfSSL 5.5.4 src/internal.c (ProcessPeerCerts, MatchDomainName), src/ssl.c (AddCA), wolfcrypt/src/asn.c (ParseCertRelative)",
        "measured on 2026-11-22",
    ],
    judge,
    handshake,
};

fn judge(case: &Case<'_>) -> Answer {
    // Static RSA is not offered.
    let suite = case.tls.and_then(|tls| tls.cipher_suite.as_deref());
    if suite.is_some_and(|suite| suite.starts_with("TLS_RSA_WITH_")) {
        return failed(wolfssl::FATAL_ALERT);
    }
    match wolfssl::verify(case) {
        Ok(path) => Answer::accept(path),
        // No verdict on the certificate: it runs out of room, or so it believes.
        Err(error) if matches!(error.category, Category::MessageTooBig | Category::Other) => failed(error),
        Err(error) => Answer::reject(error.category, error.number.to_string()).with_message(error.text),
    }
}

fn handshake(failure: &Failure, case: &Case<'_>) -> Option<Answer> {
    if failure.alert.is_some() {
        return Some(failed(wolfssl::FATAL_ALERT));
    }
    Some(failed(match failure.kind {
        FailureKind::Refused => {
            return Some(Answer::error(Category::Refused, "connect").with_message("connection refused"));
        }
        FailureKind::Reset | FailureKind::Closed | FailureKind::Timeout => wolfssl::SOCKET,
        FailureKind::Plaintext | FailureKind::NotTls => wolfssl::UNKNOWN_RECORD,
        FailureKind::VersionNotSupported if case.tls.is_some_and(|tls| tls.is_before_tls12()) => {
            return Some(Answer::accept(Vec::new()));
        }
        FailureKind::VersionNotSupported | FailureKind::ClientCertificateRequired => wolfssl::FATAL_ALERT,
        FailureKind::SignatureWrong => wolfssl::VERIFY_SIGN,
        FailureKind::TooLarge => wolfssl::HANDSHAKE_SIZE,
        _ => return None,
    }))
}

fn failed(error: Error) -> Answer {
    Answer::error(error.category, error.number.to_string()).with_message(error.text)
}
