//! `inspect FILE…`: the judgement of `probe` on files.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tlsmend::lab::pki::{Issued, Pki};
use tlsmend::model::time::Time;
use tlsmend::x509::pem;

use crate::support::program::{Run, tlsmend};
use crate::support::validate;

/// All certificates are judged on this day.
const AT: &str = "2026-11-22T00:00:00Z";

/// One for each way of building paths; what each says is tested elsewhere.
const CLIENTS: &str = "chrome,firefox,curl,java,go,rustls-aws";

/// root → intermediate → end entity for shop.example.com, as files in a folder.
struct Files {
    folder: tempfile::TempDir,
    root: Issued,
    intermediate: Issued,
    end_entity: Issued,
}

impl Files {
    fn new() -> Self {
        let pki = Pki::new("inspect", AT.parse::<Time>().unwrap());
        let root = pki.root("Root").issue().unwrap();
        let intermediate = root.intermediate("Intermediate").without_ca_issuers().issue().unwrap();
        let end_entity = intermediate.end_entity("shop.example.com").without_ca_issuers().issue().unwrap();
        let files = Self { folder: tempfile::tempdir().unwrap(), root, intermediate, end_entity };
        files.write("root.pem", files.root.pem());
        files.write("chain.pem", files.end_entity.pem() + &files.intermediate.pem());
        files.write("leaf.pem", files.end_entity.pem());
        files.write("intermediate.der", files.intermediate.der());
        files.write("key.der", files.end_entity.key_der());
        files.write("other.der", files.intermediate.key_der());
        files
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// Arguments that name a file of the folder become its path.
    fn run(&self, arguments: &[&str]) -> Run {
        let paths: Vec<String> = arguments
            .iter()
            .map(|argument| match Path::new(argument).extension() {
                Some(end) if ["pem", "der", "p7b", "pfx"].iter().any(|known| end == *known) => self.path(argument),
                _ => (*argument).to_owned(),
            })
            .collect();
        let arguments: Vec<&str> = ["inspect", "--at", AT, "--client", CLIENTS, "--roots"]
            .into_iter()
            .chain(paths.iter().map(String::as_str))
            .collect();
        tlsmend(&arguments)
    }

    fn json(&self, arguments: &[&str]) -> (Option<i32>, Value) {
        let run = self.run(&[arguments, &["--output", "json"]].concat());
        let report: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}", run.stderr));
        validate(&report);
        (run.code, report)
    }
}

fn codes(report: &Value) -> Vec<&str> {
    report["findings"].as_array().unwrap().iter().map(|finding| finding["code"].as_str().unwrap()).collect()
}

fn not_checked(report: &Value, code: &str) -> bool {
    report["not_checked"].as_array().unwrap().iter().any(|check| check["code"] == code)
}

fn verdicts(report: &Value) -> Vec<&str> {
    let clients = report["deployments"][0]["clients"].as_array().unwrap();
    clients.iter().map(|client| client["verdict"].as_str().unwrap()).collect()
}

#[test]
fn a_good_bundle_with_its_key_is_good_for_everyone() {
    let files = Files::new();
    let (code, report) = files.json(&["root.pem", "chain.pem", "--host", "shop.example.com", "--key", "key.der"]);
    assert_eq!((code, codes(&report)), (Some(0), vec![]), "{report:#}");
    assert!(verdicts(&report).iter().all(|verdict| *verdict == "accept"), "{report:#}");
    let deployment = &report["deployments"][0];
    assert_eq!(deployment["private_key"], "proven");
    assert_eq!(
        (deployment["endpoints"].as_array().unwrap().len(), report["endpoints"].as_array().unwrap().len()),
        (0, 0)
    );
    assert_eq!(report["dns"]["status"], "not_asked");
    assert_eq!(report["certificates"].as_object().unwrap().len(), 3);
    assert!(!not_checked(&report, "name") && not_checked(&report, "server") && not_checked(&report, "aia"));
}

#[test]
fn several_files_are_one_chain_in_the_order_given() {
    let files = Files::new();
    let (code, report) = files.json(&["root.pem", "leaf.pem", "intermediate.der"]);
    assert_eq!((code, codes(&report)), (Some(0), vec![]));
    let (_, report) = files.json(&["root.pem", "leaf.pem", "root.pem", "intermediate.der"]);
    assert_eq!(codes(&report), ["chain-misordered", "root-served"]);
}

#[test]
fn a_chain_that_ends_too_early_is_found_without_network() {
    let files = Files::new();
    let (code, report) = files.json(&["root.pem", "leaf.pem", "--host", "shop.example.com"]);
    assert_eq!((code, codes(&report)), (Some(1), vec!["issuer-not-found"]));
    assert!(verdicts(&report).iter().all(|verdict| *verdict == "reject"));
    assert_eq!(report["deployments"][0].get("private_key"), None);
}

#[test]
fn a_name_is_checked_only_when_it_is_given() {
    let files = Files::new();
    let (code, report) = files.json(&["root.pem", "chain.pem", "--host", "www.example.org"]);
    assert!(code == Some(1) && codes(&report) == ["name-mismatch"]);
    let (code, report) = files.json(&["root.pem", "chain.pem"]);
    assert_eq!((code, codes(&report)), (Some(0), vec![]));
    assert!(not_checked(&report, "name") && not_checked(&report, "private-key"));
}

#[test]
fn a_key_of_another_certificate_is_critical() {
    let files = Files::new();
    let (code, report) = files.json(&["root.pem", "chain.pem", "--key", "other.der"]);
    assert_eq!((code, codes(&report)), (Some(1), vec!["key-does-not-match-certificate"]));
    assert_eq!(report["deployments"][0]["private_key"], "wrong");
    let text = files.run(&["root.pem", "chain.pem", "--key", "other.der"]);
    assert!(text.stdout.contains("does NOT belong"), "{}", text.stdout);
}

/// PEM of every kind, and RSA.
#[test]
fn keys_are_read_in_every_usual_form() {
    let files = Files::new();
    let pkcs8 = pem::encode(files.end_entity.key_der()).replace("CERTIFICATE", "PRIVATE KEY");
    files.write("key.pem", format!("-----BEGIN EC PARAMETERS-----\nAAAA\n-----END EC PARAMETERS-----\n{pkcs8}"));
    let (_, report) = files.json(&["root.pem", "chain.pem", "--key", "key.pem"]);
    assert_eq!(report["deployments"][0]["private_key"], "proven");
    let rsa = files.intermediate.end_entity("rsa.example.com").rsa().issue().unwrap();
    files.write("rsa.pem", rsa.pem());
    files.write("rsakey.der", rsa.key_der());
    let (_, report) = files.json(&["root.pem", "rsa.pem", "intermediate.der", "--key", "rsakey.der"]);
    assert_eq!(report["deployments"][0]["private_key"], "proven");
}

/// Neither the key nor where it lies stands in anything that is written.
#[test]
fn the_key_and_the_paths_stay_here() {
    let files = Files::new();
    let key = pem::encode(files.end_entity.key_der()).replace("CERTIFICATE", "PRIVATE KEY");
    files.write("key.pem", &key);
    files.write("broken.pem", &key[..key.len() - 40]);
    let secret = key.lines().nth(1).unwrap();
    for arguments in [
        &["root.pem", "chain.pem", "--key", "key.pem", "--output", "json"][..],
        &["root.pem", "chain.pem", "--key", "key.pem", "-vv"],
        &["root.pem", "chain.pem", "--key", "broken.pem"],
        &["root.pem", "key.pem"],
        &["root.pem", "broken.pem"],
    ] {
        let run = files.run(arguments);
        assert!(!format!("{}{}", run.stdout, run.stderr).contains(&secret[..20]), "{arguments:?}");
        let folder = files.folder.path().to_str().unwrap();
        assert!(!run.stdout.contains(folder), "{arguments:?}: {}", run.stdout);
    }
}

#[test]
fn the_text_is_about_files() {
    let files = Files::new();
    let run = files.run(&["root.pem", "chain.pem", "--host", "shop.example.com", "--key", "key.der"]);
    assert_eq!(run.code, Some(0));
    for part in
        ["OK for all", "FILES  judged for shop.example.com", "✓ the private key belongs", "2 certificates in the files"]
    {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
    assert!(!run.stdout.contains("ADDRESSES") && !run.stdout.contains("DNS  "), "{}", run.stdout);
}

#[test]
fn a_file_that_cannot_be_used_says_what_it_is() {
    let files = Files::new();
    files.write("empty.pem", "");
    files.write("pfx.pfx", [0x30, 0x06, 0x02, 0x01, 0x03, 0x30, 0x01, 0x00]);
    files.write("store.pem", files.root.pem().repeat(101));
    files.write("locked.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n");
    for (arguments, said) in [
        (&["root.pem", "no-such.pem"][..], "no-such.pem"),
        (&["root.pem", "empty.pem"], "empty"),
        (&["root.pem", "pfx.pfx"], "damaged"),
        (&["pfx.pfx", "chain.pem"], "openssl pkcs12"),
        (&["root.pem", "store.pem"], "--roots"),
        (&["root.pem", "chain.pem", "--key", "leaf.pem"], "no private key"),
        (&["root.pem", "chain.pem", "--key", "locked.pem"], "--password-file"),
        (&["root.pem", "chain.pem", "--host", "a..b"], "empty"),
    ] {
        let run = files.run(arguments);
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(run.stderr.contains(said), "{arguments:?}: {}", run.stderr);
    }
}

/// PKCS#7, as Windows exports it, made by the program that made most of them.
#[test]
fn pkcs7_is_a_chain_too() {
    let files = Files::new();
    let made = std::process::Command::new("openssl")
        .args([
            "crl2pkcs7",
            "-nocrl",
            "-certfile",
            &files.path("chain.pem"),
            "-outform",
            "DER",
            "-out",
            &files.path("chain.p7b"),
        ])
        .output();
    if !made.is_ok_and(|output| output.status.success()) {
        crate::support::skip("no openssl to make a PKCS#7 file with");
        return;
    }
    let (code, report) = files.json(&["root.pem", "chain.p7b", "--host", "shop.example.com"]);
    assert_eq!((code, codes(&report)), (Some(0), vec![]));
    assert_eq!(report["deployments"][0]["served_chain"].as_array().unwrap().len(), 2);
}

/// What cannot be read as a certificate is judged as clients judge it, and anything may be in a file.
#[test]
fn damaged_certificates_are_a_result() {
    let files = Files::new();
    let mut der = files.end_entity.der().to_vec();
    der.truncate(der.len() / 2);
    files.write("damaged.pem", pem::encode(&der));
    let (code, report) = files.json(&["root.pem", "damaged.pem", "--key", "key.der"]);
    assert!(code == Some(1) && codes(&report).contains(&"certificate-malformed"), "{:?}", codes(&report));
    assert_eq!(report["deployments"][0]["private_key"], "not_checked");
    files.write("nameless.pem", files.root.pem());
    let (code, _) = files.json(&["root.pem", "nameless.pem"]);
    assert!(matches!(code, Some(0 | 1)));
}
