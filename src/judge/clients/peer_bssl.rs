//! BoringSSL's libpki asked directly.

use crate::judge::case::Case;
use crate::judge::client::{Answer, Client};
use crate::judge::engine::chromium::{self, ErrorKind, Settings};
use crate::judge::stores::{StoreId, Trust};
use crate::model::handshake::Failure;
use crate::model::verdict::Category;

pub const CLIENT: Client = Client {
    id: "peer-bssl",
    name: "BoringSSL libpki",
    versions: "BoringSSL a0689af",
    measured: true,
    fetches_issuers: false,
    hello: None,
    trust: Trust::of(StoreId::Mozilla),
    notes: &[
        "A validator by itself, without a handshake: it meets no stapled response.",
        "Without what Chrome adds: key usage, the limits on validity, names that are not unique.",
    ],
    sources: &["boringssl pki/", "measured on 2026-11-22"],
    judge,
    handshake,
};

/// libpki itself has no limit on iterations. Chains that are no attack need a few dozen; BetterTLS' worst below 100.
const SETTINGS: Settings = Settings { iterations: 2_000, plain_anchors: true };

fn judge(case: &Case<'_>) -> Answer {
    let case = &Case { ocsp_staple: None, ..*case };
    let unreadable = || Answer::reject(Category::BadFormat, "Failed parsing certificate");
    let Some(end_entity) = case.end_entity() else { return unreadable() };
    let certificate = case.pool.get(end_entity);
    if !chromium::is_readable(certificate) {
        return unreadable();
    }
    let best = chromium::build(case, end_entity, &SETTINGS);
    // Errors of the end entity are listed first.
    if let Some(error) = best.errors.first() {
        let category = match error.kind {
            ErrorKind::IterationLimit => return Answer::undetermined("too many paths to try them all"),
            ErrorKind::Revoked => Category::Revoked,
            ErrorKind::PublicKey => Category::WeakKey,
            ErrorKind::Validity => Category::Expired,
            ErrorKind::Authority => Category::UnknownIssuer,
            ErrorKind::Other => Category::Invalid,
        };
        return Answer::reject(category, error.text).with_path(best.path).at(error.position);
    }
    if !case.any_name && !case.name_holds(certificate, chromium::matches_host) {
        return Answer::reject(Category::Hostname, "name mismatch").with_path(best.path).at(0);
    }
    Answer::accept(best.path)
}

/// It takes no part in handshakes.
fn handshake(_failure: &Failure, _case: &Case<'_>) -> Option<Answer> {
    None
}
