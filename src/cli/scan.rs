//! `tlsmend scan [FILE]`: many targets, one line each.

use std::fs::File;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::options::{self, Global};
use super::probe::{ClientArgument, anchors, chosen, client, resolver};
use super::{CliError, Exit};
use crate::model::finding::Severity;
use crate::model::line::{Line, Outcome};
use crate::model::time::Time;
use crate::probe::{Depth, EvidenceLevel};
use crate::scan::done::Done;
use crate::scan::gate::Limits;
use crate::scan::input::{Column, Format, Items, Shard};
use crate::scan::look::{Look, LookSettings};
use crate::scan::output::{Form, Stream, Writer};
use crate::scan::{self, Ending, Progress, ScanError, Watcher};

/// Look at many targets, one line each
///
/// The whole diagnosis of `probe`, every client judged, for a list of any length: one JSON line a target, always, also for what is
/// no target or does not answer. The list is a stream: one target a line (host, host:port, URL, IP address, or a network such as
/// 192.0.2.0/24, which is a target an address), or a column of a CSV file.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 nothing at or above --fail-on; 1 findings; 2 usage, or the lines could not be written; 3 no target could be \
reached; 4 some targets could not be checked, or the scan was interrupted.

Examples:
  tlsmend scan names.txt > lines.ndjson
  cut -d, -f2 top-1m.csv | tlsmend scan - --depth chain | jq -r 'select(.findings != []) | .input'")]
pub struct Arguments {
    /// The list; `-` or none: standard input
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// The list is CSV: the targets stand in this column (its number from 1, or its name in the first line)
    #[arg(long, value_name = "NAME|N")]
    column: Option<Column>,

    /// Only every N-th target, chosen by its name: K from 0 to N-1
    #[arg(long, value_name = "K/N")]
    shard: Option<Shard>,

    /// Handshakes in progress [default: by processors and the limit on open files]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=20_000))]
    concurrency: Option<u32>,

    /// Targets begun a second [default: no limit]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,

    /// Connections to one address at one time; 0: no limit (loopback has none)
    #[arg(long, value_name = "N", default_value_t = 8)]
    per_address: usize,

    /// The same for a network (/24 of IPv4, /48 of IPv6)
    #[arg(long, value_name = "N", default_value_t = 32)]
    per_network: usize,

    /// Ask this name server instead of the system's (repeatable)
    #[arg(long, value_name = "ADDR[:PORT]", value_parser = resolver)]
    resolver: Vec<SocketAddr>,

    /// Trust anchors added to each client's own (PEM, DER or PKCS#7); the rules for local roots apply
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// Trust exactly these, under the rules for public CAs
    #[arg(long, value_name = "FILE")]
    roots: Option<PathBuf>,

    /// Judge as these clients only (comma-separated; `tlsmend clients` lists them)
    #[arg(long, value_name = "ID,…", value_delimiter = ',', value_parser = client)]
    client: Vec<ClientArgument>,

    /// Judge at this moment instead of now, such as 2026-11-22T08:00:00Z
    #[arg(long, value_name = "RFC3339")]
    at: Option<Time>,

    /// Do not fetch missing issuers from the addresses in certificates
    #[arg(long)]
    no_aia: bool,

    /// Fetch them from private and loopback addresses too
    #[arg(long, conflicts_with = "no_aia")]
    allow_private_aia: bool,

    /// Neither read nor write the cache of fetched issuers
    #[arg(long)]
    no_cache: bool,

    /// Warn this many days before expiry [default: a third of the certificate's lifetime]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=36_500))]
    warn_days: Option<u32>,

    /// How much to ask of each address
    #[arg(long, value_enum, default_value_t = DepthArgument::Handshake)]
    depth: DepthArgument,

    /// For each target, with all looks at it, such as 10s or 500ms; the line is still written
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = options::duration)]
    timeout: Duration,

    /// Exit with 1 from this severity on: info, low, medium, high, critical
    #[arg(long, value_name = "SEVERITY", default_value = "medium")]
    fail_on: Severity,

    #[arg(long, value_enum, default_value_t = Output::Ndjson)]
    output: Output,

    /// How much of the certificates a line carries
    #[arg(long, value_enum, default_value_t = EvidenceArgument::Hashes)]
    evidence: EvidenceArgument,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum DepthArgument {
    /// Read the chain and leave: the cheapest look, without proof that the server holds the key
    Chain,
    /// A whole handshake
    Handshake,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum EvidenceArgument {
    /// Nothing
    None,
    /// The SHA-256 of each served certificate
    Hashes,
    /// And their PEM
    Pem,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    /// A JSON document a line
    Ndjson,
    /// For a spreadsheet
    Csv,
}

pub fn run(arguments: &Arguments, global: &Global) -> Result<Exit, CliError> {
    let settings = settings(arguments)?;
    let format = Format { column: arguments.column.clone(), shard: arguments.shard };
    let items = Items::new(open(arguments.file.as_deref())?, format).map_err(|error| list_error(arguments, &error))?;
    let runtime = super::runtime()?;
    let mut watcher = Watching { fail_on: arguments.fail_on, reached: 0, partial: 0, others: 0, findings: false };
    let ending = runtime.block_on(async {
        let stop = stop_wishes()?;
        let mut sink = Stream(io::stdout());
        scan::output::Sink::append(&mut sink, settings.form.header())?;
        let writer = Writer::start(Box::new(sink), None)?;
        scan::run(&settings, items, Done::default(), writer, stop, &mut watcher).await.map_err(|error| match error {
            ScanError::Output(error) => CliError::Output(error),
            ScanError::Input(error) => list_error(arguments, &error),
            ScanError::Start(_) => CliError::Usage(error.to_string()),
        })
    })?;
    let _ = global;
    Ok(watcher.exit(ending))
}

fn list_error(arguments: &Arguments, error: &io::Error) -> CliError {
    CliError::Usage(match &arguments.file {
        Some(path) => format!("{}: {error}", path.display()),
        None => format!("standard input: {error}"),
    })
}

fn open(file: Option<&Path>) -> Result<Box<dyn Read + Send>, CliError> {
    match file {
        Some(path) if path.as_os_str() != "-" => File::open(path)
            .map(|file| Box::new(file) as Box<dyn Read + Send>)
            .map_err(|error| CliError::Usage(format!("cannot read {}: {error}", path.display()))),
        _ => Ok(Box::new(io::stdin())),
    }
}

/// Each Ctrl-C, or polite request to end, is a message.
fn stop_wishes() -> Result<mpsc::Receiver<()>, CliError> {
    let (sender, receiver) = mpsc::channel(2);
    let mut next = Box::pin(super::interrupted()?);
    tokio::spawn(async move {
        loop {
            next.as_mut().await;
            let Ok(again) = super::interrupted() else { return };
            if sender.send(()).await.is_err() {
                return;
            }
            next = Box::pin(again);
        }
    });
    Ok(receiver)
}

fn settings(arguments: &Arguments) -> Result<scan::Settings, CliError> {
    let probe = crate::probe::Settings {
        resolvers: arguments.resolver.clone(),
        anchors: anchors(arguments.roots.as_deref(), arguments.ca.as_deref())?,
        clients: chosen(&arguments.client),
        at: arguments.at,
        fetch_issuers: !arguments.no_aia,
        allow_private_aia: arguments.allow_private_aia,
        warn_days: arguments.warn_days,
        depth: match arguments.depth {
            DepthArgument::Chain => Depth::Chain,
            DepthArgument::Handshake => Depth::Handshake,
        },
        aia_cache: if arguments.no_cache { None } else { super::aia_cache() },
        memo: Arc::default(),
        ..crate::probe::Settings::default()
    };
    let evidence = match arguments.evidence {
        EvidenceArgument::None => EvidenceLevel::None,
        EvidenceArgument::Hashes => EvidenceLevel::Hashes,
        EvidenceArgument::Pem => EvidenceLevel::Pem,
    };
    Ok(scan::Settings {
        look: LookSettings { probe, evidence, collect: false, clock: super::clock },
        limits: limits(arguments),
        rate: arguments.rate,
        timeout: arguments.timeout,
        form: match arguments.output {
            Output::Ndjson => Form::Ndjson,
            Output::Csv => Form::Csv,
        },
    })
}

/// Handshakes in progress for each processor: a round trip of 100 ms, three of them and 0.3 ms of work keep one busy with a
/// thousand; more than this brings little and costs memory.
const PER_PROCESSOR: usize = 250;

/// Descriptors that are not connections of handshakes: the list, the files written, questions to name servers, issuers being
/// fetched.
const OTHER_DESCRIPTORS: usize = 64;

/// What is assumed where the system does not say.
const USUAL_DESCRIPTORS: usize = 1024;

fn limits(arguments: &Arguments) -> Limits {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let wanted = arguments.concurrency.map_or_else(|| (PER_PROCESSOR * processors).min(1_000), |it| it as usize);
    Limits::of(wanted, descriptors().saturating_sub(OTHER_DESCRIPTORS), arguments.per_address, arguments.per_network)
}

/// How many files this process may have open.
fn descriptors() -> usize {
    #[cfg(unix)]
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    #[cfg(not(unix))]
    let limit: Option<u64> = None;
    limit.map_or(USUAL_DESCRIPTORS, |limit| usize::try_from(limit).unwrap_or(USUAL_DESCRIPTORS))
}

struct Watching {
    fail_on: Severity,
    reached: u64,
    partial: u64,
    others: u64,
    findings: bool,
}

impl Watcher for Watching {
    fn line(&mut self, line: &Line) {
        match line.outcome {
            Outcome::Reached => self.reached += 1,
            Outcome::Partial => self.partial += 1,
            _ => self.others += 1,
        }
        self.findings |= line.severity.is_some_and(|severity| severity >= self.fail_on);
    }

    fn progress(&mut self, _: &Progress) {}

    fn certificates(&mut self, _: &Look, _: &mut Vec<u8>) {}
}

impl Watching {
    fn exit(&self, ending: Ending) -> Exit {
        let spoken_to = self.reached + self.partial;
        if spoken_to == 0 && self.others > 0 {
            Exit::Unreachable
        } else if self.findings {
            Exit::Findings
        } else if self.partial + self.others > 0 || ending == Ending::Interrupted {
            Exit::Partial
        } else {
            Exit::Clean
        }
    }
}
