//! The certificates that the service holds: upload, read, list, delete.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls_pki_types::PrivateKeyDer;
use serde_json::{Map, Value, json};

use super::message::{Answer, Refusal, object, page};
use super::seed::{Origin, Secret, SeedCertificate};
use super::state::{Call, State};
use crate::model::time::{DAY, Time};
use crate::x509::general_name::GeneralName;
use crate::x509::identity::{WildcardRules, matches_dns};
use crate::x509::key::KeyKind;
use crate::x509::{Certificate, Fingerprint, ParseError, hex, pem};

/// Characters that a name may have.
const MAX_NAME: usize = 63;

/// A certificate is `willExpire` in its last days. The service's own number is not published.
const EXPIRES_SOON: i64 = 30 * DAY;

/// What is stored under one id.
#[derive(Debug)]
pub(super) struct Stored {
    pub id: i64,
    pub guide_id: Option<String>,
    pub name: String,
    /// As uploaded, end entity first; never empty.
    pub chain: Vec<Certificate>,
    pub pem: String,
    pub key: Option<StoredKey>,
    pub origin: Origin,
    pub tags: Vec<(String, String)>,
}

#[derive(Debug)]
pub(super) struct StoredKey {
    pub pem: Secret,
    pub der: PrivateKeyDer<'static>,
}

/// Why a certificate of a seed cannot be held.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    #[error("it holds no certificate")]
    Empty,
    #[error(transparent)]
    Malformed(#[from] ParseError),
    #[error("its private key cannot be read")]
    Key,
}

impl Stored {
    pub fn from_seed(seed: &SeedCertificate) -> Result<Self, StoreError> {
        let key = match &seed.key {
            None => None,
            Some(pem) => Some(StoredKey::read(pem.reveal()).ok_or(StoreError::Key)?),
        };
        Ok(Self {
            id: seed.id,
            guide_id: seed.guide_id.clone(),
            name: seed.name.clone(),
            chain: chain(&seed.cert)?,
            pem: seed.cert.clone(),
            key,
            origin: seed.origin,
            tags: Vec::new(),
        })
    }

    pub fn leaf(&self) -> &Certificate {
        &self.chain[0]
    }

    pub fn ders(&self) -> Vec<Vec<u8>> {
        self.chain.iter().map(|certificate| certificate.der().to_vec()).collect()
    }

    /// dNSNames of the end entity.
    pub fn names(&self) -> Vec<&str> {
        let names = self.leaf().extensions.subject_alt_name.iter().flat_map(|names| &names.names);
        names.filter_map(|name| if let GeneralName::Dns(name) = name { Some(&**name) } else { None }).collect()
    }

    /// A name equals the domain, or is a wildcard that covers exactly one more label. The common name is not asked.
    pub fn matches(&self, domain: &str) -> bool {
        let is_match = |name: &&str| {
            name.eq_ignore_ascii_case(domain)
                || matches_dns(name, &domain.to_ascii_lowercase(), WildcardRules::STANDARD)
        };
        self.names().iter().any(is_match)
    }

    pub fn is_expired(&self, now: Time) -> bool {
        now > self.leaf().not_after
    }

    fn status(&self, now: Time) -> &'static str {
        let left = self.leaf().not_after.since(now);
        if left < 0 {
            "expired"
        } else if left <= EXPIRES_SOON {
            "willExpire"
        } else {
            "issued"
        }
    }

    pub fn instance_id(&self) -> String {
        format!("cas-{}-{:06x}", self.origin.word(), self.id)
    }

    fn common_name(&self) -> &str {
        self.leaf().subject.common_name().unwrap_or_default()
    }

    /// Domain or resource id has `keyword` inside; the name is not looked at.
    fn is_about(&self, keyword: &str) -> bool {
        let has = |text: &str| text.to_ascii_lowercase().contains(&keyword.to_ascii_lowercase());
        has(self.common_name()) || self.names().into_iter().any(has) || has(&self.instance_id())
    }

    /// The chain as uploaded; the real service may show a completed one.
    fn shown_chain(&self, now: Time, subject: &str, issuer: &str) -> Vec<Value> {
        let entry = |certificate: &Certificate| {
            json!({
                subject: certificate.subject.short(), issuer: certificate.issuer.short(),
                "NotBefore": millis(certificate.not_before), "NotAfter": millis(certificate.not_after),
                "RemainDay": certificate.not_after.since(now).div_euclid(DAY),
            })
        };
        self.chain.iter().map(entry).collect()
    }

    fn attribute(&self, oid: &str) -> Option<String> {
        self.leaf().subject.attributes().into_iter().find(|attribute| attribute.oid == oid).map(|found| found.text)
    }

    /// What lists and details of one kind have in common.
    fn order_fields(&self, now: Time) -> Map<String, Value> {
        let leaf = self.leaf();
        object(json!({
            "Name": self.name, "InstanceId": self.instance_id(), "ResourceGroupId": "rg-default",
            "Sans": self.names().join(","), "Issuer": leaf.issuer.short(),
            "OrgName": self.attribute("2.5.4.10").unwrap_or_default(),
            "Country": self.attribute("2.5.4.6").unwrap_or_default(),
            "Province": self.attribute("2.5.4.8").unwrap_or_default(),
            "City": self.attribute("2.5.4.7").unwrap_or_default(),
            "StartDate": leaf.not_before.date(), "EndDate": leaf.not_after.date(),
            "Fingerprint": sha1(leaf.der()), "Sha2": sha2(leaf.der()), "SerialNo": serial(leaf),
            "Expired": self.is_expired(now),
        }))
    }

    /// The fields of the newer calls.
    fn newer_fields(&self, now: Time, products: &[String]) -> Map<String, Value> {
        let leaf = self.leaf();
        object(json!({
            "CertificateName": self.name, "CertificateSource": self.origin.word().to_ascii_uppercase(),
            "CertificateStatus": self.status(now), "CommonName": self.common_name(), "Domain": self.names().join(","),
            "SubjectAlternativeNames": self.names(), "Issuer": leaf.issuer.short(), "Serial": serial(leaf),
            "FingerPrint": sha1(leaf.der()), "Algorithm": algorithm(leaf), "KeySize": key_size(leaf),
            "NotBefore": millis(leaf.not_before), "NotAfter": millis(leaf.not_after),
            "ExistPrivateKey": self.key.is_some(), "InstanceId": self.instance_id(), "UsingProductList": products,
        }))
    }
}

impl StoredKey {
    /// PKCS#8, PKCS#1 or SEC1 in PEM, unencrypted. Nothing else is a key for the service; and nothing that our TLS
    /// servers could not sign with (RSA below 2048 bits, rare curves) is one for the emulator.
    pub fn read(text: &str) -> Option<Self> {
        let (blocks, _) = pem::blocks(text.as_bytes());
        let encrypted = text.lines().any(|line| line.starts_with("Proc-Type:") && line.contains("ENCRYPTED"));
        let der = blocks.into_iter().find_map(|block| match block.label.as_str() {
            "PRIVATE KEY" => Some(PrivateKeyDer::Pkcs8(block.der.into())),
            "RSA PRIVATE KEY" => Some(PrivateKeyDer::Pkcs1(block.der.into())),
            "EC PRIVATE KEY" => Some(PrivateKeyDer::Sec1(block.der.into())),
            _ => None,
        })?;
        let is_usable = !encrypted && any_supported_type(&der).is_ok();
        is_usable.then(|| Self { pem: Secret::new(text), der })
    }

    pub fn from_der(pkcs8: &[u8]) -> Option<Self> {
        let der = PrivateKeyDer::try_from(pkcs8.to_vec()).ok()?;
        Some(Self { pem: key_pem(&der), der })
    }

    pub fn belongs_to(&self, certificate: &Certificate) -> bool {
        let public = any_supported_type(&self.der).ok().and_then(|key| key.public_key().map(|spki| spki.to_vec()));
        // The BIT STRING ends both: RSA keys may be named by two algorithms.
        public.is_some_and(|spki| spki.ends_with(certificate.subject_public_key()))
    }
}

/// A private key as a PEM block.
pub(super) fn key_pem(key: &PrivateKeyDer<'_>) -> Secret {
    let label = match key {
        PrivateKeyDer::Pkcs1(_) => "RSA PRIVATE KEY",
        PrivateKeyDer::Sec1(_) => "EC PRIVATE KEY",
        _ => "PRIVATE KEY",
    };
    let body = STANDARD.encode(key.secret_der());
    let lines: Vec<&str> = (0..body.len()).step_by(64).map(|at| &body[at..body.len().min(at + 64)]).collect();
    Secret::new(format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n")))
}

/// The certificates of a PEM text; other blocks are passed over.
pub(super) fn chain(text: &str) -> Result<Vec<Certificate>, StoreError> {
    let (blocks, _) = pem::blocks(text.as_bytes());
    let certificates = blocks.iter().filter(|block| block.label == "CERTIFICATE");
    let chain: Vec<Certificate> = certificates.map(|block| Certificate::parse(&block.der)).collect::<Result<_, _>>()?;
    if chain.is_empty() { Err(StoreError::Empty) } else { Ok(chain) }
}

impl State {
    pub(super) fn certificate(&self, id: i64) -> Result<&Stored, Refusal> {
        self.certificates.get(&id).ok_or_else(|| Refusal::not_found(format!("The certificate {id} does not exist.")))
    }

    /// Checks what the live service was measured to check, and nothing more: a leaf alone is accepted.
    pub(super) fn upload(&mut self, call: &Call) -> Answer {
        let parameters = &call.parameters;
        let name = parameters.required("Name")?;
        if name.chars().count() > MAX_NAME {
            return Err(Refusal::invalid("Name", "it has more than 63 characters"));
        }
        let (cert, key) = (parameters.text("Cert"), parameters.text("Key"));
        if let (None, None, Some(_)) = (cert, key, parameters.text("SignCert")) {
            return Err(Refusal::invalid("SignCert", "SM2 certificates are not emulated"));
        }
        let cert = cert.ok_or_else(|| Refusal::missing("Cert"))?;
        let key = key.ok_or_else(|| Refusal::missing("Key"))?;
        if self.certificates.values().any(|stored| stored.name == name) {
            return Err(Refusal::new(400, "NameRepeat", "The certificate name already exists."));
        }
        let key = StoredKey::read(key)
            .ok_or_else(|| Refusal::new(400, "PrivateKeyFormatException", "The private key format is incorrect."))?;
        let chain = chain(cert).map_err(|error| Refusal::invalid("Cert", &error.to_string()))?;
        if !key.belongs_to(&chain[0]) {
            return Err(Refusal::new(
                400,
                "NotMatch.CertificateAndPrivateKey",
                "The certificate and the private key do not match.",
            ));
        }
        let id = self.ids.certificate.next(call);
        let stored = Stored {
            id,
            guide_id: None,
            name: name.to_owned(),
            chain,
            pem: cert.to_owned(),
            key: Some(key),
            origin: Origin::Upload,
            tags: parameters.tags(),
        };
        let resource_id = stored.instance_id();
        self.certificates.insert(id, stored);
        Ok(object(json!({"CertId": id, "ResourceId": resource_id})))
    }

    /// `GetUserCertificateDetail`. Gives the private key away unless `CertFilter` is true, as the real one does.
    pub(super) fn detail(&self, call: &Call) -> Answer {
        let stored = self.certificate(call.parameters.required_int("CertId")?)?;
        let leaf = stored.leaf();
        let tags: Vec<Value> = stored.tags.iter().map(|(k, v)| json!({"TagKey": k, "TagValue": v})).collect();
        let mut answer = object(json!({
            "Id": stored.id, "CertIdentifier": format!("{}-{}", stored.id, self.site.region()),
            "Common": stored.common_name(), "Algorithm": algorithm(leaf), "CertSha2": sha2(leaf.der()),
            "NotBefore": millis(leaf.not_before), "NotAfter": millis(leaf.not_after),
            "BuyInAliyun": stored.origin != Origin::Upload,
            "CertChain": stored.shown_chain(call.now, "CommonName", "IssuerCommonName"), "Tags": tags,
        }));
        answer.extend(stored.order_fields(call.now));
        if !call.parameters.is_true("CertFilter") {
            answer.insert("Cert".to_owned(), stored.pem.clone().into());
            if let Some(key) = &stored.key {
                answer.insert("Key".to_owned(), key.pem.reveal().into());
            }
        }
        Ok(answer)
    }

    /// `GetCertificateDetail`
    pub(super) fn newer_detail(&self, call: &Call) -> Answer {
        let stored = self.certificate(call.parameters.required_int("CertificateId")?)?;
        let using: Vec<Value> = self
            .resources
            .values()
            .filter(|resource| resource.cert_id == stored.id)
            .map(|resource| {
                json!({"Scope": resource.product, "ServerName": resource.domain, "ResourceInstanceId": resource.instance_id})
            })
            .collect();
        let tags: Vec<Value> = stored.tags.iter().map(|(k, v)| json!({"TagKey": k, "TagValue": v})).collect();
        let mut answer = object(json!({
            "CertificateId": stored.id, "CertIdentifier": format!("{}-{}", stored.id, self.site.region()),
            "CertificateChainList": stored.shown_chain(call.now, "Subject", "Issuer"),
            "DeploymentDesc": Value::Array(using).to_string(), "Tags": tags,
        }));
        answer.extend(stored.newer_fields(call.now, &self.products_of(stored.id)));
        Ok(answer)
    }

    /// `ListUserCertificateOrder`
    pub(super) fn list_orders(&self, call: &Call) -> Answer {
        let parameters = &call.parameters;
        let order_type = parameters.text("OrderType").unwrap_or("CPACK");
        let status = parameters.text("Status").unwrap_or_default().to_ascii_uppercase();
        let wanted = |stored: &&Stored| {
            let is_of_type = match order_type {
                "UPLOAD" => stored.origin == Origin::Upload,
                "CERT" => true,
                // Rows of orders from packages and purchases are not emulated.
                _ => false,
            };
            let is_of_status = match status.as_str() {
                "" => !stored.is_expired(call.now),
                "WILLEXPIRED" => stored.status(call.now) == "willExpire",
                other => stored.status(call.now).eq_ignore_ascii_case(other),
            };
            is_of_type && is_of_status && parameters.text("Keyword").is_none_or(|keyword| stored.is_about(keyword))
        };
        if !["CPACK", "BUY", "UPLOAD", "CERT"].contains(&order_type) {
            return Err(Refusal::invalid("OrderType", "it is CPACK, BUY, UPLOAD or CERT"));
        }
        let rows = call.list(self.certificates.values().rev().filter(wanted).collect());
        let page = page(rows, parameters, 50, call.shift())?;
        let row = |stored: &Stored| {
            let mut row = object(json!({
                "CertificateId": stored.id, "CommonName": stored.common_name(),
                "Upload": stored.origin == Origin::Upload,
            }));
            row.extend(stored.order_fields(call.now));
            row
        };
        let rows: Vec<_> = page.rows.into_iter().map(row).collect();
        Ok(object(json!({
            "TotalCount": page.total, "CurrentPage": page.current, "ShowSize": page.size, "CertificateOrderList": rows,
        })))
    }

    /// `ListCertificates`, whose keyword covers the name too.
    pub(super) fn list_certificates(&self, call: &Call) -> Answer {
        let parameters = &call.parameters;
        let has = |text: &str, keyword: &str| text.to_ascii_lowercase().contains(&keyword.to_ascii_lowercase());
        let wanted = |stored: &&Stored| {
            parameters.text("Keyword").is_none_or(|keyword| stored.is_about(keyword) || has(&stored.name, keyword))
                && parameters.text("CertificateSource").is_none_or(|source| {
                    source.split(',').any(|source| source.eq_ignore_ascii_case(stored.origin.word()))
                })
                && parameters
                    .text("CertificateStatus")
                    .is_none_or(|status| status.split(',').any(|status| status == stored.status(call.now)))
                && parameters.text("InstanceId").is_none_or(|id| id == stored.instance_id())
        };
        if parameters.int("ShowSize")?.is_some_and(|size| size > 100) {
            return Err(Refusal::invalid("ShowSize", "it is at most 100"));
        }
        let rows = call.list(self.certificates.values().rev().filter(wanted).collect());
        let page = page(rows, parameters, 10, call.shift())?;
        let row = |stored: &Stored| {
            let mut row = object(json!({"CertificateId": stored.id.to_string()}));
            row.extend(stored.newer_fields(call.now, &self.products_of(stored.id)));
            row
        };
        let rows: Vec<_> = page.rows.into_iter().map(row).collect();
        Ok(object(json!({
            "TotalCount": page.total, "CurrentPage": page.current, "ShowSize": page.size, "CertificateList": rows,
        })))
    }

    /// `DeleteUserCertificate`. The code for a certificate in use is not published.
    pub(super) fn delete_certificate(&mut self, call: &Call) -> Answer {
        let id = call.parameters.required_int("CertId")?;
        self.certificate(id)?;
        if self.resources.values().any(|resource| resource.cert_id == id) {
            return Err(Refusal::state(format!("The certificate {id} is in use.")));
        }
        self.certificates.remove(&id);
        Ok(Map::new())
    }

    fn products_of(&self, id: i64) -> Vec<String> {
        let using = self.resources.values().filter(|resource| resource.cert_id == id);
        let mut products: Vec<String> = using.map(|resource| resource.product.clone()).collect();
        products.sort_unstable();
        products.dedup();
        products
    }
}

/// Milliseconds since 1970, as the service dates things.
pub(super) fn millis(time: Time) -> i64 {
    time.unix().saturating_mul(1000)
}

fn sha1(der: &[u8]) -> String {
    hex(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, der).as_ref()).to_ascii_uppercase()
}

fn sha2(der: &[u8]) -> String {
    Fingerprint::of(der).to_string().to_ascii_uppercase()
}

fn serial(certificate: &Certificate) -> String {
    hex(&certificate.serial)
}

fn algorithm(certificate: &Certificate) -> &'static str {
    match certificate.key {
        KeyKind::Rsa { .. } => "RSA",
        _ => "ECC",
    }
}

fn key_size(certificate: &Certificate) -> u32 {
    match certificate.key {
        KeyKind::Rsa { bits, .. } => bits,
        KeyKind::Ec(curve) => curve.bits().unwrap_or_default(),
        _ => 256,
    }
}
