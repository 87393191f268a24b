//! The first lines: what is the case, and for whom.

use std::collections::BTreeSet;

use super::names::folded;
use super::screen::{Paint, Screen, paint, plain};
use crate::model::finding::Severity;
use crate::model::handshake::EndpointStatus;
use crate::model::report::Report;
use crate::model::verdict::Verdict;

/// What one client does over all addresses: the worst it does at one of them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Works,
    Unknown,
    Fails,
}

struct Count<'a> {
    clients: Vec<(&'a str, Fate)>,
    /// Addresses at which a client fails.
    failing_addresses: BTreeSet<&'a str>,
}

pub fn draw(report: &Report, screen: &mut Screen) {
    let count = count(report);
    let with =
        |fate: Fate| -> Vec<&str> { count.clients.iter().filter(|(_, f)| *f == fate).map(|(name, _)| *name).collect() };
    let (works, fails, unknown) = (with(Fate::Works), with(Fate::Fails), with(Fate::Unknown));
    let all = count.clients.len();
    let everybody = match all {
        1 => "the client asked for".to_owned(),
        _ => format!("all {all} clients"),
    };
    let problem = problem(report);
    let but = || problem.clone().unwrap_or_else(|| "see their own words below".to_owned());
    let (color, word, sentence) = if all == 0 {
        if report.endpoints.iter().any(|endpoint| endpoint.status != EndpointStatus::Completed)
            && report.endpoints.iter().all(|endpoint| endpoint.status == EndpointStatus::NotTried)
        {
            (Paint::Warning, "NOT CHECKED", ": this machine has no route to any of the addresses".to_owned())
        } else {
            let cause = problem.unwrap_or_else(|| super::network::ending(report.dns.status).to_owned());
            (Paint::Bad, "BROKEN", format!(" for everyone: {cause}"))
        }
    } else if !fails.is_empty() {
        let whom = if fails.len() == all { everybody } else { format!("{} of {all} clients", fails.len()) };
        (Paint::Bad, "BROKEN", format!(" for {whom}{}: {}", where_it_fails(report, &count), but()))
    } else if unknown.len() == all {
        (Paint::Warning, "UNDECIDED", format!(" for {everybody}: {}", but()))
    } else if let Some(problem) = problem {
        let whom = if works.len() == all { everybody } else { format!("{} of {all} clients", works.len()) };
        (Paint::Warning, "WARNING", format!(": {whom} accept, but {problem}"))
    } else if !unknown.is_empty() {
        (Paint::Warning, "OK", format!(" for {} of {all} clients, undecided for the others", works.len()))
    } else {
        (Paint::Good, "OK", format!(" for {everybody}"))
    };
    screen.entry("", "  ", &[paint(color, word), paint(Paint::Bold, sentence)]);
    if !fails.is_empty() && fails.len() < all {
        let groups = [("fails in ", fails), ("works in ", works), ("undecided for ", unknown)];
        let style = screen.style();
        let groups = groups.into_iter().filter(|(_, names)| !names.is_empty());
        let text =
            groups.map(|(word, names)| format!("{word}{}", folded(&names, style))).collect::<Vec<_>>().join("; ");
        screen.entry("  ", "  ", &[plain(text)]);
    }
}

/// The title of the most severe finding that clients fail by; where none does, of the most severe one worth a warning.
fn problem(report: &Report) -> Option<String> {
    let heavy = |severity: Severity| severity >= Severity::Medium;
    let chosen = report
        .findings
        .iter()
        .find(|finding| !finding.affected_clients.is_empty())
        .or_else(|| report.findings.first().filter(|finding| heavy(finding.severity)))?;
    let others: BTreeSet<&str> = report
        .findings
        .iter()
        .filter(|finding| heavy(finding.severity) && finding.code != chosen.code)
        .map(|finding| finding.code.as_str())
        .collect();
    Some(match others.len() {
        0 => chosen.title.clone(),
        1 => format!("{} (and 1 more problem)", chosen.title),
        more => format!("{} (and {more} more problems)", chosen.title),
    })
}

fn count(report: &Report) -> Count<'_> {
    let mut count = Count { clients: Vec::new(), failing_addresses: BTreeSet::new() };
    for deployment in &report.deployments {
        for client in &deployment.clients {
            let fate = match client.verdict {
                Verdict::Accept => Fate::Works,
                Verdict::Undetermined => Fate::Unknown,
                Verdict::Reject | Verdict::Error => Fate::Fails,
            };
            if fate == Fate::Fails {
                count.failing_addresses.extend(deployment.endpoints.iter().map(String::as_str));
            }
            match count.clients.iter_mut().find(|(name, _)| *name == client.name) {
                Some((_, worst)) => *worst = fate.max(*worst),
                None => count.clients.push((&client.name, fate)),
            }
        }
    }
    count
}

/// ` at 1 of 2 addresses`; empty when every address is affected.
fn where_it_fails(report: &Report, count: &Count<'_>) -> String {
    let tried = report.endpoints.iter().filter(|endpoint| endpoint.status != EndpointStatus::NotTried).count();
    let failing = count.failing_addresses.len();
    if failing < tried { format!(" at {failing} of {tried} addresses") } else { String::new() }
}
