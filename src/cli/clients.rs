//! `tlsmend clients`: whose verdicts are given, and what they rest on.

use std::io::Write;

use serde::Serialize;

use super::options::{Global, Output};
use super::{CliError, Exit};
use crate::judge::client::Client;
use crate::judge::clients;
use crate::report::text::screen::{self, Paint, Screen, paint, plain};

/// List the clients whose verdicts are given
///
/// With -v: how each of them decides, and where we know it from. `tlsmend explain ID` shows one.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(Serialize)]
pub(super) struct Entry {
    id: &'static str,
    name: &'static str,
    versions: &'static str,
    measured: bool,
    fetches_issuers: bool,
    /// Id of its trust store, as in `stores list`.
    store: &'static str,
    notes: &'static [&'static str],
    sources: &'static [&'static str],
}

impl From<&'static Client> for Entry {
    fn from(client: &'static Client) -> Self {
        Self {
            id: client.id,
            name: client.name,
            versions: client.versions,
            measured: client.measured,
            fetches_issuers: client.fetches_issuers,
            store: client.trust.store.id(),
            notes: client.notes,
            sources: client.sources,
        }
    }
}

pub fn run(arguments: &Arguments, global: &Global) -> Result<Exit, CliError> {
    let mut out = Vec::new();
    match arguments.output {
        Output::Json => {
            let entries: Vec<Entry> = clients::ALL.iter().map(|client| Entry::from(*client)).collect();
            serde_json::to_writer_pretty(&mut out, &entries).map_err(std::io::Error::from)?;
            out.push(b'\n');
        }
        Output::Text if global.verbose > 0 => {
            let mut screen = Screen::new(super::probe::style(global));
            clients::ALL.iter().for_each(|client| describe(client, &mut screen));
            out.extend(screen.finish().into_bytes());
        }
        Output::Text => {
            let mut table = screen::table(super::probe::style(global));
            table.set_header(["Id", "Name", "Versions modelled", "Measured", "Fetches issuers", "Store"]);
            for client in clients::ALL {
                let (fetches, store) = (yes_or_no(client.fetches_issuers), client.trust.store.id());
                table.add_row([client.id, client.name, client.versions, yes_or_no(client.measured), fetches, store]);
            }
            writeln!(out, "{}", table.trim_fmt())?;
        }
    }
    std::io::stdout().write_all(&out)?;
    Ok(Exit::Clean)
}

/// All that is known of one client.
pub fn describe(client: &Client, screen: &mut Screen) {
    screen.heading(client.id, &[plain(client.name)]);
    let mut fact = |name: &str, value: &str| {
        screen.entry("  ", "    ", &[paint(Paint::Dim, format!("{name}: ")), plain(value)]);
    };
    fact("versions modelled", client.versions);
    fact("compared with measurements of the real client", yes_or_no(client.measured));
    fact("fetches missing issuers (AIA)", yes_or_no(client.fetches_issuers));
    fact("trust store", client.trust.store.id());
    for (title, lines) in [("how it decides", client.notes), ("sources", client.sources)] {
        if lines.is_empty() {
            continue;
        }
        screen.entry("  ", "    ", &[paint(Paint::Dim, format!("{title}:"))]);
        for line in lines {
            screen.entry("    - ", "      ", &[plain(*line)]);
        }
    }
}

fn yes_or_no(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}
