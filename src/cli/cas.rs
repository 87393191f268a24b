//! `tlsmend cas`: the single steps of the certificate service, for people and scripts, in both dialects.

mod create;
mod deploy;
mod diagnose;
mod status;
mod upload;

pub(super) use upload::chain;

use std::fmt::Write as _;

use clap::Subcommand;
use serde::Serialize;
use serde_json::{Value, json};

use super::cloud::CloudOptions;
use super::options::{Global, Output};
use super::{CliError, Exit};
use crate::model::call::Call;
use crate::model::report::SCHEMA_VERSION;
use crate::remedy::cas::{CasClient, CasError, CertId, ErrorKind, GuideClient};

/// Single steps of the certificate service: upload, status, deploy, diagnose, create
///
/// `tlsmend fix` does the whole way with a plan, a proof and a rollback; these are its steps for who wants one of them. The
/// real service (Alibaba Cloud CAS) is spoken to as it is; `--dialect guide` speaks the actions of the older guides
/// (CreateCertificate, DeployCertificate, DescribeCertificateStatus, DiagnoseCertificate, UpdateCertificate), which the
/// public service does not have.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Credentials come from ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET (and ALIBABA_CLOUD_SECURITY_TOKEN), or
from a profile of ~/.aliyun/config.json; never from the command line.

Exit codes: 0 done; 1 refused, failed, or nothing was changed; 2 usage, or no credentials; 3 the service cannot be reached
or does not work.

Examples:
  tlsmend cas upload fullchain.pem --key privkey.pem --region cn-hangzhou
  tlsmend cas status --cert-id 12345678
  tlsmend cas deploy --cert-id 12345678 --domain www.example.com          # shows what it would do
  tlsmend cas deploy --cert-id 12345678 --domain www.example.com --yes
  tlsmend cas diagnose --cert-id 12345678 --host www.example.com")]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Upload(upload::Arguments),
    Status(status::Arguments),
    Deploy(deploy::Arguments),
    Diagnose(diagnose::Arguments),
    Create(create::Arguments),
}

/// What every step takes.
#[derive(Debug, clap::Args)]
struct Common {
    /// What the service speaks: the real one's actions, or the guides'
    #[arg(long, value_enum, default_value_t = Dialect::Cas)]
    dialect: Dialect,

    /// Send the guides' actions even to the public service, where they can only fail
    #[arg(long)]
    force_guide: bool,

    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,

    #[command(flatten)]
    cloud: CloudOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Dialect {
    /// Alibaba Cloud CAS, version 2020-04-07
    Cas,
    /// The actions of the guides, with ids like cert-8a9b2c
    Guide,
}

impl Dialect {
    fn word(self) -> &'static str {
        match self {
            Self::Cas => "cas",
            Self::Guide => "guide",
        }
    }
}

/// The service in the chosen dialect.
enum Service {
    Cas(CasClient),
    Guide(GuideClient),
}

impl Service {
    fn calls(&self) -> Vec<Call> {
        match self {
            Self::Cas(client) => client.calls(),
            Self::Guide(client) => client.calls(),
        }
    }

    fn endpoint(&self) -> String {
        match self {
            Self::Cas(client) => client.endpoint().to_string(),
            Self::Guide(client) => client.endpoint().to_string(),
        }
    }
}

/// How a step ended when the service did not stand in the way.
struct Told {
    /// For a person.
    text: String,
    /// For a script.
    result: Value,
    exit: Exit,
}

impl Told {
    fn done(text: impl Into<String>, result: impl Serialize) -> Self {
        Self::ending(Exit::Clean, text, result)
    }

    fn ending(exit: Exit, text: impl Into<String>, result: impl Serialize) -> Self {
        // Of our own types, which all can be written as JSON.
        let result = serde_json::to_value(result).unwrap_or_default();
        Self { text: text.into(), result, exit }
    }
}

/// Why a step did not end.
enum Failure {
    Service(CasError),
    Usage(CliError),
}

impl From<CasError> for Failure {
    fn from(error: CasError) -> Self {
        Self::Service(error)
    }
}

impl From<CliError> for Failure {
    fn from(error: CliError) -> Self {
        Self::Usage(error)
    }
}

pub fn run(arguments: &Arguments, global: &Global) -> Result<Exit, CliError> {
    let (name, common) = match &arguments.command {
        Command::Upload(it) => ("upload", &it.common),
        Command::Status(it) => ("status", &it.common),
        Command::Deploy(it) => ("deploy", &it.common),
        Command::Diagnose(it) => ("diagnose", &it.common),
        Command::Create(it) => ("create", &it.common),
    };
    let access = common.cloud.access()?;
    let source = access.source.clone();
    if let (Some(note), 0) = (&access.note, global.quiet) {
        eprintln!("tlsmend: {note}");
    }
    let service = match common.dialect {
        Dialect::Cas => Service::Cas(access.cas()?),
        Dialect::Guide => Service::Guide(access.guide(common.force_guide)?),
    };
    let ended = super::runtime()?.block_on(async {
        match &arguments.command {
            Command::Upload(it) => upload::run(it, &service).await,
            Command::Status(it) => status::run(it, &service).await,
            Command::Deploy(it) => deploy::run(it, &service, global).await,
            Command::Diagnose(it) => diagnose::run(it, &service).await,
            Command::Create(it) => create::run(it, &service).await,
        }
    });
    let (text, result, error, exit) = match ended {
        Ok(told) => (told.text, told.result, Value::Null, told.exit),
        Err(Failure::Usage(error)) => return Err(error),
        Err(Failure::Service(error)) => {
            let (exit, meaning) = (exit_of(&error), error.meaning());
            let mut shown = json!(error);
            shown["meaning"] = json!(meaning);
            (format!("{error}\n  {meaning}\n"), Value::Null, shown, exit)
        }
    };
    let document = json!({
        "schema_version": SCHEMA_VERSION,
        "command": format!("cas {name}"),
        "dialect": common.dialect.word(),
        "endpoint": service.endpoint(),
        "credentials": source,
        "result": result,
        "error": error,
        "calls": service.calls(),
    });
    match common.output {
        Output::Json if global.quiet < 2 => super::write_out(format!("{document:#}\n").as_bytes())?,
        Output::Text if global.quiet < 2 => {
            let mut text = text;
            if global.verbose > 0 {
                let _ = write!(text, "\n{}", told_calls(&service, &source));
            }
            super::write_out(text.as_bytes())?;
        }
        _ => {}
    }
    Ok(exit)
}

/// 2 what we refused to send, 3 what cannot be reached or does not work, 1 what the service refused.
fn exit_of(error: &CasError) -> Exit {
    match error.kind {
        ErrorKind::NotSent => Exit::Unusable,
        ErrorKind::Unreachable | ErrorKind::BadAnswer | ErrorKind::Service => Exit::Unreachable,
        _ => Exit::Findings,
    }
}

fn told_calls(service: &Service, source: &str) -> String {
    let mut text = format!("{} with the credentials of {source}:\n", service.endpoint());
    for call in service.calls() {
        let id = call.request_id.as_deref().unwrap_or("no RequestId");
        let _ = writeln!(text, "  {} {} ({} ms, {id})", call.action, call.outcome, call.duration_ms);
    }
    text
}

/// The number that the real service wants.
fn number(id: &CertId) -> Result<u64, CliError> {
    id.number().ok_or_else(|| {
        CliError::Usage(format!("{id} is an id of the guides; the service has numbers (or give --dialect guide)"))
    })
}

fn cert_id(text: &str) -> Result<CertId, String> {
    text.parse().map_err(|error: crate::remedy::cas::CertIdError| error.to_string())
}

/// Options that have no meaning in the guides' dialect.
fn not_in_guide(option: &str, is_given: bool) -> Result<(), CliError> {
    if is_given {
        return Err(CliError::Usage(format!("{option} has no meaning with --dialect guide")));
    }
    Ok(())
}
