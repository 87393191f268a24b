//! The certificate service: upload, deployment job, workers, rollback (its version 2020-04-07).
//!
//! None of its writes is idempotent. An upload is found again by its name, which is made from the whole bundle; a job that
//! was created and never reported, by its certificate among those that still sleep; a start, by the job's status.

use std::cell::Cell;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{CertificateService, ErrorKind, Look, Proposal, Scene, ServiceError, Watch};
use crate::model::call::Call;
use crate::model::fix::{Cost, IdChange, Reason, ReasonCode, Resource, Write};
use crate::model::handshake::KeyProof;
use crate::model::report::Report;
use crate::model::time::Time;
use crate::remedy::cas::{
    self, CasClient, CasError, CertId, CloudResource, ContactId, JobFilter, JobId, JobStatus, NewJob, ResourceFilter,
    ResourceId, Start, Worker, WorkerId, WorkerStatus, upload_name,
};
use crate::remedy::plan::{self, Change, reason};
use crate::remedy::preflight::{self, Candidate};
use crate::remedy::secret::Secret;
use crate::x509::{Certificate, certificates_in, private_key};

/// Before the domain and the hash in the names of uploads.
const PREFIX: &str = "tlsmend";

/// The largest key file that is read.
const MAX_KEY: u64 = 64 * 1024;

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

    /// Resources whose domain is the host, or a wildcard for it, as far as the options narrow them down.
    /// With `bound`, only those that have this certificate now.
    async fn resources(&self, change: &Change, bound: Option<u64>) -> Result<Vec<CloudResource>, ServiceError> {
        let options = &self.options;
        let parent = change.host.split_once('.').map(|(_, parent)| parent);
        let wildcard = parent.map(|parent| format!("*.{parent}"));
        let wanted = |resource: &CloudResource| {
            let domain = resource.domain.as_deref().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
            let named = options.resources.contains(&resource.id.0);
            let fits = domain == change.host || Some(&domain) == wildcard.as_ref();
            (named || options.resources.is_empty() && fits)
                && options.instance.as_ref().is_none_or(|instance| resource.instance_id.as_ref() == Some(instance))
                && bound.is_none_or(|id| resource.cert_id == Some(CertId::Number(id)))
        };
        // What a resource is found by is a part of its domain or its instance; which of them helps depends on the resource.
        for keyword in [Some(change.host.as_str()), parent, options.instance.as_deref()].into_iter().flatten() {
            let filter = ResourceFilter {
                keyword: Some(keyword.to_owned()),
                product: options.product.clone(),
                cert_ids: Vec::new(),
            };
            let found = self.client.resources(&filter).await.map_err(|error| failed(&error))?;
            let found: Vec<CloudResource> = found.items.into_iter().filter(|resource| wanted(resource)).collect();
            let all_named = options.resources.iter().all(|id| found.iter().any(|resource| resource.id.0 == *id));
            if !found.is_empty() && all_named {
                return Ok(found);
            }
        }
        Ok(Vec::new())
    }

    fn nothing_found(&self, change: &Change) -> Reason {
        let text = format!(
            "The service knows no resource for {}{}. It may not be synchronised yet (the console has a button for it), bound to another \
             certificate, or at another --region. Nothing was changed.",
            change.host,
            if self.options.resources.is_empty() { "" } else { " with the ids of --resource" }
        );
        reason(ReasonCode::Resource, text)
    }

    /// Why the resources cannot be deployed to.
    fn unfit(&self, change: &Change, resources: &[CloudResource]) -> Option<Reason> {
        let domain = |resource: &CloudResource| resource.domain.clone().unwrap_or_default();
        if resources.is_empty() {
            return Some(self.nothing_found(change));
        }
        if let Some(resource) = resources.iter().find(|resource| !plan::matches(&change.names, &domain(resource))) {
            let end_entity = end_entity(change).ok().and_then(|der| Certificate::parse(&der).ok());
            let candidate = end_entity.map(|certificate| Candidate::from_file(String::new(), &certificate, 1, None));
            let miss = candidate.and_then(|candidate| preflight::near_miss(&candidate, &domain(resource)));
            let text = format!(
                "Number of matching certificates would be 0: no name of the certificate ({}) fits {} of resource {}{}. Nothing was changed.",
                change.names.join(", "),
                domain(resource),
                resource.id,
                miss.map(|miss| format!(": {miss}")).unwrap_or_default()
            );
            return Some(reason(ReasonCode::Resource, text));
        }
        resources.iter().find(|resource| resource.enable_https == Some(false)).map(|resource| {
            let text = format!(
                "HTTPS is off at {} (resource {}); the service replaces certificates and does not turn it on. Nothing was changed.",
                domain(resource),
                resource.id
            );
            reason(ReasonCode::Resource, text)
        })
    }

    /// Does a stored certificate have this name, and is it our bundle?
    async fn uploaded(&self, name: &str, change: &Change) -> Result<Option<u64>, ServiceError> {
        let der = end_entity(change)?;
        let compare = |id: &CertId, same: Option<bool>| match (id.number(), same) {
            (Some(id), Some(true)) => Ok(id),
            _ => {
                let text = format!(
                    "a certificate called {name} is stored already (id {id}), and its end entity is not, or cannot be seen to be, ours"
                );
                Err(ServiceError::new(ErrorKind::Changed, text))
            }
        };
        match self.client.certificates(Some(name)).await {
            Ok(list) => {
                let found = list.items.into_iter().find(|found| found.certificate_name.as_deref() == Some(name));
                found.map(|found| compare(&found.certificate_id, found.is_end_entity(&der))).transpose()
            }
            // The newer list is not everywhere.
            Err(error) if error.kind == cas::ErrorKind::UnknownAction => {
                let list = self.client.stored_certificates(Some(&change.host)).await.map_err(|error| failed(&error))?;
                let found = list.items.into_iter().find(|found| found.name.as_deref() == Some(name));
                found.map(|found| compare(&found.certificate_id, found.is_end_entity(&der))).transpose()
            }
            Err(error) => Err(failed(&error)),
        }
    }

    /// The private key, from the file or the service; it belongs to the end entity.
    async fn key(&self, change: &Change, state: &State) -> Result<Secret, ServiceError> {
        let refuse = |text: String| ServiceError::new(ErrorKind::NotAgreed(ReasonCode::Key), text);
        let key = match (&self.options.key, self.options.key_from_service, state.old.first()) {
            (Some(path), ..) => read_key(path)?,
            (None, true, Some(&old)) => {
                let stored = self.client.detail_with_key(old).await.map_err(|error| failed(&error))?;
                stored.key.ok_or_else(|| {
                    refuse(format!("the service holds no private key for certificate {old}; give --key FILE"))
                })?
            }
            (None, true, None) => {
                return Err(refuse(
                    "no certificate is bound now whose key the service could give; give --key FILE".to_owned(),
                ));
            }
            (None, false, _) => {
                return Err(refuse(
                    "the upload needs the private key: give --key FILE or --key-from-service".to_owned(),
                ));
            }
        };
        let certificate = Certificate::parse(&end_entity(change)?).map_err(|error| refuse(error.to_string()))?;
        match private_key::belongs_to(key.expose().as_bytes(), None, &certificate) {
            Ok(KeyProof::Proven) => Ok(key),
            Ok(KeyProof::Wrong) => Err(refuse("the private key belongs to another certificate".to_owned())),
            Ok(KeyProof::NotChecked) => {
                Err(refuse("the private key could not be compared with the certificate".to_owned()))
            }
            Err(error) => Err(refuse(error.to_string())),
        }
    }

    async fn contact(&self) -> Result<Result<u64, Reason>, ServiceError> {
        if let Some(id) = self.options.contact_id {
            return Ok(Ok(id));
        }
        let contacts = self.client.contacts().await.map_err(|error| failed(&error))?.items;
        let verified = contacts.iter().find(|contact| contact.email_status == Some(true));
        Ok(verified.or(contacts.first()).map(|contact| contact.contact_id.0).ok_or_else(|| {
            let text = "A deployment job needs a contact, and the account has none; add one in the console. Nothing was changed.";
            reason(ReasonCode::Resource, text.to_owned())
        }))
    }

    /// Where a job is, in a word that we know. A word that nobody has published says nothing about what to do next.
    async fn known_status(&self, id: JobId, watch: &Watch<'_>) -> Result<JobStatus, ServiceError> {
        let known = |status: JobStatus| (!matches!(status, JobStatus::Other(_))).then_some(status);
        let late = format!("job {id} has no status that is known");
        self.until(watch, &late, self.patience.total, async || {
            Ok(known(self.client.job(id).await.map_err(|error| failed(&error))?.status))
        })
        .await
    }

    async fn workers(&self, job: JobId, state: &mut State) -> Result<Vec<Worker>, ServiceError> {
        let workers = self.client.workers(job, None).await.map_err(|error| failed(&error))?.items;
        state.workers = workers.iter().map(Task::of).collect();
        Ok(workers)
    }

    /// Asks until `asked` gives an answer or the time is over. Passing trouble of the network is waited out: a job goes on
    /// whether or not we can see it.
    async fn until<T>(
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
    async fn wait(&self, scene: &mut Scene<'_, Self>) -> Result<String, ServiceError> {
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
    async fn preview(&self, scene: &mut Scene<'_, Self>) -> Result<String, ServiceError> {
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
    async fn sleeping_job(&self, state: &State) -> Result<Option<u64>, ServiceError> {
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
    async fn standing(&self, job: JobId, scene: &mut Scene<'_, Self>) -> Result<Vec<WorkerId>, ServiceError> {
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

impl CasService {
    fn cert_id(&self, state: &State) -> Result<u64, ServiceError> {
        state.cert_id.ok_or_else(|| ServiceError::new(ErrorKind::Changed, "the run has no certificate"))
    }

    fn writes(&self, state: &State, stored: Option<u64>) -> Vec<Write> {
        let upload = match stored {
            Some(id) => format!("nothing is uploaded: the bundle is stored as certificate {id} already"),
            None => format!("upload the bundle and its key as {}", state.name),
        };
        let resources: Vec<String> = state.resources.iter().map(u64::to_string).collect();
        let start = match self.options.schedule {
            Some(at) => format!("start the job, which runs at {at}; from here on credits are spent"),
            None => "start the job; from here on credits are spent".to_owned(),
        };
        let write = |step: Step, description: String, undo: Option<&str>| Write {
            action: step.to_string(),
            description,
            undo: undo.map(str::to_owned),
        };
        vec![
            write(Step::Upload, upload, None),
            write(
                Step::CreateJob,
                format!("create the deployment job `{}` for resource {}", state.job_name, resources.join(", ")),
                None,
            ),
            write(
                Step::Start,
                start,
                Some("each worker is rolled back to the certificate that was bound before; credits are not returned"),
            ),
        ]
    }
}

impl Task {
    fn of(worker: &Worker) -> Self {
        Self { id: worker.id.0, status: worker.status.to_string(), place: place(worker) }
    }
}

fn job_id(state: &State) -> Result<JobId, ServiceError> {
    state.job.map(JobId).ok_or_else(|| ServiceError::new(ErrorKind::Changed, "the run has no job"))
}

/// Where a worker works, for people.
fn place(worker: &Worker) -> String {
    let parts = [worker.cloud_product.as_deref(), worker.instance_id.as_deref(), worker.resource_domain.as_deref()];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn shown(resource: &CloudResource, change: &Change) -> Resource {
    let domain = resource.domain.clone().unwrap_or_default();
    Resource {
        id: resource.id.to_string(),
        product: resource.cloud_product.clone().unwrap_or_default(),
        matches: plan::matches(&change.names, &domain),
        domain,
        instance: resource.instance_id.clone(),
        certificate_id: resource.cert_id.as_ref().map(ToString::to_string),
        https: resource.enable_https,
    }
}

fn bundle(change: &Change) -> Result<Vec<Vec<u8>>, ServiceError> {
    certificates_in(change.bundle_pem.as_bytes())
        .map_err(|error| ServiceError::new(ErrorKind::Changed, error.to_string()))
}

fn end_entity(change: &Change) -> Result<Vec<u8>, ServiceError> {
    Ok(bundle(change)?.swap_remove(0))
}

fn read_key(path: &std::path::Path) -> Result<Secret, ServiceError> {
    use std::io::Read as _;
    // The system's words name no content.
    let fail =
        |what: String| ServiceError::new(ErrorKind::NotAgreed(ReasonCode::Key), format!("{}: {what}", path.display()));
    let file = std::fs::File::open(path).map_err(|error| fail(error.to_string()))?;
    let mut text = zeroize::Zeroizing::new(String::new());
    file.take(MAX_KEY + 1).read_to_string(&mut text).map_err(|_| fail("it is no PEM file".to_owned()))?;
    if text.len() as u64 > MAX_KEY {
        return Err(fail("too large for a private key".to_owned()));
    }
    Ok(Secret::new(text.as_str()))
}

/// What a failed call says of its effect.
pub(super) fn failed(error: &CasError) -> ServiceError {
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
