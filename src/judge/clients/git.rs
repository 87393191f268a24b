//! git over https with libcurl-gnutls, as Debian and Ubuntu ship it.

use crate::judge::case::Case;
use crate::judge::client::{Answer, Client};
use crate::judge::engine::gnutls::{self, HandshakeError, Settings};
use crate::judge::stores::{StoreId, Trust};
use crate::model::handshake::{Failure, FailureKind, Stage};
use crate::model::verdict::Category;

pub const CLIENT: Client = Client {
    id: "git",
    name: "git (GnuTLS)",
    versions: "git 2.47, libcurl-gnutls, GnuTLS 3.7.9",
    measured: true,
    fetches_issuers: false,
    hello: Some(super::gnutls_cli::HELLO),
    trust: Trust::of(StoreId::Mozilla),
    notes: &[
        "Uses only the certificates the server sends and its trust store; AIA is never followed.",
        "Sorts what the server sends: order, duplicates and strangers do not matter.",
        "Says nothing about the cause: every fault of the chain is \"server certificate verification failed\"; the name is compared after it.",
        "extendedKeyUsage is not checked; a keyUsage that forbids what the handshake does is refused.",
    ],
    sources: &[
        "curl 7.88 lib/vtls/gtls.c (handshake, Curl_gtls_verifyserver)",
        "GnuTLS 3.7.9 lib/x509/verify.c, verify-high.c, lib/cert-session.c, lib/tls-sig.c",
        "measured on 2026-11-22",
    ],
    judge,
    handshake,
};

fn judge(case: &Case<'_>) -> Answer {
    // libcurl verifies when the handshake is done.
    if let Err(error) = gnutls::receive(case).and_then(|()| gnutls::key_usage_allows_handshake(case)) {
        return failed(error);
    }
    let Some(end_entity) = case.end_entity() else { return Answer::undetermined("no end entity") };
    let outcome = match gnutls::verify_peers(case, end_entity, Settings::default()) {
        Ok(outcome) => outcome,
        Err(failure) => return error(failure.category, &format!("server cert verify failed: {}", failure.number)),
    };
    let certificate = case.pool.get(end_entity);
    if outcome.status.invalid {
        return Answer::reject(Category::Unspecified, "server certificate verification failed")
            .with_message("server certificate verification failed. CAfile: none CRLfile: none")
            .with_path(outcome.chain);
    }
    if !case.any_name && !case.name_holds(certificate, gnutls::matches_host) {
        let name = crate::x509::dn::printable(certificate.subject.common_name().unwrap_or_default());
        return Answer::reject(Category::Hostname, "HOSTNAME")
            .with_message(format!(
                "SSL: certificate subject name ({name}) does not match target host name '{}'",
                case.reference
            ))
            .with_path(outcome.chain);
    }
    Answer::accept(outcome.chain)
}

fn handshake(failure: &Failure, case: &Case<'_>) -> Option<Answer> {
    let (host, port) = (case.reference, case.port);
    Some(match failure.kind {
        FailureKind::Refused => error(
            Category::Refused,
            &format!("Failed to connect to {host} port {port} after 2 ms: Couldn't connect to server"),
        ),
        FailureKind::Timeout if failure.stage != Stage::Tcp => Answer::error(Category::Timeout, "timeout"),
        FailureKind::Reset => error(Category::Closed, "Recv failure: Connection reset by peer"),
        // TLS 1.3: the handshake was done, and the alert comes on the first read.
        FailureKind::ClientCertificateRequired
            if matches!(failure.alert.as_deref(), None | Some("certificate_required")) =>
        {
            error(Category::Handshake, "GnuTLS recv error (-12): A TLS fatal alert has been received.")
        }
        _ => failed(gnutls::handshake_error(failure)?),
    })
}

fn failed(error: HandshakeError) -> Answer {
    let what = error.alert.map_or(error.text, |(_, text)| text);
    let text = format!("gnutls_handshake() failed: {what}");
    let make = if error.is_verdict() { Answer::reject } else { Answer::error };
    make(error.category, code(&text)).with_message(text)
}

fn error(category: Category, text: &str) -> Answer {
    Answer::error(category, code(text)).with_message(text)
}

/// The first 80 characters in lower case, as the measurements cut them.
fn code(text: &str) -> String {
    text.to_lowercase().chars().take(80).collect()
}
