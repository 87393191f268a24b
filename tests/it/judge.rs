//! `tlsmend judge`: a case a line in, a verdict a line out, whatever the line holds.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use tlsmend::judge::clients;
use tlsmend::lab::pki::{Issued, Pki};

const AT: &str = "2026-11-22T08:00:00Z";
const HOST: &str = "www.lab.example.com";
const CA_ISSUERS: &str = "http://aia.lab.example.com/intermediate.cer";

/// The program, spoken to line by line: an answer must come before the next question.
struct Judge {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Judge {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tlsmend"))
            .arg("judge")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { stdin: child.stdin.take(), child, stdout }
    }

    fn ask(&mut self, line: &[u8]) -> Value {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(line).unwrap();
        stdin.write_all(b"\n").unwrap();
        let mut answer = String::new();
        self.stdout.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap()
    }

    fn end(mut self) {
        drop(self.stdin.take());
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }
}

struct Certificates {
    root: Issued,
    intermediate: Issued,
    end_entity: Issued,
    expired: Issued,
}

fn certificates() -> Certificates {
    let root = Pki::new("judge", AT.parse().unwrap()).root("Root").issue().unwrap();
    let intermediate = root.intermediate("Intermediate").issue().unwrap();
    let end_entity = intermediate.end_entity(HOST).ca_issuers(CA_ISSUERS).issue().unwrap();
    let expired = intermediate.end_entity(HOST).valid(-60, -1).issue().unwrap();
    Certificates { root, intermediate, end_entity, expired }
}

fn case(id: &str, chain: [&Issued; 2], root: &Issued, host: &str) -> Value {
    json!({
        "id": id,
        "peer_certificate": chain[0].pem(),
        "untrusted_intermediates": [chain[1].pem()],
        "trusted_certs": [root.pem()],
        "validation_time": AT,
        "expected_peer_name": {"kind": "DNS", "value": host},
    })
}

fn line(case: &Value) -> Vec<u8> {
    serde_json::to_vec(case).unwrap()
}

#[test]
fn verdicts_come_one_by_one_and_a_bad_line_stops_nothing() {
    let Certificates { root, intermediate, end_entity, expired } = certificates();
    let mut judge = Judge::start(&[]);
    let good = case("good", [&end_entity, &intermediate], &root, HOST);
    let answer = judge.ask(&line(&good));
    assert_eq!(answer["id"], "good");
    assert_eq!(answer["actual_result"], "SUCCESS", "{answer}");
    assert_eq!(answer["client"], "standard");
    assert_eq!(answer["code"], Value::Null);
    assert_eq!(answer["context"]["path"].as_array().unwrap().len(), 3);
    for (bad, id) in
        [(&b"{"[..], Value::Null), (b"[1]", Value::Null), (b"\xff\xfe", Value::Null), (br#"{"id":9}"#, 9.into())]
    {
        let answer = judge.ask(bad);
        assert_eq!((&answer["actual_result"], &answer["id"]), (&"SKIPPED".into(), &id), "{answer}");
        assert_eq!(answer["code"], "bad-line");
    }
    let answer = judge.ask(&vec![b'x'; 33 * 1024 * 1024]);
    assert_eq!(answer["code"], "bad-line", "{answer}");
    let answer = judge.ask(&line(&case("expired", [&expired, &intermediate], &root, HOST)));
    assert_eq!((&answer["actual_result"], &answer["code"]), (&"FAILURE".into(), &"expired".into()), "{answer}");
    assert_eq!(answer["context"]["position"], 0);
    assert!(answer["context"]["section"].as_str().unwrap().contains("6.1.3"));
    let answer = judge.ask(&line(&case("name", [&end_entity, &intermediate], &root, "other.lab.example.com")));
    assert_eq!(answer["code"], "name", "{answer}");
    let answer = judge.ask(&line(&case("order", [&end_entity, &root], &root, HOST)));
    assert_eq!(answer["code"], "no-path", "{answer}");
    judge.end();
}

#[test]
fn the_client_is_the_lines_or_the_options() {
    let Certificates { root, intermediate, end_entity, .. } = certificates();
    let mut judge = Judge::start(&["--client", "curl"]);
    let mut lacking = case("lacking", [&end_entity, &root], &root, HOST);
    let answer = judge.ask(&line(&lacking));
    assert_eq!(answer["client"], "curl");
    assert_eq!(answer["category"], "unknown-issuer", "{answer}");
    lacking["client"] = "chrome".into();
    assert_eq!(judge.ask(&line(&lacking))["actual_result"], "FAILURE");
    use base64::Engine as _;
    lacking["aia"] = json!({ CA_ISSUERS: base64::engine::general_purpose::STANDARD.encode(intermediate.der()) });
    let answer = judge.ask(&line(&lacking));
    assert_eq!((&answer["client"], &answer["actual_result"]), (&"chrome".into(), &"SUCCESS".into()), "{answer}");
    lacking["client"] = "standard".into();
    assert_eq!(judge.ask(&line(&lacking))["actual_result"], "FAILURE", "the standard fetches nothing");
    lacking["client"] = "netscape".into();
    assert_eq!(judge.ask(&line(&lacking))["code"], "unknown-client");
    judge.end();
}

#[test]
fn every_client_answers_with_and_without_a_name() {
    let Certificates { root, intermediate, end_entity, .. } = certificates();
    let mut judge = Judge::start(&[]);
    let mut good = case("good", [&end_entity, &intermediate], &root, HOST);
    for client in clients::ALL.iter().chain(clients::JUDGE_ONLY).map(|client| client.id) {
        good["client"] = client.into();
        good["expected_peer_name"] = json!({"kind": "DNS", "value": HOST});
        assert_eq!(judge.ask(&line(&good))["actual_result"], "SUCCESS", "{client}");
        good["expected_peer_name"] = Value::Null;
        assert_eq!(judge.ask(&line(&good))["actual_result"], "SUCCESS", "{client} without a name");
    }
    judge.end();
}
