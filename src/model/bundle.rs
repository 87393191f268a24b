//! The document of `bundle --output json`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::report::{RepairOutcome, Report};

/// A chain to be served, its proof, and the report it was made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BundleReport {
    /// As in a [`Report`].
    pub schema_version: String,
    pub outcome: RepairOutcome,
    /// Why no bundle helps, or why none is needed; null when one does.
    pub reason: Option<String>,
    /// What helps where no bundle does.
    pub instead: Option<String>,
    /// `ip:port` of each address that is to serve it; empty for files.
    pub endpoints: Vec<String>,
    /// SHA-256 of each certificate, end entity first. Empty when no bundle helps.
    pub bundle: Vec<String>,
    /// The same as PEM; null when no bundle helps.
    pub bundle_pem: Option<String>,
    /// The form in which it was written to `--out`; null when nothing was written.
    pub written: Option<BundleFormat>,
    /// With the proof, client by client, in `repair`.
    pub report: Report,
}

/// What a bundle looks like in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BundleFormat {
    Pem,
    /// PKCS#7 in PEM armour, as CAs deliver `.p7b`.
    P7b,
    /// PKCS#7 in DER (`.p7c`).
    P7c,
}
