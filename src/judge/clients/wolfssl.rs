//! wolfSSL as Debian builds it, with `wolfSSL_check_domain_name` and verification on.

use crate::judge::case::Case;
use crate::judge::client::{Answer, Client};
use crate::judge::engine::wolfssl::{self, Error};
use crate::judge::stores::{StoreId, Trust};
use crate::model::handshake::{Failure, FailureKind};
use crate::model::hello::{Hello, TLS_1_1, TLS_1_2, TLS_1_3};
use crate::model::verdict::Category;

pub const CLIENT: Client = Client {
    id: "wolfssl",
    name: "wolfSSL",
    versions: "wolfSSL 5.5.4",
    measured: true,
    fetches_issuers: false,
    hello: Some(HELLO),
    trust: Trust::of(StoreId::Mozilla),
    notes: &[
        "Uses the certificates the server sends and its trust store; AIA is never followed. Intermediates seen earlier in the same context help too; that is not modelled.",
        "Reads the list from its end: an issuer must stand behind the certificate it signed. At most 9 certificates and 18 kB.",
        "Finds issuers by key identifier; by name, octet by octet, only without authorityKeyIdentifier.",
        "An intermediate must have keyUsage with keyCertSign. Trust anchors are not checked at all: dates, CA flag, keyUsage and path length do not matter. An end entity in the trust store is taken whatever its dates and its chain are.",
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

/// `wolfSSLv23_client_method` of Debian's build, as sent by wolfSSL 5.5.4.
const HELLO: Hello<'static> = Hello {
    versions: &[TLS_1_3, TLS_1_2, TLS_1_1],
    #[rustfmt::skip]
    cipher_suites: &[
        0x1301, 0x1302, 0x1303, 0x1304, 0x1305, 0xc0b4, 0xc0b5, 0xc02c, 0xc02b, 0xc030, 0xc02f, 0x009f, 0x009e,
        0x00ab, 0x0034, 0x00a7, 0x00aa, 0xcca9, 0xcca8, 0xccaa, 0xc027, 0xc023, 0xc028, 0xc024, 0xc00a, 0xc009,
        0xc007, 0xc008, 0xc014, 0xc013, 0xc011, 0xc012, 0xc0ac, 0xc0ae, 0xc0af, 0x006b, 0x0067, 0x0039, 0x0033,
        0x0016, 0xcc14, 0xcc13, 0xcc15, 0xc006, 0x00b3, 0x00b2, 0xc0a6, 0xc0a7, 0xccab, 0xccac, 0xccad, 0xc037,
        0xd001, 0x00b5, 0xc03a, 0x00b4, 0x0045, 0x0088, 0x00be, 0x00c4,
    ],
    groups: &[0x0019, 0x001c, 0x0018, 0x001b, 0x001e, 0x0017, 0x0016, 0x001a, 0x001d, 0x0015, 0x0014, 0x0101, 0x0100],
    #[rustfmt::skip]
    signature_schemes: &[
        0x0603, 0x0503, 0x0403, 0x0203, 0x0807, 0x0808, 0x0806, 0x080b, 0x0805, 0x080a, 0x0804, 0x0809, 0x0601,
        0x0501, 0x0401, 0x0301, 0x0201,
    ],
    certificate_schemes: &[],
};

fn judge(case: &Case<'_>) -> Answer {
    match wolfssl::verify(case) {
        Ok(path) => Answer::accept(path),
        // No verdict on the certificate: it runs out of room, or so it believes, or cannot keep a CA.
        Err(error) if matches!(error.category, Category::MessageTooBig | Category::Other) => failed(error),
        Err(error) if error == wolfssl::NOT_A_CA => failed(error),
        Err(error) => Answer::reject(error.category, error.number.to_string()).with_message(error.text),
    }
}

fn handshake(failure: &Failure, _case: &Case<'_>) -> Option<Answer> {
    if failure.alert.is_some() {
        return Some(failed(wolfssl::FATAL_ALERT));
    }
    Some(failed(match failure.kind {
        FailureKind::Refused => {
            return Some(Answer::error(Category::Refused, "connect").with_message("connection refused"));
        }
        FailureKind::Reset | FailureKind::Closed | FailureKind::Timeout => wolfssl::SOCKET,
        FailureKind::Plaintext | FailureKind::NotTls => wolfssl::UNKNOWN_RECORD,
        FailureKind::VersionNotSupported | FailureKind::ClientCertificateRequired => wolfssl::FATAL_ALERT,
        FailureKind::SignatureWrong => wolfssl::VERIFY_SIGN,
        FailureKind::TooLarge => wolfssl::HANDSHAKE_SIZE,
        _ => return None,
    }))
}

fn failed(error: Error) -> Answer {
    Answer::error(error.category, error.number.to_string()).with_message(error.text)
}
