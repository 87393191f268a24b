//! GNU Wget with GnuTLS, as Debian and Ubuntu ship it.

use crate::judge::case::Case;
use crate::judge::client::{Answer, Client};
use crate::judge::engine::gnutls::{self, Fault, HandshakeError, Settings};
use crate::judge::stores::{StoreId, Trust};
use crate::model::handshake::{Failure, FailureKind};
use crate::model::verdict::Category;
use crate::x509::Certificate;

pub const CLIENT: Client = Client {
    id: "wget",
    name: "wget (GnuTLS)",
    versions: "GNU Wget 1.21.3, GnuTLS 3.7.9",
    measured: true,
    fetches_issuers: false,
    hello: Some(super::gnutls_cli::HELLO),
    trust: Trust::of(StoreId::Mozilla),
    notes: &[
        "Uses only the certificates the server sends and its trust store; AIA is never followed.",
        "Sorts what the server sends: order, duplicates and strangers do not matter.",
        "Prints several faults, but not all: a violated constraint, a bad signature or a missing staple is only \"not trusted\".",
        "Looks at the end entity's dates and name by itself, whatever else is wrong.",
        "extendedKeyUsage is not checked, and a keyUsage that forbids the handshake is tolerated.",
    ],
    sources: &[
        "GNU Wget 1.21.3 src/gnutls.c (ssl_check_certificate, set_prio_default), src/connect.c",
        "GnuTLS 3.7.9 lib/x509/verify.c, verify-high.c, lib/cert-session.c",
        "measured on 2026-11-22",
    ],
    judge,
    handshake,
};

fn judge(case: &Case<'_>) -> Answer {
    if let Err(error) = gnutls::receive(case) {
        return failed(error);
    }
    let Some(end_entity) = case.end_entity() else { return Answer::undetermined("no end entity") };
    // gnutls_session_enable_compatibility_mode: a keyUsage violation is let pass.
    let outcome = match gnutls::verify_peers(case, end_entity, Settings::default()) {
        Ok(outcome) => outcome,
        // It takes every error of the call for this one.
        Err(error) => {
            return refuse(error.category, &[]).with_message("ERROR: No certificate presented.");
        }
    };
    let status = outcome.status;
    let certificate = case.pool.get(end_entity);
    let faults = faults(case, certificate, &status);
    if faults.is_empty() {
        return Answer::accept(outcome.chain);
    }
    let words: Vec<&str> = faults.iter().map(|(_, words)| *words).collect();
    refuse(category(&status, &faults), &words)
        .with_message(format!("The certificate of '{}': {}", case.reference, words.join(", ")))
        .with_path(outcome.chain)
}

/// Exit status 5, `VERIFCERTERR`, and the words that tell its messages apart.
fn refuse(category: Category, words: &[&str]) -> Answer {
    Answer::reject(category, format!("5 {}", words.join("+")))
}

/// What `ssl_check_certificate` prints: of the library's flags, then of its own checks.
fn faults(case: &Case<'_>, certificate: &Certificate, status: &gnutls::Status) -> Vec<(Category, &'static str)> {
    let is_over = case.at >= certificate.not_after;
    let checks = [
        (status.invalid, Category::Unspecified, "not trusted"),
        (status.has(Fault::Revoked), Category::Revoked, "has been revoked"),
        (status.has(Fault::InsecureAlgorithm), Category::Algorithm, "insecure algorithm"),
        (status.has(Fault::Expired), Category::Expired, "has expired"),
        (case.at < certificate.not_before, Category::NotYetValid, "not yet been activated"),
        (is_over && !status.has(Fault::Expired), Category::Expired, "has expired"),
        (
            !case.any_name && !case.name_holds(certificate, gnutls::matches_host),
            Category::Hostname,
            "owner+does not match",
        ),
    ];
    checks.into_iter().filter(|(found, ..)| *found).map(|(_, category, words)| (category, words)).collect()
}

/// The last line it prints that says more than "not trusted".
fn category(status: &gnutls::Status, faults: &[(Category, &str)]) -> Category {
    let last = faults.last().map_or(Category::Unspecified, |(category, _)| *category);
    match last {
        Category::Unspecified if status.has(Fault::SignerNotFound) => Category::UnknownIssuer,
        // "is not yet activated", of an issuer
        Category::Unspecified if status.has(Fault::NotActivated) => Category::NotYetValid,
        last => last,
    }
}

fn handshake(failure: &Failure, _case: &Case<'_>) -> Option<Answer> {
    match failure.kind {
        FailureKind::Refused => Some(Answer::error(Category::Refused, "4 failed: Connection refused.")),
        // Its own time limit is 900 s; by then most servers have closed.
        FailureKind::Timeout => Some(Answer::error(Category::Closed, "4 Unable to establish SSL connection.")),
        // TLS 1.3: the handshake was done, and saving the session is what meets the alert.
        FailureKind::ClientCertificateRequired
            if matches!(failure.alert.as_deref(), None | Some("certificate_required")) =>
        {
            Some(Answer::error(Category::ClientCertificate, "4 WARNING: Could not save SSL session data for socket 4"))
        }
        _ => gnutls::handshake_error(failure).map(failed),
    }
}

fn failed(error: HandshakeError) -> Answer {
    let answer = match error.alert {
        Some((number, text)) => Answer::error(error.category, format!("4 received alert [{number}]: {text}")),
        None if error.is_verdict() => Answer::reject(error.category, format!("4 {}", error.text)),
        None => Answer::error(error.category, format!("4 {}", error.text)),
    };
    answer.with_message(format!("GnuTLS: {}", error.text))
}
