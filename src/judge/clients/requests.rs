//! Python's requests, on urllib3 and the `ssl` module.

use super::python_ssl;
use crate::judge::case::Case;
use crate::judge::client::{Answer, Client};
use crate::judge::engine::openssl::Settings;
use crate::judge::engine::openssl::host::Rules;
use crate::judge::stores::{StoreId, Trust};

pub const CLIENT: Client = Client {
    id: "requests",
    name: "Python requests",
    versions: "requests 2.34.2, urllib3 2.8.0, Python 3.11.7, OpenSSL 3.0.22",
    measured: true,
    fetches_issuers: false,
    hello: Some(python_ssl::HELLO),
    trust: Trust::of(StoreId::Mozilla),
    notes: &[
        "As python-ssl, but the common name never counts.",
        "Brings its own trust store (certifi), unless REQUESTS_CA_BUNDLE or verify= names another.",
    ],
    sources: &[
        "urllib3 2 util/ssl_.py (create_urllib3_context: hostname_checks_common_name), connection.py",
        "CPython 3.11 Modules/_ssl.c",
        "measured on 2026-11-22",
    ],
    judge,
    handshake: python_ssl::handshake,
};

const SETTINGS: Settings =
    Settings { host: Some(Rules { common_name: false, ..python_ssl::RULES }), ..Settings::DEFAULT };

fn judge(case: &Case<'_>) -> Answer {
    python_ssl::judge_with(case, SETTINGS)
}
