//! The one request over TLS: what it finds, what it does not let a server do, and where it is not made.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::support::peer::{Identity, Peer, free_address, is_missing, nginx};
use crate::support::program::tlsmend;
use crate::support::tls_server::{NAME, TlsServer, certificate, serve};
use crate::support::validate;

/// `https://NAME/` at these addresses.
fn probe(addresses: &[SocketAddr], options: &[&str]) -> Value {
    let url = format!("https://{NAME}/");
    let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let mut arguments = vec!["probe", &url, "--no-cache", "--no-aia", "--output", "json"];
    arguments.extend(addresses.iter().flat_map(|address| ["--address", address]));
    arguments.extend(options);
    let run = tlsmend(&arguments);
    let report = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"));
    validate(&report);
    report
}

fn codes(report: &Value) -> Vec<&str> {
    let ours = ["http-error-answer", "redirects-elsewhere", "redirects-to-plaintext"];
    let findings = report["findings"].as_array().unwrap().iter();
    findings.filter_map(|finding| finding["code"].as_str()).filter(|code| ours.contains(code)).collect()
}

fn not_checked(report: &Value) -> bool {
    report["not_checked"].as_array().unwrap().iter().any(|check| check["code"] == "http")
}

async fn answering(answer: &str) -> SocketAddr {
    TlsServer::good().answers_http(answer.as_bytes()).start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_to_another_host() {
    let address = answering(
        "HTTP/1.1 301 Moved\r\nLocation: https://www.other.example:8443/a\r\n\
         Strict-Transport-Security: max-age=31536000; includeSubDomains\r\n\r\n",
    )
    .await;
    let report = probe(&[address], &[]);
    let look = &report["endpoints"][0]["http"];
    assert_eq!((&look["status"], &look["location"]), (&json!(301), &json!("https://www.other.example:8443/a")));
    assert_eq!(look["hsts"], json!({"max_age": 31_536_000, "include_subdomains": true}));
    assert_eq!(codes(&report), ["redirects-elsewhere"]);
    let finding = report["findings"].as_array().unwrap().iter().find(|it| it["code"] == "redirects-elsewhere").unwrap();
    assert_eq!(finding["remedy"]["command"], "tlsmend probe www.other.example:8443");
    assert!(!not_checked(&report));
    let text = tlsmend(&["probe", &format!("https://{NAME}/"), "--address", &address.to_string(), "--no-aia"]).stdout;
    assert!(text.contains("301 → https://www.other.example:8443/a") && text.contains("for 365 days"), "{text}");

    // And the report is judged again.
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("report.json");
    std::fs::write(&file, report.to_string()).unwrap();
    let at = report["run"]["judged_at"].as_str().unwrap();
    let run = tlsmend(&["show", file.to_str().unwrap(), "--at", at, "--output", "json"]);
    let again: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"));
    assert_eq!((&again["endpoints"], codes(&again)), (&report["endpoints"], codes(&report)));
    assert!(!not_checked(&again));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_answer_and_what_it_leads_to() {
    let cases: &[(&str, Value, &[&str])] = &[
        ("HTTP/1.1 200 OK\r\n\r\n", json!(200), &[]),
        ("HTTP/1.1 404 Not Found\r\n\r\n", json!(404), &[]),
        ("HTTP/1.0 503\n\n", json!(503), &["http-error-answer"]),
        ("HTTP/1.1 421 Misdirected Request\r\n\r\n", json!(421), &["http-error-answer"]),
        ("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", json!(204), &[]),
        // The last word of HTTP, not one that another follows.
        ("HTTP/1.1 101 Switching Protocols\r\n\r\n", json!(101), &[]),
        ("HTTP/1.1 302 Found\r\nLocation: /login\r\n\r\n", json!(302), &[]),
        ("HTTP/1.1 302 Found\r\nLocation: https://SITE.example.test/login\r\n\r\n", json!(302), &[]),
        ("HTTP/1.1 308 x\r\nlocation: HTTP://site.example.test/\r\n\r\n", json!(308), &["redirects-to-plaintext"]),
        // A Location is no redirect with every status.
        ("HTTP/1.1 201 Created\r\nLocation: https://other.example/\r\n\r\n", json!(201), &[]),
        (
            "HTTP/1.1 301 x\r\nLocation: https://a.example/$(reboot)\x1b[31m\r\n\r\n",
            json!(301),
            &["redirects-elsewhere"],
        ),
        ("SSH-2.0-x\r\n", Value::Null, &[]),
        ("HTTP/1.1 many\r\n\r\n", Value::Null, &[]),
        ("", Value::Null, &[]),
    ];
    for (answer, status, expected) in cases {
        let report = probe(&[answering(answer).await], &[]);
        let look = &report["endpoints"][0]["http"];
        assert_eq!((&look["status"], codes(&report)), (status, expected.to_vec()), "{answer:?}: {look}");
        assert_eq!(look["failure"].is_null(), !status.is_null(), "{look}");
        // What HTTP says changes nothing about TLS.
        assert_eq!(report["endpoints"][0]["status"], "completed");
        assert!(!look.to_string().contains("\\u001b["), "{look}");
    }
}

/// A head without an end, and one that never comes.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_waited_for_long() {
    let endless = format!("HTTP/1.1 200 OK\r\n{}", "A: b\r\n".repeat(100_000));
    let look = &probe(&[answering(&endless).await], &[])["endpoints"][0]["http"];
    assert_eq!(look["failure"], "the head of the answer has no end");
    // One that takes the request and says nothing: the report comes within its time.
    let silent = TlsServer::good().start().await;
    let report = probe(&[silent], &["--timeout", "2s"]);
    let look = &report["endpoints"][0]["http"];
    assert!(look["failure"].is_string(), "{look}");
    assert_eq!(report["endpoints"][0]["status"], "completed");
}

/// Servers that speak h2 alone have no answer for us, and that is said.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_http_1() {
    let report = probe(&[TlsServer::good().alpn("h2").start().await], &[]);
    assert_eq!(report["endpoints"][0]["tls"]["alpn"], "h2");
    assert!(report["endpoints"][0].get("http").is_none() && not_checked(&report));
}

/// Stands before `server` and counts.
async fn counted(server: SocketAddr) -> (SocketAddr, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    let address = serve(move |mut client| {
        counter.fetch_add(1, Ordering::SeqCst);
        async move {
            let mut server = TcpStream::connect(server).await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
        }
    })
    .await;
    (address, count)
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_made_only_where_https_is_meant() {
    let server = answering("HTTP/1.1 200 OK\r\n\r\n").await;
    let (address, count) = counted(server).await;
    let pinned = address.to_string();
    let made = |target: &str, options: &[&str]| {
        let mut arguments = vec!["probe", target, "--address", &pinned, "--no-aia", "--output", "json"];
        arguments.extend(options);
        let before = count.load(Ordering::SeqCst);
        let report: Value = serde_json::from_str(&tlsmend(&arguments).stdout).unwrap();
        let looked = report["endpoints"][0].get("http").is_some();
        assert_eq!(looked, !not_checked(&report));
        (count.load(Ordering::SeqCst) - before, looked)
    };
    assert_eq!(made(NAME, &[]), (2, true), "port 443 unless something else is said");
    assert_eq!(made(&format!("https://{NAME}:8443"), &[]), (2, true));
    assert_eq!(made(NAME, &["--no-http"]), (1, false));
    assert_eq!(made(NAME, &["--depth", "chain"]), (1, false));
    assert_eq!(
        made(&format!("{NAME}:8443"), &[]),
        (2, false),
        "a port where anything may live: asked whether it chooses HTTP, and no more"
    );
    assert_eq!(made(&format!("imaps://{NAME}"), &[]), (1, false));
}

/// At any port a server that chooses HTTP is asked; one that does not gets no request.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_chooses_http_is_asked() {
    let answer = b"HTTP/1.1 204 No\r\n\r\n";
    let first = TlsServer::good().alpn("http/1.1").answers_http(answer).start().await;
    let second = TlsServer::good().alpn("http/1.1").answers_http(answer).start().await;
    for (target, addresses, statuses) in [
        (format!("{NAME}:8443"), vec![first], vec![json!(204)]),
        (format!("{NAME}:8443"), vec![first, second], vec![json!(204), json!(204)]),
        (format!("imaps://{NAME}:8443"), vec![first], vec![Value::Null]),
    ] {
        let pins: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        let mut arguments = vec!["probe", &target, "--no-aia", "--output", "json"];
        arguments.extend(pins.iter().flat_map(|pin| ["--address", pin]));
        let report: Value = serde_json::from_str(&tlsmend(&arguments).stdout).unwrap();
        let seen: Vec<Value> =
            report["endpoints"].as_array().unwrap().iter().map(|it| it["http"]["status"].clone()).collect();
        assert_eq!(seen, statuses, "{target}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_a_chain() {
    let (one, key) = certificate();
    let alike = TlsServer::new([one], key).answers_http(b"HTTP/1.1 200 OK\r\n\r\n").start().await;
    let (first, second) = (counted(alike).await, counted(alike).await);
    let other = counted(answering("HTTP/1.1 503 x\r\n\r\n").await).await;
    let report = probe(&[first.0, second.0, other.0], &[]);
    let looked: Vec<bool> =
        report["endpoints"].as_array().unwrap().iter().map(|endpoint| endpoint.get("http").is_some()).collect();
    assert_eq!(looked, [true, false, true]);
    let counts = [first.1, second.1, other.1].map(|count| count.load(Ordering::SeqCst));
    assert_eq!(counts, [2, 1, 2]);
    // Where the first is dead, another is asked.
    let report = probe(&[free_address(), alike], &[]);
    assert_eq!(report["endpoints"][1]["http"]["status"], 200);
}

/// What `curl -I` sees.
#[tokio::test(flavor = "multi_thread")]
async fn nginx_as_curl_sees_it() {
    if is_missing(nginx()) || is_missing("curl") {
        return;
    }
    let (identity, address) = (Identity::ecdsa(), free_address());
    let place = identity.folder.path().display();
    let configuration = format!(
        "daemon off; master_process off; pid {place}/pid; error_log stderr;
         events {{}}
         http {{
           access_log off;
           client_body_temp_path {place}/a; proxy_temp_path {place}/b; fastcgi_temp_path {place}/c;
           uwsgi_temp_path {place}/d; scgi_temp_path {place}/e;
           server {{
             listen {address} ssl http2; server_name {NAME};
             ssl_certificate {place}/certificate.pem; ssl_certificate_key {place}/key.pem;
             add_header Strict-Transport-Security \"max-age=63072000; includeSubDomains\" always;
             location / {{ return 302 https://elsewhere.example/; }}
           }}
         }}"
    );
    let file = identity.folder.path().join("nginx.conf");
    std::fs::write(&file, configuration).unwrap();
    let mut command = Command::new(nginx());
    command.args(["-e", "stderr", "-p"]).arg(identity.folder.path()).arg("-c").arg(&file);
    let _peer = Peer::listening(&mut command, address);
    let look = probe(&[address], &[])["endpoints"][0]["http"].clone();
    let url = format!("https://{NAME}:{}/", address.port());
    let resolve = format!("{NAME}:{}:127.0.0.1", address.port());
    let output = Command::new("curl").args(["-sIk", "--http1.1", "--resolve", &resolve, &url]).output().unwrap();
    let head = String::from_utf8(output.stdout).unwrap().to_lowercase();
    assert!(head.starts_with(&format!("http/1.1 {} ", look["status"])), "{head}: {look}");
    assert!(head.contains(&format!("location: {}\r\n", look["location"].as_str().unwrap())), "{head}: {look}");
    let policy = &look["hsts"];
    assert!(head.contains(&format!("max-age={}; includesubdomains", policy["max_age"])), "{head}: {look}");
    assert_eq!(policy["include_subdomains"], true);
}
