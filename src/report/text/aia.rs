//! Issuers fetched by the addresses in certificates (AIA).

use super::names::Names;
use super::screen::{Paint, Screen, paint, plain};
use crate::model::aia::AiaOutcome;
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

/// Every fetch, with `-v`: what was found, and what was looked for in vain, stands in the chain.
pub fn draw(report: &Report, names: &Names<'_>, screen: &mut Screen) {
    if !screen.style().is_verbose() || report.aia.is_empty() {
        return;
    }
    screen.heading("ISSUERS FETCHED", &[paint(Paint::Dim, "by the addresses in certificates (AIA)")]);
    for fetch in &report.aia {
        screen.entry("  ", "    ", &[plain(&fetch.url)]);
        let mut facts = Vec::new();
        facts.extend(fetch.status.map(|status| format!("HTTP {status}")));
        facts.extend(fetch.bytes.map(|bytes| format!("{bytes} bytes")));
        facts.push(format!("{} ms", fetch.duration_ms));
        if fetch.from_cache {
            facts.push("from the cache".to_owned());
        }
        facts.extend(fetch.detail.clone());
        facts.extend(fetch.certificates.iter().map(|found| names.certificate(found)));
        let (color, words) = outcome(fetch.outcome);
        screen.entry("    ", "      ", &[paint(color, words), paint(Paint::Dim, format!(": {}", facts.join(", ")))]);
    }
}
