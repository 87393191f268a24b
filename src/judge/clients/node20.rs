//! Node.js 20, on its own copy of OpenSSL 3.0.

use crate::judge::case::Case;
use crate::judge::client::{Answer, Client};
use crate::judge::engine::openssl::host::match_name_as_node;
use crate::judge::engine::openssl::tls::{self, Limits};
use crate::judge::engine::openssl::{self, LibraryError, Settings, VerifyError};
use crate::judge::stores::{StoreId, Trust};
use crate::model::handshake::{Failure, FailureKind, Stage};
use crate::model::hello::{Hello, TLS_1_2, TLS_1_3};
use crate::model::verdict::{Category, Verdict};

pub const CLIENT: Client = Client {
    id: "node20",
    name: "Node.js 20",
    versions: "Node.js 20.20.2, OpenSSL 3.0.19",
    measured: true,
    fetches_issuers: false,
    hello: Some(HELLO),
    trust: Trust::of(StoreId::Mozilla),
    notes: &[
        "Uses only the certificates the server sends and its trust store; AIA is never followed.",
        "Reports the last fault OpenSSL finds, not the first: an expired end entity hides a missing issuer.",
        "Compares the name itself, after everything else; partial wildcards match, and the common name counts when there \
         is no dNSName.",
        "Security level 1: RSA keys of 1024 bits pass, SHA-1 signatures do not.",
    ],
    sources: &[
        "Node.js lib/_tls_wrap.js (onConnectSecure), lib/tls.js (checkServerIdentity, DEFAULT_MIN_VERSION)",
        "Node.js src/crypto/crypto_common.cc (X509ErrorCode), crypto_context.cc (VerifyCallback)",
        "OpenSSL 3.0 crypto/x509/x509_vfy.c, v3_purp.c, v3_ncons.c, x509_lu.c, x509_set.c",
        "measured on 2026-11-22",
    ],
    judge,
    handshake,
};

/// `tls.DEFAULT_MIN_VERSION` is TLSv1.2, `DEFAULT_CIPHERS` ends with `HIGH`; as sent by Node.js 20.
const HELLO: Hello<'static> = Hello {
    versions: &[TLS_1_3, TLS_1_2],
    #[rustfmt::skip]
    cipher_suites: &[
        0x1302, 0x1303, 0x1301, 0xc02f, 0xc02b, 0xc030, 0xc02c, 0x009e, 0xc027, 0x0067, 0xc028, 0x006b, 0x00a3,
        0x009f, 0xcca9, 0xcca8, 0xccaa, 0xc0af, 0xc0ad, 0xc0a3, 0xc09f, 0xc05d, 0xc061, 0xc057, 0xc053, 0x00a2,
        0xc0ae, 0xc0ac, 0xc0a2, 0xc09e, 0xc05c, 0xc060, 0xc056, 0xc052, 0xc024, 0x006a, 0xc023, 0x0040, 0xc00a,
        0xc014, 0x0039, 0x0038, 0xc009, 0xc013, 0x0033, 0x0032, 0x009d, 0xc0a1, 0xc09d, 0xc051, 0x009c, 0xc0a0,
        0xc09c, 0xc050, 0x003d, 0x003c, 0x0035, 0x002f,
    ],
    groups: &[0x001d, 0x0017, 0x001e, 0x0019, 0x0018, 0x0100, 0x0101, 0x0102, 0x0103, 0x0104],
    #[rustfmt::skip]
    signature_schemes: &[
        0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0809, 0x080a, 0x080b, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501,
        0x0601, 0x0303, 0x0301, 0x0302, 0x0402, 0x0502, 0x0602,
    ],
    certificate_schemes: &[],
};

/// Node's callback returns 1 whatever is wrong; OpenSSL's own default is level 1.
const SETTINGS: Settings = Settings { security_level: 1, goes_on: true, ..Settings::DEFAULT };

/// Security level 1.
const LIMITS: Limits = Limits { min_dh_bits: 1024, refuses_short_times: false };

fn judge(case: &Case<'_>) -> Answer {
    judge_with(case, SETTINGS, LIMITS, str::to_owned)
}

/// The texts of OpenSSL's errors, where a version words them in another way.
pub(super) type Wording = fn(&str) -> String;

pub(super) fn judge_with(case: &Case<'_>, settings: Settings, limits: Limits, wording: Wording) -> Answer {
    let received = openssl::receive(case, limits);
    // What the verification finds is looked at when the handshake is done.
    let end_entity = match received.and_then(|end_entity| tls::exchange_keys(case, limits).map(|()| end_entity)) {
        Ok(end_entity) => end_entity,
        Err(error) => return library_error(error, wording),
    };
    let outcome = openssl::verify(case, end_entity, settings);
    let answer = match outcome.result {
        Ok(()) if case.any_name => Answer::accept(Vec::new()),
        Ok(()) => match match_name_as_node(case, case.pool.get(end_entity)) {
            Ok(()) => Answer::accept(Vec::new()),
            Err(mismatch) => Answer::reject(Category::Hostname, "ERR_TLS_CERT_ALTNAME_INVALID")
                .with_message(format!("Hostname/IP does not match certificate's altnames: {}", mismatch.reason)),
        },
        Err(error) => Answer::reject(error.category, verify_code(error)).with_message(error.text),
    };
    answer.with_path(outcome.chain)
}

/// `X509ErrorCode` knows the errors of 2011 by name.
fn verify_code(error: VerifyError) -> String {
    const KNOWN: &[&str] = &[
        "UNABLE_TO_GET_ISSUER_CERT",
        "UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY",
        "CERT_SIGNATURE_FAILURE",
        "CERT_NOT_YET_VALID",
        "CERT_HAS_EXPIRED",
        "ERROR_IN_CERT_NOT_BEFORE_FIELD",
        "ERROR_IN_CERT_NOT_AFTER_FIELD",
        "DEPTH_ZERO_SELF_SIGNED_CERT",
        "SELF_SIGNED_CERT_IN_CHAIN",
        "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
        "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
        "CERT_CHAIN_TOO_LONG",
        "CERT_REVOKED",
        "INVALID_CA",
        "PATH_LENGTH_EXCEEDED",
        "INVALID_PURPOSE",
        "CERT_UNTRUSTED",
        "CERT_REJECTED",
        "HOSTNAME_MISMATCH",
    ];
    let name = error.name.trim_start_matches("X509_V_ERR_");
    if KNOWN.contains(&name) { name.to_owned() } else { format!("UNSPECIFIED: {}", error.text) }
}

/// libuv's EPROTO with OpenSSL's error string.
fn library_error(error: LibraryError, wording: Wording) -> Answer {
    let reason = wording(error.reason);
    let message = format!("write EPROTO error:{}::{reason}", error.origin());
    match error.verdict() {
        Verdict::Reject => Answer::reject(error.category, "EPROTO"),
        _ => Answer::error(error.category, format!("EPROTO: {reason}")),
    }
    .with_message(message)
}

fn handshake(failure: &Failure, case: &Case<'_>) -> Option<Answer> {
    handshake_with(failure, case, str::to_owned)
}

pub(super) fn handshake_with(failure: &Failure, case: &Case<'_>, wording: Wording) -> Option<Answer> {
    let say = |category, code: &str, message: &str| Some(Answer::error(category, code).with_message(message));
    match failure.kind {
        FailureKind::Refused => {
            let message = format!("connect ECONNREFUSED {}:{}", case.reference, case.port);
            say(Category::Refused, "ECONNREFUSED", &message)
        }
        FailureKind::Unreachable => say(Category::Other, "EHOSTUNREACH", "connect EHOSTUNREACH"),
        FailureKind::Timeout if failure.stage == Stage::Tcp => say(Category::Timeout, "ETIMEDOUT", "connect ETIMEDOUT"),
        // It has no limit of its own here: what ends the wait is the program, without a code.
        FailureKind::Timeout => {
            Some(Answer { code: None, ..Answer::error(Category::Timeout, "").with_message("timeout") })
        }
        FailureKind::Reset => say(Category::Closed, "ECONNRESET", "read ECONNRESET"),
        FailureKind::Closed => say(
            Category::Closed,
            "ECONNRESET",
            "Client network socket disconnected before secure TLS connection was established",
        ),
        _ => {
            let error = tls::failed(failure)?;
            let answer = library_error(error, wording);
            // After the handshake the error is thrown from a read, and has a code of its own.
            Some(if failure.stage == Stage::AfterHandshake {
                let name = wording(error.reason).to_ascii_uppercase().replace(' ', "_");
                Answer { code: Some(format!("ERR_SSL_{name}")), ..answer }
            } else {
                answer
            })
        }
    }
}
