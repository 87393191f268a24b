//! What is known of revocations: revoked, unknown and not checked look different, and none of them looks like good.

use super::groups;
use super::names::Names;
use super::screen::{Paint, Screen, Span, paint, plain};
use crate::model::report::Report;
use crate::model::revocation::{RevocationAnswer, RevocationFetch, RevocationSource, RevocationStatus};

/// Where nothing was asked for, only what was stapled is told.
pub fn draw(report: &Report, names: &Names<'_>, screen: &mut Screen) {
    let verbose = screen.style().is_verbose();
    let is_asked = report.revocation.is_some();
    let told = |answer: &RevocationAnswer| is_asked || verbose || answer.status != RevocationStatus::NotChecked;
    for (index, deployment) in groups::shown(report, screen.style()) {
        if !deployment.revocation.iter().any(|known| told(&known.answer)) {
            continue;
        }
        let of_group = groups::label(report, index).map(|label| plain(format!("group {label}")));
        screen.heading("REVOCATION", of_group.as_slice());
        for known in deployment.revocation.iter().filter(|known| told(&known.answer)) {
            let (color, sign) = mark(known.answer.status);
            let mut line = vec![paint(color, sign), plain(format!(" {}: ", names.certificate(&known.certificate)))];
            line.extend(words(&known.answer));
            screen.entry("  ", "      ", &line);
            for other in known.other_answers.iter().filter(|_| verbose) {
                let (color, sign) = mark(other.status);
                let mut line = vec![paint(color, sign), plain(" also: ")];
                line.extend(words(other));
                screen.entry("      ", "        ", &line);
            }
        }
    }
    for fetch in report.revocation.iter().flat_map(|facts| &facts.fetches).filter(|_| verbose) {
        draw_fetch(fetch, screen);
    }
}

fn mark(status: RevocationStatus) -> (Paint, &'static str) {
    match status {
        RevocationStatus::Good => (Paint::Good, "✓"),
        RevocationStatus::Revoked => (Paint::Bad, "✗"),
        RevocationStatus::Unknown => (Paint::Warning, "?"),
        RevocationStatus::NotChecked => (Paint::Dim, "-"),
    }
}

fn source(source: RevocationSource) -> &'static str {
    match source {
        RevocationSource::Staple => "the stapled OCSP response",
        RevocationSource::Crl => "the CRL",
        RevocationSource::Ocsp => "the OCSP responder",
    }
}

fn words(answer: &RevocationAnswer) -> Vec<Span> {
    let from = answer.source.map(source).unwrap_or_default();
    let why = answer.why.as_deref().unwrap_or("no reason is recorded");
    let at = answer.url.as_ref().map(|url| format!(" at {url}")).unwrap_or_default();
    match answer.status {
        RevocationStatus::NotChecked => vec![paint(Paint::Dim, format!("not checked: {why}"))],
        RevocationStatus::Unknown => {
            vec![paint(Paint::Warning, "unknown"), plain(format!(": {from}{at}: {why}"))]
        }
        RevocationStatus::Good => {
            let of = answer.this_update.map(|time| format!(" of {}", time.date())).unwrap_or_default();
            let until = answer.next_update.map(|time| format!(", valid until {}", time.date())).unwrap_or_default();
            let kept = if answer.from_cache { ", kept from an earlier day" } else { "" };
            vec![paint(Paint::Good, "not revoked"), paint(Paint::Dim, format!(", says {from}{of}{until}{kept}"))]
        }
        RevocationStatus::Revoked => {
            let when = answer.revoked_at.map(|time| format!(" on {}", time.date())).unwrap_or_default();
            let reason = answer.reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
            vec![paint(Paint::Bad, format!("REVOKED{when}{reason}")), plain(format!(", says {from}{at}"))]
        }
    }
}

fn draw_fetch(fetch: &RevocationFetch, screen: &mut Screen) {
    let (color, words) = super::aia::outcome(fetch.outcome);
    let mut facts = Vec::new();
    facts.extend(fetch.status.map(|status| format!("HTTP {status}")));
    facts.extend(fetch.bytes.map(|bytes| format!("{bytes} bytes")));
    facts.extend(fetch.cached_at.map(|at| format!("kept from {at}")));
    facts.push(format!("{} ms", fetch.duration_ms));
    facts.extend(fetch.detail.clone());
    screen.entry("  ", "    ", &[plain(&fetch.url)]);
    screen.entry("    ", "      ", &[paint(color, words), paint(Paint::Dim, format!(": {}", facts.join(", ")))]);
}
