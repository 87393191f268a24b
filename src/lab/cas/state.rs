//! Everything the service knows, and which action does what.

use std::collections::{BTreeMap, HashMap};

use serde_json::json;

use super::authority::Authority;
use super::certificates::{StoreError, Stored, chain};
use super::guide::{self, GuideStatus};
use super::inject::{Fault, Injection};
use super::jobs::Job;
use super::message::{Answer, Parameters, Refusal};
use super::orders::Order;
use super::record::Call as Record;
use super::resources::Resource;
use super::seed::{Account, Credits, Propagation, Seed, SeedContact, SeedGateway, Site};
use super::signature::Nonces;
use super::wiring::Wiring;
use crate::model::time::Time;
use crate::x509::Certificate;

/// The account that owns everything.
pub(super) const USER_ID: i64 = 1_000_000_000_000_001;

/// Above this a floating-point number cannot hold every whole number.
const LARGE: i64 = 1 << 53;

/// The seed cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    #[error("certificate {id} of the seed: {error}")]
    Certificate { id: i64, error: StoreError },
    #[error("the id {0} stands twice in the seed")]
    TwiceUsed(i64),
    #[error("the roots of the seed: {0}")]
    Roots(StoreError),
    #[error("cannot make the emulator's own CA: {0}")]
    Authority(#[from] crate::lab::pki::PkiError),
    #[error("cannot open a socket on loopback: {0}")]
    Socket(#[from] std::io::Error),
}

/// Ids that rise by one.
#[derive(Debug)]
pub(super) struct Counter(i64);

impl Counter {
    pub fn next(&mut self, call: &Call) -> i64 {
        if call.fault == Some(Fault::LargeIds) && self.0 <= LARGE {
            // Odd, so that rounding shows.
            self.0 = LARGE + 1;
        }
        self.0 += 1;
        self.0 - 1
    }
}

#[derive(Debug)]
pub(super) struct Ids {
    pub certificate: Counter,
    pub job: Counter,
    pub worker: Counter,
    pub contact: Counter,
    pub order: Counter,
}

/// One call that was let in.
#[derive(Debug)]
pub(super) struct Call {
    pub parameters: Parameters,
    pub now: Time,
    pub fault: Option<Fault>,
}

impl Call {
    /// A list as this call shows it.
    pub fn list<T>(&self, rows: Vec<T>) -> Vec<T> {
        if self.fault == Some(Fault::EmptyList) { Vec::new() } else { rows }
    }

    /// By how much the pages have shifted.
    pub fn shift(&self) -> i64 {
        match self.fault {
            Some(Fault::ShiftingPages { by }) => by,
            _ => 0,
        }
    }
}

#[derive(Debug)]
pub(super) struct State {
    pub accounts: Vec<Account>,
    pub site: Site,
    pub region: String,
    pub pai_product: String,
    pub polls_per_stage: u32,
    pub inventory_lag: u32,
    pub counters_while_editing: bool,
    pub acs3_bodies: bool,
    pub propagation: Propagation,
    pub certificates: BTreeMap<i64, Stored>,
    pub resources: BTreeMap<i64, Resource>,
    pub contacts: BTreeMap<i64, SeedContact>,
    pub gateways: Vec<SeedGateway>,
    pub jobs: BTreeMap<i64, Job>,
    pub orders: BTreeMap<i64, Order>,
    pub credits: Credits,
    pub ids: Ids,
    pub wiring: Wiring,
    pub nonces: Nonces,
    pub injections: Vec<Injection>,
    /// Arrivals by action.
    pub arrivals: HashMap<String, u32>,
    pub calls: Vec<Record>,
    pub authority: Authority,
    /// The actions of the guides exist.
    pub has_guide: bool,
    pub guide_status: BTreeMap<i64, GuideStatus>,
    /// What `DiagnoseCertificate` trusts.
    pub roots: Vec<Certificate>,
}

impl State {
    /// Begins at `at`, to be reached at `endpoint`.
    pub fn new(seed: Seed, wiring: Wiring, at: Time, endpoint: &str) -> Result<Self, SeedError> {
        let mut certificates = BTreeMap::new();
        for certificate in &seed.certificates {
            let id = certificate.id;
            let stored = Stored::from_seed(certificate).map_err(|error| SeedError::Certificate { id, error })?;
            if certificates.insert(id, stored).is_some() {
                return Err(SeedError::TwiceUsed(id));
            }
        }
        let mut resources = BTreeMap::new();
        for resource in &seed.resources {
            if resources.insert(resource.id, Resource::from_seed(resource)).is_some() {
                return Err(SeedError::TwiceUsed(resource.id));
            }
        }
        let mut roots = match seed.roots.trim() {
            "" => Vec::new(),
            text => chain(text).map_err(SeedError::Roots)?,
        };
        let authority = Authority::new(at, endpoint)?;
        roots.push(Certificate::parse(authority.root.der()).map_err(|error| SeedError::Roots(error.into()))?);
        let contacts: BTreeMap<i64, SeedContact> =
            seed.contacts.into_iter().map(|contact| (contact.id, contact)).collect();
        let above = |last: Option<&i64>, first: i64| Counter(last.map_or(first, |last| first.max(last + 1)));
        let ids = Ids {
            certificate: above(certificates.keys().next_back(), seed.first_id),
            job: Counter(8_888),
            worker: Counter(22_487),
            contact: above(contacts.keys().next_back(), 519_580),
            order: Counter(2_345_678),
        };
        Ok(Self {
            accounts: seed.accounts,
            site: seed.site,
            region: seed.region,
            pai_product: seed.pai_product,
            polls_per_stage: seed.polls_per_stage.max(1),
            inventory_lag: seed.inventory_lag,
            counters_while_editing: seed.counters_while_editing,
            acs3_bodies: seed.acs3_bodies,
            propagation: seed.propagation,
            certificates,
            resources,
            contacts,
            gateways: seed.gateways,
            jobs: BTreeMap::new(),
            orders: BTreeMap::new(),
            credits: seed.credits,
            ids,
            wiring,
            nonces: Nonces::default(),
            injections: seed.injections,
            arrivals: HashMap::new(),
            calls: Vec::new(),
            authority,
            has_guide: seed.guide_dialect,
            guide_status: BTreeMap::new(),
            roots,
        })
    }

    /// Does what `action` does.
    pub fn act(&mut self, action: &str, call: &Call) -> Answer {
        match action {
            "UploadUserCertificate" => self.upload(call),
            "GetUserCertificateDetail" => self.detail(call),
            "GetCertificateDetail" => self.newer_detail(call),
            "ListUserCertificateOrder" => self.list_orders(call),
            "ListCertificates" => self.list_certificates(call),
            "DeleteUserCertificate" => self.delete_certificate(call),
            "ListCloudResources" => self.list_resources(call),
            "DescribeCloudResourceStatus" => self.resource_counts(),
            "GetMatchedResources" => self.matched_resources(call),
            "ListCloudAccess" => Ok(super::message::object(json!({"TotalCount": 0, "CloudAccessList": []}))),
            "ListContact" => self.list_contacts(call),
            "CreateContact" => self.put_contact(call, None),
            "UpdateContact" => self.put_contact(call, Some(call.parameters.required_int("ContactId")?)),
            "GetContact" => self.get_contact(call),
            "DeleteContact" => self.delete_contact(call),
            "CreateDeploymentJob" => self.create_job(call),
            "UpdateDeploymentJob" => self.update_job(call),
            "UpdateDeploymentJobStatus" => self.update_job_status(call),
            "DescribeDeploymentJob" => self.describe_job(call),
            "DescribeDeploymentJobStatus" => self.job_counters(call),
            "ListDeploymentJob" => self.list_jobs(call),
            "ListDeploymentJobCert" => self.list_job_certificates(call),
            "ListDeploymentJobResource" => self.list_job_resources(call),
            "ListWorkerResource" => self.list_workers(call),
            "UpdateWorkerResourceStatus" => self.update_worker(call, None),
            "CreateRollbackTask" => self.update_worker(call, Some("rollback")),
            "DeleteWorkerResource" => self.delete_worker(call),
            "DeleteDeploymentJob" => self.delete_job(call),
            "CreateCertificateRequest" => self.order_single(call),
            "CreateCertificateForPackageRequest" => self.order_from_package(call),
            "DescribeCertificateState" => self.order_state(call),
            "CancelOrderRequest" => self.cancel_order(call),
            "DeleteCertificateRequest" => self.delete_order(call),
            known if self.has_guide && guide::ACTIONS.contains(&known) => self.guide(known, call),
            known if super::actions::REAL.contains(&known) => Err(Refusal::new(
                501,
                "EmulatorNotImplemented",
                format!("{known} exists in the real service; this emulator does not have it."),
            )),
            _ => Err(Refusal::new(
                404,
                "InvalidAction.NotFound",
                "Specified api is not found, please check your url and method.",
            )),
        }
    }

    /// Does the account's policy allow `action`?
    pub fn authorise(account: &Account, action: &str) -> Result<(), Refusal> {
        if account.denied.iter().any(|denied| denied == action) { Err(forbidden(action)) } else { Ok(()) }
    }
}

/// A refusal by policy, with what it says of itself.
pub(super) fn forbidden(action: &str) -> Refusal {
    // The manual authorises this one action under another name.
    let word = if action == "DescribeDeploymentJob" { "DescribeDeployment" } else { action };
    let mut refusal = Refusal::new(403, "NoPermission", "You are not authorized to do this action.");
    refusal.denied = Some(json!({
        "AuthAction": format!("yundun-cert:{word}"), "AuthPrincipalType": "SubUser",
        "AuthPrincipalDisplayName": "200000000000000001", "AuthPrincipalOwnerId": USER_ID.to_string(),
        "PolicyType": "AccountLevelIdentityBasedPolicy", "NoPermissionType": "ImplicitDeny",
        "EncodedDiagnosticMessage": "AQ",
    }));
    refusal
}
