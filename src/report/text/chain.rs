//! The chain, drawn: what was served from top to bottom, the gap where something is missing, the root it should reach.

use std::collections::BTreeSet;

use super::names::{self, Names};
use super::screen::{Paint, Screen, Span, paint, plain};
use super::{aia, groups};
use crate::model::aia::AiaFetch;
use crate::model::certificate::{CertificateFacts, KeyFacts, Source};
use crate::model::path::{Path, Provenance};
use crate::model::report::{Deployment, Report};
use crate::model::time::{DAY, Time};
use crate::model::verdict::Verdict;

/// Names of an end entity that are listed; CDNs put a hundred into one certificate.
const MAX_NAMES: usize = 4;

pub fn draw(report: &Report, names: &Names<'_>, screen: &mut Screen) {
    for (index, deployment) in groups::shown(report, screen.style()) {
        if deployment.served_chain.is_empty() {
            continue;
        }
        let title = groups::label(report, index).map_or("CHAIN".to_owned(), |label| format!("CHAIN {label}"));
        let count = match deployment.served_chain.len() {
            1 => "1 certificate".to_owned(),
            count => format!("{count} certificates"),
        };
        let summary = match deployment.endpoints.as_slice() {
            [] => format!("{count} in the files"),
            endpoints => format!("{count} served by {}", endpoints.join(", ")),
        };
        screen.heading(&title, &[paint(Paint::Dim, summary)]);
        Drawing { report, deployment, names }.draw(screen);
    }
    if let Some(remark) = groups::left_out(report, screen.style()) {
        screen.entry("", "  ", &[paint(Paint::Dim, remark)]);
    }
}

struct Drawing<'a> {
    report: &'a Report,
    deployment: &'a Deployment,
    names: &'a Names<'a>,
}

impl Drawing<'_> {
    fn draw(&self, screen: &mut Screen) {
        let mut drawn = BTreeSet::new();
        match self.shown_path() {
            Some((path, anchored)) => self.path(path, anchored, &mut drawn, screen),
            None => {
                for position in 0..self.deployment.served_chain.len() {
                    self.served_alone(position, "served", screen);
                    drawn.insert(position);
                }
            }
        }
        self.left_over(&drawn, screen);
    }

    /// The path worth showing: one without errors, else one that reaches a trust anchor, else the best there is.
    fn shown_path(&self) -> Option<(&Path, bool)> {
        let paths =
            || self.deployment.paths.iter().enumerate().map(|(index, path)| (path, self.is_anchored(index, path)));
        paths()
            .find(|(path, anchored)| *anchored && path.errors.is_empty())
            .or_else(|| paths().find(|(_, anchored)| *anchored))
            .or_else(|| paths().next())
    }

    fn is_anchored(&self, index: usize, path: &Path) -> bool {
        let from_store = path.provenance.last().is_some_and(|provenance| store(provenance).is_some());
        let in_store = path
            .certificates
            .last()
            .and_then(|last| self.names.facts(last))
            .is_some_and(|facts| facts.sources.contains(&Source::Store));
        // A client that checks nothing accepts a path that ends nowhere, too.
        let ends_open = path.errors.iter().any(|error| {
            matches!(
                &*error.kind,
                "issuer-not-found" | "issuer-key-does-not-match" | "untrusted-root" | "self-signed-end-entity"
            )
        });
        let accepted = self.deployment.clients.iter().any(|c| c.path == Some(index) && c.verdict == Verdict::Accept);
        from_store || in_store || (accepted && !ends_open)
    }

    fn path(&self, path: &Path, anchored: bool, drawn: &mut BTreeSet<usize>, screen: &mut Screen) {
        let last = path.certificates.len().saturating_sub(1);
        let mut expected = 0;
        for (index, fingerprint) in path.certificates.iter().enumerate() {
            let position = self.deployment.served_chain.iter().position(|served| served == fingerprint);
            let is_anchor = anchored && index == last;
            let role = self.role(index, fingerprint, is_anchor);
            let mut faults: Vec<String> = path
                .errors
                .iter()
                .filter(|fault| fault.position == index && !self.is_drawn(fingerprint, &fault.kind))
                .map(|fault| fault.message.clone())
                .collect();
            let is_gap = position.is_none() && !is_anchor;
            let provenance = match position {
                Some(position) => {
                    drawn.insert(position);
                    if position < expected || (index == 0 && position > 0) {
                        faults.push(format!("out of order: sent as number {}", position + 1));
                    }
                    expected = expected.max(position + 1);
                    let also = if is_anchor { " and in the store" } else { "" };
                    paint(Paint::Dim, format!("{role}, served{also}"))
                }
                None if is_anchor => {
                    let store = path.provenance.get(index).and_then(store).unwrap_or("trust");
                    paint(Paint::Dim, format!("{role}, in the {store} store"))
                }
                // Nobody has to send a root; that nobody trusts it is the point.
                None if self.is_self_issued(fingerprint) => paint(Paint::Bad, format!("{role}, ✗ NOT TRUSTED")),
                None => paint(Paint::Bad, format!("✗ MISSING {role}")),
            };
            let marker = if is_gap {
                "○"
            } else if is_anchor {
                "◆"
            } else {
                "●"
            };
            // A certificate that was not sent hangs on a broken line.
            let goes_on = index < last || !anchored;
            let next_is_gap = index < last && self.is_gap(path, index + 1, anchored) || index == last;
            let line = match (goes_on, is_gap || next_is_gap) {
                (false, _) => " ",
                (true, true) => "╎",
                (true, false) => "│",
            };
            let rest = format!("  {line}   ");
            screen.sides(
                &format!("  {marker} "),
                &rest,
                &[paint(Paint::Bold, self.names.certificate(fingerprint))],
                &[provenance],
            );
            if is_gap {
                screen.entry(&rest, &rest, &[plain(self.where_found(fingerprint))]);
            }
            self.facts(fingerprint, index == 0, &rest, screen);
            for fault in faults {
                screen.entry(&rest, &format!("{rest}  "), &[paint(Paint::Bad, format!("✗ {fault}"))]);
            }
        }
        if !anchored {
            self.dead_end(path, screen);
        }
    }

    /// The drawing says these itself, by its dates and by the way it ends.
    fn is_drawn(&self, fingerprint: &str, fault: &str) -> bool {
        let drawn = ["expired", "not-yet-valid", "issuer-not-found", "untrusted-root", "self-signed-end-entity"];
        self.names.facts(fingerprint).is_some() && drawn.contains(&fault)
    }

    fn is_gap(&self, path: &Path, index: usize, anchored: bool) -> bool {
        let is_anchor = anchored && index + 1 == path.certificates.len();
        !is_anchor
            && path
                .certificates
                .get(index)
                .is_some_and(|fingerprint| !self.deployment.served_chain.contains(fingerprint))
    }

    fn role(&self, index: usize, fingerprint: &str, is_anchor: bool) -> &'static str {
        match (index, self.is_self_issued(fingerprint), is_anchor) {
            (0, _, false) => "end entity",
            (0, _, true) => "end entity and trust anchor",
            (_, true, _) => "root",
            (_, false, true) => "trust anchor",
            (_, false, false) => "intermediate",
        }
    }

    fn is_self_issued(&self, fingerprint: &str) -> bool {
        self.names.facts(fingerprint).is_some_and(|facts| facts.subject == facts.issuer)
    }

    /// Where a certificate that was not served came from.
    fn where_found(&self, fingerprint: &str) -> String {
        let fetched = self.report.aia.iter().find(|fetch| fetch.certificates.iter().any(|found| found == fingerprint));
        match fetched {
            Some(AiaFetch { from_cache: true, cached_at: Some(at), url, .. }) => {
                format!("not served; fetched on {} from {url}, which is dead today", at.date())
            }
            Some(fetch) => format!("not served; found by AIA at {}", fetch.url),
            None => "not served; found elsewhere".to_owned(),
        }
    }

    /// The path ends without a trust anchor: what should come next.
    fn dead_end(&self, path: &Path, screen: &mut Screen) {
        let Some(facts) = path.certificates.last().and_then(|last| self.names.facts(last)) else { return };
        if facts.subject == facts.issuer {
            screen.entry("  ✗ ", "      ", &[paint(Paint::Bad, "ends here: self-issued, and in no trust store used")]);
        } else {
            let issuer = names::short(&facts.issuer);
            let right = paint(Paint::Bad, "✗ MISSING issuer, not found");
            screen.sides("  ○ ", "      ", &[paint(Paint::Bold, issuer)], &[right]);
            self.looked_for_at(facts, screen);
        }
    }

    /// Where the issuer should have been found, and why it was not.
    fn looked_for_at(&self, facts: &CertificateFacts, screen: &mut Screen) {
        if facts.ca_issuers.is_empty() {
            let line = paint(Paint::Dim, "the certificate below it gives no address to fetch it from (AIA)");
            screen.entry("      ", "      ", &[line]);
        }
        for url in &facts.ca_issuers {
            let fetch = self.report.aia.iter().find(|fetch| fetch.url == *url);
            let (color, outcome) = fetch.map_or((Paint::Dim, "- not fetched"), |fetch| aia::outcome(fetch.outcome));
            let status = fetch.and_then(|fetch| fetch.status).map(|status| format!(" (HTTP {status})"));
            let line = [plain(format!("AIA {url}: ")), paint(color, outcome), plain(status.unwrap_or_default())];
            screen.entry("      ", "        ", &line);
        }
    }

    /// Served certificates that are no part of the path shown.
    fn left_over(&self, drawn: &BTreeSet<usize>, screen: &mut Screen) {
        let served = &self.deployment.served_chain;
        for position in (0..served.len()).filter(|position| !drawn.contains(position)) {
            let why = if served[..position].contains(&served[position]) {
                "served again (duplicate)"
            } else {
                "served, not part of this path"
            };
            self.served_alone(position, why, screen);
        }
    }

    fn served_alone(&self, position: usize, why: &str, screen: &mut Screen) {
        let fingerprint = &self.deployment.served_chain[position];
        let right = paint(Paint::Warning, format!("number {}, {why}", position + 1));
        screen.sides("  + ", "      ", &[plain(self.names.certificate(fingerprint))], &[right]);
        if let Some(facts) = self.names.facts(fingerprint) {
            screen.entry(
                "      ",
                "      ",
                &[paint(Paint::Dim, format!("issued by {}", names::short(&facts.issuer)))],
            );
        }
        self.facts(fingerprint, false, "      ", screen);
    }

    /// Validity, key and, for the end entity, names.
    fn facts(&self, fingerprint: &str, is_end_entity: bool, rest: &str, screen: &mut Screen) {
        let Some(facts) = self.names.facts(fingerprint) else { return };
        if is_end_entity {
            screen.entry(rest, &format!("{rest}    "), &[plain(presented(facts, screen.style().is_verbose()))]);
        }
        screen.entry(rest, rest, &validity(facts, self.report.run.judged_at));
        if screen.style().is_verbose() {
            for (name, value) in [
                ("subject", facts.subject.as_str()),
                ("issuer", &facts.issuer),
                ("serial", &facts.serial),
                ("signature", &facts.signature_algorithm),
                ("sha256", fingerprint),
            ] {
                screen.entry(rest, &format!("{rest}  "), &[paint(Paint::Dim, format!("{name} {value}"))]);
            }
        }
    }
}

/// The presented identifiers.
fn presented(facts: &CertificateFacts, all: bool) -> String {
    let names = &facts.subject_alternative_names;
    if names.is_empty() {
        return "for no name (no subjectAltName)".to_owned();
    }
    let shown = if all { names.len() } else { names.len().min(MAX_NAMES) };
    let more = names.len() - shown;
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let shown: Vec<&str> = names[..shown].iter().map(|name| name.strip_prefix("DNS:").unwrap_or(name)).collect();
    format!("for {}{more}", shown.join(", "))
}

/// From when to when, what is left of it, and the key.
pub fn validity(facts: &CertificateFacts, at: Time) -> Vec<Span> {
    let days = |seconds: i64| match seconds / DAY {
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    };
    let (color, remark) = if facts.not_after < at {
        (Paint::Bad, format!("EXPIRED {} ago", days(at.since(facts.not_after))))
    } else if at < facts.not_before {
        (Paint::Bad, format!("NOT YET VALID for {}", days(facts.not_before.since(at))))
    } else {
        (Paint::Dim, format!("{} left", days(facts.not_after.since(at))))
    };
    vec![
        paint(Paint::Dim, format!("{} to {}, ", facts.not_before.date(), facts.not_after.date())),
        paint(color, remark),
        paint(Paint::Dim, format!(", {}", key(&facts.key))),
    ]
}

fn key(key: &KeyFacts) -> String {
    match (&key.curve, key.bits) {
        (Some(curve), _) => format!("{} {curve}", key.algorithm),
        (None, Some(bits)) => format!("{} {bits}", key.algorithm),
        (None, None) => key.algorithm.clone(),
    }
}

/// The store a certificate of a path was taken from.
fn store(provenance: &Provenance) -> Option<&'static str> {
    match provenance {
        Provenance::Served | Provenance::Aia | Provenance::Cache | Provenance::Known => None,
        Provenance::StoreLocal => Some("local"),
        Provenance::StoreRoots => Some("given"),
        Provenance::StoreMozilla => Some("mozilla"),
        Provenance::StoreWebpkiRoots => Some("webpki-roots"),
        Provenance::StoreChrome => Some("chrome"),
        Provenance::StoreApple => Some("apple"),
        Provenance::StoreAndroid => Some("android"),
        Provenance::StoreMicrosoft => Some("microsoft"),
        Provenance::StoreJava => Some("java"),
    }
}
