//! The deployment job and its workers: what they wait for, what they cost, how they ended.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::Instant;

use super::super::{ErrorKind, Scene, ServiceError, Watch};
use super::{CasService, State, Task, failed};
use crate::model::fix::ReasonCode;
use crate::remedy::cas::{CertId, JobFilter, JobId, JobStatus, Worker, WorkerId, WorkerStatus};

impl CasService {
    /// Where a job is, in a word that we know. A word that nobody has published says nothing about what to do next.
    pub(super) async fn known_status(&self, id: JobId, watch: &Watch<'_>) -> Result<JobStatus, ServiceError> {
        let known = |status: JobStatus| (!matches!(status, JobStatus::Other(_))).then_some(status);
        let late = format!("job {id} has no status that is known");
        self.until(watch, &late, self.patience.total, async || {
            Ok(known(self.client.job(id).await.map_err(|error| failed(&error))?.status))
        })
        .await
    }

    pub(super) async fn workers(&self, job: JobId, state: &mut State) -> Result<Vec<Worker>, ServiceError> {
        let workers = self.client.workers(job, None).await.map_err(|error| failed(&error))?.items;
        state.workers = workers.iter().map(Task::of).collect();
        Ok(workers)
    }

    /// Asks until `asked` gives an answer or the time is over. Passing trouble of the network is waited out: a job goes on
    /// whether or not we can see it.
    pub(super) async fn until<T>(
        &self,
        watch: &Watch<'_>,
        late: &str,
        total: Duration,
        mut asked: impl AsyncFnMut() -> Result<Option<T>, ServiceError>,
    ) -> Result<T, ServiceError> {
        let deadline = Instant::now() + total;
        loop {
            let trouble = match asked().await {
                Ok(Some(found)) => return Ok(found),
                Ok(None) => None,
                Err(error) if error.kind == ErrorKind::Unreachable => Some(error),
                Err(error) => return Err(error),
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(trouble.unwrap_or_else(|| {
                    ServiceError::new(ErrorKind::Failed, format!("{late} within {} s", total.as_secs()))
                }));
            }
            let pause = self.patience.poll.min(left);
            if !watch.pause(pause).await {
                // Whoever interrupts waits for what cannot be left in the middle, and must not make it hurry.
                tokio::time::sleep(pause).await;
            }
        }
    }

    /// Until the job is at its end; its workers then.
    pub(super) async fn wait(&self, scene: &mut Scene<'_, Self>) -> Result<String, ServiceError> {
        let late = match self.options.schedule {
            Some(at) => format!("the job, scheduled for {at}, did not end"),
            None => "the job did not end".to_owned(),
        };
        let watch = scene.watch;
        let id = job_id(&scene.state)?;
        // A scheduled job sleeps until then.
        let ahead = self.options.schedule.map_or(0, |at| at.since(self.client.now()));
        let total = self.patience.total + Duration::from_secs(u64::try_from(ahead).unwrap_or(0));
        let shown = Cell::new((String::new(), 0, 0));
        let status = self
            .until(watch, &late, total, async || {
                let job = self.client.job(id).await.map_err(|error| failed(&error))?;
                let counters = self.client.job_counters(id).await.map_err(|error| failed(&error))?;
                let (done, all) = (counters.success_count + counters.failed_count, counters.worker_count);
                let progress = (job.status.to_string(), done, all);
                if shown.replace(progress.clone()) != progress {
                    (watch.tell)(&format!("job {id} is {}: {done} of {all} workers done", job.status));
                }
                let ended = job.status.is_final() || all > 0 && done >= all;
                Ok(ended.then_some(job.status))
            })
            .await?;
        let workers = self
            .until(watch, "the workers cannot be listed", self.patience.total, async || {
                self.workers(id, &mut scene.state).await.map(Some)
            })
            .await?;
        let failed: Vec<String> = workers
            .iter()
            .filter(|worker| worker.status != WorkerStatus::Success)
            .map(|worker| {
                let why = worker
                    .failure_reason()
                    .unwrap_or_else(|| "the reason stands in the console only (View Failure Cause)".to_owned());
                format!("worker {} at {} is {}: {why}", worker.id, place(worker), worker.status)
            })
            .collect();
        if status == JobStatus::Success && failed.is_empty()
            || status != JobStatus::Error && failed.is_empty() && !workers.is_empty()
        {
            let count = workers.len();
            return Ok(format!("job {id} succeeded: {count} of {count} workers"));
        }
        let text = match failed.is_empty() {
            true => format!("job {id} ended in {status}"),
            false => format!("job {id}: {} of {} workers failed; {}", failed.len(), workers.len(), failed.join("; ")),
        };
        scene.state.trouble = Some(text.clone());
        Err(ServiceError::new(ErrorKind::Failed, text))
    }

    /// The second gate: what the service would really do, before it does.
    pub(super) async fn preview(&self, scene: &mut Scene<'_, Self>) -> Result<String, ServiceError> {
        let id = job_id(&scene.state)?;
        let counters = self.client.job_counters(id).await.map_err(|error| failed(&error))?;
        if counters.are_unknown() {
            return Ok("the service does not say yet what the job will do and cost".to_owned());
        }
        let (workers, matching, cost) = (counters.worker_count, counters.match_worker_count, counters.cost_count);
        scene.state.cost = Some(cost);
        let refuse = |code, text: String| Err(ServiceError::new(ErrorKind::NotAgreed(code), text));
        if matching != workers {
            let text = format!("{matching} of {workers} workers of job {id} match the certificate; it was not started");
            return refuse(ReasonCode::Resource, text);
        }
        if workers > scene.state.resources.len() as u64 {
            let planned = scene.state.resources.len();
            return refuse(
                ReasonCode::Resource,
                format!("job {id} has {workers} workers, {planned} were planned; it was not started"),
            );
        }
        if cost > scene.state.credits {
            let agreed = scene.state.credits;
            let text = format!(
                "job {id} costs {cost} credits, {agreed} were agreed to; it was not started (see --max-credits)"
            );
            return refuse(ReasonCode::Cost, text);
        }
        let plural = if cost == 1 { "" } else { "s" };
        Ok(format!("{matching} of {workers} workers match, for {cost} credit{plural}"))
    }

    /// A job for this certificate and these resources that was made and never started.
    pub(super) async fn sleeping_job(&self, state: &State) -> Result<Option<u64>, ServiceError> {
        let filter = JobFilter { cert_id: state.cert_id, status: Some(JobStatus::Editing) };
        for job in self.client.jobs(&filter).await.map_err(|error| failed(&error))?.items {
            if job.status != JobStatus::Editing || job.name.as_ref() != Some(&state.job_name) {
                continue;
            }
            let resources = self.client.job_resources(job.id).await.map_err(|error| failed(&error))?;
            let mut ids: Vec<u64> = resources.iter().map(|resource| resource.id.0).collect();
            ids.sort_unstable();
            // The list may be empty when resources have changed; the name is made for this run alone.
            if ids.is_empty() || ids == state.resources {
                return Ok(Some(job.id.0));
            }
        }
        Ok(None)
    }

    /// The workers whose deployment is there and not taken back; an error where somebody else has deployed since.
    pub(super) async fn standing(
        &self,
        job: JobId,
        scene: &mut Scene<'_, Self>,
    ) -> Result<Vec<WorkerId>, ServiceError> {
        let workers = self.workers(job, &mut scene.state).await?;
        let standing: Vec<&Worker> = workers.iter().filter(|worker| worker.status == WorkerStatus::Success).collect();
        if standing.is_empty() {
            return Ok(Vec::new());
        }
        let ours = scene.state.cert_id.map(CertId::Number);
        let bound = self.resources(&scene.change, None).await?;
        for worker in &standing {
            let now = bound
                .iter()
                .find(|resource| Some(resource.id) == worker.resource_id)
                .and_then(|found| found.cert_id.clone());
            // The inventory lags: the old certificate there proves nothing either way.
            if let Some(now) =
                now.filter(|now| Some(now) != ours.as_ref() && Some(now) != worker.resource_cert_id.as_ref())
            {
                let text = format!("{} has certificate {now} by now, which this run did not deploy", place(worker));
                return Err(ServiceError::new(ErrorKind::Changed, text));
            }
        }
        Ok(standing.into_iter().map(|worker| worker.id).collect())
    }
}

impl Task {
    pub(super) fn of(worker: &Worker) -> Self {
        Self { id: worker.id.0, status: worker.status.to_string(), place: place(worker) }
    }
}

pub(super) fn job_id(state: &State) -> Result<JobId, ServiceError> {
    state.job.map(JobId).ok_or_else(|| ServiceError::new(ErrorKind::Changed, "the run has no job"))
}

/// Where a worker works, for people.
pub(super) fn place(worker: &Worker) -> String {
    let parts = [worker.cloud_product.as_deref(), worker.instance_id.as_deref(), worker.resource_domain.as_deref()];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}
