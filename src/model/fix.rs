//! A change and what came of it: the document of `demo --output json`, and of `fix --output json` when that comes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::report::Report;
use super::time::Time;

/// What was found, what was to be done, what was done, and what is found now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FixReport {
    /// As in a [`Report`].
    pub schema_version: String,
    pub plan: Plan,
    /// What was really done, in order.
    pub steps: Vec<Step>,
    pub before: Report,
    /// Null when nothing was changed.
    pub after: Option<Report>,
    pub outcome: Outcome,
}

/// What was to be done. It was made before anything changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// `ip:port` of each address that is to serve the bundle.
    pub endpoints: Vec<String>,
    /// SHA-256 of each certificate to be served, end entity first. Empty when no bundle helps.
    pub bundle: Vec<String>,
    /// SHA-256 of those that were not served before.
    pub adds: Vec<String>,
    /// SHA-256 of those that are no longer served.
    pub removes: Vec<String>,
    pub reordered: bool,
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
    Failed,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every address serves the bundle, and every client accepts it.
    Mended,
    /// The change was made and does not do what was promised.
    NotMended,
    /// There was nothing to change, or no bundle would help.
    NothingChanged,
}
