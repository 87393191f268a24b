//! What the emulator begins with: a JSON document, everything in it optional.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::inject::Injection;
use crate::model::time::Time;

/// Account, stored certificates, resources and habits of an emulator.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Seed {
    pub accounts: Vec<Account>,
    pub site: Site,
    pub certificates: Vec<SeedCertificate>,
    pub resources: Vec<SeedResource>,
    pub contacts: Vec<SeedContact>,
    pub gateways: Vec<SeedGateway>,
    /// The id of the first certificate that is uploaded; the next ones follow.
    pub first_id: i64,
    pub credits: Credits,
    /// Reads of a job, or of an order, that each of its stages lasts.
    pub polls_per_stage: u32,
    /// Lists of resources that still show the old binding after a deployment.
    pub inventory_lag: u32,
    /// `false`: the counters of a job stay 0 until it is started.
    pub counters_while_editing: bool,
    /// `false`: form bodies of ACS3 requests are not read, which the real service may do too.
    pub acs3_bodies: bool,
    /// The product code of PAI-EAS. Invented: the real one is not published.
    pub pai_product: String,
    pub region: String,
    /// The actions of the guides exist.
    pub guide_dialect: bool,
    /// PEM of the roots that `DiagnoseCertificate` trusts, beside the emulator's own.
    pub roots: String,
    pub propagation: Propagation,
    pub injections: Vec<Injection>,
}

impl Default for Seed {
    fn default() -> Self {
        Self {
            accounts: vec![Account::default()],
            site: Site::China,
            certificates: Vec::new(),
            resources: Vec::new(),
            contacts: vec![SeedContact::default()],
            gateways: Vec::new(),
            first_id: 12_345_678,
            credits: Credits { bought: 10, used: 0 },
            polls_per_stage: 1,
            inventory_lag: 0,
            counters_while_editing: true,
            acs3_bodies: true,
            pai_product: "PAI".to_owned(),
            region: "cn-hangzhou".to_owned(),
            guide_dialect: false,
            roots: String::new(),
            propagation: Propagation::default(),
            injections: Vec::new(),
        }
    }
}

/// A text that `Debug` does not show.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// Who may call. Two entries with one id are one key with and without a token.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    pub access_key_id: String,
    pub access_key_secret: Secret,
    /// Temporary credentials: the token that must come with the key.
    #[serde(default)]
    pub security_token: Option<Secret>,
    /// The token is refused from then on.
    #[serde(default)]
    pub expires_at: Option<Time>,
    #[serde(default)]
    pub inactive: bool,
    /// Actions that the account's policy does not allow.
    #[serde(default)]
    pub denied: Vec<String>,
}

impl Account {
    /// A permanent key.
    pub fn new(id: &str, secret: &str) -> Self {
        Self {
            access_key_id: id.to_owned(),
            access_key_secret: Secret::new(secret),
            security_token: None,
            expires_at: None,
            inactive: false,
            denied: Vec::new(),
        }
    }

    /// The same key with a token.
    pub fn with_token(mut self, token: &str) -> Self {
        self.security_token = Some(Secret::new(token));
        self
    }
}

impl Default for Account {
    fn default() -> Self {
        Self::new("testAccessKeyId", "testAccessKeySecret")
    }
}

/// Which of the two separate stores this is; it shows in `CertIdentifier`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Site {
    China,
    International,
}

impl Site {
    pub(super) fn region(self) -> &'static str {
        match self {
            Self::China => "cn-hangzhou",
            Self::International => "ap-southeast-1",
        }
    }
}

/// A stored certificate. A seed may hold what an upload would refuse.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedCertificate {
    pub id: i64,
    /// The name in the guide's dialect, `cert-…`.
    #[serde(default)]
    pub guide_id: Option<String>,
    pub name: String,
    /// PEM, end entity first.
    pub cert: String,
    /// PEM. Absent when the key never was with the service.
    #[serde(default)]
    pub key: Option<Secret>,
    #[serde(default)]
    pub origin: Origin,
}

/// How a certificate came into the service. Deploying an uploaded one costs a credit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    #[default]
    Upload,
    Buy,
    Free,
}

impl Origin {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::Buy => "buy",
            Self::Free => "free",
        }
    }
}

/// A cloud resource that certificates can be deployed to.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedResource {
    pub id: i64,
    pub product: String,
    pub domain: String,
    #[serde(default)]
    pub instance_id: String,
    #[serde(default)]
    pub listener_id: Option<String>,
    #[serde(default)]
    pub listener_port: Option<u16>,
    /// The certificate bound now; 0 for none.
    #[serde(default)]
    pub cert_id: i64,
    #[serde(default = "yes")]
    pub enable_https: bool,
    /// Its certificate is the listener's default.
    #[serde(default)]
    pub default_resource: bool,
    /// Lists of resources that do not show it yet.
    #[serde(default)]
    pub hidden_for: u32,
}

impl SeedResource {
    /// HTTPS is on, and nothing is bound yet.
    pub fn new(id: i64, product: &str, domain: &str, instance_id: &str) -> Self {
        Self {
            id,
            product: product.to_owned(),
            domain: domain.to_owned(),
            instance_id: instance_id.to_owned(),
            listener_id: None,
            listener_port: None,
            cert_id: 0,
            enable_https: true,
            default_resource: false,
            hidden_for: 0,
        }
    }
}

fn yes() -> bool {
    true
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedContact {
    pub id: i64,
    pub name: String,
    #[serde(default)]
    pub email: String,
    #[serde(default)]
    pub mobile: String,
}

impl Default for SeedContact {
    fn default() -> Self {
        Self {
            id: 519_580,
            name: "ops".to_owned(),
            email: "ops@example.com".to_owned(),
            mobile: "13900000000".to_owned(),
        }
    }
}

/// A dedicated gateway of PAI-EAS. Its custom domains are those of the resources whose `instance_id` it has.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedGateway {
    /// `gw-…`
    pub id: String,
    pub name: String,
    /// The target that custom domains are to be aliases of.
    pub internet_domain: String,
    #[serde(default = "running")]
    pub status: String,
    /// Plain HTTP is sent on to HTTPS.
    #[serde(default)]
    pub ssl_redirection: bool,
    /// Names of the services behind it.
    #[serde(default)]
    pub services: Vec<String>,
}

fn running() -> String {
    "Running".to_owned()
}

/// Deployment credits of the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credits {
    pub bought: i64,
    pub used: i64,
}

impl Credits {
    pub fn left(self) -> i64 {
        self.bought.saturating_sub(self.used)
    }
}

/// How a deployment spreads over the addresses of a resource.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Propagation {
    /// Milliseconds until the first address serves it.
    pub first_ms: u64,
    /// Milliseconds from one address to the next.
    pub between_ms: u64,
    /// Addresses that keep what they serve.
    pub never: Vec<IpAddr>,
}
