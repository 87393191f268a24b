//! A broken domain behind the emulated certificate service, and the steps that tests take with it.

use std::sync::Arc;

use serde_json::Value;
use tlsmend::lab::Lab;
use tlsmend::lab::cas::{Binding, Emulator, Seed};
use tlsmend::lab::scenario::TWO_ADDRESSES;
use tlsmend::model::report::Endpoint;
use tlsmend::model::time::Time;
use tlsmend::probe::probe;

use super::cas_caller::{Answered, Caller};

pub fn now() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Time::from_unix(since.as_secs().try_into().unwrap())
}

/// The lab's domain that lacks its intermediate at two addresses, behind the service.
pub async fn world(binding: Binding, seed: Seed) -> (Lab, Emulator) {
    let lab = Lab::start(now(), Some(&[TWO_ADDRESSES])).await.unwrap();
    let emulator = lab.with_cas(TWO_ADDRESSES, binding, seed, Arc::new(now)).await.unwrap();
    (lab, emulator)
}

/// What each address serves, as fingerprints.
pub async fn served(lab: &Lab) -> Vec<Vec<String>> {
    let running = lab.scenario(TWO_ADDRESSES).unwrap();
    let report = probe(&running.target().unwrap(), &lab.settings(running).unwrap(), now).await;
    let chain = |endpoint: &Endpoint| report.deployments[endpoint.deployment.unwrap()].served_chain.clone();
    report.endpoints.iter().map(chain).collect()
}

/// The bundle that mends the domain, and the key of its certificate.
pub async fn bundle_and_key(lab: &Lab, emulator: &Emulator, caller: &Caller) -> (String, String) {
    let running = lab.scenario(TWO_ADDRESSES).unwrap();
    let report = probe(&running.target().unwrap(), &lab.settings(running).unwrap(), now).await;
    let id = emulator.certificates()[0].id.to_string();
    let detail = caller.query("GetUserCertificateDetail", &[("CertId", &id)]).await.ok();
    (report.repair.bundle_pem.unwrap(), detail["Key"].as_str().unwrap().to_owned())
}

pub fn id(value: &Value) -> String {
    value.as_i64().unwrap_or_else(|| panic!("no id: {value}")).to_string()
}

/// A job for the domain's first resource with the certificate stored first: enough to start, poll and roll back.
pub async fn small_job(emulator: &Emulator, caller: &Caller) -> String {
    let (certificate, resource) =
        (emulator.certificates()[0].id.to_string(), emulator.resources()[0].resource.to_string());
    let parameters = [
        ("Name", "again"),
        ("JobType", "user"),
        ("CertIds", &certificate),
        ("ResourceIds", &resource),
        ("ContactIds", "519580"),
    ];
    id(&caller.query("CreateDeploymentJob", &parameters).await.ok()["JobId"])
}

pub async fn start(caller: &Caller, job: &str) -> Answered {
    caller.query("UpdateDeploymentJobStatus", &[("JobId", job), ("Status", "pending")]).await
}

/// Polls until workers have ended too; the job's status.
pub async fn finish(caller: &Caller, job: &str) -> String {
    for _ in 0..8 {
        caller.query("DescribeDeploymentJob", &[("JobId", job)]).await.ok();
    }
    caller.query("DescribeDeploymentJob", &[("JobId", job)]).await.ok()["Status"].as_str().unwrap().to_owned()
}
