//! The summary of a scan for a person: what there is to mend, most targets first.

use std::io::{self, Write};

use comfy_table::Cell;

use super::Style;
use super::screen::{Paint, Screen, paint, plain, safe, table};
use crate::model::summary::{Account, BreakDay, CauseKind, ClientSummary, Count, MergeReport, RootCause, Summary};

/// Rows of one list on the screen; `-v` shows all.
const MAX_ROWS: usize = 10;

/// Draws the summary.
pub fn write(summary: &Summary, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let mut screen = Screen::new(style);
    draw(summary, &mut screen);
    out.write_all(screen.finish().as_bytes())
}

/// Draws the summary of merged files, with what is wrong with the files first.
pub fn write_merged(report: &MergeReport, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let mut screen = Screen::new(style);
    if report.missing > 0 {
        let named: Vec<String> = report.missing_indexes.iter().map(u64::to_string).collect();
        let more = if named.len() as u64 == report.missing { "" } else { ", …" };
        let text = format!("no line for {} (index {}{more})", targets(report.missing), named.join(", "));
        screen.entry("", "  ", &[paint(Paint::Bad, "MISSING  "), plain(text)]);
    }
    if report.doubled > 0 {
        let text = format!("{} lines repeat an index; only the first of each is counted", report.doubled);
        screen.entry("", "  ", &[paint(Paint::Warning, "DOUBLED  "), plain(text)]);
    }
    if report.unreadable > 0 {
        let text = format!("{} lines are torn or not of a scan", report.unreadable);
        screen.entry("", "  ", &[paint(Paint::Warning, "UNREADABLE  "), plain(text)]);
    }
    if let Some(certificates) = &report.certificates {
        let text = format!("{} different ones; {} repeats left out", certificates.kept, certificates.repeated);
        screen.entry("", "  ", &[paint(Paint::Bold, "CERTIFICATES  "), plain(text)]);
    }
    draw(&report.summary, &mut screen);
    out.write_all(screen.finish().as_bytes())
}

fn draw(summary: &Summary, screen: &mut Screen) {
    let most = if screen.style().is_verbose() { usize::MAX } else { MAX_ROWS };
    screen.heading("TARGETS", &[plain(account(&summary.account))]);
    let title = if summary.root_causes.is_empty() { "none that targets share" } else { "most targets first" };
    screen.heading("CAUSES", &[plain(title)]);
    for cause in summary.root_causes.iter().take(most) {
        draw_cause(cause, screen);
    }
    more(summary.root_causes.len(), most, screen);
    screen.heading("FINDINGS", &[plain("targets that have each")]);
    for Count { name, targets } in summary.findings.iter().take(most) {
        screen.entry("  ", "    ", &[plain(format!("{targets:>9}  {name}"))]);
    }
    more(summary.findings.len(), most, screen);
    clients(&summary.clients, screen);
}

fn more(all: usize, shown: usize, screen: &mut Screen) {
    if all > shown {
        screen.entry("  ", "    ", &[paint(Paint::Dim, format!("and {} more (-v)", all - shown))]);
    }
}

/// One line: every target is in it.
pub fn account(account: &Account) -> String {
    let mut text = format!("{}: {} reached", targets(account.lines), account.reached);
    for (count, word) in [
        (account.partial, "partly"),
        (account.unreached, "unreached"),
        (account.unresolved, "unresolved"),
        (account.not_a_target, "no target"),
        (account.not_checked, "not checked"),
    ] {
        if count > 0 {
            text.push_str(&format!(", {count} {word}"));
        }
    }
    if !account.failures.is_empty() {
        let failures: Vec<String> =
            account.failures.iter().map(|count| format!("{} {}", count.name, count.targets)).collect();
        text.push_str(&format!(" ({})", failures.join(", ")));
    }
    text
}

fn targets(count: u64) -> String {
    if count == 1 { "1 target".to_owned() } else { format!("{count} targets") }
}

fn draw_cause(cause: &RootCause, screen: &mut Screen) {
    let (one, subject) = (cause.targets == 1, &cause.subject);
    let (lack, fail, lead) = if one { ("lacks", "fails", "leads") } else { ("lack the same", "fail", "lead") };
    let detail = cause.detail.as_deref().unwrap_or("fails");
    let day = cause.not_after.map_or_else(|| "early".to_owned(), |at| format!("on {}", at.date()));
    let (color, text) = match cause.kind {
        CauseKind::MissingIntermediate => (Paint::Bad, format!("{lack} intermediate: {subject}")),
        CauseKind::IntermediateExpiresFirst => {
            (Paint::Warning, format!("will break when an intermediate expires {day}: {subject}"))
        }
        CauseKind::AddressFails => (Paint::Bad, format!("{fail} at one address: {subject} ({detail})")),
        CauseKind::AliasUnresolved => (Paint::Bad, format!("{lead} to an alias without address: {subject} ({detail})")),
        CauseKind::AddressesDiffer => (Paint::Warning, format!("with {subject}")),
    };
    let exact = if cause.at_most_over > 0 {
        format!(" (at least {})", cause.targets - cause.at_most_over)
    } else {
        String::new()
    };
    let count = format!("{}{exact} ", targets(cause.targets));
    screen.entry("  ", "    ", &[paint(color, count), plain(text)]);
    if let Some(sha256) = &cause.sha256 {
        screen.entry("    ", "    ", &[paint(Paint::Dim, format!("sha256 {sha256}"))]);
    }
    let others = if cause.targets > cause.examples.len() as u64 { ", …" } else { "" };
    screen.entry("    ", "    ", &[plain(format!("{}{others}", cause.examples.join(", ")))]);
    screen.entry("    ", "      ", &[paint(Paint::Good, "→ "), plain(cause.remedy.summary.clone())]);
    if let Some(command) = &cause.remedy.command {
        screen.command("      ", command);
    }
}

fn clients(clients: &[ClientSummary], screen: &mut Screen) {
    if clients.is_empty() {
        return;
    }
    screen.heading("CLIENTS", &[plain("targets each accepts and does not, and what breaks next")]);
    let mut rows = table(screen.style());
    rows.set_header(["Clients", "accepts", "rejects", "no handshake", "undetermined", "breaks next"]);
    let mut drawn: Vec<&str> = Vec::new();
    for client in clients {
        if drawn.contains(&client.id.as_str()) {
            continue;
        }
        // Libraries that agree about everything share a row.
        let same = clients.iter().filter(|other| numbers(other) == numbers(client)).map(|other| other.id.as_str());
        let ids: Vec<&str> = same.collect();
        drawn.extend(&ids);
        let cells = [safe(&ids.join(", "))].into_iter().chain(numbers(client));
        rows.add_row(cells.map(Cell::new));
    }
    screen.put_table(&rows);
}

fn numbers(client: &ClientSummary) -> [String; 5] {
    let next = client.breaks.first().map(|BreakDay { day, targets, .. }| match targets {
        1 => day.clone(),
        more => format!("{day} ({more})"),
    });
    let [accept, reject, error, undetermined] =
        [client.accept, client.reject, client.error, client.undetermined].map(|count| count.to_string());
    [accept, reject, error, undetermined, safe(&next.unwrap_or_default())]
}
