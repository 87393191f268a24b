//! gnutls-cli, the test client of GnuTLS, which names every fault it finds.

use crate::judge::case::Case;
use crate::judge::client::{Answer, Client};
use crate::judge::engine::gnutls::{self, Fault, HandshakeError, Settings};
use crate::judge::stores::{StoreId, Trust};
use crate::model::handshake::{Failure, FailureKind, Stage};
use crate::model::hello::{Hello, TLS_1_0, TLS_1_1, TLS_1_2, TLS_1_3};
use crate::model::verdict::Category;

pub const CLIENT: Client = Client {
    id: "gnutls-cli",
    name: "gnutls-cli",
    versions: "GnuTLS 3.7.9",
    measured: true,
    fetches_issuers: false,
    hello: Some(HELLO),
    trust: Trust::of(StoreId::Mozilla),
    notes: &[
        "Uses only the certificates the server sends and its trust store; AIA is never followed.",
        "Sorts what the server sends: order, duplicates and strangers do not matter. It never goes back: of two issuers with the same name and key identifier the first sent is final.",
        "An issuer's name is compared without its string type, but with letter case and white space.",
        "Reports all faults of the first certificate (from the top) that has any, with those of the name, the purpose and the staple.",
        "Checks extendedKeyUsage of end entity and intermediates, and refuses a keyUsage that forbids what the handshake does.",
        "Requires the OCSP staple that a certificate demands (must-staple), and refuses one that says revoked or is old.",
    ],
    sources: &[
        "GnuTLS 3.7.9 lib/x509/verify.c, verify-high.c, common.c, name_constraints.c, hostname-verify.c, lib/cert-session.c, lib/tls-sig.c, src/cli.c (cert_verify_callback)",
        "measured on 2026-11-22",
    ],
    judge,
    handshake,
};

/// Priority NORMAL of Debian's build; wget and git send the same lists.
pub(super) const HELLO: Hello<'static> = Hello {
    versions: &[TLS_1_3, TLS_1_2, TLS_1_1, TLS_1_0],
    #[rustfmt::skip]
    cipher_suites: &[
        0x1302, 0x1303, 0x1301, 0x1304, 0xc02c, 0xcca9, 0xc0ad, 0xc00a, 0xc02b, 0xc0ac, 0xc009, 0xc030, 0xcca8,
        0xc014, 0xc02f, 0xc013, 0x009d, 0xc09d, 0x0035, 0x009c, 0xc09c, 0x002f, 0x009f, 0xccaa, 0xc09f, 0x0039,
        0x009e, 0xc09e, 0x0033,
    ],
    groups: &[0x0017, 0x0018, 0x0019, 0x001d, 0x001e, 0x0100, 0x0101, 0x0102, 0x0103, 0x0104],
    #[rustfmt::skip]
    signature_schemes: &[
        0x0401, 0x0809, 0x0804, 0x0403, 0x0807, 0x0501, 0x080a, 0x0805, 0x0503, 0x0808, 0x0601, 0x080b, 0x0806,
        0x0603, 0x0201, 0x0203,
    ],
    certificate_schemes: &[],
};

/// The flags in the order in which a person wants them: what the code lists, and the first gives the category.
const FLAGS: &[(Fault, &str, Category)] = &[
    (Fault::UnexpectedOwner, "GNUTLS_CERT_UNEXPECTED_OWNER", Category::Hostname),
    (Fault::Expired, "GNUTLS_CERT_EXPIRED", Category::Expired),
    (Fault::NotActivated, "GNUTLS_CERT_NOT_ACTIVATED", Category::NotYetValid),
    (Fault::Revoked, "GNUTLS_CERT_REVOKED", Category::Revoked),
    (Fault::SignerNotCa, "GNUTLS_CERT_SIGNER_NOT_CA", Category::CaFlag),
    (Fault::InsecureAlgorithm, "GNUTLS_CERT_INSECURE_ALGORITHM", Category::Algorithm),
    (Fault::SignerConstraints, "GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE", Category::NameConstraints),
    (Fault::Purpose, "GNUTLS_CERT_PURPOSE_MISMATCH", Category::Usage),
    (Fault::Signature, "GNUTLS_CERT_SIGNATURE_FAILURE", Category::BadSignature),
    (Fault::UnknownCriticalExtension, "GNUTLS_CERT_UNKNOWN_CRIT_EXTENSIONS", Category::CriticalExtension),
    (Fault::MissingOcsp, "GNUTLS_CERT_MISSING_OCSP_STATUS", Category::MustStaple),
    (Fault::InvalidOcsp, "GNUTLS_CERT_INVALID_OCSP_STATUS", Category::Staple),
    (Fault::SignerNotFound, "GNUTLS_CERT_SIGNER_NOT_FOUND", Category::UnknownIssuer),
];

/// What `gnutls_handshake` returns when the program's own check says no.
const REFUSED: &str = "GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR";

fn judge(case: &Case<'_>) -> Answer {
    if let Err(error) = gnutls::receive(case) {
        return failed(error);
    }
    let Some(end_entity) = case.end_entity() else { return Answer::undetermined("no end entity") };
    // TLS 1.3 looks at the key's use when it reads CertificateVerify, before the program's check; TLS 1.2 after it.
    let key_usage = gnutls::key_usage_allows_handshake(case);
    let is_tls13 = case.tls.is_none_or(|tls| tls.version.as_deref() == Some("1.3"));
    if let (Err(error), true) = (key_usage, is_tls13) {
        return failed(error);
    }
    let settings = Settings { purpose: true, host: true, ..Settings::default() };
    let outcome = match gnutls::verify_peers(case, end_entity, settings) {
        Ok(outcome) => outcome,
        // cert_verify_callback ends the handshake with GNUTLS_E_CERTIFICATE_ERROR, whatever the error was.
        Err(error) => {
            let text = "Error in the certificate.";
            return Answer::reject(error.category, text).with_message(format!("*** Fatal error: {text}"));
        }
    };
    let status = outcome.status;
    if status.invalid {
        let flags: Vec<_> = FLAGS.iter().filter(|(fault, ..)| status.has(*fault)).collect();
        let code = flags.iter().map(|(_, name, _)| *name).collect::<Vec<_>>().join("+");
        let answer = match flags.first() {
            Some((_, _, category)) => Answer::reject(*category, code),
            None if status.has(Fault::OcspSuperseded) => Answer::reject(Category::Staple, REFUSED),
            None => Answer::reject(Category::Unspecified, REFUSED),
        };
        return answer.with_message(status.sentences()).with_path(outcome.chain);
    }
    key_usage.map_or_else(failed, |()| Answer::accept(outcome.chain))
}

fn handshake(failure: &Failure, _case: &Case<'_>) -> Option<Answer> {
    match failure.kind {
        FailureKind::Refused => {
            Some(Answer::error(Category::Refused, "exit 1").with_message("Could not connect: Connection refused"))
        }
        // It waits for ever.
        FailureKind::Timeout if failure.stage != Stage::Tcp => Some(Answer::error(Category::Timeout, "timeout")),
        FailureKind::Timeout => Some(Answer::error(Category::Timeout, "exit 1")),
        _ => gnutls::handshake_error(failure).map(failed),
    }
}

fn failed(error: HandshakeError) -> Answer {
    let answer = match error.alert {
        Some((number, text)) => Answer::error(error.category, format!("alert {number} {text}")),
        None if error.is_verdict() => Answer::reject(error.category, error.text),
        None => Answer::error(error.category, error.text),
    };
    answer.with_message(format!("*** Fatal error: {}", error.text))
}
