//! The client table: what each real client does, in its own words. Clients that say the same share a row.

use std::collections::BTreeSet;

use comfy_table::{Cell, ColumnConstraint};

use super::names::{MAX_LISTED, packed};
use super::screen::{self, Paint, Screen, paint, safe, table};
use super::{Style, groups};
use crate::model::report::{Deployment, Report};
use crate::model::verdict::{ClientVerdict, Verdict};

/// Below this the columns share what room there is; above, all but the last are as wide as their content.
const ROOMY: usize = 70;

/// The longest code that should stay on one line, OpenSSL's for a missing issuer behind curl's number.
const LONGEST_CODE: usize = 47;

/// Lines that the names of one row may take: those that fail are what a reader looks for.
const MAX_LINES_ACCEPTING: usize = 2;
const MAX_LINES_OTHERS: usize = 4;

/// Columns for names, however long the words beside them are.
const MIN_NAMES: usize = 14;

/// Columns of the longest verdict.
const VERDICT: usize = "? undecided".len();

pub fn draw(report: &Report, screen: &mut Screen) {
    if report.deployments.iter().all(|deployment| deployment.clients.is_empty()) {
        return;
    }
    let many = report.deployments.iter().any(|deployment| deployment.clients.len() > MAX_LISTED);
    let more = if many && !screen.style().is_verbose() { " (-v gives each a row)" } else { "" };
    screen.heading("CLIENTS", &[paint(Paint::Dim, format!("what each makes of it, in its own words{more}"))]);
    let mut table = table(screen.style());
    let differ = report.deployments.len() > 1;
    let header = ["At", "Client", "Verdict", "Its own words"];
    table.set_header(&header[usize::from(!differ)..]);
    for (index, deployment) in groups::shown(report, screen.style()) {
        let mut label = groups::label(report, index);
        for row in rows(deployment, differ, screen.style()) {
            // The letter stands at the first row of its group.
            let at = label.as_mut().map(std::mem::take).map(Cell::new);
            table.add_row(at.into_iter().chain(row).collect::<Vec<Cell>>());
        }
    }
    if screen.style().width >= ROOMY {
        for index in 0..table.column_count().saturating_sub(1) {
            if let Some(column) = table.column_mut(index) {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
    }
    // Room for the longest code we know, OpenSSL's, beside three columns at 80.
    if let Some(words) = table.column_iter_mut().last() {
        words.set_padding((1, 0));
    }
    screen.put_table(&table);
}

/// Clients of one verdict with the same words.
struct Voice<'a> {
    clients: Vec<&'a ClientVerdict>,
    words: String,
}

/// By verdict, and in the order of the report. With `-v` a row a client.
fn rows(deployment: &Deployment, differ: bool, style: Style) -> Vec<[Cell; 3]> {
    let clients = &deployment.clients;
    let mut voices = voices(clients, style);
    if let [voice] = voices.as_mut_slice()
        && differ
        && voice.clients.len() > 1
    {
        let words = words(voice.clients[0], false, style);
        return vec![row(&format!("all {} clients", clients.len()), voice.clients[0].verdict, words)];
    }
    let longest = voices.iter().flat_map(|voice| voice.words.lines()).map(screen::width).max().unwrap_or_default();
    // Two columns of padding each, one for the last and one for the margin; the letter takes four more.
    let taken = VERDICT + 2 + longest.min(LONGEST_CODE) + 1 + 2 + 1 + if differ { 4 } else { 0 };
    let room = style.width.saturating_sub(taken).max(MIN_NAMES);
    let rows = voices.iter().map(|voice| {
        let names: Vec<String> = voice.clients.iter().map(|client| safe(&client.name)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let verdict = voice.clients[0].verdict;
        let max_lines = if verdict == Verdict::Accept { MAX_LINES_ACCEPTING } else { MAX_LINES_OTHERS };
        row(&packed(&names, room, max_lines).join("\n"), verdict, voice.words.clone())
    });
    rows.collect()
}

fn voices(clients: &[ClientVerdict], style: Style) -> Vec<Voice<'_>> {
    let causes: BTreeSet<&str> = clients.iter().filter_map(|client| client.cause.as_deref()).collect();
    let mut voices: Vec<Voice<'_>> = Vec::new();
    for client in clients {
        let words = words(client, causes.len() > 1, style);
        let same = |voice: &&mut Voice<'_>| voice.clients[0].verdict == client.verdict && voice.words == words;
        match voices.iter_mut().find(same).filter(|_| !style.is_verbose()) {
            Some(voice) => voice.clients.push(client),
            None => voices.push(Voice { clients: vec![client], words }),
        }
    }
    voices.sort_by_key(|voice| rank(voice.clients[0].verdict));
    voices
}

fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Accept => 0,
        Verdict::Reject => 1,
        Verdict::Error => 2,
        Verdict::Undetermined => 3,
    }
}

/// A verdict as it stands in tables.
pub fn verdict(verdict: Verdict) -> (Paint, &'static str) {
    match verdict {
        Verdict::Accept => (Paint::Good, "✓ accepts"),
        Verdict::Reject => (Paint::Bad, "✗ REJECTS"),
        Verdict::Error => (Paint::Bad, "✗ FAILS"),
        Verdict::Undetermined => (Paint::Warning, "? undecided"),
    }
}

fn row(names: &str, verdict: Verdict, words: String) -> [Cell; 3] {
    let (color, verdict) = self::verdict(verdict);
    let verdict = Cell::new(verdict);
    let verdict = match color.color() {
        Some(color) => verdict.fg(color),
        None => verdict,
    };
    [Cell::new(names), verdict, Cell::new(words)]
}

fn words(client: &ClientVerdict, name_cause: bool, style: Style) -> String {
    let mut lines = Vec::new();
    lines.extend(client.code.clone());
    if client.verdict == Verdict::Undetermined || style.is_verbose() {
        lines.extend(client.message.clone());
    }
    if let Some(cause) = client.cause.as_ref().filter(|_| name_cause || style.is_verbose()) {
        lines.push(format!("because of {cause}"));
    }
    lines.extend(client.breaks_at.map(|at| format!("until {}", at.date())));
    if style.is_verbose() {
        let measured = if client.measured { "measured" } else { "from its sources, not measured" };
        lines.push(format!("as {} ({measured}), store {}", client.modelled_versions, client.store));
    }
    lines.iter().map(|line| safe(line)).collect::<Vec<_>>().join("\n")
}
