//! Node.js 24, on its own copy of OpenSSL 3.5.

use super::node20::{self, Wording};
use crate::judge::case::Case;
use crate::judge::client::{Answer, Client};
use crate::judge::engine::openssl::Settings;
use crate::judge::engine::openssl::tls::Limits;
use crate::judge::stores::{StoreId, Trust};
use crate::model::handshake::Failure;
use crate::model::hello::{Hello, TLS_1_2, TLS_1_3};

pub const CLIENT: Client = Client {
    id: "node24",
    name: "Node.js 24",
    versions: "Node.js 24.21.0, OpenSSL 3.5.8",
    measured: true,
    fetches_issuers: false,
    hello: Some(HELLO),
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

/// As sent by Node.js 24 (OpenSSL 3.5, security level 2).
const HELLO: Hello<'static> = Hello {
    versions: &[TLS_1_3, TLS_1_2],
    #[rustfmt::skip]
    cipher_suites: &[
        0x1302, 0x1303, 0x1301, 0xc02f, 0xc02b, 0xc030, 0xc02c, 0x009e, 0xc027, 0x0067, 0xc028, 0x006b, 0x00a3,
        0x009f, 0xcca9, 0xcca8, 0xccaa, 0xc0ad, 0xc09f, 0xc05d, 0xc061, 0xc057, 0xc053, 0x00a2, 0xc0ac, 0xc09e,
        0xc05c, 0xc060, 0xc056, 0xc052, 0xc024, 0x006a, 0xc023, 0x0040, 0xc00a, 0xc014, 0x0039, 0x0038, 0xc009,
        0xc013, 0x0033, 0x0032, 0x009d, 0xc09d, 0xc051, 0x009c, 0xc09c, 0xc050, 0x003d, 0x003c, 0x0035, 0x002f,
    ],
    groups: &[0x11ec, 0x001d, 0x0017, 0x001e, 0x0018, 0x0019, 0x0100, 0x0101],
    #[rustfmt::skip]
    signature_schemes: &[
        0x0905, 0x0906, 0x0904, 0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x081a, 0x081b, 0x081c, 0x0809, 0x080a,
        0x080b, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0303, 0x0301, 0x0302, 0x0402, 0x0502, 0x0602,
    ],
    certificate_schemes: &[],
};

/// OpenSSL's own default since 3.2 is level 2.
const SETTINGS: Settings = Settings { security_level: 2, goes_on: true, ..Settings::DEFAULT };

const LIMITS: Limits = Limits { min_dh_bits: 2048, refuses_short_times: true };

/// OpenSSL 3.2 renamed the alerts that SSL 3.0 brought.
const WORDING: Wording = |reason| reason.replace("sslv3 alert", "ssl/tls alert");

fn judge(case: &Case<'_>) -> Answer {
    node20::judge_with(case, SETTINGS, LIMITS, WORDING)
}

fn handshake(failure: &Failure, case: &Case<'_>) -> Option<Answer> {
    node20::handshake_with(failure, case, WORDING)
}
