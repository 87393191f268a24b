//! GnuTLS' certtool asked directly.

use crate::judge::case::Case;
use crate::judge::client::{Answer, Client};
use crate::judge::engine::gnutls::{self, Profile, Settings};
use crate::judge::stores::{StoreId, Trust};
use crate::model::handshake::Failure;
use crate::model::verdict::Category;

pub const CLIENT: Client = Client {
    id: "peer-gnutls",
    name: "GnuTLS certtool",
    versions: "GnuTLS 3.7.9",
    measured: true,
    fetches_issuers: false,
    hello: None,
    trust: Trust::of(StoreId::Mozilla),
    notes: &[
        "A validator by itself, without a handshake: it meets no stapled response.",
        "Keys of 112 bits (RSA 2048) and a trusted issuer are needed; as gnutls-cli otherwise.",
    ],
    sources: &["gnutls lib/x509/verify.c, src/certtool.c", "measured on 2026-11-22"],
    judge,
    handshake,
};

const SETTINGS: Settings = Settings { purpose: true, host: true, needs_issuer: true, profile: Profile::Medium };

fn judge(case: &Case<'_>) -> Answer {
    let case = &Case { ocsp_staple: None, ..*case };
    let Some(end_entity) = case.end_entity() else { return Answer::reject(Category::BadFormat, "no certificate") };
    match gnutls::verify(case, end_entity, SETTINGS) {
        Err(error) => Answer::reject(error.category, error.text),
        Ok(outcome) if outcome.status.invalid => {
            Answer::reject(Category::Unspecified, outcome.status.sentences()).with_path(outcome.chain)
        }
        Ok(outcome) => Answer::accept(outcome.chain),
    }
}

/// It takes no part in handshakes.
fn handshake(_failure: &Failure, _case: &Case<'_>) -> Option<Answer> {
    None
}
