//! curl with OpenSSL, as Debian and Ubuntu ship it.

use crate::judge::case::Case;
use crate::judge::client::{Answer, Client};
use crate::judge::engine::openssl::host::{NameError, match_name_as_libcurl};
use crate::judge::engine::openssl::tls::{self, Limits};
use crate::judge::engine::openssl::{self, LibraryError, Settings};
use crate::judge::stores::{StoreId, Trust};
use crate::model::handshake::{Failure, FailureKind, Stage};
use crate::model::verdict::{Category, Verdict};

pub const CLIENT: Client = Client {
    id: "curl",
    name: "curl (OpenSSL)",
    versions: "curl 7.88.1, OpenSSL 3.0.22",
    measured: true,
    fetches_issuers: false,
    hello: Some(super::openssl::HELLO),
    trust: Trust::of(StoreId::Mozilla),
    notes: &[
        "Uses only the certificates the server sends and its trust store; AIA is never followed.",
        "Builds one chain and never goes back: a wrong issuer that comes first in the list is final.",
        "An intermediate in the trust store is a trust anchor (partial chains, since curl 7.68).",
        "The host name is compared last, so every other fault is reported before it.",
        "Falls back to the common name when the SAN has no dNSName and no iPAddress.",
        "Security level 2: RSA keys below 2048 bits and SHA-1 signatures are refused.",
    ],
    sources: &[
        "OpenSSL 3.0 crypto/x509/x509_vfy.c, v3_purp.c, v3_ncons.c, x509_lu.c, x509_set.c",
        "curl 7.88 lib/vtls/openssl.c (ossl_connect_step2, servercert, Curl_ossl_verifyhost), lib/vtls/hostcheck.c",
        "measured on 2026-11-22",
    ],
    judge,
    handshake,
};

/// libcurl sets `X509_V_FLAG_PARTIAL_CHAIN`; level 2 is Debian's default.
const SETTINGS: Settings = Settings { partial_chain: true, ..Settings::DEFAULT };

const LIMITS: Limits = super::openssl::LIMITS;

fn judge(case: &Case<'_>) -> Answer {
    let end_entity = match openssl::receive(case, LIMITS) {
        Ok(end_entity) => end_entity,
        Err(error) => return ssl_error(error.verdict(), error),
    };
    let outcome = openssl::verify(case, end_entity, SETTINGS);
    let answer = match (outcome.result, outcome.queued) {
        (Ok(()), _) => match tls::exchange_keys(case, LIMITS) {
            Ok(()) => after_handshake(case),
            Err(error) => ssl_error(error.verdict(), error),
        },
        // ossl_connect_step2 shows the oldest entry of the error queue; only if that is "certificate verify failed" does
        // it ask for the verification's result.
        (Err(error), Some(queued)) => {
            let category = if error.category == Category::BadSignature { error.category } else { queued.category };
            ssl_error(Verdict::Reject, LibraryError { category, ..queued })
        }
        (Err(error), None) => Answer::reject(error.category, format!("60 {}", error.name))
            .with_message(format!("SSL certificate problem: {}", error.text)),
    };
    answer.with_path(outcome.chain)
}

/// `servercert` of lib/vtls/openssl.c: the name, then the issuer's name, which must not be empty to be printed.
fn after_handshake(case: &Case<'_>) -> Answer {
    let Some(end_entity) = case.end_entity() else { return Answer::undetermined("no end entity") };
    let certificate = case.pool.get(end_entity);
    let host = case.reference;
    let name = if case.any_name { Ok(()) } else { match_name_as_libcurl(case, certificate) };
    match name {
        Ok(()) if certificate.issuer.is_empty() => Answer::reject(Category::BadFormat, "60 PEER_FAILED_VERIFICATION")
            .with_message("SSL: couldn't get X509-issuer name"),
        Ok(()) => Answer::accept(Vec::new()),
        Err(NameError::AlternativeName) => Answer::reject(Category::Hostname, "60 HOSTNAME")
            .with_message(format!("SSL: no alternative certificate subject name matches target host name '{host}'")),
        Err(NameError::CommonName) => Answer::reject(Category::Hostname, "60 HOSTNAME").with_message(format!(
            "SSL: certificate subject name '{}' does not match target host name '{host}'",
            crate::x509::dn::printable(certificate.subject.common_name().unwrap_or_default())
        )),
        Err(NameError::IllegalField) => Answer::reject(Category::Hostname, "60 PEER_FAILED_VERIFICATION")
            .with_message("SSL: illegal cert name field"),
        Err(NameError::NoName) => Answer::reject(Category::Hostname, "60 PEER_FAILED_VERIFICATION")
            .with_message("SSL: unable to obtain common name from peer certificate"),
    }
}

/// What curl prints for an OpenSSL error: exit code 35 and the error string.
fn ssl_error(verdict: Verdict, error: LibraryError) -> Answer {
    Answer { verdict, ..Answer::error(error.category, format!("35 {}", error.reason)) }.with_message(format!(
        "OpenSSL/3.0.22: error:{}::{}",
        error.origin(),
        error.reason
    ))
}

fn handshake(failure: &Failure, case: &Case<'_>) -> Option<Answer> {
    let (host, port) = (case.reference, case.port);
    let early = failure.stage != Stage::AfterHandshake;
    Some(match (failure.kind, failure.alert.as_deref()) {
        (FailureKind::Refused | FailureKind::Unreachable, _) => {
            let text = format!("Failed to connect to {host} port {port} after 0 ms: Couldn't connect to server");
            let category = if failure.kind == FailureKind::Refused { Category::Refused } else { Category::Other };
            Answer::error(category, code(7, &text)).with_message(text)
        }
        (FailureKind::Timeout, _) => {
            // DEFAULT_CONNECT_TIMEOUT of lib/connect.h: 300 s, the handshake included.
            let text = "Connection timed out after 300000 milliseconds";
            Answer::error(Category::Timeout, code(28, text)).with_message(text)
        }
        (FailureKind::Reset, _) => {
            let text = "Recv failure: Connection reset by peer";
            Answer::error(Category::Closed, code(if early { 35 } else { 56 }, text)).with_message(text)
        }
        (FailureKind::Closed, _) if early => {
            let text = format!("OpenSSL SSL_connect: SSL_ERROR_SYSCALL in connection to {host}:{port}");
            Answer::error(Category::Closed, code(35, &text)).with_message(text)
        }
        // TLS 1.3: the handshake was done, and the alert comes on the first read.
        (FailureKind::ClientCertificateRequired, None | Some("certificate_required")) => {
            let text = "tlsv13 alert certificate required, errno 0";
            Answer::error(Category::ClientCertificate, code(56, text))
                .with_message(format!("OpenSSL SSL_read: OpenSSL/3.0.22: error:0A00045C:SSL routines::{text}"))
        }
        _ => ssl_error(Verdict::Error, tls::failed(failure)?),
    })
}

/// curl's exit code and the first 60 characters of its text, as the measurements cut it.
fn code(exit: u8, text: &str) -> String {
    let start: String = text.chars().take(60).collect();
    format!("{exit} {start}")
}
