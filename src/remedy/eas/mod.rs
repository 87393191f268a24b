//! PAI-EAS (version 2021-07-01, path style): what is bound at a gateway, read back. Nothing is changed here.

use serde::{Deserialize, Serialize};

use super::cas::credentials::Identity;
use super::cas::lenient::{optional_flag, optional_text, text};
use super::cas::{CasError, Connection, Endpoint, Group, Other, Request, Settings, rows, sign, typed};
use crate::model::call::Call;
use crate::model::target::DnsName;
use crate::x509::dn::printable;

/// Gateways on one page, and pages that are read: five thousand gateways.
const PAGE: usize = 100;
const MAX_PAGES: usize = 50;

/// PAI-EAS in one region.
pub struct EasClient {
    connection: Connection,
    /// Stands as the cluster in every path.
    region: String,
}

/// A dedicated gateway.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "PascalCase"))]
pub struct Gateway {
    #[serde(deserialize_with = "text")]
    pub gateway_id: String,
    #[serde(default, deserialize_with = "optional_text")]
    pub gateway_name: Option<String>,
    /// `Creating`, `Running`, `Stopped`, `Failed`, `Waiting`, `Deleting`, `Deleted`, or a word we do not know.
    #[serde(default, deserialize_with = "optional_text")]
    pub status: Option<String>,
    #[serde(default, deserialize_with = "optional_flag")]
    pub internet_enabled: Option<bool>,
    /// The public endpoint: what a custom domain's CNAME is to point at.
    #[serde(default, deserialize_with = "optional_text")]
    pub internet_domain: Option<String>,
    #[serde(default, deserialize_with = "optional_text")]
    pub intranet_domain: Option<String>,
    /// Plain http is redirected to https.
    #[serde(default, rename(deserialize = "SSLRedirectionEnabled"), deserialize_with = "optional_flag")]
    pub ssl_redirection_enabled: Option<bool>,
    #[serde(flatten)]
    pub other: Other,
}

/// A custom domain of a gateway with the certificate bound to it.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "PascalCase"))]
pub struct CustomDomain {
    #[serde(deserialize_with = "text")]
    pub domain: String,
    /// `internet` or `intranet`.
    #[serde(default, rename(deserialize = "Type"), deserialize_with = "optional_text")]
    pub kind: Option<String>,
    /// The number, or `<number>-<region>`: compare with [`CertId::is_named_by`](super::cas::CertId::is_named_by).
    #[serde(default, deserialize_with = "optional_text")]
    pub certificate_id: Option<String>,
    #[serde(default, deserialize_with = "optional_text")]
    pub certificate_name: Option<String>,
    #[serde(default, deserialize_with = "optional_text")]
    pub certificate_status: Option<String>,
    #[serde(default, deserialize_with = "optional_text")]
    pub certificate_end_date: Option<String>,
    #[serde(flatten)]
    pub other: Other,
}

impl Gateway {
    /// The public endpoint as a name to compare a CNAME with. `None` when the gateway has none.
    pub fn cname_target(&self) -> Option<DnsName> {
        self.internet_domain.as_deref().and_then(|name| name.parse().ok())
    }
}

impl EasClient {
    /// Nothing is sent yet. `region` such as `cn-hangzhou`.
    pub fn new(endpoint: Endpoint, region: &str, identity: Identity, settings: Settings) -> Result<Self, CasError> {
        Ok(Self { connection: Connection::new(endpoint, identity, settings)?, region: region.to_owned() })
    }

    pub fn endpoint(&self) -> &Endpoint {
        self.connection.endpoint()
    }

    /// Every call made so far, each attempt, in order; secrets masked.
    pub fn calls(&self) -> Vec<Call> {
        self.connection.log()
    }

    /// ListGateway: every gateway of the region.
    pub async fn gateways(&self) -> Result<Vec<Gateway>, CasError> {
        let mut found: Vec<Gateway> = Vec::new();
        for page in 1..=MAX_PAGES {
            let request =
                get("ListGateway", "/api/v2/gateways".to_owned()).with("PageNumber", page).with("PageSize", PAGE);
            let mut answer = self.connection.call(&request).await?;
            let of_page: Vec<Gateway> = rows(&request, &mut answer.body, "Gateways")?;
            let is_last = of_page.len() < PAGE;
            for gateway in of_page {
                if !found.iter().any(|known| known.gateway_id == gateway.gateway_id) {
                    found.push(gateway);
                }
            }
            if is_last {
                break;
            }
        }
        Ok(found)
    }

    /// DescribeGateway.
    pub async fn gateway(&self, id: &str) -> Result<Gateway, CasError> {
        let request = get("DescribeGateway", self.path(id));
        typed(&request, self.connection.call(&request).await?)
    }

    /// ListGatewayDomains: custom domains and what is bound to each.
    pub async fn domains(&self, id: &str) -> Result<Vec<CustomDomain>, CasError> {
        let request = get("ListGatewayDomains", format!("{}/domains", self.path(id)));
        let mut answer = self.connection.call(&request).await?;
        rows(&request, &mut answer.body, "CustomDomains")
    }

    fn path(&self, id: &str) -> String {
        format!("/api/v2/gateways/{}/{}", sign::encode(&self.region), sign::encode(id))
    }
}

fn get(action: &'static str, path: String) -> Request {
    Request { method: "GET", version: "2021-07-01", path, ..Request::read(action, Group::Certificates) }
}

/// The id of a gateway as a user types it.
pub fn gateway_id(text: &str) -> Result<String, String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if !text.is_empty() && text.len() <= 100 && text.bytes().all(fits) {
        Ok(text.to_owned())
    } else {
        Err(format!("`{}` is no gateway id, such as gw-1uhcqmsc7x22000000", printable(text)))
    }
}
