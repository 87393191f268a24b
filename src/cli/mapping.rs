//! `tlsmend mapping`: the table that tells AIRec which certificate belongs to which domain.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde::Serialize;

use super::options::{Global, Output};
use super::{CliError, Exit};
use crate::model::report::SCHEMA_VERSION;
use crate::remedy::atomic_file::{self, Holds};
use crate::remedy::mapping::{self, CertificateId, Domain, Format, Mapping, Reading};
use crate::report::text::screen::safe;

/// Bytes of a file: a table of ten thousand rows takes a few hundred thousand.
const MAX_FILE: u64 = 4 * 1024 * 1024;

/// Keep the table of domains and certificate ids for AIRec (certificate_info.xlsx, or CSV)
///
/// A corrected bundle gets a new id in the certificate service, so the table must follow every update. Ids are written as
/// text: a number in a spreadsheet loses its digits after the fifteenth.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Write(WriteArguments),
    Check(CheckArguments),
    Update(WriteArguments),
}

/// Make a new table, or (update) change a row of one that exists
///
/// `write` refuses a file that exists; `update` changes the row of the domain, or adds it, and keeps every other row. What
/// it would lose (further columns, other sheets, formulas, rows it cannot read) it refuses to touch.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 written; 2 usage, or the file cannot be read, kept or written.

Examples:
  tlsmend mapping write certificate_info.xlsx --domain shop.example.com --cert-id 12345678
  tlsmend mapping update certificate_info.xlsx --domain shop.example.com --cert-id 23456789 --instance-id airec-cn-x --region cn-hangzhou")]
struct WriteArguments {
    /// The table; .csv is CSV, everything else a workbook
    file: PathBuf,

    /// AIRec's domain (repeatable)
    #[arg(long, value_name = "NAME", required = true, value_parser = domain)]
    domain: Vec<Domain>,

    /// The id of the certificate in the service
    #[arg(long, value_name = "ID", value_parser = certificate_id)]
    cert_id: CertificateId,

    #[arg(long, value_name = "PORT", default_value_t = 443, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,

    /// For the command that is printed
    #[arg(long, value_name = "ID", value_parser = word)]
    instance_id: Option<String>,

    /// For the command that is printed
    #[arg(long, value_name = "REGION", value_parser = word)]
    region: Option<String>,

    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// Say what is wrong in a table, cell by cell
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 all is right; 1 something is not; 2 usage, or the file is no table.

Example:
  tlsmend mapping check certificate_info.xlsx --domain shop.example.com --cert-id 12345678")]
struct CheckArguments {
    /// The table, a workbook or CSV
    file: PathBuf,

    /// This domain must be in it (repeatable)
    #[arg(long, value_name = "NAME", value_parser = domain)]
    domain: Vec<Domain>,

    /// … with this certificate
    #[arg(long, value_name = "ID", requires = "domain", value_parser = certificate_id)]
    cert_id: Option<CertificateId>,

    #[arg(long, value_name = "PORT", default_value_t = 443, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,

    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

fn domain(text: &str) -> Result<Domain, String> {
    text.parse().map_err(|error: mapping::ParseError| error.to_string())
}

fn certificate_id(text: &str) -> Result<CertificateId, String> {
    text.parse().map_err(|error: mapping::ParseError| error.to_string())
}

/// It stands in a command line that people paste.
fn word(text: &str) -> Result<String, String> {
    let is_word = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if is_word { Ok(text.to_owned()) } else { Err("letters, digits, `-`, `_` and `.`".to_owned()) }
}

/// `--output json` of all three.
#[derive(Serialize)]
struct Document {
    schema_version: &'static str,
    /// What was done or found: `written`, `updated`, `unchanged`, `right`, `wrong`.
    outcome: &'static str,
    rows: Vec<RowEntry>,
    changes: Vec<Change>,
    problems: Vec<ProblemEntry>,
    /// The command that has AIRec read the table; null after a check.
    command: Option<String>,
}

#[derive(Serialize)]
struct RowEntry {
    domain: String,
    certificate_id: String,
    protocol: &'static str,
    port: u16,
}

#[derive(Serialize)]
struct Change {
    domain: String,
    port: u16,
    /// Null for a row that is new.
    before: Option<String>,
    after: String,
}

#[derive(Serialize)]
struct ProblemEntry {
    cell: String,
    message: String,
    /// `mapping update` puts it right.
    mends_itself: bool,
}

pub fn run(arguments: &Arguments, global: &Global) -> Result<Exit, CliError> {
    match &arguments.command {
        Command::Write(arguments) => write(arguments, global),
        Command::Update(arguments) => update(arguments, global),
        Command::Check(arguments) => check(arguments, global),
    }
}

fn write(arguments: &WriteArguments, global: &Global) -> Result<Exit, CliError> {
    let file = &arguments.file;
    if std::fs::symlink_metadata(file).is_ok() {
        return Err(CliError::Usage(format!("{}: it exists; `tlsmend mapping update` changes it", shown(file))));
    }
    let format = Format::of_name(&file.to_string_lossy());
    let mut mapping = Mapping::default();
    let changes = set(&mut mapping, arguments);
    store(&mapping, format, file)?;
    tell(&document("written", &mapping, changes, None, Some(command(arguments))), arguments.output, file, global)?;
    Ok(Exit::Clean)
}

fn update(arguments: &WriteArguments, global: &Global) -> Result<Exit, CliError> {
    let file = &arguments.file;
    let reading = changeable(file)?;
    let mut mapping = reading.mapping.clone();
    let changes = set(&mut mapping, arguments);
    let unchanged = mapping == reading.mapping && reading.problems.is_empty();
    if !unchanged {
        store(&mapping, reading.format, file)?;
    }
    let outcome = if unchanged { "unchanged" } else { "updated" };
    tell(
        &document(outcome, &mapping, changes, Some(&reading), Some(command(arguments))),
        arguments.output,
        file,
        global,
    )?;
    Ok(Exit::Clean)
}

/// A table that can be changed without losing anything.
fn changeable(file: &Path) -> Result<Reading, CliError> {
    let reading = read(file)?;
    let obstacles: Vec<String> = reading.obstacles().map(|problem| format!("\n  {problem}")).collect();
    if obstacles.is_empty() {
        return Ok(reading);
    }
    let (file, obstacles) = (shown(file), obstacles.concat());
    Err(CliError::Usage(format!("{file}: it is left as it is, because this would be lost or stay wrong:{obstacles}")))
}

/// Could [`follow`] write this table? One that is not there yet can be made.
pub(super) fn check_file(file: &Path) -> Result<(), CliError> {
    if std::fs::symlink_metadata(file).is_ok() { changeable(file).map(|_| ()) } else { Ok(()) }
}

/// Enters the certificate of one domain after a deployment. Says what was done, or what to do because it could not be.
pub(super) fn follow(file: &Path, host: &str, port: u16, id: &str) -> Vec<String> {
    let entered = domain(host).and_then(|domain| {
        let id = certificate_id(id)?;
        let (mut mapping, format) = match std::fs::symlink_metadata(file) {
            Ok(_) => {
                changeable(file).map(|reading| (reading.mapping, reading.format)).map_err(|error| error.to_string())?
            }
            Err(_) => (Mapping::default(), Format::of_name(&file.to_string_lossy())),
        };
        mapping.set(domain, port, id);
        store(&mapping, format, file).map_err(|error| error.to_string())
    });
    let file = shown(file);
    match entered {
        Ok(()) => vec![
            format!("{file}: {host} port {port} has certificate {id} now."),
            format!(
                "AIRec reads it with: airec-cli domain update --instance-id INSTANCE --config-file {file} --region REGION"
            ),
        ],
        Err(error) => vec![format!(
            "{file} could not be written ({error}); then: tlsmend mapping update {file} --domain {host} --port {port} --cert-id {id}"
        )],
    }
}

fn check(arguments: &CheckArguments, global: &Global) -> Result<Exit, CliError> {
    let reading = read(&arguments.file)?;
    let mut problems = reading.problems.clone();
    for domain in &arguments.domain {
        let message = match (reading.mapping.find(domain, arguments.port), &arguments.cert_id) {
            (None, _) => format!("{domain} at port {} has no row", arguments.port),
            (Some(found), Some(wanted)) if found != wanted => format!("{domain} has certificate {found}, not {wanted}"),
            _ => continue,
        };
        problems.push(mapping::Problem { cell: String::new(), message, mends_itself: true });
    }
    let reading = Reading { problems, ..reading };
    let right = reading.problems.is_empty();
    let outcome = if right { "right" } else { "wrong" };
    tell(
        &document(outcome, &reading.mapping, Vec::new(), Some(&reading), None),
        arguments.output,
        &arguments.file,
        global,
    )?;
    Ok(if right { Exit::Clean } else { Exit::Findings })
}

fn set(mapping: &mut Mapping, arguments: &WriteArguments) -> Vec<Change> {
    let change = |domain: &Domain| Change {
        domain: domain.to_string(),
        port: arguments.port,
        before: mapping.set(domain.clone(), arguments.port, arguments.cert_id.clone()).map(|id| id.to_string()),
        after: arguments.cert_id.to_string(),
    };
    arguments.domain.iter().map(change).filter(|change| change.before.as_ref() != Some(&change.after)).collect()
}

fn read(file: &Path) -> Result<Reading, CliError> {
    use std::io::Read as _;

    let fail = |reason: String| CliError::Usage(format!("{}: {reason}", shown(file)));
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(file).map_err(|error| fail(error.to_string()))?;
    opened.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(|error| fail(error.to_string()))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(fail(format!("larger than {} MB: no such table is", MAX_FILE / 1024 / 1024)));
    }
    mapping::read(&bytes).map_err(|error| fail(safe(&error.to_string())))
}

fn store(mapping: &Mapping, format: Format, file: &Path) -> Result<(), CliError> {
    let bytes =
        mapping.write(format).map_err(|error| CliError::Internal(format!("the table cannot be made: {error}")))?;
    atomic_file::write(file, &bytes, Holds::Public).map_err(|error| CliError::Usage(error.to_string()))
}

/// What makes AIRec read the table. The program is the guides'; where the ids are not given, words stand for them.
fn command(arguments: &WriteArguments) -> String {
    format!(
        "airec-cli domain update --instance-id {} --config-file {} --region {}",
        arguments.instance_id.as_deref().unwrap_or("INSTANCE"),
        super::lab::quoted(arguments.file.to_string_lossy().into_owned()),
        arguments.region.as_deref().unwrap_or("REGION"),
    )
}

fn document(
    outcome: &'static str,
    mapping: &Mapping,
    changes: Vec<Change>,
    reading: Option<&Reading>,
    command: Option<String>,
) -> Document {
    let problems = reading.map(|reading| reading.problems.as_slice()).unwrap_or_default();
    Document {
        schema_version: SCHEMA_VERSION,
        outcome,
        rows: mapping
            .rows()
            .iter()
            .map(|row| RowEntry {
                domain: row.domain.to_string(),
                certificate_id: row.certificate_id.to_string(),
                protocol: "HTTPS",
                port: row.port,
            })
            .collect(),
        changes,
        problems: problems
            .iter()
            .map(|problem| ProblemEntry {
                cell: problem.cell.clone(),
                message: problem.message.clone(),
                mends_itself: problem.mends_itself,
            })
            .collect(),
        command,
    }
}

fn tell(document: &Document, output: Output, file: &Path, global: &Global) -> Result<(), CliError> {
    if global.quiet > 1 {
        return Ok(());
    }
    let mut out = Vec::new();
    match output {
        Output::Json => {
            serde_json::to_writer_pretty(&mut out, document).map_err(io::Error::from)?;
            writeln!(out)?;
        }
        Output::Text => {
            let (file, rows) = (shown(file), document.rows.len());
            let rows = if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") };
            match document.outcome {
                "unchanged" => writeln!(out, "{file} says so already: {rows}")?,
                "right" => writeln!(out, "{file} is right: {rows}")?,
                "wrong" => writeln!(out, "{file} is NOT right: {rows} can be read")?,
                outcome => writeln!(out, "{file} {outcome}: {rows}")?,
            }
            for change in &document.changes {
                let before = change.before.as_deref().map_or("new".to_owned(), |before| format!("was {before}"));
                writeln!(out, "  {} port {}: certificate {} ({before})", change.domain, change.port, change.after)?;
            }
            for problem in &document.problems {
                let place = if problem.cell.is_empty() { String::new() } else { format!("{}: ", problem.cell) };
                let remark = match (document.outcome, problem.mends_itself) {
                    ("updated", _) => " (put right)",
                    (_, true) => " (`mapping update` puts it right)",
                    (_, false) => "",
                };
                writeln!(out, "  {place}{}{remark}", safe(&problem.message))?;
            }
            if let Some(command) = &document.command {
                writeln!(out, "\nAIRec reads it with:\n  $ {}", safe(command))?;
            }
        }
    }
    super::write_out(&out)
}

pub(super) fn shown(file: &Path) -> String {
    safe(&file.display().to_string())
}
