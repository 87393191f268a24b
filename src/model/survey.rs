//! What a server supports: the answers to many ClientHellos (`--depth survey`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::handshake::Failure;

/// An answer that may be missing for a reason of ours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Support {
    Yes,
    No,
    /// The survey did not get to it, or the server gave no occasion to see it.
    #[default]
    NotSeen,
}

impl Support {
    pub fn of(is: bool) -> Self {
        if is { Self::Yes } else { Self::No }
    }
}

/// A number of an IANA registry and its name there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Named {
    pub number: u16,
    pub name: String,
}

/// Whose order of cipher suites decides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SuiteOrder {
    Server,
    Client,
    /// There is nothing to choose from.
    OneSuite,
    #[default]
    NotSeen,
}

/// What a server takes in one protocol version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VersionSurvey {
    /// `SSL 3.0`, `1.0`, … `1.3`.
    pub version: String,
    pub supported: Support,
    /// In the server's order of preference where `suites_in_order`; else as they were found.
    pub cipher_suites: Vec<Named>,
    #[serde(default)]
    pub order: SuiteOrder,
    /// `--order` was given, and the server has an order.
    #[serde(default)]
    pub suites_in_order: bool,
    /// Key-exchange groups. Before TLS 1.2 they are asked for only where that is missing; finite fields are from TLS 1.3 on.
    pub groups: Vec<Named>,
    /// Schemes of the handshake's signature, which exist from TLS 1.2 on.
    pub signature_schemes: Vec<Named>,
    /// Bits of the smallest prime seen in a finite-field exchange before TLS 1.3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dh_bits: Option<usize>,
    /// What of the lists above may be incomplete: `cipher_suites`, `groups`, `signature_schemes`.
    pub incomplete: Vec<String>,
}

/// A chain that the server shows under some circumstances.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CertificateSurvey {
    /// Of the end entity: `rsa`, `ecdsa`, `eddsa`, `other`.
    pub key: String,
    /// SHA-256 of each certificate, as served.
    pub served_chain: Vec<String>,
}

/// What comes when SNI is absent or names somebody else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OtherNameSurvey {
    /// The name sent in SNI; null: none.
    pub server_name: Option<String>,
    /// SHA-256 of each certificate; empty when it was refused.
    pub served_chain: Vec<String>,
    pub failure: Option<Failure>,
}

/// Resumption in one version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResumptionSurvey {
    /// TLS 1.2: the server takes part in tickets (RFC 5077); TLS 1.3: it sent one.
    pub tickets: Support,
    /// TLS 1.2: the server gave a session identifier to come back with. Not in TLS 1.3.
    pub session_id: Support,
    /// The second handshake was short.
    pub resumes: Support,
}

/// What the server asks of clients.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClientCertificateSurvey {
    pub requested: Support,
    /// Names of the CAs it accepts, the first ones; empty when it names none.
    pub authorities: Vec<String>,
    /// How many it names.
    pub authorities_count: usize,
}

/// All of it, for one address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Survey {
    /// The newest first.
    pub versions: Vec<VersionSurvey>,
    /// The different chains for the name that was asked for: more than one where keys of several kinds are served.
    pub certificates: Vec<CertificateSurvey>,
    pub without_server_name: Option<OtherNameSurvey>,
    pub foreign_server_name: Option<OtherNameSurvey>,
    /// Protocols the server chose when offered, in the order found.
    pub alpn: Vec<String>,
    pub resumption_tls12: ResumptionSurvey,
    pub resumption_tls13: ResumptionSurvey,
    /// RFC 7627; of TLS 1.2 and older.
    pub extended_master_secret: Support,
    /// RFC 5746; of TLS 1.2 and older.
    pub renegotiation_info: Support,
    pub ocsp_stapling: Support,
    /// Signed certificate timestamps in the handshake (RFC 6962 §3.3.1); those in the certificate are not counted.
    pub timestamps: Support,
    /// How many of them.
    pub timestamp_count: usize,
    pub client_certificate: ClientCertificateSurvey,
    /// Connections that were made for it.
    pub connections: usize,
    /// What it did not get to, a sentence each.
    pub limits: Vec<String>,
}

impl Survey {
    /// The version called so.
    pub fn version(&self, name: &str) -> Option<&VersionSurvey> {
        self.versions.iter().find(|version| version.version == name)
    }

    /// Every chain that it tells of.
    pub fn chains(&self) -> impl Iterator<Item = &[String]> {
        let others = self.without_server_name.iter().chain(&self.foreign_server_name);
        let others = others.map(|other| other.served_chain.as_slice());
        self.certificates.iter().map(|certificate| certificate.served_chain.as_slice()).chain(others)
    }
}

/// The survey with the octets of the certificates that it calls by their hashes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SurveyEvidence {
    pub survey: Survey,
    /// DER, each once, in no order.
    pub certificates: Vec<Vec<u8>>,
}
