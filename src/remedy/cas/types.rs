//! What the service answers, typed. Fields we do not know are kept in `other`, status words we do not know in a variant of
//! their own: the service grows, and a report must show what it said.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::id::{CertId, ContactId, JobId, ResourceId, WorkerId};
use super::lenient::{
    comma_list, list, moment, number, optional_cert_id, optional_flag, optional_resource_id, optional_text, text,
};
use crate::model::time::Time;

/// Fields of an answer that have no name here.
pub type Other = Map<String, Value>;

/// Rows of a list, over all its pages.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Listing<T> {
    pub items: Vec<T>,
    /// All there are, as far as the service's count shows. False when a limit ended the paging, or when rows moved between
    /// pages for as long as we looked.
    pub complete: bool,
}

macro_rules! status_words {
    ($(#[$about:meta])* $name:ident { $($(#[$what:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum $name {
            $($(#[$what])* $variant,)+
            /// A word we do not know, as written.
            Other(String),
        }

        impl $name {
            /// The service's word.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)+
                    Self::Other(word) => word,
                }
            }
        }

        impl From<&str> for $name {
            /// Letter case is ignored.
            fn from(word: &str) -> Self {
                $(if word.eq_ignore_ascii_case($word) {
                    return Self::$variant;
                })+
                Self::Other(crate::x509::dn::printable(word))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Ok(Self::from(text(deserializer)?.as_str()))
            }
        }
    };
}

status_words!(
    /// Where a deployment job is.
    JobStatus {
        /// Created; sleeps until it is started.
        Editing = "editing",
        Pending = "pending",
        Scheduling = "scheduling",
        Processing = "processing",
        Success = "success",
        Error = "error",
    }
);

impl JobStatus {
    /// It will not change by itself any more.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Success | Self::Error)
    }
}

status_words!(
    /// Where one task of a job is.
    WorkerStatus {
        Editing = "editing",
        Pending = "pending",
        Scheduling = "scheduling",
        Processing = "processing",
        Success = "success",
        Error = "error",
        /// Rolling back.
        Rollback = "rollback",
        RollbackSuccess = "rollback_success",
        RollbackError = "rollback_error",
    }
);

status_words!(
    /// Where a certificate of the guide dialect is.
    GuideStatus {
        Issued = "Issued",
        Updated = "Updated",
        Deploying = "Deploying",
        Deployed = "Deployed",
        Failed = "Failed",
    }
);

/// How a job is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Start {
    /// Into the queue: runs at its schedule time, or at once without one. What the manual says.
    #[default]
    Pending,
    /// Dispatched now.
    Scheduling,
}

impl Start {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Scheduling => "scheduling",
        }
    }
}

/// An upload that was accepted.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "PascalCase"))]
pub struct Uploaded {
    pub cert_id: CertId,
    /// `cas-upload-…`; newer versions only.
    #[serde(default, deserialize_with = "optional_text")]
    pub resource_id: Option<String>,
}

/// One certificate of the chain the service shows. Whether it mirrors what was uploaded is not known.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "PascalCase"))]
pub struct ChainLink {
    #[serde(default, alias = "Subject", deserialize_with = "optional_text")]
    pub common_name: Option<String>,
    #[serde(default, alias = "Issuer", deserialize_with = "optional_text")]
    pub issuer_common_name: Option<String>,
    #[serde(default, deserialize_with = "moment")]
    pub not_before: Option<Time>,
    #[serde(default, deserialize_with = "moment")]
    pub not_after: Option<Time>,
}

/// A stored certificate: GetUserCertificateDetail, without its bodies.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "PascalCase"))]
pub struct CertificateDetail {
    pub id: CertId,
    #[serde(default, deserialize_with = "optional_text")]
    pub name: Option<String>,
    /// `<id>-cn-hangzhou` or `<id>-ap-southeast-1`: what some other products want.
    #[serde(default, deserialize_with = "optional_text")]
    pub cert_identifier: Option<String>,
    #[serde(default, deserialize_with = "optional_text")]
    pub instance_id: Option<String>,
    /// The order it was issued through, when it was.
    #[serde(default, deserialize_with = "optional_text")]
    pub order_id: Option<String>,
    #[serde(default, deserialize_with = "optional_text")]
    pub common: Option<String>,
    #[serde(default, deserialize_with = "comma_list")]
    pub sans: Vec<String>,
    #[serde(default, deserialize_with = "optional_text")]
    pub issuer: Option<String>,
    #[serde(default, deserialize_with = "optional_text")]
    pub algorithm: Option<String>,
    #[serde(default, deserialize_with = "optional_text")]
    pub serial_no: Option<String>,
    /// SHA-1 of the end entity, upper-case hex.
    #[serde(default, deserialize_with = "optional_text")]
    pub fingerprint: Option<String>,
    /// One of these two is the SHA-256 of the end entity; which one is not published.
    #[serde(default, deserialize_with = "optional_text")]
    pub sha2: Option<String>,
    #[serde(default, deserialize_with = "optional_text")]
    pub cert_sha2: Option<String>,
    #[serde(default, deserialize_with = "moment")]
    pub not_before: Option<Time>,
    #[serde(default, deserialize_with = "moment")]
    pub not_after: Option<Time>,
    /// `YYYY-MM-DD`.
    #[serde(default, deserialize_with = "optional_text")]
    pub start_date: Option<String>,
    #[serde(default, deserialize_with = "optional_text")]
    pub end_date: Option<String>,
    #[serde(default, deserialize_with = "optional_flag")]
    pub expired: Option<bool>,
    /// Issued through the service: deployed without credits, renewed by it.
    #[serde(default, deserialize_with = "optional_flag")]
    pub buy_in_aliyun: Option<bool>,
    #[serde(default, deserialize_with = "list")]
    pub cert_chain: Vec<ChainLink>,
    #[serde(flatten)]
    pub other: Other,
}

impl CertificateDetail {
    /// Is the end entity the one with this DER? `None` when the service gave no fingerprint to compare.
    pub fn is_end_entity(&self, der: &[u8]) -> Option<bool> {
        end_entity_matches(der, [&self.fingerprint, &self.sha2, &self.cert_sha2])
    }
}

/// Compares hex fingerprints, SHA-1 or SHA-256 by their length, in whatever spelling.
fn end_entity_matches<const N: usize>(der: &[u8], given: [&Option<String>; N]) -> Option<bool> {
    use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
    let hex = |text: &String| -> String {
        text.chars().filter(char::is_ascii_hexdigit).map(|digit| digit.to_ascii_lowercase()).collect()
    };
    let given: Vec<String> = given.into_iter().flatten().map(hex).collect();
    let of_length = |length: usize| given.iter().any(|text| text.len() == length);
    let is = |algorithm, length| {
        let ours = crate::x509::hex(digest(algorithm, der).as_ref());
        of_length(length).then(|| given.contains(&ours))
    };
    // Of the two SHA-256 values one may be of something else: a miss there alone proves nothing.
    match (is(&SHA256, 64), is(&SHA1_FOR_LEGACY_USE_ONLY, 40)) {
        (Some(true), _) => Some(true),
        (_, Some(sha1)) => Some(sha1),
        (Some(false), None) => Some(false),
        (None, None) => None,
    }
}

/// A certificate with what is known about its use: GetCertificateDetail and ListCertificates.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "PascalCase"))]
pub struct CertificateInfo {
    pub certificate_id: CertId,
    #[serde(default, deserialize_with = "optional_text")]
    pub certificate_name: Option<String>,
    /// `BUY`, `TEST` or `UPLOAD`.
    #[serde(default, deserialize_with = "optional_text")]
    pub certificate_source: Option<String>,
    /// `issued`, `revoked`, `willExpire` or `expired`.
    #[serde(default, deserialize_with = "optional_text")]
    pub certificate_status: Option<String>,
    #[serde(default, deserialize_with = "optional_text")]
    pub common_name: Option<String>,
    #[serde(default, deserialize_with = "comma_list")]
    pub domain: Vec<String>,
    #[serde(default, deserialize_with = "comma_list")]
    pub subject_alternative_names: Vec<String>,
    #[serde(default, deserialize_with = "optional_text")]
    pub issuer: Option<String>,
    #[serde(default, deserialize_with = "optional_text")]
    pub finger_print: Option<String>,
    #[serde(default, deserialize_with = "moment")]
    pub not_before: Option<Time>,
    #[serde(default, deserialize_with = "moment")]
    pub not_after: Option<Time>,
    /// The service holds its private key.
    #[serde(default, deserialize_with = "optional_flag")]
    pub exist_private_key: Option<bool>,
    #[serde(default, deserialize_with = "optional_text")]
    pub instance_id: Option<String>,
    #[serde(default, deserialize_with = "list")]
    pub certificate_chain_list: Vec<ChainLink>,
    /// Products it is on.
    #[serde(default, deserialize_with = "comma_list")]
    pub using_product_list: Vec<String>,
    #[serde(flatten)]
    pub other: Other,
}

impl CertificateInfo {
    /// As [`CertificateDetail::is_end_entity`].
    pub fn is_end_entity(&self, der: &[u8]) -> Option<bool> {
        end_entity_matches(der, [&self.finger_print])
    }
}

/// A row of ListUserCertificateOrder with `OrderType` UPLOAD or CERT.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "PascalCase"))]
pub struct StoredCertificate {
    pub certificate_id: CertId,
    #[serde(default, deserialize_with = "optional_text")]
    pub name: Option<String>,
    #[serde(default, deserialize_with = "optional_text")]
    pub common_name: Option<String>,
    #[serde(default, deserialize_with = "comma_list")]
    pub sans: Vec<String>,
    #[serde(default, deserialize_with = "optional_text")]
    pub issuer: Option<String>,
    #[serde(default, deserialize_with = "optional_text")]
    pub fingerprint: Option<String>,
    #[serde(default, deserialize_with = "optional_text")]
    pub sha2: Option<String>,
    #[serde(default, deserialize_with = "optional_text")]
    pub end_date: Option<String>,
    #[serde(default, deserialize_with = "optional_flag")]
    pub expired: Option<bool>,
    /// Uploaded, not issued through the service.
    #[serde(default, deserialize_with = "optional_flag")]
    pub upload: Option<bool>,
    #[serde(flatten)]
    pub other: Other,
}

impl StoredCertificate {
    /// As [`CertificateDetail::is_end_entity`].
    pub fn is_end_entity(&self, der: &[u8]) -> Option<bool> {
        end_entity_matches(der, [&self.fingerprint, &self.sha2])
    }
}

/// A deployable resource. The inventory is made in the background and lags behind the products.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "PascalCase"))]
pub struct CloudResource {
    pub id: ResourceId,
    #[serde(default, deserialize_with = "optional_text")]
    pub cloud_name: Option<String>,
    #[serde(default, deserialize_with = "optional_text")]
    pub cloud_product: Option<String>,
    #[serde(default, deserialize_with = "optional_text")]
    pub region_id: Option<String>,
    #[serde(default, deserialize_with = "optional_text")]
    pub domain: Option<String>,
    #[serde(default, deserialize_with = "optional_text")]
    pub instance_id: Option<String>,
    #[serde(default, deserialize_with = "optional_text")]
    pub listener_id: Option<String>,
    #[serde(default, deserialize_with = "optional_text")]
    pub listener_port: Option<String>,
    #[serde(default, deserialize_with = "optional_flag")]
    pub enable_https: Option<bool>,
    /// What is bound now.
    #[serde(default, deserialize_with = "optional_cert_id")]
    pub cert_id: Option<CertId>,
    #[serde(default, deserialize_with = "optional_text")]
    pub cert_name: Option<String>,
    #[serde(default, deserialize_with = "moment")]
    pub cert_end_time: Option<Time>,
    #[serde(default, deserialize_with = "optional_text")]
    pub status: Option<String>,
    #[serde(flatten)]
    pub other: Other,
}

/// Which resources are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResourceFilter {
    /// Domain or instance id, by substring.
    pub keyword: Option<String>,
    /// The code of a product, such as `SLB`.
    pub product: Option<String>,
    /// Only those on these certificates.
    pub cert_ids: Vec<u64>,
}

/// Resources by product: DescribeCloudResourceStatus.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "PascalCase"))]
pub struct ProductCount {
    #[serde(default, deserialize_with = "optional_text")]
    pub cloud_name: Option<String>,
    #[serde(default, deserialize_with = "optional_text")]
    pub cloud_product: Option<String>,
    #[serde(default, deserialize_with = "number")]
    pub total_count: u64,
}

/// Somebody the service tells how a job ended.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "PascalCase"))]
pub struct Contact {
    pub contact_id: ContactId,
    #[serde(default, deserialize_with = "optional_text")]
    pub name: Option<String>,
    #[serde(default, deserialize_with = "optional_text")]
    pub email: Option<String>,
    /// The address was verified.
    #[serde(default, deserialize_with = "optional_flag")]
    pub email_status: Option<bool>,
}

/// A job to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    pub name: String,
    pub cert_ids: Vec<u64>,
    pub resource_ids: Vec<ResourceId>,
    pub contact_ids: Vec<ContactId>,
    /// Absent: as soon as it is started.
    pub schedule: Option<Time>,
}

/// What is changed of a job that still sleeps; what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobChange {
    pub name: Option<String>,
    pub cert_ids: Option<Vec<u64>>,
    pub resource_ids: Option<Vec<ResourceId>>,
    pub contact_ids: Option<Vec<ContactId>>,
    pub schedule: Option<Time>,
}

/// Which jobs are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobFilter {
    pub cert_id: Option<u64>,
    pub status: Option<JobStatus>,
}

/// A deployment job.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "PascalCase"))]
pub struct Job {
    pub id: JobId,
    #[serde(default, deserialize_with = "optional_text")]
    pub name: Option<String>,
    pub status: JobStatus,
    #[serde(default, deserialize_with = "optional_text")]
    pub job_type: Option<String>,
    #[serde(default, deserialize_with = "comma_list")]
    pub cert_domain: Vec<String>,
    #[serde(default, deserialize_with = "comma_list")]
    pub product_name: Vec<String>,
    /// JSON text, among others `certIds`.
    #[serde(default, deserialize_with = "optional_text")]
    pub config: Option<String>,
    /// Some worker was rolled back.
    #[serde(default, deserialize_with = "optional_flag")]
    pub rollback: Option<bool>,
    #[serde(default, deserialize_with = "moment")]
    pub schedule_time: Option<Time>,
    #[serde(default, deserialize_with = "moment")]
    pub start_time: Option<Time>,
    #[serde(default, deserialize_with = "moment")]
    pub end_time: Option<Time>,
    #[serde(default, deserialize_with = "moment")]
    pub gmt_create: Option<Time>,
    #[serde(flatten)]
    pub other: Other,
}

/// DescribeDeploymentJobStatus: despite its name, numbers and no status.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "PascalCase"))]
pub struct JobCounters {
    /// Tasks: (resource, certificate).
    #[serde(default, deserialize_with = "number")]
    pub worker_count: u64,
    /// Tasks whose domain fits a certificate. Zero is "the number of matching certificates is 0".
    #[serde(default, deserialize_with = "number")]
    pub match_worker_count: u64,
    #[serde(default, deserialize_with = "number")]
    pub success_count: u64,
    #[serde(default, deserialize_with = "number")]
    pub failed_count: u64,
    #[serde(default, deserialize_with = "number")]
    pub rollback_count: u64,
    #[serde(default, deserialize_with = "number")]
    pub rollback_success_count: u64,
    #[serde(default, deserialize_with = "number")]
    pub rollback_failed_count: u64,
    /// Deployment credits this job consumes.
    #[serde(default, deserialize_with = "number")]
    pub cost_count: u64,
    /// The account's quota: total, bought, used. How they are reckoned is not published.
    #[serde(default, deserialize_with = "number")]
    pub resource_count: u64,
    #[serde(default, deserialize_with = "number")]
    pub buy_count: u64,
    #[serde(default, deserialize_with = "number")]
    pub use_count: u64,
    #[serde(flatten)]
    pub other: Other,
}

impl JobCounters {
    /// All zero: whether they are filled before the job runs is not published, so this means "not known yet".
    pub fn are_unknown(&self) -> bool {
        self.worker_count == 0 && self.match_worker_count == 0 && self.cost_count == 0
    }
}

/// One task of a job. No field says why it failed; `other` may, the console does ("View Failure Cause").
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "PascalCase"))]
pub struct Worker {
    pub id: WorkerId,
    pub status: WorkerStatus,
    #[serde(default, deserialize_with = "optional_cert_id")]
    pub cert_id: Option<CertId>,
    #[serde(default, deserialize_with = "optional_text")]
    pub cert_domain: Option<String>,
    #[serde(default, deserialize_with = "optional_resource_id")]
    pub resource_id: Option<ResourceId>,
    /// What was bound before: where a rollback leads. Absent or zero: nothing was.
    #[serde(default, deserialize_with = "optional_cert_id")]
    pub resource_cert_id: Option<CertId>,
    #[serde(default, deserialize_with = "optional_text")]
    pub resource_domain: Option<String>,
    #[serde(default, deserialize_with = "optional_text")]
    pub cloud_product: Option<String>,
    #[serde(default, deserialize_with = "optional_text")]
    pub region_id: Option<String>,
    #[serde(default, deserialize_with = "optional_text")]
    pub instance_id: Option<String>,
    #[serde(default, deserialize_with = "optional_text")]
    pub listener_id: Option<String>,
    #[serde(flatten)]
    pub other: Other,
}

/// An order for a certificate of one domain, validated by control of the domain (DV).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOrder {
    pub domain: String,
    pub contact_name: String,
    pub phone: String,
    pub email: String,
    pub validation: Validation,
    /// The service's own when absent.
    pub product_code: Option<String>,
}

/// How the control of a domain is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validation {
    Dns,
    File,
}

/// DescribeCertificateState: where an order is, without the private key it may carry.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "PascalCase"))]
pub struct Order {
    /// `payed`, `domain_verify`, `process`, `verify_fail`, `certificate`, `unknow`, or a word we do not know.
    #[serde(rename(deserialize = "Type"), deserialize_with = "text")]
    pub state: String,
    /// What belongs to the state: the record to publish, the certificate issued.
    #[serde(flatten)]
    pub other: Other,
}

impl Order {
    /// One of the other fields, safe for a terminal.
    pub fn text(&self, name: &str) -> Option<String> {
        let text = self.other.get(name).and_then(super::id::text_of)?;
        if text.is_empty() { None } else { Some(super::error::safe(&text)) }
    }
}

impl Worker {
    /// A reason of failure, should the service give one in a field that is not documented.
    pub fn failure_reason(&self) -> Option<String> {
        const NAMES: [&str; 5] = ["ErrorMessage", "ErrorMsg", "FailReason", "Reason", "Message"];
        let text = NAMES.iter().find_map(|name| self.other.get(*name)).and_then(Value::as_str)?;
        if text.is_empty() { None } else { Some(super::error::safe(text)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unknown_is_kept() {
        let job: Job = serde_json::from_str(
            r#"{"Id":9007199254740993,"Status":"hibernating","Rollback":0,"ScheduleTime":"1768465800000","Mood":"fine","EndTime":null}"#,
        )
        .unwrap();
        assert_eq!(job.id, JobId(9_007_199_254_740_993));
        assert_eq!(job.status, JobStatus::Other("hibernating".into()));
        assert_eq!(job.rollback, Some(false));
        assert_eq!(job.other["Mood"], "fine");
        assert_eq!(job.end_time, None);
    }

    #[test]
    fn numbers_and_flags_come_in_many_spellings() {
        let resource: CloudResource = serde_json::from_str(
            r#"{"Id":"6591316","EnableHttps":1,"CertId":0,"ListenerPort":443,"CertEndTime":1768003200000,"Domain":"a\u001b[2J"}"#,
        )
        .unwrap();
        assert_eq!(resource.enable_https, Some(true));
        assert_eq!((resource.cert_id, resource.listener_port.as_deref()), (None, Some("443")));
        assert!(!resource.domain.unwrap().contains('\u{1b}'));
    }

    #[test]
    fn fingerprints_match_in_either_algorithm_and_spelling() {
        let given = |text: &str| Some(text.to_owned());
        // SHA-1 and SHA-256 of "abc", FIPS 180-4 examples.
        let sha1 = given("A9:99:3E:36:47:06:81:6A:BA:3E:25:71:78:50:C2:6C:9C:D0:D8:9D");
        let sha256 = given("BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD");
        assert_eq!(end_entity_matches(b"abc", [&sha1]), Some(true));
        assert_eq!(end_entity_matches(b"abc", [&sha256, &None]), Some(true));
        assert_eq!(end_entity_matches(b"abd", [&sha1, &sha256]), Some(false));
        assert_eq!(end_entity_matches(b"abd", [&None]), None);
    }
}
