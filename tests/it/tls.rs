//! One handshake with one address: good servers, broken ones, and what is no TLS server at all.

use std::net::SocketAddr;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::CertificateDer;
use rustls::version::{TLS12, TLS13};
use tlsmend::model::handshake::{
    ClientCertificate, EndpointEvidence, EndpointStatus, Failure, FailureKind, KeyProof, Stage, TlsParameters,
};
use tlsmend::observe::tls::Connector;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::support::tls_server::{
    NAME, TlsServer, answers, certificate, certificate_message, cut_after, greets, message, observe, observe_for,
    record, serve, server_hello,
};

const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const VERSION_1_2: u16 = 0x0303;

fn completed(evidence: &EndpointEvidence) -> &TlsParameters {
    assert_eq!(evidence.failure, None);
    assert_eq!(evidence.status, EndpointStatus::Completed);
    evidence.tls.as_ref().unwrap()
}

fn failure(evidence: &EndpointEvidence, stage: Stage, kind: FailureKind) -> &Failure {
    let failure = evidence.failure.as_ref().unwrap();
    assert_eq!((failure.stage, failure.kind), (stage, kind), "{failure:?}");
    assert_eq!(evidence.status, EndpointStatus::Failed);
    assert!(!failure.message.is_empty() && !failure.message.contains(char::is_control), "{failure:?}");
    failure
}

#[tokio::test]
async fn good_server() {
    let (certificate, key) = certificate();
    let evidence = observe(TlsServer::new([certificate.clone()], key).alpn("h2").start().await).await;
    assert_eq!(
        *completed(&evidence),
        TlsParameters {
            version: Some("1.3".to_owned()),
            cipher_suite: Some("TLS_AES_128_GCM_SHA256".to_owned()),
            group: Some("x25519".to_owned()),
            dh_bits: None,
            alpn: Some("h2".to_owned()),
            signature_scheme: Some("ecdsa_secp256r1_sha256".to_owned()),
            key_proof: KeyProof::Proven,
            client_certificate: ClientCertificate::NotRequested,
            ocsp_staple_bytes: None,
        }
    );
    assert_eq!(evidence.served_chain, [certificate.to_vec()]);
    assert!(evidence.timing.tcp.is_some() && evidence.timing.tls.is_some());
}

#[tokio::test]
async fn tls_1_2_only() {
    let evidence = observe(TlsServer::good().only(&TLS12).start().await).await;
    let tls = completed(&evidence);
    assert_eq!(tls.version.as_deref(), Some("1.2"));
    assert_eq!(tls.cipher_suite.as_deref(), Some("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"));
    assert_eq!(tls.group.as_deref(), Some("x25519"));
    assert_eq!((tls.key_proof, tls.alpn.as_deref()), (KeyProof::Proven, None));
    assert_eq!(evidence.served_chain.len(), 1);
}

#[tokio::test]
async fn chain_is_recorded_as_sent() {
    for version in [&TLS12, &TLS13] {
        let (end_entity, key) = certificate();
        let strangers = [certificate().0, CertificateDer::from(vec![0x55; 1000]), certificate().0];
        let chain: Vec<_> = [end_entity].into_iter().chain(strangers).collect();
        let evidence = observe(TlsServer::new(chain.clone(), key).only(version).start().await).await;
        assert_eq!(completed(&evidence).key_proof, KeyProof::Proven);
        assert_eq!(evidence.served_chain, chain.iter().map(|der| der.to_vec()).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn stapled_ocsp_response_is_kept() {
    for version in [&TLS12, &TLS13] {
        let evidence = observe(TlsServer::good().only(version).staple(b"not really OCSP").start().await).await;
        assert_eq!(completed(&evidence).ocsp_staple_bytes, Some(15));
        assert_eq!(evidence.ocsp_staple.as_deref(), Some(&b"not really OCSP"[..]));
    }
}

#[tokio::test]
async fn an_end_entity_that_does_not_parse_is_recorded() {
    for version in [&TLS12, &TLS13] {
        let junk = CertificateDer::from(vec![0xa5; 700]);
        let evidence = observe(TlsServer::new([junk.clone()], certificate().1).only(version).start().await).await;
        assert_eq!(completed(&evidence).key_proof, KeyProof::NotChecked);
        assert_eq!(evidence.served_chain, [junk.to_vec()]);
    }
}

#[tokio::test]
async fn key_of_another_certificate() {
    for version in [&TLS12, &TLS13] {
        let served = certificate().0;
        let server = TlsServer::new([served.clone(), certificate().0], certificate().1).only(version);
        let evidence = observe(server.start().await).await;
        failure(&evidence, Stage::Tls, FailureKind::SignatureWrong);
        let tls = evidence.tls.as_ref().unwrap();
        assert_eq!(tls.key_proof, KeyProof::Wrong);
        assert!(tls.version.is_some() && tls.cipher_suite.is_some() && tls.group.is_some());
        assert_eq!(evidence.served_chain.len(), 2);
        assert_eq!(evidence.served_chain[0], served.to_vec());
    }
}

#[tokio::test]
async fn no_protocol_in_common_is_not_held_against_the_server() {
    for version in [&TLS12, &TLS13] {
        let evidence = observe(TlsServer::good().only(version).alpn("imap").start().await).await;
        assert_eq!(completed(&evidence).alpn, None);
        assert_eq!(evidence.served_chain.len(), 1);
    }
}

/// What comes after the handshake, in the same read as its end, is no part of it.
#[tokio::test]
async fn a_server_that_talks_and_leaves_at_once() {
    for version in [&TLS12, &TLS13] {
        for bytes in [0, 100_000] {
            let evidence = observe(TlsServer::good().only(version).talks(bytes).start().await).await;
            assert_eq!(completed(&evidence).key_proof, KeyProof::Proven);
        }
    }
}

#[tokio::test]
async fn client_certificate_requested() {
    for version in [&TLS12, &TLS13] {
        let evidence = observe(TlsServer::good().only(version).requests_client_certificate().start().await).await;
        assert_eq!(completed(&evidence).client_certificate, ClientCertificate::Requested);
    }
}

#[tokio::test]
async fn client_certificate_required() {
    for (version, stage) in [(&TLS12, Stage::Tls), (&TLS13, Stage::AfterHandshake)] {
        let evidence = observe(TlsServer::good().only(version).requires_client_certificate().start().await).await;
        let failure = failure(&evidence, stage, FailureKind::ClientCertificateRequired);
        assert_eq!(failure.alert.as_deref(), Some("certificate_required"));
        let tls = evidence.tls.as_ref().unwrap();
        assert_eq!((tls.client_certificate, tls.key_proof), (ClientCertificate::Required, KeyProof::Proven));
        assert_eq!(evidence.served_chain.len(), 1);
    }
}

/// Some stacks refuse a client without certificate by hanging up.
#[tokio::test]
async fn closed_after_a_client_certificate_was_requested() {
    let server = TlsServer::good().only(&TLS13).requires_client_certificate().start().await;
    for records in 3.. {
        let evidence = observe(cut_after(server, records).await).await;
        if evidence.failure.as_ref().unwrap().stage == Stage::AfterHandshake {
            failure(&evidence, Stage::AfterHandshake, FailureKind::Closed);
            assert_eq!(evidence.tls.unwrap().client_certificate, ClientCertificate::Requested);
            assert_eq!(evidence.served_chain.len(), 1);
            break;
        }
    }
}

#[tokio::test]
async fn addresses_get_no_server_name() {
    let address = serve(|mut stream| async move {
        let mut hello = vec![0; 4096];
        let length = stream.read(&mut hello).await.unwrap();
        let named = hello[..length].windows(NAME.len()).any(|window| window == NAME.as_bytes());
        let extension = hello[..length].windows(4).any(|window| window == [0, 0, 0, 0x16]);
        let _ = stream.write_all(&record(ALERT, VERSION_1_2, &[2, if named && extension { 80 } else { 112 }])).await;
    })
    .await;
    let alert = |evidence: EndpointEvidence| evidence.failure.unwrap().alert;
    assert_eq!(alert(observe(address).await).as_deref(), Some("internal_error"));
    let ip = "127.0.0.1".parse().unwrap();
    let evidence = Connector::new().handshake(address, &ip, Instant::now() + Duration::from_secs(20)).await;
    assert_eq!(alert(evidence).as_deref(), Some("unrecognized_name"));
}

#[tokio::test]
async fn closed_port() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let evidence = observe(address).await;
    failure(&evidence, Stage::Tcp, FailureKind::Refused);
    assert_eq!((evidence.tls, evidence.timing.tcp), (None, None));
}

/// A listener whose queue is full drops further SYNs, as a packet filter does.
#[tokio::test]
async fn filtered_port() {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let mut fillers = Vec::new();
    // Systems round the backlog as they like: fill until one connection hangs.
    while let Ok(Ok(stream)) =
        tokio::time::timeout(Duration::from_millis(300), tokio::net::TcpStream::connect(address)).await
    {
        fillers.push(stream);
        assert!(fillers.len() < 100, "the queue never filled");
    }
    let evidence = observe_for(address, Duration::from_millis(300)).await;
    failure(&evidence, Stage::Tcp, FailureKind::Timeout);
}

/// The program in a network of its own, which has no route anywhere.
#[cfg(target_os = "linux")]
#[test]
fn ipv6_without_a_route_is_not_tried() {
    let own_network = ["--net", "--map-root-user"];
    let allowed =
        std::process::Command::new("unshare").args(own_network).arg("true").status().is_ok_and(|s| s.success());
    if !allowed {
        return crate::support::skip("this user may not make a network namespace");
    }
    // 2001:db8::/32 is documentation space (RFC 3849).
    let arguments = ["probe", "[2001:db8::1]", "--output", "json", "--timeout", "5s"];
    let program = env!("CARGO_BIN_EXE_tlsmend");
    let run = std::process::Command::new("unshare").args(own_network).arg(program).args(arguments).output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(report["endpoints"][0]["status"], "not_tried");
    assert_eq!(report["findings"], serde_json::json!([]), "it says nothing about the server");
    assert_eq!(report["deployments"], serde_json::json!([]));
    assert_eq!(run.status.code(), Some(3), "nothing was reached");
}

#[tokio::test]
async fn silence_after_accept() {
    let address = serve(|stream| async move {
        tokio::time::sleep(Duration::from_secs(60)).await;
        drop(stream);
    })
    .await;
    let evidence = observe_for(address, Duration::from_millis(300)).await;
    failure(&evidence, Stage::Tls, FailureKind::Timeout);
    assert_eq!(evidence.tls, None);
}

#[tokio::test]
async fn reset_after_the_hello() {
    let address = serve(|mut stream| async move {
        let _ = stream.read(&mut [0; 4096]).await;
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    })
    .await;
    failure(&observe(address).await, Stage::Tls, FailureKind::Reset);
}

#[tokio::test]
async fn closed_at_once_and_in_the_middle() {
    let at_once = observe(answers("").await).await;
    let at_once = failure(&at_once, Stage::Tls, FailureKind::Closed);
    let half = record(HANDSHAKE, VERSION_1_2, &server_hello(VERSION_1_2));
    let middle = observe(answers(&half[..half.len() / 2]).await).await;
    let middle = failure(&middle, Stage::Tls, FailureKind::Closed);
    assert_ne!(at_once.message, middle.message);
}

#[tokio::test]
async fn other_protocols_on_the_port() {
    let cases = [
        (greets("220 mail.example.test ESMTP ready\r\n").await, "smtp"),
        (greets("220 (vsFTPd 3.0.5)\r\n").await, "ftp"),
        (greets("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n").await, "ssh"),
        (greets("* OK IMAP4rev1 ready\r\n").await, "imap"),
        (greets("+OK POP3 ready\r\n").await, "pop3"),
        (greets("+OK").await, "pop3"),
        (answers("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n").await, "http"),
        (answers("<html>\r\n<head><title>400 Bad Request</title></head>\r\n").await, "http"),
        (answers("-ERR unknown command\r\n").await, "redis"),
    ];
    for (address, protocol) in cases {
        let evidence = observe_for(address, Duration::from_secs(2)).await;
        assert_eq!(
            failure(&evidence, Stage::Tls, FailureKind::Plaintext).protocol.as_deref(),
            Some(protocol),
            "{evidence:?}"
        );
    }
}

#[tokio::test]
async fn a_banner_in_pieces_is_read_to_its_end() {
    let address = serve(|mut stream| async move {
        stream.set_nodelay(true).unwrap();
        for piece in ["220 p", "roftpd.example.test F", "TP\r\n"] {
            let _ = stream.write_all(piece.as_bytes()).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::sleep(Duration::from_secs(60)).await;
    })
    .await;
    let evidence = observe(address).await;
    let failure = failure(&evidence, Stage::Tls, FailureKind::Plaintext);
    assert_eq!(failure.protocol.as_deref(), Some("ftp"));
    assert!(failure.message.contains("`220 proftpd.example.test FTP`"), "{}", failure.message);
}

#[tokio::test]
async fn garbage() {
    for bytes in [&b"\x99\x88\x1b[2J\x07garbage"[..], b"\x80\x2e\x01\x00\x02", b"\x16\x16\x16\x16\x16\x16", b"?"] {
        let evidence = observe(answers(bytes).await).await;
        assert_eq!(failure(&evidence, Stage::Tls, FailureKind::NotTls).protocol, None);
    }
}

#[tokio::test]
async fn alerts_have_their_name_and_meaning() {
    let cases = [
        (40, "handshake_failure", FailureKind::NothingInCommon),
        (71, "insufficient_security", FailureKind::NothingInCommon),
        (70, "protocol_version", FailureKind::VersionNotSupported),
        (112, "unrecognized_name", FailureKind::Alert),
        (80, "internal_error", FailureKind::Alert),
        (49, "access_denied", FailureKind::Alert),
        (116, "certificate_required", FailureKind::ClientCertificateRequired),
        (120, "no_application_protocol", FailureKind::Alert),
        (0, "close_notify", FailureKind::Closed),
        (200, "alert_200", FailureKind::Alert),
    ];
    for (code, name, kind) in cases {
        let evidence = observe(answers(record(ALERT, VERSION_1_2, &[2, code])).await).await;
        assert_eq!(failure(&evidence, Stage::Tls, kind).alert.as_deref(), Some(name));
        assert_eq!(evidence.tls, None);
    }
}

/// Some servers (Java's) warn that they do not know the name, and go on.
#[tokio::test]
async fn a_warning_is_not_the_end() {
    let warned = [record(ALERT, VERSION_1_2, &[1, 112]), record(ALERT, VERSION_1_2, &[2, 80])].concat();
    let evidence = observe(answers(warned).await).await;
    assert_eq!(failure(&evidence, Stage::Tls, FailureKind::Alert).alert.as_deref(), Some("internal_error"));
}

#[tokio::test]
async fn chain_survives_a_later_failure() {
    let der = certificate().0;
    let flight = [server_hello(VERSION_1_2), certificate_message(&[&der, &der])].concat();
    let then_internal_error = [record(HANDSHAKE, VERSION_1_2, &flight), record(ALERT, VERSION_1_2, &[2, 80])].concat();
    let evidence = observe(answers(then_internal_error).await).await;
    failure(&evidence, Stage::Tls, FailureKind::Alert);
    assert_eq!(evidence.tls.as_ref().unwrap().version.as_deref(), Some("1.2"));
    assert_eq!(evidence.served_chain, [der.to_vec(), der.to_vec()]);
}

/// TLS 1.3 encrypts the certificates, and rustls shows them only with the CertificateVerify behind them.
#[tokio::test]
async fn chain_survives_a_later_failure_of_tls_1_3() {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([NAME.to_owned()]).unwrap().self_signed(&key).unwrap();
    let chain = [certificate.der().clone(), CertificateDer::from(vec![0x30; 300])];
    let server = TlsServer::new(chain.clone(), key).only(&TLS13).fragments(64).start().await;
    let mut recorded = Vec::new();
    // ServerHello, change_cipher_spec, then EncryptedExtensions, Certificate, CertificateVerify and Finished in pieces.
    for records in 3.. {
        let evidence = observe(cut_after(server, records).await).await;
        if evidence.failure.is_none() {
            assert_eq!(completed(&evidence).key_proof, KeyProof::Proven);
            break;
        }
        failure(&evidence, Stage::Tls, FailureKind::Closed);
        assert_eq!(evidence.tls.unwrap().version.as_deref(), Some("1.3"));
        recorded.push(evidence.served_chain);
    }
    recorded.dedup();
    assert_eq!(recorded, [Vec::new(), chain.iter().map(|der| der.to_vec()).collect()]);
}

#[tokio::test]
async fn old_version_chosen() {
    let der = certificate().0;
    let flight = [server_hello(0x0301), certificate_message(&[&der])].concat();
    let evidence = observe(answers(record(HANDSHAKE, 0x0301, &flight)).await).await;
    let failure = failure(&evidence, Stage::Tls, FailureKind::VersionNotSupported);
    assert!(failure.message.contains("TLS 1.0"), "{}", failure.message);
    assert_eq!(evidence.tls.as_ref().unwrap().version.as_deref(), Some("1.0"));
    assert_eq!(evidence.served_chain, [der.to_vec()]);
}

#[tokio::test]
async fn empty_certificate_list() {
    // ServerKeyExchange: named curve x25519, a point, rsa_pss_rsae_sha256, a signature.
    let key_exchange = [&[3, 0, 0x1d, 32][..], &[9; 32], &[8, 4, 1, 0], &[1; 256]].concat();
    let begin = [server_hello(VERSION_1_2), certificate_message(&[])].concat();
    let whole = [&begin[..], &message(12, &key_exchange), &message(14, &[])].concat();
    for flight in [begin, whole] {
        let evidence = observe(answers(record(HANDSHAKE, VERSION_1_2, &flight)).await).await;
        failure(&evidence, Stage::Tls, FailureKind::NoCertificate);
        assert!(evidence.served_chain.is_empty());
    }
    let evidence = observe(TlsServer::new([], certificate().1).start().await).await;
    failure(&evidence, Stage::Tls, FailureKind::NoCertificate);
}

#[tokio::test]
async fn far_too_long_a_chain() {
    for version in [&TLS12, &TLS13] {
        let (end_entity, key) = certificate();
        let filler = (0..200).map(|_| CertificateDer::from(vec![0x30; 1000]));
        let server = TlsServer::new([end_entity].into_iter().chain(filler), key).only(version);
        let evidence = observe(server.start().await).await;
        let failure = failure(&evidence, Stage::Tls, FailureKind::TooLarge);
        assert!(failure.message.contains("Certificate message is 20"), "{}", failure.message);
        let tls = evidence.tls.as_ref().unwrap();
        assert!(tls.version.is_some() && tls.cipher_suite.as_ref().unwrap().starts_with("TLS_"), "{tls:?}");
    }
}

#[tokio::test]
async fn a_long_chain_within_the_limit() {
    for version in [&TLS12, &TLS13] {
        let (end_entity, key) = certificate();
        let filler = (0..60).map(|_| CertificateDer::from(vec![0x30; 1000]));
        let server = TlsServer::new([end_entity].into_iter().chain(filler), key).only(version);
        let evidence = observe(server.start().await).await;
        completed(&evidence);
        assert_eq!(evidence.served_chain.len(), 61);
    }
}

/// Warnings without end: something must give up before memory or time does.
#[tokio::test]
async fn flood() {
    let address = serve(|mut stream| async move {
        let warning = record(ALERT, VERSION_1_2, &[1, 112]);
        while stream.write_all(&warning).await.is_ok() {}
    })
    .await;
    let evidence = observe(address).await;
    failure(&evidence, Stage::Tls, FailureKind::Protocol);
}
