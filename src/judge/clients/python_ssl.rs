//! Python's `ssl` module with `ssl.create_default_context()`, before Python 3.13.

use crate::judge::case::Case;
use crate::judge::client::{Answer, Client};
use crate::judge::engine::openssl::host::Rules;
use crate::judge::engine::openssl::tls::{self, Limits};
use crate::judge::engine::openssl::{self, LibraryError, Settings, VerifyError};
use crate::judge::stores::{StoreId, Trust};
use crate::model::handshake::{Failure, FailureKind, Stage};
use crate::model::hello::{Hello, TLS_1_2, TLS_1_3};
use crate::model::verdict::{Category, Verdict};

pub const CLIENT: Client = Client {
    id: "python-ssl",
    name: "Python",
    versions: "Python 3.11.7, OpenSSL 3.0.22",
    measured: true,
    fetches_issuers: false,
    hello: Some(HELLO),
    trust: Trust::of(StoreId::Mozilla),
    notes: &[
        "Uses only the certificates the server sends and its trust store; AIA is never followed.",
        "The name is compared by OpenSSL, after the chain and before dates and signatures; falls back to the common name.",
        "No partial wildcards; an underscore matches no wildcard.",
        "Offers neither static RSA nor CBC with SHA-1, and nothing before TLS 1.2.",
        "Python 3.13 sets stricter flags: see python-strict.",
    ],
    sources: &[
        "CPython 3.11 Lib/ssl.py (create_default_context), Modules/_ssl.c (PY_SSL_DEFAULT_CIPHERS, fill_and_set_sslerror, \
         _ssl_configure_hostname)",
        "OpenSSL 3.0 crypto/x509/x509_vfy.c, v3_purp.c, v3_utl.c, v3_ncons.c, x509_lu.c, x509_set.c",
        "measured on 2026-11-22",
    ],
    judge,
    handshake,
};

/// `PY_SSL_DEFAULT_CIPHERS`, TLS 1.2 at least; as sent by Python 3.11.
pub(super) const HELLO: Hello<'static> = Hello {
    versions: &[TLS_1_3, TLS_1_2],
    #[rustfmt::skip]
    cipher_suites: &[
        0x1302, 0x1303, 0x1301, 0xc02c, 0xc030, 0xc02b, 0xc02f, 0xcca9, 0xcca8, 0xc024, 0xc028, 0xc023, 0xc027,
        0x009f, 0x009e, 0x006b, 0x0067,
    ],
    groups: &[0x001d, 0x0017, 0x001e, 0x0019, 0x0018, 0x0100, 0x0101, 0x0102, 0x0103, 0x0104],
    #[rustfmt::skip]
    signature_schemes: &[
        0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0809, 0x080a, 0x080b, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501,
        0x0601, 0x0303, 0x0301, 0x0302, 0x0402, 0x0502, 0x0602,
    ],
    certificate_schemes: &[],
};

/// `X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS` is the module's default (`_ssl__SSLContext_impl`).
pub(super) const RULES: Rules = Rules { partial_wildcards: false, common_name: true };

const SETTINGS: Settings = Settings { host: Some(RULES), ..Settings::DEFAULT };

/// `PY_SSL_DEFAULT_CIPHERS` asks for security level 2.
const LIMITS: Limits = super::openssl::LIMITS;

fn judge(case: &Case<'_>) -> Answer {
    judge_with(case, SETTINGS)
}

pub(super) fn judge_with(case: &Case<'_>, settings: Settings) -> Answer {
    let end_entity = match openssl::receive(case, LIMITS) {
        Ok(end_entity) => end_entity,
        Err(error) => return library_error(error),
    };
    let outcome = openssl::verify(case, end_entity, settings);
    let answer = match outcome.result {
        Ok(()) => tls::exchange_keys(case, LIMITS).map_or_else(library_error, |()| Answer::accept(Vec::new())),
        Err(error) => Answer::reject(error.category, error.name).with_message(message(case, error)),
    };
    answer.with_path(outcome.chain)
}

/// `fill_and_set_sslerror`.
fn message(case: &Case<'_>, error: VerifyError) -> String {
    let host = case.reference;
    let said = match error.category {
        Category::Hostname if case.name_is_address() => {
            format!("IP address mismatch, certificate is not valid for '{host}'.")
        }
        Category::Hostname => format!("Hostname mismatch, certificate is not valid for '{host}'."),
        _ => error.text.to_owned(),
    };
    format!("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: {said}")
}

/// `PySSL_SetError`: library and reason by their names; what lies below the TLS layer is told as `ASN1 lib`.
fn library_error(error: LibraryError) -> Answer {
    if error.verdict() == Verdict::Reject {
        return Answer::reject(error.category, "SSLError").with_message("[SSL] ASN1 lib");
    }
    let name = error.reason.to_ascii_uppercase().replace(' ', "_");
    let text =
        if name == "UNEXPECTED_EOF_WHILE_READING" { "EOF occurred in violation of protocol" } else { error.reason };
    Answer::error(error.category, name.clone()).with_message(format!("[SSL: {name}] {text}"))
}

pub(super) fn handshake(failure: &Failure, _case: &Case<'_>) -> Option<Answer> {
    let say = |category, code: &str, message: &str| Some(Answer::error(category, code).with_message(message));
    match failure.kind {
        FailureKind::Refused => say(Category::Refused, "ConnectionRefusedError", "[Errno 111] Connection refused"),
        FailureKind::Unreachable => say(Category::Other, "OSError", "[Errno 113] No route to host"),
        FailureKind::Timeout if failure.stage == Stage::Tcp => say(Category::Timeout, "TimeoutError", "timed out"),
        FailureKind::Timeout => say(Category::Timeout, "TimeoutError", "The handshake operation timed out"),
        FailureKind::Reset => say(Category::Closed, "ConnectionResetError", "[Errno 104] Connection reset by peer"),
        _ => tls::failed(failure).map(library_error),
    }
}
