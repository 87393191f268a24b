//! What one client does with one deployment.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::time::Time;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Accept,
    /// The certificate is refused.
    Reject,
    /// No verdict on the certificate: the handshake or the transport failed.
    Error,
    /// Could not be decided; the message says why.
    Undetermined,
}

/// Our word for the cause, the same for all clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    // the certificate was refused
    Algorithm,
    BadFormat,
    BadSignature,
    CaFlag,
    CertificateTransparency,
    CriticalExtension,
    Expired,
    Hostname,
    Invalid,
    MustStaple,
    NameConstraints,
    NonPublicName,
    NotYetValid,
    PathLength,
    Revoked,
    SelfSigned,
    Staple,
    TooLongValidity,
    UnknownIssuer,
    Unspecified,
    UnsupportedKey,
    Usage,
    WeakKey,
    // the handshake failed
    ClientCertificate,
    Closed,
    Handshake,
    MessageTooBig,
    NotTls,
    Other,
    Refused,
    Timeout,
    TlsVersion,
    UnrecognizedName,
    WeakHandshake,
}

/// One client's answer, as the report lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClientVerdict {
    pub id: String,
    pub name: String,
    pub modelled_versions: String,
    /// Id of the trust store it was judged with, as in `run.stores`.
    pub store: String,
    /// True when the model was compared with measurements of the real client.
    pub measured: bool,
    pub verdict: Verdict,
    /// Null on accept.
    pub category: Option<Category>,
    /// The client's own error code, byte for byte; null on accept.
    pub code: Option<String>,
    /// The client's own words.
    pub message: Option<String>,
    /// Code of the finding that explains it; null on accept.
    pub cause: Option<String>,
    /// Index into `paths` of the path it took or stopped at; null when it built none.
    pub path: Option<usize>,
    /// The first moment at which the accepted path breaks.
    pub breaks_at: Option<Time>,
}
