//! Node.js 24, on its own copy of OpenSSL 3.5.

use super::node20::{self, Wording};
use crate::judge::case::Case;
use crate::judge::client::{Answer, Client, Hello};
use crate::judge::engine::openssl::Settings;
use crate::judge::engine::openssl::tls::Offer;
use crate::judge::stores::{StoreId, Trust};
use crate::model::handshake::Failure;

pub const CLIENT: Client = Client {
    id: "node24",
    name: "Node.js 24",
    versions: "Node.js 24.21.0, OpenSSL 3.5.8",
    measured: true,
    fetches_issuers: false,
    hello: Hello::Wider,
    trust: Trust::of(StoreId::Mozilla),
    notes: &[
        "As node20, but with security level 2: RSA keys below 2048 bits are refused.",
        "A validity date that is too short ends the handshake while the certificate is parsed.",
    ],
    sources: &[
        "Node.js lib/_tls_wrap.js, lib/tls.js, src/crypto/crypto_common.cc",
        "OpenSSL 3.5 crypto/x509/x509_vfy.c, crypto/asn1/tasn_dec.c (asn1_ex_c2i), ssl/ssl_err.c",
        "measured on 2026-11-22",
    ],
    judge,
    handshake,
};

/// OpenSSL's own default since 3.2 is level 2.
const SETTINGS: Settings = Settings { security_level: 2, goes_on: true, ..Settings::DEFAULT };

const OFFER: Offer = Offer { old_versions: false, static_rsa: true, refuses_short_times: true };

/// OpenSSL 3.2 renamed the alerts that SSL 3.0 brought.
const WORDING: Wording = |reason| reason.replace("sslv3 alert", "ssl/tls alert");

fn judge(case: &Case<'_>) -> Answer {
    node20::judge_with(case, SETTINGS, OFFER, WORDING)
}

fn handshake(failure: &Failure, case: &Case<'_>) -> Option<Answer> {
    node20::handshake_with(failure, case, OFFER, WORDING)
}
