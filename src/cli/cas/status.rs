//! `tlsmend cas status`: what the service knows of a certificate, a deployment job or an order.

use std::fmt::Write as _;

use serde_json::json;

use super::create::told_order;
use super::{Common, Failure, Service, Told, cert_id, not_in_guide, number};
use crate::cli::{CliError, Exit};
use crate::model::time::{DAY, Time};
use crate::remedy::cas::{
    CasClient, CertId, CertificateDetail, CertificateInfo, ErrorKind, GuideStatus, Job, JobCounters, JobId, JobStatus,
    OrderId, Worker, WorkerStatus,
};

/// Show a stored certificate, a deployment job, or an order
///
/// Reads only. Private keys are never asked for.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 shown; 1 it failed, expired or does not exist; 2 usage; 3 the service cannot be reached.

Examples:
  tlsmend cas status --cert-id 12345678
  tlsmend cas status --job 8888 --output json
  tlsmend cas status --cert-id cert-8a9b2c --dialect guide --endpoint cas.internal.example")]
#[group(id = "what", required = true, multiple = false, args = ["cert_id", "job", "order"])]
pub(super) struct Arguments {
    /// A stored certificate: names, dates, chain, where it is used
    #[arg(long, value_name = "ID", value_parser = cert_id)]
    cert_id: Option<CertId>,

    /// A deployment job: progress, cost, failed tasks
    #[arg(long, value_name = "ID")]
    job: Option<JobId>,

    /// An order for a certificate (`tlsmend cas create`): what the CA waits for
    #[arg(long, value_name = "ID")]
    order: Option<OrderId>,

    #[command(flatten)]
    pub common: Common,
}

pub(super) async fn run(arguments: &Arguments, service: &Service) -> Result<Told, Failure> {
    match service {
        Service::Guide(client) => {
            not_in_guide("--job", arguments.job.is_some())?;
            not_in_guide("--order", arguments.order.is_some())?;
            let id = arguments.cert_id.as_ref().ok_or_else(|| CliError::Usage("give --cert-id cert-…".to_owned()))?;
            let answer = client.status(id).await?;
            let reason = answer.reason.as_ref().map(|reason| format!(", {reason}")).unwrap_or_default();
            let exit = if answer.status == GuideStatus::Failed { Exit::Findings } else { Exit::Clean };
            Ok(Told::ending(exit, format!("{}: {}{reason}\n", answer.cert_id, answer.status), answer))
        }
        Service::Cas(client) => match (&arguments.cert_id, arguments.job, arguments.order) {
            (Some(id), ..) => of_certificate(client, number(id)?).await,
            (_, Some(job), _) => of_job(client, job).await,
            (_, _, Some(order)) => Ok(told_order(order, &client.order(order).await?)),
            (None, None, None) => Err(CliError::Usage("give --cert-id, --job or --order".to_owned()).into()),
        },
    }
}

async fn of_certificate(client: &CasClient, id: u64) -> Result<Told, Failure> {
    let detail = client.detail(id).await?;
    // The newer call says more; an account or endpoint without it still has the rest.
    let info = match client.info(id).await {
        Ok(info) => Some(info),
        Err(error) if matches!(error.kind, ErrorKind::UnknownAction | ErrorKind::Permission) => None,
        Err(error) => return Err(error.into()),
    };
    let now = client.now();
    let expired = detail.not_after.is_some_and(|end| end < now) || detail.expired == Some(true);
    let exit = if expired { Exit::Findings } else { Exit::Clean };
    Ok(Told::ending(exit, certificate_text(&detail, info.as_ref(), now), json!({"certificate": detail, "use": info})))
}

fn certificate_text(detail: &CertificateDetail, info: Option<&CertificateInfo>, now: Time) -> String {
    let mut text = format!("{} {}\n", detail.id, detail.name.as_deref().unwrap_or("(without a name)"));
    let mut line = |name: &str, value: String| {
        if !value.is_empty() {
            let _ = writeln!(text, "  {name:<9} {value}");
        }
    };
    line("for", names(detail).join(", "));
    line("issuer", detail.issuer.clone().unwrap_or_default());
    if let Some(end) = detail.not_after {
        let days = end.since(now).div_euclid(DAY);
        let left = if days < 0 { "EXPIRED".to_owned() } else { format!("{days} days left") };
        line("valid", format!("until {}, {left}", end.date()));
    }
    line("source", source(detail));
    if let Some(info) = info {
        line("status", info.certificate_status.clone().unwrap_or_default());
        line("used by", info.using_product_list.join(", "));
        line(
            "key",
            if info.exist_private_key == Some(false) { "not held by the service".to_owned() } else { String::new() },
        );
    }
    for (position, link) in detail.cert_chain.iter().enumerate() {
        let name = if position == 0 { "chain" } else { "" };
        let subject = link.common_name.as_deref().unwrap_or("?");
        let end = link.not_after.map(|end| format!(", until {}", end.date())).unwrap_or_default();
        line(name, format!("{subject}{end}"));
    }
    text
}

/// Who issued it, and what that means for its deployment.
fn source(detail: &CertificateDetail) -> String {
    match detail.buy_in_aliyun {
        Some(true) => "issued through the service: deployed without credits".to_owned(),
        Some(false) => "uploaded: deploying it costs one credit a resource".to_owned(),
        None => String::new(),
    }
}

/// The names of a certificate; its common name where the service lists none.
pub(in crate::cli) fn names(detail: &CertificateDetail) -> Vec<String> {
    if detail.sans.is_empty() { detail.common.clone().into_iter().collect() } else { detail.sans.clone() }
}

async fn of_job(client: &CasClient, id: JobId) -> Result<Told, Failure> {
    let job = client.job(id).await?;
    let counters = client.job_counters(id).await?;
    let workers = client.workers(id, None).await?.items;
    Ok(told_job(&job, &counters, &workers))
}

/// A job with its tasks; exit 1 when it failed.
pub(super) fn told_job(job: &Job, counters: &JobCounters, workers: &[Worker]) -> Told {
    let mut text = format!("job {} {}: {}\n", job.id, job.name.as_deref().unwrap_or_default(), job.status);
    if counters.are_unknown() {
        text.push_str("  the service has not counted its tasks yet\n");
    } else {
        let _ = writeln!(
            text,
            "  {} tasks, {} match, {} done, {} failed, {} rolled back; costs {} credits",
            counters.worker_count,
            counters.match_worker_count,
            counters.success_count,
            counters.failed_count,
            counters.rollback_success_count,
            counters.cost_count
        );
    }
    for worker in workers {
        let domain = worker.resource_domain.as_deref().unwrap_or("?");
        let product = worker.cloud_product.as_deref().unwrap_or("?");
        let reason = worker.failure_reason().map(|reason| format!(": {reason}")).unwrap_or_default();
        let _ = writeln!(text, "  task {} {domain} ({product}): {}{reason}", worker.id, worker.status);
    }
    let failed =
        workers.iter().any(|worker| matches!(worker.status, WorkerStatus::Error | WorkerStatus::RollbackError));
    if failed && workers.iter().all(|worker| worker.failure_reason().is_none()) {
        text.push_str("  why a task failed is not told here; the console shows it (View Failure Cause)\n");
    }
    if job.status == JobStatus::Editing {
        text.push_str("  it sleeps, and costs nothing until it is started\n");
    }
    let exit = if failed || job.status == JobStatus::Error { Exit::Findings } else { Exit::Clean };
    Told::ending(exit, text, json!({"job": job, "counters": counters, "workers": workers}))
}
