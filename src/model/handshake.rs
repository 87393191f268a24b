//! What one address did when spoken to.

use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::hello::{Choice, HelloEvidence};
use super::http::HttpLook;
use super::samples::Samples;
use super::starttls::StartTlsFacts;
use super::survey::SurveyEvidence;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndpointStatus {
    /// The handshake reached its end.
    Completed,
    Failed,
    /// This machine has no route for the address family: says nothing about the server.
    NotTried,
}

/// Where a connection stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    Tcp,
    /// In plain text, on the way to TLS: the protocol's own request for it.
    Starttls,
    Tls,
    /// After a completed handshake, on the first read: TLS 1.3 servers refuse a client without certificate here.
    AfterHandshake,
}

/// What stopped it. Each kind leads a person to another next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The port is closed (RST in answer to SYN).
    Refused,
    /// Silence; the stage tells whether TCP or TLS fell silent.
    Timeout,
    /// The connection was reset after it stood.
    Reset,
    /// An intermediate system said that host or network cannot be reached.
    Unreachable,
    /// The port speaks something else; see `protocol`.
    Plaintext,
    /// Bytes that are neither TLS nor a protocol we know.
    NotTls,
    /// The server sent a TLS alert; see `alert`.
    Alert,
    /// The server closed the connection before the handshake was done.
    Closed,
    /// The server chose or demanded a version that our stack does not speak.
    VersionNotSupported,
    /// No cipher suite, group or signature algorithm in common, as far as the server's alert tells.
    NothingInCommon,
    /// The CertificateVerify or ServerKeyExchange signature does not match the end entity's key.
    SignatureWrong,
    /// The server sent an empty certificate list (RFC 8446 §4.4.2.4 forbids it).
    NoCertificate,
    /// A message larger than we accept.
    TooLarge,
    /// The server requires a client certificate.
    ClientCertificateRequired,
    /// The server speaks the protocol of `target.starttls`, and does not offer TLS.
    StarttlsNotOffered,
    /// It offers TLS and refuses when asked, or turns everybody away.
    StarttlsRefused,
    /// STARTTLS was to be asked for on a port that speaks TLS from the start.
    ImplicitTls,
    /// The server broke the protocol in another way; the message says how.
    Protocol,
    /// The tool itself could not go on (no descriptors, no local port).
    Local,
}

/// Why an endpoint did not complete its handshake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    pub stage: Stage,
    pub kind: FailureKind,
    /// The alert's name of RFC 8446 §6, when one was received.
    pub alert: Option<String>,
    /// The protocol the port seems to speak instead: `http`, `smtp`, `ssh`, …
    pub protocol: Option<String>,
    /// One sentence for people.
    pub message: String,
}

/// Did an address answer as a TLS server, be it with a refusal? `chose`: it sent a ServerHello.
pub fn spoke_tls(status: EndpointStatus, failure: Option<&Failure>, chose: bool) -> bool {
    match (status, failure) {
        (EndpointStatus::Completed, _) => true,
        (EndpointStatus::NotTried, _) | (EndpointStatus::Failed, None) => false,
        (EndpointStatus::Failed, Some(failure)) => match failure.kind {
            FailureKind::Alert
            | FailureKind::VersionNotSupported
            | FailureKind::NothingInCommon
            | FailureKind::SignatureWrong
            | FailureKind::NoCertificate
            | FailureKind::TooLarge
            | FailureKind::ClientCertificateRequired => true,
            FailureKind::Refused
            | FailureKind::Timeout
            | FailureKind::Reset
            | FailureKind::Unreachable
            | FailureKind::Plaintext
            | FailureKind::NotTls
            | FailureKind::Closed
            | FailureKind::StarttlsNotOffered
            | FailureKind::StarttlsRefused
            | FailureKind::ImplicitTls
            | FailureKind::Protocol
            | FailureKind::Local => chose,
        },
    }
}

/// Did the handshake signature prove possession of the end entity's key?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyProof {
    Proven,
    /// It does not verify: key and certificate do not belong together.
    Wrong,
    /// We could not check it (certificate or algorithm outside our stack).
    NotChecked,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientCertificate {
    NotRequested,
    Requested,
    Required,
}

/// The parameters of a handshake, as far as it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TlsParameters {
    /// `1.2`, `1.3`; null when the failure came before the choice.
    pub version: Option<String>,
    /// The IANA name of the cipher suite.
    pub cipher_suite: Option<String>,
    /// The IANA name of the key-exchange group.
    pub group: Option<String>,
    /// Size in bits of the prime of a finite-field Diffie-Hellman exchange before TLS 1.3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dh_bits: Option<usize>,
    pub alpn: Option<String>,
    /// The IANA name of the handshake signature's scheme.
    pub signature_scheme: Option<String>,
    pub key_proof: KeyProof,
    pub client_certificate: ClientCertificate,
    /// Length in bytes of the stapled OCSP response; null when none was stapled.
    pub ocsp_staple_bytes: Option<usize>,
}

impl TlsParameters {
    /// TLS 1.0 or 1.1, which RFC 8996 forbids.
    pub fn is_before_tls12(&self) -> bool {
        self.version.as_deref().is_some_and(|version| matches!(version, "1.0" | "1.1"))
    }
}

/// Milliseconds of each stage; null for a stage that was not reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Timing {
    pub dns: Option<u64>,
    pub tcp: Option<u64>,
    /// What was said in plain text before TLS; absent without STARTTLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starttls: Option<u64>,
    pub tls: Option<u64>,
}

/// What one address did: the evidence, before any judgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointEvidence {
    pub address: SocketAddr,
    pub status: EndpointStatus,
    pub failure: Option<Failure>,
    /// Present as soon as the server answered with a ServerHello.
    pub tls: Option<TlsParameters>,
    /// DER of each certificate of the `certificate_list`, in the order sent; also from servers that fail later.
    pub served_chain: Vec<Vec<u8>>,
    /// The stapled OCSP response (RFC 6066 §8), as sent.
    pub ocsp_staple: Option<Vec<u8>>,
    pub timing: Timing,
    /// What the server chose of the offer that brought `tls` and `served_chain`.
    pub choice: Option<Choice>,
    /// What it answered to further ClientHellos.
    pub hellos: Vec<HelloEvidence>,
    /// What was said before TLS; `None` without STARTTLS.
    pub starttls: Option<Box<StartTlsFacts>>,
    /// What it answered to one HTTP request; `None`: not asked.
    pub http: Option<Box<HttpLook>>,
    /// What it supports, where that was asked for.
    pub survey: Option<SurveyEvidence>,
    /// The signed certificate timestamps of the TLS extension (RFC 6962 §3.3.1), as sent; empty: there were none. `None`: they
    /// were not asked for, or the question was not answered.
    pub timestamps: Option<Vec<u8>>,
    /// How many of several handshakes ended so; `None`: there was one. The others are entries with the same address.
    pub samples: Option<Samples>,
}

impl EndpointEvidence {
    /// With nothing seen yet.
    pub fn new(address: SocketAddr, status: EndpointStatus) -> Self {
        Self {
            address,
            status,
            failure: None,
            tls: None,
            served_chain: Vec::new(),
            ocsp_staple: None,
            timing: Timing::default(),
            choice: None,
            hellos: Vec::new(),
            starttls: None,
            http: None,
            survey: None,
            timestamps: None,
            samples: None,
        }
    }
}
