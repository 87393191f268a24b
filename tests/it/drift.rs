//! Addresses that are not alike, and one address that is not always the same.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::version::{TLS12, TLS13};
use serde_json::{Value, json};
use tlsmend::lab::pki::Pki;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::support::peer::{Identity, Peer, free_address, is_missing, run};
use crate::support::program::tlsmend;
use crate::support::site::now;
use crate::support::tls_server::{NAME, TlsServer, certificate, serve};
use crate::support::validate;

/// `NAME` at these addresses, without a request: its connection would take a turn of the back-ends.
fn probe(addresses: &[SocketAddr], options: &[&str]) -> Value {
    let target = format!("{NAME}:8443");
    let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let mut arguments = vec!["probe", &target, "--no-cache", "--no-aia", "--no-http", "--output", "json"];
    arguments.extend(addresses.iter().flat_map(|address| ["--address", address]));
    arguments.extend(options);
    let run = tlsmend(&arguments);
    let report = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"));
    validate(&report);
    report
}

const OURS: &[&str] = &[
    "address-fails-sometimes",
    "address-serves-several-chains",
    "addresses-differ",
    "handshakes-differ",
    "nothing-in-common",
    "some-addresses-fail",
    "staples-differ",
];

fn codes(report: &Value) -> Vec<&str> {
    let findings = report["findings"].as_array().unwrap().iter();
    let mut codes: Vec<&str> =
        findings.filter_map(|finding| finding["code"].as_str()).filter(|code| OURS.contains(code)).collect();
    codes.sort_unstable();
    codes
}

fn finding<'a>(report: &'a Value, code: &str) -> &'a Value {
    report["findings"].as_array().unwrap().iter().find(|finding| finding["code"] == code).unwrap()
}

/// Hands the connections to `servers` in turn, `None` being one that hangs up.
async fn in_turn(servers: Vec<Option<SocketAddr>>) -> SocketAddr {
    let turn = Arc::new(AtomicUsize::new(0));
    serve(move |mut client| {
        let server = servers[turn.fetch_add(1, Ordering::SeqCst) % servers.len()];
        async move {
            let Some(server) = server else {
                let _ = client.read(&mut [0; 4096]).await;
                return;
            };
            let mut server = TcpStream::connect(server).await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_chain_among_three_is_named() {
    let (served, key) = certificate();
    let many = TlsServer::new([served], key).start().await;
    let (first, second) = (in_turn(vec![Some(many)]).await, in_turn(vec![Some(many)]).await);
    let odd = TlsServer::good().start().await;
    let report = probe(&[first, odd, second], &[]);
    assert_eq!(codes(&report), ["addresses-differ"]);
    let finding = finding(&report, "addresses-differ");
    assert_eq!(finding["facts"]["odd_ones_out"], json!([odd.to_string()]));
    assert_eq!(finding["subject"], json!({"kind": "endpoint", "ref": odd.to_string()}));
    // Two against one another: nobody is the odd one.
    let report = probe(&[first, odd], &[]);
    let finding = self::finding(&report, "addresses-differ");
    assert_eq!((&finding["subject"]["kind"], finding["facts"].get("odd_ones_out")), (&json!("dns"), None));
}

/// One certificate, and another choice of version.
#[tokio::test(flavor = "multi_thread")]
async fn one_version_among_three_is_named() {
    let identity = certificate();
    let key = identity.1.serialize_der();
    let with = |version| {
        let key = rcgen::KeyPair::try_from(key.as_slice()).unwrap();
        TlsServer::new([identity.0.clone()], key).only(version).start()
    };
    let (one, old, other) = (with(&TLS13).await, with(&TLS12).await, with(&TLS13).await);
    let report = probe(&[one, old, other], &[]);
    assert_eq!(codes(&report), ["handshakes-differ"]);
    let finding = finding(&report, "handshakes-differ");
    assert_eq!(finding["facts"]["odd_ones_out"], json!([old.to_string()]));
    let groups = finding["facts"]["groups"].as_array().unwrap();
    assert!(groups[1].as_str().unwrap().starts_with(&format!("{old}: TLS 1.2, ")), "{groups:?}");
    assert_eq!(codes(&probe(&[one, other], &[])), [""; 0]);

    // The same behind one address.
    let report = probe(&[in_turn(vec![Some(one), Some(old)]).await], &["--samples", "6"]);
    assert_eq!(codes(&report), ["handshakes-differ"]);
    let mut seen: Vec<(&str, u64)> = Vec::new();
    for endpoint in report["endpoints"].as_array().unwrap() {
        seen.push((endpoint["tls"]["version"].as_str().unwrap(), endpoint["samples"]["seen"].as_u64().unwrap()));
    }
    seen.sort_unstable();
    assert_eq!(seen, [("1.2", 3), ("1.3", 3)]);
}

/// A staple at one address, none at the other, and one that is no response.
#[tokio::test(flavor = "multi_thread")]
async fn staples_are_compared() {
    let identity = certificate();
    let key = identity.1.serialize_der();
    let with = |staple: &'static [u8]| {
        let key = rcgen::KeyPair::try_from(key.as_slice()).unwrap();
        TlsServer::new([identity.0.clone()], key).staple(staple).start()
    };
    let (none, also_none, some) = (with(b"").await, with(b"").await, with(b"junk").await);
    let report = probe(&[none, also_none, some], &[]);
    assert_eq!(codes(&report), ["staples-differ"]);
    let finding = finding(&report, "staples-differ");
    assert_eq!(finding["facts"]["odd_ones_out"], json!([some.to_string()]));
    assert_eq!(codes(&probe(&[none, also_none], &[])), [""; 0]);
    // Another certificate has another staple, or none.
    let other = TlsServer::good().start().await;
    assert_eq!(codes(&probe(&[some, other], &[])), ["addresses-differ"]);
}

/// Signed responses are told apart by what they say (with OpenSSL's responder).
#[tokio::test(flavor = "multi_thread")]
async fn what_staples_say_is_compared() {
    if is_missing("openssl") {
        return;
    }
    let pki = Pki::new("staples", now());
    let root = pki.root("Root").issue().unwrap();
    let end_entity = root.end_entity(NAME).issue().unwrap();
    let folder = tempfile::TempDir::new().unwrap();
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    let roots = file("root.pem", &root.pem());
    let chain = file("chain.pem", &end_entity.pem());
    let key = file("key.pem", &crate::support::site::key_pem(&end_entity));
    let root_key = file("root-key.pem", &crate::support::site::key_pem(&root));
    let request = folder.path().join("request.der").display().to_string();
    run(Command::new("openssl").args(["ocsp", "-issuer", &roots, "-cert", &chain, "-no_nonce", "-reqout", &request]));
    let serial = tlsmend::x509::Certificate::parse(end_entity.der()).unwrap().serial.clone();
    let serial: String = serial.iter().map(|byte| format!("{byte:02X}")).collect();
    let staple = |status: &str, days: &str| {
        let index = file(
            &format!("{status}.txt"),
            &match status {
                "good" => format!("V\t400101000000Z\t\t{serial}\tunknown\t/CN=x\n"),
                _ => format!("R\t400101000000Z\t250101000000Z\t{serial}\tunknown\t/CN=x\n"),
            },
        );
        let out = folder.path().join(format!("{status}-{days}.der")).display().to_string();
        run(Command::new("openssl")
            .args(["ocsp", "-index", &index, "-CA", &roots, "-rsigner", &roots, "-rkey", &root_key])
            .args(["-reqin", &request, "-respout", &out, "-ndays", days]));
        out
    };
    let serve = |staple: &str| {
        let mut command = Command::new("openssl");
        command.args(["s_server", "-accept", "127.0.0.1:0", "-cert", &chain, "-key", &key, "-status_file", staple]);
        Peer::s_server(&mut command)
    };
    let (good, revoked) = (staple("good", "2"), staple("revoked", "2"));
    let (first, second, odd) = (serve(&good), serve(&good), serve(&revoked));
    let report = probe(&[first.address, second.address, odd.address], &["--roots", &roots]);
    assert_eq!(codes(&report), ["staples-differ"]);
    let facts = &finding(&report, "staples-differ")["facts"];
    assert_eq!(facts["odd_ones_out"], json!([odd.address.to_string()]));
    assert_eq!(facts["groups"][1], format!("{}: a staple that says revoked", odd.address));
    assert!(facts["groups"][0].as_str().unwrap().ends_with(": a staple that says good"), "{facts}");

    let fresh = serve(&staple("good", "20"));
    let later = now().plus(5 * tlsmend::model::time::DAY).to_string();
    let report = probe(&[first.address, fresh.address], &["--roots", &roots, "--at", &later]);
    let facts = &finding(&report, "staples-differ")["facts"];
    let expired = format!("{}: an expired staple", first.address);
    assert_eq!(facts["groups"], json!([expired, format!("{}: a staple that says good", fresh.address)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn back_ends_that_take_turns_are_caught() {
    let (one, other) = (TlsServer::good().start().await, TlsServer::good().start().await);
    let address = in_turn(vec![Some(one), Some(one), Some(other)]).await;
    assert_eq!(codes(&probe(&[address], &[])), [""; 0], "a single look sees one");

    let report = probe(&[address], &["--samples", "9"]);
    assert_eq!(codes(&report), ["address-serves-several-chains"]);
    let endpoints = report["endpoints"].as_array().unwrap();
    let mut seen: Vec<u64> = endpoints.iter().map(|endpoint| endpoint["samples"]["seen"].as_u64().unwrap()).collect();
    seen.sort_unstable();
    assert_eq!(seen, [3, 6]);
    assert!(endpoints.iter().all(|it| it["samples"]["made"] == 9 && it["address"] == address.to_string()));
    // Each chain is judged for every client.
    let deployments = report["deployments"].as_array().unwrap();
    assert_eq!(deployments.len(), 2);
    assert_ne!(deployments[0]["served_chain"], deployments[1]["served_chain"]);
    assert!(deployments.iter().all(|deployment| deployment["clients"].as_array().unwrap().len() > 20));
    let told = finding(&report, "address-serves-several-chains")["facts"]["chains"].as_array().unwrap();
    assert!(told.iter().any(|line| line.as_str().unwrap().starts_with("6 of 9: 1 certificates")), "{told:?}");

    // And all of it is in the report.
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("report.json");
    std::fs::write(&file, report.to_string()).unwrap();
    let at = report["run"]["judged_at"].as_str().unwrap();
    let run = tlsmend(&["show", file.to_str().unwrap(), "--at", at, "--output", "json"]);
    let again: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"));
    for part in ["endpoints", "deployments", "findings"] {
        assert_eq!(again[part], report[part], "{part}");
    }
    let text = tlsmend(&["show", file.to_str().unwrap()]).stdout;
    assert!(text.contains("1 of 1 completed every one of 9 handshakes") && text.contains("(6 of 9)"), "{text}");
}

/// The same chain each time: one entry, and nothing to report.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_stays_the_same() {
    let address = TlsServer::good().start().await;
    for depth in ["handshake", "chain"] {
        let report = probe(&[address], &["--samples", "20", "--depth", depth]);
        assert_eq!(codes(&report), [""; 0]);
        assert_eq!(report["endpoints"].as_array().unwrap().len(), 1);
        assert_eq!(report["endpoints"][0]["samples"], json!({"made": 20, "seen": 20}));
    }
    let run = tlsmend(&["probe", NAME, "--samples", "21"]);
    assert_eq!(run.code, Some(2), "{run:?}");
}

/// One back-end of two hangs up: neither the address nor the site is down.
#[tokio::test(flavor = "multi_thread")]
async fn a_back_end_that_is_down() {
    let good = TlsServer::good().start().await;
    let address = in_turn(vec![Some(good), None]).await;
    let report = probe(&[address], &["--samples", "8"]);
    let found = codes(&report);
    // The connection that asks again, with a wider hello, is in the turn too.
    assert_eq!(found, ["address-fails-sometimes"], "{}", report["endpoints"]);
    let failing = &finding(&report, "address-fails-sometimes")["facts"]["failing"];
    assert!(failing[0].as_str().unwrap().contains("closed the connection"), "{failing}");
    // Beside an address that is dead for good, each has its own finding.
    let report = probe(&[address, free_address()], &["--samples", "8"]);
    assert_eq!(codes(&report), ["address-fails-sometimes", "some-addresses-fail"]);
}

/// HAProxy before two servers, one of which was not renewed.
#[tokio::test(flavor = "multi_thread")]
async fn haproxy_takes_turns() {
    let program = if Path::new("/usr/sbin/haproxy").is_file() { "/usr/sbin/haproxy" } else { "haproxy" };
    if is_missing(program) {
        return;
    }
    let (one, other, address) = (Identity::ecdsa(), Identity::rsa(), free_address());
    let servers = [one.s_server(&[]), other.s_server(&[])];
    let configuration = format!(
        "global\n nbthread 1\ndefaults\n mode tcp\n timeout connect 5s\n timeout client 20s\n timeout server 20s\n\
         listen both\n bind {address}\n balance roundrobin\n server one {}\n server other {}\n",
        servers[0].address, servers[1].address
    );
    let file = one.folder.path().join("haproxy.cfg");
    std::fs::write(&file, configuration).unwrap();
    let _peer = Peer::listening(Command::new(program).args(["-db", "-f"]).arg(&file), address);
    let report = probe(&[address], &["--samples", "8"]);
    let found = codes(&report);
    assert!(found.contains(&"address-serves-several-chains"), "{found:?}");
    let samples: Vec<&Value> = report["endpoints"].as_array().unwrap().iter().map(|it| &it["samples"]).collect();
    assert_eq!(samples, [&json!({"made": 8, "seen": 4}); 2]);
}
