//! What a scan found as a whole: the account, and the causes that many targets share.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::finding::Remedy;
use super::line::Sha256;
use super::time::Time;

/// Made from the lines alone, by `scan --summary` and by `scan merge`: both give the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    pub schema_version: String,
    pub account: Account,
    /// Times of the first and the last line; null without lines.
    pub first_at: Option<Time>,
    pub last_at: Option<Time>,
    /// Most targets first.
    pub root_causes: Vec<RootCause>,
    /// How many targets have a finding of each code, most first.
    pub findings: Vec<Count>,
    /// How many targets have each severity as their most severe.
    pub severities: BTreeMap<String, u64>,
    /// In the order of the lines.
    pub clients: Vec<ClientSummary>,
}

/// Every target is somewhere in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Account {
    /// Lines, one a target.
    pub lines: u64,
    /// Every address spoke TLS.
    pub reached: u64,
    /// Some addresses did.
    pub partial: u64,
    /// None did.
    pub unreached: u64,
    /// The name led to no address.
    pub unresolved: u64,
    /// The input was no target.
    pub not_a_target: u64,
    /// The tool itself could not look.
    pub not_checked: u64,
    /// All that were not `reached`, by their `failure`, most first.
    pub failures: Vec<Count>,
}

/// How many targets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Count {
    /// A word of the lines; `others` where there were too many different ones to count each.
    pub name: String,
    pub targets: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CauseKind {
    /// The same intermediate is missing in the chains that are served.
    MissingIntermediate,
    /// The same intermediate expires before the certificates it certifies.
    IntermediateExpiresFirst,
    /// The same address cannot be spoken to.
    AddressFails,
    /// The same alias leads to no address.
    AliasUnresolved,
    /// The addresses of a name serve different chains.
    AddressesDiffer,
}

/// One thing to mend, and how many targets that helps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RootCause {
    pub kind: CauseKind,
    /// How many targets share it.
    pub targets: u64,
    /// The true number may be smaller by this: 0 unless there were more causes than are counted each.
    pub at_most_over: u64,
    /// Of the certificate in question; null where there is none.
    pub sha256: Option<Sha256>,
    /// Its subject, the address, or the name.
    pub subject: String,
    /// More about it: the failure of an address, the answer for a name; null where there is nothing to say.
    pub detail: Option<String>,
    pub not_after: Option<Time>,
    /// Some of the targets.
    pub examples: Vec<String>,
    pub remedy: Remedy,
}

/// One client over all targets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClientSummary {
    pub id: String,
    pub accept: u64,
    pub reject: u64,
    pub error: u64,
    pub undetermined: u64,
    /// The soonest days (UTC) on which chains that it accepts today break.
    pub breaks: Vec<BreakDay>,
    /// Targets that break on later days.
    pub later: u64,
}

/// A day on which something breaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BreakDay {
    /// `2026-12-24`
    pub day: String,
    pub targets: u64,
    pub example: String,
}

/// The document of `scan merge --output json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MergeReport {
    pub summary: Summary,
    /// Indexes below the highest one seen that no line has: a shard is missing, or a run was not finished.
    pub missing: u64,
    /// The first of them.
    pub missing_indexes: Vec<u64>,
    /// Lines with an index that was there already; they are not counted again.
    pub doubled: u64,
    /// Lines that are none: torn, or of another program.
    pub unreadable: u64,
    /// Different certificates, and repeats that were left out; null where none were merged.
    pub certificates: Option<MergedCertificates>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MergedCertificates {
    pub kept: u64,
    pub repeated: u64,
}
