//! `tlsmend scan merge FILE…`: finished files put together.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::cli::options::{Global, Output};
use crate::cli::{CliError, Exit};
use crate::model::summary::MergeReport;
use crate::report::text;
use crate::scan::certificates::CertificateForm;
use crate::scan::merge::Merger;
use crate::scan::resume::State;

/// Put the files of a scan together: account, causes, what is missing or doubled
///
/// Reads lines (NDJSON) and certificates that `scan` wrote, of one run or of all shards, and tells what one run over the whole
/// list would have told. The lines themselves need no merging: `cat` does it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 every target has one line; 2 usage; 4 lines are missing, doubled or unreadable.

Example:
  tlsmend scan merge lines-*.ndjson certificates-*.pem --certificates all.pem")]
pub struct Arguments {
    /// Files of lines, and of certificates
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Write the certificates of all files here, each once (PEM; NDJSON if it ends so)
    #[arg(long, value_name = "FILE")]
    certificates: Option<PathBuf>,

    /// Write the summary to this file instead of printing it
    #[arg(long, value_name = "FILE|-", default_value = "-")]
    summary: PathBuf,

    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

pub fn run(arguments: &Arguments, global: &Global) -> Result<Exit, CliError> {
    let cannot = |what: &str, path: &Path, error: std::io::Error| {
        CliError::Usage(format!("cannot {what} {}: {error}", path.display()))
    };
    let mut collected = match &arguments.certificates {
        // A file that is also read would be emptied before.
        Some(path) if arguments.files.contains(path) => {
            return Err(CliError::Usage(format!("--certificates {} is one of the files read", path.display())));
        }
        Some(path) => {
            let file = File::create(path).map_err(|error| cannot("write", path, error))?;
            Some((CertificateForm::of(path), BufWriter::new(file)))
        }
        None => None,
    };
    let mut merger = Merger::new(collected.as_mut().map(|(form, to)| (*form, to as &mut dyn Write)));
    for path in &arguments.files {
        let file = File::open(path).map_err(|error| cannot("read", path, error))?;
        let targets = State::read(path).and_then(|state| state.targets);
        merger
            .read(BufReader::with_capacity(256 * 1024, file), targets)
            .map_err(|error| cannot("merge", path, error))?;
    }
    let report = merger.finish();
    if let (Some((_, to)), Some(path)) = (&mut collected, &arguments.certificates) {
        to.flush().map_err(|error| cannot("write", path, error))?;
    }
    write(&report, arguments, global)?;
    let whole = report.missing == 0 && report.doubled == 0 && report.unreadable == 0;
    Ok(if whole { Exit::Clean } else { Exit::Partial })
}

fn write(report: &MergeReport, arguments: &Arguments, global: &Global) -> Result<(), CliError> {
    let mut octets = Vec::new();
    match arguments.output {
        Output::Json => {
            serde_json::to_writer_pretty(&mut octets, report).map_err(std::io::Error::from)?;
            octets.push(b'\n');
        }
        Output::Text => text::scan::write_merged(report, crate::cli::probe::style(global), &mut octets)?,
    }
    if arguments.summary.as_os_str() == "-" {
        return crate::cli::write_out(&octets);
    }
    std::fs::write(&arguments.summary, octets)
        .map_err(|error| CliError::Usage(format!("cannot write {}: {error}", arguments.summary.display())))
}
