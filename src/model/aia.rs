//! Issuers fetched from the `caIssuers` addresses that certificates carry (RFC 5280 §4.2.2.1).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AiaOutcome {
    /// At least one certificate came.
    Accepted,
    /// Not http: clients do not fetch it, nor do we.
    SchemeNotSupported,
    /// The address is not an absolute URL.
    InvalidUrl,
    /// The host is on a private or loopback network; `--allow-private-aia` would allow it.
    PrivateAddress,
    NotResolved,
    Unreachable,
    Timeout,
    /// An answer other than 200.
    HttpStatus,
    TooManyRedirects,
    TooLarge,
    /// 200, but no certificate in it.
    NotACertificate,
    /// The limit of fetches for one target was reached.
    LimitReached,
}

/// One fetch, as the report lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AiaFetch {
    pub url: String,
    pub outcome: AiaOutcome,
    pub from_cache: bool,
    /// HTTP status; null when no answer came.
    pub status: Option<u16>,
    pub bytes: Option<usize>,
    pub content_type: Option<String>,
    /// SHA-256 of each certificate in the answer.
    pub certificates: Vec<String>,
    /// What went wrong, for people; null when nothing did.
    pub detail: Option<String>,
    pub duration_ms: u64,
}

/// A fetch with the bytes it brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AiaEvidence {
    pub fetch: AiaFetch,
    /// DER of each certificate in the answer.
    pub certificates: Vec<Vec<u8>>,
}
