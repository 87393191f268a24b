//! `tlsmend bundle`: the chain that should be served, with its proof, as a file.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::judging::{FetchOptions, JudgingOptions};
use super::options::{self, Global, Output};
use super::probe;
use super::revocation::{LogOptions, RevocationOptions};
use super::{CliError, Exit};
use crate::model::bundle::{BundleFormat, BundleReport};
use crate::model::finding::Severity;
use crate::model::report::{RepairOutcome, Report, SCHEMA_VERSION};
use crate::model::target::{ReferenceId, Target, TargetError};
use crate::probe::{PinnedAddress, Settings};
use crate::remedy::atomic_file::{self, Holds};
use crate::remedy::p7b;
use crate::report::text;
use crate::x509::{Fingerprint, certificates_in, pem};

/// As `inspect`: no client accepts half as many.
const MAX_CHAIN: usize = 100;

/// Write the chain that a server should send, with the proof for every client
///
/// Takes what the server sends (or what is in a file), finds what is missing by the addresses in the certificates, and
/// chooses the shortest chain that the most clients accept: same end entity, right order, no root, nothing superfluous.
/// Where no bundle can help it says why and what does, and writes nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A file that exists is replaced in one step and keeps its owner and permissions; a symbolic link is followed. A file that
holds a private key is never replaced, and none is ever written.

Exit codes: 0 a bundle that helps, or none is needed; 1 no bundle helps, nothing is written; 2 usage, or the file cannot
be written; 3 nothing could be resolved, reached or spoken to.

Examples:
  tlsmend bundle www.example.com --out fullchain.pem
  tlsmend bundle certificate.pem --out chain.p7b
  tlsmend bundle www.example.com --address 192.0.2.1 --output json")]
pub struct Arguments {
    /// Host, host:port, URL, IP address; or a file with the certificate (PEM, DER, PKCS#7), other certificates after it
    #[arg(value_name = "TARGET|FILE")]
    subject: String,

    /// Write the bundle to this file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Its form [default: by the file's extension (.p7b, .p7c in DER), else PEM]
    #[arg(long, value_enum, requires = "out")]
    format: Option<FormatArgument>,

    /// Append the root, for programs that want it in the file; clients do not need it
    #[arg(long)]
    with_root: bool,

    /// Ask this name server instead of the system's (repeatable)
    #[arg(long, value_name = "ADDR[:PORT]", value_parser = probe::resolver)]
    resolver: Vec<SocketAddr>,

    /// Go to this address, keep the name, ask no DNS (repeatable)
    #[arg(long, value_name = "IP[:PORT]", value_parser = probe::pinned)]
    address: Vec<PinnedAddress>,

    /// Name for SNI and for the certificate, when it is not the target's; for a file: the name that clients will ask for
    #[arg(long, value_name = "NAME", value_parser = probe::reference)]
    server_name: Option<ReferenceId>,

    #[command(flatten)]
    judging: JudgingOptions,

    #[command(flatten)]
    fetch: FetchOptions,

    #[command(flatten)]
    revocation: RevocationOptions,

    #[command(flatten)]
    logs: LogOptions,

    /// For everything, such as 10s or 500ms
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = options::duration)]
    timeout: Duration,

    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum FormatArgument {
    Pem,
    P7b,
}

/// What the argument names.
enum Subject {
    Target(Target),
    /// A chain, DER.
    File(Vec<Vec<u8>>),
}

pub fn run(arguments: &Arguments, global: &Global) -> Result<Exit, CliError> {
    let subject = subject(&arguments.subject)?;
    if let Some(out) = &arguments.out {
        refuse_to_lose_a_key(out)?;
    }
    let settings = settings(arguments)?;
    let is_file = matches!(subject, Subject::File(_));
    let report = super::runtime()?.block_on(async {
        match subject {
            Subject::Target(target) => crate::probe::probe(&target, &settings, super::clock).await,
            Subject::File(chain) => {
                let name = arguments.server_name.clone();
                crate::probe::complete(chain, name, &settings, super::clock).await
            }
        }
    });
    let exit = match report.repair.outcome {
        Some(RepairOutcome::Mends | RepairOutcome::Tidies | RepairOutcome::NotNeeded) => Exit::Clean,
        _ if !is_file && probe::exit_of(&report, Severity::Critical) == Exit::Unreachable => Exit::Unreachable,
        _ => Exit::Findings,
    };
    let mut document = document(report)?;
    // What is told must be what was done: the file comes first.
    if let (Some(out), Some(bundle)) = (&arguments.out, &document.bundle_pem) {
        let format = format(arguments.format, out);
        let written = atomic_file::write(out, &encoded(bundle, format)?, Holds::Public);
        written.map_err(|error| CliError::Usage(error.to_string()))?;
        document.written = Some(format);
    }
    tell(&document, arguments, global)?;
    Ok(exit)
}

fn tell(document: &BundleReport, arguments: &Arguments, global: &Global) -> Result<(), CliError> {
    if global.quiet > 1 {
        return Ok(());
    }
    let mut out = Vec::new();
    match arguments.output {
        Output::Json => {
            serde_json::to_writer_pretty(&mut out, document).map_err(io::Error::from)?;
            writeln!(out)?;
        }
        Output::Text => {
            text::bundle::write(document, probe::style(global), &mut out)?;
            let remark = match (&arguments.out, document.written) {
                (Some(file), Some(_)) => {
                    Some(format!("written to {}", text::screen::safe(&file.display().to_string())))
                }
                (Some(_), None) => Some("nothing was written".to_owned()),
                (None, _) if document.bundle.is_empty() => None,
                (None, _) => Some("--out FILE writes it; the private key stays what it is".to_owned()),
            };
            if let Some(remark) = remark.filter(|_| global.quiet == 0) {
                writeln!(out, "\n{remark}")?;
            }
        }
    }
    super::write_out(&out)
}

/// A file that exists, or a target. A name that is both is taken for the file.
fn subject(text: &str) -> Result<Subject, CliError> {
    let path = Path::new(text);
    let is_url = text.contains("://");
    if !is_url && path.exists() && !path.is_dir() {
        return file(text, path).map(Subject::File);
    }
    // `fullchain.pem` would be a well-formed host name.
    if !is_url && (text.contains(std::path::MAIN_SEPARATOR) || has_extension(path)) {
        return Err(CliError::Usage(format!("{}: no such file", text.escape_debug())));
    }
    text.parse().map(Subject::Target).map_err(|error: TargetError| CliError::Usage(error.to_string()))
}

fn file(text: &str, path: &Path) -> Result<Vec<Vec<u8>>, CliError> {
    let fail = |reason: String| {
        CliError::Usage(format!("{text}: {reason} (it is a file here; a server of that name is https://{text})"))
    };
    let bytes = probe::read_file(path).map_err(fail)?;
    let chain = certificates_in(&bytes).map_err(|error| fail(error.to_string()))?;
    if chain.len() > MAX_CHAIN {
        return Err(fail(format!("it holds more than {MAX_CHAIN} certificates: a store, not a chain")));
    }
    Ok(chain)
}

/// What certificates are kept in; none of these is a top-level domain.
fn has_extension(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
    extension.is_some_and(|extension| {
        ["pem", "crt", "cer", "der", "p7b", "p7c", "p7", "pfx", "p12"].contains(&extension.as_str())
    })
}

fn settings(arguments: &Arguments) -> Result<Settings, CliError> {
    let subject = |argument: String| {
        let is_path = argument == arguments.subject && Path::new(&argument).exists();
        if is_path { "<file>".to_owned() } else { argument }
    };
    Ok(Settings {
        look: None,
        resolvers: arguments.resolver.clone(),
        addresses: arguments.address.clone(),
        server_name: arguments.server_name.clone(),
        anchors: arguments.logs.add_to(arguments.judging.trust.anchors()?)?,
        clients: arguments.judging.clients(),
        at: arguments.judging.at,
        fetch_issuers: !arguments.fetch.no_aia,
        allow_private_aia: arguments.fetch.allow_private_aia,
        fetch_every_issuer: true,
        bundle_with_root: arguments.with_root,
        aia_cache: arguments.fetch.aia_cache(),
        revocation: arguments.revocation.settings(!arguments.fetch.no_cache),
        timeout: arguments.timeout,
        arguments: super::cleaned_arguments().into_iter().map(subject).collect(),
        ..Settings::default()
    })
}

/// The report as a document about its bundle.
fn document(report: Report) -> Result<BundleReport, CliError> {
    let repair = &report.repair;
    let outcome = repair.outcome.unwrap_or(RepairOutcome::Impossible);
    let deployment = repair.deployment.and_then(|index| report.deployments.get(index));
    let bundle_pem = match outcome {
        RepairOutcome::Mends | RepairOutcome::Tidies => repair.bundle_pem.clone(),
        RepairOutcome::NotNeeded => {
            let served = deployment.map(|deployment| deployment.served_chain.as_slice()).unwrap_or_default();
            served.iter().map(|hash| report.certificates.get(hash)?.pem.clone()).collect()
        }
        RepairOutcome::Impossible => None,
    };
    let ders = bundle_pem.as_deref().map(ders).transpose()?.unwrap_or_default();
    Ok(BundleReport {
        schema_version: SCHEMA_VERSION.to_owned(),
        outcome,
        reason: repair.reason.clone(),
        instead: repair.instead.clone(),
        endpoints: deployment.map(|deployment| deployment.endpoints.clone()).unwrap_or_default(),
        bundle: ders.iter().map(|der| Fingerprint::of(der).to_string()).collect(),
        bundle_pem,
        written: None,
        report,
    })
}

fn ders(bundle: &str) -> Result<Vec<Vec<u8>>, CliError> {
    certificates_in(bundle.as_bytes())
        .map_err(|error| CliError::Internal(format!("the bundle cannot be read: {error}")))
}

fn format(asked: Option<FormatArgument>, out: &Path) -> BundleFormat {
    let extension = out.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
    match (asked, extension.as_deref()) {
        (None | Some(FormatArgument::P7b), Some("p7c")) => BundleFormat::P7c,
        (Some(FormatArgument::P7b), _) | (None, Some("p7b" | "p7")) => BundleFormat::P7b,
        (Some(FormatArgument::Pem) | None, _) => BundleFormat::Pem,
    }
}

fn encoded(bundle: &str, format: BundleFormat) -> Result<Vec<u8>, CliError> {
    Ok(match format {
        BundleFormat::Pem => bundle.as_bytes().to_vec(),
        BundleFormat::P7b => p7b::armoured(&ders(bundle)?).into_bytes(),
        BundleFormat::P7c => p7b::der(&ders(bundle)?),
    })
}

/// HAProxy and others keep chain and key in one file: writing the chain there would destroy the key.
fn refuse_to_lose_a_key(out: &Path) -> Result<(), CliError> {
    if !out.is_file() {
        return Ok(());
    }
    let bytes =
        probe::read_file(out).map_err(|reason| CliError::Usage(format!("--out {}: {reason}", out.display())))?;
    let (blocks, _) = pem::blocks(&bytes);
    let holds_key = blocks.iter().any(|block| block.label.ends_with("PRIVATE KEY"))
        || bytes.windows(17).any(|window| window == b" PRIVATE KEY-----");
    if holds_key {
        return Err(CliError::Usage(format!(
            "--out {}: the file holds a private key, which would be lost; write the bundle elsewhere and put the key \
             beside it as before",
            out.display()
        )));
    }
    Ok(())
}
