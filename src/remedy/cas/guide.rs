//! The dialect of the guides: five actions that the public service does not have, with ids like `cert-8a9b2c` and a
//! certificate that is changed in place. They are signed with the older scheme, because their action stands in the query.

use serde::{Deserialize, Serialize};

use super::client::typed;
use super::connection::{Connection, Settings};
use super::credentials::Identity;
use super::endpoint::Endpoint;
use super::error::CasError;
use super::id::CertId;
use super::lenient::{list, optional_text, text};
use super::request::{Group, Request, Scheme};
use super::types::{GuideStatus, Other};
use crate::model::call::Call;
use crate::model::time::Time;

/// A service that speaks the guide's dialect.
pub struct GuideClient {
    connection: Connection,
}

/// Where a certificate is: the answer of every action but DiagnoseCertificate.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "PascalCase"))]
pub struct GuideCertificate {
    pub cert_id: CertId,
    pub status: GuideStatus,
    /// With `Failed`.
    #[serde(default, deserialize_with = "optional_text")]
    pub reason: Option<String>,
    #[serde(flatten)]
    pub other: Other,
}

/// What the service's own check of a chain says.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "PascalCase"))]
pub struct Diagnosis {
    pub cert_id: CertId,
    /// `pass` or `fail`.
    #[serde(deserialize_with = "text")]
    pub result: String,
    #[serde(default, deserialize_with = "list")]
    pub problems: Vec<Problem>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "PascalCase"))]
pub struct Problem {
    /// `missing_intermediate`, `wrong_order`, `expired`, `name_mismatch`, `untrusted_root`.
    #[serde(deserialize_with = "text")]
    pub code: String,
    #[serde(default, deserialize_with = "text")]
    pub message: String,
}

impl GuideClient {
    /// Refuses the vendor's real hosts unless forced: these actions can only fail there.
    pub fn new(endpoint: Endpoint, identity: Identity, settings: Settings, force: bool) -> Result<Self, CasError> {
        if endpoint.is_aliyun() && !force {
            return Err(CasError::not_sent(
                "guide dialect",
                format!(
                    "{} is the public service, which has none of the guide's actions; use --dialect cas, or --force-guide to send them all the same",
                    endpoint.authority()
                ),
            ));
        }
        Ok(Self { connection: Connection::new(endpoint, identity, settings)? })
    }

    pub fn endpoint(&self) -> &Endpoint {
        self.connection.endpoint()
    }

    /// Every call made so far, each attempt, in order; secrets masked.
    pub fn calls(&self) -> Vec<Call> {
        self.connection.log()
    }

    /// The time by the clock that was given.
    pub fn now(&self) -> Time {
        self.connection.now()
    }

    /// CreateCertificate: orders a certificate for a domain.
    pub async fn create(&self, domain: &str) -> Result<GuideCertificate, CasError> {
        let request = action("CreateCertificate", "POST", true).with("DomainName", domain).with("CertType", "DV");
        typed(&request, self.connection.call(&request).await?)
    }

    /// DeployCertificate: binds a certificate to an instance of a product, such as `SLB`. Asynchronous: poll
    /// [`GuideClient::status`].
    pub async fn deploy(&self, id: &CertId, product: &str, instance: &str) -> Result<GuideCertificate, CasError> {
        let request = action("DeployCertificate", "POST", true)
            .with("CertId", guide_id("DeployCertificate", id)?)
            .with("TargetType", product)
            .with("InstanceId", instance);
        typed(&request, self.connection.call(&request).await?)
    }

    /// DescribeCertificateStatus.
    pub async fn status(&self, id: &CertId) -> Result<GuideCertificate, CasError> {
        let request = action("DescribeCertificateStatus", "GET", false)
            .with("CertId", guide_id("DescribeCertificateStatus", id)?);
        typed(&request, self.connection.call(&request).await?)
    }

    /// DiagnoseCertificate: the service's own check of the chain, as `client` would see it.
    pub async fn diagnose(&self, id: &CertId, client: &str) -> Result<Diagnosis, CasError> {
        let request = action("DiagnoseCertificate", "POST", false)
            .with("CertId", guide_id("DiagnoseCertificate", id)?)
            .with("CheckType", "chain_validation")
            .with("Client", client);
        typed(&request, self.connection.call(&request).await?)
    }

    /// UpdateCertificate: replaces the chain of a certificate, which keeps its id. `bundle_pem` holds certificates only; it
    /// travels in the body, so that no proxy writes it down.
    pub async fn update(&self, id: &CertId, bundle_pem: &str) -> Result<GuideCertificate, CasError> {
        const ACTION: &str = "UpdateCertificate";
        if bundle_pem.contains("PRIVATE KEY") {
            return Err(CasError::not_sent(
                ACTION,
                "there is a private key among the certificates; PEMChain holds none",
            ));
        }
        let mut request = action(ACTION, "PUT", true).with("CertId", guide_id(ACTION, id)?);
        request.form.certificates("PEMChain", bundle_pem);
        typed(&request, self.connection.call(&request).await?)
    }
}

fn action(name: &'static str, method: &'static str, writes: bool) -> Request {
    let request = Request::read(name, Group::Certificates);
    Request { method, scheme: Scheme::Rpc, writes, ..request }
}

/// Numbers belong to the other dialect.
fn guide_id(action: &'static str, id: &CertId) -> Result<String, CasError> {
    match id {
        CertId::Guide(id) => Ok(id.clone()),
        CertId::Number(number) => Err(CasError::not_sent(
            action,
            format!("{number} is an id of the real service; the guide dialect has ids like cert-8a9b2c"),
        )),
    }
}
