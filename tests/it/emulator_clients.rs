//! Programs that drive the emulated certificate service: the vendor's SDKs, and our own client.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use serde_json::{Value, json};
use tlsmend::lab::cas::{Binding, Emulator, Seed};
use tlsmend::lab::scenario::TWO_ADDRESSES;
use tlsmend::remedy::cas::credentials::{Credentials, Identity};
use tlsmend::remedy::cas::{
    CasClient, CertId, Endpoint, ErrorKind, GuideClient, GuideStatus, JobFilter, JobStatus, NewJob, ResourceFilter,
    Settings, Start, WorkerStatus,
};
use tlsmend::remedy::eas::EasClient;
use tlsmend::remedy::secret::Secret;
use tlsmend::x509::{certificates_in, pem};

use crate::support::cas_caller::{Caller, plain_http};
use crate::support::cas_world::{bundle_and_key, now, served, world};
use crate::support::skip;

/// Where `.ci/run` puts other people's clients of the service.
fn peers() -> PathBuf {
    let standard = concat!(env!("CARGO_MANIFEST_DIR"), "/target/peers");
    std::env::var_os("TLSMEND_PEERS").map_or_else(|| standard.into(), PathBuf::from)
}

/// An official SDK: the program that runs it, and its script in `tests/peers`.
struct Sdk {
    program: PathBuf,
    script: &'static str,
}

impl Sdk {
    /// `None` where it is not installed.
    fn python() -> Option<Self> {
        let program = peers().join("venv/bin/python");
        let is_there = peers().join("venv/lib").exists() && program.exists();
        is_there.then_some(Self { program, script: "cas_sdk.py" })
    }

    fn node() -> Option<Self> {
        let is_there = peers().join("npm/node_modules/@alicloud/cas20200407").exists();
        is_there.then(|| Self { program: "node".into(), script: "cas_sdk.cjs" })
    }

    /// Runs beside the emulator, which needs this thread.
    async fn run(&self, scheme: Option<&'static str>, arguments: &[&str]) -> Value {
        let mut command = Command::new(&self.program);
        command
            .arg(format!("{}/tests/peers/{}", env!("CARGO_MANIFEST_DIR"), self.script))
            .args(arguments)
            .env("ALIBABA_CLOUD_ACCESS_KEY_ID", "testAccessKeyId")
            .env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "testAccessKeySecret")
            .env("NODE_PATH", peers().join("npm/node_modules"))
            .env("NO_PROXY", "*")
            .env_remove("CAS_SCHEME")
            .envs(scheme.map(|scheme| ("CAS_SCHEME", scheme)));
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"))
    }

    /// Upload, list, job, poll, rollback; what is served is looked at in between.
    async fn goes_all_the_way(&self, scheme: Option<&'static str>) {
        let (lab, emulator) = world(Binding::Both, Seed::default()).await;
        let caller = Caller::new(&emulator, now);
        let (bundle, _) = bundle_and_key(&lab, &emulator, &caller).await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bundle.pem");
        std::fs::write(&file, bundle).unwrap();
        let (endpoint, host) = (emulator.address().to_string(), &lab.scenario(TWO_ADDRESSES).unwrap().host);
        let begun = emulator.calls().len();
        let broken = served(&lab).await;

        let done = self.run(scheme, &["deploy", &endpoint, host, file.to_str().unwrap()]).await;
        assert_eq!(done["statuses"], json!(["pending", "scheduling", "processing", "success"]));
        assert_eq!((&done["old"], &done["new"]), (&json!(12_300_001), &json!(12_345_678)));
        assert_eq!((&done["resources"], &done["matches"], &done["cost"]), (&json!(2), &json!(2), &json!(2)));
        assert_eq!((&done["refused"], &done["filtered_key"]), (&json!("NameRepeat"), &Value::Null));
        assert_eq!(done["chain"], json!([host]));
        assert_eq!(done["workers"], json!([["success", 12_300_001], ["success", 12_300_001]]));
        assert_eq!(served(&lab).await.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2]);

        let undone = self.run(scheme, &["rollback", &endpoint, &done["job"].to_string()]).await;
        let both = |status: &str| json!([status, status]);
        assert_eq!(undone["statuses"], json!([both("rollback"), both("rollback_success")]));
        assert_eq!(undone["job_rolled_back"], 1);
        assert_eq!(served(&lab).await, broken);

        let calls = emulator.calls().split_off(begun);
        assert!(calls.iter().all(|call| call.authenticated && call.acs3 == scheme.is_none()));
        // The SDKs do put the key into the address: what a client should not do, and what the record is for.
        let secrets: Vec<&str> = calls.iter().flat_map(|call| call.secrets_in_query()).collect();
        assert_eq!(secrets, ["Key", "Key"]);
    }
}

#[tokio::test]
async fn the_official_python_sdk_deploys_and_rolls_back() {
    let Some(sdk) = Sdk::python() else { return skip("the Python SDK of the certificate service is not installed") };
    sdk.goes_all_the_way(None).await;
    sdk.goes_all_the_way(Some("v2")).await;
}

#[tokio::test]
async fn the_official_typescript_sdk_deploys_and_rolls_back() {
    let Some(sdk) = Sdk::node() else { return skip("the TypeScript SDK of the certificate service is not installed") };
    sdk.goes_all_the_way(None).await;
    sdk.goes_all_the_way(Some("v2")).await;
}

fn endpoint(emulator: &Emulator) -> Endpoint {
    emulator.endpoint().parse().unwrap()
}

fn identity() -> Identity {
    Identity::Static(Credentials {
        access_key_id: "testAccessKeyId".into(),
        access_key_secret: Secret::new("testAccessKeySecret"),
        security_token: None,
        expires: None,
    })
}

fn settings(emulator: &Emulator) -> Settings {
    Settings::for_endpoint(&endpoint(emulator), Arc::new(now))
}

/// Every operation of our client, against a service that does not read the bodies of ACS3 requests.
#[tokio::test]
async fn our_client_goes_all_the_way() {
    let (lab, emulator) = world(Binding::Both, Seed { acs3_bodies: false, ..Seed::default() }).await;
    let client = CasClient::new(endpoint(&emulator), identity(), settings(&emulator)).unwrap();
    let (bundle, _) = bundle_and_key(&lab, &emulator, &Caller::new(&emulator, now)).await;
    let host = lab.scenario(TWO_ADDRESSES).unwrap().host.clone();
    let leaf = certificates_in(bundle.as_bytes()).unwrap().remove(0);
    let broken = served(&lab).await;

    let stored = client.stored_certificates(Some(&host)).await.unwrap();
    assert!(stored.complete && stored.items.len() == 1);
    assert_eq!(stored.items[0].is_end_entity(&leaf), Some(true));
    let old = stored.items[0].certificate_id.number().unwrap();
    let key = client.detail_with_key(old).await.unwrap().key.unwrap();
    let new = client.upload("mended", &bundle, &key).await.unwrap().cert_id.number().unwrap();
    assert_eq!(client.upload("mended", &bundle, &key).await.unwrap_err().kind, ErrorKind::NameInUse);
    let detail = client.detail(new).await.unwrap();
    assert_eq!((detail.is_end_entity(&leaf), detail.cert_chain.len(), detail.expired), (Some(true), 2, Some(false)));
    let info = client.info(old).await.unwrap();
    assert_eq!(
        (info.using_product_list, info.exist_private_key),
        (vec!["PAI".to_owned(), "SLB".to_owned()], Some(true))
    );
    assert_eq!(client.certificates(Some("mended")).await.unwrap().items[0].certificate_id, CertId::Number(new));
    assert_eq!(client.products().await.unwrap().len(), 2);

    let filter = ResourceFilter { keyword: Some(host.clone()), ..ResourceFilter::default() };
    let resources = client.resources(&filter).await.unwrap().items;
    assert!(resources.iter().all(|row| row.cert_id == Some(CertId::Number(old)) && row.enable_https == Some(true)));
    let contact = client.contacts().await.unwrap().items.remove(0);
    let job = NewJob {
        name: "redeploy".to_owned(),
        cert_ids: vec![new],
        resource_ids: resources.iter().map(|row| row.id).collect(),
        contact_ids: vec![contact.contact_id],
        schedule: None,
    };
    let job = client.create_job(&job).await.unwrap();
    let counters = client.job_counters(job).await.unwrap();
    assert_eq!((counters.worker_count, counters.match_worker_count, counters.cost_count), (2, 2, 2));
    assert_eq!(client.job_resources(job).await.unwrap().len(), 2);
    client.start_job(job, Start::Pending).await.unwrap();
    let mut seen = Vec::new();
    while !seen.last().is_some_and(JobStatus::is_final) {
        seen.push(client.job(job).await.unwrap().status);
    }
    assert_eq!(seen.pop(), Some(JobStatus::Success));
    let found = client.jobs(&JobFilter { cert_id: Some(new), ..JobFilter::default() }).await.unwrap();
    assert_eq!(found.items.iter().map(|found| found.id).collect::<Vec<_>>(), [job]);
    assert_eq!(served(&lab).await.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2]);

    let eas = EasClient::new(endpoint(&emulator), "cn-hangzhou", identity(), settings(&emulator)).unwrap();
    let gateway = eas.gateways().await.unwrap().remove(0);
    assert_eq!(eas.gateway(&gateway.gateway_id).await.unwrap().status.as_deref(), Some("Running"));
    let alias = lab.scenario(TWO_ADDRESSES).unwrap().alias.clone().unwrap();
    assert_eq!(gateway.cname_target().unwrap().to_string(), alias, "the domain is an alias of the gateway's name");
    let domains = eas.domains(&gateway.gateway_id).await.unwrap();
    assert!(domains.len() == 1 && CertId::Number(new).is_named_by(domains[0].certificate_id.as_deref().unwrap()));

    let workers = client.workers(job, Some(&WorkerStatus::Success)).await.unwrap().items;
    for worker in &workers {
        assert_eq!(worker.resource_cert_id, Some(CertId::Number(old)));
        client.rollback_worker(job, worker.id).await.unwrap();
    }
    let is_back = |status: &WorkerStatus| *status == WorkerStatus::RollbackSuccess;
    let mut looks = 0;
    while !client.workers(job, None).await.unwrap().items.iter().all(|worker| is_back(&worker.status)) {
        looks += 1;
        assert!(looks < 10);
    }
    assert_eq!(client.job(job).await.unwrap().rollback, Some(true));
    assert_eq!(served(&lab).await, broken);
    client.delete_certificate(new).await.unwrap();
    client.delete_job(job).await.unwrap();
    assert!(emulator.calls().iter().all(|call| call.secrets_in_query().is_empty()));
}

/// The guides' story, told by our client.
#[tokio::test]
async fn our_client_speaks_the_dialect_of_the_guides() {
    let (lab, emulator) = world(Binding::Slb, Seed { guide_dialect: true, ..Seed::default() }).await;
    let client = GuideClient::new(endpoint(&emulator), identity(), settings(&emulator), false).unwrap();
    let bound = emulator.resources().remove(0);
    let id = client.create(&bound.domain).await.unwrap().cert_id;
    let deploy = || async {
        client.deploy(&id, &bound.product, &bound.instance).await.unwrap();
        for _ in 0..10 {
            if client.status(&id).await.unwrap().status == GuideStatus::Deployed {
                return;
            }
        }
        panic!("never deployed");
    };
    deploy().await;
    let found = client.diagnose(&id, "chrome").await.unwrap();
    assert_eq!((found.result.as_str(), found.problems[0].code.as_str()), ("fail", "missing_intermediate"));
    let leaf = pem::encode(&emulator.certificates().pop().unwrap().chain[0]);
    let issuer = plain_http().get(format!("{}/ca/intermediate.cer", emulator.endpoint())).send().await.unwrap();
    let bundle = leaf + &pem::encode(&issuer.bytes().await.unwrap());
    assert_eq!(client.update(&id, &bundle).await.unwrap().status, GuideStatus::Updated);
    assert_eq!(client.diagnose(&id, "chrome").await.unwrap().result, "pass");
    deploy().await;
    assert_eq!(served(&lab).await.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2]);
    assert!(emulator.calls().iter().all(|call| call.secrets_in_query().is_empty()));
}
