//! `tlsmend show`: a report read back, without the server it is about.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::judging::{self, ClientArgument};
use super::options::{Global, Output};
use super::probe;
use super::{CliError, Exit};
use crate::judge::rules;
use crate::model::finding::Severity;
use crate::model::report::{Report, SCHEMA_VERSION};
use crate::model::time::Time;
use crate::probe::{Change, judge_again};
use crate::report::text::screen::safe;
use crate::report::{json, text};

/// Bytes of a file of reports. One report has up to a few hundred kilobytes, of a hundred certificates.
const MAX_FILE: u64 = 32 * 1024 * 1024;

/// Reports in one file.
const MAX_REPORTS: usize = 10_000;

/// Show a JSON report again, and judge what it saw anew, without asking the server
///
/// A report carries its evidence: months later it can be read, explained in the words of this version, and judged for
/// another time, other clients or other trust anchors. Nothing is sent to anybody.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Without --at, --client, --ca or --roots the verdicts are those that the report records; with any of them everything is
judged again by this version. That needs a report with certificates in it (--evidence pem, the default of `probe`).

Exit codes: as for `probe`; 2 when the file holds no report, or cannot be judged again.

Examples:
  tlsmend show ticket.json
  tlsmend show ticket.json --at 2027-03-01T00:00:00Z --client java,go
  tlsmend probe www.example.com --output json | tlsmend show - --ca company-root.pem")]
pub struct Arguments {
    /// The JSON of `probe`, `inspect` or `bundle`, one or several; `-`: standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Judge again at this moment, such as 2027-03-01T00:00:00Z
    #[arg(long, value_name = "RFC3339")]
    at: Option<Time>,

    /// Judge again as these clients only (comma-separated; `tlsmend clients` lists them)
    #[arg(long, value_name = "ID,…", value_delimiter = ',', value_parser = judging::client)]
    client: Vec<ClientArgument>,

    /// Judge again with these trust anchors added to each client's own, instead of those the report had
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// Judge again with exactly these trusted
    #[arg(long, value_name = "FILE")]
    roots: Option<PathBuf>,

    /// Exit with 1 from this severity on: info, low, medium, high, critical
    #[arg(long, value_name = "SEVERITY", default_value = "medium")]
    fail_on: Severity,

    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

pub fn run(arguments: &Arguments, global: &Global) -> Result<Exit, CliError> {
    let name = if arguments.file == Path::new("-") {
        "<stdin>".to_owned()
    } else {
        safe(&arguments.file.display().to_string())
    };
    let fail = |reason: String| CliError::Usage(format!("{name}: {reason}"));
    let change = change(arguments)?;
    let reports = reports(&read(&arguments.file).map_err(fail)?).map_err(fail)?;
    let many = reports.len() > 1;
    let mut exits = Vec::with_capacity(reports.len());
    let mut out = Vec::new();
    for (index, recorded) in reports.into_iter().enumerate() {
        let report = match &change {
            Some(change) => judge_again(&recorded, change).map_err(|error| fail(error.to_string()))?,
            None => recorded,
        };
        exits.push(exit_of(&report, arguments.fail_on));
        if global.quiet > 1 {
            continue;
        }
        match arguments.output {
            Output::Json if many => json::write_line(&report, &mut out)?,
            Output::Json => json::write_document(&report, &mut out)?,
            Output::Text => {
                if index > 0 {
                    out.push(b'\n');
                }
                text::write(&in_our_words(report), probe::style(global), &mut out)?;
            }
        }
    }
    super::write_out(&out)?;
    Ok(probe::combine(&exits))
}

/// What is to be judged otherwise; `None`: nothing, the recorded verdicts are shown.
fn change(arguments: &Arguments) -> Result<Option<Change>, CliError> {
    let certificates = |file: &Option<PathBuf>, option| {
        file.as_deref().map(|file| judging::read_certificates(file, option)).transpose()
    };
    let change = Change {
        at: arguments.at,
        clients: (!arguments.client.is_empty()).then(|| judging::chosen(&arguments.client)),
        own_stores: Some(judging::anchors(None, None)?),
        roots: certificates(&arguments.roots, "--roots")?,
        local: certificates(&arguments.ca, "--ca")?,
    };
    let asked = change.at.is_some() || change.clients.is_some() || change.roots.is_some() || change.local.is_some();
    Ok(asked.then_some(change))
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    if file == Path::new("-") {
        std::io::stdin().take(MAX_FILE + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(file).and_then(|opened| opened.take(MAX_FILE + 1).read_to_end(&mut bytes))
    }
    .map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(format!("larger than {} MB: no report is", MAX_FILE / 1024 / 1024));
    }
    Ok(bytes)
}

/// Every report in `bytes`: one document, or one after another.
fn reports(bytes: &[u8]) -> Result<Vec<Report>, String> {
    let mut found = Vec::new();
    for (index, document) in serde_json::Deserializer::from_slice(bytes).into_iter::<Value>().enumerate() {
        let place = |reason: String| if index > 0 { format!("document {}: {reason}", index + 1) } else { reason };
        let document = document.map_err(|error| place(format!("it is not JSON: {error}")))?;
        if index >= MAX_REPORTS {
            return Err(format!("more than {MAX_REPORTS} reports"));
        }
        found.push(report(document).map_err(place)?);
    }
    if found.is_empty() { Err("it is empty".to_owned()) } else { Ok(found) }
}

fn report(document: Value) -> Result<Report, String> {
    const NO_REPORT: &str = "it is JSON, but no report of tlsmend (the output of `probe --output json` is one)";
    let version = document.get("schema_version").and_then(Value::as_str).ok_or(NO_REPORT)?;
    let (ours, theirs) = (major(SCHEMA_VERSION), major(version));
    if theirs.is_none() || theirs != ours {
        return Err(format!(
            "it is of schema {}, and this version reads {SCHEMA_VERSION} and what only adds to it; another version of tlsmend wrote it",
            safe(version)
        ));
    }
    if document.get("before").is_some() && document.get("plan").is_some() {
        return Err("it is the record of a change; its reports are inside: jq .before, jq .after".to_owned());
    }
    // The document of `bundle` carries the report it was made from.
    let is_bundle = document.get("bundle").is_some() && document.get("report").is_some();
    let newer = version != SCHEMA_VERSION;
    let version = safe(version);
    let document = if is_bundle { document.get("report").cloned().unwrap_or_default() } else { document };
    if document.get("target").is_none() || document.get("deployments").is_none() {
        return Err(NO_REPORT.to_owned());
    }
    serde_json::from_value(document).map_err(|error| match newer {
        true => format!(
            "it is of schema {version}, which says things that this version ({SCHEMA_VERSION}) does not know: {error}"
        ),
        false => format!("the report is damaged: {error}"),
    })
}

fn major(version: &str) -> Option<u32> {
    version.split('.').next()?.parse().ok()
}

/// The findings explained as this version does; what was found stays as it is recorded.
fn in_our_words(mut report: Report) -> Report {
    for finding in &mut report.findings {
        if let Some(rule) = rules::find(&finding.code) {
            rule.title.clone_into(&mut finding.title);
            rule.explanation.clone_into(&mut finding.explanation);
        }
    }
    report
}

fn exit_of(report: &Report, fail_on: Severity) -> Exit {
    if report.endpoints.is_empty() && report.deployments.iter().any(|deployment| deployment.endpoints.is_empty()) {
        // Of files: nobody had to be reached.
        let found = report.findings.iter().any(|finding| finding.severity >= fail_on);
        return if found { Exit::Findings } else { Exit::Clean };
    }
    probe::exit_of(report, fail_on)
}
