//! Revocation: what was fetched to learn of it, and what is known of each certificate.
//!
//! Revoked, unknown and not checked are three different things, and none of them is "good".

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::aia::AiaOutcome;
use super::time::Time;

/// Whether a certificate was revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RevocationStatus {
    /// A current answer, signed by whom it may be, says that it is not.
    Good,
    Revoked,
    /// Somebody was asked, or an answer was at hand, and nothing follows from it.
    Unknown,
    /// Nobody was asked.
    NotChecked,
}

/// Who says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RevocationSource {
    /// The OCSP response that the server stapled (RFC 6066 §8).
    Staple,
    /// A CRL of the certificate's distribution points (RFC 5280 §4.2.1.13).
    Crl,
    /// The OCSP responder itself (RFC 6960).
    Ocsp,
}

/// CRLReason (RFC 5280 §5.3.1), by its names there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Reason {
    Unspecified,
    KeyCompromise,
    #[serde(rename = "cACompromise")]
    CaCompromise,
    AffiliationChanged,
    Superseded,
    CessationOfOperation,
    CertificateHold,
    #[serde(rename = "removeFromCRL")]
    RemoveFromCrl,
    PrivilegeWithdrawn,
    #[serde(rename = "aACompromise")]
    AaCompromise,
}

impl Reason {
    /// By the ENUMERATED's value. 7 is not used.
    pub fn new(value: u8) -> Option<Self> {
        Some(match value {
            0 => Self::Unspecified,
            1 => Self::KeyCompromise,
            2 => Self::CaCompromise,
            3 => Self::AffiliationChanged,
            4 => Self::Superseded,
            5 => Self::CessationOfOperation,
            6 => Self::CertificateHold,
            8 => Self::RemoveFromCrl,
            9 => Self::PrivilegeWithdrawn,
            10 => Self::AaCompromise,
            _ => return None,
        })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "keyCompromise",
            Self::CaCompromise => "cACompromise",
            Self::AffiliationChanged => "affiliationChanged",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
            Self::CertificateHold => "certificateHold",
            Self::RemoveFromCrl => "removeFromCRL",
            Self::PrivilegeWithdrawn => "privilegeWithdrawn",
            Self::AaCompromise => "aACompromise",
        })
    }
}

/// Why an answer says nothing. Each leads to another finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoAnswer {
    /// It did not come.
    Unreachable,
    /// It came, is no CRL or OCSP response, or is signed by somebody else.
    Unusable,
    /// nextUpdate has passed.
    Expired,
    /// thisUpdate is still to come.
    NotYetValid,
    /// It is about other certificates, or not about all reasons.
    OutOfScope,
    /// The responder itself does not know (RFC 6960 §2.2), or gave an error instead of an answer.
    ResponderDoesNotKnow,
}

/// What one source says of one certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RevocationAnswer {
    pub status: RevocationStatus,
    /// Null when nobody was asked.
    pub source: Option<RevocationSource>,
    /// Where it was fetched; null for a staple.
    pub url: Option<String>,
    /// It is what the address gave at an earlier day (see `revocation.fetches`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub from_cache: bool,
    pub this_update: Option<Time>,
    pub next_update: Option<Time>,
    /// Only when revoked, and the CA gives one.
    pub reason: Option<Reason>,
    pub revoked_at: Option<Time>,
    /// Why the status is unknown or was not checked; null otherwise.
    pub why: Option<String>,
    /// The kind of `why`; absent when the status is known or was not checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<NoAnswer>,
}

/// What is known of one certificate of the path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CertificateRevocation {
    /// SHA-256.
    pub certificate: String,
    /// The answer that decides.
    #[serde(flatten)]
    pub answer: RevocationAnswer,
    /// What else was said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_answers: Vec<RevocationAnswer>,
}

/// One fetch of a CRL or of an OCSP response, as the report lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RevocationFetch {
    /// `crl` or `ocsp`.
    pub kind: RevocationSource,
    pub url: String,
    /// SHA-256 of the certificate that an OCSP responder was asked about; null for a CRL.
    pub about: Option<String>,
    /// `accepted`: a body came; whether it can be used is said with each certificate.
    pub outcome: AiaOutcome,
    /// The address did not give the body today: it is what it gave at `cached_at`, and was still valid. With the outcome
    /// `accepted` the server said that nothing has changed (304).
    pub from_cache: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_at: Option<Time>,
    /// HTTP status; null when no answer came.
    pub status: Option<u16>,
    pub bytes: Option<usize>,
    pub content_type: Option<String>,
    /// What went wrong, for people; null when nothing did.
    pub detail: Option<String>,
    pub duration_ms: u64,
    /// The body in base64, where it is small and the report carries evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// In the place of a large body: what it said of the certificates of this report.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub said: Vec<Said>,
}

/// What a CRL too large for a report says of one certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Said {
    /// SHA-256.
    pub certificate: String,
    pub this_update: Option<Time>,
    pub next_update: Option<Time>,
    /// The certificate stands in the list.
    pub listed: Option<Listed>,
    /// The list is not usable for this certificate at any time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unusable: Option<Unusable>,
}

/// An entry of a CRL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Listed {
    pub revoked_at: Time,
    pub reason: Option<Reason>,
}

/// Why a CRL says nothing of a certificate, whatever the time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unusable {
    pub problem: NoAnswer,
    pub why: String,
}

/// What was done to learn of revocations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RevocationFacts {
    /// CRLs were to be fetched, and responders asked where none answers (`--revocation`).
    pub crls: bool,
    /// OCSP responders were to be asked in any case (`--ocsp`).
    pub ocsp: bool,
    pub fetches: Vec<RevocationFetch>,
}

/// Something that the judge wants to be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub url: String,
    /// `None`: a CRL.
    pub ocsp: Option<OcspQuestion>,
}

/// A question to an OCSP responder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OcspQuestion {
    /// SHA-256 of the certificate it is about, hex.
    pub about: String,
    /// OCSPRequest, DER.
    pub request: Vec<u8>,
}

/// A fetch with what it brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedRevocation {
    pub fetch: RevocationFetch,
    /// Absent when nothing came, and in a report that is judged again where `fetch.said` stands for it.
    pub body: Option<std::sync::Arc<Vec<u8>>>,
}

/// Everything that was done to learn of revocations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RevocationEvidence {
    /// CRLs were to be fetched, and responders asked where none answers.
    pub crls: bool,
    /// OCSP responders were to be asked in any case.
    pub ocsp: bool,
    pub fetched: Vec<FetchedRevocation>,
}

impl RevocationEvidence {
    /// Was anything asked for?
    pub fn is_asked(&self) -> bool {
        self.crls || self.ocsp
    }
}
