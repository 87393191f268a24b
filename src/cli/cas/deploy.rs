//! `tlsmend cas deploy`: puts a stored certificate on resources.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::status::{names, told_job};
use super::{Common, Failure, Service, Told, cert_id, not_in_guide, number};
use crate::cli::options::{self, Global};
use crate::cli::{CliError, Exit};
use crate::model::target::DnsName;
use crate::model::time::Time;
use crate::remedy::cas::{
    CasClient, CasError, CertId, CloudResource, ContactId, GuideClient, GuideStatus, JobFilter, JobId, JobStatus,
    NewJob, ResourceFilter, ResourceId, Start,
};
use crate::x509::identity::{WildcardRules, matches_dns};

/// Deploy a stored certificate to resources
///
/// Without --yes it only shows which resources it would change and what that costs. Whatever does not match the certificate's
/// names stops it before anything is created: that is the "number of matching certificates is 0" of the console. It does not
/// look at what is served afterwards, and rolls nothing back; `tlsmend fix` does.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 deployed (or, with --no-wait, started); 1 refused, failed, or nothing was changed; 2 usage; 3 the service cannot
be reached.

Examples:
  tlsmend cas deploy --cert-id 12345678 --domain www.example.com
  tlsmend cas deploy --cert-id 12345678 --resource 6591316 --resource 6585549 --yes
  tlsmend cas deploy --cert-id cert-8a9b2c --product SLB --instance lb-ai-rec-01 --yes --dialect guide \\
      --endpoint cas.internal.example")]
pub(super) struct Arguments {
    /// The stored certificate
    #[arg(long, value_name = "ID", value_parser = cert_id)]
    cert_id: CertId,

    /// Every resource of exactly this domain
    #[arg(long, value_name = "NAME", value_parser = domain)]
    domain: Option<DnsName>,

    /// This resource (repeatable; `tlsmend preflight` shows their numbers)
    #[arg(long, value_name = "ID")]
    resource: Vec<ResourceId>,

    /// Only resources of this product, such as SLB
    #[arg(long, value_name = "CODE")]
    product: Option<String>,

    /// Only resources of this instance, such as lb-ai-rec-01
    #[arg(long, value_name = "ID")]
    instance: Option<String>,

    /// Who the service tells how it ended (repeatable) [default: the first with a verified address]
    #[arg(long, value_name = "ID")]
    contact_id: Vec<ContactId>,

    /// Name of the job
    #[arg(long, value_name = "NAME")]
    task_name: Option<String>,

    /// When it is to run, such as 2026-11-22T08:00:00Z [default: at once]
    #[arg(long, value_name = "RFC3339", value_parser = crate::cli::cloud::moment_ahead)]
    schedule: Option<Time>,

    /// How it is started: pending (queued, as the manual says) or scheduling (dispatched)
    #[arg(long, value_enum, default_value_t = StartArgument::Pending)]
    start_as: StartArgument,

    /// Do it
    #[arg(long)]
    yes: bool,

    /// Do not wait for the end
    #[arg(long)]
    no_wait: bool,

    /// Ask so often how far it is
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = options::duration)]
    poll_interval: Duration,

    /// Stop waiting after so long; the job goes on
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = options::duration)]
    timeout: Duration,

    #[command(flatten)]
    pub common: Common,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum StartArgument {
    Pending,
    Scheduling,
}

fn domain(text: &str) -> Result<DnsName, String> {
    text.parse().map_err(|error: crate::model::target::DnsNameError| error.to_string())
}

pub(super) async fn run(arguments: &Arguments, service: &Service, global: &Global) -> Result<Told, Failure> {
    match service {
        Service::Guide(client) => in_guide(arguments, client).await,
        Service::Cas(client) => in_cas(arguments, client, global).await,
    }
}

async fn in_guide(arguments: &Arguments, client: &GuideClient) -> Result<Told, Failure> {
    not_in_guide("--domain", arguments.domain.is_some())?;
    not_in_guide("--resource", !arguments.resource.is_empty())?;
    not_in_guide("--contact-id", !arguments.contact_id.is_empty())?;
    not_in_guide("--task-name", arguments.task_name.is_some())?;
    not_in_guide("--schedule", arguments.schedule.is_some())?;
    let (Some(product), Some(instance)) = (&arguments.product, &arguments.instance) else {
        let what = "the guide dialect deploys to an instance: give --product SLB --instance lb-…";
        return Err(CliError::Usage(what.to_owned()).into());
    };
    let id = &arguments.cert_id;
    if !arguments.yes {
        let text = format!("would deploy {id} to {instance} ({product}); nothing was changed, --yes does it\n");
        return Ok(Told::ending(
            Exit::Findings,
            text,
            json!({"started": false, "product": product, "instance": instance}),
        ));
    }
    let mut answer = client.deploy(id, product, instance).await?;
    let deadline = Instant::now() + arguments.timeout;
    while !arguments.no_wait && answer.status == GuideStatus::Deploying && Instant::now() < deadline {
        sleep(arguments.poll_interval).await;
        answer = client.status(id).await?;
    }
    let exit = match answer.status {
        GuideStatus::Deployed => Exit::Clean,
        GuideStatus::Deploying if arguments.no_wait => Exit::Clean,
        _ => Exit::Findings,
    };
    let reason = answer.reason.as_ref().map(|reason| format!(", {reason}")).unwrap_or_default();
    Ok(Told::ending(exit, format!("{}: {}{reason}\n", answer.cert_id, answer.status), answer))
}

async fn in_cas(arguments: &Arguments, client: &CasClient, global: &Global) -> Result<Told, Failure> {
    if arguments.domain.is_none() && arguments.resource.is_empty() && arguments.instance.is_none() {
        let what = "deploy to what? give --domain NAME, --instance ID or --resource ID";
        return Err(CliError::Usage(what.to_owned()).into());
    }
    let id = number(&arguments.cert_id)?;
    let certificate = client.detail(id).await?;
    let resources = wanted(arguments, client).await?;
    let names = names(&certificate);
    let nothing = |text: String, more: Value| {
        let shown = json!({"started": false, "resources": resources, "reason": more});
        Ok(Told::ending(Exit::Findings, text, shown))
    };
    if resources.is_empty() {
        let text = "no such resource is in the service's inventory; it lags behind the products, and most products are listed only once HTTPS is on\n";
        return nothing(text.to_owned(), json!("no-resource"));
    }
    let mismatched: Vec<&CloudResource> = resources.iter().filter(|resource| !covers(&names, resource)).collect();
    if !mismatched.is_empty() {
        let mut text =
            format!("nothing was changed: the certificate is for {}, which does not match\n", names.join(", "));
        for resource in mismatched {
            let _ = writeln!(text, "  {}", line(resource));
        }
        text.push_str("`tlsmend preflight` names the nearest miss\n");
        return nothing(text, json!("no-match"));
    }
    let credits = if certificate.buy_in_aliyun == Some(true) { 0 } else { resources.len() };
    let mut plan = format!("certificate {id} ({}) goes to\n", names.join(", "));
    for resource in &resources {
        let _ = writeln!(plan, "  {}", line(resource));
    }
    let _ = writeln!(plan, "and costs about {credits} deployment credits");
    if !arguments.yes {
        plan.push_str("nothing was changed; --yes does it\n");
        return nothing(plan, json!("not-confirmed"));
    }
    let contacts = contacts(arguments, client).await?;
    let job = NewJob {
        name: arguments
            .task_name
            .clone()
            .unwrap_or_else(|| format!("tlsmend {} {id}", names.first().map_or("", String::as_str))),
        cert_ids: vec![id],
        resource_ids: resources.iter().map(|resource| resource.id).collect(),
        contact_ids: contacts,
        schedule: arguments.schedule,
    };
    let job_id = created(client, &job).await?;
    // A second look, by the service's own counting, before anything is spent.
    let counters = client.job_counters(job_id).await?;
    if !counters.are_unknown() && counters.match_worker_count < counters.worker_count {
        let text = format!(
            "{plan}not started: the service matches {} of {} tasks; job {job_id} sleeps and costs nothing\n",
            counters.match_worker_count, counters.worker_count
        );
        return Ok(Told::ending(
            Exit::Findings,
            text,
            json!({"started": false, "job_id": job_id, "reason": "no-match", "counters": counters}),
        ));
    }
    let start = match arguments.start_as {
        StartArgument::Pending => Start::Pending,
        StartArgument::Scheduling => Start::Scheduling,
    };
    match client.start_job(job_id, start).await {
        Err(error) if error.may_have_happened() && client.job(job_id).await?.status != JobStatus::Editing => {}
        other => other?,
    }
    if arguments.no_wait {
        let text = format!("job {job_id} is started\nnext: tlsmend cas status --job {job_id}\n");
        return Ok(Told::done(text, json!({"started": true, "job_id": job_id})));
    }
    wait(arguments, client, job_id, global).await
}

/// The resources that were asked for. The service searches by substring; what is deployed to must fit exactly.
async fn wanted(arguments: &Arguments, client: &CasClient) -> Result<Vec<CloudResource>, CasError> {
    let domain = arguments.domain.as_ref().map(DnsName::as_str);
    let filter = ResourceFilter {
        keyword: domain.map(str::to_owned).or_else(|| arguments.instance.clone()),
        product: arguments.product.clone().or_else(|| pai(arguments)),
        cert_ids: Vec::new(),
    };
    let mut found = client.resources(&filter).await?.items;
    found.retain(|resource| {
        let is_domain = |name: &str| resource.domain.as_deref().is_some_and(|domain| domain.eq_ignore_ascii_case(name));
        domain.is_none_or(is_domain)
            && (arguments.resource.is_empty() || arguments.resource.contains(&resource.id))
            && arguments.instance.as_ref().is_none_or(|instance| resource.instance_id.as_ref() == Some(instance))
    });
    Ok(found)
}

/// A gateway of PAI-EAS is found faster by its product code, when that is configured.
fn pai(arguments: &Arguments) -> Option<String> {
    let is_gateway = arguments.instance.as_ref().is_some_and(|instance| instance.starts_with("gw-"));
    arguments.common.cloud.pai_product_code().filter(|_| is_gateway).map(str::to_owned)
}

/// As the service matches: an equal name, or a wildcard for exactly one more label.
fn covers(names: &[String], resource: &CloudResource) -> bool {
    let Some(domain) = &resource.domain else { return false };
    names.iter().any(|name| matches_dns(name, domain, WildcardRules::STANDARD) || name.eq_ignore_ascii_case(domain))
}

fn line(resource: &CloudResource) -> String {
    let part = |value: &Option<String>| value.clone().unwrap_or_default();
    let bound = match &resource.cert_id {
        Some(id) => format!("has certificate {id}"),
        None => "has no certificate: it cannot be rolled back".to_owned(),
    };
    let https = if resource.enable_https == Some(false) { ", HTTPS is off" } else { "" };
    format!(
        "{} {} {} {}, {bound}{https}",
        resource.id,
        part(&resource.cloud_product),
        part(&resource.domain),
        part(&resource.instance_id)
    )
}

async fn contacts(arguments: &Arguments, client: &CasClient) -> Result<Vec<ContactId>, Failure> {
    if !arguments.contact_id.is_empty() {
        return Ok(arguments.contact_id.clone());
    }
    let known = client.contacts().await?.items;
    let best = known.iter().find(|contact| contact.email_status == Some(true)).or(known.first());
    let none = "the service wants somebody to tell: add a contact in its console, then try again";
    best.map(|contact| vec![contact.contact_id]).ok_or_else(|| CliError::Usage(none.to_owned()).into())
}

/// Creates the job; when the answer is lost, looks for it among those that sleep.
async fn created(client: &CasClient, job: &NewJob) -> Result<JobId, CasError> {
    let error = match client.create_job(job).await {
        Ok(id) => return Ok(id),
        Err(error) if error.may_have_happened() => error,
        Err(error) => return Err(error),
    };
    let filter = JobFilter { cert_id: job.cert_ids.first().copied(), status: Some(JobStatus::Editing) };
    let sleeping = client.jobs(&filter).await?.items;
    sleeping.iter().find(|known| known.name.as_ref() == Some(&job.name)).map(|known| known.id).ok_or(error)
}

async fn wait(arguments: &Arguments, client: &CasClient, id: JobId, global: &Global) -> Result<Told, Failure> {
    let deadline = Instant::now() + arguments.timeout;
    let mut last = None;
    loop {
        let job = client.job(id).await?;
        if last.as_ref() != Some(&job.status) {
            if global.quiet == 0 && std::io::stderr().is_terminal() {
                eprintln!("tlsmend: job {id} is {}", job.status);
            }
            last = Some(job.status.clone());
        }
        if job.status.is_final() {
            let counters = client.job_counters(id).await?;
            let workers = client.workers(id, None).await?.items;
            return Ok(told_job(&job, &counters, &workers));
        }
        if Instant::now() >= deadline {
            let text = format!("job {id} is still {}; look again: tlsmend cas status --job {id}\n", job.status);
            return Ok(Told::ending(Exit::Findings, text, json!({"started": true, "job": job})));
        }
        sleep(arguments.poll_interval).await;
    }
}
