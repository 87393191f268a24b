//! What is trusted, as whom and when to judge, and where issuers may be fetched: with one spelling in every command.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::CliError;
use super::probe::read_file;
use crate::judge::anchors::TrustAnchors;
use crate::judge::client::Client;
use crate::judge::clients;
use crate::model::time::Time;
use crate::observe::aia::Cache;
use crate::x509::{Certificate, certificates_in};

#[derive(Debug, clap::Args)]
pub struct TrustOptions {
    /// Trust anchors added to each client's own (PEM, DER or PKCS#7); the rules for local roots apply
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,

    /// Trust exactly these, under the rules for public CAs
    #[arg(long, value_name = "FILE")]
    pub roots: Option<PathBuf>,
}

impl TrustOptions {
    pub fn anchors(&self) -> Result<TrustAnchors, CliError> {
        anchors(self.roots.as_deref(), self.ca.as_deref())
    }
}

#[derive(Debug, clap::Args)]
pub struct JudgingOptions {
    #[command(flatten)]
    pub trust: TrustOptions,

    /// Judge as these clients only (comma-separated; `tlsmend clients` lists them)
    #[arg(long, value_name = "ID,…", value_delimiter = ',', value_parser = client)]
    client: Vec<ClientArgument>,

    /// Judge at this moment instead of now, such as 2026-11-22T08:00:00Z
    #[arg(long, value_name = "RFC3339")]
    pub at: Option<Time>,
}

impl JudgingOptions {
    pub fn clients(&self) -> Vec<&'static Client> {
        chosen(&self.client)
    }
}

#[derive(Debug, clap::Args)]
pub struct FetchOptions {
    /// Do not fetch missing issuers from the addresses in certificates
    #[arg(long)]
    pub no_aia: bool,

    /// Fetch from private and loopback addresses too
    #[arg(long, conflicts_with = "no_aia")]
    pub allow_private_aia: bool,

    /// Neither read nor write the caches of what was fetched, which stand in for addresses that are dead today
    #[arg(long)]
    pub no_cache: bool,
}

impl FetchOptions {
    pub fn aia_cache(&self) -> Option<Cache> {
        if self.no_cache { None } else { super::aia_cache() }
    }
}

#[derive(Clone)]
pub(super) struct ClientArgument(&'static Client);

impl std::fmt::Debug for ClientArgument {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.id)
    }
}

pub(super) fn client(id: &str) -> Result<ClientArgument, String> {
    clients::find(id).map(ClientArgument).ok_or_else(|| {
        let known: Vec<&str> = clients::ALL.iter().map(|client| client.id).collect();
        format!("not a client we model; known are {}", known.join(", "))
    })
}

/// The clients asked for; all of them when none was.
pub(super) fn chosen(arguments: &[ClientArgument]) -> Vec<&'static Client> {
    if arguments.is_empty() { clients::ALL.to_vec() } else { arguments.iter().map(|client| client.0).collect() }
}

/// What is trusted, by `--roots` and `--ca`.
pub(super) fn anchors(roots: Option<&Path>, ca: Option<&Path>) -> Result<TrustAnchors, CliError> {
    let anchors = match roots {
        Some(file) => TrustAnchors::exactly(read_certificates(file, "--roots")?),
        None => super::stores::own_stores(),
    };
    Ok(match ca {
        Some(file) => anchors.with_local(read_certificates(file, "--ca")?),
        None => anchors,
    })
}

/// Trust anchors from a file. Every certificate in it must parse: a store with a hole would give wrong verdicts.
pub(super) fn read_certificates(file: &Path, option: &str) -> Result<Vec<Arc<Certificate>>, CliError> {
    let fail = |reason: String| CliError::Usage(format!("{option} {}: {reason}", file.display()));
    let bytes = read_file(file).map_err(fail)?;
    let found = certificates_in(&bytes).map_err(|error| fail(error.to_string()))?;
    let parsed = found.iter().enumerate().map(|(index, der)| {
        Certificate::parse(der).map(Arc::new).map_err(|error| fail(format!("certificate {}: {error}", index + 1)))
    });
    parsed.collect()
}
