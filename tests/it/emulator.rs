//! The emulated certificate service: signatures, and the whole way from upload to rollback over real sockets.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tlsmend::lab::Lab;
use tlsmend::lab::cas::{Account, Binding, Clock, Credits, Emulator, Fault, Injection, Propagation, Seed, Wiring};
use tlsmend::lab::scenario::TWO_ADDRESSES;
use tlsmend::model::report::Endpoint;
use tlsmend::model::time::Time;
use tlsmend::probe::probe;
use tlsmend::x509::pem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::cas_caller::{Answered, Caller};
use crate::support::skip;

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/cas/signature-vectors.json");

fn vectors() -> Value {
    serde_json::from_slice(&std::fs::read(VECTORS).unwrap()).unwrap()
}

/// Stands still until it is set.
#[derive(Clone)]
struct TestClock(Arc<AtomicI64>);

impl TestClock {
    fn at(time: &str) -> Self {
        Self(Arc::new(AtomicI64::new(time.parse::<Time>().unwrap().unix())))
    }

    fn forward(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }

    fn clock(&self) -> Clock {
        let seconds = self.0.clone();
        Arc::new(move || Time::from_unix(seconds.load(Ordering::Relaxed)))
    }
}

/// Sends `request` as it is; status and code of the answer.
async fn replay(emulator: &Emulator, request: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(emulator.address()).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    loop {
        let mut buffer = [0; 16384];
        let length = stream.read(&mut buffer).await.unwrap();
        answer.extend(&buffer[..length]);
        let text = String::from_utf8_lossy(&answer).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let wanted = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if body.len() >= wanted.parse().unwrap() {
            let status = head.split(' ').nth(1).unwrap().parse().unwrap();
            let json =
                serde_json::from_str::<Value>(body).ok().and_then(|body| Some(body["Code"].as_str()?.to_owned()));
            let xml = || Some(body.split_once("<Code>")?.1.split_once("</Code>")?.0.to_owned());
            return (status, json.or_else(xml).unwrap_or_default());
        }
        assert!(length > 0, "no answer: {text}");
    }
}

fn account_of(vector: &Value) -> Account {
    let inputs = &vector["inputs"];
    let text = |name: &str| inputs[name].as_str();
    let account = Account::new(text("access_key_id").unwrap(), text("access_key_secret").unwrap());
    text("security_token").into_iter().fold(account, Account::with_token)
}

async fn emulator_for(vector: &Value) -> (Emulator, TestClock) {
    let clock = TestClock::at(vector["inputs"]["date"].as_str().unwrap());
    let seed = Seed { accounts: vec![account_of(vector)], ..Seed::default() };
    (Emulator::start(seed, clock.clock(), Wiring::default()).await.unwrap(), clock)
}

fn raw(vector: &Value) -> Vec<u8> {
    STANDARD
        .decode(vector["raw_request_base64"].as_str().or(vector["wire"]["raw_request_base64"].as_str()).unwrap())
        .unwrap()
}

/// What two official SDKs and the vendor's manual send, octet by octet.
#[tokio::test]
async fn every_signature_vector_is_accepted() {
    let all = vectors();
    let all = all["vectors"].as_array().unwrap();
    assert_eq!(all.len(), 42);
    for vector in all {
        let (emulator, _) = emulator_for(vector).await;
        let (status, code) = replay(&emulator, &raw(vector)).await;
        let call = emulator.calls().pop().unwrap();
        assert!(call.authenticated, "{}: {status} {code}", vector["id"]);
        assert_eq!(call.acs3, vector["scheme"] == "ACS3-HMAC-SHA256", "{}", vector["id"]);
    }
}

#[tokio::test]
async fn every_negative_vector_is_refused_with_its_code() {
    let document = vectors();
    let negatives = document["negative"].as_array().unwrap();
    assert_eq!(negatives.len(), 8);
    for negative in negatives {
        let base =
            document["vectors"].as_array().unwrap().iter().find(|vector| vector["id"] == negative["base"]).unwrap();
        let (emulator, clock) = emulator_for(base).await;
        let request = String::from_utf8(raw(base)).unwrap();
        let change = negative["change"].as_str().unwrap();
        let mut changed = request.clone();
        match change {
            "last hex digit of the signature replaced" => {
                let signature = base["signature"].as_str().unwrap();
                let other = if signature.ends_with('0') { "1" } else { "0" };
                changed = request.replace(signature, &format!("{}{other}", &signature[..63]));
            }
            "query on the wire altered to JobId=8889, signature kept" => {
                changed = request.replace("JobId=8888", "JobId=8889")
            }
            "one byte of the body altered, x-acs-content-sha256 kept" => {
                changed = request.replace("Name=rec", "Name=rex")
            }
            "verified with the server clock 16 minutes later" => clock.forward(16 * 60),
            "sent twice unchanged to the same server" => assert_eq!(replay(&emulator, request.as_bytes()).await.0, 404),
            "Credential changed to an unknown key id" => {
                changed = request.replace("Credential=test", "Credential=rest")
            }
            "x-acs-security-token sent but left out of SignedHeaders" => {
                changed = request.replace(";x-acs-security-token;", ";")
            }
            "host header rewritten to 127.0.0.1 without the port" => {
                changed = request.replace("127.0.0.1:8080", "127.0.0.1")
            }
            other => panic!("a new kind of change: {other}"),
        }
        let is_about_time = change.contains("clock") || change.contains("twice");
        assert!(is_about_time || changed != request, "{change}");
        let (status, code) = replay(&emulator, changed.as_bytes()).await;
        assert_eq!(
            (Value::from(status), Value::from(code)),
            (negative["expect_http"].clone(), negative["expect_code"].clone()),
            "{change}"
        );
        assert!(!emulator.calls().pop().unwrap().authenticated);
    }
}

fn now() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Time::from_unix(since.as_secs().try_into().unwrap())
}

/// The lab's domain that lacks its intermediate at two addresses, behind the service.
async fn world(binding: Binding, seed: Seed) -> (Lab, Emulator) {
    let lab = Lab::start(now(), Some(&[TWO_ADDRESSES])).await.unwrap();
    let emulator = lab.with_cas(TWO_ADDRESSES, binding, seed, Arc::new(now)).await.unwrap();
    (lab, emulator)
}

/// What each address serves, as fingerprints.
async fn served(lab: &Lab) -> Vec<Vec<String>> {
    let running = lab.scenario(TWO_ADDRESSES).unwrap();
    let report = probe(&running.target().unwrap(), &lab.settings(running).unwrap(), now).await;
    let chain = |endpoint: &Endpoint| report.deployments[endpoint.deployment.unwrap()].served_chain.clone();
    report.endpoints.iter().map(chain).collect()
}

/// The bundle that mends the domain, and the key of its certificate.
async fn bundle_and_key(lab: &Lab, emulator: &Emulator, caller: &Caller<'_>) -> (String, String) {
    let running = lab.scenario(TWO_ADDRESSES).unwrap();
    let report = probe(&running.target().unwrap(), &lab.settings(running).unwrap(), now).await;
    let id = emulator.certificates()[0].id.to_string();
    let detail = caller.query("GetUserCertificateDetail", &[("CertId", &id)]).await.ok();
    (report.repair.bundle_pem.unwrap(), detail["Key"].as_str().unwrap().to_owned())
}

fn id(value: &Value) -> String {
    value.as_i64().unwrap_or_else(|| panic!("no id: {value}")).to_string()
}

#[tokio::test]
async fn probe_deploy_probe_roll_back_probe() {
    let (lab, emulator) = world(Binding::Both, Seed::default()).await;
    let caller = Caller::new(&emulator, now);
    let broken = served(&lab).await;
    assert_eq!(broken.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1]);
    let (bundle, key) = bundle_and_key(&lab, &emulator, &caller).await;

    let upload = [("Name", "mended"), ("Cert", bundle.as_str()), ("Key", key.as_str())];
    let new = id(&caller.form("UploadUserCertificate", &upload).await.ok()["CertId"]);
    let host = lab.scenario(TWO_ADDRESSES).unwrap().host.clone();
    let found = caller.query("ListCloudResources", &[("Keyword", &host)]).await.ok();
    let resources: Vec<String> = found["Data"].as_array().unwrap().iter().map(|row| id(&row["Id"])).collect();
    assert_eq!(
        found["Data"].as_array().unwrap().iter().map(|row| row["CloudProduct"].clone()).collect::<Vec<_>>(),
        ["SLB", "PAI"]
    );
    let contact = id(&caller.query("ListContact", &[]).await.ok()["ContactList"][0]["ContactId"]);
    let job = [
        ("Name", "redeploy"),
        ("JobType", "user"),
        ("CertIds", &new),
        ("ResourceIds", &resources.join(",")),
        ("ContactIds", &contact),
    ];
    let job = id(&caller.query("CreateDeploymentJob", &job).await.ok()["JobId"]);
    let preview = caller.query("DescribeDeploymentJobStatus", &[("JobId", &job)]).await.ok();
    assert_eq!(
        (&preview["WorkerCount"], &preview["MatchWorkerCount"], &preview["CostCount"]),
        (&2.into(), &2.into(), &2.into())
    );
    assert_eq!(served(&lab).await, broken, "a job in editing changes nothing");

    caller.query("UpdateDeploymentJobStatus", &[("JobId", &job), ("Status", "pending")]).await.ok();
    let mut seen = Vec::new();
    while seen.last().is_none_or(|status| status != "success") {
        let described = caller.query("DescribeDeploymentJob", &[("JobId", &job)]).await.ok();
        seen.push(described["Status"].as_str().unwrap().to_owned());
    }
    assert_eq!(seen, ["pending", "scheduling", "processing", "success"]);
    assert_eq!(emulator.credits().used, 2);
    let mended = served(&lab).await;
    assert_eq!(mended.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2]);
    assert_eq!(mended[0][0], broken[0][0], "the same end entity");

    let workers = caller.query("ListWorkerResource", &[("JobId", &job)]).await.ok();
    for worker in workers["Data"].as_array().unwrap() {
        assert_eq!(worker["Status"], "success");
        let rollback = [("JobId", job.as_str()), ("WorkerId", &id(&worker["Id"])), ("Status", "rollback")];
        caller.query("UpdateWorkerResourceStatus", &rollback).await.ok();
    }
    let mut seen = Vec::new();
    while seen.last() != Some(&Value::from("rollback_success")) {
        let workers = caller.query("ListWorkerResource", &[("JobId", &job)]).await.ok();
        assert_eq!(workers["Data"][0]["Status"], workers["Data"][1]["Status"]);
        seen.push(workers["Data"][0]["Status"].clone());
    }
    assert_eq!(seen, ["rollback", "rollback_success"]);
    assert_eq!(served(&lab).await, broken);
    assert_eq!(emulator.credits().used, 2, "a rollback gives nothing back");
    let after = caller.query("DescribeDeploymentJob", &[("JobId", &job)]).await.ok();
    assert_eq!((&after["Status"], &after["Rollback"]), (&"success".into(), &1.into()));
    assert!(emulator.calls().iter().all(|call| call.secrets_in_query().is_empty()));
}

/// A job for the domain's first resource with the certificate stored first: enough to start, poll and roll back.
async fn small_job(emulator: &Emulator, caller: &Caller<'_>) -> String {
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

async fn start(caller: &Caller<'_>, job: &str) -> Answered {
    caller.query("UpdateDeploymentJobStatus", &[("JobId", job), ("Status", "pending")]).await
}

/// Polls until workers have ended too; the job's status.
async fn finish(caller: &Caller<'_>, job: &str) -> String {
    for _ in 0..8 {
        caller.query("DescribeDeploymentJob", &[("JobId", job)]).await.ok();
    }
    caller.query("DescribeDeploymentJob", &[("JobId", job)]).await.ok()["Status"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_fault_shows_as_it_should_and_only_on_its_call() {
    let (_lab, emulator) = world(Binding::Slb, Seed::default()).await;
    let caller = Caller::new(&emulator, now);
    // Refusals: what is answered to the second list of contacts, and that the first and third are well.
    let refusals = [
        (r#"{"fault":"throttled","retry_after_ms":1500}"#, 400, "Throttling.User"),
        (r#"{"fault":"throttled"}"#, 400, "Throttling.User"),
        (r#"{"fault":"internal-error"}"#, 500, "InternalError"),
        (r#"{"fault":"internal-error-after-effect"}"#, 500, "InternalError"),
        (r#"{"fault":"service-unavailable"}"#, 503, "ServiceUnavailable"),
        (r#"{"fault":"wrong-signature"}"#, 400, "SignatureDoesNotMatch"),
        (r#"{"fault":"expired-date"}"#, 400, "InvalidTimeStamp.Expired"),
        (r#"{"fault":"expired-token"}"#, 400, "InvalidSecurityToken.Expired"),
        (r#"{"fault":"forbidden"}"#, 403, "NoPermission"),
    ];
    let list = || caller.query("ListContact", &[]);
    let inject = |fault: &str, action: &str| {
        let call = emulator.actions().iter().filter(|known| *known == action).count() + 2;
        emulator.inject(Injection::new(action, u32::try_from(call).unwrap(), serde_json::from_str(fault).unwrap()));
    };
    for (fault, status, code) in refusals {
        inject(fault, "ListContact");
        list().await.ok();
        let refused = list().await;
        assert_eq!((refused.status, refused.code()), (status, code.to_owned()), "{fault}");
        assert_eq!(refused.retry_after.is_some(), fault.contains("1500"), "{fault}");
        let denied = refused.json()["AccessDeniedDetail"]["AuthAction"].clone();
        assert_eq!(denied.as_str().is_some_and(|action| action == "yundun-cert:ListContact"), code == "NoPermission");
        list().await.ok();
    }
    // Answers in another shape.
    for (fault, status, content_type, inside) in [
        (r#"{"fault":"html-bad-gateway"}"#, 502, "text/html", "<html>"),
        (r#"{"fault":"xml-error"}"#, 500, "text/xml;charset=utf-8", "<Error><RequestId>"),
        (
            r#"{"fault":"lower-case-error-keys"}"#,
            503,
            "application/json;charset=utf-8",
            r#""code":"ServiceUnavailable""#,
        ),
        (r#"{"fault":"truncated-json"}"#, 200, "application/json;charset=utf-8", r#"{"RequestId""#),
        (r#"{"fault":"extra-fields"}"#, 200, "application/json;charset=utf-8", r#""FieldOfTomorrow""#),
        (r#"{"fault":"empty-list"}"#, 200, "application/json;charset=utf-8", r#""ContactList":[]"#),
        (r#"{"fault":"slow","ms":1}"#, 200, "application/json;charset=utf-8", "519580"),
        (r#"{"fault":"slow","ms":1,"after_effect":true}"#, 200, "application/json;charset=utf-8", "519580"),
    ] {
        inject(fault, "ListContact");
        list().await.ok();
        let answer = list().await;
        assert_eq!((answer.status, answer.content_type.as_str()), (status, content_type), "{fault}");
        assert!(answer.text.contains(inside), "{fault}: {}", answer.text);
        assert_eq!(
            serde_json::from_str::<Value>(&answer.text).is_ok(),
            !["<", "trunc"].iter().any(|odd| answer.text.starts_with(odd) || fault.contains(odd))
        );
    }
    // Broken connections, before and after the effect.
    let contact = [("Name", "b"), ("Mobile", "1")];
    for (fault, contacts) in [(r#"{"fault":"drop-before-effect"}"#, 1), (r#"{"fault":"drop-after-effect"}"#, 2)] {
        emulator.behave();
        emulator.inject(Injection::new(
            "CreateContact",
            if contacts == 1 { 1 } else { 2 },
            serde_json::from_str(fault).unwrap(),
        ));
        assert!(caller.send("POST", "/", "CreateContact", &[], &contact).await.is_err(), "{fault}");
        assert_eq!(list().await.ok()["TotalCount"], contacts, "{fault}");
        let call = emulator.calls().into_iter().rfind(|call| call.action == "CreateContact").unwrap();
        assert_eq!((call.status, call.done), (None, contacts == 2), "{fault}");
    }
    // Ids, and pages that move.
    emulator.inject(Injection::new("CreateContact", 3, Fault::LargeIds));
    let large = caller.form("CreateContact", &contact).await.ok()["ContactId"].as_i64().unwrap();
    assert!(large > 1 << 53 && large % 2 == 1, "{large}");
    emulator.inject(Injection::new("GetContact", 1, Fault::ShiftingPages { by: 1 }).times(9));
    let page = |number: &'static str| {
        let caller = &caller;
        async move { caller.query("ListContact", &[("CurrentPage", number), ("ShowSize", "1")]).await }
    };
    let first = page("1").await.ok()["ContactList"][0].clone();
    inject(r#"{"fault":"shifting-pages"}"#, "ListContact");
    list().await.ok();
    assert_eq!(page("2").await.ok()["ContactList"][0], first, "the row of page one again");
}

#[tokio::test]
async fn faults_of_jobs_stay_with_the_job() {
    let (lab, emulator) =
        world(Binding::Both, Seed { credits: Credits { bought: 99, used: 0 }, ..Seed::default() }).await;
    let caller = Caller::new(&emulator, now);
    let create = || async {
        let certificate = emulator.certificates()[0].id.to_string();
        let ids: Vec<String> = emulator.resources().iter().map(|bound| bound.resource.to_string()).collect();
        let parameters = [
            ("Name", "again"),
            ("JobType", "user"),
            ("CertIds", &certificate),
            ("ResourceIds", &ids.join(",")),
            ("ContactIds", "519580"),
        ];
        id(&caller.query("CreateDeploymentJob", &parameters).await.ok()["JobId"])
    };
    let statuses = || emulator.jobs().pop().unwrap().workers.iter().map(|worker| worker.status).collect::<Vec<_>>();
    emulator.inject(Injection::new("CreateDeploymentJob", 1, Fault::WorkerFailure { count: 1 }));
    emulator.inject(Injection::new("CreateDeploymentJob", 2, Fault::NoMatches));
    emulator.inject(Injection::new("UpdateDeploymentJobStatus", 3, Fault::StuckProcessing));
    emulator.inject(Injection::new("UpdateDeploymentJobStatus", 4, Fault::NoCredits));
    emulator.inject(Injection::new("UpdateWorkerResourceStatus", 2, Fault::RollbackError));

    let partial = create().await;
    start(&caller, &partial).await.ok();
    assert_eq!((finish(&caller, &partial).await.as_str(), statuses()), ("error", vec!["error", "success"]));
    for worker in emulator.jobs()[0].workers.iter().map(|worker| worker.id.to_string()) {
        let parameters = [("JobId", partial.as_str()), ("WorkerId", &worker), ("Status", "rollback")];
        caller.query("UpdateWorkerResourceStatus", &parameters).await.ok();
        assert_eq!(
            caller
                .query("UpdateWorkerResourceStatus", &[("JobId", "1"), ("WorkerId", "1"), ("Status", "rollback")])
                .await
                .code(),
            "NotFound"
        );
    }
    finish(&caller, &partial).await;
    assert_eq!(statuses(), ["rollback_success", "rollback_success"], "the fault met a call for another job");

    let unmatched = create().await;
    let counters = caller.query("DescribeDeploymentJobStatus", &[("JobId", &unmatched)]).await.ok();
    assert_eq!((&counters["WorkerCount"], &counters["MatchWorkerCount"]), (&2.into(), &0.into()));
    start(&caller, &unmatched).await.ok();
    assert_eq!((finish(&caller, &unmatched).await.as_str(), statuses()), ("error", vec!["error", "error"]));

    let stuck = create().await;
    start(&caller, &stuck).await.ok();
    assert_eq!(finish(&caller, &stuck).await, "processing");
    emulator.inject(Injection::new("DescribeDeploymentJob", 1, Fault::UnknownStatus).times(u32::MAX));
    assert_eq!(finish(&caller, &stuck).await, "auditing");
    emulator.behave();

    let used = emulator.credits().used;
    emulator.inject(Injection::new("UpdateDeploymentJobStatus", 4, Fault::NoCredits));
    let poor = create().await;
    assert_eq!(start(&caller, &poor).await.code(), "DeploymentQuotaExceeded");
    assert_eq!((emulator.jobs().pop().unwrap().status, emulator.credits().used), ("editing", used));

    // One address never gets what was deployed.
    let chain = emulator.certificates()[0].chain.clone();
    let (root_first, key) = bundle_and_key(&lab, &emulator, &caller).await;
    let new = caller.form("UploadUserCertificate", &[("Name", "n"), ("Cert", &root_first), ("Key", &key)]).await.ok();
    emulator.set_propagation(Propagation { never: vec!["127.0.0.2".parse().unwrap()], ..Propagation::default() });
    caller.query("UpdateDeploymentJob", &[("JobId", &poor), ("CertIds", &id(&new["CertId"]))]).await.ok();
    start(&caller, &poor).await.ok();
    assert_eq!(finish(&caller, &poor).await, "success");
    let after = served(&lab).await;
    assert_eq!((after[0].len(), after[1].len(), chain.len()), (2, 1, 1));
}

/// What the live service was measured to take and to refuse.
#[tokio::test]
async fn an_upload_is_checked_as_the_live_service_checks() {
    let (lab, emulator) = world(Binding::Slb, Seed::default()).await;
    let caller = Caller::new(&emulator, now);
    let (bundle, key) = bundle_and_key(&lab, &emulator, &caller).await;
    let (leaf, issuer) = bundle.split_at(bundle.find("-----END CERTIFICATE-----\n").unwrap() + 26);
    let encrypted = key.replace(
        "-----BEGIN PRIVATE KEY-----\n",
        "-----BEGIN PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n",
    );
    let strange = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let upload = |name: &'static str, cert: String, key: String| {
        let caller = &caller;
        async move {
            let answer = caller
                .form("UploadUserCertificate", &[("Name", name), ("Cert", &cert), ("Key", &key), ("ClientToken", "t")])
                .await;
            (answer.status, answer.code())
        }
    };
    let refused = |code: &str| (400, code.to_owned());
    let accepted = (200, String::new());
    assert_eq!(upload("leaf-and-issuer", bundle.clone(), key.clone()).await, accepted);
    assert_eq!(upload("leaf-and-root", leaf.to_owned() + &lab.roots_pem(), key.clone()).await, accepted);
    assert_eq!(upload("leaf-alone", leaf.to_owned(), key.clone()).await, accepted);
    assert_eq!(
        upload("leaf-alone", leaf.to_owned(), key.clone()).await,
        refused("NameRepeat"),
        "the same token does not replay"
    );
    assert_eq!(
        upload("issuer-first", issuer.to_owned() + leaf, key.clone()).await,
        refused("NotMatch.CertificateAndPrivateKey")
    );
    assert_eq!(
        upload("stranger", leaf.to_owned(), strange.clone()).await,
        refused("NotMatch.CertificateAndPrivateKey")
    );
    assert_eq!(upload("encrypted", leaf.to_owned(), encrypted).await, refused("PrivateKeyFormatException"));
    assert_eq!(
        upload("format-before-pair", issuer.to_owned(), "no key".to_owned()).await,
        refused("PrivateKeyFormatException")
    );
    assert_eq!(upload("no-key", leaf.to_owned(), String::new()).await, refused("MissingParameter"));
    assert_eq!(upload("no-certificate", "nothing".to_owned(), key.clone()).await, refused("InvalidParameter"));
    let ids: Vec<i64> = emulator.certificates().iter().map(|certificate| certificate.id).collect();
    assert_eq!(ids, [12_300_001, 12_345_678, 12_345_679, 12_345_680]);
    let calls = format!("{:?}", emulator.calls());
    assert!(!calls.contains("PRIVATE KEY") && calls.contains("***"));

    // A body that is not read looks like one that was not sent.
    let seed = Seed { acs3_bodies: false, ..Seed::default() };
    let deaf = Emulator::start(seed, Arc::new(now), Wiring::default()).await.unwrap();
    assert_eq!(
        Caller::new(&deaf, now).form("UploadUserCertificate", &[("Name", "a")]).await.code(),
        "MissingParameter"
    );
}

#[tokio::test]
async fn details_give_the_key_away_unless_they_are_filtered() {
    let (_lab, emulator) = world(Binding::Slb, Seed::default()).await;
    let caller = Caller::new(&emulator, now);
    let id = emulator.certificates()[0].id.to_string();
    for (filter, has_key) in [("true", false), ("True", false), ("false", true), ("", true)] {
        let detail = caller.query("GetUserCertificateDetail", &[("CertId", &id), ("CertFilter", filter)]).await.ok();
        assert_eq!((detail.get("Key").is_some(), detail.get("Cert").is_some()), (has_key, has_key), "{filter}");
        assert_eq!(detail["CertChain"].as_array().unwrap().len(), 1);
    }
    assert_eq!(caller.query("GetUserCertificateDetail", &[("CertId", "1")]).await.status, 404);
}

#[tokio::test]
async fn states_are_guarded() {
    let (_lab, emulator) =
        world(Binding::Slb, Seed { credits: Credits { bought: 1, used: 0 }, ..Seed::default() }).await;
    let caller = Caller::new(&emulator, now);
    let job = small_job(&emulator, &caller).await;
    let own = [("JobId", job.as_str())];
    let state = "OperationDenied.StatusNotSupport";
    assert_eq!(caller.query("DeleteDeploymentJob", &own).await.code(), state, "a job in editing cannot be deleted");
    start(&caller, &job).await.ok();
    start(&caller, &job).await.ok();
    assert_eq!(emulator.credits().used, 1, "started twice, paid once");
    assert_eq!(caller.query("UpdateDeploymentJob", &[("JobId", &job), ("Name", "b")]).await.code(), state);
    let worker = emulator.jobs()[0].workers[0].id.to_string();
    let rollback = [("JobId", job.as_str()), ("WorkerId", &worker), ("Status", "rollback")];
    assert_eq!(caller.query("UpdateWorkerResourceStatus", &rollback).await.code(), state, "nothing to roll back yet");
    assert_eq!(finish(&caller, &job).await, "success");
    assert_eq!(start(&caller, &job).await.code(), state);
    let second = small_job(&emulator, &caller).await;
    assert_eq!(start(&caller, &second).await.code(), "DeploymentQuotaExceeded");
    let bound = emulator.certificates()[0].id.to_string();
    assert_eq!(caller.query("DeleteUserCertificate", &[("CertId", &bound)]).await.code(), state, "it is in use");
    assert_eq!(caller.query("DeleteUserCertificate", &[("CertId", "1")]).await.code(), "NotFound");
    caller.query("DeleteDeploymentJob", &own).await.ok();
    assert_eq!(caller.query("DescribeDeploymentJob", &own).await.code(), "NotFound");
    assert_eq!(
        caller.query("DescribeCertificateStatus", &[]).await.code(),
        "InvalidAction.NotFound",
        "the guides' dialect is off"
    );
    assert_eq!(caller.query("Encrypt", &[]).await.status, 501);
    let put = caller.send("PUT", "/", "ListContact", &[], &[]).await.unwrap();
    assert_eq!(put.code(), "UnsupportedHTTPMethod");
}

#[tokio::test]
async fn a_scheduled_job_waits_for_the_clock() {
    let clock = TestClock::at("2026-11-22T08:00:00Z");
    let lab = Lab::start(clock.clock()(), Some(&[TWO_ADDRESSES])).await.unwrap();
    let emulator = lab.with_cas(TWO_ADDRESSES, Binding::Slb, Seed::default(), clock.clock()).await.unwrap();
    let caller = Caller::new(&emulator, || "2026-11-22T08:00:00Z".parse().unwrap());
    let job = small_job(&emulator, &caller).await;
    let due = "2026-11-22T08:10:00Z".parse::<Time>().unwrap().unix() * 1000;
    caller.query("UpdateDeploymentJob", &[("JobId", &job), ("ScheduleTime", &due.to_string())]).await.ok();
    start(&caller, &job).await.ok();
    assert_eq!(finish(&caller, &job).await, "pending");
    clock.forward(600);
    assert_eq!(finish(&caller, &job).await, "success");
}

/// The gateway shows the new binding at once, the inventory later.
#[tokio::test]
async fn the_inventory_lags_behind_the_gateway() {
    let (lab, emulator) = world(Binding::Eas, Seed { inventory_lag: 2, ..Seed::default() }).await;
    let caller = Caller::new(&emulator, now);
    let (bundle, key) = bundle_and_key(&lab, &emulator, &caller).await;
    let new = caller.form("UploadUserCertificate", &[("Name", "n"), ("Cert", &bundle), ("Key", &key)]).await.ok();
    let gateways = caller.send("GET", "/api/v2/gateways", "ListGateway", &[], &[]).await.unwrap().ok();
    let gateway = gateways["Gateways"][0]["GatewayId"].as_str().unwrap().to_owned();
    let domains = format!("/api/v2/gateways/cn-hangzhou/{gateway}/domains");
    let bound = || async {
        let answer = caller.send("GET", &domains, "ListGatewayDomains", &[], &[]).await.unwrap().ok();
        answer["CustomDomains"][0]["CertificateId"].as_str().unwrap().to_owned()
    };
    let old = emulator.resources()[0].certificate;
    assert_eq!(bound().await, old.to_string());
    let job = small_job(&emulator, &caller).await;
    caller.query("UpdateDeploymentJob", &[("JobId", &job), ("CertIds", &id(&new["CertId"]))]).await.ok();
    start(&caller, &job).await.ok();
    finish(&caller, &job).await;
    assert_eq!(bound().await, id(&new["CertId"]));
    let mut inventory = Vec::new();
    for _ in 0..3 {
        inventory.push(caller.query("ListCloudResources", &[]).await.ok()["Data"][0]["CertId"].clone());
    }
    assert_eq!(inventory, [old.into(), old.into(), new["CertId"].clone()]);
    let wanted = format!(
        r#"{{"Domain":"{}","Type":"internet","CertificateId":"{old}-cn-hangzhou"}}"#,
        emulator.resources()[0].domain
    );
    let attach = domains.replace("domains", "domain/attach");
    caller.send("PUT", &attach, "AttachGatewayDomain", &[("CustomDomain", &wanted)], &[]).await.unwrap().ok();
    assert_eq!(bound().await, old.to_string());
    assert_eq!(served(&lab).await.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1]);
}

/// The guides' story from create to `Deployed`, with what the diagnosis finds on the way.
#[tokio::test]
async fn the_dialect_of_the_guides() {
    let (lab, emulator) = world(Binding::Slb, Seed { guide_dialect: true, ..Seed::default() }).await;
    let caller = Caller::new(&emulator, now);
    let bound = emulator.resources().remove(0);
    let created = [("DomainName", bound.domain.as_str()), ("CertType", "DV")];
    let created = caller.query("CreateCertificate", &created).await.ok();
    assert_eq!(created["Status"], "Issued");
    let id = created["CertId"].as_str().unwrap();
    assert!(id.starts_with("cert-"));
    let diagnose = || async {
        let parameters = [("CertId", id), ("CheckType", "chain_validation"), ("Client", "chrome")];
        let found = caller.query("DiagnoseCertificate", &parameters).await.ok();
        let codes =
            found["Problems"].as_array().unwrap().iter().map(|problem| problem["Code"].as_str().unwrap().to_owned());
        (found["Result"].as_str().unwrap().to_owned(), codes.collect::<Vec<_>>())
    };
    let deploy = || async {
        let parameters = [("CertId", id), ("TargetType", "SLB"), ("InstanceId", &bound.instance)];
        assert_eq!(caller.query("DeployCertificate", &parameters).await.ok()["Status"], "Deploying");
        let mut seen = Vec::new();
        while seen.last() != Some(&"Deployed".to_owned()) {
            let status =
                caller.send("GET", "/", "DescribeCertificateStatus", &[("CertId", id)], &[]).await.unwrap().ok();
            seen.push(status["Status"].as_str().unwrap().to_owned());
        }
        seen
    };
    assert_eq!(deploy().await, ["Deploying", "Deployed"]);
    assert_eq!(diagnose().await, ("fail".to_owned(), vec!["missing_intermediate".to_owned()]));
    assert_eq!(served(&lab).await.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1]);

    let leaf = pem::encode(&emulator.certificates().pop().unwrap().chain[0]);
    let url = format!("{}/ca/intermediate.cer", emulator.endpoint());
    let issuer = pem::encode(&reqwest::get(url).await.unwrap().bytes().await.unwrap());
    let chain = format!("{leaf}{issuer}{}", emulator.root_pem());
    let update = |chain: String| {
        let caller = &caller;
        async move {
            caller.send("PUT", "/", "UpdateCertificate", &[("CertId", id)], &[("PEMChain", &chain)]).await.unwrap()
        }
    };
    let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
    assert_eq!(update(chain.clone() + &key).await.code(), "InvalidParameter", "no key belongs there");
    assert_eq!(update(format!("{issuer}{leaf}")).await.code(), "NotMatch.CertificateAndPrivateKey");
    assert_eq!(update(format!("{leaf}{}{issuer}", emulator.root_pem())).await.ok()["Status"], "Updated");
    assert_eq!(diagnose().await, ("fail".to_owned(), vec!["wrong_order".to_owned()]));
    assert_eq!(update(chain).await.ok()["CertId"], id, "the id stays");
    assert_eq!(diagnose().await, ("pass".to_owned(), vec![]));
    assert_eq!(served(&lab).await.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1], "stored, not yet deployed");
    deploy().await;
    assert_eq!(served(&lab).await.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3]);
}

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
