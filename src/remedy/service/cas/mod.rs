//! The certificate service: upload, deployment job, workers, rollback (its version 2020-04-07).
//!
//! None of its writes is idempotent. An upload is found again by its name, which is made from the whole bundle; a job that
//! was created and never reported, by its certificate among those that still sleep; a start, by the job's status.

mod find;
mod job;

use std::cell::Cell;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use find::{bundle, end_entity, shown};
use job::{job_id, place};

use super::{CertificateService, ErrorKind, Look, Proposal, Scene, ServiceError};
use crate::model::call::Call;
use crate::model::fix::{Cost, IdChange, Reason, ReasonCode};
use crate::model::report::Report;
use crate::model::time::Time;
use crate::remedy::cas::{
    self, CasClient, CasError, ContactId, JobStatus, NewJob, ResourceId, Start, WorkerStatus, upload_name,
};
use crate::remedy::plan::{Change, reason};

/// Before the domain and the hash in the names of uploads.
const PREFIX: &str = "tlsmend";

/// What the command line says about the service. No secret: credentials and key are read where they lie.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// Of the credentials, where one was asked for.
    pub profile: Option<String>,
    pub endpoint: String,
    /// The certificate that is bound now.
    pub cert_id: Option<u64>,
    pub key: Option<PathBuf>,
    pub key_from_service: bool,
    pub resources: Vec<u64>,
    pub product: Option<String>,
    pub instance: Option<String>,
    pub task_name: Option<String>,
    pub contact_id: Option<u64>,
    pub schedule: Option<Time>,
    pub max_credits: Option<u64>,
    pub accept_unhosting: bool,
}

/// How often a job is looked at, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    pub poll: Duration,
    pub total: Duration,
}

pub struct CasService {
    client: CasClient,
    options: Options,
    patience: Patience,
    /// Calls that were handed on already.
    taken: Cell<usize>,
}

/// What is known of the deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The name of the upload.
    name: String,
    job_name: String,
    /// The certificates that are bound now.
    old: Vec<u64>,
    resources: Vec<u64>,
    contact: u64,
    /// What was agreed to.
    credits: u64,
    cert_id: Option<u64>,
    job: Option<u64>,
    /// What the service said it costs, once it did.
    cost: Option<u64>,
    workers: Vec<Task>,
    /// The service's words about what failed.
    trouble: Option<String>,
}

/// A worker as it was last seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Task {
    id: u64,
    status: String,
    place: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Upload,
    ReadBack,
    CreateJob,
    Preview,
    Start,
    Wait,
    StopJob,
    RollBack,
    WaitRollBack,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Upload => "upload",
            Self::ReadBack => "read-back",
            Self::CreateJob => "create-job",
            Self::Preview => "preview",
            Self::Start => "start-job",
            Self::Wait => "wait-for-job",
            Self::StopJob => "stop-job",
            Self::RollBack => "roll-back-workers",
            Self::WaitRollBack => "wait-for-rollback",
        })
    }
}

impl CasService {
    pub fn new(client: CasClient, options: Options, patience: Patience) -> Self {
        Self { client, options, patience, taken: Cell::new(0) }
    }

    fn cert_id(&self, state: &State) -> Result<u64, ServiceError> {
        state.cert_id.ok_or_else(|| ServiceError::new(ErrorKind::Changed, "the run has no certificate"))
    }
}

impl CertificateService for CasService {
    type State = State;
    type Step = Step;

    fn kind(&self) -> &'static str {
        "cas"
    }

    async fn propose(&self, change: &Change, _: &Report) -> Result<Proposal<State>, ServiceError> {
        let ders = bundle(change)?;
        let name = upload_name(PREFIX, &change.host, &ders);
        let resources = self.resources(change, self.options.cert_id).await?;
        let mut refusal = self.unfit(change, &resources);
        let mut warnings = Vec::new();
        let mut old: Vec<u64> = resources.iter().filter_map(|resource| resource.cert_id.as_ref()?.number()).collect();
        old.sort_unstable();
        old.dedup();
        let mut refuse = |reason: Reason| {
            refusal.get_or_insert(reason);
        };
        for &id in &old {
            let detail = self.client.detail(id).await.map_err(|error| failed(&error))?;
            if detail.buy_in_aliyun == Some(true) {
                warnings.push(format!(
                    "Certificate {id} was issued through the service: it is deployed without credits and renewed automatically. The corrected \
                     bundle is an upload, which is neither."
                ));
                if !self.options.accept_unhosting {
                    let text = format!(
                        "Certificate {id} would lose its free deployment and its automatic renewal. Nothing was changed. \
                         --accept-unhosting accepts that."
                    );
                    refuse(reason(ReasonCode::Unhosting, text));
                }
            }
        }
        if let Some(resource) = resources.iter().find(|resource| resource.cert_id.is_none()) {
            warnings.push(format!(
                "Nothing is bound to resource {} now: whether that can be brought back is not known.",
                resource.id
            ));
        }
        let mut state = State {
            name: name.clone(),
            job_name: String::new(),
            old,
            resources: resources.iter().map(|resource| resource.id.0).collect(),
            ..State::default()
        };
        state.resources.sort_unstable();
        let stored = self.uploaded(&name, change).await?;
        if stored.is_none() {
            let checked = match self.options.key_from_service && !state.old.is_empty() {
                // It crosses the network when it is needed, not for a plan.
                true => Ok(()),
                false => self.key(change, &state).await.map(drop),
            };
            match checked {
                Ok(()) => {}
                Err(error) if matches!(error.kind, ErrorKind::NotAgreed(_)) => {
                    let mut reason = error.reason();
                    reason.text = format!("{}. Nothing was changed.", capital(&reason.text));
                    refuse(reason);
                }
                Err(error) => return Err(error),
            }
        }
        match self.contact().await? {
            Ok(contact) => state.contact = contact,
            Err(reason) => refuse(reason),
        }
        let estimate = state.resources.len() as u64;
        state.credits = self.options.max_credits.unwrap_or(estimate);
        if estimate > state.credits {
            let text = format!(
                "Deploying to {estimate} resources costs about {estimate} credits, --max-credits allows {}. Nothing was changed.",
                state.credits
            );
            refuse(reason(ReasonCode::Cost, text));
        }
        state.job_name = match &self.options.task_name {
            Some(name) => name.clone(),
            None => format!("{PREFIX} {}", name.strip_prefix(&format!("{PREFIX}-")).unwrap_or(&name)),
        };
        let writes = self.writes(&state, stored);
        Ok(Proposal {
            resources: resources.iter().map(|resource| shown(resource, change)).collect(),
            writes,
            cost: Some(Cost { credits: estimate, exact: false }),
            ids: vec![IdChange {
                what: format!("certificate of {}", change.host),
                old: (!state.old.is_empty())
                    .then(|| state.old.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")),
                new: stored.map(|id| id.to_string()),
            }],
            state,
            warnings,
            refusal,
        })
    }

    fn forward(&self) -> &'static [Step] {
        &[Step::Upload, Step::ReadBack, Step::CreateJob, Step::Preview, Step::Start, Step::Wait]
    }

    fn backward(&self) -> &'static [Step] {
        &[Step::StopJob, Step::RollBack, Step::WaitRollBack]
    }

    fn touches(step: Step) -> bool {
        step == Step::Start
    }

    fn waits(step: Step) -> bool {
        matches!(step, Step::ReadBack | Step::Preview | Step::Wait | Step::WaitRollBack)
    }

    async fn look(&self, step: Step, scene: &mut Scene<'_, Self>) -> Result<Look, ServiceError> {
        let done = |text: String| Ok(Look::Done(text));
        match step {
            Step::Upload => match self.uploaded(&scene.state.name, &scene.change).await? {
                Some(id) => {
                    scene.state.cert_id = Some(id);
                    done(format!("the bundle is stored as certificate {id} ({})", scene.state.name))
                }
                None => Ok(Look::NotYet),
            },
            Step::CreateJob => match self.sleeping_job(&scene.state).await? {
                Some(id) => {
                    scene.state.job = Some(id);
                    done(format!("job {id} is there and sleeps"))
                }
                None => Ok(Look::NotYet),
            },
            Step::Start => {
                let id = job_id(&scene.state)?;
                match self.known_status(id, scene.watch).await? {
                    JobStatus::Editing => Ok(Look::NotYet),
                    status => done(format!("job {id} is {status}")),
                }
            }
            Step::ReadBack | Step::Preview | Step::Wait | Step::WaitRollBack => Ok(Look::NotYet),
            Step::StopJob => {
                let id = job_id(&scene.state)?;
                let status = self.known_status(id, scene.watch).await?;
                let still = status == JobStatus::Editing || status.is_final();
                if still { done(format!("job {id} is {status}")) } else { Ok(Look::NotYet) }
            }
            Step::RollBack => {
                let id = job_id(&scene.state)?;
                match self.standing(id, scene).await?.as_slice() {
                    [] => done("no worker has anything deployed that was not taken back".to_owned()),
                    _ => Ok(Look::NotYet),
                }
            }
        }
    }

    async fn act(&self, step: Step, scene: &mut Scene<'_, Self>) -> Result<String, ServiceError> {
        match step {
            Step::Upload => {
                let key = self.key(&scene.change, &scene.state).await?;
                let uploaded =
                    self.client.upload(&scene.state.name, &scene.change.bundle_pem, &key).await.map_err(|error| {
                        // Between the look and now; the next look compares.
                        let kind =
                            if error.kind == cas::ErrorKind::NameInUse { ErrorKind::Uncertain } else { kind(&error) };
                        ServiceError::new(kind, text(&error))
                    })?;
                scene.state.cert_id = uploaded.cert_id.number();
                Ok(format!("the bundle is stored as certificate {} ({})", uploaded.cert_id, scene.state.name))
            }
            Step::ReadBack => {
                let id = self.cert_id(&scene.state)?;
                let detail = self.client.detail(id).await.map_err(|error| failed(&error))?;
                match detail.is_end_entity(&end_entity(&scene.change)?) {
                    Some(false) => Err(ServiceError::new(
                        ErrorKind::Refused,
                        format!("certificate {id} is stored with another end entity"),
                    )),
                    Some(true) => Ok(format!("certificate {id} has the right end entity")),
                    None => Ok(format!("certificate {id} is stored; the service gives no fingerprint to compare")),
                }
            }
            Step::CreateJob => {
                let job = NewJob {
                    name: scene.state.job_name.clone(),
                    cert_ids: vec![self.cert_id(&scene.state)?],
                    resource_ids: scene.state.resources.iter().copied().map(ResourceId).collect(),
                    contact_ids: vec![ContactId(scene.state.contact)],
                    schedule: self.options.schedule,
                };
                let id = self.client.create_job(&job).await.map_err(|error| failed(&error))?;
                scene.state.job = Some(id.0);
                Ok(format!("job {id} is created and sleeps"))
            }
            Step::Preview => self.preview(scene).await,
            Step::Start => {
                let id = job_id(&scene.state)?;
                self.client.start_job(id, Start::Pending).await.map_err(|error| failed(&error))?;
                Ok(format!("job {id} is started"))
            }
            Step::Wait => self.wait(scene).await,
            Step::StopJob => {
                let id = job_id(&scene.state)?;
                // Where it is refused, the job runs on: its end is waited for.
                let stopped = self.client.stop_job(id).await;
                if let Err(error) = &stopped
                    && error.may_have_happened()
                {
                    return Err(failed(error));
                }
                let status = self
                    .until(scene.watch, &format!("job {id} did not end"), self.patience.total, async || {
                        let job = self.client.job(id).await.map_err(|error| failed(&error))?;
                        let still = job.status == JobStatus::Editing || job.status.is_final();
                        Ok(still.then_some(job.status))
                    })
                    .await?;
                Ok(format!("job {id} is {status}"))
            }
            Step::RollBack => {
                let id = job_id(&scene.state)?;
                let standing = self.standing(id, scene).await?;
                for &worker in &standing {
                    self.client.rollback_worker(id, worker).await.map_err(|error| failed(&error))?;
                }
                Ok(format!("{} workers of job {id} are told to roll back", standing.len()))
            }
            Step::WaitRollBack => {
                let id = job_id(&scene.state)?;
                let workers = self
                    .until(
                        scene.watch,
                        &format!("the rollback of job {id} did not end"),
                        self.patience.total,
                        async || {
                            let workers = self.workers(id, &mut scene.state).await?;
                            let busy = workers
                                .iter()
                                .any(|worker| matches!(worker.status, WorkerStatus::Rollback | WorkerStatus::Success));
                            Ok((!busy).then_some(workers))
                        },
                    )
                    .await?;
                let lost: Vec<String> = workers
                    .iter()
                    .filter(|worker| worker.status == WorkerStatus::RollbackError)
                    .map(|worker| format!("worker {} at {}", worker.id, place(worker)))
                    .collect();
                if !lost.is_empty() {
                    let text = format!("the service could not roll back {} of job {id}", lost.join(", "));
                    scene.state.trouble = Some(text.clone());
                    return Err(ServiceError::new(ErrorKind::Failed, text));
                }
                let back = workers.iter().filter(|worker| worker.status == WorkerStatus::RollbackSuccess).count();
                Ok(format!("{back} workers of job {id} are rolled back"))
            }
        }
    }

    fn take_calls(&self) -> Vec<Call> {
        let calls = self.client.calls();
        let new = calls.get(self.taken.get()..).unwrap_or_default().to_vec();
        self.taken.set(calls.len());
        new
    }

    fn certificate_id(&self, state: &State) -> Option<String> {
        state.cert_id.map(|id| id.to_string())
    }

    fn notes(&self, _: &Change, state: &State) -> Vec<String> {
        let mut notes = Vec::new();
        if let (Some(cert), Some(job)) = (state.cert_id, state.job) {
            let workers: Vec<String> =
                state.workers.iter().map(|task| format!("{} ({})", task.id, task.status)).collect();
            let workers = if workers.is_empty() { "none seen".to_owned() } else { workers.join(", ") };
            notes.push(format!("Certificate {cert}, job {job}, workers: {workers}."));
        } else if let Some(cert) = state.cert_id {
            notes.push(format!("Certificate {cert} is stored and used nowhere; the next run finds it again."));
        }
        if !state.old.is_empty() && state.job.is_some() {
            let old: Vec<String> = state.old.iter().map(u64::to_string).collect();
            notes.push(format!("Keep certificate {}: a rollback needs it.", old.join(", ")));
        }
        if let Some(trouble) = &state.trouble {
            let workers: Vec<String> = state
                .workers
                .iter()
                .map(|task| format!("worker {} at {}: {}", task.id, task.place, task.status))
                .collect();
            let ids: Vec<String> =
                self.client.calls().iter().rev().filter_map(|call| call.request_id.clone()).take(3).collect();
            notes.push(format!(
                "For a ticket with the vendor: deployment at {} failed: {trouble}. {}. Certificate {}, last RequestIds {}.",
                self.client.endpoint().authority(),
                workers.join("; "),
                state.cert_id.map_or_else(|| "unknown".to_owned(), |id| id.to_string()),
                ids.join(", ")
            ));
        }
        notes
    }

    fn propagation(&self) -> Option<&'static str> {
        Some(
            "the service's products hand a new certificate to their gateways in less than five minutes, one after the other",
        )
    }
}

/// What a failed call says of its effect.
pub(in crate::remedy::service) fn failed(error: &CasError) -> ServiceError {
    ServiceError::new(kind(error), text(error))
}

fn kind(error: &CasError) -> ErrorKind {
    if error.may_have_happened() {
        return ErrorKind::Uncertain;
    }
    match error.kind {
        cas::ErrorKind::Unreachable
        | cas::ErrorKind::Service
        | cas::ErrorKind::Throttled
        | cas::ErrorKind::BadAnswer => ErrorKind::Unreachable,
        _ => ErrorKind::Refused,
    }
}

fn text(error: &CasError) -> String {
    format!("{error}; {}", error.meaning())
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
