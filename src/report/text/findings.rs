//! What was found, what to do, what the repair would change, and what nobody looked at.

use std::collections::BTreeSet;

use serde_json::Value;

use super::groups;
use super::names::{self, Names};
use super::screen::{Paint, Screen, paint, plain};
use crate::model::finding::{Finding, Severity, SubjectKind};
use crate::model::report::{Proof, Report};
use crate::model::verdict::Verdict;

/// Values of one fact that are listed on one screen.
const MAX_VALUES: usize = 6;

/// Column at which a finding's text stands.
const INDENT: &str = "            ";

pub fn draw(report: &Report, names: &Names<'_>, screen: &mut Screen) {
    if report.findings.is_empty() {
        return;
    }
    screen.heading("FINDINGS", &[]);
    let said = said_above(report);
    let mut explained = BTreeSet::new();
    for finding in &report.findings {
        let explain = explained.insert(finding.code.as_str());
        self::finding(report, finding, explain, &said, names, screen);
    }
}

fn finding(
    report: &Report,
    finding: &Finding,
    explain: bool,
    said: &BTreeSet<String>,
    names: &Names<'_>,
    screen: &mut Screen,
) {
    let verbose = screen.style().is_verbose();
    let color = match finding.severity {
        Severity::Critical | Severity::High => Paint::Bad,
        Severity::Medium => Paint::Warning,
        Severity::Low | Severity::Info => Paint::Dim,
    };
    let severity = format!("{:<8}", finding.severity.as_str().to_uppercase());
    let title = [
        paint(color, severity),
        plain("  "),
        paint(Paint::Bold, &finding.title),
        paint(Paint::Dim, format!(" [{}]", finding.code)),
    ];
    screen.entry("  ", INDENT, &title);
    // A note that concerns nobody today is worth a line, not a paragraph.
    if finding.severity == Severity::Info && !verbose {
        return;
    }
    if explain {
        screen.entry(INDENT, INDENT, &[plain(&finding.explanation)]);
    }
    let style = screen.style();
    let mut item = |name: &str, value: String| {
        let label = paint(Paint::Dim, format!("{name}: "));
        screen.entry(INDENT, &format!("{INDENT}  "), &[label, plain(value)]);
    };
    let subject = subject(report, finding, names);
    if let Some(subject) = &subject {
        item("about", subject.clone());
    }
    for (name, value) in &finding.facts {
        let Some(text) = fact(value, verbose) else { continue };
        let is_said = is_said(value, said) || subject.as_deref() == Some(names::short(&text));
        if verbose || !is_said {
            item(&name.replace('_', " "), text);
        }
    }
    if !finding.affected_clients.is_empty() {
        item("fails in", names.clients(finding.affected_clients.iter().map(String::as_str), style));
    }
    if let Some(remedy) = &finding.remedy {
        let label = if remedy.safe { "→ fix: " } else { "→ fix (with care, it may make things worse): " };
        let line = [paint(Paint::Good, label), plain(&remedy.summary)];
        screen.entry(INDENT, &format!("{INDENT}  "), &line);
        if let Some(command) = &remedy.command {
            screen.command(&format!("{INDENT}  "), command);
        }
    }
}

/// What stands on the screen before the findings begin, as rules put it into facts.
fn said_above(report: &Report) -> BTreeSet<String> {
    let dns = &report.dns;
    let mut said: BTreeSet<String> = [&dns.resolver, &dns.detail].into_iter().flatten().cloned().collect();
    said.insert(report.target.server_name.clone());
    said.extend(dns.cname_chain.iter().map(|alias| format!("{} → {}", alias.owner, alias.target)));
    for endpoint in &report.endpoints {
        said.insert(endpoint.address.clone());
        if let Some(failure) = &endpoint.failure {
            said.extend([failure.message.clone(), format!("{}: {}", endpoint.address, failure.message)]);
            said.extend(failure.alert.clone());
        }
    }
    said
}

fn is_said(fact: &Value, said: &BTreeSet<String>) -> bool {
    match fact {
        Value::String(text) => said.contains(text),
        Value::Array(values) => values.iter().all(|value| is_said(value, said)),
        _ => false,
    }
}

/// What it is about, where the title leaves that open.
fn subject(report: &Report, finding: &Finding, names: &Names<'_>) -> Option<String> {
    let reference = &finding.subject.reference;
    match finding.subject.kind {
        SubjectKind::Certificate => Some(names.certificate(reference)),
        SubjectKind::Endpoint | SubjectKind::Dns => Some(reference.clone()),
        SubjectKind::Client => Some(names.client(reference).to_owned()),
        SubjectKind::Deployment => {
            let label = reference.parse().ok().and_then(|index| groups::label(report, index));
            label.map(|label| format!("group {label}"))
        }
    }
}

/// A fact for people; `None` for fingerprints on one screen, whose names stand beside them.
fn fact(value: &Value, verbose: bool) -> Option<String> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let is_for_programs = |value: &Value| value.as_str().is_some_and(names::is_fingerprint);
    match value {
        Value::Null => None,
        Value::Array(values) => {
            if values.is_empty() || (!verbose && values.iter().all(is_for_programs)) {
                return None;
            }
            let shown = if verbose { values.len() } else { values.len().min(MAX_VALUES) };
            let mut list = values[..shown].iter().map(text).collect::<Vec<_>>().join("; ");
            if values.len() > shown {
                list.push_str(&format!(" … and {} more", values.len() - shown));
            }
            Some(list)
        }
        value if is_for_programs(value) && !verbose => None,
        value => Some(text(value)),
    }
}

/// What the corrected bundle changes, with its proof.
pub fn repair(report: &Report, names: &Names<'_>, screen: &mut Screen) {
    let repair = &report.repair;
    if !repair.possible {
        let refused =
            report.deployments.iter().flat_map(|d| &d.clients).any(|client| client.verdict == Verdict::Reject);
        if let Some(reason) = repair.reason.as_ref().filter(|_| refused || screen.style().is_verbose()) {
            screen.heading("REPAIR", &[plain(format!("no other bundle helps: {reason}"))]);
            if let Some(instead) = &repair.instead {
                screen.entry("  ", "    ", &[paint(Paint::Good, "→ what does: "), plain(instead)]);
            }
        }
        return;
    }
    let mends = repair.proof.iter().any(|proof| proof.before != Verdict::Accept && proof.after == Verdict::Accept);
    let what = if mends { "a bundle that mends it" } else { "a cleaner bundle" };
    screen.heading("REPAIR", &[paint(Paint::Good, format!("{what}, with the same end entity and key"))]);
    for (sign, list) in [("+ add", &repair.adds), ("- leave out", &repair.removes)] {
        for fingerprint in list {
            screen.entry("  ", "      ", &[plain(format!("{sign}: {}", names.certificate(fingerprint)))]);
        }
    }
    if repair.reordered {
        screen.entry("  ", "      ", &[plain("~ put in order, end entity first")]);
    }
    for (change, clients) in proof(&repair.proof) {
        let clients = names.clients(clients.into_iter(), screen.style());
        let color = if change.1 == Verdict::Accept { Paint::Good } else { Paint::Warning };
        let line = [plain("proof: "), paint(color, transition(change)), plain(format!(" in {clients}"))];
        screen.entry("  ", "    ", &line);
    }
    screen.entry(
        "  ",
        "    ",
        &[paint(Paint::Dim, "`tlsmend bundle` writes it; the JSON report has it as repair.bundle_pem")],
    );
}

type Change = (Verdict, Verdict);

/// Clients by what changes for them, those that change first.
fn proof(proof: &[Proof]) -> Vec<(Change, Vec<&str>)> {
    let mut groups: Vec<(Change, Vec<&str>)> = Vec::new();
    for Proof { client, before, after, .. } in proof {
        match groups.iter_mut().find(|(change, _)| *change == (*before, *after)) {
            Some((_, clients)) => clients.push(client),
            None => groups.push(((*before, *after), vec![client])),
        }
    }
    groups.sort_by_key(|((before, after), _)| before == after);
    groups
}

fn transition((before, after): Change) -> String {
    if before == after {
        return format!("still {}", verdict(after));
    }
    format!("{} → {}", verdict(before), verdict(after))
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Accept => "accepts",
        Verdict::Reject => "rejects",
        Verdict::Error => "fails",
        Verdict::Undetermined => "undecided",
    }
}

pub fn not_checked(report: &Report, screen: &mut Screen) {
    if report.not_checked.is_empty() {
        return;
    }
    if screen.style().is_verbose() {
        screen.heading("NOT CHECKED", &[]);
        for check in &report.not_checked {
            screen.entry("  ", "    ", &[plain(format!("{}: {}", check.code, check.reason))]);
        }
    } else {
        let codes: Vec<&str> = report.not_checked.iter().map(|check| check.code.as_str()).collect();
        screen.heading("NOT CHECKED", &[paint(Paint::Dim, format!("{} (-v says why)", codes.join(", ")))]);
    }
}

/// With `-v`: the same seen by programs that others wrote.
pub fn reproduce(report: &Report, screen: &mut Screen) {
    if !screen.style().is_verbose() || report.reproduce.is_empty() {
        return;
    }
    screen.heading("REPRODUCE", &[]);
    for command in &report.reproduce {
        screen.command("  ", command);
    }
}
