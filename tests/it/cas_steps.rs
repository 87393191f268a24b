//! `tlsmend cas`: the single steps as a user runs them, against the emulated service over real sockets.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use serde_json::Value;
use tlsmend::lab::cas::{Emulator, Fault, Injection, Seed, SeedGateway, SeedResource, Wiring};
use tlsmend::x509::pem;

use crate::support::cas_caller::Caller;
use crate::support::site::{HOST, Site, now};

pub const SECRET: &str = "testAccessKeySecret";
pub const RESOURCE: i64 = 6_591_316;

/// An emulator with one resource for [`HOST`], one elsewhere, and a gateway.
pub async fn emulator(seed: Seed) -> Emulator {
    let mut seed = seed;
    let pai = seed.pai_product.clone();
    seed.resources.push(SeedResource::new(RESOURCE, "SLB", HOST, "lb-ai-rec-01"));
    seed.resources.push(SeedResource::new(RESOURCE + 1, &pai, "api.other.example", "gw-1"));
    seed.gateways.push(SeedGateway {
        id: "gw-1".to_owned(),
        name: "gateway".to_owned(),
        internet_domain: "gw-1.cn-hangzhou.pai-eas.example.net".to_owned(),
        status: "Running".to_owned(),
        ssl_redirection: false,
        services: Vec::new(),
    });
    Emulator::start(seed, Arc::new(now), Wiring::default()).await.unwrap()
}

/// What a run left behind.
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {} {}", self.stdout, self.stderr))
    }
}

/// Runs `tlsmend` in an environment of its own, beside the emulator, which needs this thread.
pub async fn tlsmend(folder: &Path, environment: &[(&str, &str)], arguments: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tlsmend"));
    let kept: Vec<_> = std::env::vars_os()
        .filter(|(name, _)| name.to_str().is_some_and(|name| ["PATH", "SystemRoot", "TMPDIR"].contains(&name)))
        .collect();
    command
        .args(arguments)
        .env_clear()
        .envs(kept)
        .env("HOME", folder)
        .env("NO_COLOR", "1")
        .envs(environment.iter().copied())
        .stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

pub const KEYS: [(&str, &str); 2] =
    [("ALIBABA_CLOUD_ACCESS_KEY_ID", "testAccessKeyId"), ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", SECRET)];

/// With credentials, towards the emulator.
pub async fn run(site: &Site, emulator: &Emulator, arguments: &[&str]) -> Ran {
    let endpoint = emulator.endpoint();
    let all: Vec<&str> =
        arguments.iter().copied().chain(["--endpoint", &endpoint, "--region", "cn-hangzhou"]).collect();
    let ran = tlsmend(site.folder.path(), &KEYS, &all).await;
    let key = site.read("key.pem");
    let in_key = key.lines().nth(1).unwrap();
    for secret in [SECRET, in_key] {
        assert!(!ran.stdout.contains(secret) && !ran.stderr.contains(secret), "a secret is shown");
    }
    ran
}

#[tokio::test]
async fn every_step_of_the_real_service() {
    let (site, emulator) = (Site::new().await, emulator(Seed::default()).await);
    let path = |name: &str| site.path(name).to_str().unwrap().to_owned();
    let (key, root) = (path("key.pem"), path("root.pem"));
    site.write("whole.pem", &site.whole());
    let upload = async |file: &str, more: &[&str]| {
        let file = path(file);
        let arguments =
            [&["cas", "upload", &file, "--key", &key, "--roots", &root, "--host", HOST, "--output", "json"], more];
        run(&site, &emulator, &arguments.concat()).await
    };

    // The service would take it; clients would not.
    let broken = upload("fullchain.pem", &[]).await;
    assert_eq!((broken.code, &broken.json()["result"]["uploaded"]), (Some(1), &Value::Bool(false)));
    assert!(emulator.actions().is_empty());

    let first = upload("whole.pem", &[]).await;
    assert_eq!((first.code, &first.json()["result"]["uploaded"]), (Some(0), &Value::Bool(true)), "{}", first.stdout);
    let id = first.json()["result"]["cert_id"].as_str().unwrap().to_owned();
    let again = upload("whole.pem", &[]).await;
    assert_eq!((again.code, &again.json()["result"]["uploaded"]), (Some(0), &Value::Bool(false)));
    assert_eq!(again.json()["result"]["cert_id"], *id);
    assert_eq!(emulator.certificates().len(), 1);
    // The same name for something else.
    let name = first.json()["result"]["name"].as_str().unwrap().to_owned();
    site.write("other.pem", &site.intermediate.end_entity(HOST).key_of(&site.end_entity).issue().unwrap().pem());
    let clash = upload("other.pem", &["--force", "--name", &name]).await;
    assert_eq!((clash.code, &clash.json()["error"]["code"]), (Some(1), &Value::from("NameRepeat")), "{}", clash.stdout);
    // Stored, and the answer is lost.
    emulator.inject(Injection::new("UploadUserCertificate", 4, Fault::InternalErrorAfterEffect));
    let lost = upload("whole.pem", &["--name", "another"]).await;
    assert_eq!((lost.code, &lost.json()["result"]["uploaded"]), (Some(0), &Value::Bool(true)), "{}", lost.stdout);
    assert_eq!(emulator.actions().iter().filter(|action| *action == "UploadUserCertificate").count(), 4);

    let status = run(&site, &emulator, &["cas", "status", "--cert-id", &id]).await;
    assert_eq!(status.code, Some(0));
    assert!(status.stdout.contains(HOST) && status.stdout.contains("one credit"), "{}", status.stdout);
    assert!(emulator.calls().iter().all(|call| call.secrets_in_query().is_empty()));

    let deploy = ["cas", "deploy", "--cert-id", &id, "--domain", HOST, "--poll-interval", "10ms"];
    let plan = run(&site, &emulator, &deploy).await;
    assert_eq!((plan.code, emulator.jobs().len()), (Some(1), 0));
    assert!(plan.stdout.contains("about 1 deployment credits") && plan.stdout.contains("--yes"), "{}", plan.stdout);
    let done = run(&site, &emulator, &[&deploy[..], &["--yes", "--output", "json"]].concat()).await;
    assert_eq!(
        (done.code, &done.json()["result"]["job"]["status"]),
        (Some(0), &Value::from("success")),
        "{}",
        done.stdout
    );
    assert_eq!(emulator.resources()[0].certificate.to_string(), id);
    let job = done.json()["result"]["job"]["id"].as_str().unwrap().to_owned();
    let status = run(&site, &emulator, &["cas", "status", "--job", &job, "-v"]).await;
    assert!(
        status.stdout.contains("success") && status.stdout.contains("DescribeDeploymentJob ok"),
        "{}",
        status.stdout
    );

    // Names that do not match create nothing.
    let elsewhere = ["cas", "deploy", "--cert-id", &id, "--domain", "api.other.example", "--yes"];
    let mismatch = run(&site, &emulator, &elsewhere).await;
    assert_eq!((mismatch.code, emulator.jobs().len()), (Some(1), 1), "{}", mismatch.stdout);

    let diagnose = run(&site, &emulator, &["cas", "diagnose", "--cert-id", &id, "--host", HOST]).await;
    assert_eq!(diagnose.code, Some(0), "{}", diagnose.stdout);
    let diagnose =
        run(&site, &emulator, &["cas", "diagnose", "--cert-id", &id, "--host", "a.example", "--output", "json"]).await;
    assert_eq!(
        (diagnose.code, &diagnose.json()["result"]["problems"][0]["code"]),
        (Some(1), &Value::from("name_mismatch"))
    );

    let absent = run(&site, &emulator, &["cas", "status", "--cert-id", "1"]).await;
    assert_eq!(absent.code, Some(1), "{}", absent.stdout);
    let guides = run(&site, &emulator, &["cas", "status", "--cert-id", "cert-8a9b2c"]).await;
    assert_eq!(guides.code, Some(2), "{}", guides.stdout);
}

/// From the order to the stored certificate; its private key is in the service's last answer, and never in ours.
#[tokio::test]
async fn an_order_of_the_real_service_to_its_end() {
    let (site, emulator) = (Site::new().await, emulator(Seed::default()).await);
    let contact = ["--contact-name", "Ops", "--phone", "13900000000", "--email", "ops@example.com"];
    let create = ["cas", "create", "--domain", HOST];

    // Nothing is sent without the contact.
    let nameless = run(&site, &emulator, &create).await;
    assert!(nameless.code == Some(2) && nameless.stderr.contains("--contact-name"), "{}", nameless.stderr);
    assert!(emulator.actions().is_empty());

    let created = run(&site, &emulator, &[&create[..], &contact, &["--output", "json"]].concat()).await;
    assert_eq!(created.code, Some(0), "{} {}", created.stdout, created.stderr);
    assert_eq!(emulator.actions(), ["CreateCertificateRequest", "DescribeCertificateState"]);
    let call = emulator.calls().remove(0);
    let sent = |name: &str| call.parameter(name).map(str::to_owned).unwrap_or_default();
    let wanted = [HOST, "Ops", "13900000000", "ops@example.com", "DNS"];
    assert_eq!(["Domain", "Username", "Phone", "Email", "ValidateType"].map(sent), wanted);
    let result = created.json()["result"].take();
    let id = result["order_id"].as_str().unwrap().to_owned();
    let order = &result["order"];
    assert_eq!((&order["state"], &order["RecordType"]), (&Value::from("domain_verify"), &Value::from("TXT")));
    assert!(order["RecordDomain"].as_str().unwrap().ends_with(HOST), "{order}");
    assert!(!order["RecordValue"].as_str().unwrap().is_empty(), "{order}");

    let look = ["cas", "status", "--order", &id];
    let working = run(&site, &emulator, &look).await;
    assert_eq!((working.code, working.stdout.lines().next()), (Some(0), Some(&*format!("order {id}: process"))));
    assert!(working.stdout.contains(&format!("look again: tlsmend cas status --order {id}")), "{}", working.stdout);
    assert!(emulator.certificates().is_empty());

    let text = run(&site, &emulator, &[&look[..], &["-v"]].concat()).await;
    let json = run(&site, &emulator, &[&look[..], &["--output", "json"]].concat()).await;
    assert_eq!((text.code, json.code), (Some(0), Some(0)), "{} {}", text.stdout, json.stdout);
    assert_eq!(emulator.actions()[2..], ["DescribeCertificateState"; 3]);
    let stored = emulator.certificates().remove(0);
    let cert = stored.id.to_string();
    assert!(text.stdout.contains(&format!("issued: tlsmend cas status --cert-id {cert}")), "{}", text.stdout);
    let order = &json.json()["result"]["order"];
    assert_eq!((&order["state"], &order["CertId"]), (&Value::from("certificate"), &Value::from(&*cert)));
    let (blocks, _) = pem::blocks(order["Certificate"].as_str().unwrap().as_bytes());
    assert_eq!(blocks.into_iter().map(|block| block.der).collect::<Vec<_>>(), stored.chain);

    let answer = Caller::new(&emulator, now).query("DescribeCertificateState", &[("OrderId", &id)]).await.ok();
    let key = answer["PrivateKey"].as_str().unwrap().lines().nth(1).unwrap().to_owned();
    for shown in [&text, &json] {
        for secret in [&key, "PRIVATE KEY", "PrivateKey"] {
            assert!(!shown.stdout.contains(secret) && !shown.stderr.contains(secret), "{secret} is shown");
        }
    }

    let bought = run(&site, &emulator, &["cas", "status", "--cert-id", &cert]).await;
    assert_eq!(bought.code, Some(0), "{}", bought.stdout);
    assert!(bought.stdout.contains(HOST) && bought.stdout.contains("deployed without credits"), "{}", bought.stdout);
    let absent = run(&site, &emulator, &["cas", "status", "--order", "1", "--output", "json"]).await;
    assert_eq!((absent.code, &absent.json()["error"]["kind"]), (Some(1), &Value::from("not-found")));
}

#[tokio::test]
async fn the_whole_flow_of_the_guide() {
    let seed = Seed { guide_dialect: true, ..Seed::default() };
    let (site, emulator) = (Site::new().await, emulator(seed).await);
    let guide = async |arguments: &[&str]| {
        run(&site, &emulator, &[arguments, &["--dialect", "guide", "--output", "json"]].concat()).await
    };
    let created = guide(&["cas", "create", "--domain", HOST]).await;
    assert_eq!(created.code, Some(0), "{}", created.stdout);
    let id = created.json()["result"]["cert_id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("cert-"), "{id}");
    let deploy = [
        "cas",
        "deploy",
        "--cert-id",
        &id,
        "--product",
        "SLB",
        "--instance",
        "lb-ai-rec-01",
        "--poll-interval",
        "10ms",
    ];
    assert_eq!(guide(&deploy).await.code, Some(1), "not without --yes");
    let deployed = guide(&[&deploy[..], &["--yes"]].concat()).await;
    assert_eq!(
        (deployed.code, &deployed.json()["result"]["status"]),
        (Some(0), &Value::from("Deployed")),
        "{}",
        deployed.stdout
    );

    let diagnose = ["cas", "diagnose", "--cert-id", &id, "--client", "chrome"];
    let broken = guide(&diagnose).await;
    assert_eq!(
        (broken.code, &broken.json()["result"]["problems"][0]["code"]),
        (Some(1), &Value::from("missing_intermediate"))
    );

    let leaf = emulator.certificates().pop().unwrap().chain.remove(0);
    let page = format!("{}/ca/intermediate.cer", emulator.endpoint());
    let intermediate = reqwest_get(&page).await;
    site.write("mended.pem", &(pem::encode(&leaf) + &pem::encode(&intermediate)));
    site.write("guide-root.pem", &emulator.root_pem());
    let (file, root) = (site.path("mended.pem"), site.path("guide-root.pem"));
    let (file, root) = (file.to_str().unwrap(), root.to_str().unwrap());
    let updated = guide(&["cas", "upload", file, "--cert-id", &id, "--roots", root, "--host", HOST]).await;
    assert_eq!(
        (updated.code, &updated.json()["result"]["status"]),
        (Some(0), &Value::from("Updated")),
        "{}",
        updated.stdout
    );
    assert_eq!(guide(&diagnose).await.code, Some(0));
    assert_eq!(guide(&[&deploy[..], &["--yes"]].concat()).await.code, Some(0));
    let status = guide(&["cas", "status", "--cert-id", &id]).await;
    assert_eq!(status.json()["result"]["status"], "Deployed");
    assert!(emulator.calls().iter().all(|call| call.authenticated && !call.acs3));
}

/// One page from the emulator, by hand.
async fn reqwest_get(url: &str) -> Vec<u8> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
    let request = format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let start = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    answer.split_off(start)
}

#[tokio::test]
async fn exit_codes_tell_usage_refusal_and_silence_apart() {
    let (site, emulator) = (Site::new().await, emulator(Seed::default()).await);
    let folder = site.folder.path();
    let status = ["cas", "status", "--cert-id", "12345678"];
    let with = |more: &'static [&'static str]| [&status[..], more].concat();

    let none = tlsmend(folder, &[], &with(&["--region", "cn-hangzhou"])).await;
    assert!(none.code == Some(2) && none.stderr.contains("ALIBABA_CLOUD_ACCESS_KEY_ID"), "{}", none.stderr);
    let nowhere = tlsmend(folder, &KEYS, &status).await;
    assert!(nowhere.code == Some(2) && nowhere.stderr.contains("--region"), "{}", nowhere.stderr);
    let plain = tlsmend(folder, &KEYS, &with(&["--endpoint", "http://cas.example"])).await;
    assert!(plain.code == Some(2) && plain.stderr.contains("https"), "{}", plain.stderr);
    let guide = ["cas", "status", "--cert-id", "cert-1", "--dialect", "guide", "--region", "cn-hangzhou"];
    let refused = tlsmend(folder, &KEYS, &guide).await;
    assert!(refused.code == Some(2) && refused.stderr.contains("--force-guide"), "{}", refused.stderr);

    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let url = format!("http://{closed}");
    let silent = tlsmend(folder, &KEYS, &[&status[..], &["--endpoint", &url, "--output", "json"]].concat()).await;
    assert_eq!((silent.code, &silent.json()["error"]["kind"]), (Some(3), &Value::from("unreachable")));

    for (fault, code, kind) in [
        (Fault::ServiceUnavailable, 3, "service"),
        (Fault::HtmlBadGateway, 3, "service"),
        (Fault::Throttled { retry_after_ms: None }, 1, "throttled"),
    ] {
        emulator.behave();
        emulator.inject(Injection::new("*", 1, fault.clone()).times(1_000));
        let ran = run(&site, &emulator, &with(&["--output", "json"])).await;
        assert_eq!((ran.code, &ran.json()["error"]["kind"]), (Some(code), &Value::from(kind)), "{fault:?}");
        assert_eq!(ran.json()["calls"].as_array().unwrap().len(), 4, "{fault:?}");
    }
}

/// Command line before environment before file; and a proxy is used, except on this machine.
#[tokio::test]
async fn the_endpoint_comes_from_the_nearest_place() {
    let (site, emulator) = (Site::new().await, emulator(Seed::default()).await);
    let (endpoint, wrong) = (emulator.endpoint(), "http://127.0.0.1:9");
    let status = ["cas", "status", "--cert-id", "1", "--output", "json", "--config"];
    let config = |endpoint: &str| {
        site.write("config.toml", &format!("region = \"cn-hangzhou\"\nendpoint = \"{endpoint}\"\n"));
        site.path("config.toml").to_str().unwrap().to_owned()
    };
    let proxied = [("HTTP_PROXY", wrong), ("http_proxy", wrong), ("HTTPS_PROXY", wrong)];
    let base = [&KEYS[..], &proxied].concat();
    let from_file = config(&endpoint);
    let ran = tlsmend(site.folder.path(), &base, &[&status[..], &[&from_file]].concat()).await;
    assert_eq!(ran.json()["error"]["kind"], "not-found", "{}", ran.stdout);
    let from_file = config(wrong);
    let with_environment = [&base[..], &[("ALIBABA_CLOUD_ENDPOINT", endpoint.as_str())]].concat();
    let ran = tlsmend(site.folder.path(), &with_environment, &[&status[..], &[&from_file]].concat()).await;
    assert_eq!(ran.json()["endpoint"], endpoint);
    let against = [&base[..], &[("ALIBABA_CLOUD_ENDPOINT", wrong)]].concat();
    let ran =
        tlsmend(site.folder.path(), &against, &[&status[..], &[&from_file, "--endpoint", &endpoint]].concat()).await;
    assert_eq!(ran.json()["endpoint"], endpoint);

    // Elsewhere the proxy is asked; it sees the host, and nothing of the request.
    let proxy = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let asked = async {
        use tokio::io::AsyncReadExt;
        let (mut stream, _) = proxy.accept().await.unwrap();
        let mut request = vec![0; 4096];
        let length = stream.read(&mut request).await.unwrap();
        drop((stream, proxy));
        String::from_utf8(request[..length].to_vec()).unwrap()
    };
    let environment = [&KEYS[..], &[("HTTPS_PROXY", address.as_str())]].concat();
    let arguments = ["cas", "status", "--cert-id", "1", "--region", "cn-hangzhou", "--output", "json"];
    let (asked, ran) = tokio::join!(asked, tlsmend(site.folder.path(), &environment, &arguments));
    assert!(asked.starts_with("CONNECT cas.aliyuncs.com:443 "), "{asked}");
    assert_eq!((ran.code, &ran.json()["error"]["effect"]), (Some(3), &Value::from("none")), "{}", ran.stdout);
}
