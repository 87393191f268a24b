//! BoringSSL's libpki asked directly.

use crate::judge::case::Case;
use crate::judge::client::{Answer, Client};
use crate::judge::engine::chromium::{self, Status};
use crate::model::handshake::Failure;
use crate::model::verdict::Category;

pub const CLIENT: Client = Client {
    id: "peer-bssl",
    name: "BoringSSL libpki",
    versions: "BoringSSL a0689af",
    measured: true,
    fetches_issuers: false,
    hello: None,
    notes: &[
        "A validator by itself, without a handshake: it meets no stapled response.",
        "Without what Chrome adds: key usage, the limits on validity, names that are not unique.",
    ],
    sources: &["boringssl pki/", "measured on 2026-11-22"],
    judge,
    handshake,
};

fn judge(case: &Case<'_>) -> Answer {
    let case = &Case { ocsp_staple: None, ..*case };
    let unreadable = || Answer::reject(Category::BadFormat, "Failed parsing certificate");
    let Some(end_entity) = case.end_entity() else { return unreadable() };
    if !chromium::is_readable(case.pool.get(end_entity)) {
        return unreadable();
    }
    let verdict = chromium::verify_server(case, end_entity);
    let refused = verdict.statuses.iter().find_map(|status| match status {
        Status::CommonNameInvalid => Some((Category::Hostname, "no name matches")),
        Status::Invalid => Some((Category::Invalid, "the path is invalid")),
        Status::Revoked => Some((Category::Revoked, "revoked")),
        Status::AuthorityInvalid => Some((Category::UnknownIssuer, "No matching issuer found")),
        Status::WeakKey => Some((Category::WeakKey, "Unacceptable public key")),
        Status::DateInvalid => Some((Category::Expired, "Time is outside the validity")),
        Status::NonUniqueName | Status::ValidityTooLong => None,
    });
    match refused {
        None => Answer::accept(verdict.path),
        Some((category, code)) => Answer::reject(category, code).with_path(verdict.path),
    }
}

/// It takes no part in handshakes.
fn handshake(_failure: &Failure, _case: &Case<'_>) -> Option<Answer> {
    None
}
