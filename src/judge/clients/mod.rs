//! The clients that are modelled, one file each.

use super::client::{Client, alert_category};

mod bun;
mod chrome;
mod curl;
mod deno;
mod firefox;
mod go;
mod java;
mod java_aia;
mod node20;
mod node24;
mod openssl;
mod openssl_plain;
mod python_ssl;
mod python_strict;
mod requests;
mod rustls_aws;
mod rustls_ring;

/// All of them, in the order reports list them.
#[rustfmt::skip] // one line a client: adding one is adding a line
pub const ALL: &[&Client] = &[
    &chrome::CLIENT,
    &firefox::CLIENT,
    &curl::CLIENT,
    &java::CLIENT,
    &go::CLIENT,
    &rustls_aws::CLIENT,
    &openssl::CLIENT,
    &openssl_plain::CLIENT,
    &python_ssl::CLIENT,
    &python_strict::CLIENT,
    &requests::CLIENT,
    &node20::CLIENT,
    &node24::CLIENT,
    &bun::CLIENT,
    &deno::CLIENT,
    &rustls_ring::CLIENT,
    &java_aia::CLIENT,
];

/// The client called `id`.
pub fn find(id: &str) -> Option<&'static Client> {
    ALL.iter().copied().find(|client| client.id == id)
}
