//! Issuers fetched by the addresses in certificates (AIA).

use super::names::Names;
use super::screen::{Paint, Screen, paint, plain};
use crate::model::aia::{AiaForm, AiaOutcome, IssuerFit};
use crate::model::report::Report;

/// The outcome of a fetch in words.
pub fn outcome(outcome: AiaOutcome) -> (Paint, &'static str) {
    match outcome {
        AiaOutcome::Accepted => (Paint::Good, "✓ accepted"),
        AiaOutcome::SchemeNotSupported => (Paint::Dim, "- not http, nobody fetches it"),
        AiaOutcome::InvalidUrl => (Paint::Bad, "✗ not a URL"),
        AiaOutcome::PrivateAddress => (Paint::Warning, "! a private address (--allow-private-aia allows it)"),
        AiaOutcome::NotResolved => (Paint::Bad, "✗ its host does not resolve"),
        AiaOutcome::Unreachable => (Paint::Bad, "✗ unreachable"),
        AiaOutcome::Timeout => (Paint::Bad, "✗ no answer in time"),
        AiaOutcome::HttpStatus => (Paint::Bad, "✗ refused by the server"),
        AiaOutcome::TooManyRedirects => (Paint::Bad, "✗ too many redirects"),
        AiaOutcome::TooLarge => (Paint::Bad, "✗ too large"),
        AiaOutcome::NotACertificate => (Paint::Bad, "✗ no certificate in the answer"),
        AiaOutcome::LimitReached => (Paint::Warning, "! not fetched, the limit was reached"),
    }
}

/// Every fetch and what it brought. A probe shows them with `-v`: what was found, and what was looked for in vain, stands
/// in the chain.
pub fn draw(report: &Report, names: &Names<'_>, screen: &mut Screen) {
    if report.aia.is_empty() {
        return;
    }
    screen.heading("ISSUERS FETCHED", &[paint(Paint::Dim, "by the addresses in certificates (AIA)")]);
    for fetch in &report.aia {
        screen.entry("  ", "    ", &[plain(&fetch.url)]);
        let mut facts = Vec::new();
        facts.extend(fetch.status.map(|status| format!("HTTP {status}")));
        facts.extend(fetch.bytes.map(|bytes| format!("{bytes} bytes")));
        facts.extend(fetch.form.map(|form| self::form(form).to_owned()));
        facts.push(format!("{} ms", fetch.duration_ms));
        facts.extend(fetch.detail.clone());
        let (color, words) = outcome(fetch.outcome);
        screen.entry("    ", "      ", &[paint(color, words), paint(Paint::Dim, format!(": {}", facts.join(", ")))]);
        let found: Vec<String> = fetch.certificates.iter().map(|found| names.certificate(found)).collect();
        if found.is_empty() {
            continue;
        }
        let (color, fit) = match fetch.fit {
            Some(IssuerFit::Issuer) => (Paint::Good, ", the right certificate"),
            Some(IssuerFit::OtherKey) => (Paint::Bad, ", NOT the issuer: its name with another key"),
            Some(IssuerFit::OtherName) => (Paint::Bad, ", NOT the issuer: another name"),
            None => (Paint::Plain, ""),
        };
        let from = match fetch.cached_at {
            Some(at) if fetch.from_cache => format!("kept from {}: ", at.date()),
            _ => "gives ".to_owned(),
        };
        screen.entry("    ", "      ", &[plain(from), plain(found.join(", ")), paint(color, fit)]);
    }
}

fn form(form: AiaForm) -> &'static str {
    match form {
        AiaForm::Der => "DER",
        AiaForm::Pkcs7 => "PKCS#7",
        AiaForm::Pem => "PEM",
        AiaForm::Html => "a web page",
        AiaForm::Empty => "empty",
        AiaForm::Other => "neither DER, PEM nor PKCS#7",
    }
}
