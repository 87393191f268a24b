//! `tlsmend inspect`: the same judgement on files, offline.

use std::path::{Path, PathBuf};

use super::judging::JudgingOptions;
use super::options::{Global, Output};
use super::password::Passwords;
use super::probe;
use super::revocation::LogOptions;
use super::{CliError, Exit};
use crate::model::finding::Severity;
use crate::model::handshake::KeyProof;
use crate::model::report::Report;
use crate::model::target::ReferenceId;
use crate::probe::{Settings, inspect};
use crate::report::{json, text};
use crate::x509::password::{Password, PasswordError};
use crate::x509::private_key::PrivateKeyError;
use crate::x509::{Certificate, certificates_in, pkcs12, private_key};

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
  tlsmend inspect export.pfx --password-file secret.txt
  tlsmend inspect bundle.p7b --ca company-root.pem --output json")]
pub struct Arguments {
    /// Certificates in PEM, DER, PKCS#7 (.p7b) or PKCS#12 (.pfx, .p12); the end entity first
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// The name (or address) that clients will ask for; without it no name is checked
    #[arg(long, value_name = "NAME", value_parser = probe::reference)]
    host: Option<ReferenceId>,

    /// The private key: does it belong to the first certificate? (PEM or DER; it is never shown)
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,

    /// The password of a PFX or an encrypted key, in the first line of a file (- for standard input); without it a
    /// terminal is asked
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,

    #[command(flatten)]
    judging: JudgingOptions,

    #[command(flatten)]
    logs: LogOptions,

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
    let mut passwords = Passwords::new(arguments.password_file.clone());
    let (chain, own_key) = chain(arguments, &mut passwords)?;
    let key = key(arguments, &chain, &mut passwords)?.or(own_key);
    let settings = Settings {
        anchors: arguments.logs.add_to(arguments.judging.trust.anchors()?)?,
        clients: arguments.judging.clients(),
        at: arguments.judging.at,
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

/// The certificates of all files, and whether a private key that lies in one of them belongs to the first certificate.
fn chain(arguments: &Arguments, passwords: &mut Passwords) -> Result<(Vec<Vec<u8>>, Option<KeyProof>), CliError> {
    let mut chain = Vec::new();
    let mut key = None;
    for file in &arguments.files {
        let fail = |reason: String| CliError::Usage(format!("{}: {reason}", file.display()));
        let bytes = probe::read_file(file).map_err(fail)?;
        if pkcs12::is_pkcs12(&bytes) {
            let contents = open(&bytes, file, passwords).map_err(fail)?;
            let (certificates, proof) = contents.into_chain();
            if certificates.is_empty() {
                return Err(fail("it is PKCS#12 (PFX) without a certificate".to_owned()));
            }
            // A key beside a later file's certificates says nothing of the end entity.
            if chain.is_empty() {
                key = proof;
            }
            chain.extend(certificates);
        } else {
            chain.extend(certificates_in(&bytes).map_err(|error| fail(error.to_string()))?);
        }
        if chain.len() > MAX_CHAIN {
            return Err(fail(format!(
                "that makes more than {MAX_CHAIN} certificates, which no chain has; a store of trusted roots belongs to --roots"
            )));
        }
    }
    Ok((chain, key))
}

/// Many exports have no password: that is tried before anybody is asked.
fn open(bytes: &[u8], file: &Path, passwords: &mut Passwords) -> Result<pkcs12::Contents, String> {
    let opened = match pkcs12::open(bytes, &Password::empty()) {
        Err(PasswordError::Wrong) => pkcs12::open(bytes, passwords.get(&file.display().to_string())?),
        opened => opened,
    };
    opened.map_err(|error| format!("PKCS#12 (PFX): {error}"))
}

/// Does the key belong to the first certificate?
fn key(arguments: &Arguments, chain: &[Vec<u8>], passwords: &mut Passwords) -> Result<Option<KeyProof>, CliError> {
    let Some(file) = &arguments.key else { return Ok(None) };
    let fail = |reason: String| CliError::Usage(format!("--key {}: {reason}", file.display()));
    let bytes = probe::read_file(file).map_err(fail)?;
    // With a certificate that cannot be read there is nothing to compare, and the report says so.
    let Some(end_entity) = chain.first().and_then(|der| Certificate::parse(der).ok()) else {
        return Ok(Some(KeyProof::NotChecked));
    };
    let proof = match private_key::belongs_to(&bytes, None, &end_entity) {
        Err(PrivateKeyError::Encrypted) => {
            let password = passwords.get(&file.display().to_string()).map_err(fail)?;
            private_key::belongs_to(&bytes, Some(password), &end_entity)
        }
        proof => proof,
    };
    proof.map(Some).map_err(|error| fail(error.to_string()))
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
