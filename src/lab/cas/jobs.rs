//! Deployment jobs: asleep until started, then a stage further with every look at them; workers a stage behind.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::certificates::{Stored, millis};
use super::inject::Fault;
use super::message::{Answer, Refusal, object, page};
use super::resources::Resource;
use super::seed::{Credits, Origin};
use super::state::{Call, State, USER_ID};

/// Products whose new certificate has to cover every name of the old one.
const COVERS_OLD_NAMES: [&str; 2] = ["SLB", "GA"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Editing,
    Pending,
    Scheduling,
    Processing,
    Success,
    Error,
}

impl Status {
    pub fn word(self) -> &'static str {
        match self {
            Self::Editing => "editing",
            Self::Pending => "pending",
            Self::Scheduling => "scheduling",
            Self::Processing => "processing",
            Self::Success => "success",
            Self::Error => "error",
        }
    }

    fn is_finished(self) -> bool {
        matches!(self, Self::Success | Self::Error)
    }

    /// What a job or worker is in before it is done.
    fn at_stage(stage: u32) -> Self {
        match stage {
            0 => Self::Pending,
            1 => Self::Scheduling,
            _ => Self::Processing,
        }
    }
}

/// The stage in which a job ends.
const LAST_STAGE: u32 = 3;

#[derive(Debug)]
pub(super) struct Job {
    pub id: i64,
    pub name: String,
    pub kind: String,
    pub cert_ids: Vec<i64>,
    pub resource_ids: Vec<i64>,
    pub contact_ids: Vec<i64>,
    /// Milliseconds since 1970.
    schedule: Option<i64>,
    pub status: Status,
    pub workers: Vec<Worker>,
    /// Looks at it since it was started and due.
    polls: u32,
    /// Stages passed over by `scheduling`, in polls.
    ahead: u32,
    charged: i64,
    pub rolled_back: bool,
    created: i64,
    modified: i64,
    started: Option<i64>,
    ended: Option<i64>,
    failing: u32,
    is_stuck: bool,
    no_matches: bool,
}

/// One certificate for one resource.
#[derive(Debug)]
pub(super) struct Worker {
    pub id: i64,
    pub resource_id: i64,
    pub cert_id: i64,
    /// What was bound when the worker was made: the target of a rollback. 0 for nothing.
    pub previous: i64,
    matches: bool,
    pub phase: Phase,
    rollback_fails: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// A stage behind the job; what it came to once the job is done.
    WithJob(Option<bool>),
    /// Run again on its own, for so many looks.
    Again(u32),
    RollingBack(u32),
    RolledBack(bool),
    Done(bool),
}

impl Job {
    fn stage(&self, per_stage: u32) -> u32 {
        match self.polls.saturating_add(self.ahead) {
            0 => 0,
            polls => (polls - 1) / per_stage,
        }
    }

    fn touch(&mut self, call: &Call) {
        self.modified = millis(call.now);
    }

    fn worker(&mut self, id: i64) -> Result<&mut Worker, Refusal> {
        let absent = || Refusal::not_found(format!("The worker {id} does not exist."));
        self.workers.iter_mut().find(|worker| worker.id == id).ok_or_else(absent)
    }

    fn row(&self) -> Map<String, Value> {
        let time = |time: Option<i64>| time.map(|millis| millis.to_string());
        let mut row = object(json!({
            "Id": self.id, "Name": self.name, "JobType": self.kind, "Status": self.status.word(),
            "Rollback": i32::from(self.rolled_back), "Del": 0, "UserId": USER_ID,
            "InstanceId": format!("cas-job-{:06x}", self.id),
            "GmtCreate": self.created.to_string(), "GmtModified": self.modified.to_string(),
        }));
        for (name, time) in
            [("ScheduleTime", time(self.schedule)), ("StartTime", time(self.started)), ("EndTime", time(self.ended))]
        {
            if let Some(time) = time {
                row.insert(name.to_owned(), time.into());
            }
        }
        row
    }
}

impl Worker {
    pub fn status(&self, job: &Job, per_stage: u32) -> &'static str {
        match self.phase {
            Phase::WithJob(_) if job.status == Status::Editing => Status::Editing.word(),
            Phase::WithJob(_) => match job.stage(per_stage).checked_sub(1) {
                None => Status::Editing.word(),
                Some(stage) => Status::at_stage(stage).word(),
            },
            Phase::Again(polls) => Status::at_stage(1 + polls).word(),
            Phase::RollingBack(_) => "rollback",
            Phase::RolledBack(true) => "rollback_success",
            Phase::RolledBack(false) => "rollback_error",
            Phase::Done(true) => Status::Success.word(),
            Phase::Done(false) => Status::Error.word(),
        }
    }
}

impl State {
    pub(super) fn job(&mut self, id: i64) -> Result<&mut Job, Refusal> {
        self.jobs.get_mut(&id).ok_or_else(|| Refusal::not_found(format!("The deployment job {id} does not exist.")))
    }

    /// The job that a call names, after one look at it has moved it on.
    fn polled(&mut self, call: &Call) -> Result<&Job, Refusal> {
        let id = call.parameters.required_int("JobId")?;
        self.job(id)?;
        self.advance(id, call);
        Ok(self.job(id)?)
    }

    /// `CreateDeploymentJob`
    pub(super) fn create_job(&mut self, call: &Call) -> Answer {
        let parameters = &call.parameters;
        let name = parameters.required("Name")?.to_owned();
        let kind = parameters.required("JobType")?.to_owned();
        if !["user", "cloud"].contains(&kind.as_str()) {
            return Err(Refusal::invalid("JobType", "it is user or cloud"));
        }
        let cert_ids = parameters.required_ids("CertIds")?;
        let resource_ids = parameters.required_ids("ResourceIds")?;
        let contact_ids = parameters.required_ids("ContactIds")?;
        self.exist(&cert_ids, &resource_ids, &contact_ids)?;
        let schedule = parameters.int("ScheduleTime")?;
        let id = self.ids.job.next(call);
        let now = millis(call.now);
        let job = Job {
            id,
            name,
            kind,
            cert_ids,
            resource_ids,
            contact_ids,
            schedule,
            status: Status::Editing,
            workers: Vec::new(),
            polls: 0,
            ahead: 0,
            charged: 0,
            rolled_back: false,
            created: now,
            modified: now,
            started: None,
            ended: None,
            failing: 0,
            is_stuck: false,
            no_matches: false,
        };
        self.jobs.insert(id, job);
        self.inject_into_job(id, call);
        self.make_workers(id, call);
        Ok(object(json!({"JobId": id})))
    }

    fn exist(&self, cert_ids: &[i64], resource_ids: &[i64], contact_ids: &[i64]) -> Result<(), Refusal> {
        for &id in cert_ids {
            self.certificate(id)?;
        }
        if let Some(id) = resource_ids.iter().find(|id| !self.resources.contains_key(id)) {
            return Err(Refusal::not_found(format!("The resource {id} does not exist.")));
        }
        for &id in contact_ids {
            self.contact(id)?;
        }
        Ok(())
    }

    /// A fault that stays with the job.
    pub(super) fn inject_into_job(&mut self, id: i64, call: &Call) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        match call.fault {
            Some(Fault::WorkerFailure { count }) => job.failing = count,
            Some(Fault::StuckProcessing) => job.is_stuck = true,
            Some(Fault::NoMatches) => {
                job.no_matches = true;
                job.workers.iter_mut().for_each(|worker| worker.matches = false);
            }
            _ => {}
        }
    }

    /// A worker for every certificate that fits a resource; one that fits nothing still gets a worker, which will fail.
    fn make_workers(&mut self, id: i64, call: &Call) {
        let Some(job) = self.jobs.get(&id) else { return };
        let mut planned = Vec::new();
        for resource in job.resource_ids.iter().filter_map(|id| self.resources.get(id)) {
            let fits = |id: &&i64| {
                !job.no_matches
                    && self.certificates.get(id).is_some_and(|stored: &Stored| stored.matches(&resource.domain))
            };
            let fitting: Vec<i64> = job.cert_ids.iter().filter(fits).copied().collect();
            match (fitting.is_empty(), job.cert_ids.first()) {
                (true, Some(&first)) => planned.push((resource.id, first, resource.cert_id, false)),
                _ => planned.extend(fitting.into_iter().map(|cert| (resource.id, cert, resource.cert_id, true))),
            }
        }
        let workers = planned
            .into_iter()
            .map(|(resource_id, cert_id, previous, matches)| Worker {
                id: self.ids.worker.next(call),
                resource_id,
                cert_id,
                previous,
                matches,
                phase: Phase::WithJob(None),
                rollback_fails: false,
            })
            .collect();
        if let Some(job) = self.jobs.get_mut(&id) {
            job.workers = workers;
        }
    }

    /// `UpdateDeploymentJob`
    pub(super) fn update_job(&mut self, call: &Call) -> Answer {
        let parameters = &call.parameters;
        let id = parameters.required_int("JobId")?;
        if self.job(id)?.status != Status::Editing {
            return Err(Refusal::state("Only a job in editing can be changed."));
        }
        let (certs, resources, contacts) =
            (parameters.ids("CertIds")?, parameters.ids("ResourceIds")?, parameters.ids("ContactIds")?);
        self.exist(&certs, &resources, &contacts)?;
        let schedule = parameters.int("ScheduleTime")?;
        let job = self.job(id)?;
        if let Some(name) = parameters.text("Name") {
            job.name = name.to_owned();
        }
        job.schedule = schedule.or(job.schedule);
        for (new, old) in
            [(certs, &mut job.cert_ids), (resources, &mut job.resource_ids), (contacts, &mut job.contact_ids)]
        {
            if !new.is_empty() {
                *old = new;
            }
        }
        job.touch(call);
        self.make_workers(id, call);
        Ok(Map::new())
    }

    /// `UpdateDeploymentJobStatus`. The same status once more changes nothing and costs nothing; whether that holds for
    /// the real service is not known.
    pub(super) fn update_job_status(&mut self, call: &Call) -> Answer {
        let id = call.parameters.required_int("JobId")?;
        let wanted = call.parameters.required("Status")?;
        let status = self.job(id)?.status;
        if status.is_finished() {
            return Err(Refusal::state("The job is finished."));
        }
        self.inject_into_job(id, call);
        match wanted {
            "pending" | "scheduling" if status == Status::Editing => {
                self.start_job(id, wanted == "scheduling", call)?
            }
            "pending" => {}
            "scheduling" => self.job(id)?.schedule = None,
            "editing" => {
                let job = self.job(id)?;
                job.status = Status::Editing;
                (job.polls, job.ahead, job.started) = (0, 0, None);
                let charged = std::mem::take(&mut job.charged);
                // Nothing was deployed, so nothing is used up. Unpublished.
                self.credits.used -= charged;
            }
            _ => return Err(Refusal::invalid("Status", "it is pending, scheduling or editing")),
        }
        self.job(id)?.touch(call);
        Ok(object(json!({"Data": "[]"})))
    }

    fn start_job(&mut self, id: i64, at_once: bool, call: &Call) -> Result<(), Refusal> {
        let cost = self.cost(self.jobs.get(&id));
        let left = if call.fault == Some(Fault::NoCredits) { 0 } else { self.credits.left() };
        if cost > left {
            // The real code is not published.
            return Err(Refusal::new(
                400,
                "DeploymentQuotaExceeded",
                format!("The job needs {cost} deployment credits, {left} are left."),
            ));
        }
        self.credits.used = self.credits.used.saturating_add(cost);
        let per_stage = self.polls_per_stage;
        let job = self.job(id)?;
        job.charged = cost;
        job.status = if at_once { Status::Scheduling } else { Status::Pending };
        if at_once {
            job.ahead = per_stage;
            job.schedule = None;
        }
        job.started = Some(millis(call.now));
        Ok(())
    }

    /// Workers that deploy an uploaded certificate.
    fn cost(&self, job: Option<&Job>) -> i64 {
        let workers = job.into_iter().flat_map(|job| &job.workers);
        let uploaded = workers.filter(|worker| {
            self.certificates.get(&worker.cert_id).is_some_and(|stored| stored.origin == Origin::Upload)
        });
        i64::try_from(uploaded.count()).unwrap_or(i64::MAX)
    }

    /// One look at a job moves it on.
    fn advance(&mut self, id: i64, call: &Call) {
        let per_stage = self.polls_per_stage;
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let is_due = job.schedule.is_none_or(|at| millis(call.now) >= at);
        if job.status == Status::Editing || !is_due {
            return;
        }
        job.polls = job.polls.saturating_add(1);
        let stage = job.stage(per_stage);
        if !job.status.is_finished() {
            job.status = Status::at_stage(stage);
            if stage >= LAST_STAGE && !job.is_stuck {
                self.finish(id, call);
            }
        }
        self.advance_workers(id);
    }

    /// The job is done: every worker has succeeded or failed, and the resources have what was deployed.
    fn finish(&mut self, id: i64, call: &Call) {
        let Some(job) = self.jobs.get(&id) else { return };
        let outcomes: Vec<bool> = (0..)
            .zip(&job.workers)
            .map(|(position, worker)| position >= job.failing && self.can_deploy(worker))
            .collect();
        let mut bound = Vec::new();
        if let Some(job) = self.jobs.get_mut(&id) {
            for (worker, &outcome) in job.workers.iter_mut().zip(&outcomes) {
                worker.phase = Phase::WithJob(Some(outcome));
                if outcome {
                    bound.push((worker.resource_id, worker.cert_id));
                }
            }
            // What a job is called of which a part failed is not published.
            let all = !outcomes.is_empty() && outcomes.iter().all(|&outcome| outcome);
            job.status = if all { Status::Success } else { Status::Error };
            job.ended = Some(millis(call.now));
            job.touch(call);
        }
        for (resource_id, cert_id) in bound {
            self.bind(resource_id, cert_id);
        }
    }

    /// HTTPS must be on already, and two products want every old name covered.
    fn can_deploy(&self, worker: &Worker) -> bool {
        let (Some(resource), Some(new)) =
            (self.resources.get(&worker.resource_id), self.certificates.get(&worker.cert_id))
        else {
            return false;
        };
        let covers = |old: &Stored| old.names().iter().all(|name| new.matches(name));
        let old =
            self.certificates.get(&worker.previous).filter(|_| COVERS_OLD_NAMES.contains(&resource.product.as_str()));
        worker.matches && resource.enable_https && new.key.is_some() && old.is_none_or(covers)
    }

    fn advance_workers(&mut self, id: i64) {
        let per_stage = self.polls_per_stage;
        let mut bound = Vec::new();
        let Some(job) = self.jobs.get(&id) else { return };
        let is_last = job.stage(per_stage) > LAST_STAGE;
        let next: Vec<Phase> = job
            .workers
            .iter()
            .map(|worker| match worker.phase {
                Phase::WithJob(Some(outcome)) if is_last => Phase::Done(outcome),
                // `scheduling`, then `processing`, then done.
                Phase::Again(0) => Phase::Again(1),
                Phase::Again(_) => {
                    let outcome = self.can_deploy(worker);
                    if outcome {
                        bound.push((worker.resource_id, worker.cert_id));
                    }
                    Phase::Done(outcome)
                }
                Phase::RollingBack(0) => Phase::RollingBack(1),
                Phase::RollingBack(_) => {
                    let can = !worker.rollback_fails && self.certificates.contains_key(&worker.previous);
                    if can {
                        bound.push((worker.resource_id, worker.previous));
                    }
                    Phase::RolledBack(can)
                }
                same => same,
            })
            .collect();
        if let Some(job) = self.jobs.get_mut(&id) {
            for (worker, phase) in job.workers.iter_mut().zip(next) {
                worker.phase = phase;
            }
        }
        for (resource_id, cert_id) in bound {
            self.bind(resource_id, cert_id);
        }
    }

    /// `DescribeDeploymentJob`
    pub(super) fn describe_job(&mut self, call: &Call) -> Answer {
        let id = self.polled(call)?.id;
        let Some(job) = self.jobs.get(&id) else { return Ok(Map::new()) };
        let stored = || job.cert_ids.iter().filter_map(|id| self.certificates.get(id));
        let products: BTreeMap<&str, ()> =
            job.resource_ids.iter().filter_map(|id| self.resources.get(id)).map(|r| (r.product.as_str(), ())).collect();
        let contacts: Vec<Value> = job
            .contact_ids
            .iter()
            .filter_map(|id| self.contacts.get(id))
            .map(|contact| {
                json!({
                    "Id": contact.id.to_string(), "Name": contact.name, "Email": contact.email,
                    "Mobile": contact.mobile,
                })
            })
            .collect();
        let mut answer = job.row();
        answer.extend(object(json!({
            "CertType": stored().next().map_or("upload", |stored| stored.origin.word()),
            "CertDomain": stored().flat_map(Stored::names).collect::<Vec<_>>().join(","),
            "ProductName": products.into_keys().collect::<Vec<_>>().join(","),
            "Config": json!({"shareCertIds": [], "certIds": job.cert_ids}).to_string(),
            "CasContacts": contacts,
        })));
        Ok(answer)
    }

    /// `DescribeDeploymentJobStatus`: counters, and no status.
    pub(super) fn job_counters(&mut self, call: &Call) -> Answer {
        let id = self.polled(call)?.id;
        let Some(job) = self.jobs.get(&id) else { return Ok(Map::new()) };
        let is_known = job.status != Status::Editing || self.counters_while_editing;
        let workers: &[Worker] = if is_known { &job.workers } else { &[] };
        let count = |wanted: fn(&Worker) -> bool| workers.iter().filter(|worker| wanted(worker)).count();
        let mut products: BTreeMap<&str, i64> = BTreeMap::new();
        for resource in workers.iter().filter_map(|worker| self.resources.get(&worker.resource_id)) {
            *products.entry(&resource.product).or_default() += 1;
        }
        let Credits { bought, used } = self.credits;
        let products: Vec<Value> =
            products.into_iter().map(|(name, count)| json!({"ProductName": name, "Count": count})).collect();
        Ok(object(json!({
            "WorkerCount": workers.len(), "MatchWorkerCount": count(|worker| worker.matches),
            "SuccessCount": count(|worker| worker.phase == Phase::Done(true)),
            "FailedCount": count(|worker| worker.phase == Phase::Done(false)),
            "RollbackCount": count(|worker| matches!(worker.phase, Phase::RollingBack(_) | Phase::RolledBack(_))),
            "RollbackSuccessCount": count(|worker| worker.phase == Phase::RolledBack(true)),
            "RollbackFailedCount": count(|worker| worker.phase == Phase::RolledBack(false)),
            "CertCount": if is_known { job.cert_ids.len() } else { 0 },
            "CostCount": if is_known { self.cost(Some(job)) } else { 0 },
            "ResourceCount": bought, "BuyCount": bought, "UseCount": used, "ProductWorkerCount": products,
        })))
    }

    /// `ListDeploymentJob`; it is no look at a single job and moves none on.
    pub(super) fn list_jobs(&self, call: &Call) -> Answer {
        let parameters = &call.parameters;
        let cert_id = parameters.int("CertId")?;
        let wanted = |job: &&Job| {
            parameters.text("JobType").is_none_or(|kind| kind == job.kind)
                && parameters.text("Status").is_none_or(|status| status == job.status.word())
                && cert_id.is_none_or(|id| job.cert_ids.contains(&id))
        };
        let page = page(call.list(self.jobs.values().rev().filter(wanted).collect()), parameters, 50, call.shift())?;
        let rows: Vec<_> = page.rows.into_iter().map(Job::row).collect();
        Ok(object(json!({
            "Total": page.total, "CurrentPage": page.current, "ShowSize": page.size, "Data": rows,
        })))
    }

    /// `ListDeploymentJobCert`
    pub(super) fn list_job_certificates(&mut self, call: &Call) -> Answer {
        let id = call.parameters.required_int("JobId")?;
        let ids = self.job(id)?.cert_ids.clone();
        let row = |stored: &Stored| {
            let leaf = stored.leaf();
            json!({
                "CertId": stored.id, "CertName": stored.name, "CertInstanceId": stored.instance_id(),
                "CertType": stored.origin.word(), "CertOrderType": stored.origin.word(),
                "CommonName": leaf.subject.common_name().unwrap_or_default(), "Sans": stored.names(),
                "IsTrustee": false, "NotBeforeTime": millis(leaf.not_before), "NotAfterTime": millis(leaf.not_after),
                "StatusCode": if stored.is_expired(call.now) { "expired" } else { stored.origin.word() },
            })
        };
        let rows: Vec<Value> = ids.iter().filter_map(|id| self.certificates.get(id)).map(row).collect();
        Ok(object(json!({"Data": call.list(rows)})))
    }

    /// `ListDeploymentJobResource`
    pub(super) fn list_job_resources(&mut self, call: &Call) -> Answer {
        let id = call.parameters.required_int("JobId")?;
        let ids = self.job(id)?.resource_ids.clone();
        let resources = ids.iter().filter_map(|id| self.resources.get(id));
        let rows: Vec<_> = resources.map(|resource| self.inventory_row(resource, call)).collect();
        Ok(object(json!({"Data": call.list(rows)})))
    }

    /// `ListWorkerResource`
    pub(super) fn list_workers(&mut self, call: &Call) -> Answer {
        let id = self.polled(call)?.id;
        let per_stage = self.polls_per_stage;
        let Some(job) = self.jobs.get(&id) else { return Ok(Map::new()) };
        let parameters = &call.parameters;
        let row = |worker: &Worker| {
            let resource: Option<&Resource> = self.resources.get(&worker.resource_id);
            let stored = self.certificates.get(&worker.cert_id);
            let mut row = object(json!({
                "Id": worker.id, "JobId": id, "Status": worker.status(job, per_stage), "UserId": USER_ID,
                "CertId": worker.cert_id, "CertName": stored.map(|stored| stored.name.clone()),
                "CertDomain": stored.map(|stored| stored.names().join(",")),
                "CertInstanceId": stored.map(Stored::instance_id), "ResourceId": worker.resource_id,
                "ResourceDomain": resource.map(|resource| resource.domain.clone()),
                "CloudProduct": resource.map(|resource| resource.product.clone()), "RegionId": self.region,
                "CloudRegion": self.region, "InstanceId": resource.map(|resource| resource.instance_id.clone()),
                "DefaultResource": resource.is_some_and(|resource| resource.default_resource),
                "GmtCreate": job.created.to_string(), "GmtModified": job.modified.to_string(),
            }));
            if worker.previous != 0 {
                row.insert("ResourceCertId".to_owned(), worker.previous.into());
            }
            row.extend(resource.map(Resource::listener).unwrap_or_default());
            row
        };
        let is_wanted = |row: &Map<String, Value>| {
            let is = |name: &str, value: Option<&str>| value.is_none_or(|value| row.get(name) == Some(&value.into()));
            is("Status", parameters.text("Status")) && is("CloudProduct", parameters.text("CloudProduct"))
        };
        let rows = call.list(job.workers.iter().map(row).filter(is_wanted).collect());
        let page = page(rows, parameters, 50, call.shift())?;
        Ok(object(json!({
            "Total": page.total, "CurrentPage": page.current, "ShowSize": page.size, "Data": page.rows,
        })))
    }

    /// `UpdateWorkerResourceStatus`, and `CreateRollbackTask` with `rollback`.
    pub(super) fn update_worker(&mut self, call: &Call, wanted: Option<&str>) -> Answer {
        let id = call.parameters.required_int("JobId")?;
        let worker_id = call.parameters.required_int("WorkerId")?;
        let wanted = match wanted {
            Some(wanted) => wanted,
            None => call.parameters.required("Status")?,
        };
        let job = self.job(id)?;
        let worker = job.worker(worker_id)?;
        if call.fault == Some(Fault::RollbackError) {
            worker.rollback_fails = true;
        }
        match (wanted, worker.phase) {
            ("rollback", Phase::Done(_)) => {
                worker.phase = Phase::RollingBack(0);
                job.rolled_back = true;
            }
            ("scheduling", Phase::Done(false)) => worker.phase = Phase::Again(0),
            ("rollback" | "scheduling", _) => {
                return Err(Refusal::state(format!("The state of the worker {worker_id} does not allow {wanted}.")));
            }
            _ => return Err(Refusal::invalid("Status", "it is rollback or scheduling")),
        }
        job.touch(call);
        Ok(object(json!({"Data": "[]"})))
    }

    /// `DeleteWorkerResource`
    pub(super) fn delete_worker(&mut self, call: &Call) -> Answer {
        let id = call.parameters.required_int("JobId")?;
        let worker_id = call.parameters.required_int("WorkerId")?;
        let job = self.job(id)?;
        job.worker(worker_id)?;
        if job.status != Status::Editing {
            return Err(Refusal::state("Only a worker of a job in editing can be removed."));
        }
        job.workers.retain(|worker| worker.id != worker_id);
        job.touch(call);
        Ok(Map::new())
    }

    /// `DeleteDeploymentJob`
    pub(super) fn delete_job(&mut self, call: &Call) -> Answer {
        let id = call.parameters.required_int("JobId")?;
        if !self.job(id)?.status.is_finished() {
            return Err(Refusal::state("Only a finished job can be deleted."));
        }
        self.jobs.remove(&id);
        Ok(Map::new())
    }
}
