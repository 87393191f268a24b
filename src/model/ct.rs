//! Certificate Transparency: the logs that were given, and what the timestamps of a certificate are worth by them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::time::Time;

/// What Chrome thinks of a log (its log lifecycle).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogState {
    /// Has applied; its timestamps do not count.
    Pending,
    Qualified,
    Usable,
    /// Takes no more certificates; its timestamps count.
    ReadOnly,
    /// Timestamps from before count a little.
    Retired,
    Rejected,
}

impl LogState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Qualified => "qualified",
            Self::Usable => "usable",
            Self::ReadOnly => "read-only",
            Self::Retired => "retired",
            Self::Rejected => "rejected",
        }
    }
}

/// One log of the list, as far as judging needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogFacts {
    pub description: String,
    pub operator: String,
    /// Who operated it until when, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub previous_operators: Vec<PreviousOperator>,
    /// SubjectPublicKeyInfo, DER in base64.
    pub key: String,
    pub state: LogState,
    /// Since when it is in that state.
    pub since: Time,
    /// Read by tiles (static-ct-api) instead of by the API of RFC 6962; its timestamps are the same.
    pub tiled: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PreviousOperator {
    pub name: String,
    pub until: Time,
}

/// The list of logs that was judged by, without the logs that do not matter to the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogListFacts {
    pub version: String,
    pub timestamp: Time,
    pub logs: Vec<LogFacts>,
}

/// How a timestamp came (RFC 6962 §3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// In the certificate.
    Embedded,
    /// In the stapled OCSP response.
    Ocsp,
    /// In the TLS extension signed_certificate_timestamp.
    Tls,
}

/// What a timestamp is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SctWorth {
    /// The log signed it, and the log counts.
    Counts,
    /// The log signed it and was retired since: it counts only beside another in the certificate.
    LogRetired,
    /// The log signed it and is none that counts (pending, rejected).
    LogNotAccepted,
    /// The list has no such log.
    UnknownLog,
    /// The signature does not verify: the timestamp is for another certificate, or forged.
    BadSignature,
    /// Its time is still to come.
    InTheFuture,
    /// The issuer is not known, whose key is part of what was signed.
    NotChecked,
}

/// One timestamp of the end entity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckedSct {
    /// SHA-256 of the log's public key, hex.
    pub log_id: String,
    pub timestamp: Time,
    pub delivery: Delivery,
    pub worth: SctWorth,
    /// Null when the list has no such log.
    pub log: Option<String>,
    pub operator: Option<String>,
    pub state: Option<LogState>,
}

/// The end entity by Chrome's policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CtPolicy {
    Complies,
    /// Too few timestamps that count.
    NotEnough,
    /// All of them are of one operator.
    NotDiverse,
    /// The certificate need not comply.
    NotRequired,
    /// Could not be decided.
    NotChecked,
}

impl CtPolicy {
    /// Chrome refuses.
    pub fn is_broken(self) -> bool {
        matches!(self, Self::NotEnough | Self::NotDiverse)
    }
}

/// What the timestamps of a deployment's end entity are worth, by the list of logs that was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CtFacts {
    pub scts: Vec<CheckedSct>,
    pub policy: CtPolicy,
    /// Logs that must have signed embedded timestamps, by the certificate's lifetime.
    pub wanted: usize,
    /// Why it need not comply or was not checked; null otherwise.
    pub why: Option<String>,
}
