//! `openssl s_client` without flags: it prints what is wrong with a chain and goes on.

use super::openssl as verifying;
use crate::judge::case::Case;
use crate::judge::client::{Answer, Client};
use crate::judge::engine::openssl::{self, Settings, tls};
use crate::judge::stores::{StoreId, Trust};

pub const CLIENT: Client = Client {
    id: "openssl-plain",
    name: "openssl unverified",
    versions: "OpenSSL 3.0.22",
    measured: true,
    fetches_issuers: false,
    hello: Some(verifying::HELLO),
    trust: Trust::of(StoreId::Mozilla),
    notes: &[
        "Goes on after any fault of the chain and compares no name: that it connects says nothing about a certificate.",
        "What it finds it only prints (`Verify return code`).",
    ],
    sources: &[
        "OpenSSL 3.0 apps/s_client.c (SSL_VERIFY_NONE), apps/lib/s_cb.c (verify_callback)",
        "OpenSSL 3.0 ssl/statem/statem_clnt.c",
        "measured on 2026-11-22",
    ],
    judge,
    handshake: verifying::handshake,
};

/// The verification runs all the same, for the path it shows.
const SETTINGS: Settings = Settings { goes_on: true, ..Settings::DEFAULT };

fn judge(case: &Case<'_>) -> Answer {
    let path =
        openssl::receive(case, verifying::LIMITS).map(|end_entity| openssl::verify(case, end_entity, SETTINGS).chain);
    let done = path.and_then(|path| tls::exchange_keys(case, verifying::LIMITS).map(|()| path));
    done.map_or_else(verifying::library_error, Answer::accept)
}
