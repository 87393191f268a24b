//! `tlsmend scan [FILE]`: many targets, one line each.

mod merge;
mod progress;

use std::fs::File;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use progress::Display;

use super::judging::{FetchOptions, JudgingOptions};
use super::options::{self, DepthArgument, Global};
use super::probe::resolver;
use super::{CliError, Exit};
use crate::model::finding::Severity;
use crate::model::line::Line;
use crate::model::summary::Summary;
use crate::observe::tls::SurveySettings;
use crate::probe::EvidenceLevel;
use crate::scan::certificates::{CertificateForm, Met};
use crate::scan::done::Done;
use crate::scan::gate::Limits;
use crate::scan::input::{Column, Format, Items, Shard};
use crate::scan::look::{Look, LookSettings};
use crate::scan::output::{Form, Sink, Stream, WholeLines, Writer};
use crate::scan::resume::{self, ListIdentity, Seen, State};
use crate::scan::summary::{Summarizer, Tally};
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
  tlsmend scan names.txt --out lines.ndjson --resume --summary -     # interrupt it, type it again: it goes on
  cut -d, -f2 top-1m.csv | tlsmend scan - --depth chain | jq -r 'select(.findings != []) | .input'")]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,

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

    #[command(flatten)]
    judging: JudgingOptions,

    #[command(flatten)]
    fetch: FetchOptions,

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

    /// Write the lines to this file (and what it is of to FILE.state)
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Go on with the file where an interrupted scan left it; begins it where there is none
    #[arg(long, requires = "out")]
    resume: bool,

    /// Write what many targets share to this file when the list is done (JSON if it ends in .json); `-`: print it
    #[arg(long, value_name = "FILE|-")]
    summary: Option<PathBuf>,

    /// Collect the certificates that are met, each about once (PEM; NDJSON if it ends so)
    #[arg(long, value_name = "FILE")]
    certificates: Option<PathBuf>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Merge(merge::Arguments),
}

impl Arguments {
    /// The file with the list; `None`: standard input.
    fn list(&self) -> Option<&Path> {
        self.file.as_deref().filter(|path| path.as_os_str() != "-")
    }

    /// What the lines depend on: a file is gone on with in the same way only.
    fn described(&self) -> String {
        let word = |value: &dyn std::fmt::Debug| format!("{value:?}").to_lowercase();
        let mut text = format!(
            "--depth {} --evidence {} --output {}",
            word(&self.depth),
            word(&self.evidence),
            word(&self.output)
        );
        let mut add = |option: &str, value: Option<String>| {
            if let Some(value) = value {
                text.push_str(&format!(" {option} {value}"));
            }
        };
        let column = |column: &Column| match column {
            Column::Number(number) => (number + 1).to_string(),
            Column::Name(name) => name.clone(),
        };
        add("--column", self.column.as_ref().map(column));
        add("--shard", self.shard.map(|shard| shard.to_string()));
        add("--at", self.judging.at.map(|at| at.to_string()));
        text
    }
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
    if let Some(Command::Merge(merge)) = &arguments.command {
        return merge::run(merge, global);
    }
    if arguments.output == Output::Csv && arguments.resume && arguments.summary.is_some() {
        return Err(CliError::Usage(
            "a summary cannot be made from CSV lines of an earlier run; use --output ndjson".into(),
        ));
    }
    if arguments.out.is_none() && arguments.summary.as_ref().is_some_and(|path| path.as_os_str() == "-") {
        return Err(CliError::Usage(
            "the lines go to standard output, where a summary would be one of them; add --out FILE".into(),
        ));
    }
    if arguments.certificates.is_some() && arguments.certificates == arguments.out {
        return Err(CliError::Usage("--out and --certificates name the same file".into()));
    }
    let settings = settings(arguments)?;
    let form = settings.form;
    let mut tally = Tally::default();
    let mut summarizer = arguments.summary.as_ref().map(|_| Summarizer::default());
    let mut worst = None;
    let (lines, list, done, mut kept) = match &arguments.out {
        Some(out) => {
            let whole_lines = summarizer.is_some();
            let seen = |seen: &Seen, line: Option<&Line>| {
                tally.add(seen.outcome, seen.failure.as_deref());
                worst = worst.max(seen.severity);
                if let (Some(summarizer), Some(line)) = (&mut summarizer, line) {
                    summarizer.add(line);
                }
            };
            let (kept, list, opened) = Kept::open(arguments, out, form, seen, whole_lines)?;
            (Box::new(opened.0) as Box<dyn Sink>, list, opened.1, Some(kept))
        }
        None => (Box::new(Stream(io::stdout())) as Box<dyn Sink>, open(arguments.list())?, Done::default(), None),
    };
    let mut lines = lines;
    if kept.as_ref().is_none_or(|kept| kept.fresh) {
        lines.append(form.header()).map_err(|error| output_error(arguments, error))?;
    }
    let certificates = match &arguments.certificates {
        Some(path) => Some(Box::new(
            resume::open_certificates(path, arguments.resume)
                .map_err(|error| CliError::Usage(format!("cannot write {}: {error}", path.display())))?,
        ) as Box<dyn Sink>),
        None => None,
    };
    let format = Format { column: arguments.column.clone(), shard: arguments.shard };
    let items = Items::new(list, format).map_err(|error| list_error(arguments, &error))?;
    let earlier = done.count();
    let mut watcher = Watching {
        tally,
        summarizer,
        worst,
        met: Met::default(),
        certificates: arguments.certificates.as_deref().map(CertificateForm::of),
        display: Display::new(global, arguments.list().and_then(|path| path.metadata().ok()).map(|it| it.len())),
    };
    let runtime = super::runtime()?;
    let ending = runtime.block_on(async {
        let stop = stop_wishes()?;
        let writer = Writer::start(lines, certificates)?;
        scan::run(&settings, items, done, writer, stop, &mut watcher).await.map_err(|error| match error {
            ScanError::Output(error) => output_error(arguments, error),
            ScanError::Input(error) => list_error(arguments, &error),
            ScanError::Start(_) => CliError::Usage(error.to_string()),
        })
    });
    watcher.display.clear();
    watcher.tell_account(global, earlier, &ending, arguments);
    let ending = ending?;
    if let (Some(kept), Ending::Complete { targets }) = (&mut kept, ending) {
        kept.complete(targets).map_err(|error| output_error(arguments, error))?;
    }
    if let (Some(path), Some(summarizer)) = (&arguments.summary, &watcher.summarizer) {
        write_summary(&summarizer.finish(), path, global)?;
    }
    Ok(watcher.exit(ending, arguments.fail_on))
}

/// A file of lines that is being written.
struct Kept {
    path: PathBuf,
    state: State,
    fresh: bool,
    /// As long as it is open, no other scan writes the file.
    _lock: File,
}

type List = Box<dyn Read + Send>;

impl Kept {
    fn open(
        arguments: &Arguments,
        out: &Path,
        form: Form,
        seen: impl FnMut(&Seen, Option<&Line>),
        whole_lines: bool,
    ) -> Result<(Self, List, (WholeLines, Done)), CliError> {
        let list = open(arguments.list())?;
        let (identity, list) =
            ListIdentity::of(list, arguments.list()).map_err(|error| list_error(arguments, &error))?;
        let state = State::new(identity, arguments.described());
        let opened = resume::open(out, &state, form, arguments.resume, seen, whole_lines)
            .map_err(|error| CliError::Usage(format!("cannot write {}: {error}", out.display())))?;
        let kept = Self { path: out.to_owned(), state, fresh: opened.fresh, _lock: opened.lock };
        Ok((kept, list, (opened.sink, opened.done)))
    }

    fn complete(&mut self, targets: u64) -> io::Result<()> {
        if !self.path.is_file() {
            return Ok(());
        }
        self.state.targets = Some(targets);
        self.state.write(&self.path)
    }
}

/// JSON where the name says so, else text.
fn write_summary(summary: &Summary, path: &Path, global: &Global) -> Result<(), CliError> {
    let mut octets = Vec::new();
    if path.extension().is_some_and(|end| end == "json") {
        serde_json::to_writer_pretty(&mut octets, summary).map_err(io::Error::from)?;
        octets.push(b'\n');
    } else {
        crate::report::text::scan::write(summary, super::probe::style(global), &mut octets)?;
    }
    if path.as_os_str() == "-" {
        return super::write_out(&octets);
    }
    std::fs::write(path, octets).map_err(|error| CliError::Usage(format!("cannot write {}: {error}", path.display())))
}

/// What could not be written, and how to go on.
fn output_error(arguments: &Arguments, error: io::Error) -> CliError {
    match &arguments.out {
        Some(path) => CliError::Usage(format!(
            "cannot write {}: {error}; it holds whole lines only: make room and go on with --resume",
            path.display()
        )),
        None => CliError::Output(error),
    }
}

fn list_error(arguments: &Arguments, error: &io::Error) -> CliError {
    CliError::Usage(match &arguments.file {
        Some(path) => format!("{}: {error}", path.display()),
        None => format!("standard input: {error}"),
    })
}

fn open(file: Option<&Path>) -> Result<List, CliError> {
    match file {
        Some(path) => File::open(path)
            .map(|file| Box::new(file) as List)
            .map_err(|error| CliError::Usage(format!("cannot read {}: {error}", path.display()))),
        None => Ok(Box::new(io::stdin())),
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
        anchors: arguments.judging.trust.anchors()?,
        clients: arguments.judging.clients(),
        at: arguments.judging.at,
        fetch_issuers: !arguments.fetch.no_aia,
        allow_private_aia: arguments.fetch.allow_private_aia,
        warn_days: arguments.warn_days,
        depth: arguments.depth.into(),
        survey: SurveySettings { per_host: SURVEY_PER_HOST, full_order: false },
        aia_cache: arguments.fetch.aia_cache(),
        memo: Arc::default(),
        ..crate::probe::Settings::default()
    };
    let evidence = match arguments.evidence {
        EvidenceArgument::None => EvidenceLevel::None,
        EvidenceArgument::Hashes => EvidenceLevel::Hashes,
        EvidenceArgument::Pem => EvidenceLevel::Pem,
    };
    Ok(scan::Settings {
        look: LookSettings { probe, evidence, collect: arguments.certificates.is_some(), clock: super::clock },
        limits: limits(arguments),
        rate: arguments.rate,
        timeout: arguments.timeout,
        form: match arguments.output {
            Output::Ndjson => Form::Ndjson,
            Output::Csv => Form::Csv,
        },
    })
}

/// Handshakes in progress for each processor, up to [`MOST_BY_DEFAULT`]: with three round trips of 50 ms each and 0.3 ms of work
/// 500 keep the one thread busy that does it, and more cost memory.
const PER_PROCESSOR: usize = 250;
const MOST_BY_DEFAULT: usize = 500;

/// Descriptors that are not connections of handshakes: the list, the files written, questions to name servers, issuers being
/// fetched.
const OTHER_DESCRIPTORS: usize = 64;

/// Connections of one survey at a time; the limits count them all.
const SURVEY_PER_HOST: usize = 8;

/// What is assumed where the system does not say.
const USUAL_DESCRIPTORS: usize = 1024;

fn limits(arguments: &Arguments) -> Limits {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let wanted =
        arguments.concurrency.map_or_else(|| (PER_PROCESSOR * processors).min(MOST_BY_DEFAULT), |it| it as usize);
    let open = descriptors().saturating_sub(OTHER_DESCRIPTORS);
    match arguments.depth {
        DepthArgument::Chain | DepthArgument::Handshake => {
            Limits::of(wanted, open, arguments.per_address, arguments.per_network)
        }
        DepthArgument::Survey => {
            let share = |limit: usize| limit.div_ceil(SURVEY_PER_HOST);
            Limits::of(
                share(wanted),
                open / SURVEY_PER_HOST,
                share(arguments.per_address),
                share(arguments.per_network),
            )
        }
    }
}

/// How many files this process may have open.
fn descriptors() -> usize {
    #[cfg(unix)]
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    #[cfg(not(unix))]
    let limit: Option<u64> = None;
    limit.map_or(USUAL_DESCRIPTORS, |limit| usize::try_from(limit).unwrap_or(USUAL_DESCRIPTORS))
}

/// Sees every line.
struct Watching {
    tally: Tally,
    summarizer: Option<Summarizer>,
    worst: Option<Severity>,
    met: Met,
    certificates: Option<CertificateForm>,
    display: Display,
}

impl Watcher for Watching {
    fn line(&mut self, line: &Line) {
        self.tally.add(line.outcome, line.failure.as_deref());
        self.worst = self.worst.max(line.severity);
        if let Some(summarizer) = &mut self.summarizer {
            summarizer.add(line);
        }
    }

    fn progress(&mut self, progress: &Progress) {
        self.display.show(progress, self.tally.failed());
    }

    fn certificates(&mut self, look: &Look, to: &mut Vec<u8>) {
        let Some(form) = self.certificates else { return };
        for (sha256, der) in &look.certificates {
            if self.met.is_new(*sha256) {
                form.write(sha256, der, to);
            }
        }
    }
}

impl Watching {
    /// Where every target is; said unless the lines that it is about could not be written.
    fn tell_account(&self, global: &Global, earlier: u64, ending: &Result<Ending, CliError>, arguments: &Arguments) {
        let Ok(ending) = ending else { return };
        if global.quiet > 0 {
            return;
        }
        let account = self.tally.account();
        let mut notes = String::new();
        if earlier > 0 {
            notes.push_str(&format!("; {earlier} of them by an earlier run"));
        }
        if let (Some(shard), Ending::Complete { targets }) = (arguments.shard, ending) {
            let others = targets.saturating_sub(account.lines);
            notes.push_str(&format!("; shard {shard}: {others} more of the list are in others"));
        }
        eprintln!("tlsmend: {}{notes}", crate::report::text::scan::account(&account));
        if *ending == Ending::Interrupted {
            let how = if arguments.out.is_some() { "; --resume goes on with it" } else { "" };
            eprintln!("tlsmend: interrupted: the rest of the list was not looked at{how}");
        }
    }

    fn exit(&self, ending: Ending, fail_on: Severity) -> Exit {
        let account = self.tally.account();
        if account.lines > 0 && account.reached + account.partial == 0 {
            Exit::Unreachable
        } else if self.worst.is_some_and(|worst| worst >= fail_on) {
            Exit::Findings
        } else if account.lines > account.reached || ending == Ending::Interrupted {
            Exit::Partial
        } else {
            Exit::Clean
        }
    }
}
