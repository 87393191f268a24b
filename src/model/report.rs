//! The one report type: what a probe found, ready for any output format.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::aia::AiaFetch;
use super::certificate::CertificateFacts;
use super::ct::{CtFacts, LogListFacts};
use super::finding::{Finding, NotChecked};
use super::handshake::{EndpointStatus, Failure, KeyProof, Timing, TlsParameters, spoke_tls};
use super::hello::Choice;
use super::http::HttpLook;
use super::path::Path;
use super::resolution::Resolution;
use super::revocation::{CertificateRevocation, RevocationFacts};
use super::samples::Samples;
use super::starttls::StartTlsFacts;
use super::survey::Survey;
use super::time::Time;
use super::verdict::{ClientVerdict, Verdict};

/// The version that reports of this build carry: additions are minor, renames are major.
pub const SCHEMA_VERSION: &str = "1.0";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    pub schema_version: String,
    pub tool: Tool,
    pub run: Run,
    pub target: TargetFacts,
    pub dns: Resolution,
    pub endpoints: Vec<Endpoint>,
    /// Endpoints that serve the same chain, judged once.
    pub deployments: Vec<Deployment>,
    /// By SHA-256; empty with `--evidence none`.
    pub certificates: BTreeMap<String, CertificateFacts>,
    /// What stood in a served chain and is no certificate: base64 by SHA-256.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unreadable: BTreeMap<String, String>,
    pub aia: Vec<AiaFetch>,
    /// What was done to learn of revocations; absent where that was not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation: Option<RevocationFacts>,
    /// Most severe first.
    pub findings: Vec<Finding>,
    pub not_checked: Vec<NotChecked>,
    pub repair: Repair,
    /// Commands that show the same with programs we did not write.
    pub reproduce: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    pub name: String,
    pub version: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    pub id: String,
    pub started_at: Time,
    pub finished_at: Time,
    /// The moment the chain was judged at: `--at`, or the start.
    pub judged_at: Time,
    /// As given, with local paths and secrets taken out.
    pub arguments: Vec<String>,
    pub stores: Vec<Store>,
    /// What else it was judged by; absent in older reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judged_by: Option<JudgedBy>,
}

/// What a judgement depends on besides evidence, time and trust: with it a report can be judged again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JudgedBy {
    /// Ids, in the order of the report.
    pub clients: Vec<String>,
    /// `--warn-days`; null: a third of the certificate's lifetime.
    pub warn_days: Option<u32>,
    pub expect_cname: Option<String>,
    /// The options that the commands in remedies repeat.
    pub options: String,
    /// The list of Certificate Transparency logs (`--ct-logs`), as far as it matters here; absent where none was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ct_logs: Option<LogListFacts>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Store {
    pub id: String,
    /// The day the list was taken, `2026-10-18`; null for a user's own file.
    pub date: Option<String>,
    pub roots: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TargetFacts {
    pub input: String,
    /// A-labels, lower case, no final dot; or the address.
    pub host: String,
    pub host_unicode: String,
    pub port: u16,
    /// The name sent in SNI and expected in the certificate.
    pub server_name: String,
    /// The protocol that was asked to turn to TLS: `smtp`, `imap`, …; null where TLS was spoken from the start.
    pub starttls: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Endpoint {
    /// `ip:port`.
    pub address: String,
    pub status: EndpointStatus,
    pub failure: Option<Failure>,
    pub tls: Option<TlsParameters>,
    pub timing_ms: Timing,
    /// The stapled OCSP response, DER in base64; absent without one, and with less evidence than PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ocsp_staple: Option<String>,
    /// The timestamps of the TLS extension, as sent, in base64; absent when they were not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamps: Option<String>,
    /// Index into `deployments`; null when the address was not tried.
    pub deployment: Option<usize>,
    /// What the server chose of the offer that brought `tls`; absent when it chose nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<Choice>,
    /// What it answered to further ClientHellos: asked where the first had no success, or chose what not every client
    /// offers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hellos: Vec<HelloFacts>,
    /// What it supports; absent unless asked for (`--depth survey`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub survey: Option<Box<Survey>>,
    /// What was said in plain text before TLS; absent without STARTTLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starttls: Option<Box<StartTlsFacts>>,
    /// What it answered to one HTTP request; absent when it was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<Box<HttpLook>>,
    /// How many of several handshakes with the address ended like this; entries with the same address say how the others
    /// did. Absent when there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples: Option<Samples>,
}

impl Endpoint {
    /// It answered as a TLS server, be it with a refusal.
    pub fn spoke_tls(&self) -> bool {
        spoke_tls(self.status, self.failure.as_ref(), self.tls.is_some())
    }
}

/// A ClientHello beyond the ordinary one, and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HelloFacts {
    /// Ids of the clients that send these offers; empty for one that no client sends.
    pub clients: Vec<String>,
    /// The versions offered, best first.
    pub versions: Vec<String>,
    /// How many cipher suites were offered.
    pub cipher_suites: usize,
    /// What the server chose; null when it refused.
    pub tls: Option<TlsParameters>,
    /// The same, by its numbers; absent when it refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<Choice>,
    pub failure: Option<Failure>,
    /// SHA-256 of each certificate it served.
    pub served_chain: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Deployment {
    /// `ip:port` of each; empty for a chain that was read from files.
    pub endpoints: Vec<String>,
    /// SHA-256 of each certificate, in the order sent. Empty when the endpoints gave no chain.
    pub served_chain: Vec<String>,
    pub paths: Vec<Path>,
    pub clients: Vec<ClientVerdict>,
    /// What is known of the revocation of each certificate below the trust anchor; absent where nothing was asked for and
    /// nothing was stapled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revocation: Vec<CertificateRevocation>,
    /// What the end entity's timestamps are worth; absent where no list of logs was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_transparency: Option<CtFacts>,
    /// Does the private key that was given with the files belong to the end entity? Absent when none was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_key: Option<KeyProof>,
}

/// The bundle that would mend the chain, with its proof.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Repair {
    pub possible: bool,
    /// Why not, or why there is nothing to do; null when `possible`.
    pub reason: Option<String>,
    /// SHA-256 of the certificates to add.
    pub adds: Vec<String>,
    /// SHA-256 of the certificates to leave out.
    pub removes: Vec<String>,
    pub reordered: bool,
    /// The whole bundle, end entity first; null when not possible.
    pub bundle_pem: Option<String>,
    pub proof: Vec<Proof>,
    /// What the bundle does; absent in older reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<RepairOutcome>,
    /// What would help where no bundle does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead: Option<String>,
    /// Index of the deployment it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<usize>,
    /// SHA-256 of the trust anchor that the bundle leads to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust_anchor: Option<String>,
}

/// What a bundle does for the clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RepairOutcome {
    /// More clients accept, and none fewer.
    Mends,
    /// Nobody is helped, but what nobody needs is left out or order is made.
    Tidies,
    /// The chain as served is right, and every client accepts it.
    NotNeeded,
    /// No bundle helps; `reason` says why, `instead` what does.
    Impossible,
}

/// One client with the chain as served and with the bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Proof {
    pub client: String,
    pub before: Verdict,
    pub after: Verdict,
    /// The client's own code where it does not accept the bundle either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_code: Option<String>,
}
