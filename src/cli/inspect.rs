//! `tlsmend inspect`: the same judgement on files, offline.

use std::path::PathBuf;

use super::options::{Global, Output};
use super::probe::{self, ClientArgument};
use super::{CliError, Exit};
use crate::model::finding::Severity;
use crate::model::handshake::KeyProof;
use crate::model::report::Report;
use crate::model::target::ReferenceId;
use crate::model::time::Time;
use crate::probe::{Settings, inspect};
use crate::report::{json, text};
use crate::x509::{Certificate, certificates_in, private_key};

/// Certificates that are taken for one chain: no client accepts half as many. More is a store.
const MAX_CHAIN: usize = 100;

/// Judge the certificates in files as if a server sent them, without network
///
/// Before a bundle is uploaded or deployed: what each real client will make of it, whether names, dates, order and key
/// are right. Several files are one chain, in the order given.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 nothing at or above --fail-on; 1 findings; 2 usage, or a file cannot be read.

Examples:
  tlsmend inspect fullchain.pem --host www.example.com --key privkey.pem
  tlsmend inspect cert.pem intermediate.der --at 2027-01-01T00:00:00Z
  tlsmend inspect bundle.p7b --ca company-root.pem --output json")]
pub struct Arguments {
    /// Certificates in PEM, DER or PKCS#7 (.p7b); the end entity first
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// The name (or address) that clients will ask for; without it no name is checked
    #[arg(long, value_name = "NAME", value_parser = probe::reference)]
    host: Option<ReferenceId>,

    /// The private key: does it belong to the first certificate? (PEM or DER, not encrypted; it is never shown)
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,

    /// Trust anchors added to each client's own (PEM, DER or PKCS#7); the rules for local roots apply
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// Trust exactly these, under the rules for public CAs
    #[arg(long, value_name = "FILE")]
    roots: Option<PathBuf>,

    /// Judge as these clients only (comma-separated; `tlsmend clients` lists them)
    #[arg(long, value_name = "ID,…", value_delimiter = ',', value_parser = probe::client)]
    client: Vec<ClientArgument>,

    /// Judge at this moment instead of now, such as 2026-11-22T08:00:00Z
    #[arg(long, value_name = "RFC3339")]
    at: Option<Time>,

    /// Warn this many days before expiry [default: a third of the certificate's lifetime]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=36_500))]
    warn_days: Option<u32>,

    /// Exit with 1 from this severity on: info, low, medium, high, critical
    #[arg(long, value_name = "SEVERITY", default_value = "medium")]
    fail_on: Severity,

    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

pub fn run(arguments: &Arguments, global: &Global) -> Result<Exit, CliError> {
    let chain = chain(arguments)?;
    let key = key(arguments, &chain)?;
    let settings = Settings {
        anchors: probe::anchors(arguments.roots.as_deref(), arguments.ca.as_deref())?,
        clients: probe::chosen(&arguments.client),
        at: arguments.at,
        fetch_issuers: false,
        warn_days: arguments.warn_days,
        arguments: cleaned_arguments(arguments),
        ..Settings::default()
    };
    let report = inspect(chain, key, arguments.host.clone(), &settings, super::clock);
    if global.quiet < 2 {
        let mut out = Vec::new();
        match arguments.output {
            Output::Json => json::write_document(&report, &mut out)?,
            Output::Text => text::write(&report, probe::style(global), &mut out)?,
        }
        super::write_out(&out)?;
    }
    Ok(exit_of(&report, arguments.fail_on))
}

fn chain(arguments: &Arguments) -> Result<Vec<Vec<u8>>, CliError> {
    let mut chain = Vec::new();
    for file in &arguments.files {
        let fail = |reason: String| CliError::Usage(format!("{}: {reason}", file.display()));
        let bytes = probe::read_file(file).map_err(fail)?;
        chain.extend(certificates_in(&bytes).map_err(|error| fail(error.to_string()))?);
        if chain.len() > MAX_CHAIN {
            return Err(fail(format!(
                "that makes more than {MAX_CHAIN} certificates, which no chain has; a store of trusted roots belongs to --roots"
            )));
        }
    }
    Ok(chain)
}

/// Does the key belong to the first certificate?
fn key(arguments: &Arguments, chain: &[Vec<u8>]) -> Result<Option<KeyProof>, CliError> {
    let Some(file) = &arguments.key else { return Ok(None) };
    let fail = |reason: String| CliError::Usage(format!("--key {}: {reason}", file.display()));
    let bytes = probe::read_file(file).map_err(fail)?;
    // With a certificate that cannot be read there is nothing to compare, and the report says so.
    let Some(end_entity) = chain.first().and_then(|der| Certificate::parse(der).ok()) else {
        return Ok(Some(KeyProof::NotChecked));
    };
    private_key::belongs_to(&bytes, &end_entity).map(Some).map_err(|error| fail(error.to_string()))
}

/// As [`super::cleaned_arguments`], and without the files.
fn cleaned_arguments(arguments: &Arguments) -> Vec<String> {
    let is_file = |argument: &String| arguments.files.iter().any(|file| file.to_string_lossy() == argument.as_str());
    let cleaned = super::cleaned_arguments().into_iter();
    cleaned.map(|argument| if is_file(&argument) { "<file>".to_owned() } else { argument }).collect()
}

fn exit_of(report: &Report, fail_on: Severity) -> Exit {
    if report.findings.iter().any(|finding| finding.severity >= fail_on) { Exit::Findings } else { Exit::Clean }
}
