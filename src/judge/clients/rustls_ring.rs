//! rustls with its ring provider and webpki.

use super::rustls_aws;
use crate::judge::case::Case;
use crate::judge::client::{Answer, Client, Hello};
use crate::judge::engine::webpki::Provider;
use crate::judge::stores::{StoreId, Trust};

pub const CLIENT: Client = Client {
    id: "rustls-ring",
    name: "rustls on ring",
    versions: "rustls 0.23.46, webpki 0.103.16, ring 0.17.14",
    measured: true,
    fetches_issuers: false,
    hello: Hello::Ours,
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

fn judge(case: &Case<'_>) -> Answer {
    rustls_aws::judge_with(case, Provider::Ring)
}
