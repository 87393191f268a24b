//! Certificate Transparency: timestamps of real certificates by the keys of the real logs, and Chrome's policy by logs and
//! certificates that Python makes.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tlsmend::judge::ct::{LogList, LogListError};
use tlsmend::model::report::Report;
use tlsmend::probe::{Change, judge_again};
use tlsmend::x509::Certificate;
use tlsmend::x509::sct::Entry;
use tlsmend::x509::signature::SignatureCheck;

use crate::support::program::tlsmend;
use crate::support::{peer, skip, validate};

const HOST: &str = "ct.lab.example.com";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/ct").join(name)
}

fn inspect(chain: &Path, logs: &Path, more: &[&str]) -> Value {
    let (chain, logs) = (chain.to_str().unwrap(), logs.to_str().unwrap());
    let given = [&["inspect", chain, "--ct-logs", logs, "--output", "json"], more].concat();
    let run = tlsmend(&given);
    let report = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"));
    validate(&report);
    report
}

fn facts(report: &Value) -> &Value {
    &report["deployments"][0]["certificate_transparency"]
}

fn worths(report: &Value) -> Vec<&str> {
    facts(report)["scts"].as_array().unwrap().iter().map(|sct| sct["worth"].as_str().unwrap()).collect()
}

fn chrome(report: &Value) -> String {
    let clients = report["deployments"][0]["clients"].as_array().unwrap();
    let found = clients.iter().find(|client| client["id"] == "chrome").unwrap();
    format!("{} {}", found["code"].as_str().unwrap_or("accept"), found["cause"].as_str().unwrap_or("-"))
}

fn has(report: &Value, code: &str) -> bool {
    report["findings"].as_array().unwrap().iter().any(|finding| finding["code"] == code)
}

/// The precertificate that the logs of Google, Cloudflare, DigiCert, Sectigo and Let's Encrypt signed is the one that is
/// made again from the certificate: their signatures verify.
#[test]
fn real_logs_signed_real_certificates() {
    let logs = fixture("log_list-2026-08-25.json");
    for (name, count, operators) in [
        ("akamai", 3, &["DigiCert", "Google"][..]),
        ("google", 2, &["Cloudflare", "Google"]),
        // Let's Encrypt's log is one of tiles, whose timestamps carry an extension.
        ("stackoverflow", 2, &["Cloudflare", "Let's Encrypt"]),
        ("microsoft", 3, &["DigiCert", "Google", "Sectigo"]),
        ("amazon", 3, &["DigiCert", "Google"]),
    ] {
        let report = inspect(&fixture(&format!("{name}.pem")), &logs, &["--at", "2026-07-01T00:00:00Z"]);
        assert_eq!(worths(&report), vec!["counts"; count], "{name}");
        assert_eq!(
            (facts(&report)["policy"].as_str(), chrome(&report).as_str()),
            (Some("complies"), "accept -"),
            "{name}"
        );
        let mut of: Vec<&str> =
            facts(&report)["scts"].as_array().unwrap().iter().map(|sct| sct["operator"].as_str().unwrap()).collect();
        of.sort_unstable();
        of.dedup();
        assert_eq!(of, operators, "{name}");
    }
    // Judged by a list of long ago, as by a browser that nobody updates: nothing is enforced.
    let old = fixture("log_list-2021-10-05.json");
    let report = inspect(&fixture("google-2023.pem"), &old, &["--at", "2023-02-01T00:00:00Z"]);
    assert_eq!(worths(&report), ["counts", "counts"]);
    assert_eq!((facts(&report)["policy"].as_str(), chrome(&report).as_str()), (Some("not_checked"), "accept -"));
    assert!(facts(&report)["why"].as_str().unwrap().contains("too old"));
}

/// Another issuer, another certificate, another log: none of it verifies.
#[test]
fn a_timestamp_is_for_one_certificate_of_one_issuer() {
    let logs = LogList::parse(&std::fs::read(fixture("log_list-2026-08-25.json")).unwrap()).unwrap();
    let chain = |name: &str| {
        let bytes = std::fs::read(fixture(name)).unwrap();
        let ders = tlsmend::x509::certificates_in(&bytes).unwrap();
        ders.iter().map(|der| Certificate::parse(der).unwrap()).collect::<Vec<_>>()
    };
    let (google, amazon) = (chain("google.pem"), chain("amazon.pem"));
    let entry = |subject, issuer| Entry::precertificate(subject, issuer).unwrap();
    for sct in &google[0].extensions.scts {
        let log = logs.find(&sct.log_id).unwrap();
        assert_eq!(sct.signature(&entry(&google[0], &google[1]), &log.key), SignatureCheck::Valid);
        assert_eq!(sct.signature(&entry(&google[0], &amazon[1]), &log.key), SignatureCheck::Invalid);
        assert_eq!(sct.signature(&entry(&amazon[0], &google[1]), &log.key), SignatureCheck::Invalid);
        assert_eq!(sct.signature(&Entry::Certificate(google[0].der()), &log.key), SignatureCheck::Invalid);
        let others = &amazon[0].extensions.scts;
        let other = others.iter().find(|other| other.log_id != sct.log_id).unwrap();
        assert_eq!(
            sct.signature(&entry(&google[0], &google[1]), &logs.find(&other.log_id).unwrap().key),
            SignatureCheck::Invalid
        );
    }
    assert_eq!(Entry::precertificate(&google[1], &google[1]), None, "a CA has no timestamps");
}

/// A world of logs and certificates; `None` where Python lacks what it takes.
fn world(certificates: &Value) -> Option<tempfile::TempDir> {
    let has = Command::new("python3").args(["-c", "import cryptography"]).stderr(Stdio::null()).status();
    if !has.is_ok_and(|status| status.success()) {
        skip("python3 has no cryptography");
        return None;
    }
    let log = |name: &str, operator: &str, state: &str, since: &str| json!({"name": name, "operator": operator, "state": state, "since": since});
    let with = |mut log: Value, more: Value| {
        log.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        log
    };
    const LONG_AGO: &str = "2025-01-01T00:00:00Z";
    let world = json!({
        "host": HOST,
        "list_at": "2026-09-10T00:00:00Z",
        "logs": [
            log("one", "A", "usable", LONG_AGO),
            log("qualified", "A", "qualified", LONG_AGO),
            with(log("tiled", "B", "usable", LONG_AGO), json!({"tiled": true})),
            with(log("rsa", "B", "usable", LONG_AGO), json!({"key": "rsa"})),
            log("readonly", "B", "readonly", LONG_AGO),
            log("retired", "B", "retired", "2026-08-15T00:00:00Z"),
            log("retired too", "A", "retired", "2026-08-15T00:00:00Z"),
            log("pending", "B", "pending", LONG_AGO),
            log("rejected", "B", "rejected", LONG_AGO),
            with(
                log("sold", "A", "usable", LONG_AGO),
                json!({"previous": [{"name": "B", "end_time": "2026-08-05T00:00:00Z"}]}),
            ),
            with(log("unlisted", "B", "usable", LONG_AGO), json!({"listed": false})),
        ],
        "certificates": certificates,
    });
    let folder = tempfile::tempdir().unwrap();
    let script = include_str!("support/ct_world.py");
    peer::run(Command::new("python3").args(["-c", script]).arg(folder.path()).arg(world.to_string()));
    Some(folder)
}

/// A log's timestamp of 2026-08-01, when the certificates are made.
fn of(log: &str) -> Value {
    json!({"log": log, "at": "2026-08-01T00:00:00Z"})
}

#[test]
fn chromes_policy_is_enforced_for_public_roots() {
    const NOT_MET: &str = "ERR_CERTIFICATE_TRANSPARENCY_REQUIRED ct-policy-not-met";
    const TOO_FEW: &str = "ERR_CERTIFICATE_TRANSPARENCY_REQUIRED no-scts";
    const FINE: &str = "accept -";
    let forged = json!({"log": "rsa", "at": "2026-08-01T00:00:00Z", "forged": true});
    let late = |log: &str| json!({"log": log, "at": "2026-08-20T00:00:00Z"});
    let leaf_index = json!({"log": "tiled", "at": "2026-08-01T00:00:00Z", "extensions": "0000050000000102"});
    // Name, days of life, timestamps; what each is worth on 2026-09-01, the policy, and what Chrome says.
    let cases = [
        ("two operators", 90, vec![of("one"), of("rsa")], "counts counts", "complies", FINE),
        ("tiled", 90, vec![of("one"), leaf_index.clone()], "counts counts", "complies", FINE),
        ("read-only", 90, vec![of("one"), of("readonly")], "counts counts", "complies", FINE),
        ("one operator", 90, vec![of("one"), of("qualified")], "counts counts", "not_diverse", NOT_MET),
        ("none", 90, vec![], "", "not_enough", TOO_FEW),
        ("one", 90, vec![of("one")], "counts", "not_enough", TOO_FEW),
        ("180 days", 180, vec![of("one"), of("rsa")], "counts counts", "complies", FINE),
        ("181 days", 181, vec![of("one"), of("rsa")], "counts counts", "not_enough", TOO_FEW),
        ("three", 190, vec![of("one"), of("rsa"), of("qualified")], "counts counts counts", "complies", FINE),
        (
            "twice the same log",
            190,
            vec![of("one"), late("one"), of("rsa")],
            "counts counts counts",
            "not_enough",
            NOT_MET,
        ),
        ("retired since", 90, vec![of("one"), of("retired")], "counts log_retired", "complies", FINE),
        ("retired before", 90, vec![of("one"), late("retired")], "counts log_retired", "not_enough", NOT_MET),
        ("all retired", 90, vec![of("retired"), of("retired too")], "log_retired log_retired", "not_enough", NOT_MET),
        ("pending", 90, vec![of("one"), of("pending")], "counts log_not_accepted", "not_enough", NOT_MET),
        ("rejected", 90, vec![of("one"), of("rejected")], "counts log_not_accepted", "not_enough", NOT_MET),
        ("unlisted", 90, vec![of("one"), of("unlisted")], "counts unknown_log", "not_enough", NOT_MET),
        ("forged", 90, vec![of("one"), forged.clone()], "counts bad_signature", "not_enough", NOT_MET),
        ("sold after", 90, vec![of("one"), of("sold")], "counts counts", "complies", FINE),
        ("sold before", 90, vec![of("one"), late("sold")], "counts counts", "not_diverse", NOT_MET),
    ];
    let mut certificates: Vec<Value> = cases
        .iter()
        .map(|(name, days, scts, ..)| json!({"name": name, "from": "2026-08-01T00:00:00Z", "days": days, "scts": scts}))
        .collect();
    certificates.push(json!({
        "name": "in the middle", "from": "2026-08-01T00:00:00Z", "days": 90, "list_in_the_middle": true,
        "scts": [of("one"), of("rsa")],
    }));
    certificates.push(json!({
        "name": "many", "from": "2026-08-01T00:00:00Z", "days": 90,
        "scts": (0..40).map(|_| of("one")).collect::<Vec<_>>(),
    }));
    let Some(folder) = world(&Value::Array(certificates)) else { return };
    let path = |name: &str| folder.path().join(name);
    let roots = path("root.pem").to_str().unwrap().to_owned();
    let judged = |name: &str, more: &[&str]| {
        let given = [&["--host", HOST][..], more].concat();
        inspect(&path(&format!("{name}.pem")), &path("logs.json"), &given)
    };
    let at = |name: &str, at: &str| judged(name, &["--roots", &roots, "--at", at]);
    for (name, _, _, worth, policy, said) in &cases {
        let report = at(name, "2026-09-01T00:00:00Z");
        assert_eq!(worths(&report).join(" "), *worth, "{name}");
        assert_eq!((facts(&report)["policy"].as_str().unwrap(), chrome(&report).as_str()), (*policy, *said), "{name}");
        assert_eq!(has(&report, "sct-signature-invalid"), *name == "forged", "{name}");
        // Judged again without the list, by what the report carries.
        let again =
            judge_again(&serde_json::from_value::<Report>(report.clone()).unwrap(), &Change::default()).unwrap();
        assert_eq!(serde_json::to_value(&again.deployments).unwrap(), report["deployments"], "{name}");
        assert_eq!(serde_json::to_value(&again.findings).unwrap(), report["findings"], "{name}");
    }
    assert_eq!(chrome(&at("in the middle", "2026-09-01T00:00:00Z")), FINE);
    assert_eq!(chrome(&at("many", "2026-09-01T00:00:00Z")), NOT_MET);
    // Before the log's own time.
    let early = at("two operators", "2026-07-31T23:59:59Z");
    assert_eq!(worths(&early), ["in_the_future", "in_the_future"]);
    // A list is good for ten weeks; then Chrome stops, and so do we.
    assert_eq!(chrome(&at("three", "2026-11-18T23:59:59Z")), FINE);
    for (moment, policy) in [("2026-10-29T23:59:59Z", "not_diverse"), ("2026-11-19T00:00:00Z", "not_checked")] {
        let report = at("one operator", moment);
        assert_eq!(facts(&report)["policy"], policy, "{moment}");
        // By then the certificate has expired, which is what Chrome says first.
        if policy == "not_checked" {
            assert!(chrome(&report).starts_with("ERR_CERT_DATE_INVALID"), "{}", chrome(&report));
        }
    }
    // What a user trusts for himself need not be logged; without a list nothing is said.
    let private = judged("none", &["--ca", &roots, "--at", "2026-09-01T00:00:00Z"]);
    assert_eq!((facts(&private)["policy"].as_str(), chrome(&private).as_str()), (Some("not_required"), FINE));
    // A wrong name and a day past come before it.
    let wrong = inspect(
        &path("none.pem"),
        &path("logs.json"),
        &["--host", "other.lab.example.com", "--roots", &roots, "--at", "2026-09-01T00:00:00Z"],
    );
    assert!(chrome(&wrong).starts_with("ERR_CERT_COMMON_NAME_INVALID"), "{}", chrome(&wrong));
    let edge = |report: &Value| {
        let clients = report["deployments"][0]["clients"].as_array().unwrap().clone();
        clients.iter().find(|client| client["id"] == "edge").unwrap()["verdict"].clone()
    };
    assert_eq!(edge(&at("none", "2026-09-01T00:00:00Z")), "reject");
    // The screen shows each with what it is worth.
    let logs = path("logs.json");
    let chain = path("forged.pem");
    let text = tlsmend(&[
        "inspect",
        chain.to_str().unwrap(),
        "--ct-logs",
        logs.to_str().unwrap(),
        "--roots",
        &roots,
        "--host",
        HOST,
        "--at",
        "2026-09-01T00:00:00Z",
    ]);
    assert!(text.stdout.contains("✗ rsa (B): NOT signed by the log"), "{}", text.stdout);
    assert_eq!(text.code, Some(1));
}

/// Beside the certificate two are enough, whatever its lifetime, and the log must be good today.
#[tokio::test]
async fn timestamps_in_a_staple_count() {
    if peer::is_missing("openssl") {
        return;
    }
    let with = |name: &str, embedded: Vec<Value>, stapled: Vec<Value>| {
        json!({"name": name, "from": "2026-08-01T00:00:00Z", "days": 190, "scts": embedded, "stapled": stapled,
            "stapled_at": "2026-08-30T00:00:00Z"})
    };
    let cases = [
        ("stapled", vec![], vec![of("one"), of("rsa")], "accept -"),
        ("mixed", vec![of("rsa")], vec![of("one")], "accept -"),
        (
            "stapled by one",
            vec![],
            vec![of("one"), of("qualified")],
            "ERR_CERTIFICATE_TRANSPARENCY_REQUIRED ct-policy-not-met",
        ),
        (
            "stapled by retired",
            vec![],
            vec![of("one"), of("retired")],
            "ERR_CERTIFICATE_TRANSPARENCY_REQUIRED ct-policy-not-met",
        ),
    ];
    let certificates = cases.iter().map(|(name, embedded, stapled, _)| with(name, embedded.clone(), stapled.clone()));
    let Some(folder) = world(&certificates.collect()) else { return };
    let path = |name: String| folder.path().join(name).to_str().unwrap().to_owned();
    for (name, embedded, stapled, said) in &cases {
        let mut command = Command::new("openssl");
        command.args(["s_server", "-accept", "127.0.0.1:0", "-key", &path(format!("{name}.key"))]);
        command.args(["-cert", &path(format!("{name}.pem")), "-cert_chain", &path(format!("{name}.pem"))]);
        let server = peer::Peer::s_server(command.args(["-status_file", &path(format!("{name}.ocsp"))]));
        let address = server.address.to_string();
        let run = tlsmend(&[
            "probe",
            HOST,
            "--address",
            &address,
            "--roots",
            &path("root.pem".to_owned()),
            "--ct-logs",
            &path("logs.json".to_owned()),
            "--at",
            "2026-09-01T00:00:00Z",
            "--output",
            "json",
        ]);
        let report: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"));
        assert_eq!(worths(&report).len(), embedded.len() + stapled.len(), "{name}");
        assert!(!worths(&report).contains(&"bad_signature"), "{name}: {}", facts(&report));
        assert_eq!(chrome(&report), *said, "{name}: {}", facts(&report));
        assert!(!has(&report, "no-scts"), "{name}");
        let of_staple = &report["deployments"][0]["revocation"][0];
        assert_eq!(
            (of_staple["status"].as_str(), of_staple["source"].as_str()),
            (Some("good"), Some("staple")),
            "{name}"
        );
    }
}

/// They come in the handshake only: to whoever asks, in either version of TLS.
#[tokio::test]
async fn timestamps_in_the_tls_extension_count() {
    if peer::is_missing("openssl") {
        return;
    }
    let with = |name: &str, sent: Value| json!({"name": name, "from": "2026-08-01T00:00:00Z", "days": 190, "scts": [], "sent": sent});
    let forged = json!({"log": "one", "at": "2026-08-01T00:00:00Z", "forged": true});
    let certificates =
        json!([with("enough", json!([of("one"), of("rsa")])), with("forged", json!([forged, of("rsa")]))]);
    let Some(folder) = world(&certificates) else { return };
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for (name, version, worth, said) in [
        ("enough", "-tls1_2", ["counts", "counts"], "accept -"),
        ("enough", "-tls1_3", ["counts", "counts"], "accept -"),
        ("forged", "-tls1_3", ["bad_signature", "counts"], "ERR_CERTIFICATE_TRANSPARENCY_REQUIRED ct-policy-not-met"),
    ] {
        let file = |kind: &str| path(&format!("{name}.{kind}"));
        let mut command = Command::new("openssl");
        command.args(["s_server", "-accept", "127.0.0.1:0", version, "-serverinfo", &file("info")]);
        let server = peer::Peer::s_server(command.args([
            "-key",
            &file("key"),
            "-cert",
            &file("pem"),
            "-cert_chain",
            &file("pem"),
        ]));
        let run = tlsmend(&[
            "probe",
            HOST,
            "--address",
            &server.address.to_string(),
            "--roots",
            &path("root.pem"),
            "--ct-logs",
            &path("logs.json"),
            "--at",
            "2026-09-01T00:00:00Z",
            "--output",
            "json",
        ]);
        let report: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"));
        assert_eq!(worths(&report), worth, "{name} {version}");
        assert_eq!(facts(&report)["scts"][0]["delivery"], "tls", "{name} {version}");
        assert_eq!(chrome(&report), said, "{name} {version}: {}", facts(&report));
        assert!(!has(&report, "no-scts"), "{name} {version}");
        // Months later, without the server.
        let ticket = path("ticket.json");
        std::fs::write(&ticket, &run.stdout).unwrap();
        let shown = tlsmend(&["show", &ticket, "--at", "2026-09-02T00:00:00Z", "--output", "json"]);
        let shown: Value = serde_json::from_str(&shown.stdout).unwrap_or_else(|_| panic!("{shown:?}"));
        assert_eq!((worths(&shown), chrome(&shown)), (worth.to_vec(), said.to_owned()), "{name} {version}");
    }
}

/// A memo that judged without a list does not answer for one, nor the other way round.
#[test]
fn a_memo_knows_by_which_logs_it_judged() {
    use tlsmend::judge::anchors::TrustAnchors;
    use tlsmend::judge::memo::Memo;
    use tlsmend::judge::{self, clients};
    use tlsmend::model::evidence::{Evidence, FileEvidence};
    use tlsmend::model::resolution::Resolution;
    use tlsmend::model::verdict::Verdict;

    let chain = tlsmend::x509::certificates_in(&std::fs::read(fixture("google.pem")).unwrap()).unwrap();
    let list = |name: &str| std::sync::Arc::new(LogList::parse(&std::fs::read(fixture(name)).unwrap()).unwrap());
    let good = list("log_list-2026-08-25.json");
    // The same list with none of the logs that signed.
    let poor = {
        let document: Value =
            serde_json::from_slice(&std::fs::read(fixture("log_list-2021-10-05.json")).unwrap()).unwrap();
        let dated =
            json!({"version": "x", "log_list_timestamp": "2026-08-25T00:00:00Z", "operators": document["operators"]});
        std::sync::Arc::new(LogList::parse(dated.to_string().as_bytes()).unwrap())
    };
    let evidence = Evidence {
        reference: "www.google.com".parse().unwrap(),
        resolution: Resolution::not_asked([]),
        endpoints: Vec::new(),
        aia: Vec::new(),
        files: Some(FileEvidence { chain, key: None, name_given: true }),
        revocation: None,
    };
    let settings = |logs| judge::Settings {
        clients: vec![clients::find("chrome").unwrap()],
        anchors: TrustAnchors::own_stores().with_logs(logs),
        at: "2026-07-01T00:00:00Z".parse().unwrap(),
        warn_days: None,
        expect_cname: None,
    };
    let memo = Memo::default();
    for _ in 0..2 {
        for (logs, verdict) in [(None, Verdict::Accept), (Some(&good), Verdict::Accept), (Some(&poor), Verdict::Reject)]
        {
            let settings = settings(logs.cloned());
            let judgement = judge::judge_with(&memo, &evidence, &settings);
            assert_eq!(judgement.deployments[0].answers[0].verdict, verdict);
        }
    }
}

#[test]
fn what_is_no_list_of_logs_says_so() {
    let good: Value = serde_json::from_slice(&std::fs::read(fixture("log_list-2026-08-25.json")).unwrap()).unwrap();
    let with = |pointer: &str, value: Value| {
        let mut changed = good.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        LogList::parse(changed.to_string().as_bytes())
    };
    assert!(LogList::parse(good.to_string().as_bytes()).is_ok());
    let log = "/operators/0/logs/0";
    for (pointer, value, word) in [
        ("/operators", json!([]), "no logs"),
        ("/operators", json!({}), "not a log list"),
        ("/log_list_timestamp", json!("yesterday"), "not a log list"),
        (&format!("{log}/key")[..], json!("AAAA"), "key cannot be read"),
        (&format!("{log}/key"), json!("*"), "key cannot be read"),
        (&format!("{log}/log_id"), json!("AAAA"), "id is not the hash"),
        (&format!("{log}/state"), json!({"sleeping": {"timestamp": "2026-01-01T00:00:00Z"}}), "state is not known"),
    ] {
        let error = with(pointer, value).unwrap_err().to_string();
        assert!(error.contains(word), "{pointer}: {error}");
    }
    let text = good.to_string();
    for end in (0..text.len()).step_by(7) {
        assert!(matches!(LogList::parse(&text.as_bytes()[..end]), Err(LogListError::Malformed(_))), "{end}");
    }
    let entry = good.pointer(log).unwrap().clone();
    let many = json!({"version": "1", "log_list_timestamp": "2026-01-01T00:00:00Z",
        "operators": [{"name": "A", "logs": vec![entry; 5_001]}]});
    assert_eq!(LogList::parse(many.to_string().as_bytes()), Err(LogListError::TooMany));
    let run = tlsmend(&["inspect", fixture("google.pem").to_str().unwrap(), "--ct-logs", "/nowhere.json"]);
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("--ct-logs /nowhere.json"), "{}", run.stderr);
}
