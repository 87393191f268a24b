//! `openssl verify` asked directly.

use crate::judge::case::Case;
use crate::judge::client::{Answer, Client};
use crate::judge::engine::openssl::host::Rules;
use crate::judge::engine::openssl::{self, Settings};
use crate::judge::stores::{StoreId, Trust};
use crate::model::handshake::Failure;
use crate::model::verdict::Category;

pub const CLIENT: Client = Client {
    id: "peer-openssl",
    name: "openssl verify",
    versions: "OpenSSL 3.0.19, -x509_strict -partial_chain -auth_level 2 -purpose sslserver",
    measured: true,
    fetches_issuers: false,
    hello: None,
    notes: &[
        "A validator by itself, without a handshake: it meets no stapled response.",
        "With CRLs given, as with -crl_check_all: every certificate needs one, the trust anchor too.",
    ],
    trust: Trust::of(StoreId::Mozilla),
    sources: &["openssl crypto/x509/x509_vfy.c", "measured on 2026-11-22"],
    judge,
    handshake,
};

const SETTINGS: Settings = Settings {
    partial_chain: true,
    strict: true,
    host: Some(Rules { partial_wildcards: true, common_name: true }),
    ..Settings::DEFAULT
};

fn judge(case: &Case<'_>) -> Answer {
    let case = &Case { ocsp_staple: None, ..*case };
    let Some(end_entity) = case.end_entity() else { return Answer::reject(Category::BadFormat, "no certificate") };
    let outcome = openssl::verify(case, end_entity, SETTINGS);
    let answer = match outcome.result {
        Err(error) => Answer::reject(error.category, error.name).with_message(error.text),
        Ok(()) => Answer::accept(Vec::new()),
    };
    answer.with_path(outcome.chain)
}

/// It takes no part in handshakes.
fn handshake(_failure: &Failure, _case: &Case<'_>) -> Option<Answer> {
    None
}
