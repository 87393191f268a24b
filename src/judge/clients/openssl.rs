//! `openssl s_client` told to verify: `-verify_return_error -verify_hostname NAME` (or `-verify_ip`).

use crate::judge::case::Case;
use crate::judge::client::{Answer, Client};
use crate::judge::engine::openssl::host::Rules;
use crate::judge::engine::openssl::tls::{self, Limits};
use crate::judge::engine::openssl::{self, LibraryError, Settings};
use crate::judge::stores::{StoreId, Trust};
use crate::model::handshake::{Failure, FailureKind};
use crate::model::hello::{Hello, TLS_1_0, TLS_1_1, TLS_1_2, TLS_1_3};
use crate::model::verdict::Category;

pub const CLIENT: Client = Client {
    id: "openssl",
    name: "openssl s_client",
    versions: "OpenSSL 3.0.22",
    measured: true,
    fetches_issuers: false,
    hello: Some(HELLO),
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

/// OpenSSL's default, as sent by s_client and by curl.
pub(super) const HELLO: Hello<'static> = Hello {
    versions: &[TLS_1_3, TLS_1_2, TLS_1_1, TLS_1_0],
    #[rustfmt::skip]
    cipher_suites: &[
        0x1302, 0x1303, 0x1301, 0xc02c, 0xc030, 0x009f, 0xcca9, 0xcca8, 0xccaa, 0xc02b, 0xc02f, 0x009e, 0xc024,
        0xc028, 0x006b, 0xc023, 0xc027, 0x0067, 0xc00a, 0xc014, 0x0039, 0xc009, 0xc013, 0x0033, 0x009d, 0x009c,
        0x003d, 0x003c, 0x0035, 0x002f,
    ],
    groups: &[0x001d, 0x0017, 0x001e, 0x0019, 0x0018, 0x0100, 0x0101, 0x0102, 0x0103, 0x0104],
    #[rustfmt::skip]
    signature_schemes: &[
        0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0809, 0x080a, 0x080b, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501,
        0x0601, 0x0303, 0x0301, 0x0302, 0x0402, 0x0502, 0x0602,
    ],
    certificate_schemes: &[],
};

const SETTINGS: Settings =
    Settings { host: Some(Rules { partial_wildcards: true, common_name: true }), ..Settings::DEFAULT };

/// Security level 2, Debian's default.
pub(super) const LIMITS: Limits = Limits { min_dh_bits: 2048, refuses_short_times: false };

fn judge(case: &Case<'_>) -> Answer {
    let end_entity = match openssl::receive(case, LIMITS) {
        Ok(end_entity) => end_entity,
        Err(error) => return library_error(error),
    };
    let outcome = openssl::verify(case, end_entity, SETTINGS);
    let answer = match outcome.result {
        Ok(()) => tls::exchange_keys(case, LIMITS).map_or_else(library_error, |()| Answer::accept(Vec::new())),
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
        _ => tls::failed(failure).map(library_error),
    }
}
