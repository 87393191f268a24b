//! The command line: one file per subcommand. Clock, environment, terminal and files are touched here.

mod bundle;
mod cas;
mod clients;
pub mod cloud;
mod completions;
mod config;
mod demo;
mod explain;
pub mod fix;
mod inspect;
mod judge;
mod judging;
mod lab;
mod mapping;
mod naming;
mod options;
mod password;
mod preflight;
pub mod probe;
mod revocation;
mod rules;
mod scan;
mod show;
mod stores;
mod survey;
mod wire;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::model::time::Time;
use crate::observe::aia::Cache;

/// Finds out why TLS to a domain is broken, says so in the words of the client that failed, and mends it.
#[derive(Debug, Parser)]
#[command(name = "tlsmend", version, propagate_version = true, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    global: options::Global,
}

#[derive(Debug, Subcommand)]
enum Command {
    Probe(Box<probe::Arguments>),
    Scan(Box<scan::Arguments>),
    Inspect(inspect::Arguments),
    Bundle(Box<bundle::Arguments>),
    Preflight(Box<preflight::Arguments>),
    Show(show::Arguments),
    Mapping(mapping::Arguments),
    Cas(Box<cas::Arguments>),
    Lab(lab::Arguments),
    Fix(Box<fix::Arguments>),
    Demo(demo::Arguments),
    Explain(explain::Arguments),
    Rules(rules::Arguments),
    Clients(clients::Arguments),
    Stores(stores::Arguments),
    Judge(judge::Arguments),
    Completions(completions::Arguments),
}

/// Why a command could not do its work. A broken server is not among them: that is a result.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The message says what to do next.
    #[error("{0}")]
    Usage(String),
    /// A fault of ours.
    #[error("{0}; this is a bug, please report it")]
    Internal(String),
    #[error("cannot write the result: {0}")]
    Output(#[from] std::io::Error),
}

/// How a command ended; the README's table of exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Clean = 0,
    Findings = 1,
    Unusable = 2,
    Unreachable = 3,
    Partial = 4,
    /// `fix` failed, and what was served before is served again.
    RolledBack = 5,
    /// `fix` failed, and a person must look.
    NeedsAttention = 6,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Parses the arguments and runs the command. Usage errors end the process with 2, `--help` with 0.
pub fn run() -> Result<Exit, CliError> {
    let arguments = config::parse()?;
    match arguments.command {
        Command::Probe(command) => probe::run(&command, &arguments.global),
        Command::Scan(command) => scan::run(&command, &arguments.global),
        Command::Inspect(command) => inspect::run(&command, &arguments.global),
        Command::Bundle(command) => bundle::run(&command, &arguments.global),
        Command::Preflight(command) => preflight::run(&command, &arguments.global),
        Command::Show(command) => show::run(&command, &arguments.global),
        Command::Mapping(command) => mapping::run(&command, &arguments.global),
        Command::Cas(command) => cas::run(&command, &arguments.global),
        Command::Lab(command) => lab::run(&command, &arguments.global),
        Command::Fix(command) => fix::run(&command, &arguments.global),
        Command::Demo(command) => demo::run(&command, &arguments.global),
        Command::Explain(command) => explain::run(&command, &arguments.global),
        Command::Rules(command) => rules::run(&command, &arguments.global),
        Command::Clients(command) => clients::run(&command, &arguments.global),
        Command::Stores(command) => stores::run(&command, &arguments.global),
        Command::Judge(command) => judge::run(&command),
        Command::Completions(command) => completions::run(&command),
    }
}

/// The system's clock, handed down from here.
fn clock() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Time::from_unix(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// `$XDG_CACHE_HOME/tlsmend`, else `~/.cache/tlsmend` (XDG Base Directory Specification: a relative path is ignored).
fn cache_folder() -> Option<PathBuf> {
    let absolute = |path: PathBuf| path.is_absolute().then_some(path);
    let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).and_then(absolute);
    let base = base.or_else(|| std::env::home_dir().and_then(absolute).map(|home| home.join(".cache")));
    base.map(|base| base.join("tlsmend"))
}

/// The issuers that were fetched before.
fn aia_cache() -> Option<Cache> {
    cache_folder().map(|folder| Cache::new(folder.join("aia")))
}

/// One thread serves everything: a probe waits much and computes little.
fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::Usage(format!("cannot start: {error}")))
}

/// Waits for Ctrl-C, or for the polite request to end that a supervisor sends. Listening begins with the call.
fn interrupted() -> Result<impl Future<Output = ()>, CliError> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| {
            signal(kind).map_err(|error| CliError::Usage(format!("cannot listen for the signal to end: {error}")))
        };
        let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}

/// The result, at once and whole.
fn write_out(result: &[u8]) -> Result<(), CliError> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(result)?;
    stdout.flush()?;
    Ok(())
}

/// Columns of the terminal; 80 where there is none.
fn terminal_width() -> usize {
    let columns = std::env::var("COLUMNS").ok().and_then(|text| text.parse::<usize>().ok());
    columns.unwrap_or(80).clamp(40, 200)
}

/// Options whose value is a path of this machine.
const PATH_OPTIONS: &[&str] =
    &["--ca", "--config", "--ct-logs", "--key", "--mapping", "--out", "--password-file", "--roots"];

/// The command line as a report may show it: local paths are taken out.
fn cleaned_arguments() -> Vec<String> {
    let mut cleaned = Vec::new();
    let mut hide_next = false;
    for argument in std::env::args_os().skip(1) {
        let argument = argument.to_string_lossy().into_owned();
        if std::mem::take(&mut hide_next) {
            cleaned.push("<file>".to_owned());
            continue;
        }
        let option = argument.split('=').next().unwrap_or_default();
        if PATH_OPTIONS.contains(&option) {
            hide_next = option == argument;
            cleaned.push(if hide_next { argument } else { format!("{option}=<file>") });
        } else {
            cleaned.push(argument);
        }
    }
    cleaned
}
