//! The emulated certificate service: signatures, and the whole way from upload to rollback over real sockets.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tlsmend::lab::Lab;
use tlsmend::lab::cas::{
    Account, Binding, Clock, Credits, Emulator, Fault, Injection, Origin, Propagation, Secret, Seed, SeedCertificate,
    SeedResource, Wiring,
};
use tlsmend::lab::pki::{Issued, Pki};
use tlsmend::lab::scenario::TWO_ADDRESSES;
use tlsmend::model::time::Time;
use tlsmend::x509::pem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::cas_caller::{Caller, plain_http};
use crate::support::cas_world::{bundle_and_key, finish, id, now, served, small_job, start, world};
use crate::support::program::tlsmend;

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
    let issuer = pem::encode(&plain_http().get(url).send().await.unwrap().bytes().await.unwrap());
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

#[tokio::test]
async fn a_rollback_needs_the_certificate_of_before() {
    let (lab, emulator) = world(Binding::Slb, Seed::default()).await;
    let caller = Caller::new(&emulator, now);
    let (bundle, key) = bundle_and_key(&lab, &emulator, &caller).await;
    let old = emulator.certificates()[0].id.to_string();
    let new = caller.form("UploadUserCertificate", &[("Name", "n"), ("Cert", &bundle), ("Key", &key)]).await.ok();
    let deployed = || async {
        let job = small_job(&emulator, &caller).await;
        caller.query("UpdateDeploymentJob", &[("JobId", &job), ("CertIds", &id(&new["CertId"]))]).await.ok();
        start(&caller, &job).await.ok();
        assert_eq!(finish(&caller, &job).await, "success");
        job
    };
    let roll_back = |job: String| {
        let (caller, emulator) = (&caller, &emulator);
        async move {
            let worker = emulator.jobs().pop().unwrap().workers[0].id.to_string();
            let parameters = [("JobId", job.as_str()), ("WorkerId", &worker)];
            caller.query("CreateRollbackTask", &parameters).await.ok();
            finish(caller, &job).await;
            let counters = caller.query("DescribeDeploymentJobStatus", &[("JobId", &job)]).await.ok();
            (
                counters["SuccessCount"].clone(),
                counters["RollbackSuccessCount"].clone(),
                counters["RollbackFailedCount"].clone(),
            )
        }
    };
    let counted = |success: i32, rolled_back: i32, failed: i32| (json!(success), json!(rolled_back), json!(failed));
    assert_eq!(roll_back(deployed().await).await, counted(0, 1, 0));
    let job = deployed().await;
    emulator.inject(Injection::new("CreateRollbackTask", 2, Fault::RollbackError));
    assert_eq!(roll_back(job).await, counted(0, 0, 1), "as injected");
    caller.query("DeleteUserCertificate", &[("CertId", &old)]).await.ok();
    assert_eq!(served(&lab).await.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2]);

    let (lab, emulator) = world(Binding::Slb, Seed::default()).await;
    let caller = Caller::new(&emulator, now);
    let job = small_job(&emulator, &caller).await;
    let new = caller.form("UploadUserCertificate", &[("Name", "n"), ("Cert", &bundle), ("Key", &key)]).await;
    assert_eq!(new.code(), "", "any pair is taken, whatever it is for");
    caller.query("UpdateDeploymentJob", &[("JobId", &job), ("CertIds", &id(&new.json()["CertId"]))]).await.ok();
    start(&caller, &job).await.ok();
    assert_eq!(finish(&caller, &job).await, "success");
    caller.query("DeleteUserCertificate", &[("CertId", &emulator.certificates()[0].id.to_string())]).await.ok();
    let worker = emulator.jobs()[0].workers[0].id.to_string();
    caller.query("CreateRollbackTask", &[("JobId", &job), ("WorkerId", &worker)]).await.ok();
    finish(&caller, &job).await;
    assert_eq!(emulator.jobs()[0].workers[0].status, "rollback_error", "what was bound before is gone");
    assert_eq!(served(&lab).await.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2]);
}

/// Address by address, and an older deployment that arrives late changes nothing.
#[tokio::test]
async fn a_deployment_spreads() {
    let pace = Propagation { first_ms: 0, between_ms: 400, never: Vec::new() };
    let (lab, emulator) = world(Binding::Slb, Seed { propagation: pace, ..Seed::default() }).await;
    let caller = Caller::new(&emulator, now);
    let (bundle, key) = bundle_and_key(&lab, &emulator, &caller).await;
    let new = caller.form("UploadUserCertificate", &[("Name", "n"), ("Cert", &bundle), ("Key", &key)]).await.ok();
    let deploy = |certificate: String| {
        let (caller, emulator) = (&caller, &emulator);
        async move {
            let job = small_job(emulator, caller).await;
            caller.query("UpdateDeploymentJob", &[("JobId", &job), ("CertIds", &certificate)]).await.ok();
            start(caller, &job).await.ok();
            assert_eq!(finish(caller, &job).await, "success");
        }
    };
    deploy(id(&new["CertId"])).await;
    let mut seen = Vec::new();
    while seen.last() != Some(&vec![2, 2]) {
        assert!(seen.len() < 1000, "the second address never serves it");
        seen.push(served(&lab).await.iter().map(Vec::len).collect::<Vec<_>>());
    }
    assert!(!seen.contains(&vec![1, 2]), "the second address was first: {seen:?}");
    deploy(emulator.certificates()[0].id.to_string()).await;
    emulator.set_propagation(Propagation::default());
    deploy(id(&new["CertId"])).await;
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    assert_eq!(served(&lab).await.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2]);
}

#[tokio::test]
async fn keys_tokens_and_policies_are_told_apart() {
    let token = |account: Account, token: &str| account.with_token(token);
    let accounts = vec![
        Account { denied: vec!["DescribeDeploymentJob".to_owned()], ..Account::default() },
        token(Account::new("STS.one", "s"), "token one"),
        token(Account::new("STS.two", "s"), "token two"),
        Account {
            expires_at: Some("2026-01-01T00:00:00Z".parse().unwrap()),
            ..token(Account::new("STS.old", "s"), "token old")
        },
        Account { inactive: true, ..Account::new("off", "s") },
    ];
    let emulator =
        Emulator::start(Seed { accounts, ..Seed::default() }, Arc::new(now), Wiring::default()).await.unwrap();
    for (id, secret, token, code) in [
        ("STS.one", "s", Some("token one"), ""),
        ("STS.one", "s", Some("token two"), "InvalidSecurityToken.MismatchWithAccessKey"),
        ("STS.one", "s", Some("no token"), "InvalidSecurityToken.Malformed"),
        ("STS.one", "s", None, "InvalidAccessKeyId.NotFound"),
        ("STS.one", "wrong", Some("token one"), "SignatureDoesNotMatch"),
        ("STS.old", "s", Some("token old"), "InvalidSecurityToken.Expired"),
        ("off", "s", None, "InvalidAccessKeyId.Inactive"),
        ("nobody", "s", None, "InvalidAccessKeyId.NotFound"),
    ] {
        let answer = Caller::new(&emulator, now).with(id, secret, token).query("ListContact", &[]).await;
        assert_eq!(answer.code(), code, "{id} {token:?}");
    }
    for (header, code) in [("x-acs-extra", "SignatureDoesNotMatch"), ("x-trace", "")] {
        let answer = Caller::new(&emulator, now).unsigned(header, "1").query("ListContact", &[]).await;
        assert_eq!(answer.code(), code, "{header}");
    }
    let denied = Caller::new(&emulator, now).query("DescribeDeploymentJob", &[("JobId", "1")]).await;
    assert_eq!((denied.status, denied.code().as_str()), (403, "NoPermission"));
    assert_eq!(denied.json()["AccessDeniedDetail"]["AuthAction"], "yundun-cert:DescribeDeployment");
    let unsigned =
        replay(&emulator, b"POST /?Action=ListContact HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(unsigned, (400, "IncompleteSignature".to_owned()));
}

/// A certificate with its key, as a seed holds it.
fn seed_certificate(id: i64, issued: &Issued) -> SeedCertificate {
    let key = STANDARD.encode(issued.key_der());
    let key = Secret::new(format!("-----BEGIN PRIVATE KEY-----\n{key}\n-----END PRIVATE KEY-----\n"));
    let name = format!("stored-{id}");
    SeedCertificate { id, guide_id: None, name, cert: issued.pem(), key: Some(key), origin: Origin::Upload }
}

#[tokio::test]
async fn lists_find_what_they_are_asked_for() {
    let root = Pki::new("lists", now()).root("Root").issue().unwrap();
    let issue = |host: &str| root.end_entity(host);
    let certificates = vec![
        seed_certificate(1, &issue("*.it.example").issue().unwrap()),
        seed_certificate(2, &issue("old.it.example").valid(-60, -1).issue().unwrap()),
        seed_certificate(3, &issue("www.example").issue().unwrap()),
    ];
    let resource = |id, product: &str, domain: &str, cert_id| SeedResource {
        cert_id,
        ..SeedResource::new(id, product, domain, "i-1")
    };
    let resources = vec![
        resource(1, "CDN", "a.it.example", 1),
        resource(2, "CDN", "a.b.it.example", 1),
        SeedResource { hidden_for: 1, ..resource(3, "OSS", "it.example", 0) },
        SeedResource { enable_https: false, ..resource(4, "CDN", "b.it.example", 0) },
        resource(5, "SLB", "c.it.example", 3),
    ];
    let emulator =
        Emulator::start(Seed { certificates, resources, ..Seed::default() }, Arc::new(now), Wiring::default())
            .await
            .unwrap();
    let caller = Caller::new(&emulator, now);
    let ids = |answer: &Value, list: &str, id: &str| -> Vec<String> {
        answer[list].as_array().unwrap().iter().map(|row| row[id].to_string().replace('"', "")).collect()
    };
    for (order, status, keyword, found) in [
        ("UPLOAD", "", "", &["3", "1"][..]),
        ("UPLOAD", "EXPIRED", "", &["2"]),
        ("CERT", "", "*.it.example", &["1"]),
        ("CERT", "", "t.exam", &["1"]),
        ("CERT", "", "a.it.example", &[]),
        ("CERT", "", "stored-1", &[]),
        ("CPACK", "", "", &[]),
        ("", "", "", &[]),
    ] {
        let parameters = [("OrderType", order), ("Status", status), ("Keyword", keyword)];
        let answer = caller.query("ListUserCertificateOrder", &parameters).await.ok();
        assert_eq!(ids(&answer, "CertificateOrderList", "CertificateId"), found, "{order} {status} {keyword}");
    }
    let answer = caller.query("ListCertificates", &[("Keyword", "stored-2")]).await.ok();
    assert_eq!(ids(&answer, "CertificateList", "CertificateId"), ["2"]);
    assert!(
        answer["CertificateList"][0]["CertificateId"].is_string()
            && answer["CertificateList"][0]["CertificateStatus"] == "expired"
    );
    assert_eq!(caller.query("ListCertificates", &[("ShowSize", "101")]).await.code(), "InvalidParameter");
    let list = |parameters: &'static [(&'static str, &'static str)]| {
        let (caller, ids) = (&caller, &ids);
        async move { ids(&caller.query("ListCloudResources", parameters).await.ok(), "Data", "Id") }
    };
    assert_eq!(list(&[]).await, ["1", "2", "4", "5"], "not synchronised yet");
    assert_eq!(list(&[]).await, ["1", "2", "3", "4", "5"]);
    assert_eq!(list(&[("CloudProduct", "OSS")]).await, ["3"]);
    assert_eq!(list(&[("CertIds", "[1, 3]"), ("ShowSize", "2"), ("CurrentPage", "2")]).await, ["5"]);
    assert_eq!(list(&[("Keyword", "I-1"), ("CloudName", "Tencent")]).await, [""; 0]);
    let matched = caller.query("GetMatchedResources", &[("CertIds", "1")]).await.ok();
    assert_eq!(ids(&matched, "Data", "Id"), ["1", "4", "5"], "one label more, no less");

    // Which of them can be deployed to, one by one.
    for (resource, status) in [("1", "success"), ("2", "error"), ("3", "error"), ("4", "error"), ("5", "error")] {
        let parameters =
            [("Name", "j"), ("JobType", "user"), ("CertIds", "1"), ("ResourceIds", resource), ("ContactIds", "519580")];
        let job = id(&caller.query("CreateDeploymentJob", &parameters).await.ok()["JobId"]);
        start(&caller, &job).await.ok();
        assert_eq!(
            finish(&caller, &job).await,
            status,
            "no match, no HTTPS, and old names that are not covered: {resource}"
        );
    }
    for (parameter, value) in
        [("CertIds", "9"), ("ResourceIds", "9"), ("ContactIds", "9"), ("JobType", "USER"), ("Name", "")]
    {
        let mut parameters =
            vec![("Name", "j"), ("JobType", "user"), ("CertIds", "1"), ("ResourceIds", "1"), ("ContactIds", "519580")];
        parameters.iter_mut().filter(|(name, _)| *name == parameter).for_each(|pair| pair.1 = value);
        let answer = caller.query("CreateDeploymentJob", &parameters).await;
        assert!([400, 404].contains(&answer.status) && !answer.code().is_empty(), "{parameter}");
    }
}

/// The shape of a refusal and of a success, in both formats.
#[tokio::test]
async fn answers_have_the_shapes_of_the_service() {
    let emulator = Emulator::start(Seed::default(), Arc::new(now), Wiring::default()).await.unwrap();
    let caller = Caller::new(&emulator, now);
    let refused = caller.query("GetUserCertificateDetail", &[]).await;
    let body = refused.json();
    let names: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert_eq!(names, ["RequestId", "HostId", "Code", "Message", "Recommend"]);
    assert!(refused.status == 400 && body["Message"].as_str().unwrap().contains("\"CertId\""));
    let id = body["RequestId"].as_str().unwrap();
    let lengths: Vec<usize> = id.split('-').map(str::len).collect();
    assert!(lengths == [8, 4, 4, 4, 12] && *id == id.to_uppercase(), "{id}");
    assert!(body["Recommend"].as_str().unwrap().ends_with(&format!("?q=MissingParameter&product=cas&requestId={id}")));
    for (action, parameters, root) in [
        ("GetUserCertificateDetail", [("Format", "XML"), ("CertId", "")], "<Error>"),
        ("ListContact", [("Format", "xml"), ("Keyword", "ops")], "<ListContactResponse>"),
    ] {
        let answer = caller.query(action, &parameters).await;
        assert_eq!(answer.content_type, "text/xml;charset=utf-8");
        assert!(answer.text.contains(root), "{}", answer.text);
    }
    let contacts = caller.query("ListContact", &[("Format", "XML")]).await.text;
    assert!(contacts.contains("<ContactList><ContactId>519580</ContactId><Name>ops</Name>"), "{contacts}");
}

/// What the command prints is what runs: a service that verifies, a domain that is broken, a fault that was asked for.
#[cfg(unix)]
#[tokio::test]
async fn lab_cas_runs_what_it_prints() {
    let fault = r#"{"action":"ListContact","call":2,"fault":"throttled"}"#;
    let folder = tempfile::tempdir().unwrap();
    let seed = folder.path().join("seed.json");
    std::fs::write(&seed, r#"{"resources": [], "credits": {"bought": 1, "used": 1}, "guide_dialect": true}"#).unwrap();
    let arguments = ["lab", "cas", "--output", "json", "--inject", fault, "--seed", seed.to_str().unwrap()];
    let lab = Command::new(env!("CARGO_BIN_EXE_tlsmend")).args(arguments).stdout(Stdio::piped()).spawn().unwrap();
    let mut lab = Process(lab);
    let output = lab.0.stdout.take().unwrap();
    let document =
        tokio::task::spawn_blocking(|| serde_json::Deserializer::from_reader(output).into_iter::<Value>().next());
    let document = document.await.unwrap().unwrap().unwrap();
    let service = document["endpoint"].as_str().unwrap().strip_prefix("http://").unwrap().parse().unwrap();
    let text = |name: &str| document[name].as_str().unwrap();
    let caller = Caller::at(service, now).with(text("access_key_id"), text("access_key_secret"), None);
    caller.query("ListContact", &[]).await.ok();
    assert_eq!(caller.query("ListContact", &[]).await.code(), "Throttling.User");
    let resources = caller.query("ListCloudResources", &[]).await.ok();
    assert_eq!(resources["Data"][0]["Id"], document["resources"][0]["id"]);
    assert_eq!(resources["Data"][0]["CertId"], document["certificates"][0]["id"]);
    assert_eq!(
        caller.query("DescribeCertificateStatus", &[("CertId", "cert-1")]).await.code(),
        "NotFound",
        "the guides' dialect is on"
    );

    let mut arguments: Vec<String> = serde_json::from_value(document["arguments"].clone()).unwrap();
    arguments.extend(["--output".to_owned(), "json".to_owned()]);
    let probed =
        tokio::task::spawn_blocking(move || tlsmend(&arguments.iter().map(String::as_str).collect::<Vec<_>>()));
    let probed = probed.await.unwrap();
    assert_eq!(probed.code, Some(1), "{}", probed.stderr);
    assert!(probed.stdout.contains("missing-intermediate"));
    Command::new("kill").args(["-INT", &lab.0.id().to_string()]).status().unwrap();
    assert_eq!(lab.0.wait().unwrap().code(), Some(0), "Ctrl-C is the way to end it");
    assert!(!Path::new(text("roots")).exists(), "the temporary directory is removed");

    let bad = tlsmend(&["lab", "cas", "--inject", r#"{"action":"A","call":1,"fault":"earthquake"}"#]);
    assert!(bad.code == Some(2) && bad.stderr.contains("earthquake"), "{}", bad.stderr);
}

/// A program that a failing test does not leave behind.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
