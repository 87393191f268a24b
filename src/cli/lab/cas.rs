//! `tlsmend lab cas`: a broken domain behind an emulated certificate service.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::{Directory, Place, known, place, program, quoted, write_json};
use crate::cli::options::Output;
use crate::cli::{CliError, Exit, clock, interrupted, write_out};
use crate::lab::cas::{Account, Binding, Bound, Emulator, Injection, Seed};
use crate::lab::scenario::TWO_ADDRESSES;
use crate::lab::{Lab, Running};
use crate::model::report::SCHEMA_VERSION;

/// Start a broken domain behind an emulated certificate service; Ctrl-C ends it
///
/// The domain's certificate is stored in the service as it is served: without what it lacks. What is deployed to its
/// resources is really served from then on, and a rollback brings the old chain back. The service listens on loopback,
/// verifies both signature schemes, and keeps everything in memory.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tlsmend lab cas
  tlsmend lab cas expired-cross-certificate
  tlsmend lab cas --inject '{\"action\":\"UploadUserCertificate\",\"call\":1,\"fault\":\"drop-after-effect\"}'
  tlsmend lab cas --output json > cas.json &     # for scripts: one document, then it runs on

A seed sets what the service is like (all of it may be left out):
  {\"polls_per_stage\": 3, \"inventory_lag\": 2, \"credits\": {\"bought\": 1, \"used\": 0}, \"guide_dialect\": true,
   \"propagation\": {\"first_ms\": 2000, \"between_ms\": 3000, \"never\": []}, \"injections\": []}

Faults: throttled, internal-error, internal-error-after-effect, service-unavailable, html-bad-gateway, xml-error,
lower-case-error-keys, truncated-json, slow, drop-before-effect, drop-after-effect, wrong-signature, expired-date,
expired-token, forbidden, extra-fields, unknown-status, large-ids, worker-failure, stuck-processing, rollback-error,
no-matches, no-credits, empty-list, shifting-pages.")]
pub(super) struct Arguments {
    /// The broken domain (`tlsmend lab list` shows them)
    #[arg(value_name = "ID", value_parser = known, default_value = TWO_ADDRESSES)]
    scenario: &'static str,

    /// What the service holds and how it behaves (JSON)
    #[arg(long, value_name = "FILE")]
    seed: Option<PathBuf>,

    /// A fault on the n-th call of an action (JSON, repeatable)
    #[arg(long, value_name = "JSON", value_parser = injection)]
    inject: Vec<Injection>,

    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

fn injection(text: &str) -> Result<Injection, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// The document of `--output json`.
#[derive(Serialize)]
struct Document<'a> {
    schema_version: &'static str,
    endpoint: String,
    region: &'a str,
    access_key_id: &'a str,
    /// Of this emulator, for this emulator.
    access_key_secret: &'a str,
    resolver: String,
    roots: String,
    certificates: Vec<Stored>,
    resources: Vec<Resource>,
    #[serde(flatten)]
    place: Place,
}

#[derive(Serialize)]
struct Stored {
    id: i64,
    name: String,
}

#[derive(Serialize)]
struct Resource {
    id: i64,
    product: String,
    instance_id: String,
    domain: String,
    certificate: i64,
    addresses: Vec<String>,
}

pub(super) async fn run(arguments: &Arguments) -> Result<Exit, CliError> {
    let seed = seed(arguments)?;
    let (account, region) = (seed.accounts[0].clone(), seed.region.clone());
    let unusable = |error: crate::lab::LabError| CliError::Usage(error.to_string());
    let lab = Lab::start(clock(), Some(&[arguments.scenario])).await.map_err(unusable)?;
    let running = lab.scenarios().next().ok_or_else(|| CliError::Usage(left_out(&lab)))?;
    let emulator = lab.with_cas(arguments.scenario, Binding::Both, seed, Arc::new(clock)).await.map_err(unusable)?;
    let directory = Directory::create().map_err(|error| CliError::Usage(format!("no temporary directory: {error}")))?;
    let roots = directory.0.join("roots.pem");
    fs::write(&roots, lab.roots_pem() + &emulator.root_pem())
        .map_err(|error| CliError::Usage(format!("{}: {error}", roots.display())))?;
    // Before the first line is out: whoever reads it may end the lab at once.
    let ended = interrupted()?;
    let mut out = Vec::new();
    match arguments.output {
        Output::Json => {
            let stored =
                |certificate: crate::lab::cas::Certificate| Stored { id: certificate.id, name: certificate.name };
            let document = Document {
                schema_version: SCHEMA_VERSION,
                endpoint: emulator.endpoint(),
                region: &region,
                access_key_id: &account.access_key_id,
                access_key_secret: account.access_key_secret.reveal(),
                resolver: lab.resolver().to_string(),
                roots: roots.display().to_string(),
                certificates: emulator.certificates().into_iter().map(stored).collect(),
                resources: emulator.resources().into_iter().map(Resource::new).collect(),
                place: place(&lab, running, &roots),
            };
            write_json(&document, &mut out)?;
        }
        Output::Text => {
            write_text(&World { lab: &lab, running, emulator: &emulator, roots: &roots }, &account, &mut out)?
        }
    }
    write_out(&out)?;
    ended.await;
    Ok(Exit::Clean)
}

fn seed(arguments: &Arguments) -> Result<Seed, CliError> {
    let mut seed = match &arguments.seed {
        None => Seed::default(),
        Some(path) => {
            let refuse = |error: &dyn std::fmt::Display| CliError::Usage(format!("{}: {error}", path.display()));
            let text = fs::read(path).map_err(|error| refuse(&error))?;
            serde_json::from_slice(&text).map_err(|error| refuse(&error))?
        }
    };
    seed.injections.extend(arguments.inject.iter().cloned());
    if seed.accounts.is_empty() {
        return Err(CliError::Usage("the seed has no account; leave `accounts` out to get one".to_owned()));
    }
    Ok(seed)
}

fn left_out(lab: &Lab) -> String {
    lab.left_out().iter().map(|left| format!("{} cannot run here: {}", left.scenario.id, left.reason)).collect()
}

impl Resource {
    fn new(bound: Bound) -> Self {
        Self {
            id: bound.resource,
            product: bound.product,
            instance_id: bound.instance,
            domain: bound.domain,
            certificate: bound.certificate,
            addresses: bound.addresses.iter().map(ToString::to_string).collect(),
        }
    }
}

struct World<'a> {
    lab: &'a Lab,
    running: &'a Running,
    emulator: &'a Emulator,
    roots: &'a Path,
}

fn write_text(world: &World<'_>, account: &Account, out: &mut Vec<u8>) -> io::Result<()> {
    let endpoint = world.emulator.endpoint();
    writeln!(out, "# Certificate service, emulated: {endpoint}")?;
    writeln!(out, "# Broken domain: {} ({})", world.running.authority(), world.running.scenario.summary)?;
    for bound in world.emulator.resources() {
        let addresses: Vec<String> = bound.addresses.iter().map(ToString::to_string).collect();
        writeln!(
            out,
            "#   {} {}, resource {}, has certificate {} and serves {}",
            bound.product,
            bound.instance,
            bound.resource,
            bound.certificate,
            addresses.join(" and ")
        )?;
    }
    writeln!(out, "# Paste the commands into another terminal. Ctrl-C ends the lab.")?;
    writeln!(out, "\n# The key of this emulator's account; it opens nothing else")?;
    for (name, value) in
        [("ACCESS_KEY_ID", account.access_key_id.as_str()), ("ACCESS_KEY_SECRET", account.access_key_secret.reveal())]
    {
        writeln!(out, "export ALIBABA_CLOUD_{name}={}", quoted(value.to_owned()))?;
    }
    if let Some(token) = &account.security_token {
        writeln!(out, "export ALIBABA_CLOUD_SECURITY_TOKEN={}", quoted(token.reveal().to_owned()))?;
    }
    let probe = place(world.lab, world.running, world.roots).arguments;
    // The same options, after another word.
    let fix = |extra: &[&str]| {
        let service = ["--endpoint", &endpoint, "--key-from-service"];
        let words = probe.iter().skip(1).map(String::as_str).chain(service).chain(extra.iter().copied());
        command(std::iter::once("fix").chain(words))
    };
    writeln!(out, "\n# What is wrong, address by address")?;
    writeln!(out, "{}", command(probe.iter().map(String::as_str)))?;
    writeln!(out, "\n# What would be done about it, and what it would cost")?;
    writeln!(out, "{}", fix(&["--dry-run"]))?;
    writeln!(out, "\n# Do it, and look again until every address serves the new chain")?;
    writeln!(out, "{}", fix(&["--poll-interval", "1s"]))
}

fn command<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: Vec<String> = std::iter::once(program()).chain(words.map(str::to_owned)).map(quoted).collect();
    words.join(" ")
}
