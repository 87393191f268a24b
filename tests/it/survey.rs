//! `--depth survey`: what servers of other people support is found, all of it and nothing else, in few connections.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tlsmend::model::handshake::FailureKind;
use tlsmend::model::report::Report;
use tlsmend::model::survey::{Named, SuiteOrder, Support, Survey, VersionSurvey};
use tlsmend::observe::tls::{Connector, SurveySettings};
use tlsmend::probe::{self, Change, Depth, PinnedAddress, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::support::peer::{Identity, Peer, free_address, is_missing, nginx};
use crate::support::tls_server::{NAME, TlsServer, certificate, message, record, serve, server_hello};

/// Debian's OpenSSL refuses old things unless told so.
const ANY: &str = "ALL:eNULL:@SECLEVEL=0";

async fn survey_with(address: SocketAddr, settings: SurveySettings, time: Duration) -> Option<Survey> {
    let evidence = Connector::new().survey(address, &NAME.parse().unwrap(), settings, Instant::now() + time).await;
    evidence.survey.map(|evidence| evidence.survey)
}

async fn survey(address: SocketAddr) -> Survey {
    survey_with(address, SurveySettings::default(), Duration::from_secs(20)).await.unwrap()
}

fn names(list: &[Named]) -> Vec<&str> {
    let mut names: Vec<&str> = list.iter().map(|named| named.name.as_str()).collect();
    names.sort_unstable();
    names
}

fn supported(survey: &Survey) -> Vec<&str> {
    let yes = survey.versions.iter().filter(|version| version.supported == Support::Yes);
    yes.map(|version| version.version.as_str()).collect()
}

fn of<'a>(survey: &'a Survey, version: &str) -> &'a VersionSurvey {
    survey.version(version).unwrap()
}

fn now() -> tlsmend::model::time::Time {
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    tlsmend::model::time::Time::from_unix(seconds.try_into().unwrap())
}

async fn report(address: SocketAddr) -> Report {
    let settings = Settings {
        addresses: vec![PinnedAddress { ip: address.ip(), port: Some(address.port()) }],
        depth: Depth::Survey,
        ..Settings::default()
    };
    probe::probe(&NAME.parse().unwrap(), &settings, now).await
}

#[tokio::test]
async fn suites_groups_and_schemes_of_openssl() {
    if is_missing("openssl") {
        return;
    }
    let identity = Identity::rsa();
    let suites = "ECDHE-RSA-AES128-GCM-SHA256:AES256-SHA:DHE-RSA-CHACHA20-POLY1305:ECDHE-RSA-CAMELLIA128-SHA256";
    let peer = identity.s_server(&[
        "-cipher",
        suites,
        "-ciphersuites",
        "TLS_AES_128_CCM_SHA256:TLS_CHACHA20_POLY1305_SHA256",
        "-groups",
        "X448:P-384",
        "-sigalgs",
        "rsa_pss_rsae_sha384:RSA+SHA512:rsa_pss_rsae_sha256",
        "-serverpref",
    ]);
    let found = survey(peer.address).await;
    assert_eq!(supported(&found), ["1.3", "1.2"]);
    let (new, old) = (of(&found, "1.3"), of(&found, "1.2"));
    assert_eq!(names(&new.cipher_suites), ["TLS_AES_128_CCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"]);
    assert_eq!(names(&new.groups), ["secp384r1", "x448"]);
    assert_eq!(names(&new.signature_schemes), ["rsa_pss_rsae_sha256", "rsa_pss_rsae_sha384"]);
    assert_eq!(
        names(&old.cipher_suites),
        [
            "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            "TLS_ECDHE_RSA_WITH_CAMELLIA_128_CBC_SHA256",
            "TLS_RSA_WITH_AES_256_CBC_SHA",
        ]
    );
    assert_eq!(names(&old.groups), ["secp384r1", "x448"]);
    assert_eq!(names(&old.signature_schemes), ["rsa_pkcs1_sha512", "rsa_pss_rsae_sha256", "rsa_pss_rsae_sha384"]);
    assert_eq!((old.order, new.order), (SuiteOrder::Server, SuiteOrder::Server));
    assert_eq!(old.dh_bits, Some(2048));
    assert_eq!((found.extended_master_secret, found.renegotiation_info), (Support::Yes, Support::Yes));
    assert_eq!((found.ocsp_stapling, found.client_certificate.requested), (Support::No, Support::No));
    assert!(found.limits.is_empty(), "{:?}", found.limits);
}

#[tokio::test]
async fn whose_order_and_which() {
    if is_missing("openssl") {
        return;
    }
    let identity = Identity::ecdsa();
    let suites = [
        "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    ];
    let openssl =
        "ECDHE-ECDSA-AES256-SHA:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-GCM-SHA384";
    let full = SurveySettings { full_order: true, ..SurveySettings::default() };
    let strict = identity.s_server(&["-tls1_2", "-cipher", openssl, "-serverpref"]);
    let found = survey_with(strict.address, full, Duration::from_secs(20)).await.unwrap();
    let version = of(&found, "1.2");
    assert_eq!((version.order, version.suites_in_order), (SuiteOrder::Server, true));
    let order: Vec<&str> = version.cipher_suites.iter().map(|suite| suite.name.as_str()).collect();
    assert_eq!(order, suites);
    let lenient = identity.s_server(&["-tls1_2", "-cipher", openssl]);
    let found = survey_with(lenient.address, full, Duration::from_secs(20)).await.unwrap();
    assert_eq!((of(&found, "1.2").order, of(&found, "1.2").suites_in_order), (SuiteOrder::Client, false));
}

#[tokio::test]
async fn old_versions_and_suites_that_nobody_should_have() {
    if is_missing("openssl") {
        return;
    }
    let identity = Identity::rsa();
    let peer = identity.s_server(&["-cipher", ANY, "-min_protocol", "TLSv1", "-max_protocol", "TLSv1.2"]);
    let found = survey(peer.address).await;
    assert_eq!(supported(&found), ["1.2", "1.1", "1.0"]);
    for version in ["1.1", "1.0"] {
        let suites = names(&of(&found, version).cipher_suites);
        assert!(suites.contains(&"TLS_DH_anon_WITH_AES_128_CBC_SHA"), "{suites:?}");
        assert!(suites.contains(&"TLS_RSA_WITH_NULL_MD5"), "{suites:?}");
        assert!(!suites.iter().any(|suite| suite.contains("GCM")), "{suites:?}");
    }
    assert_eq!(names(&of(&found, "1.1").cipher_suites), names(&of(&found, "1.0").cipher_suites));
    // TLS 1.0 alone: every newer question is answered with it.
    let peer = identity.s_server(&["-cipher", ANY, "-tls1"]);
    let found = survey(peer.address).await;
    assert_eq!(supported(&found), ["1.0"]);
    assert!(of(&found, "1.0").cipher_suites.len() > 10);
}

#[tokio::test]
async fn two_certificates_and_a_default_server_of_nginx() {
    if is_missing("openssl") || is_missing(nginx()) {
        return;
    }
    let (rsa, ecdsa, other) = (Identity::rsa(), Identity::ecdsa(), Identity::rsa());
    let address = free_address();
    let folder = tempfile::TempDir::new().unwrap();
    let path = |file: std::path::PathBuf| file.display().to_string();
    let configuration = format!(
        "daemon off; master_process off; pid {0}/pid; error_log {0}/error.log; events {{}}\n\
         http {{ access_log off; client_body_temp_path {0}/a; proxy_temp_path {0}/b; fastcgi_temp_path {0}/c; \
         uwsgi_temp_path {0}/d; scgi_temp_path {0}/e; ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache shared:a:1m;\n\
         server {{ listen {address} ssl http2; server_name {NAME}; ssl_certificate {1}; ssl_certificate_key {2}; \
         ssl_certificate {3}; ssl_certificate_key {4}; ssl_verify_client optional; ssl_client_certificate {5}; }}\n\
         server {{ listen {address} ssl http2 default_server; server_name other.test; ssl_certificate {5}; ssl_certificate_key {6}; }} }}",
        folder.path().display(),
        path(rsa.certificate()),
        path(rsa.key()),
        path(ecdsa.certificate()),
        path(ecdsa.key()),
        path(other.certificate()),
        path(other.key()),
    );
    let file = folder.path().join("nginx.conf");
    std::fs::write(&file, configuration).unwrap();
    let _peer = Peer::listening(Command::new(nginx()).arg("-c").arg(&file), address);
    let report = report(address).await;
    let found = report.endpoints[0].survey.as_ref().unwrap();
    let mut keys: Vec<&str> = found.certificates.iter().map(|certificate| certificate.key.as_str()).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["ecdsa", "rsa"]);
    let mut protocols = found.alpn.clone();
    protocols.sort_unstable();
    assert_eq!(protocols, ["h2", "http/1.1"]);
    let default = tlsmend::x509::Fingerprint::of(&other.der).to_string();
    for other in [&found.without_server_name, &found.foreign_server_name] {
        assert_eq!(other.as_ref().unwrap().served_chain, std::slice::from_ref(&default));
    }
    assert!(report.certificates.contains_key(&default), "what is named is shown");
    let asked = &found.client_certificate;
    assert_eq!((asked.requested, asked.authorities_count), (Support::Yes, 1));
    assert_eq!(asked.authorities, [format!("CN={NAME}")]);
    assert_eq!((found.resumption_tls12.resumes, found.resumption_tls13.resumes), (Support::Yes, Support::Yes));
    assert_eq!((found.resumption_tls12.tickets, found.resumption_tls12.session_id), (Support::Yes, Support::Yes));
    assert!(report.not_checked.iter().all(|check| check.code != "protocol-survey"), "{:?}", report.not_checked);

    // It survives in the report and is judged again.
    let text = serde_json::to_string(&report).unwrap();
    let read: Report = serde_json::from_str(&text).unwrap();
    let again = probe::judge_again(&read, &Change::default()).unwrap();
    assert_eq!(again.endpoints[0].survey, report.endpoints[0].survey);
    assert_eq!(again.certificates, report.certificates);
    let codes = |report: &Report| report.findings.iter().map(|finding| finding.code.clone()).collect::<Vec<_>>();
    assert_eq!(codes(&again), codes(&report));
}

/// A server that keeps no session, staples and has one suite.
#[tokio::test]
async fn what_the_handshake_carries() {
    let address = TlsServer::good().staple(b"not an answer, but a staple").requests_client_certificate().start().await;
    let found = survey(address).await;
    assert_eq!(supported(&found), ["1.3", "1.2"]);
    assert_eq!(found.ocsp_stapling, Support::Yes);
    assert_eq!(found.client_certificate.requested, Support::Yes);
    assert_eq!(found.alpn, Vec::<String>::new());
    assert!(found.resumption_tls13.tickets == Support::Yes, "{found:?}");
}

/// Never more connections at once than allowed; the answer is the same.
#[tokio::test]
async fn the_limit_of_connections_holds() {
    let server = TlsServer::good().start().await;
    let (open, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (counted, highest) = (open.clone(), most.clone());
    let address = serve(move |mut client| {
        let (open, most) = (counted.clone(), highest.clone());
        async move {
            most.fetch_max(open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let mut server = TcpStream::connect(server).await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            open.fetch_sub(1, Ordering::SeqCst);
        }
    })
    .await;
    let few = SurveySettings { per_host: 2, ..SurveySettings::default() };
    let found = survey_with(address, few, Duration::from_secs(20)).await.unwrap();
    // The ordinary handshake is not one of the survey's; a connection that we closed the server may still count.
    assert!(most.load(Ordering::SeqCst) <= 8, "{most:?}");
    assert!(found.limits.is_empty(), "{:?}", found.limits);
    let all = survey(server).await;
    for version in ["1.3", "1.2"] {
        assert_eq!(names(&of(&found, version).cipher_suites), names(&of(&all, version).cipher_suites));
        assert_eq!(names(&of(&found, version).groups), names(&of(&all, version).groups));
    }
}

/// Servers that refuse by hanging up, and one that falls silent: the survey ends in time and says what it did not learn.
#[tokio::test]
async fn silence_is_not_a_refusal() {
    // Answers the first connection's hello like a server, then nothing more.
    let inner = TlsServer::good().start().await;
    let calls = Arc::new(AtomicUsize::new(0));
    let address = serve(move |mut client| {
        let call = calls.fetch_add(1, Ordering::SeqCst);
        async move {
            if call < 20 {
                let mut server = TcpStream::connect(inner).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            } else {
                let _ = client.read(&mut [0; 4096]).await;
                tokio::time::sleep(Duration::from_secs(60)).await;
            }
        }
    })
    .await;
    let found = survey_with(address, SurveySettings::default(), Duration::from_secs(2)).await.unwrap();
    assert!(found.limits.iter().any(|limit| limit.contains("the time ran out")), "{:?}", found.limits);
}

#[tokio::test]
async fn a_server_that_resets_what_it_refuses() {
    // Takes TLS 1.2 and one suite; hangs up on everything else without a word.
    let address = serve(|mut stream| async move {
        let mut hello = vec![0; 4096];
        let length = stream.read(&mut hello).await.unwrap_or_default();
        let offers = hello[..length].windows(2).any(|pair| pair == [0xc0, 0x2f]);
        if offers && hello[9..11] == [3, 3] {
            let answer = [record(22, 0x0303, &server_hello(0x0303)), record(22, 0x0303, &message(14, &[]))].concat();
            let _ = stream.write_all(&answer).await;
        }
    })
    .await;
    let found = survey(address).await;
    assert_eq!(supported(&found), ["1.2"]);
    assert_eq!(names(&of(&found, "1.2").cipher_suites), ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]);
}

/// What is no TLS server is not surveyed.
#[tokio::test]
async fn no_survey_without_tls() {
    let closed = free_address();
    assert!(survey_with(closed, SurveySettings::default(), Duration::from_secs(5)).await.is_none());
    let plain = crate::support::tls_server::greets("SSH-2.0-OpenSSH_9.9\r\n").await;
    assert!(survey_with(plain, SurveySettings::default(), Duration::from_secs(2)).await.is_none());
}

/// Names that cannot be parsed, lists that never end: none of it stops the survey.
#[tokio::test]
async fn a_hostile_certificate_request() {
    let (der, _) = certificate();
    let certificates = crate::support::tls_server::certificate_message(&[&der]);
    // certificate_types, supported_signature_algorithms, and names that are none.
    let names = b"\x00\x02\x1b\x5b".repeat(2000);
    let length = u16::try_from(names.len()).unwrap().to_be_bytes();
    let request = message(13, &[&[1, 64, 0, 2, 4, 1][..], &length, &names].concat());
    let flight = [server_hello(0x0303), certificates, request, message(14, &[])].concat();
    let flight = Arc::new(record(22, 0x0303, &flight));
    let address = serve(move |mut stream| {
        let flight = Arc::clone(&flight);
        async move {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(&flight).await;
            let _ = stream.shutdown().await;
        }
    })
    .await;
    let report = report(address).await;
    assert_ne!(report.endpoints[0].failure.as_ref().map(|failure| failure.kind), Some(FailureKind::Local));
    let found = report.endpoints[0].survey.as_ref().unwrap();
    assert_eq!((found.client_certificate.authorities.len(), found.client_certificate.authorities_count), (100, 2000));
    assert_eq!(found.client_certificate.authorities[0], "1b5b");
}

/// What a survey leads to: each rule on a server that has the fault, none on one that has not.
#[tokio::test]
async fn findings_of_the_survey() {
    if is_missing("openssl") {
        return;
    }
    let codes = |report: &Report| -> Vec<String> {
        let of_survey = [
            "capabilities-differ",
            "default-certificate-served",
            "no-extended-master-secret",
            "no-secure-renegotiation",
            "obsolete-version-accepted",
            "weak-cipher-suite-accepted",
            "weak-diffie-hellman-group",
        ];
        let mut codes: Vec<String> = report.findings.iter().map(|finding| finding.code.clone()).collect();
        codes.retain(|code| of_survey.contains(&code.as_str()));
        codes.sort_unstable();
        codes
    };
    let good = Identity::new(
        &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
        &["-addext", &format!("subjectAltName=DNS:{NAME}")],
    );
    assert_eq!(codes(&report(good.s_server(&[]).address).await), Vec::<String>::new());
    let rsa = Identity::rsa();
    let old = rsa.s_server(&["-cipher", ANY, "-min_protocol", "TLSv1", "-legacy_renegotiation"]);
    let report_of_old = report(old.address).await;
    assert_eq!(
        codes(&report_of_old),
        ["obsolete-version-accepted", "weak-cipher-suite-accepted", "weak-diffie-hellman-group"]
    );
    let finding = |code: &str| report_of_old.findings.iter().find(|finding| finding.code == code).unwrap();
    assert_eq!(finding("obsolete-version-accepted").facts["versions"], serde_json::json!(["1.0", "1.1"]));
    assert_eq!(finding("weak-diffie-hellman-group").facts["bits"], 1024);

    // A server that answers every name with the certificate of another.
    let other = Identity::new(
        &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
        &["-subj", "/CN=other.test", "-addext", "subjectAltName=DNS:other.test"],
    );
    let (default, strict) = (other.s_server(&[]), good.s_server(&["-tls1_3"]));
    assert_eq!(codes(&report(default.address).await), ["default-certificate-served"]);

    // Two addresses, one of which has another policy.
    let address = |address: SocketAddr| PinnedAddress { ip: address.ip(), port: Some(address.port()) };
    let lenient = good.s_server(&[]);
    let settings = Settings {
        addresses: vec![address(lenient.address), address(strict.address)],
        depth: Depth::Survey,
        ..Settings::default()
    };
    let two = probe::probe(&NAME.parse().unwrap(), &settings, now).await;
    assert_eq!(codes(&two), ["capabilities-differ"]);
    let groups =
        two.findings.iter().find(|finding| finding.code == "capabilities-differ").unwrap().facts["groups"].to_string();
    assert!(
        groups.contains("also TLS 1.2, TLS 1.2 TLS_ECDHE_ECDSA") && groups.contains("nothing that the others lack"),
        "{groups}"
    );
}

/// TLS 1.2 without any extension in the ServerHello: neither secure renegotiation nor the extended master secret.
#[tokio::test]
async fn a_server_of_twenty_years_ago() {
    let (der, _) = certificate();
    let flight =
        [server_hello(0x0303), crate::support::tls_server::certificate_message(&[&der]), message(14, &[])].concat();
    let flight = Arc::new(record(22, 0x0303, &flight));
    let address = serve(move |mut stream| {
        let flight = Arc::clone(&flight);
        async move {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(&flight).await;
            let _ = stream.shutdown().await;
        }
    })
    .await;
    let report = report(address).await;
    let codes: Vec<&str> = report.findings.iter().map(|finding| finding.code.as_str()).collect();
    assert!(codes.contains(&"no-secure-renegotiation") && codes.contains(&"no-extended-master-secret"), "{codes:?}");
}
