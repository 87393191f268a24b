//! `openssl s_client` told to verify: `-verify_return_error -verify_hostname NAME` (or `-verify_ip`).

use crate::judge::case::Case;
use crate::judge::client::{Answer, Client, Hello};
use crate::judge::engine::openssl::host::Rules;
use crate::judge::engine::openssl::tls::{self, Offer};
use crate::judge::engine::openssl::{self, LibraryError, Settings};
use crate::judge::stores::{StoreId, Trust};
use crate::model::handshake::{Failure, FailureKind};
use crate::model::verdict::Category;

pub const CLIENT: Client = Client {
    id: "openssl",
    name: "openssl s_client",
    versions: "OpenSSL 3.0.22",
    measured: true,
    fetches_issuers: false,
    hello: Hello::Wider,
    trust: Trust::of(StoreId::Mozilla),
    notes: &[
        "As `openssl s_client -verify_return_error -verify_hostname NAME`: without the first flag no fault stops it, \
         without the second no name is compared.",
        "Uses only the certificates the server sends and its trust store; AIA is never followed.",
        "Builds one chain and never goes back: a wrong issuer that comes first in the list is final.",
        "Compares the name after the chain and before dates and signatures; falls back to the common name.",
        "Takes partial wildcards (f*.example.com); an underscore matches no wildcard.",
        "Security level 2: RSA keys below 2048 bits and SHA-1 signatures are refused.",
    ],
    sources: &[
        "OpenSSL 3.0 crypto/x509/x509_vfy.c, v3_purp.c, v3_utl.c, v3_ncons.c, x509_lu.c, x509_set.c",
        "OpenSSL 3.0 apps/s_client.c, apps/lib/s_cb.c (verify_callback)",
        "measured on 2026-11-22",
    ],
    judge,
    handshake,
};

const SETTINGS: Settings =
    Settings { host: Some(Rules { partial_wildcards: true, common_name: true }), ..Settings::DEFAULT };

pub(super) const OFFER: Offer = Offer { old_versions: true, static_rsa: true, refuses_short_times: false };

fn judge(case: &Case<'_>) -> Answer {
    let end_entity = match openssl::receive(case, OFFER) {
        Ok(end_entity) => end_entity,
        Err(error) => return library_error(error),
    };
    let outcome = openssl::verify(case, end_entity, SETTINGS);
    let answer = match outcome.result {
        Ok(()) => Answer::accept(Vec::new()),
        Err(error) => Answer::reject(error.category, error.name)
            .with_message(format!("verify error:num={}:{}", error.number, error.text)),
    };
    answer.with_path(outcome.chain)
}

/// `ERR_print_errors`.
pub(super) fn library_error(error: LibraryError) -> Answer {
    Answer { verdict: error.verdict(), ..Answer::error(error.category, error.reason) }.with_message(format!(
        "error:{}::{}",
        error.origin(),
        error.reason
    ))
}

pub(super) fn handshake(failure: &Failure, _case: &Case<'_>) -> Option<Answer> {
    let say = |category, code: &str, message: &str| Some(Answer::error(category, code).with_message(message));
    match failure.kind {
        FailureKind::Refused => say(Category::Refused, "Connection refused", "connect:errno=111"),
        FailureKind::Unreachable => say(Category::Other, "No route to host", "connect:errno=113"),
        // It waits for ever.
        FailureKind::Timeout => say(Category::Timeout, "timeout", "no answer"),
        FailureKind::Reset => say(Category::Closed, "write:errno=104", "write:errno=104"),
        _ => tls::failed(failure, OFFER).map(library_error),
    }
}
