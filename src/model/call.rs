//! One call to a cloud service, as a report may show it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::time::Time;

/// What was asked, what came of it. Secrets are masked before anything gets here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Call {
    pub at: Time,
    /// The service's own name of the action.
    pub action: String,
    pub method: String,
    /// By name. Certificates are counted, keys and tokens are masked.
    pub parameters: BTreeMap<String, String>,
    /// How it was signed: `ACS3-HMAC-SHA256` or `HMAC-SHA1`.
    pub signed_by: String,
    /// 1 for the first attempt, higher for its repetitions.
    pub attempt: u32,
    /// `ok`, the service's error code, or what happened instead of an answer.
    pub outcome: String,
    /// Null when no answer came.
    pub http_status: Option<u16>,
    /// The service's number for the call: its support asks for it.
    pub request_id: Option<String>,
    pub duration_ms: u64,
}
