//! mozilla::pkix asked directly.

use crate::judge::case::Case;
use crate::judge::client::{Answer, Client};
use crate::judge::engine::mozpkix::{self, LeafTrust};
use crate::judge::stores::{StoreId, Trust};
use crate::model::handshake::Failure;
use crate::model::verdict::Category;

pub const CLIENT: Client = Client {
    id: "peer-moz",
    name: "mozilla::pkix",
    versions: "NSS 9d75dfd",
    measured: true,
    fetches_issuers: false,
    hello: None,
    trust: Trust::of(StoreId::Mozilla),
    notes: &[
        "A validator by itself, without a handshake: it meets no stapled response.",
        "Trust anchors issue; an end entity is never one.",
        "As in Firefox otherwise.",
    ],
    sources: &["nss/lib/mozpkix", "measured on 2026-11-22"],
    judge,
    handshake,
};

fn judge(case: &Case<'_>) -> Answer {
    let case = &Case { ocsp_staple: None, ..*case };
    let Some(end_entity) = case.end_entity() else { return Answer::reject(Category::BadFormat, "ERROR_BAD_DER") };
    match mozpkix::judge_server(case, end_entity, LeafTrust::Inherited) {
        Ok(path) => Answer::accept(path),
        Err(refusal) if refusal.incomplete => Answer::undetermined("too many paths to try them all"),
        Err(refusal) => super::firefox::refused(refusal),
    }
}

/// It takes no part in handshakes.
fn handshake(_failure: &Failure, _case: &Case<'_>) -> Option<Answer> {
    None
}
