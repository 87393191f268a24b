//! Issuers fetched from the `caIssuers` addresses that certificates carry (RFC 5280 §4.2.2.1).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::time::Time;

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

/// What an answer consists of, by its octets. RFC 5280 §4.2.2.1 allows DER and PKCS#7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AiaForm {
    /// One certificate in DER.
    Der,
    /// A `certs-only` CMS message, DER.
    Pkcs7,
    /// Text armour around either: Chrome reads it, others do not.
    Pem,
    Html,
    Empty,
    Other,
}

/// Is a certificate in the answer the issuer of the certificate that carries the address?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IssuerFit {
    /// Its name and its key are right.
    Issuer,
    /// The name is right and the key is not: another generation of the CA.
    OtherKey,
    OtherName,
}

/// One fetch, as the report lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AiaFetch {
    pub url: String,
    pub outcome: AiaOutcome,
    /// The address did not give the certificates today: they are what it gave at `cached_at`.
    pub from_cache: bool,
    /// HTTP status; null when no answer came.
    pub status: Option<u16>,
    pub bytes: Option<usize>,
    pub content_type: Option<String>,
    /// SHA-256 of each certificate in the answer, or in the cache.
    pub certificates: Vec<String>,
    /// What went wrong, for people; null when nothing did.
    pub detail: Option<String>,
    pub duration_ms: u64,
    /// When the certificates were fetched that came from the cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_at: Option<Time>,
    /// Absent when no body came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<AiaForm>,
    /// Absent when no certificate came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fit: Option<IssuerFit>,
}

/// A fetch with the bytes it brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AiaEvidence {
    pub fetch: AiaFetch,
    /// DER of each certificate in the answer.
    pub certificates: Vec<Vec<u8>>,
}

impl AiaEvidence {
    /// Does Chromium read the certificate at `position`? Of text armour it reads the first block, and after DER nothing may
    /// follow (`ParseCertFromPem`, `ParseCertFromDer` of net/cert/internal/cert_issuer_source_aia.cc).
    pub fn is_read_by_chromium(&self, position: usize) -> bool {
        match self.fetch.form {
            Some(AiaForm::Pem) => position == 0,
            Some(AiaForm::Der) => self.fetch.bytes.is_none_or(|bytes| self.certificates[position].len() == bytes),
            _ => true,
        }
    }
}
