//! What was answered to one HTTP request over the connection that was just examined.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The answer to `HEAD /`. Texts are the server's, cut and safe for a terminal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HttpLook {
    /// Null when no HTTP came back; `failure` says what did.
    pub status: Option<u16>,
    /// Where the answer leads, as it says.
    pub location: Option<String>,
    pub hsts: Option<Hsts>,
    /// Why there is no status.
    pub failure: Option<String>,
    pub duration_ms: u64,
}

/// Strict-Transport-Security (RFC 6797 §6.1): browsers then let nobody pass a faulty certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hsts {
    /// Seconds; 0 takes it back.
    pub max_age: u64,
    pub include_subdomains: bool,
}
