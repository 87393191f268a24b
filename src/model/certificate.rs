//! A certificate as the report shows it. The parsed form that judging uses is `x509::Certificate`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::path::Provenance;
use super::time::Time;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyFacts {
    /// `RSA`, `ECDSA`, `Ed25519`, `Ed448`, or the algorithm's OID.
    pub algorithm: String,
    /// Bits of an RSA modulus or of the curve's field; null when unknown.
    pub bits: Option<u32>,
    pub curve: Option<String>,
}

/// One signed certificate timestamp: a log's promise to publish the certificate. Its signature was not checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SctFacts {
    /// SHA-256 of the log's public key, hex.
    pub log_id: String,
    pub timestamp: Time,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    Served,
    Aia,
    Store,
    /// Its address is dead today; it was fetched on an earlier day (`aia[].cached_at`).
    Cache,
    /// Known to some clients beforehand, though nobody sent it.
    Known,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CertificateFacts {
    pub subject: String,
    pub issuer: String,
    /// Lower-case hex of the INTEGER's content octets.
    pub serial: String,
    pub not_before: Time,
    pub not_after: Time,
    pub subject_alternative_names: Vec<String>,
    pub key: KeyFacts,
    pub signature_algorithm: String,
    /// Subject key identifier, hex.
    pub ski: Option<String>,
    /// Authority key identifier, hex.
    pub aki: Option<String>,
    pub spki_sha256: String,
    pub is_ca: bool,
    pub ca_issuers: Vec<String>,
    /// Signed certificate timestamps embedded in it (RFC 6962 §3.3).
    #[serde(default)]
    pub scts: Vec<SctFacts>,
    pub sources: Vec<Source>,
    /// The store in which it is a trust anchor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted_in: Option<Provenance>,
    /// Null with `--evidence hashes`.
    pub pem: Option<String>,
}
