//! What `fix` can be told, and how it becomes a request.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use crate::cli::cloud::CloudOptions;
use crate::cli::judging::{self, FetchOptions, TrustOptions};
use crate::cli::options::{self, Output};
use crate::cli::{CliError, probe as probe_cli};
use crate::model::fix::{Plan, Reason, ReasonCode};
use crate::model::report::Report;
use crate::model::target::{ReferenceId, Target};
use crate::model::time::Time;
use crate::probe::{PinnedAddress, Settings, inspect};
use crate::remedy::cas::CertId;
use crate::remedy::journal::{ProbeRequest, Request, ServiceRequest};
use crate::remedy::plan::{self, Change, reason};
use crate::remedy::service::cas::{self, CasService, Patience};
use crate::remedy::service::file::Place;
use crate::remedy::service::guide::{self, GuideService};
use crate::x509::{Certificate, certificates_in, private_key};

/// Mend what a target serves: plan, consent, change, proof, or everything back
///
/// Probes the target, builds the corrected chain, proves it for every client, and shows what it would do. With consent it
/// has the chain served, looks from outside until every address that answered before serves it, and puts everything back
/// where that fails. The end entity and its key stay, unless --replace-with names a renewed certificate.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 mended, or nothing to mend; 1 nothing was changed (refused, declined, dry run, no bundle helps); 2 usage; \
3 target or service unreachable, nothing changed; 5 failed, rolled back; 6 failed, and a person must look.

Examples:
  tlsmend fix api.example.com --cert-id 12345678 --key privkey.pem --dry-run
  tlsmend fix www.example.com --to file:/etc/nginx/fullchain.pem --check 'nginx -t' --reload 'nginx -s reload'
  tlsmend fix --resume 20261122080000-1f3a9c51        # after a crash or Ctrl-C
  tlsmend fix --rollback 20261122080000-1f3a9c51      # also long after it succeeded")]
pub struct Arguments {
    /// Host, host:port, URL, IP address or [IPv6]:port
    #[arg(value_name = "TARGET", required_unless_present_any = ["resume", "rollback", "list"])]
    pub target: Option<Target>,

    /// Who is to serve it: cas, the cloud's certificate service; guide, one that speaks the guides' dialect; or file:PATH,
    /// which a server on this machine reads
    #[arg(long, value_name = "WHERE", default_value = "cas")]
    to: Destination,

    /// A shell command that must succeed before the server is told
    #[arg(long, value_name = "COMMAND", help_heading = "With --to file")]
    check: Option<String>,

    /// A shell command that makes the server read the file
    #[arg(long, value_name = "COMMAND", help_heading = "With --to file")]
    reload: Option<String>,

    /// Serve this renewed certificate (its whole chain, PEM, end entity first) instead of mending the present one
    #[arg(long, value_name = "FULLCHAIN", requires = "key")]
    pub replace_with: Option<PathBuf>,

    /// The private key of the certificate (PEM, not encrypted); it is never shown or kept
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,

    /// Show the plan and change nothing
    #[arg(long, conflicts_with = "yes")]
    pub dry_run: bool,

    /// Agree to the plan beforehand
    #[arg(long)]
    pub yes: bool,

    /// Go on with a run that was stopped
    #[arg(long, value_name = "ID", conflicts_with_all = ["target", "rollback", "list"])]
    pub resume: Option<String>,

    /// Put back what a run changed
    #[arg(long, value_name = "ID", conflicts_with_all = ["target", "list"])]
    pub rollback: Option<String>,

    /// List the runs
    #[arg(long, conflicts_with = "target")]
    pub list: bool,

    /// Look at a job, and first at the addresses, so often
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = options::duration)]
    poll_interval: Duration,

    /// How long every address may take to serve the new chain
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = options::duration)]
    propagation_timeout: Duration,

    /// Ask this name server instead of the system's (repeatable)
    #[arg(long, value_name = "ADDR[:PORT]", value_parser = probe_cli::resolver)]
    resolver: Vec<SocketAddr>,

    /// Look at this address only, keep the name, ask no DNS (repeatable)
    #[arg(long, value_name = "IP[:PORT]", value_parser = probe_cli::pinned)]
    address: Vec<PinnedAddress>,

    /// Name for SNI and for the certificate, when it is not the target's
    #[arg(long, value_name = "NAME", value_parser = probe_cli::reference)]
    server_name: Option<ReferenceId>,

    #[command(flatten)]
    trust: TrustOptions,

    #[command(flatten)]
    fetch: FetchOptions,

    /// For each probe
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = options::duration)]
    timeout: Duration,

    /// Write the certificate's new id into this AIRec table (.csv is CSV, everything else a workbook; made when there is none)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["list", "dry_run"])]
    pub mapping: Option<PathBuf>,

    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub output: Output,

    #[command(flatten)]
    cas: CasArguments,

    #[command(flatten)]
    pub cloud: CloudOptions,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "With --to cas or guide")]
struct CasArguments {
    /// The certificate that is bound now; with guide: the one whose chain is exchanged, cert-…
    #[arg(long, value_name = "ID")]
    cert_id: Option<CertId>,

    /// Take the private key from the service; it crosses the network then
    #[arg(long, conflicts_with = "key")]
    key_from_service: bool,

    /// Deploy to this resource (repeatable) [default: those for the target's name]
    #[arg(long, value_name = "ID")]
    resource: Vec<u64>,

    /// Only resources of this product, such as SLB
    #[arg(long, value_name = "CODE")]
    product: Option<String>,

    /// Only resources of this instance, such as lb-… or gw-…
    #[arg(long, value_name = "ID")]
    instance: Option<String>,

    /// Name of the deployment job
    #[arg(long, value_name = "NAME")]
    task_name: Option<String>,

    /// Who is told how the job ended [default: one with a verified address]
    #[arg(long, value_name = "ID")]
    contact_id: Option<u64>,

    /// Deploy at this moment instead of at once, such as 2026-11-22T08:00:00Z
    #[arg(long, value_name = "RFC3339", value_parser = crate::cli::cloud::moment_ahead)]
    schedule: Option<Time>,

    /// Refuse when it costs more deployment credits
    #[arg(long, value_name = "N")]
    max_credits: Option<u64>,

    /// Accept that the corrected bundle is neither deployed for free nor renewed automatically
    #[arg(long)]
    accept_unhosting: bool,

    /// Send the guides' calls to the vendor's real hosts too, where they can only fail
    #[arg(long)]
    force_guide: bool,
}

/// The value of `--to`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Destination {
    Cas,
    Guide,
    File(PathBuf),
}

impl FromStr for Destination {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match (text, text.strip_prefix("file:")) {
            ("cas", _) => Ok(Self::Cas),
            ("guide", _) => Ok(Self::Guide),
            (_, Some(path)) if !path.is_empty() => Ok(Self::File(path.into())),
            _ => Err("cas, guide or file:PATH"),
        }
    }
}

impl Arguments {
    /// What is asked for, in a form that another process can go on with: paths are absolute.
    pub fn request(&self, target: &Target) -> Result<Request, CliError> {
        let absolute = |path: &Path| {
            std::path::absolute(path).map_err(|error| CliError::Usage(format!("{}: {error}", path.display())))
        };
        let optional = |path: &Option<PathBuf>| path.as_deref().map(absolute).transpose();
        let service = match &self.to {
            Destination::File(path) => ServiceRequest::File(Place {
                path: absolute(path)?,
                check: self.check.clone(),
                reload: self.reload.clone(),
            }),
            Destination::Cas => ServiceRequest::Cas(self.cas.options(optional(&self.key)?, &self.cloud)?),
            Destination::Guide => ServiceRequest::Guide(self.cas.guide_options(&self.cloud)?),
        };
        Ok(Request {
            target: target.input.clone(),
            service,
            probe: ProbeRequest {
                resolvers: self.resolver.clone(),
                addresses: self.address.iter().map(|pinned| (pinned.ip, pinned.port)).collect(),
                server_name: self.server_name.as_ref().map(ToString::to_string),
                ca: optional(&self.trust.ca)?,
                roots: optional(&self.trust.roots)?,
                no_aia: self.fetch.no_aia,
                allow_private_aia: self.fetch.allow_private_aia,
                no_cache: self.fetch.no_cache,
                timeout: self.timeout,
            },
            poll_interval: self.poll_interval,
            propagation_timeout: self.propagation_timeout,
        })
    }
}

impl CasArguments {
    fn options(&self, key: Option<PathBuf>, cloud: &CloudOptions) -> Result<cas::Options, CliError> {
        let number = |id: &CertId| {
            let text =
                format!("--cert-id {id} belongs to the guides' dialect (--to guide); the service's ids are numbers");
            id.number().ok_or(CliError::Usage(text))
        };
        Ok(cas::Options {
            profile: cloud.typed_profile().map(str::to_owned),
            endpoint: cloud.access()?.cas_endpoint()?.to_string(),
            cert_id: self.cert_id.as_ref().map(number).transpose()?,
            key,
            key_from_service: self.key_from_service,
            resources: self.resource.clone(),
            product: self.product.clone(),
            instance: self.instance.clone(),
            task_name: self.task_name.clone(),
            contact_id: self.contact_id,
            schedule: self.schedule,
            max_credits: self.max_credits,
            accept_unhosting: self.accept_unhosting,
        })
    }

    fn guide_options(&self, cloud: &CloudOptions) -> Result<guide::Options, CliError> {
        let missing = |option: &str| CliError::Usage(format!("--to guide needs {option}"));
        let cert_id = self.cert_id.clone().ok_or_else(|| missing("--cert-id cert-…"))?;
        if cert_id.number().is_some() {
            let text = format!("--cert-id {cert_id} is an id of the real service (--to cas); the guides' are cert-…");
            return Err(CliError::Usage(text));
        }
        Ok(guide::Options {
            profile: cloud.typed_profile().map(str::to_owned),
            endpoint: cloud.access()?.cas_endpoint()?.to_string(),
            cert_id,
            product: self.product.clone().ok_or_else(|| missing("--product, such as SLB"))?,
            instance: self.instance.clone().ok_or_else(|| missing("--instance, such as lb-…"))?,
            force: self.force_guide,
        })
    }
}

/// The certificate service of `request`, with credentials from where they are now.
pub fn cas_service(options: &cas::Options, request: &Request, cloud: &CloudOptions) -> Result<CasService, CliError> {
    let client = cloud.recalled(options.profile.as_deref(), &options.endpoint).access()?.cas()?;
    Ok(CasService::new(client, options.clone(), patience(request)))
}

/// The same in the guides' dialect.
pub fn guide_service(
    options: &guide::Options,
    request: &Request,
    cloud: &CloudOptions,
) -> Result<GuideService, CliError> {
    let client = cloud.recalled(options.profile.as_deref(), &options.endpoint).access()?.guide(options.force)?;
    Ok(GuideService::new(client, options.clone(), patience(request)))
}

fn patience(request: &Request) -> Patience {
    Patience { poll: request.poll_interval, total: request.propagation_timeout }
}

/// How to probe for `request`.
pub fn settings(request: &Request) -> Result<Settings, CliError> {
    let probe = &request.probe;
    let server_name = probe.server_name.as_deref().map(probe_cli::reference).transpose().map_err(CliError::Usage)?;
    Ok(Settings {
        resolvers: probe.resolvers.clone(),
        addresses: probe.addresses.iter().map(|&(ip, port)| PinnedAddress { ip, port }).collect(),
        server_name,
        anchors: judging::anchors(probe.roots.as_deref(), probe.ca.as_deref())?,
        fetch_issuers: !probe.no_aia,
        allow_private_aia: probe.allow_private_aia,
        aia_cache: if probe.no_cache { None } else { crate::cli::aia_cache() },
        timeout: probe.timeout,
        // Paths, commands and ids are the plan's.
        arguments: ["fix", &request.target, "--to", request.service.kind()].map(str::to_owned).to_vec(),
        ..Settings::default()
    })
}

/// The change to the chain in `file`, or why there is none.
pub fn replacement(
    file: &Path,
    key: Option<&Path>,
    before: &Report,
    settings: &Settings,
) -> Result<Result<(Change, Plan), Reason>, CliError> {
    let fail = |path: &Path, reason: String| CliError::Usage(format!("{}: {reason}", path.display()));
    let bytes = probe_cli::read_file(file).map_err(|error| fail(file, error))?;
    let chain = certificates_in(&bytes).map_err(|error| fail(file, error.to_string()))?;
    let Some(key) = key else {
        return Ok(Err(reason(ReasonCode::Key, "--replace-with needs --key. Nothing was changed.".to_owned())));
    };
    let bytes = probe_cli::read_file(key).map_err(|error| fail(key, error))?;
    let end_entity = chain.first().and_then(|der| Certificate::parse(der).ok());
    let Some(end_entity) = end_entity else {
        return Err(fail(file, "the first certificate cannot be read".to_owned()));
    };
    let proof = private_key::belongs_to(&bytes, None, &end_entity).map_err(|error| fail(key, error.to_string()))?;
    let host: ReferenceId = before
        .target
        .server_name
        .parse()
        .map_err(|error: crate::model::target::DnsNameError| CliError::Internal(error.to_string()))?;
    let judged = inspect(chain.clone(), Some(proof), Some(host), settings, crate::cli::clock);
    Ok(plan::replacement(before, &chain, &judged))
}
