//! Python's `ssl` module with `ssl.create_default_context()`, before Python 3.13.

use crate::judge::case::Case;
use crate::judge::client::{Answer, Client, Hello};
use crate::judge::engine::openssl::host::Rules;
use crate::judge::engine::openssl::tls::{self, Offer};
use crate::judge::engine::openssl::{self, LibraryError, Settings, VerifyError};
use crate::judge::stores::{StoreId, Trust};
use crate::model::handshake::{Failure, FailureKind, Stage};
use crate::model::verdict::{Category, Verdict};

pub const CLIENT: Client = Client {
    id: "python-ssl",
    name: "Python",
    versions: "Python 3.11.7, OpenSSL 3.0.22",
    measured: true,
    fetches_issuers: false,
    hello: Hello::Wider,
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

/// `X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS` is the module's default (`_ssl__SSLContext_impl`).
pub(super) const RULES: Rules = Rules { partial_wildcards: false, common_name: true };

const SETTINGS: Settings = Settings { host: Some(RULES), ..Settings::DEFAULT };

/// TLS 1.2 is the least since 3.10; `PY_SSL_DEFAULT_CIPHERS` leaves out static RSA.
const OFFER: Offer = Offer { old_versions: false, static_rsa: false, refuses_short_times: false };

fn judge(case: &Case<'_>) -> Answer {
    judge_with(case, SETTINGS)
}

pub(super) fn judge_with(case: &Case<'_>, settings: Settings) -> Answer {
    // `!SHA1` takes CBC with HMAC-SHA-1 away.
    if case.tls.and_then(|tls| tls.cipher_suite.as_deref()).is_some_and(|suite| suite.ends_with("_CBC_SHA")) {
        return library_error(tls::alert("handshake_failure"));
    }
    let end_entity = match openssl::receive(case, OFFER) {
        Ok(end_entity) => end_entity,
        Err(error) => return library_error(error),
    };
    let outcome = openssl::verify(case, end_entity, settings);
    let answer = match outcome.result {
        Ok(()) => Answer::accept(Vec::new()),
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
        _ => tls::failed(failure, OFFER).map(library_error),
    }
}
