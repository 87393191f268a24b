//! Python's `ssl` module with the flags that are its default from Python 3.13 on.

use super::python_ssl;
use crate::judge::case::Case;
use crate::judge::client::{Answer, Client};
use crate::judge::engine::openssl::Settings;
use crate::judge::stores::{StoreId, Trust};

pub const CLIENT: Client = Client {
    id: "python-strict",
    name: "Python 3.13",
    versions: "Python 3.11.7 with the flags of 3.13, OpenSSL 3.0.22",
    measured: true,
    fetches_issuers: false,
    hello: Some(python_ssl::HELLO),
    trust: Trust::of(StoreId::Mozilla),
    notes: &[
        "VERIFY_X509_STRICT: refuses chains that work elsewhere, for lack of key identifiers, keyUsage or a critical \
         basicConstraints, for v1 roots and for empty names.",
        "VERIFY_X509_PARTIAL_CHAIN: an intermediate or end entity in the trust store is a trust anchor.",
        "Everything else as python-ssl.",
    ],
    sources: &[
        "CPython 3.13 Lib/ssl.py (create_default_context)",
        "OpenSSL 3.0 crypto/x509/x509_vfy.c (check_extensions)",
        "measured on 2026-11-22",
    ],
    judge,
    handshake: python_ssl::handshake,
};

const SETTINGS: Settings =
    Settings { partial_chain: true, strict: true, host: Some(python_ssl::RULES), ..Settings::DEFAULT };

fn judge(case: &Case<'_>) -> Answer {
    python_ssl::judge_with(case, SETTINGS)
}
