//! `tlsmend preflight`: would this certificate match, before anything is created or paid?

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::cas::chain;
use super::cloud::{Access, CloudOptions, GatewayError, gateway_endpoint};
use super::options::{self, Global, Output};
use super::{CliError, Exit, probe};
use crate::model::call::Call;
use crate::model::handshake::KeyProof;
use crate::model::report::SCHEMA_VERSION;
use crate::model::target::DnsName;
use crate::model::time::Time;
use crate::observe::dns::Resolver;
use crate::remedy::cas::{CasClient, CasError, CertId, ErrorKind, ResourceFilter, ResourceId};
use crate::remedy::eas::gateway_id;
use crate::remedy::preflight::{Candidate, DnsFacts, Facts, NotChecked, Outcome, Preflight, Target, preflight};
use crate::x509::{Certificate, private_key};

/// Bound certificates that are looked at for the names they have besides.
const MAX_BOUND: usize = 10;

/// Would this certificate match this domain, and what would its deployment cost?
///
/// Answers the console's "Number of matching certificates is 0" before a job is created: names by the service's own rule with
/// the nearest miss, dates, key, the resource in the service's inventory, HTTPS on it, credits, and whether the DNS leads to
/// the gateway. Only reads. With files alone it works offline, and says what it did not check.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 nothing stands in the way; 1 something does; 2 usage, or no credentials; 3 the service cannot be reached; 4 as far
as it was checked nothing does, but the service could not be asked.

Examples:
  tlsmend preflight fullchain.pem --key privkey.pem --domain api.your-company.com
  tlsmend preflight --cert-id 12345678 --domain api.your-company.com --region cn-hangzhou
  tlsmend preflight --cert-id 12345678 --resource 6591316
  tlsmend preflight --cert-id 12345678 --domain api.your-company.com --eas-gateway gw-1uhcqmsc7x22000000")]
pub struct Arguments {
    /// Bundles in PEM, DER or PKCS#7; each file is one certificate with its chain
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,

    /// A certificate in the service (repeatable)
    #[arg(long, value_name = "ID", value_parser = cert_id)]
    cert_id: Vec<u64>,

    /// The domain it is to serve (repeatable)
    #[arg(long, value_name = "NAME", value_parser = domain)]
    domain: Vec<String>,

    /// The resource it is to go to, by its number in the service (repeatable)
    #[arg(long, value_name = "ID")]
    resource: Vec<ResourceId>,

    /// Only resources of this product, such as SLB
    #[arg(long, value_name = "CODE")]
    product: Option<String>,

    /// The private key: does it belong to the first file's certificate?
    #[arg(long, value_name = "FILE", requires = "files")]
    key: Option<PathBuf>,

    /// The name the domain's CNAME should lead to
    #[arg(long, value_name = "NAME", value_parser = dns_name, conflicts_with = "eas_gateway")]
    expect_cname: Option<DnsName>,

    /// The PAI-EAS gateway the domain's CNAME should lead to
    #[arg(long, value_name = "ID", value_parser = gateway_id)]
    eas_gateway: Option<String>,

    /// Ask this name server instead of the system's (repeatable)
    #[arg(long, value_name = "ADDR[:PORT]", value_parser = probe::resolver)]
    resolver: Vec<SocketAddr>,

    /// Ask neither the service nor the DNS
    #[arg(long, conflicts_with_all = ["cert_id", "resource", "eas_gateway", "expect_cname"])]
    offline: bool,

    /// Judge dates at this moment instead of now
    #[arg(long, value_name = "RFC3339")]
    at: Option<Time>,

    /// For the look-up in the DNS
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = options::duration)]
    timeout: Duration,

    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,

    #[command(flatten)]
    cloud: CloudOptions,
}

fn cert_id(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(CertId::Number(number)) => Ok(number),
        _ => Err("the number of a stored certificate, such as 12345678".to_owned()),
    }
}

/// A domain as products have it: a wildcard may stand in front.
fn domain(text: &str) -> Result<String, String> {
    let (star, rest) = text.strip_prefix("*.").map_or(("", text), |rest| ("*.", rest));
    dns_name(rest).map(|name| format!("{star}{name}"))
}

fn dns_name(text: &str) -> Result<DnsName, String> {
    text.parse().map_err(|error: crate::model::target::DnsNameError| error.to_string())
}

pub fn run(arguments: &Arguments, global: &Global) -> Result<Exit, CliError> {
    if arguments.files.is_empty() && arguments.cert_id.is_empty() {
        return Err(CliError::Usage("which certificate? give a FILE or --cert-id ID".to_owned()));
    }
    if arguments.domain.is_empty() && arguments.resource.is_empty() {
        return Err(CliError::Usage("where is it to go? give --domain NAME or --resource ID".to_owned()));
    }
    let mut facts =
        Facts { domains: arguments.domain.clone(), gateway: arguments.eas_gateway.clone(), ..Facts::default() };
    for (position, file) in arguments.files.iter().enumerate() {
        facts.candidates.push(from_file(file, arguments.key.as_deref().filter(|_| position == 0))?);
    }
    let mut calls = Vec::new();
    let asked = super::runtime()?.block_on(ask(arguments, &mut facts, &mut calls));
    let failed = match asked {
        Ok(()) => None,
        Err(Stopped::Usage(error)) => return Err(error),
        Err(Stopped::Service(error)) => Some(error),
    };
    let answer = preflight(facts, arguments.at.unwrap_or_else(super::clock));
    let exit = exit_of(&answer, failed.as_ref());
    if global.quiet < 2 {
        let out = match arguments.output {
            Output::Text => text(&answer, failed.as_ref(), global),
            Output::Json => {
                let document =
                    json!({"schema_version": SCHEMA_VERSION, "preflight": answer, "error": failed, "calls": calls});
                format!("{document:#}\n")
            }
        };
        super::write_out(out.as_bytes())?;
    }
    Ok(exit)
}

/// Why nothing more could be asked.
enum Stopped {
    Usage(CliError),
    Service(CasError),
}

impl From<CliError> for Stopped {
    fn from(error: CliError) -> Self {
        Self::Usage(error)
    }
}

impl From<CasError> for Stopped {
    fn from(error: CasError) -> Self {
        Self::Service(error)
    }
}

fn from_file(file: &Path, key: Option<&Path>) -> Result<Candidate, CliError> {
    let chain = chain(&[file.to_owned()])?;
    let end_entity =
        Certificate::parse(&chain[0]).map_err(|error| CliError::Usage(format!("{}: {error}", file.display())))?;
    let proof = key.map(|key| proof(key, &end_entity)).transpose()?;
    let label = file.file_name().map_or_else(|| file.display().to_string(), |name| name.to_string_lossy().into_owned());
    // A self-signed certificate has no intermediate to miss.
    let length = if end_entity.is_self_issued() { 2 } else { chain.len() };
    Ok(Candidate::from_file(crate::x509::dn::printable(&label), &end_entity, length, proof))
}

fn proof(file: &Path, end_entity: &Certificate) -> Result<KeyProof, CliError> {
    let fail = |reason: String| CliError::Usage(format!("--key {}: {reason}", file.display()));
    let bytes = zeroize::Zeroizing::new(probe::read_file(file).map_err(fail)?);
    private_key::belongs_to(&bytes, None, end_entity).map_err(|error| fail(error.to_string()))
}

/// Asks service and DNS; what could not be asked is listed.
async fn ask(arguments: &Arguments, facts: &mut Facts, calls: &mut Vec<Call>) -> Result<(), Stopped> {
    let must = !arguments.cert_id.is_empty() || !arguments.resource.is_empty() || arguments.eas_gateway.is_some();
    let mut not = |code: &'static str, reason: String| facts.not_checked.push(NotChecked { code, reason });
    if arguments.offline {
        not("resource", "--offline".to_owned());
        not("dns", "--offline".to_owned());
        return Ok(());
    }
    let gateway = match &arguments.eas_gateway {
        Some(id) => {
            let (endpoint, made) = gateway_endpoint(id, arguments.cloud.access()?).await?;
            calls.extend(made);
            Some(endpoint)
        }
        None => arguments.expect_cname.clone(),
    };
    match (gateway, arguments.domain.first().and_then(|domain| domain.parse::<DnsName>().ok())) {
        (Some(expected), Some(domain)) => {
            let resolver = Resolver::new(arguments.resolver.clone());
            let deadline = Instant::now() + arguments.timeout;
            let (domain, gateway) =
                tokio::join!(resolver.resolve(&domain, deadline), resolver.resolve(&expected, deadline));
            facts.dns = Some(DnsFacts { expected, domain, gateway });
        }
        (Some(_), None) => not("dns", "no domain that could be looked up was given (--domain)".to_owned()),
        (None, _) => {
            not("dns", "the name it should lead to is not known: give --expect-cname or --eas-gateway".to_owned())
        }
    }
    let client = match arguments.cloud.access().and_then(Access::cas) {
        Ok(client) => client,
        Err(error) if must => return Err(error.into()),
        Err(error) => {
            facts.not_checked.push(NotChecked { code: "resource", reason: error.to_string() });
            return Ok(());
        }
    };
    let asked = ask_service(arguments, facts, &client).await;
    calls.extend(client.calls());
    match asked {
        Err(error) if !must => {
            facts.not_checked.push(NotChecked { code: "resource", reason: error.to_string() });
            Err(error.into())
        }
        other => Ok(other?),
    }
}

impl From<GatewayError> for Stopped {
    fn from(error: GatewayError) -> Self {
        match error {
            GatewayError::Usage(error) => Self::Usage(error),
            GatewayError::Service(error) => Self::Service(error),
        }
    }
}

async fn ask_service(arguments: &Arguments, facts: &mut Facts, client: &CasClient) -> Result<(), CasError> {
    for &id in &arguments.cert_id {
        let detail = client.detail(id).await?;
        let info = match client.info(id).await {
            Ok(info) => Some(info),
            Err(error) if matches!(error.kind, ErrorKind::UnknownAction | ErrorKind::Permission) => None,
            Err(error) => return Err(error),
        };
        facts.candidates.push(Candidate::from_service(&detail, info.as_ref()));
    }
    let mut resources = Vec::new();
    // Without a domain everything is listed: resources cannot be asked for by number.
    let keywords: Vec<Option<String>> =
        if arguments.domain.is_empty() { vec![None] } else { arguments.domain.iter().cloned().map(Some).collect() };
    for keyword in keywords {
        let filter = ResourceFilter { keyword: keyword.clone(), product: product(arguments), cert_ids: Vec::new() };
        let found = client.resources(&filter).await?.items;
        resources.extend(found.into_iter().filter(|resource| {
            let is_domain = keyword.as_ref().is_none_or(|wanted| {
                resource.domain.as_deref().is_some_and(|domain| domain.eq_ignore_ascii_case(wanted))
            });
            is_domain && (arguments.resource.is_empty() || arguments.resource.contains(&resource.id))
        }));
    }
    let is_there = |id: &&ResourceId| resources.iter().any(|resource| resource.id == **id);
    facts.missing_resources = arguments.resource.iter().filter(|id| !is_there(id)).copied().collect();
    let mut targets: Vec<Target> = Vec::new();
    for resource in resources {
        let product = resource.cloud_product.as_deref();
        let must_cover = matches!(product, Some("SLB" | "GA")) && targets.len() < MAX_BOUND;
        let bound_names = match resource.cert_id.as_ref().and_then(CertId::number).filter(|_| must_cover) {
            // What was bound may be gone from the store, or belong to another account.
            Some(id) => client.detail(id).await.ok().map(|detail| detail.sans),
            None => None,
        };
        targets.push(Target { resource, bound_names });
    }
    facts.resources = Some(targets);
    Ok(())
}

/// The product asked for; behind a gateway it is PAI-EAS, when its code is configured.
fn product(arguments: &Arguments) -> Option<String> {
    let pai = || arguments.eas_gateway.as_ref().and(arguments.cloud.pai_product_code()).map(str::to_owned);
    arguments.product.clone().or_else(pai)
}

fn exit_of(answer: &Preflight, failed: Option<&CasError>) -> Exit {
    let unreachable =
        |error: &CasError| matches!(error.kind, ErrorKind::Unreachable | ErrorKind::BadAnswer | ErrorKind::Service);
    match failed {
        // Nothing of the certificate is known either.
        Some(error) if answer.certificates.is_empty() => {
            if unreachable(error) {
                Exit::Unreachable
            } else {
                Exit::Findings
            }
        }
        _ if !answer.ready => Exit::Findings,
        Some(error) if unreachable(error) => Exit::Partial,
        Some(_) => Exit::Findings,
        None => Exit::Clean,
    }
}

fn text(answer: &Preflight, failed: Option<&CasError>, global: &Global) -> String {
    let mut text = String::new();
    let misses = answer.checks.iter().any(|check| check.code == "names" && check.outcome == Outcome::Fail);
    let verdict = if answer.certificates.is_empty() {
        "NOT KNOWN: the certificate could not be looked up"
    } else if misses {
        "NO MATCH: a deployment would end with \"Number of matching certificates is 0\""
    } else if !answer.ready {
        "NOT READY: something stands in the way"
    } else {
        "READY: nothing that was checked stands in the way"
    };
    let _ = writeln!(text, "{verdict}");
    if let Some(error) = failed {
        let _ = writeln!(text, "  {error}\n    {}", error.meaning());
    }
    if global.quiet > 0 {
        return text;
    }
    for check in &answer.checks {
        let mark = match check.outcome {
            Outcome::Pass => "✓",
            Outcome::Warn => "!",
            Outcome::Fail => "✗",
        };
        let _ = writeln!(text, "  {mark} {:<12} {}: {}", check.code, check.subject, check.text);
    }
    if let Some(credits) = answer.credits {
        let _ = writeln!(text, "  would cost about {credits} deployment credits");
    }
    for missing in &answer.not_checked {
        let _ = writeln!(text, "  – {:<12} not checked: {}", missing.code, missing.reason);
    }
    text
}
