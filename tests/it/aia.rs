//! Fetching issuers from real HTTP servers on loopback.

use std::net::SocketAddr;
use std::time::Duration;

use hickory_proto::op::ResponseCode;
use tlsmend::model::aia::{AiaEvidence, AiaOutcome};
use tlsmend::observe::aia::Fetcher;
use tlsmend::observe::dns::Resolver;
use tlsmend::x509::{Fingerprint, pem};
use tokio::time::Instant;

use crate::support::dns_server::{Scripted, Zones};
use crate::support::http_server::{HttpServer, Page, raw_server};

const LONG: Duration = Duration::from_secs(20);

async fn fetch_within(time: Duration, resolver: &Resolver, private: bool, urls: &[&str]) -> Vec<AiaEvidence> {
    let urls: Vec<String> = urls.iter().map(ToString::to_string).collect();
    let answers = Fetcher::new(resolver, private, None).fetch(&urls, Instant::now() + time).await;
    let answered: Vec<&String> = answers.iter().map(|answer| &answer.fetch.url).collect();
    assert_eq!(answered, urls.iter().collect::<Vec<_>>());
    answers
}

/// From addresses, with loopback allowed: no name is resolved.
async fn fetch(urls: &[&str]) -> Vec<AiaEvidence> {
    fetch_within(LONG, &Resolver::new(Vec::new()), true, urls).await
}

async fn fetch_one(url: &str) -> AiaEvidence {
    fetch(&[url]).await.remove(0)
}

fn certificate(name: &str) -> Vec<u8> {
    rcgen::generate_simple_self_signed([name.to_owned()]).unwrap().cert.der().to_vec()
}

/// A PKCS#7 `certs-only` (RFC 2315 §9.1) of these certificates.
fn p7(certificates: &[Vec<u8>]) -> Vec<u8> {
    let tlv = |tag: u8, content: &[u8]| {
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        [&[tag, 0x82], &length[..], content].concat()
    };
    let data = tlv(0x30, b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01");
    let signed = [tlv(2, &[1]), tlv(0x31, &[]), data, tlv(0xa0, &certificates.concat()), tlv(0x31, &[])].concat();
    let oid = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
    tlv(0x30, &[&oid[..], &tlv(0xa0, &tlv(0x30, &signed))].concat())
}

#[tokio::test]
async fn every_form_of_certificate_is_read() {
    let (one, two) = (certificate("one.test"), certificate("two.test"));
    let pages = (one.clone(), pem::encode(&one), p7(&[one.clone(), two.clone()]));
    let server = HttpServer::serve(move |path| match path {
        "/der" => Page::of("application/pkix-cert", pages.0.clone()),
        "/pem" => Page::of("text/plain", pages.1.clone()),
        "/p7c" => Page::of("application/x-pkcs7-certificates", pages.2.clone()),
        _ => Page::of("text/html; charset=utf-8", pages.0.clone()), // the type on the label says nothing
    })
    .await;
    let urls = ["/der", "/pem", "/p7c", "/mislabelled"].map(|path| server.url(path));
    let answers = fetch(&urls.each_ref().map(String::as_str)).await;
    for (index, answer) in answers.iter().enumerate() {
        let expected = if index == 2 { vec![one.clone(), two.clone()] } else { vec![one.clone()] };
        assert_eq!(answer.certificates, expected);
        let hashes: Vec<String> = expected.iter().map(|der| Fingerprint::of(der).to_string()).collect();
        assert_eq!(answer.fetch.certificates, hashes);
        assert_eq!((answer.fetch.outcome, answer.fetch.status), (AiaOutcome::Accepted, Some(200)));
        assert_eq!((&answer.fetch.detail, answer.fetch.from_cache), (&None, false));
    }
    assert_eq!(answers[0].fetch.bytes, Some(one.len()));
    assert_eq!(answers[3].fetch.content_type.as_deref(), Some("text/html; charset=utf-8"));
}

#[tokio::test]
async fn what_is_no_certificate_says_why() {
    let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let server = HttpServer::serve(move |path| match path {
        "/html" => Page::of("text/html", "<html>Moved</html>"),
        "/empty" => Page::of("application/pkix-cert", ""),
        "/key" => Page::of("application/pkix-cert", key.clone()),
        "/500" => Page::error(500),
        "/not-modified" => Page { status: 304, ..Page::of("text/html", "") },
        "/nowhere" => Page::redirect("http://[nowhere"),
        _ => Page::error(404),
    })
    .await;
    for (path, outcome, status, word) in [
        ("/html", AiaOutcome::NotACertificate, 200, "no certificate"),
        ("/empty", AiaOutcome::NotACertificate, 200, "empty"),
        ("/key", AiaOutcome::NotACertificate, 200, "PRIVATE KEY"),
        ("/404", AiaOutcome::HttpStatus, 404, "404"),
        ("/500", AiaOutcome::HttpStatus, 500, "500"),
        ("/not-modified", AiaOutcome::HttpStatus, 304, "304"),
        ("/nowhere", AiaOutcome::InvalidUrl, 302, "no URL"),
    ] {
        let AiaEvidence { fetch, certificates } = fetch_one(&server.url(path)).await;
        assert_eq!((fetch.outcome, fetch.status, certificates.len()), (outcome, Some(status), 0), "{fetch:?}");
        assert!(fetch.detail.as_deref().unwrap().contains(word), "{fetch:?}");
    }
}

#[tokio::test]
async fn addresses_that_are_not_fetched() {
    let silent = HttpServer::serve(|_| Page::error(404)).await;
    let port = silent.address.port();
    let urls = [
        "https://127.0.0.1/ca.der",
        "ldap://ca.test/cn=CA?cACertificate",
        "file:///etc/passwd",
        "ca.der",
        "",
        "http://",
        "http://a b/",
        "http://under\u{7}scored..test/",
    ];
    for (url, answer) in urls.iter().zip(fetch(&urls).await) {
        let expected = if url.contains("://") && !url.starts_with("http:") {
            AiaOutcome::SchemeNotSupported
        } else {
            AiaOutcome::InvalidUrl
        };
        assert_eq!(answer.fetch.outcome, expected, "{:?}", answer.fetch);
        assert!(!answer.fetch.detail.unwrap().contains('\u{7}'));
    }
    // However the address is written.
    for host in ["127.0.0.1", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "localhost", "x.localhost"] {
        let url = format!("http://{host}:{port}/ca.der");
        let fetched = fetch_within(LONG, &Resolver::new(Vec::new()), false, &[&url]).await.remove(0).fetch;
        assert_eq!((fetched.outcome, fetched.status), (AiaOutcome::PrivateAddress, None), "{fetched:?}");
        assert!(fetched.detail.unwrap().contains("--allow-private-aia"));
    }
    assert_eq!(silent.requests(), [] as [&str; 0]);
}

#[tokio::test]
async fn redirects_are_followed_within_limits() {
    let ca = certificate("ca.test");
    let body = ca.clone();
    let server = HttpServer::serve(move |path| match path {
        "/1" => Page::redirect("/"),
        "/" => Page::of("application/pkix-cert", body.clone()),
        "/https" => Page::redirect("https://127.0.0.1/ca.der"),
        "/deep/5" => Page::redirect("4"),
        "/deep/4" => Page::redirect("3"),
        "/deep/3" => Page::redirect("2"),
        "/deep/2" => Page::redirect("1"),
        "/deep/1" => Page::redirect("/"),
        "/deep/6" => Page::redirect("5"),
        _ => Page::redirect(path),
    })
    .await;
    for path in ["/1", "/deep/5"] {
        assert_eq!(fetch_one(&server.url(path)).await.certificates, [&ca[..]], "{path}");
    }
    for (path, outcome) in [
        ("/deep/6", AiaOutcome::TooManyRedirects),
        ("/circle", AiaOutcome::TooManyRedirects),
        ("/https", AiaOutcome::SchemeNotSupported),
    ] {
        assert_eq!(fetch_one(&server.url(path)).await.fetch.outcome, outcome, "{path}");
    }
    assert_eq!(server.requests().iter().filter(|request| request.starts_with("/circle")).count(), 6);
}

#[tokio::test]
async fn large_bodies_are_not_read() {
    let server = HttpServer::serve(|_| Page::of("application/pkix-cert", vec![0x30; 64 * 1024 + 1])).await;
    let answer = fetch_one(&server.url("/")).await.fetch;
    assert_eq!((answer.outcome, answer.status), (AiaOutcome::TooLarge, Some(200)));
    assert_eq!(answer.detail.as_deref(), Some("it is larger than 64 KiB"));
    let endless = raw_server(b"HTTP/1.1 200 OK\r\n\r\n", &[b'x'; 8192]).await;
    assert_eq!(fetch_one(&format!("http://{endless}/")).await.fetch.outcome, AiaOutcome::TooLarge);
}

#[tokio::test]
async fn at_most_sixteen_certificates_are_kept() {
    let many: Vec<Vec<u8>> = (0..20).map(|n| certificate(&format!("n{n}.test"))).collect();
    let body = p7(&many);
    let server = HttpServer::serve(move |_| Page::of("application/pkcs7-mime", body.clone())).await;
    let answer = fetch_one(&server.url("/")).await;
    assert_eq!(answer.certificates, many[..16]);
    assert!(answer.fetch.detail.unwrap().contains("20"));
}

#[tokio::test]
async fn servers_that_do_not_answer_or_not_in_http() {
    let slow = raw_server(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n0", b"").await;
    let silent = raw_server(b"", b"").await;
    let ssh = raw_server(b"SSH-2.0-OpenSSH_9.2\r\n", b"").await;
    let endless_header = raw_server(b"HTTP/1.1 200 OK\r\n", b"x-header: and so on\r\n").await;
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for (server, outcome) in [
        (slow, AiaOutcome::Timeout),
        (silent, AiaOutcome::Timeout),
        (ssh, AiaOutcome::Unreachable),
        (endless_header, AiaOutcome::Unreachable),
        (closed, AiaOutcome::Unreachable),
    ] {
        let url = format!("http://{server}/");
        let time = if outcome == AiaOutcome::Timeout { Duration::from_millis(300) } else { LONG };
        let answer = fetch_within(time, &Resolver::new(Vec::new()), true, &[&url]).await.remove(0).fetch;
        assert_eq!(answer.outcome, outcome, "{answer:?}");
        assert!(answer.detail.is_some());
    }
}

/// The host's name exists only for the name server that was given, so the system was not asked; and that server says
/// something else the second time (DNS rebinding), so one look-up was all.
#[tokio::test]
async fn hosts_are_resolved_once_by_the_given_servers() {
    let ca = certificate("ca.test");
    let body = ca.clone();
    let http = HttpServer::serve(move |_| Page::of("application/pkix-cert", body.clone())).await;
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let dns = Scripted::serve(move |query| {
        let first = asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < 2; // A and AAAA
        let lines: &[&str] = if first { &["aia.test 0 A 127.0.0.1"] } else { &["aia.test 0 A 127.0.0.66"] };
        vec![crate::support::dns_server::answer(query, ResponseCode::NoError, lines)]
    })
    .await;
    let url = format!("http://user:secret@AIA.test.:{}/ca.der", http.address.port());
    let answer = fetch_within(LONG, &Resolver::new(vec![dns.address]), true, &[&url]).await.remove(0);
    assert_eq!(answer.certificates, [ca], "{:?}", answer.fetch);
    assert_eq!(dns.asked().len(), 2);
    assert!(!http.requests()[0].to_lowercase().contains("authorization"));
}

#[tokio::test]
async fn hosts_that_do_not_resolve() {
    let dns = Zones::serve(&[("a.test", &["private.a.test 60 A 10.0.0.1", "empty.a.test 60 CNAME a.test"])]).await;
    let silent = Scripted::silent().await;
    let of = async |dns: SocketAddr, url: &str, time: Duration| {
        let fetched = fetch_within(time, &Resolver::new(vec![dns]), false, &[url]).await.remove(0).fetch;
        assert!(fetched.detail.is_some());
        fetched.outcome
    };
    assert_eq!(of(dns.address, "http://gone.a.test/", LONG).await, AiaOutcome::NotResolved);
    assert_eq!(of(dns.address, "http://empty.a.test/", LONG).await, AiaOutcome::NotResolved);
    assert_eq!(of(dns.address, "http://private.a.test/", LONG).await, AiaOutcome::PrivateAddress);
    assert_eq!(of(silent.address, "http://a.test/", Duration::from_millis(300)).await, AiaOutcome::Timeout);
}

#[tokio::test]
async fn one_target_gets_sixteen_fetches() {
    let server = HttpServer::serve(|_| Page::error(404)).await;
    let urls: Vec<String> = (0..10).map(|n| server.url(&format!("/{n}"))).collect();
    let resolver = Resolver::new(Vec::new());
    let mut fetcher = Fetcher::new(&resolver, true, None);
    let mut outcomes = Vec::new();
    for _ in 0..2 {
        let answers = fetcher.fetch(&urls, Instant::now() + LONG).await;
        outcomes.extend(answers.into_iter().map(|answer| answer.fetch.outcome));
    }
    assert_eq!(outcomes[..16], [AiaOutcome::HttpStatus; 16]);
    assert_eq!(outcomes[16..], [AiaOutcome::LimitReached; 4]);
    assert_eq!(server.requests().len(), 16);
}
