//! A change and what came of it: the document of `fix --output json` and of `demo --output json`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::call::Call;
use super::report::{Proof, Report};
use super::time::Time;

/// What was found, what was to be done, what was done, and what is found now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FixReport {
    /// As in a [`Report`].
    pub schema_version: String,
    /// For `fix --resume` and `fix --rollback`; null when nothing was begun.
    #[serde(default)]
    pub run_id: Option<String>,
    pub plan: Plan,
    /// What was really done, in order.
    pub steps: Vec<Step>,
    pub before: Report,
    /// Null when nothing was changed.
    pub after: Option<Report>,
    pub outcome: Outcome,
    /// Why it ended so; null when it is mended.
    #[serde(default)]
    pub reason: Option<Reason>,
    /// Every call to a certificate service, in order, with its secrets taken out.
    #[serde(default)]
    pub calls: Vec<Call>,
    #[serde(default)]
    pub timing_ms: Timing,
    /// What remains to be known or done by a person, a sentence each.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// What was to be done. It was made before anything changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// `file`, `cas`, `guide`, `lab`.
    #[serde(default)]
    pub service: String,
    /// `ip:port` of each address that is to serve the bundle.
    pub endpoints: Vec<String>,
    /// SHA-256 of each certificate to be served, end entity first. Empty when no bundle helps.
    pub bundle: Vec<String>,
    /// SHA-256 of those that were not served before.
    pub adds: Vec<String>,
    /// SHA-256 of those that are no longer served.
    pub removes: Vec<String>,
    pub reordered: bool,
    /// The end entity that will be served; null when no bundle helps.
    #[serde(default)]
    pub end_entity: Option<EndEntity>,
    /// Each client with what is served now and with the bundle.
    #[serde(default)]
    pub proof: Vec<Proof>,
    /// What the certificate service would put the bundle on.
    #[serde(default)]
    pub resources: Vec<Resource>,
    /// Every write, in order.
    #[serde(default)]
    pub writes: Vec<Write>,
    /// Null where a change costs nothing.
    #[serde(default)]
    pub cost: Option<Cost>,
    /// Identifiers that differ afterwards.
    #[serde(default)]
    pub ids: Vec<IdChange>,
    /// What to know before saying yes, a sentence each.
    #[serde(default)]
    pub warnings: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EndEntity {
    pub subject: String,
    pub sha256: String,
    pub not_after: Time,
    /// False: the certificate and the key that are served now stay.
    pub changes: bool,
}

/// A deployable resource of a certificate service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Resource {
    pub id: String,
    pub product: String,
    pub domain: String,
    pub instance: Option<String>,
    /// The certificate that is bound now.
    pub certificate_id: Option<String>,
    /// HTTPS is on; null when the service does not say.
    pub https: Option<bool>,
    /// A name in the certificate fits the domain: exactly, or a wildcard for one label.
    pub matches: bool,
}

/// One write, and what takes it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Write {
    /// As in [`Step`].
    pub action: String,
    pub description: String,
    /// Null when it needs no undoing: it changes nothing that is served.
    pub undo: Option<String>,
}

/// Deployment credits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cost {
    pub credits: u64,
    /// False: an estimate. The service says the exact figure once the job exists, before it is started.
    pub exact: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IdChange {
    pub what: String,
    pub old: Option<String>,
    /// Null as long as the service has not given it.
    pub new: Option<String>,
}

/// One thing that was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// A kebab-case word, the same for the same deed in every document.
    pub action: String,
    /// For people.
    pub description: String,
    pub at: Time,
    pub status: StepStatus,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    Done,
    /// Its effect was there already.
    Found,
    Failed,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every address serves the bundle, and every client accepts it that was promised to.
    Mended,
    /// The change was made and does not do what was promised.
    NotMended,
    /// What is served was not touched.
    NothingChanged,
    /// The change failed; what was served before is served again.
    RolledBack,
    /// The change failed and could not be taken back, or it is not known whether it was made.
    NeedsAttention,
    /// It was stopped on the way; the run can be resumed or rolled back.
    Interrupted,
}

/// Why a fix ended as it did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reason {
    pub code: ReasonCode,
    /// One or two sentences for people, with the next step.
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReasonCode {
    /// Only the plan was asked for.
    DryRun,
    /// Nobody was there to say yes (`--yes`).
    NoConsent,
    Declined,
    /// What is served is as good as any chain.
    NothingToMend,
    /// No chain mends it.
    NoBundleHelps,
    /// The addresses serve different end entities, or the change would give another one.
    EndEntityDiffers,
    /// The private key was not given, cannot be read, or belongs to another certificate.
    Key,
    /// It costs more than `--max-credits` allows.
    Cost,
    /// Free deployment and automatic renewal would be lost.
    Unhosting,
    /// The service has nothing the bundle could be put on, or it does not match.
    Resource,
    /// An earlier run for the same target is not finished.
    Unfinished,
    /// The target answers nowhere.
    TargetUnreachable,
    /// The certificate service does not answer.
    ServiceUnreachable,
    /// The certificate service, or a command, said no.
    Refused,
    /// The service tried and failed.
    Failed,
    /// In time, not every address served what was to be served.
    NotServed,
    /// Every address serves it, and clients refuse it all the same.
    NotAccepted,
    /// The world is not as this run left it.
    Changed,
    Interrupted,
    /// `fix --rollback`.
    Asked,
}

/// Where the time went, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Timing {
    /// From the first write to the end.
    pub total: u64,
    /// Of it: pauses between looks at a job and at the addresses.
    pub waiting: u64,
}
