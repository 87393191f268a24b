//! The dialect of the guides: the chain of a stored certificate is exchanged under its id, and deployed again.
//!
//! Its writes set a state, so making one twice does no harm; a look can still tell most of the time, because
//! UpdateCertificate leads to `Updated`, and DeployCertificate from there to `Deploying` and `Deployed`.

use std::cell::Cell;
use std::fmt;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::cas::{Patience, failed};
use super::{CertificateService, ErrorKind, Look, Proposal, Scene, ServiceError};
use crate::model::call::Call;
use crate::model::fix::{ReasonCode, Write};
use crate::model::report::Report;
use crate::remedy::cas::{CertId, Diagnosis, GuideClient, GuideStatus};
use crate::remedy::plan::{self, Change};

/// The client whose view the service is asked for: the guide's own choice.
const CLIENT: &str = "chrome";

/// What the command line says. No secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// Of the credentials, where one was asked for.
    pub profile: Option<String>,
    pub endpoint: String,
    pub cert_id: CertId,
    /// TargetType.
    pub product: String,
    /// InstanceId.
    pub instance: String,
    /// Send these calls to the vendor's real hosts too, where they can only fail.
    pub force: bool,
}

pub struct GuideService {
    client: GuideClient,
    options: Options,
    patience: Patience,
    /// Calls that were handed on already.
    taken: Cell<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The service's word before anything was done.
    status: String,
    /// What is put back, PEM.
    old_pem: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Update,
    Deploy,
    Wait,
    Diagnose,
    UpdateOld,
    DeployOld,
    WaitOld,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Update => "update-certificate",
            Self::Deploy => "deploy-certificate",
            Self::Wait => "wait-for-deployed",
            Self::Diagnose => "diagnose-certificate",
            Self::UpdateOld => "update-with-old",
            Self::DeployOld => "deploy-old",
            Self::WaitOld => "wait-for-old",
        })
    }
}

impl GuideService {
    pub fn new(client: GuideClient, options: Options, patience: Patience) -> Self {
        Self { client, options, patience, taken: Cell::new(0) }
    }

    fn id(&self) -> &CertId {
        &self.options.cert_id
    }

    async fn status(&self) -> Result<GuideStatus, ServiceError> {
        Ok(self.client.status(self.id()).await.map_err(|error| failed(&error))?.status)
    }

    /// Until it is deployed, or cannot be.
    async fn wait(&self, scene: &Scene<'_, Self>) -> Result<String, ServiceError> {
        let deadline = Instant::now() + self.patience.total;
        let mut shown = None;
        loop {
            let trouble = match self.client.status(self.id()).await {
                Ok(certificate) if certificate.status == GuideStatus::Deployed => {
                    return Ok(format!("{} is Deployed", self.id()));
                }
                Ok(certificate) if certificate.status == GuideStatus::Failed => {
                    let why = certificate.reason.unwrap_or_else(|| "no reason is given".to_owned());
                    return Err(ServiceError::new(ErrorKind::Failed, format!("{} is Failed: {why}", self.id())));
                }
                Ok(certificate) => {
                    let status = certificate.status.to_string();
                    if shown.as_ref() != Some(&status) {
                        (scene.watch.tell)(&format!("{} is {status}", self.id()));
                    }
                    shown = Some(status);
                    None
                }
                Err(error) => match failed(&error) {
                    // A deployment goes on whether or not we can see it.
                    error if error.kind == ErrorKind::Unreachable => Some(error),
                    error => return Err(error),
                },
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let late = || format!("{} was not Deployed within {} s", self.id(), self.patience.total.as_secs());
                return Err(trouble.unwrap_or_else(|| ServiceError::new(ErrorKind::Failed, late())));
            }
            scene.watch.pause(self.patience.poll.min(left)).await;
        }
    }
}

impl CertificateService for GuideService {
    type State = State;
    type Step = Step;

    fn kind(&self) -> &'static str {
        "guide"
    }

    async fn propose(&self, change: &Change, _: &Report) -> Result<Proposal<State>, ServiceError> {
        let status = self.status().await?;
        let diagnosis = self.client.diagnose(self.id(), CLIENT).await.map_err(|error| failed(&error))?;
        let served = change.answered.iter().find_map(|serving| serving.chain.first());
        let mut old = change.answered.iter().map(|serving| &serving.chain).filter(|chain| **chain != change.bundle);
        let first_old = old.next();
        let refusal = match (&change.old_pem, served == change.bundle.first()) {
            // Which of them is stored under the id, this dialect cannot tell; nor has it a word to bind another.
            _ if old.any(|other| Some(other) != first_old) => {
                let text = "The addresses serve several chains that are not the bundle, and UpdateCertificate could put back \
                            only one of them. Nothing was changed. Choose the addresses of one with --address.";
                Some(plan::reason(ReasonCode::Refused, text.to_owned()))
            }
            (_, false) => {
                let text = "UpdateCertificate carries no private key, so it cannot bring another end entity. Nothing was changed.";
                Some(plan::reason(ReasonCode::Key, text.to_owned()))
            }
            (None, _) => {
                let text =
                    "A certificate that is served cannot be read, so it could not be put back. Nothing was changed.";
                Some(plan::reason(ReasonCode::Refused, text.to_owned()))
            }
            (Some(_), true) => None,
        };
        let Options { product, instance, .. } = &self.options;
        let write = |step: Step, description: String, undo: &str| Write {
            action: step.to_string(),
            description,
            undo: Some(undo.to_owned()),
        };
        let writes = vec![
            write(
                Step::Update,
                format!("UpdateCertificate {} with the bundle; its id and key stay", self.id()),
                "UpdateCertificate with the chain that is served now",
            ),
            write(
                Step::Deploy,
                format!("DeployCertificate {} to {product} {instance}", self.id()),
                "DeployCertificate again, with the old chain",
            ),
        ];
        Ok(Proposal {
            state: State { status: status.to_string(), old_pem: change.old_pem.clone().unwrap_or_default() },
            resources: Vec::new(),
            writes,
            cost: None,
            ids: Vec::new(),
            warnings: vec![format!("The service's own check of what is stored now: {}.", words(&diagnosis))],
            refusal,
        })
    }

    fn forward(&self) -> &'static [Step] {
        &[Step::Update, Step::Deploy, Step::Wait, Step::Diagnose]
    }

    fn backward(&self) -> &'static [Step] {
        &[Step::UpdateOld, Step::DeployOld, Step::WaitOld]
    }

    fn touches(step: Step) -> bool {
        matches!(step, Step::Update | Step::Deploy)
    }

    fn waits(step: Step) -> bool {
        matches!(step, Step::Wait | Step::Diagnose | Step::WaitOld)
    }

    async fn look(&self, step: Step, scene: &mut Scene<'_, Self>) -> Result<Look, ServiceError> {
        let done = |status: &GuideStatus| Ok(Look::Done(format!("{} is {status}", self.id())));
        match step {
            // Where it was `Updated` before, the word says nothing; updating twice does no harm.
            Step::Update => match self.status().await? {
                status @ GuideStatus::Updated
                    if scene.has_begun(step) && scene.state.status != GuideStatus::Updated.as_str() =>
                {
                    done(&status)
                }
                _ => Ok(Look::NotYet),
            },
            // An update leads to `Updated`: what is beyond that was deployed since.
            Step::Deploy | Step::DeployOld => {
                if step == Step::DeployOld && !scene.has_begun(Step::Deploy) {
                    return Ok(Look::Done("the new chain was not deployed".to_owned()));
                }
                match self.status().await? {
                    status @ (GuideStatus::Deploying | GuideStatus::Deployed) => done(&status),
                    status @ GuideStatus::Failed if scene.has_begun(step) => done(&status),
                    _ => Ok(Look::NotYet),
                }
            }
            Step::UpdateOld | Step::Wait | Step::Diagnose => Ok(Look::NotYet),
            Step::WaitOld if !scene.has_begun(Step::Deploy) => {
                Ok(Look::Done("the new chain was not deployed".to_owned()))
            }
            Step::WaitOld => Ok(Look::NotYet),
        }
    }

    async fn act(&self, step: Step, scene: &mut Scene<'_, Self>) -> Result<String, ServiceError> {
        let Options { product, instance, .. } = &self.options;
        match step {
            Step::Update | Step::UpdateOld => {
                let pem = if step == Step::Update { &scene.change.bundle_pem } else { &scene.state.old_pem };
                let updated = self.client.update(self.id(), pem).await.map_err(|error| failed(&error))?;
                let what = if step == Step::Update { "the bundle" } else { "the old chain" };
                Ok(format!("{} has {what} and is {}", updated.cert_id, updated.status))
            }
            Step::Deploy | Step::DeployOld => {
                let deployed =
                    self.client.deploy(self.id(), product, instance).await.map_err(|error| failed(&error))?;
                Ok(format!("{} to {product} {instance} is {}", deployed.cert_id, deployed.status))
            }
            Step::Wait | Step::WaitOld => self.wait(scene).await,
            // Shown beside our own probe, which decides.
            Step::Diagnose => match self.client.diagnose(self.id(), CLIENT).await {
                Ok(diagnosis) => Ok(format!("the service's own check for {CLIENT}: {}", words(&diagnosis))),
                Err(error) => Ok(format!("the service's own check could not be asked for: {error}")),
            },
        }
    }

    fn take_calls(&self) -> Vec<Call> {
        let calls = self.client.calls();
        let new = calls.get(self.taken.get()..).unwrap_or_default().to_vec();
        self.taken.set(calls.len());
        new
    }

    fn propagation(&self) -> Option<&'static str> {
        Some("gateways get a new certificate in less than five minutes, one after the other")
    }
}

fn words(diagnosis: &Diagnosis) -> String {
    let problems: Vec<&str> = diagnosis.problems.iter().map(|problem| problem.code.as_str()).collect();
    if problems.is_empty() {
        diagnosis.result.clone()
    } else {
        format!("{} ({})", diagnosis.result, problems.join(", "))
    }
}
