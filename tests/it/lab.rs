//! The lab against the whole pipeline: every scenario, started for real, probed over its sockets.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tlsmend::cli::probe::exit_of;
use tlsmend::lab::scenario;
use tlsmend::lab::{BuildError, Family, Lab, Scenario, World};
use tlsmend::model::finding::Severity;
use tlsmend::model::fix::{FixReport, Outcome};
use tlsmend::model::report::Report;
use tlsmend::model::time::Time;
use tlsmend::model::verdict::Verdict;
use tlsmend::probe::probe;
use tlsmend::report::{json, text};
use tlsmend::x509::pem;

use crate::support::program::tlsmend;
use crate::support::validate;

/// Today, so that nothing here is right on one day only.
fn now() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Time::from_unix(since.as_secs().try_into().unwrap())
}

async fn look(lab: &Lab, id: &str) -> Report {
    let running = lab.scenario(id).unwrap();
    probe(&running.target().unwrap(), &lab.settings(running).unwrap(), now).await
}

fn codes(report: &Report) -> BTreeSet<&str> {
    report.findings.iter().map(|finding| finding.code.as_str()).collect()
}

fn accepting(report: &Report) -> Vec<&str> {
    let clients = report.deployments.iter().flat_map(|deployment| &deployment.clients);
    clients.filter(|client| client.verdict == Verdict::Accept).map(|client| client.id.as_str()).collect()
}

/// What one part of a report says of another is true: causes are findings, indices and hashes lead somewhere.
fn references_hold(report: &Report) {
    let target = &report.target.host;
    let known = |hash: &String| report.certificates.contains_key(hash);
    for (index, deployment) in report.deployments.iter().enumerate() {
        for client in &deployment.clients {
            let id = &client.id;
            if client.verdict == Verdict::Accept {
                assert_eq!((&client.category, &client.code, &client.cause), (&None, &None, &None), "{target} {id}");
                let path = client.path.expect("who accepts has taken a path");
                assert_eq!(deployment.paths[path].provenance.len(), deployment.paths[path].certificates.len());
            } else if client.verdict != Verdict::Undetermined {
                let cause = client.cause.as_ref().unwrap_or_else(|| panic!("{target}: {id} refuses for no cause"));
                let finding = report.findings.iter().find(|finding| finding.code == *cause);
                assert!(finding.is_some_and(|finding| finding.affected_clients.contains(id)), "{target} {id} {cause}");
            }
        }
        assert!(deployment.paths.iter().flat_map(|path| &path.certificates).all(known), "{target}");
        let endpoints = report.endpoints.iter().filter(|endpoint| endpoint.deployment == Some(index));
        assert!(endpoints.map(|endpoint| &endpoint.address).eq(&deployment.endpoints), "{target}");
    }
    assert!(report.repair.adds.iter().all(known), "{target}");
    assert_eq!(report.repair.possible, report.repair.bundle_pem.is_some(), "{target}");
    assert_eq!(report.repair.possible, report.repair.reason.is_none(), "{target}");
}

/// Exactly the findings that the scenario promises, of any severity, and its exit code.
#[tokio::test]
async fn every_scenario_finds_what_it_promises_and_nothing_else() {
    let lab = Lab::start(now(), None).await.unwrap();
    let mut wrong = Vec::new();
    for running in lab.scenarios() {
        let scenario = running.scenario;
        let report = look(&lab, scenario.id).await;
        let expected: BTreeSet<&str> = scenario.expected.iter().copied().collect();
        validate(&serde_json::to_value(&report).unwrap());
        references_hold(&report);
        let exit = exit_of(&report, Severity::Medium) as u8;
        if codes(&report) != expected || exit != scenario.exit {
            let (codes, promised) = (codes(&report), scenario.exit);
            wrong.push(format!("{}: {codes:?} exit {exit}, promised {expected:?} exit {promised}", scenario.id));
        }
    }
    for left in lab.left_out() {
        eprintln!("left out: {}: {}", left.scenario.id, left.reason);
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), lab.scenarios().len(), wrong.join("\n"));
}

#[test]
fn the_catalogue_is_whole() {
    let ids: BTreeSet<&str> = scenario::all().map(|scenario| scenario.id).collect();
    assert_eq!(ids.len(), scenario::all().count(), "an id stands twice");
    assert!(ids.len() >= 25);
    for scenario in scenario::all() {
        assert!(scenario.expected.is_sorted(), "{}", scenario.id);
        assert_eq!(scenario.family == Family::Good, scenario.expected.is_empty(), "{}", scenario.id);
        for code in scenario.expected {
            assert!(tlsmend::judge::rules::find(code).is_some(), "{}: no rule makes `{code}`", scenario.id);
        }
    }
}

/// A chain of a test's own, in five lines: root → (intermediate, not served) → end entity.
fn own_scenario(world: &mut World) -> Result<(), BuildError> {
    let root = world.root()?;
    let intermediate = world.intermediate(&root).issue()?;
    let site = world.site(&intermediate).issue()?;
    world.serve(&site, &[&site])
}

#[tokio::test]
async fn a_mended_chain_is_served_from_the_next_handshake_on() {
    let own = Scenario {
        id: "own",
        family: Family::Chain,
        summary: "",
        expected: &["missing-intermediate"],
        exit: 1,
        build: own_scenario,
    };
    let lab = Lab::start_with(now(), &[own]).await.unwrap();
    let before = look(&lab, "own").await;
    assert_eq!(codes(&before), BTreeSet::from(["missing-intermediate"]));
    let bundle = before.repair.bundle_pem.as_deref().unwrap();
    let (blocks, damaged) = pem::blocks(bundle.as_bytes());
    assert_eq!((blocks.len(), damaged), (2, 0));
    let bundle: Vec<Vec<u8>> = blocks.into_iter().map(|block| block.der).collect();
    lab.scenario("own").unwrap().exchange_chain(&bundle);
    let after = look(&lab, "own").await;
    assert_eq!(codes(&after), BTreeSet::new());
    assert_eq!(after.deployments[0].served_chain.len(), 2);
    assert_eq!(accepting(&after).len(), after.deployments[0].clients.len());
    assert!(accepting(&before).len() < accepting(&after).len());
}

/// `openssl s_client` without flags accepts everything; that makes no trust anchor of where its path ends.
#[tokio::test]
async fn a_client_that_checks_nothing_closes_no_gap() {
    let lab = Lab::start(now(), Some(&["issuer-without-address"])).await.unwrap();
    let report = look(&lab, "issuer-without-address").await;
    assert!(accepting(&report).contains(&"openssl-plain"));
    let deployment = &report.deployments[0];
    assert!(deployment.paths.iter().all(|path| path.errors.iter().any(|error| error.kind == "issuer-not-found")));
    let mut text = Vec::new();
    text::write(&report, text::Style { color: false, width: 80, detail: text::Detail::Screen }, &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("MISSING issuer") && !text.contains("trust anchor, served"), "{text}");
}

#[tokio::test]
async fn a_repair_is_offered_only_where_it_mends_or_tidies() {
    let only = ["expired", "good", "misordered", "stranger", "two-intermediates-missing", "wrong-host"];
    let lab = Lab::start(now(), Some(&only)).await.unwrap();
    for (id, possible, reason) in [
        ("expired", false, "the fault is not in the chain"),
        ("wrong-host", false, "the fault is not in the chain"),
        ("good", false, "as good as any"),
        ("misordered", true, ""),
        ("stranger", true, ""),
        ("two-intermediates-missing", true, ""),
    ] {
        let repair = look(&lab, id).await.repair;
        assert_eq!(repair.possible, possible, "{id}: {:?}", repair.reason);
        assert!(repair.reason.unwrap_or_default().contains(reason), "{id}");
        let lost = repair.proof.iter().find(|proof| proof.before == Verdict::Accept && proof.after != Verdict::Accept);
        assert_eq!(lost, None, "{id}");
    }
}

/// C0, C1, DEL and the characters that turn text round: nothing that a terminal would obey or show wrongly.
fn is_unsafe(c: char) -> bool {
    c.is_control() && c != '\n' || ('\u{202a}'..='\u{202e}').contains(&c) || ('\u{2066}'..='\u{2069}').contains(&c)
}

#[tokio::test]
async fn no_certificate_speaks_to_the_terminal() {
    let lab = Lab::start(now(), Some(&["hostile-names"])).await.unwrap();
    let report = look(&lab, "hostile-names").await;
    let (mut text, mut json) = (Vec::new(), Vec::new());
    let style = text::Style { color: false, width: 80, detail: text::Detail::Everything };
    text::write(&report, style, &mut text).unwrap();
    json::write_document(&report, &mut json).unwrap();
    for output in [text, json] {
        let output = String::from_utf8(output).unwrap();
        assert!(output.contains("no problem found"), "the name is shown");
        let found: Vec<char> = output.chars().filter(|&c| is_unsafe(c)).collect();
        assert!(found.is_empty(), "{found:?}");
    }
}

/// A lab in a process of its own; a test that fails does not leave it behind.
struct LabProcess(Child);

impl Drop for LabProcess {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the lab prints is what works: its own document, its own arguments, its own exit code.
#[cfg(unix)]
#[test]
fn the_printed_command_probes_the_scenario() {
    let only = ["lab", "run", "--only", "missing-intermediate", "--output", "json"];
    let lab = Command::new(env!("CARGO_BIN_EXE_tlsmend")).args(only).stdout(Stdio::piped()).spawn().unwrap();
    let mut lab = LabProcess(lab);
    let mut documents = serde_json::Deserializer::from_reader(lab.0.stdout.take().unwrap()).into_iter::<Value>();
    let document = documents.next().unwrap().unwrap();
    let arguments = document["scenarios"][0]["arguments"].as_array().unwrap();
    let mut arguments: Vec<&str> = arguments.iter().map(|argument| argument.as_str().unwrap()).collect();
    arguments.extend(["--output", "json"]);
    let probed = tlsmend(&arguments);
    assert_eq!(probed.code, Some(1), "{}", probed.stderr);
    let report: Report = serde_json::from_str(&probed.stdout).unwrap();
    assert_eq!(codes(&report), BTreeSet::from(["missing-intermediate"]));

    let roots = Path::new(document["roots"].as_str().unwrap());
    assert!(roots.exists());
    Command::new("kill").args(["-INT", &lab.0.id().to_string()]).status().unwrap();
    assert_eq!(lab.0.wait().unwrap().code(), Some(0), "Ctrl-C is the way to end it");
    assert!(!roots.parent().unwrap().exists(), "the temporary directory is removed");
}

#[test]
fn the_demo_mends_what_it_shows() {
    let demo = tlsmend(&["demo", "--output", "json"]);
    let story: FixReport = serde_json::from_str(&demo.stdout).unwrap();
    let after = story.after.as_ref().unwrap();
    assert_eq!((demo.code, story.outcome), (Some(0), Outcome::Mended));
    assert_eq!(story.before.dns.cname_chain.len(), 1);
    assert_eq!(codes(&story.before), BTreeSet::from(["missing-intermediate"]));
    assert!(accepting(&story.before).contains(&"chrome") && !accepting(&story.before).contains(&"curl"));
    assert_eq!(after.deployments[0].served_chain, story.plan.bundle);
    assert_eq!(accepting(after).len(), after.deployments[0].clients.len());
    assert_eq!(story.before.deployments[0].served_chain[0], story.plan.bundle[0], "the same end entity");
}

#[tokio::test]
async fn a_lab_leaves_its_ports_when_it_is_dropped() {
    let lab = Lab::start(now(), Some(&["good"])).await.unwrap();
    let address = lab.scenario("good").unwrap().addresses[0];
    assert!(tokio::net::TcpStream::connect(address).await.is_ok());
    drop(lab);
    tokio::task::yield_now().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn an_unknown_scenario_is_refused() {
    let error = Lab::start(now(), Some(&["good", "nonsense"])).await.err().unwrap();
    assert!(error.to_string().contains("`nonsense`"), "{error}");
}
