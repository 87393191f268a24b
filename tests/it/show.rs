//! `show`: reports read back, and judged again from what they carry.

use std::path::PathBuf;

use serde_json::{Value, json};
use tlsmend::judge::clients;
use tlsmend::lab::Lab;
use tlsmend::lab::pki::{Issued, Pki};
use tlsmend::model::report::Report;
use tlsmend::model::time::Time;
use tlsmend::probe::{Change, EvidenceLevel, NotPossible, Settings, judge_again, probe};
use tlsmend::report::json;
use tlsmend::report::text::{self, Detail, Style};

use crate::support::program::{Run, tlsmend};
use crate::support::sample_report::{GOLDEN, fixtures, golden, golden_json};
use crate::support::validate;

fn now() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Time::from_unix(since.as_secs().try_into().unwrap())
}

fn file_of(folder: &tempfile::TempDir, content: impl AsRef<[u8]>) -> String {
    let path = folder.path().join("report.json");
    std::fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

/// What must not differ between two judgements of the same evidence.
fn judged(report: &Value) -> Value {
    let mut kept = json!({});
    for field in [
        "schema_version",
        "run",
        "target",
        "dns",
        "endpoints",
        "deployments",
        "certificates",
        "unreadable",
        "aia",
        "findings",
        "not_checked",
        "repair",
        "reproduce",
    ] {
        kept[field] = report[field].clone();
    }
    kept
}

/// probe → JSON → show --output json, as it is and judged again: the same in every scenario of the lab.
#[tokio::test]
async fn judging_again_says_the_same_of_every_scenario() {
    let lab = Lab::start(now(), None).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    for running in lab.scenarios() {
        let id = running.scenario.id;
        let report = probe(&running.target().unwrap(), &lab.settings(running).unwrap(), now).await;
        let mut text = Vec::new();
        json::write_document(&report, &mut text).unwrap();
        let (file, at) = (file_of(&folder, &text), report.run.judged_at.to_string());
        let before: Value = serde_json::from_slice(&text).unwrap();
        for more in [&[][..], &["--at", &at]] {
            let run = tlsmend(&[&["show", &file, "--output", "json"], more].concat());
            let after: Value =
                serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{id}: {error} {run:?}"));
            validate(&after);
            assert_eq!(judged(&before), judged(&after), "{id} {more:?}");
            assert_eq!(run.code, Some(i32::from(running.scenario.exit)), "{id}");
        }
    }
}

/// root → intermediate → end entity, in files, and a report on them.
struct Case {
    folder: tempfile::TempDir,
    root: Issued,
}

impl Case {
    fn new() -> Self {
        let root = Pki::new("show", now()).root("Root").issue().unwrap();
        let intermediate = root.intermediate("Intermediate").without_ca_issuers().issue().unwrap();
        let site = intermediate.end_entity("shop.example.com").without_ca_issuers().issue().unwrap();
        let case = Self { folder: tempfile::tempdir().unwrap(), root };
        std::fs::write(case.path("root.pem"), case.root.pem()).unwrap();
        std::fs::write(case.path("chain.pem"), site.pem() + &intermediate.pem()).unwrap();
        case
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs; arguments that end in `.pem` or `.json` are files of the case.
    fn run(&self, arguments: &[&str]) -> Run {
        let paths: Vec<String> = arguments
            .iter()
            .map(|argument| match [".pem", ".json"].iter().any(|end| argument.ends_with(end)) {
                true => self.path(argument).to_str().unwrap().to_owned(),
                false => (*argument).to_owned(),
            })
            .collect();
        tlsmend(&paths.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// A report without the root, as `ticket.json`.
    fn ticket(&self, more: &[&str]) -> Report {
        let run =
            self.run(&[&["inspect", "chain.pem", "--host", "shop.example.com", "--output", "json"], more].concat());
        std::fs::write(self.path("ticket.json"), &run.stdout).unwrap();
        serde_json::from_str(&run.stdout).unwrap()
    }
}

fn verdicts(run: &Run) -> Vec<(String, String)> {
    let report: Report = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error} {run:?}"));
    let clients = report.deployments.iter().flat_map(|deployment| &deployment.clients);
    clients
        .map(|client| (client.id.clone(), serde_json::to_value(client.verdict).unwrap().as_str().unwrap().to_owned()))
        .collect()
}

#[test]
fn another_time_other_clients_and_other_anchors() {
    let case = Case::new();
    case.ticket(&[]);
    let rejected = case.run(&["show", "ticket.json", "--client", "curl,go", "--output", "json"]);
    let expected = |verdict: &str| ["curl", "go"].map(|id| (id.to_owned(), verdict.to_owned())).to_vec();
    assert_eq!((rejected.code, verdicts(&rejected)), (Some(1), expected("reject")));
    for option in ["--ca", "--roots"] {
        let trusted = case.run(&["show", "ticket.json", "--client", "curl,go", option, "root.pem", "--output", "json"]);
        assert_eq!((trusted.code, verdicts(&trusted)), (Some(0), expected("accept")), "{option}");
        assert!(!trusted.stdout.contains(case.folder.path().to_str().unwrap()));
    }
    let later = now().plus(41 * 86_400).to_string();
    let late = case.run(&[
        "show",
        "ticket.json",
        "--client",
        "curl,go",
        "--ca",
        "root.pem",
        "--at",
        &later,
        "--output",
        "json",
    ]);
    assert_eq!((late.code, verdicts(&late)), (Some(1), expected("reject")));
    let report: Report = serde_json::from_str(&late.stdout).unwrap();
    assert_eq!(report.run.judged_at.to_string(), later);
    assert_eq!(report.findings[0].code, "end-entity-expired");
    let text = case.run(&["show", "ticket.json", "--at", &later, "--ca", "root.pem"]).stdout;
    assert!(text.contains("EXPIRED") && text.contains(&later), "{text}");
}

/// What was trusted when the report was made is trusted when it is judged again, without the file.
#[test]
fn the_anchors_of_then_are_in_the_report() {
    let case = Case::new();
    for option in ["--ca", "--roots"] {
        let before = case.ticket(&[option, "root.pem"]);
        std::fs::rename(case.path("root.pem"), case.path("away.pem")).unwrap();
        let at = before.run.judged_at.to_string();
        let again = case.run(&["show", "ticket.json", "--at", &at, "--output", "json"]);
        let after: Report = serde_json::from_str(&again.stdout).unwrap();
        assert_eq!(
            (&before.deployments, &before.findings, &before.run),
            (&after.deployments, &after.findings, &after.run)
        );
        assert_eq!(again.code, Some(0), "{option}");
        std::fs::rename(case.path("away.pem"), case.path("root.pem")).unwrap();
    }
}

#[tokio::test]
async fn a_report_without_certificates_says_what_it_lacks() {
    let lab = Lab::start(now(), Some(&["missing-intermediate"])).await.unwrap();
    let running = lab.scenario("missing-intermediate").unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (evidence, word) in [(EvidenceLevel::Hashes, "--evidence hashes"), (EvidenceLevel::None, "--evidence none")] {
        let settings = Settings { evidence, ..lab.settings(running).unwrap() };
        let report = probe(&running.target().unwrap(), &settings, now).await;
        let file = file_of(&folder, serde_json::to_vec(&report).unwrap());
        let shown = tlsmend(&["show", &file]);
        assert_eq!(shown.code, Some(1));
        assert!(shown.stdout.contains("the served chain stops"), "{}", shown.stdout);
        let again = tlsmend(&["show", &file, "--client", "curl"]);
        assert_eq!((again.code, again.stdout.as_str()), (Some(2), ""));
        assert!(again.stderr.contains(word) && again.stderr.contains("not judged again"), "{}", again.stderr);
    }
}

/// Reports of older builds are read, shown and, where they carry certificates, judged again.
#[test]
fn golden_reports_are_shown_and_judged_again() {
    for name in GOLDEN {
        let file = fixtures().join("reports").join(name).with_extension("json");
        let file = file.to_str().unwrap();
        let shown = tlsmend(&["show", file, "--output", "json"]);
        let (before, after): (Value, Value) =
            (serde_json::from_str(&golden_json(name)).unwrap(), serde_json::from_str(&shown.stdout).unwrap());
        assert_eq!(before, after, "{name}");
        let report = golden(name);
        let text = tlsmend(&["show", file]).stdout;
        assert!(text.contains(&report.target.host), "{name}: {text}");
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{name}");
        let again = judge_again(&report, &Change { clients: Some(clients::ALL.to_vec()), ..Change::default() });
        match again {
            Ok(again) => validate(&serde_json::to_value(&again).unwrap()),
            Err(error) => assert!(matches!(error, NotPossible::NoCertificates(_)), "{name}: {error}"),
        }
    }
}

#[test]
fn findings_are_explained_in_the_words_of_this_build() {
    let folder = tempfile::tempdir().unwrap();
    let mut report: Value = serde_json::from_str(&golden_json("missing-intermediate")).unwrap();
    report["findings"][0]["explanation"] = json!("Words of an old version.");
    report["schema_version"] = json!("1.7");
    report["added_later"] = json!({"unknown": true});
    let file = file_of(&folder, report.to_string());
    let text = tlsmend(&["show", &file]).stdout;
    assert!(!text.contains("Words of an old version") && text.contains("must send every intermediate"), "{text}");
    let recorded = tlsmend(&["show", &file, "--output", "json"]).stdout;
    assert!(recorded.contains("Words of an old version."), "the JSON is what was recorded");
}

#[test]
fn several_reports_and_the_document_of_bundle() {
    let case = Case::new();
    let folder = tempfile::tempdir().unwrap();
    let compact = |name: &str| serde_json::from_str::<Value>(&golden_json(name)).unwrap().to_string();
    let file = file_of(&folder, format!("{}\n{}\n", compact("healthy"), compact("missing-intermediate")));
    let run = tlsmend(&["show", &file, "--output", "json"]);
    assert_eq!((run.code, run.stdout.lines().count()), (Some(1), 2));
    let bundle = case.run(&["bundle", "chain.pem", "--roots", "root.pem", "--no-aia", "--output", "json"]);
    let run = tlsmend(&["show", &file_of(&folder, &bundle.stdout)]);
    assert!(run.code == Some(0) && run.stdout.contains("shop.example.com"), "{run:?}");
}

#[test]
fn what_is_no_report_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let with = |field: &str, value: Value| {
        let mut report: Value = serde_json::from_str(&golden_json("healthy")).unwrap();
        report[field] = value;
        report.to_string()
    };
    for (content, said) in [
        (String::new(), "empty"),
        ("<html>".to_owned(), "not JSON"),
        ("{}".to_owned(), "no report of tlsmend"),
        ("[1]".to_owned(), "no report of tlsmend"),
        (r#"{"schema_version": "1.0"}"#.to_owned(), "no report of tlsmend"),
        (with("schema_version", json!("2.0")), "schema 2.0"),
        (with("schema_version", json!("\u{1b}[2J")), "schema"),
        (with("schema_version", json!(1)), "no report of tlsmend"),
        (with("endpoints", json!("none")), "damaged"),
        (with("findings", json!([{"code": 1}])), "damaged"),
        (golden_json("healthy")[..3000].to_owned(), "not JSON"),
        ("[".repeat(100_000), "not JSON"),
        (r#"{"schema_version": "1.0", "plan": {}, "before": {}}"#.to_owned(), "jq .before"),
    ] {
        let run = tlsmend(&["show", &file_of(&folder, &content)]);
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{said}");
        assert!(run.stderr.contains(said) && !run.stderr.contains('\u{1b}'), "{said}: {}", run.stderr);
    }
    let newer = {
        let mut report: Value = serde_json::from_str(&with("schema_version", json!("1.9"))).unwrap();
        report["endpoints"][0]["status"] = json!("half_open");
        report.to_string()
    };
    let run = tlsmend(&["show", &file_of(&folder, newer)]);
    assert!(run.code == Some(2) && run.stderr.contains("1.9"), "{}", run.stderr);
    let file = folder.path().join("large.json");
    std::fs::File::create(&file).unwrap().set_len(64 * 1024 * 1024).unwrap();
    let run = tlsmend(&["show", file.to_str().unwrap()]);
    assert!(run.code == Some(2) && run.stderr.contains("larger than"), "{}", run.stderr);
    let run = tlsmend(&["show", "/no/such/ticket.json"]);
    assert!(run.code == Some(2) && run.stderr.contains("/no/such/ticket.json"), "{}", run.stderr);
}

/// A file is anybody's: whatever value stands in it, it is shown or refused.
#[test]
fn no_report_makes_it_panic() {
    let case = Case::new();
    let own = serde_json::to_value(case.ticket(&["--roots", "root.pem"])).unwrap();
    let some = ["addresses-differ", "expired-wrong-name-hostile", "port-speaks-smtp"];
    let reports = some.iter().map(|name| serde_json::from_str(&golden_json(name)).unwrap()).chain([own]);
    let change = Change { clients: Some(vec![clients::find("curl").unwrap()]), ..Change::default() };
    let style = Style { color: false, width: 60, detail: Detail::Everything };
    for report in reports {
        let mut places = Vec::new();
        pointers(&report, String::new(), &mut places);
        for place in places {
            for value in [
                json!(null),
                json!("\u{1b}]0;x\u{7}"),
                json!(4_000_000_000_u64),
                json!([]),
                json!("9999-12-31T23:59:59Z"),
            ] {
                let mut changed: Value = report.clone();
                *changed.pointer_mut(&place).unwrap() = value;
                let Ok(changed) = serde_json::from_value::<Report>(changed) else { continue };
                let mut out = Vec::new();
                text::write(&changed, style, &mut out).unwrap();
                assert!(!out.contains(&0x1b), "{place}");
                if let Ok(again) = judge_again(&changed, &change) {
                    text::write(&again, style, &mut out).unwrap();
                }
            }
        }
    }
}

/// Every place in a document, each kind of list once.
fn pointers(value: &Value, at: String, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| {
                pointers(value, format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), found)
            });
        }
        Value::Array(values) => {
            values.iter().take(1).enumerate().for_each(|(index, value)| pointers(value, format!("{at}/{index}"), found))
        }
        _ => {}
    }
    if !at.is_empty() {
        found.push(at);
    }
}

#[test]
fn a_certificate_that_was_exchanged_in_the_file_is_noticed() {
    let case = Case::new();
    let mut report = case.ticket(&[]);
    let first = report.deployments[0].served_chain[0].clone();
    report.certificates.get_mut(&first).unwrap().pem = Some(case.root.pem());
    let error = judge_again(&report, &Change::default()).unwrap_err();
    assert!(matches!(error, NotPossible::Changed(_)), "{error}");
}
