//! The client table: what each real client does, in its own words.

use std::collections::BTreeSet;

use comfy_table::{Cell, ColumnConstraint};

use super::screen::{Paint, Screen, paint, safe, table};
use super::{Style, groups};
use crate::model::report::{Deployment, Report};
use crate::model::verdict::{ClientVerdict, Verdict};

/// Below this the columns share what room there is; above, all but the last are as wide as their content.
const ROOMY: usize = 70;

pub fn draw(report: &Report, screen: &mut Screen) {
    if report.deployments.iter().all(|deployment| deployment.clients.is_empty()) {
        return;
    }
    screen.heading("CLIENTS", &[paint(Paint::Dim, "what each makes of it, in its own words")]);
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

/// A row a client. Among several groups one in which all say the same takes a single row.
fn rows(deployment: &Deployment, condense: bool, style: Style) -> Vec<[Cell; 3]> {
    let clients = &deployment.clients;
    if let [first, others @ ..] = clients.as_slice()
        && condense
        && !others.is_empty()
        && others.iter().all(|c| c.verdict == first.verdict && words(c, true, style) == words(first, true, style))
    {
        return vec![row(&format!("all {} clients", clients.len()), first, words(first, false, style))];
    }
    let causes: BTreeSet<&str> = clients.iter().filter_map(|client| client.cause.as_deref()).collect();
    clients.iter().map(|client| row(&client.name, client, words(client, causes.len() > 1, style))).collect()
}

fn row(name: &str, client: &ClientVerdict, words: String) -> [Cell; 3] {
    let (color, verdict) = match client.verdict {
        Verdict::Accept => (Paint::Good, "✓ accepts"),
        Verdict::Reject => (Paint::Bad, "✗ REJECTS"),
        Verdict::Error => (Paint::Bad, "✗ FAILS"),
        Verdict::Undetermined => (Paint::Warning, "? undecided"),
    };
    let verdict = Cell::new(verdict);
    let verdict = match color.color() {
        Some(color) => verdict.fg(color),
        None => verdict,
    };
    [Cell::new(safe(name)), verdict, Cell::new(words)]
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
