//! rustls with its ring provider and webpki.

use super::rustls_aws;
use crate::judge::case::Case;
use crate::judge::client::{Answer, Client};
use crate::judge::engine::webpki::Provider;
use crate::judge::stores::{StoreId, Trust};
use crate::model::hello::{Hello, TLS_1_2, TLS_1_3};

pub const CLIENT: Client = Client {
    id: "rustls-ring",
    name: "rustls on ring",
    versions: "rustls 0.23.46, webpki 0.103.16, ring 0.17.14",
    measured: true,
    fetches_issuers: false,
    hello: Some(HELLO),
    trust: Trust::of(StoreId::WebpkiRoots),
    notes: &["As rustls-aws, without P-521 and without ECDSA over SHA-512."],
    sources: &[
        "rustls 0.23: src/crypto/ring/mod.rs (SUPPORTED_SIG_ALGS), src/webpki/mod.rs",
        "rustls-webpki 0.103: src/ring_algs.rs, src/verify_cert.rs",
        "measured 2026-11-22",
    ],
    judge,
    handshake: rustls_aws::handshake,
};

/// ring has neither ML-KEM nor P-521.
const HELLO: Hello<'static> = Hello {
    versions: &[TLS_1_3, TLS_1_2],
    cipher_suites: &[0x1302, 0x1301, 0x1303, 0xc02c, 0xc02b, 0xcca9, 0xc030, 0xc02f, 0xcca8],
    groups: &[0x001d, 0x0017, 0x0018],
    signature_schemes: &[0x0503, 0x0403, 0x0807, 0x0806, 0x0805, 0x0804, 0x0601, 0x0501, 0x0401],
    certificate_schemes: &[],
};

fn judge(case: &Case<'_>) -> Answer {
    rustls_aws::judge_with(case, Provider::Ring)
}
