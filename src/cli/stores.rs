//! `tlsmend stores`: which roots each client trusts, of which day, and newer lists.

use std::collections::HashSet;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use serde::Serialize;

use super::options::{Global, Output};
use super::{CliError, Exit};
use crate::judge::anchors::{self, TrustAnchors};
use crate::judge::clients;
use crate::judge::stores::ccadb::{self, Collected, Records};
use crate::judge::stores::update::{self, Update};
use crate::judge::stores::{KnownIssuers, StoreId, mozilla, table};
use crate::observe::download;
use crate::report::text::screen;

/// Trust stores: which roots each client trusts
///
/// Every client is judged with the list of its own program. The lists are compiled in; `update` fetches newer ones.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the stores: whose they are, of which day, how many roots
    ///
    /// A root without its certificate is known by its fingerprint only: a chain that does not serve it gets the verdict
    /// `undetermined`.
    ///
    /// Example: tlsmend stores list --output json
    List {
        #[arg(long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// Fetch the lists and certificates that CAs and programs disclose (CCADB, about 40 MB)
    ///
    /// They are kept in $XDG_CACHE_HOME/tlsmend and used by every later command. When anything fails, nothing is changed (exit
    /// code 3). Java's and Android's lists are not in CCADB and stay as compiled in.
    ///
    /// Example: tlsmend stores update
    Update {
        #[arg(long, value_enum, default_value_t = Output::Text)]
        output: Output,
        /// Where the reports are, for a mirror of one's own
        #[arg(long, value_name = "URL", default_value = "https://ccadb.my.salesforce-sites.com/", hide = true)]
        source: Url,
    },
}

/// The largest report has some 20 MB.
const MAX_REPORT: usize = 96 * 1024 * 1024;

/// For one report: the service takes up to a minute to make it.
const REPORT_TIMEOUT: Duration = Duration::from_secs(300);

#[derive(Serialize)]
struct Listing {
    /// The day of the update in use; null where there is none.
    updated: Option<String>,
    stores: Vec<Entry>,
    intermediates: Vec<Intermediates>,
}

#[derive(Serialize)]
struct Entry {
    id: &'static str,
    name: &'static str,
    clients: Vec<&'static str>,
    date: String,
    source: String,
    roots: usize,
    /// How many of them are at hand as certificates.
    with_certificate: usize,
}

/// Intermediates that clients know beforehand.
#[derive(Serialize)]
struct Intermediates {
    id: &'static str,
    clients: Vec<&'static str>,
    date: String,
    count: usize,
    with_certificate: usize,
}

pub fn run(arguments: &Arguments, global: &Global) -> Result<Exit, CliError> {
    match &arguments.command {
        Command::List { output } => list(*output, global),
        Command::Update { output, source } => match fetch(source, global)? {
            Ok(()) => list(*output, global),
            Err(reason) => {
                tell(global, &format!("{reason}; nothing was changed. Try again when the network is there"));
                Ok(Exit::Unreachable)
            }
        },
    }
}

/// Each client's own store: as last updated, else as compiled in.
pub(super) fn own_stores() -> TrustAnchors {
    match read_update() {
        Some(update) => TrustAnchors::updated(Arc::new(update)),
        None => TrustAnchors::own_stores(),
    }
}

/// `stores` in the folder of caches. `None` where there is no home.
fn cache_file() -> Option<PathBuf> {
    super::cache_folder().map(|folder| folder.join("stores"))
}

fn read_update() -> Option<Update> {
    let file = cache_file()?;
    // Most have never updated: then there is no such file.
    let length = std::fs::metadata(&file).ok().filter(std::fs::Metadata::is_file)?.len();
    let too_large = length > update::MAX_BYTES as u64;
    let parsed = if too_large { Err(update::Damaged) } else { Update::parse(std::fs::read(&file).ok()?) };
    parsed
        .inspect_err(|error| {
            let name = file.display();
            eprintln!("tlsmend: {name} is not used: {error}; `tlsmend stores update` writes it anew");
        })
        .ok()
}

fn tell(global: &Global, text: &str) {
    if global.quiet < 2 {
        eprintln!("tlsmend: {text}");
    }
}

/// Fetches everything, then writes one file. The inner error says why there are no lists.
fn fetch(source: &Url, global: &Global) -> Result<Result<(), String>, CliError> {
    let file = cache_file().ok_or_else(|| {
        CliError::Usage("there is no place for the lists: set XDG_CACHE_HOME or HOME to a folder".to_owned())
    })?;
    if !matches!(source.scheme(), "https" | "http") {
        return Err(CliError::Usage(format!("--source {source}: an http or https address")));
    }
    let collected = super::runtime()?.block_on(collect(source, global));
    let collected = match collected {
        Ok(collected) => collected,
        Err(reason) => return Ok(Err(reason)),
    };
    let bytes = update::encode(&super::clock().date(), &collected.roots, &collected.intermediates);
    write(&file, &bytes).map_err(|error| CliError::Usage(format!("cannot write {}: {error}", file.display())))?;
    Ok(Ok(()))
}

async fn collect(source: &Url, global: &Global) -> Result<Collected, String> {
    let shows = global.quiet == 0 && std::io::stderr().is_terminal();
    let reports = 1 + ccadb::CERTIFICATES.len();
    let mut number = 0;
    let mut get = async |path: &'static str| {
        number += 1;
        if shows {
            // A whole line a report, so that Ctrl-C finds nothing to clean up.
            eprintln!("tlsmend: fetching report {number} of {reports} ({path})");
        }
        let url = source.join(path).map_err(|error| format!("{path}: {error}"))?;
        let host = source.host_str().unwrap_or_default();
        let fetched = download::fetch(&url, MAX_REPORT, REPORT_TIMEOUT).await;
        fetched.map_err(|error| format!("{path} could not be fetched from {host}: {error}"))
    };
    let records = Records::parse(&get(ccadb::RECORDS).await?).map_err(|error| error.to_string())?;
    let mut collected = Collected::default();
    let now = super::clock();
    for path in ccadb::CERTIFICATES {
        let report = get(path).await?;
        collected.add(&report, &records, now).map_err(|error| format!("{path}: {error}"))?;
    }
    collected.check().map_err(|error| error.to_string())?;
    Ok(collected)
}

/// Whole or not at all: a reader sees the old file or the new one.
fn write(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    // Two updates at once must not write into one file.
    let beside = folder.join(format!("stores.{}.new", std::process::id()));
    let written = std::fs::File::create(&beside).and_then(|mut new| {
        new.write_all(bytes)?;
        new.sync_all()
    });
    written.and_then(|()| std::fs::rename(&beside, file)).inspect_err(|_| {
        // It may never have been made.
        let _ = std::fs::remove_file(&beside);
    })
}

fn list(output: Output, global: &Global) -> Result<Exit, CliError> {
    let update = read_update();
    let listing = listing(update.as_ref());
    let mut out = Vec::new();
    match output {
        Output::Json => {
            serde_json::to_writer_pretty(&mut out, &listing).map_err(std::io::Error::from)?;
            out.push(b'\n');
        }
        Output::Text => {
            let mut table = screen::table(super::probe::style(global));
            table.set_header(["Store", "Date", "Roots", "With certificate", "Clients"]);
            for entry in &listing.stores {
                let clients = shortened(&entry.clients, global);
                let (roots, at_hand) = (entry.roots.to_string(), entry.with_certificate.to_string());
                table.add_row([entry.id, &entry.date, &roots, &at_hand, &clients]);
            }
            for known in &listing.intermediates {
                let (count, at_hand) = (known.count.to_string(), known.with_certificate.to_string());
                let id = format!("{} (intermediates)", known.id);
                table.add_row([&id, &known.date, &count, &at_hand, &known.clients.join(", ")]);
            }
            writeln!(out, "{}", table.trim_fmt())?;
            match &listing.updated {
                Some(date) => writeln!(out, "\nUpdated on {date}; `tlsmend stores update` fetches newer lists.")?,
                None => writeln!(
                    out,
                    "\nAs compiled in. `tlsmend stores update` fetches newer lists and the certificates that are not at hand."
                )?,
            }
        }
    }
    super::write_out(&out)?;
    Ok(Exit::Clean)
}

/// The first few; all with `-v`.
fn shortened(clients: &[&str], global: &Global) -> String {
    const SHOWN: usize = 4;
    match clients.len().checked_sub(SHOWN) {
        Some(more) if more > 0 && global.verbose == 0 => format!("{} and {more} more", clients[..SHOWN].join(", ")),
        _ => clients.join(", "),
    }
}

fn listing(update: Option<&Update>) -> Listing {
    let compiled = mozilla::all().map(|root| root.fingerprint.to_string());
    let at_hand: HashSet<String> =
        compiled.chain(update.into_iter().flat_map(Update::fingerprints).map(str::to_owned)).collect();
    let clients_of = |store: StoreId| clients::ALL.iter().filter(move |client| client.trust.store == store);
    let stores = StoreId::ALL.into_iter().map(|store| Entry {
        id: store.id(),
        name: store.facts().name,
        clients: clients_of(store).map(|client| client.id).collect(),
        date: anchors::date(store, update).to_owned(),
        source: match update {
            Some(_) if update::REPLACED.contains(store) => "CCADB, by `tlsmend stores update`".to_owned(),
            _ => store.facts().source.to_owned(),
        },
        roots: anchors::count(store, update),
        with_certificate: match store {
            StoreId::WebpkiRoots => mozilla::all().filter(|root| mozilla::is_in_webpki_roots(root)).count(),
            _ => anchors::fingerprints(store, update).iter().filter(|sha256| at_hand.contains(*sha256)).count(),
        },
    });
    let knowing = |known: KnownIssuers| {
        clients::ALL.iter().filter(move |client| client.trust.known == Some(known)).map(|client| client.id).collect()
    };
    let chromium = table::chromium_count();
    let brought = update.map_or(0, Update::intermediates_count);
    Listing {
        updated: update.map(|update| update.date().to_owned()),
        stores: stores.collect(),
        intermediates: vec![
            Intermediates {
                id: "ccadb",
                clients: knowing(KnownIssuers::Firefox),
                date: update.map_or(table::INTERMEDIATES_DATE, Update::date).to_owned(),
                count: if brought > 0 { brought } else { table::intermediates_count() },
                with_certificate: if brought > 0 { brought } else { chromium },
            },
            Intermediates {
                id: "chromium",
                clients: knowing(KnownIssuers::Chromium),
                date: StoreId::Chrome.facts().date.to_owned(),
                count: chromium,
                with_certificate: chromium,
            },
        ],
    }
}
