//! PKCS#12 and encrypted keys, made by the programs that make them.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tlsmend::lab::pki::{Issued, Pki};
use tlsmend::model::time::Time;
use tlsmend::x509::password::{Password, PasswordError};
use tlsmend::x509::{pem, pkcs12};

use crate::support::program::tlsmend;
use crate::support::random_pki::{Damage, Random};
use crate::support::skip;

const AT: &str = "2026-11-22T00:00:00Z";
const PASSWORD: &str = "Grüße, 世界!";

struct Files {
    folder: tempfile::TempDir,
    root: Issued,
    intermediate: Issued,
    end_entity: Issued,
}

impl Files {
    fn new() -> Self {
        let pki = Pki::new("pfx", AT.parse::<Time>().unwrap());
        let root = pki.root("Root").issue().unwrap();
        let intermediate = root.intermediate("Intermediate").without_ca_issuers().issue().unwrap();
        let end_entity = intermediate.end_entity("shop.example.com").without_ca_issuers().issue().unwrap();
        let files = Self { folder: tempfile::tempdir().unwrap(), root, intermediate, end_entity };
        let key = |issued: &Issued| pem::encode(issued.key_der()).replace("CERTIFICATE", "PRIVATE KEY");
        files.write("root.pem", files.root.pem());
        files.write("leaf.pem", files.end_entity.pem());
        files.write("intermediate.pem", files.intermediate.pem());
        files.write("key.pem", key(&files.end_entity));
        files.write("other.pem", key(&files.intermediate));
        files.write("password", format!("{PASSWORD}\n"));
        files.write("wrong", "not this\n");
        files
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.folder.path().join(name), content).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.folder.path().join(name)).unwrap()
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// A foreign program in the folder; false when it is missing or fails.
    fn made_by(&self, program: &str, arguments: &[&str]) -> bool {
        let run = Command::new(program).args(arguments).current_dir(self.folder.path()).stdin(Stdio::null()).output();
        run.is_ok_and(|output| output.status.success())
    }

    fn inspect(&self, arguments: &[&str]) -> crate::support::program::Run {
        let paths: Vec<String> = arguments
            .iter()
            .map(|argument| match Path::new(&self.path(argument)).is_file() {
                true => self.path(argument),
                false => (*argument).to_owned(),
            })
            .collect();
        let root = self.path("root.pem");
        let fixed = ["inspect", "--at", AT, "--client", "chrome,curl,java,go", "--output", "json", "--roots", &root];
        tlsmend(&fixed.into_iter().chain(paths.iter().map(String::as_str)).collect::<Vec<_>>())
    }

    /// It is opened, and the chain is whole, in order, and the key's.
    fn assert_good(&self, arguments: &[&str]) {
        let run = self.inspect(arguments);
        let report: Value =
            serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{arguments:?}: {}", run.stderr));
        let deployment = &report["deployments"][0];
        assert_eq!(deployment["private_key"], "proven", "{arguments:?}");
        assert_eq!(deployment["served_chain"].as_array().unwrap().len(), 2, "{arguments:?}");
        assert_eq!((run.code, &report["findings"]), (Some(0), &serde_json::json!([])), "{arguments:?}");
        assert!(!run.stdout.contains(PASSWORD));
    }
}

#[test]
fn what_openssl_exports_is_read_and_its_key_compared() {
    let files = Files::new();
    let pass = format!("pass:{PASSWORD}");
    let export = |name: &str, pass: &str, more: &[&str]| {
        let mut arguments = vec!["pkcs12", "-export", "-in", "leaf.pem", "-inkey", "key.pem", "-certfile"];
        arguments.extend(["intermediate.pem", "-out", name, "-passout", pass]);
        arguments.extend(more);
        files.made_by("openssl", &arguments)
    };
    if !export("modern.pfx", &pass, &[]) {
        return skip("no openssl to export with");
    }
    files.assert_good(&["modern.pfx", "--password-file", "password"]);
    let kinds: [(&str, &[&str]); 6] = [
        ("legacy.pfx", &["-legacy"]),
        ("3des.pfx", &["-certpbe", "PBE-SHA1-3DES", "-keypbe", "PBE-SHA1-3DES", "-macalg", "sha1"]),
        ("aes192.pfx", &["-certpbe", "AES-192-CBC", "-keypbe", "AES-128-CBC", "-macalg", "sha512"]),
        ("rc2-128.pfx", &["-legacy", "-certpbe", "PBE-SHA1-RC2-128", "-keypbe", "PBE-SHA1-2DES"]),
        ("plain-certificates.pfx", &["-certpbe", "NONE"]),
        ("no-mac.pfx", &["-nomac"]),
    ];
    for (name, options) in kinds {
        assert!(export(name, &pass, options), "{name}");
        files.assert_good(&[name, "--password-file", "password"]);
        let wrong = files.inspect(&[name, "--password-file", "wrong"]);
        assert_eq!((wrong.code, wrong.stdout.as_str()), (Some(2), ""), "{name}");
        assert!(wrong.stderr.contains("password is wrong"), "{name}: {}", wrong.stderr);
    }
    assert!(export("empty.pfx", "pass:", &[]));
    files.assert_good(&["empty.pfx"]);
    let unasked = files.inspect(&["modern.pfx"]);
    assert!(unasked.code == Some(2) && unasked.stderr.contains("--password-file"), "{}", unasked.stderr);
    // A key given beside the file is the one asked about.
    let other = files.inspect(&["modern.pfx", "--password-file", "password", "--key", "other.pem"]);
    assert!(other.stdout.contains("key-does-not-match-certificate"), "{}", other.stdout);
}

/// Windows lists the root first; a PFX has no order.
#[test]
fn the_order_in_the_file_does_not_matter() {
    let files = Files::new();
    files.write("turned.pem", files.root.pem() + &files.intermediate.pem());
    let arguments = ["pkcs12", "-export", "-in", "turned.pem", "-nokeys", "-out", "turned.pfx", "-passout", "pass:"];
    if !files.made_by("openssl", &arguments) {
        return skip("no openssl to export with");
    }
    let (chain, proof) = pkcs12::open(&files.read("turned.pfx"), &Password::empty()).unwrap().into_chain();
    assert_eq!((chain.len(), proof), (2, None), "no key is in it");
    files.write("all.pem", files.root.pem() + &files.intermediate.pem() + &files.end_entity.pem());
    let arguments =
        ["pkcs12", "-export", "-in", "all.pem", "-inkey", "key.pem", "-out", "all.pfx", "-passout", "pass:"];
    assert!(files.made_by("openssl", &arguments));
    let (chain, _) = pkcs12::open(&files.read("all.pfx"), &Password::empty()).unwrap().into_chain();
    assert_eq!(chain, [files.end_entity.der(), files.intermediate.der(), files.root.der()]);
}

#[test]
fn what_keytool_makes_is_read() {
    let files = Files::new();
    let arguments = ["-genkeypair", "-alias", "shop", "-keyalg", "EC", "-groupname", "secp256r1", "-dname"];
    let more = ["CN=shop.example.com", "-storetype", "PKCS12", "-keystore", "java.p12", "-storepass", "changeit"];
    if !files.made_by("keytool", &[&arguments[..], &more].concat()) {
        return skip("no keytool");
    }
    let store = files.read("java.p12");
    assert_eq!(pkcs12::open(&store, &Password::empty()).err(), Some(PasswordError::Wrong));
    let (chain, proof) = pkcs12::open(&store, &Password::new("changeit".to_owned())).unwrap().into_chain();
    assert_eq!((chain.len(), proof), (1, Some(tlsmend::model::handshake::KeyProof::Proven)));
}

#[test]
fn encrypted_keys_are_compared_too() {
    let files = Files::new();
    let pass = format!("pass:{PASSWORD}");
    let ways: [(&str, &[&str]); 6] = [
        ("pkcs8.pem", &["pkcs8", "-topk8", "-v2", "aes256"]),
        ("pkcs8.der", &["pkcs8", "-topk8", "-v2", "aes128", "-v2prf", "hmacWithSHA512", "-outform", "DER"]),
        ("des3.pem", &["pkcs8", "-topk8", "-v2", "des3", "-v2prf", "hmacWithSHA1"]),
        ("pkcs12.pem", &["pkcs8", "-topk8", "-v1", "PBE-SHA1-3DES"]),
        ("old.pem", &["ec", "-aes256"]),
        ("old3.pem", &["ec", "-des3"]),
    ];
    for (name, arguments) in ways {
        let arguments = [arguments, &["-in", "key.pem", "-out", name, "-passout", &pass]].concat();
        if !files.made_by("openssl", &arguments) {
            return skip("no openssl to encrypt with");
        }
        files.assert_good(&["leaf.pem", "intermediate.pem", "--key", name, "--password-file", "password"]);
        let wrong = files.inspect(&["leaf.pem", "--key", name, "--password-file", "wrong"]);
        // In one case of 256 the padding is right by chance; what comes out is no key then.
        let said = wrong.stderr.contains("password is wrong") || wrong.stdout.contains("not_checked");
        assert!(said, "{name}: {} {}", wrong.stdout, wrong.stderr);
    }
    let unasked = files.inspect(&["leaf.pem", "--key", "pkcs8.pem"]);
    assert!(unasked.code == Some(2) && unasked.stderr.contains("--password-file"), "{}", unasked.stderr);
}

#[test]
fn damaged_files_are_refused_without_a_panic() {
    let files = Files::new();
    let arguments = ["pkcs12", "-export", "-in", "leaf.pem", "-inkey", "key.pem", "-iter", "1", "-out"];
    if !files.made_by("openssl", &[&arguments[..], &["a.pfx", "-passout", "pass:"]].concat()) {
        return skip("no openssl to export with");
    }
    // Without a MAC the damage reaches what lies below it.
    assert!(files.made_by("openssl", &[&arguments[..], &["b.pfx", "-passout", "pass:", "-nomac"]].concat()));
    let password = Password::empty();
    let mut damage = Damage(Random(0x1f3d_5b79_9a7b_5c3d));
    let mut opened = 0;
    for name in ["a.pfx", "b.pfx"] {
        let whole = files.read(name);
        assert!(pkcs12::open(&whole, &password).is_ok());
        for end in 0..whole.len() {
            assert!(pkcs12::open(&whole[..end], &password).is_err(), "{name}: {end} octets");
        }
        for _ in 0..3_000 {
            if let Ok(contents) = pkcs12::open(&damage.to(&whole), &password) {
                opened += 1;
                contents.into_chain();
            }
        }
    }
    assert!(opened > 50, "some of the damage should go unnoticed: {opened}");
}
