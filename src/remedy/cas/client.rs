//! The operations of the real certificate service, version 2020-04-07, typed.

use std::collections::HashSet;
use std::hash::Hash;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::connection::{Answer, Connection, Settings};
use super::credentials::Identity;
use super::endpoint::Endpoint;
use super::error::{CasError, Effect, ErrorKind, safe};
use super::id::{JobId, OrderId, WorkerId};
use super::request::{Group, Request, Scheme};
use super::types::{
    CertificateDetail, CertificateInfo, CloudResource, Contact, Job, JobChange, JobCounters, JobFilter, Listing,
    NewJob, NewOrder, Order, ProductCount, ResourceFilter, Start, StoredCertificate, Uploaded, Validation, Worker,
    WorkerStatus,
};
use crate::model::call::Call;
use crate::model::time::Time;
use crate::remedy::secret::Secret;

/// Pages read of one list: 5,000 rows. Whoever has more must ask for less.
const MAX_PAGES: u32 = 100;

/// Times a list is read again because rows moved between pages while it was read.
const MAX_PASSES: u32 = 3;

/// Rows on a page.
const PAGE: usize = 50;

/// The certificate service at one endpoint, as one identity.
///
/// Every operation answers with a [`CasError`] when it is refused or not answered. Reads have been repeated by then;
/// a write whose fate is not known says so ([`CasError::may_have_happened`]) and is to be looked up, not repeated.
pub struct CasClient {
    pub(super) connection: Connection,
}

/// A stored certificate with what only an explicit order may fetch.
pub struct CertificateWithKey {
    pub detail: CertificateDetail,
    /// As it was uploaded.
    pub bundle_pem: String,
    /// `None` when the service holds none.
    pub key: Option<Secret>,
}

impl CasClient {
    /// Nothing is sent yet.
    pub fn new(endpoint: Endpoint, identity: Identity, settings: Settings) -> Result<Self, CasError> {
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

    /// UploadUserCertificate: stores `bundle_pem`, end entity first, under a name that must be free (at most 63 of ASCII
    /// letters, digits, `-`, `_`, `.`). Certificate and key travel in the body, never in the URL.
    ///
    /// [`ErrorKind::NameInUse`] and an unknown effect both mean: look for the name, compare, then decide.
    pub async fn upload(&self, name: &str, bundle_pem: &str, key: &Secret) -> Result<Uploaded, CasError> {
        const ACTION: &str = "UploadUserCertificate";
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if name.is_empty() || name.len() > 63 || !name.bytes().all(fits) {
            let rule = "a name has 1 to 63 ASCII letters, digits, hyphens, underscores and dots";
            return Err(CasError::not_sent(ACTION, rule));
        }
        if bundle_pem.contains("PRIVATE KEY-----") {
            return Err(CasError::not_sent(ACTION, "there is a private key among the certificates"));
        }
        let mut request = Request::write(ACTION, Group::Certificates);
        request.form.plain("Name", name);
        request.form.certificates("Cert", bundle_pem);
        request.form.secret("Key", key);
        let answer = match self.connection.call(&request).await {
            // The gateway did not read the body: so it does for the older scheme, which others use with this action. Refused
            // before any effect, so this is no blind repetition. Never into the query, where proxies write it down.
            Err(error) if error.kind == ErrorKind::Input && is_missing(&error) => {
                request.scheme = Scheme::Rpc;
                self.connection.call(&request).await?
            }
            other => other?,
        };
        typed(&request, answer)
    }

    /// GetUserCertificateDetail without its bodies (`CertFilter=true`).
    pub async fn detail(&self, id: u64) -> Result<CertificateDetail, CasError> {
        let request =
            Request::read("GetUserCertificateDetail", Group::Certificates).with("CertId", id).with("CertFilter", true);
        let mut answer = self.connection.call(&request).await?;
        for body in ["Cert", "EncryptCert", "SignCert"] {
            answer.body.remove(body);
        }
        typed(&request, answer)
    }

    /// GetUserCertificateDetail with bundle and private key: the key crosses the network. Only on explicit order.
    pub async fn detail_with_key(&self, id: u64) -> Result<CertificateWithKey, CasError> {
        let mut request =
            Request::read("GetUserCertificateDetail", Group::Certificates).with("CertId", id).with("CertFilter", false);
        request.wants_key = true;
        let mut answer = self.connection.call(&request).await?;
        let mut taken = |name: &str| match answer.body.remove(name) {
            Some(Value::String(text)) if !text.trim().is_empty() => Some(text),
            _ => None,
        };
        let key = taken("Key").map(Secret::new);
        let bundle_pem = taken("Cert").unwrap_or_default();
        // The SM2 pair is of no use here, and its keys must not stay in what can be printed.
        for name in ["EncryptPrivateKey", "SignPrivateKey"] {
            drop(taken(name).map(Secret::new));
        }
        for name in ["EncryptCert", "SignCert"] {
            taken(name);
        }
        Ok(CertificateWithKey { detail: typed(&request, answer)?, bundle_pem, key })
    }

    /// GetCertificateDetail: chain, use, whether a key is held. Never returns a key.
    pub async fn info(&self, id: u64) -> Result<CertificateInfo, CasError> {
        let request = Request::read("GetCertificateDetail", Group::Certificates).with("CertificateId", id);
        let answer = self.connection.call(&request).await?;
        typed(&request, answer)
    }

    /// ListUserCertificateOrder with `OrderType=CERT`: issued and uploaded certificates whose domain contains `domain`.
    /// The service leaves expired ones out.
    pub async fn stored_certificates(&self, domain: Option<&str>) -> Result<Listing<StoredCertificate>, CasError> {
        let request = || {
            Request::read("ListUserCertificateOrder", Group::Orders)
                .with("OrderType", "CERT")
                .with_some("Keyword", domain)
        };
        self.list(request, "CertificateOrderList", |row: &StoredCertificate| row.certificate_id.clone()).await
    }

    /// ListCertificates: those whose domain, name or resource id contains `keyword`. The look-up after
    /// [`ErrorKind::NameInUse`].
    pub async fn certificates(&self, keyword: Option<&str>) -> Result<Listing<CertificateInfo>, CasError> {
        let request = || Request::read("ListCertificates", Group::Certificates).with_some("Keyword", keyword);
        self.list(request, "CertificateList", |row: &CertificateInfo| row.certificate_id.clone()).await
    }

    /// DeleteUserCertificate. One that does not exist any more counts as deleted.
    pub async fn delete_certificate(&self, id: u64) -> Result<(), CasError> {
        let request = Request::write("DeleteUserCertificate", Group::Certificates).with("CertId", id);
        gone(self.connection.call(&request).await)
    }

    /// ListCloudResources of this account.
    pub async fn resources(&self, filter: &ResourceFilter) -> Result<Listing<CloudResource>, CasError> {
        let cert_ids = (!filter.cert_ids.is_empty()).then(|| format!("[{}]", joined(&filter.cert_ids)));
        let request = || {
            Request::read("ListCloudResources", Group::Deployment)
                .with("CloudName", "aliyun")
                .with_some("CloudProduct", filter.product.as_ref())
                .with_some("Keyword", filter.keyword.as_ref())
                .with_some("CertIds", cert_ids.as_ref())
        };
        self.list(request, "Data", |row: &CloudResource| row.id).await
    }

    /// DescribeCloudResourceStatus: how many resources each product has. Shows the product codes of this account.
    pub async fn products(&self) -> Result<Vec<ProductCount>, CasError> {
        let request = Request::read("DescribeCloudResourceStatus", Group::Deployment);
        let mut answer = self.connection.call(&request).await?;
        rows(&request, &mut answer.body, "Data")
    }

    /// ListContact.
    pub async fn contacts(&self) -> Result<Listing<Contact>, CasError> {
        let request = || Request::read("ListContact", Group::Deployment);
        self.list(request, "ContactList", |row: &Contact| row.contact_id).await
    }

    /// CreateDeploymentJob for products of this account. The job sleeps (`editing`) until it is started, and costs nothing
    /// until then. There is no token against doing it twice: after an unknown effect, [`CasClient::jobs`].
    pub async fn create_job(&self, job: &NewJob) -> Result<JobId, CasError> {
        let request = Request::write("CreateDeploymentJob", Group::Deployment)
            .with("Name", &job.name)
            .with("JobType", "user")
            .with("CertIds", joined(&job.cert_ids))
            .with("ResourceIds", joined(&job.resource_ids))
            .with("ContactIds", joined(&job.contact_ids))
            .with_some("ScheduleTime", job.schedule.map(milliseconds));
        let answer = self.connection.call(&request).await?;
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Created {
            job_id: JobId,
        }
        typed(&request, answer).map(|created: Created| created.job_id)
    }

    /// UpdateDeploymentJob; only while it is `editing`.
    pub async fn update_job(&self, id: JobId, change: &JobChange) -> Result<(), CasError> {
        let request = Request::write("UpdateDeploymentJob", Group::Deployment)
            .with("JobId", id)
            .with_some("Name", change.name.as_ref())
            .with_some("CertIds", change.cert_ids.as_deref().map(joined))
            .with_some("ResourceIds", change.resource_ids.as_deref().map(joined))
            .with_some("ContactIds", change.contact_ids.as_deref().map(joined))
            .with_some("ScheduleTime", change.schedule.map(milliseconds));
        self.connection.call(&request).await.map(|_| ())
    }

    /// UpdateDeploymentJobStatus: starts a job. From here on credits are spent.
    pub async fn start_job(&self, id: JobId, start: Start) -> Result<(), CasError> {
        self.set_job_status(id, start.as_str()).await
    }

    /// UpdateDeploymentJobStatus: takes a job that has not run back to `editing`.
    pub async fn stop_job(&self, id: JobId) -> Result<(), CasError> {
        self.set_job_status(id, "editing").await
    }

    async fn set_job_status(&self, id: JobId, status: &str) -> Result<(), CasError> {
        let request =
            Request::write("UpdateDeploymentJobStatus", Group::Deployment).with("JobId", id).with("Status", status);
        self.connection.call(&request).await.map(|_| ())
    }

    /// DescribeDeploymentJob.
    pub async fn job(&self, id: JobId) -> Result<Job, CasError> {
        let request = Request::read("DescribeDeploymentJob", Group::Deployment).with("JobId", id);
        let mut answer = self.connection.call(&request).await?;
        // Names, addresses and numbers of people, which no report needs.
        answer.body.remove("CasContacts");
        typed(&request, answer)
    }

    /// DescribeDeploymentJobStatus: counters, and what the job costs.
    pub async fn job_counters(&self, id: JobId) -> Result<JobCounters, CasError> {
        let request = Request::read("DescribeDeploymentJobStatus", Group::Deployment).with("JobId", id);
        let answer = self.connection.call(&request).await?;
        typed(&request, answer)
    }

    /// ListDeploymentJob: how a job whose creation was not answered is found again.
    pub async fn jobs(&self, filter: &JobFilter) -> Result<Listing<Job>, CasError> {
        let request = || {
            Request::read("ListDeploymentJob", Group::Deployment)
                .with_some("CertId", filter.cert_id)
                .with_some("Status", filter.status.as_ref())
        };
        self.list(request, "Data", |row: &Job| row.id).await
    }

    /// ListDeploymentJobResource: what the job is to change. May be empty later, when the resources have changed.
    pub async fn job_resources(&self, id: JobId) -> Result<Vec<CloudResource>, CasError> {
        let request = Request::read("ListDeploymentJobResource", Group::Deployment).with("JobId", id);
        let mut answer = self.connection.call(&request).await?;
        rows(&request, &mut answer.body, "Data")
    }

    /// ListWorkerResource: the tasks of a job, all of them or those in one status.
    pub async fn workers(&self, id: JobId, status: Option<&WorkerStatus>) -> Result<Listing<Worker>, CasError> {
        let request =
            || Request::read("ListWorkerResource", Group::Deployment).with("JobId", id).with_some("Status", status);
        self.list(request, "Data", |row: &Worker| row.id).await
    }

    /// UpdateWorkerResourceStatus to `rollback`: puts back what was bound before. Asynchronous: poll the workers.
    pub async fn rollback_worker(&self, job: JobId, worker: WorkerId) -> Result<(), CasError> {
        let request = Request::write("UpdateWorkerResourceStatus", Group::Deployment)
            .with("JobId", job)
            .with("WorkerId", worker)
            .with("Status", "rollback");
        self.connection.call(&request).await.map(|_| ())
    }

    /// DeleteDeploymentJob; only when it has ended. One that does not exist any more counts as deleted.
    pub async fn delete_job(&self, id: JobId) -> Result<(), CasError> {
        let request = Request::write("DeleteDeploymentJob", Group::Deployment).with("JobId", id);
        gone(self.connection.call(&request).await)
    }

    /// CreateCertificateRequest: orders a certificate. Its progress is [`CasClient::order`].
    pub async fn create_order(&self, order: &NewOrder) -> Result<OrderId, CasError> {
        let mut request = Request::write("CreateCertificateRequest", Group::Orders).with("Domain", &order.domain);
        request.query.personal("Username", &order.contact_name);
        request.query.personal("Phone", &order.phone);
        request.query.personal("Email", &order.email);
        let validation = match order.validation {
            Validation::Dns => "DNS",
            Validation::File => "FILE",
        };
        let request = request.with("ValidateType", validation).with_some("ProductCode", order.product_code.as_ref());
        let answer = self.connection.call(&request).await?;
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Ordered {
            order_id: OrderId,
        }
        typed(&request, answer).map(|ordered: Ordered| ordered.order_id)
    }

    /// DescribeCertificateState: where an order is. The private key of an issued certificate is thrown away unseen.
    pub async fn order(&self, id: OrderId) -> Result<Order, CasError> {
        let request = Request::read("DescribeCertificateState", Group::Orders).with("OrderId", id);
        let answer = self.connection.call(&request).await?;
        typed(&request, answer)
    }

    /// Reads a list to its end. Rows may move between pages while they are read: what was seen twice counts once, and when
    /// the count changed on the way, or says that some were missed, the list is read again.
    async fn list<T: DeserializeOwned, K: Hash + Eq>(
        &self,
        request: impl Fn() -> Request,
        field: &'static str,
        key: impl Fn(&T) -> K,
    ) -> Result<Listing<T>, CasError> {
        let mut items: Vec<T> = Vec::new();
        let mut seen = HashSet::new();
        for _ in 0..MAX_PASSES {
            let mut first_count = None;
            let mut steady = true;
            let mut ended = false;
            for page in 1..=MAX_PAGES {
                let request = request().with("CurrentPage", page).with("ShowSize", PAGE);
                let mut answer = self.connection.call(&request).await?;
                let of_page: Vec<T> = rows(&request, &mut answer.body, field)?;
                let count = count(&answer.body);
                steady &= *first_count.get_or_insert(count) == count;
                let size = of_page.len();
                items.extend(of_page.into_iter().filter(|row| seen.insert(key(row))));
                // Some services give smaller pages than asked for: only an empty one, or a short one when the count
                // agrees, is the last. The count alone is not relied on.
                let enough = count.is_none_or(|count| items.len() as u64 >= count);
                if size == 0 || (size < PAGE && enough) {
                    ended = true;
                    steady &= enough;
                    break;
                }
            }
            if !ended || steady {
                return Ok(Listing { items, complete: ended });
            }
        }
        Ok(Listing { items, complete: false })
    }
}

fn is_missing(error: &CasError) -> bool {
    error.code.as_deref().is_some_and(|code| code.starts_with("Missing"))
}

fn count(body: &Map<String, Value>) -> Option<u64> {
    body.get("Total").or_else(|| body.get("TotalCount")).and_then(super::id::text_of).and_then(|text| text.parse().ok())
}

/// A second deletion finds nothing, and that is what was wanted.
fn gone(answer: Result<Answer, CasError>) -> Result<(), CasError> {
    match answer {
        Ok(_) => Ok(()),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn joined<T: ToString>(ids: &[T]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// As in the published samples; seconds would be a moment in 1970, and start the job at once.
fn milliseconds(at: Time) -> i64 {
    at.unix().saturating_mul(1000)
}

/// The answer as its type. A write whose success cannot be read may have happened.
pub(in crate::remedy) fn typed<T: DeserializeOwned>(request: &Request, mut answer: Answer) -> Result<T, CasError> {
    answer.body.remove("RequestId");
    serde_json::from_value(Value::Object(answer.body)).map_err(|error| malformed(request, answer.request_id, &error))
}

/// The rows of one field; null or absent for none.
pub(in crate::remedy) fn rows<T: DeserializeOwned>(
    request: &Request,
    body: &mut Map<String, Value>,
    field: &str,
) -> Result<Vec<T>, CasError> {
    let value = body.remove(field).unwrap_or_default();
    serde_json::from_value::<Option<Vec<T>>>(value)
        .map(Option::unwrap_or_default)
        .map_err(|error| malformed(request, None, &error))
}

fn malformed(request: &Request, request_id: Option<String>, error: &serde_json::Error) -> CasError {
    let effect = if request.writes { Effect::Unknown } else { Effect::None };
    let message = format!("the answer is not as documented: {}", safe(&error.to_string()));
    CasError { request_id, ..CasError::new(request.action, ErrorKind::BadAnswer, effect, &message) }
}
