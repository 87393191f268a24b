//! ClientHellos of our own making: servers that rustls has nothing in common with, odd records, hostile answers; and what
//! each client is said to meet there.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustls::version::{TLS12, TLS13};
use tlsmend::judge::anchors::TrustAnchors;
use tlsmend::judge::clients;
use tlsmend::model::handshake::{EndpointEvidence, EndpointStatus, FailureKind, KeyProof};
use tlsmend::model::hello::{HelloAnswer, ORDINARY, WIDEST};
use tlsmend::model::report::Report;
use tlsmend::model::time::Time;
use tlsmend::model::verdict::Verdict;
use tlsmend::observe::tls::Connector;
use tlsmend::probe::{self, Depth, PinnedAddress, Settings};
use tlsmend::x509::Certificate;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::support::peer::{Identity, Peer, free_address, is_missing, nginx};
use crate::support::random_pki::Random;
use crate::support::skip;
use crate::support::tls_server::{
    NAME, TlsServer, certificate, certificate_message, message, observe, record, serve, server_hello,
};

const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const TLS_1_0: u16 = 0x0301;
const TLS_1_2: u16 = 0x0303;

/// Debian's OpenSSL refuses old things unless told so.
const ANY: &str = "ALL:@SECLEVEL=0";

fn reads(evidence: &EndpointEvidence, identity: &Identity) {
    let kind = evidence.failure.as_ref().map(|failure| failure.kind);
    assert!(matches!(kind, Some(FailureKind::NothingInCommon | FailureKind::VersionNotSupported)), "{evidence:?}");
    assert_eq!(evidence.served_chain, std::slice::from_ref(&identity.der), "{evidence:?}");
}

/// A probe that trusts `root` and judges as everybody.
async fn probe(address: SocketAddr, root: &[u8], clients: &[&str]) -> Report {
    let local = vec![Arc::new(Certificate::parse(root).unwrap())];
    let settings = Settings {
        addresses: vec![PinnedAddress { ip: address.ip(), port: Some(address.port()) }],
        anchors: TrustAnchors::exactly(Vec::new()).with_local(local),
        clients: clients.iter().map(|id| clients::find(id).unwrap()).collect(),
        ..Settings::default()
    };
    probe::probe(&NAME.parse().unwrap(), &settings, now).await
}

fn now() -> Time {
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    Time::from_unix(seconds.try_into().unwrap())
}

/// Code of each client that does not accept; `None` where it does.
fn codes(report: &Report) -> BTreeMap<&str, Option<&str>> {
    let clients = report.deployments.iter().flat_map(|deployment| &deployment.clients);
    clients
        .map(|client| {
            assert_ne!(client.verdict, Verdict::Undetermined, "{client:?}");
            (client.id.as_str(), client.code.as_deref())
        })
        .collect()
}

#[tokio::test]
async fn openssl_of_old_versions() {
    if is_missing("openssl") {
        return;
    }
    let (rsa, ecdsa) = (Identity::rsa(), Identity::ecdsa());
    for (identity, version, shown) in [(&rsa, "-tls1", "1.0"), (&rsa, "-tls1_1", "1.1"), (&ecdsa, "-tls1_1", "1.1")] {
        let peer = identity.s_server(&[version, "-cipher", ANY]);
        let evidence = observe(peer.address).await;
        reads(&evidence, identity);
        let tls = evidence.tls.unwrap();
        assert_eq!((tls.version.as_deref(), tls.group.as_deref()), (Some(shown), Some("x25519")));
        // Signed with MD5 and SHA-1 together, or SHA-1: not worth checking.
        assert_eq!((tls.key_proof, tls.signature_scheme), (KeyProof::NotChecked, None));
    }
}

/// What the server chooses, and the proof of its key where the exchange is signed in the way of TLS 1.2.
#[tokio::test]
async fn openssl_of_old_suites() {
    if is_missing("openssl") {
        return;
    }
    let (rsa, ecdsa) = (Identity::rsa(), Identity::ecdsa());
    let cases: [(&Identity, &str, &str, Option<&str>, KeyProof); 7] = [
        (&rsa, "AES128-SHA", "TLS_RSA_WITH_AES_128_CBC_SHA", None, KeyProof::NotChecked),
        (&rsa, "AES256-GCM-SHA384", "TLS_RSA_WITH_AES_256_GCM_SHA384", None, KeyProof::NotChecked),
        (&rsa, "CAMELLIA128-SHA", "TLS_RSA_WITH_CAMELLIA_128_CBC_SHA", None, KeyProof::NotChecked),
        (&rsa, "DHE-RSA-AES128-SHA", "TLS_DHE_RSA_WITH_AES_128_CBC_SHA", None, KeyProof::Proven),
        (&rsa, "ECDHE-RSA-AES128-SHA", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", Some("x25519"), KeyProof::Proven),
        (&ecdsa, "ECDHE-ECDSA-AES128-CCM", "TLS_ECDHE_ECDSA_WITH_AES_128_CCM", Some("x25519"), KeyProof::Proven),
        (&ecdsa, "ECDHE-ECDSA-AES256-SHA", "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", Some("x25519"), KeyProof::Proven),
    ];
    for (identity, cipher, suite, group, proof) in cases {
        let peer = identity.s_server(&["-tls1_2", "-cipher", cipher]);
        let evidence = observe(peer.address).await;
        reads(&evidence, identity);
        let tls = evidence.tls.unwrap();
        assert_eq!((tls.version.as_deref(), tls.cipher_suite.as_deref()), (Some("1.2"), Some(suite)));
        assert_eq!((tls.group.as_deref(), tls.key_proof), (group, proof), "{cipher}");
        assert_eq!(tls.dh_bits.is_some(), cipher.starts_with("DHE"), "{cipher}");
    }
}

/// Groups and keys outside our stack, also where TLS 1.3 encrypts the certificate.
#[tokio::test]
async fn openssl_of_other_groups_and_keys() {
    if is_missing("openssl") {
        return;
    }
    let ec = |curve: &str| Identity::new(&["-algorithm", "EC", "-pkeyopt", &format!("ec_paramgen_curve:{curve}")], &[]);
    let ecdsa = Identity::ecdsa();
    let ed448 = Identity::new(&["-algorithm", "ED448"], &[]);
    let (p224, secp256k1) = (ec("P-224"), ec("secp256k1"));
    type Case<'a> = (&'a Identity, &'a [&'a str], &'a str, &'a str, &'a str, KeyProof);
    let cases: [Case<'_>; 8] = [
        (&ecdsa, &["-tls1_3", "-groups", "P-521"], "1.3", "secp521r1", "ecdsa_secp256r1_sha256", KeyProof::Proven),
        (&ecdsa, &["-tls1_2", "-groups", "P-521"], "1.2", "secp521r1", "ecdsa_secp256r1_sha256", KeyProof::Proven),
        (&ecdsa, &["-tls1_2", "-groups", "X448"], "1.2", "x448", "ecdsa_secp256r1_sha256", KeyProof::Proven),
        (&ed448, &["-tls1_3"], "1.3", "x25519", "ed448", KeyProof::NotChecked),
        (&ed448, &["-tls1_2"], "1.2", "x25519", "ed448", KeyProof::NotChecked),
        (&p224, &[], "1.2", "x25519", "ecdsa_secp256r1_sha256", KeyProof::NotChecked),
        (&secp256k1, &[], "1.2", "x25519", "ecdsa_secp256r1_sha256", KeyProof::Proven),
        // Nothing that our library can compute in: what was chosen is known, the encrypted chain is not.
        (&ecdsa, &["-tls1_3", "-groups", "X448"], "1.3", "x448", "", KeyProof::NotChecked),
    ];
    for (identity, options, version, group, scheme, proof) in cases {
        let peer = identity.s_server(options);
        let evidence = observe(peer.address).await;
        if scheme.is_empty() {
            assert!(evidence.served_chain.is_empty());
        } else {
            reads(&evidence, identity);
        }
        let tls = evidence.tls.unwrap();
        assert_eq!((tls.version.as_deref(), tls.group.as_deref()), (Some(version), Some(group)), "{options:?}");
        assert_eq!(tls.signature_scheme.as_deref().unwrap_or_default(), scheme, "{options:?}");
        assert_eq!(tls.key_proof, proof, "{options:?}");
    }
}

/// TLS 1.3 by hand reads what rustls reads: the same chain, staple and proof, in each suite and group.
#[tokio::test]
async fn tls_1_3_by_hand() {
    let (end_entity, key) = certificate();
    let chain = [end_entity, certificate().0];
    let address =
        TlsServer::new(chain.clone(), key).only(&TLS13).staple(b"not really OCSP").fragments(70).start().await;
    let deadline = Instant::now() + Duration::from_secs(20);
    for suite in [0x1301, 0x1302, 0x1303] {
        for group in [0x001d, 0x0017, 0x0018, 0x11ec] {
            let hello = tlsmend::model::hello::Hello {
                versions: &[0x0304],
                cipher_suites: &[suite],
                groups: &[group],
                signature_schemes: ORDINARY.signature_schemes,
                certificate_schemes: &[],
            };
            let answer = Connector::new().ask(address, &NAME.parse().unwrap(), &hello, deadline).await;
            let HelloAnswer::Chosen(chosen) = answer else { panic!("{suite:x} {group:x}: {answer:?}") };
            assert_eq!((chosen.choice.cipher_suite, chosen.choice.group), (suite, Some(group)));
            assert_eq!(chosen.served_chain, chain.iter().map(|der| der.to_vec()).collect::<Vec<_>>());
            assert_eq!(chosen.ocsp_staple.as_deref(), Some(&b"not really OCSP"[..]));
            assert_eq!((chosen.tls.key_proof, &chosen.failure), (KeyProof::Proven, &None));
        }
    }
}

/// The key of another certificate is noticed in both ways of signing.
#[tokio::test]
async fn a_wrong_key_is_noticed_by_hand() {
    for version in [&TLS12, &TLS13] {
        let address = TlsServer::new([certificate().0], certificate().1).only(version).start().await;
        let deadline = Instant::now() + Duration::from_secs(20);
        let answer = Connector::new().ask(address, &NAME.parse().unwrap(), &WIDEST, deadline).await;
        let HelloAnswer::Chosen(chosen) = answer else { panic!("{answer:?}") };
        assert_eq!(chosen.tls.key_proof, KeyProof::Wrong);
        assert_eq!(chosen.failure.unwrap().kind, FailureKind::SignatureWrong);
        assert_eq!(chosen.served_chain.len(), 1);
    }
}

/// A server of one's own in Python: the only one here that still speaks SSL 3.0.
#[tokio::test]
async fn tlslite_of_ssl_3() {
    let has_tlslite = Command::new("python3").args(["-c", "import tlslite"]).stderr(Stdio::null()).status();
    if !has_tlslite.is_ok_and(|status| status.success()) || is_missing("openssl") {
        return skip("python3 has no tlslite-ng");
    }
    const SERVER: &str = "
import socket, sys
from tlslite.api import TLSConnection, HandshakeSettings, X509CertChain, parsePEMKey
folder, port = sys.argv[1], int(sys.argv[2])
chain = X509CertChain(); chain.parsePemList(open(folder + '/certificate.pem').read())
key = parsePEMKey(open(folder + '/key.pem').read(), private=True)
settings = HandshakeSettings(); settings.minVersion = settings.maxVersion = (3, 0); settings.versions = [(3, 0)]
listener = socket.create_server(('127.0.0.1', port))
while True:
    connection = TLSConnection(listener.accept()[0])
    try: connection.handshakeServer(certChain=chain, privateKey=key, settings=settings)
    except Exception: pass
    connection.sock.close()
";
    let identity = Identity::rsa();
    let address = free_address();
    let mut command = Command::new("python3");
    command.args(["-c", SERVER]).arg(identity.folder.path()).arg(address.port().to_string());
    let peer = Peer::listening(&mut command, address);
    let evidence = observe(peer.address).await;
    reads(&evidence, &identity);
    assert_eq!(evidence.tls.unwrap().version.as_deref(), Some("SSL 3.0"));
}

#[tokio::test]
async fn gnutls_of_old_versions_and_groups() {
    if is_missing("gnutls-serv") || is_missing("openssl") {
        return;
    }
    let identity = Identity::rsa();
    let old = "NORMAL:-VERS-ALL:";
    let cases = [
        (format!("{old}+VERS-TLS1.0"), "1.0", None),
        (format!("{old}+VERS-TLS1.1:-KX-ALL:+DHE-RSA"), "1.1", None),
        (format!("{old}+VERS-TLS1.2:-KX-ALL:+RSA"), "1.2", None),
        (format!("{old}+VERS-TLS1.2:-GROUP-ALL:+GROUP-X448"), "1.2", Some("x448")),
        (format!("{old}+VERS-TLS1.3:-GROUP-ALL:+GROUP-SECP521R1"), "1.3", Some("secp521r1")),
    ];
    for (priority, version, group) in cases {
        let address = free_address();
        let mut command = Command::new("gnutls-serv");
        command.args(["--quiet", "--disable-client-cert", "--priority", &priority, "--port"]);
        command.arg(address.port().to_string()).arg("--x509keyfile").arg(identity.key());
        let peer = Peer::listening(command.arg("--x509certfile").arg(identity.certificate()), address);
        let evidence = observe(peer.address).await;
        reads(&evidence, &identity);
        let tls = evidence.tls.unwrap();
        assert_eq!(tls.version.as_deref(), Some(version), "{priority}");
        if group.is_some() {
            assert_eq!(tls.group.as_deref(), group, "{priority}");
        }
    }
}

#[tokio::test]
async fn nginx_of_tls_1_1() {
    if is_missing(nginx()) || is_missing("openssl") {
        return;
    }
    let identity = Identity::rsa();
    let folder = identity.folder.path().display().to_string();
    let address = free_address();
    let configuration = format!(
        "daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr;
         events {{}}
         http {{
           access_log off; ssl_protocols TLSv1.1; ssl_ciphers {ANY};
           client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
           uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
           ssl_certificate {folder}/certificate.pem; ssl_certificate_key {folder}/key.pem;
           server {{ listen {address} ssl; return 204; }}
         }}"
    );
    let file = identity.folder.path().join("nginx.conf");
    std::fs::write(&file, configuration).unwrap();
    let peer = Peer::listening(Command::new(nginx()).args(["-e", "stderr", "-p", &folder, "-c"]).arg(&file), address);
    let evidence = observe(peer.address).await;
    reads(&evidence, &identity);
    assert_eq!(evidence.tls.unwrap().version.as_deref(), Some("1.1"));
}

/// A server that refuses the first ClientHello and answers each further one with `answer`, written in pieces of `step`
/// octets.
async fn refuses_then(answer: Vec<u8>, step: usize) -> SocketAddr {
    let count = Arc::new(AtomicUsize::new(0));
    serve(move |mut stream| {
        let (answer, is_first) = (answer.clone(), count.fetch_add(1, Ordering::Relaxed) == 0);
        async move {
            let _ = stream.read(&mut [0; 4096]).await;
            if is_first {
                let _ = stream.write_all(&record(ALERT, TLS_1_2, &[2, 40])).await;
            } else {
                for piece in answer.chunks(step) {
                    if stream.write_all(piece).await.is_err() {
                        break;
                    }
                    tokio::task::yield_now().await;
                }
            }
            let _ = stream.shutdown().await;
            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
        }
    })
    .await
}

/// ServerHello of TLS 1.0, Certificate, CertificateStatus, ServerHelloDone: cut into records and reads in every way.
#[tokio::test]
async fn odd_records() {
    let der = certificate().0;
    let status = message(22, &[&[1, 0, 0, 3][..], b"yes"].concat());
    let flight = [server_hello(TLS_1_0), certificate_message(&[&der, &der]), status, message(14, &[])].concat();
    for (record_size, step) in [(1, 1_000_000), (7, 11), (flight.len(), 1), (flight.len(), 1_000_000), (150, 3)] {
        let mut bytes = Vec::new();
        for piece in flight.chunks(record_size) {
            bytes.extend(record(HANDSHAKE, TLS_1_0, piece));
            bytes.extend(record(HANDSHAKE, TLS_1_0, &[])); // empty records are allowed, and sent
        }
        // A warning first, as Java's servers send it.
        let answer = [record(ALERT, TLS_1_0, &[1, 112]), bytes].concat();
        let evidence = observe(refuses_then(answer, step).await).await;
        assert_eq!(evidence.served_chain, [der.to_vec(), der.to_vec()], "{record_size} {step}");
        assert_eq!(evidence.ocsp_staple.as_deref(), Some(&b"yes"[..]));
        assert_eq!(evidence.choice.unwrap().version, TLS_1_0);
    }
}

/// Whatever is sent in answer to a ClientHello of ours is answered by evidence: no panic, no hang, no memory without end.
#[tokio::test]
async fn damaged_flights() {
    let der = certificate().0;
    let key_exchange = message(12, &[&[3, 0, 0x1d, 32][..], &[9; 32], &[8, 4, 0, 4], &[1; 4]].concat());
    let flight = [server_hello(TLS_1_2), certificate_message(&[&der]), key_exchange, message(14, &[])].concat();
    let whole = record(HANDSHAKE, TLS_1_2, &flight);
    let (sender, receiver) = mpsc::unbounded_channel::<Vec<u8>>();
    let receiver = Arc::new(tokio::sync::Mutex::new(receiver));
    let address = serve(move |mut stream: TcpStream| {
        let receiver = Arc::clone(&receiver);
        async move {
            let _ = stream.read(&mut [0; 4096]).await;
            let Some(bytes) = receiver.lock().await.recv().await else { return };
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
        }
    })
    .await;
    let connector = Connector::new();
    let mut random = Random(0x5eed_1e55_c0ff_ee11);
    let (mut chosen, mut refused) = (0, 0);
    for round in 0..600 {
        let mut bytes = whole.clone();
        match round % 3 {
            0 => bytes.truncate(random.below(bytes.len())),
            1 => (0..40).for_each(|_| bytes.push(u8::try_from(random.below(256)).unwrap())),
            _ => {}
        }
        for _ in 0..random.below(5) {
            if !bytes.is_empty() {
                // Lengths stand at the beginning of things.
                let at = if random.once_in(2) { random.below(bytes.len().min(120)) } else { random.below(bytes.len()) };
                bytes[at] = [0, 1, 0x7f, 0x80, 0xff, bytes[at] ^ 1][random.below(6)];
            }
        }
        sender.send(bytes).unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        match connector.ask(address, &NAME.parse().unwrap(), &WIDEST, deadline).await {
            HelloAnswer::Chosen(answer) => {
                chosen += 1;
                assert!(answer.failure.is_none_or(|failure| !failure.message.contains(char::is_control)));
            }
            HelloAnswer::Refused(failure) => {
                refused += 1;
                assert!(!failure.message.is_empty() && !failure.message.contains(char::is_control), "{failure:?}");
                assert_ne!(failure.kind, FailureKind::Timeout);
            }
        }
    }
    assert!(chosen > 100 && refused > 50, "the damage should leave some and break some: {chosen}, {refused}");
}

/// A Certificate message without end: reading stops at 1 MiB, wherever the server says it will.
#[tokio::test]
async fn endless_messages() {
    let announced =
        |length: [u8; 3]| record(HANDSHAKE, TLS_1_0, &[&server_hello(TLS_1_0)[..], &[11], &length].concat());
    let certificates = record(HANDSHAKE, TLS_1_0, &[0x30; 16_000]);
    let warnings = record(ALERT, TLS_1_0, &[1, 112]).repeat(1000);
    for (begin, more) in [
        (announced([0x10, 0, 1]), &certificates),
        (announced([0xff, 0xff, 0xff]), &certificates),
        (record(HANDSHAKE, TLS_1_0, &server_hello(TLS_1_0)), &warnings),
    ] {
        let more = more.clone();
        let address = serve(move |mut stream| {
            let (begin, more) = (begin.clone(), more.clone());
            async move {
                let mut hello = vec![0; 4096];
                let _ = stream.read(&mut hello).await;
                let _ = stream.write_all(&begin).await;
                while stream.write_all(&more).await.is_ok() {}
            }
        })
        .await;
        let deadline = Instant::now() + Duration::from_secs(20);
        let answer = Connector::new().ask(address, &NAME.parse().unwrap(), &WIDEST, deadline).await;
        let HelloAnswer::Chosen(chosen) = answer else { panic!("{answer:?}") };
        assert_eq!(chosen.failure.unwrap().kind, FailureKind::TooLarge);
    }
}

/// A chain above rustls' 64 KiB is read on the same connection, in both versions.
#[tokio::test]
async fn a_chain_of_200_kilobytes_is_read() {
    for version in [&TLS12, &TLS13] {
        let (end_entity, key) = certificate();
        let filler = (0..200).map(|_| certificate().0.into_owned());
        let filler: Vec<_> = filler.take(1).cycle().take(400).collect();
        let chain: Vec<_> = [end_entity].into_iter().chain(filler).collect();
        let evidence = observe(TlsServer::new(chain.clone(), key).only(version).start().await).await;
        assert_eq!(evidence.failure.as_ref().unwrap().kind, FailureKind::TooLarge);
        assert_eq!(evidence.served_chain, chain.iter().map(|der| der.to_vec()).collect::<Vec<_>>());
        assert!(evidence.hellos.is_empty(), "no second connection was needed");
    }
}

/// Windows hangs up without a word when nothing fits.
#[tokio::test]
async fn a_silent_refusal_is_looked_into() {
    let der = certificate().0;
    let flight = [server_hello(TLS_1_0), certificate_message(&[&der]), message(14, &[])].concat();
    let count = Arc::new(AtomicUsize::new(0));
    let address = serve(move |mut stream| {
        let (flight, is_first) = (flight.clone(), count.fetch_add(1, Ordering::Relaxed) == 0);
        async move {
            let _ = stream.read(&mut [0; 4096]).await;
            if !is_first {
                let _ = stream.write_all(&record(HANDSHAKE, TLS_1_0, &flight)).await;
            }
            let _ = stream.shutdown().await;
            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
        }
    })
    .await;
    let evidence = observe(address).await;
    let failure = evidence.failure.unwrap();
    assert_eq!(failure.kind, FailureKind::NothingInCommon);
    assert!(failure.message.contains("closed the connection"), "{}", failure.message);
    assert_eq!(evidence.served_chain, [der.to_vec()]);
    let refused = evidence.hellos.iter().find(|evidence| evidence.hello == ORDINARY).unwrap();
    assert!(matches!(&refused.answer, HelloAnswer::Refused(failure) if failure.kind == FailureKind::Closed));
}

/// What `model::hello::ORDINARY` says is what rustls sends.
#[tokio::test]
async fn the_ordinary_hello_is_as_described() {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let address = serve(move |mut stream: TcpStream| {
        let sender = sender.clone();
        async move {
            let mut hello = vec![0; 4096];
            let length = stream.read(&mut hello).await.unwrap();
            hello.truncate(length);
            let _ = sender.send(hello);
        }
    })
    .await;
    observe(address).await;
    let hello = receiver.recv().await.unwrap();
    let list = |numbers: &[u16]| -> Vec<u8> {
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
        [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], &bytes].concat()
    };
    let contains = |part: &[u8]| hello.windows(part.len()).any(|window| window == part);
    let with_signalling = [ORDINARY.cipher_suites, &[0x00ff]].concat();
    assert!(contains(&list(&with_signalling)), "{hello:x?}");
    assert!(contains(&list(ORDINARY.groups)));
    assert!(contains(&list(ORDINARY.signature_schemes)), "{hello:x?}");
    assert!(contains(&[0, 43, 0, 5, 4, 3, 4, 3, 3]));
}

/// How many connections a probe takes: one, where nothing is odd.
#[tokio::test]
async fn a_healthy_server_is_asked_once() {
    for (version, algorithm) in [
        (&TLS12, &rcgen::PKCS_ECDSA_P256_SHA256),
        (&TLS13, &rcgen::PKCS_ECDSA_P384_SHA384),
        (&TLS12, &rcgen::PKCS_RSA_SHA256),
        (&TLS13, &rcgen::PKCS_RSA_SHA256),
    ] {
        let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
        let params = rcgen::CertificateParams::new([NAME.to_owned()]).unwrap();
        let end_entity = params.self_signed(&key).unwrap().der().clone();
        let server = TlsServer::new([end_entity.clone()], key).only(version).start().await;
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let front = serve(move |mut client| {
            counted.fetch_add(1, Ordering::Relaxed);
            async move {
                let mut server = TcpStream::connect(server).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            }
        })
        .await;
        let all: Vec<&str> = clients::ALL.iter().map(|client| client.id).collect();
        let report = probe(front, &end_entity, &all).await;
        assert_eq!(report.endpoints[0].failure, None);
        assert_eq!(count.load(Ordering::Relaxed), 1, "{algorithm:?}: {:?}", report.endpoints[0].hellos);
        codes(&report);
    }
}

/// The chain and no more: one connection where TLS 1.2 is spoken, a second one where only 1.3 is, three where neither.
#[tokio::test]
async fn the_depth_of_a_chain() {
    for (version, connections) in [(&TLS12, 1), (&TLS13, 2)] {
        let (end_entity, key) = certificate();
        let server = TlsServer::new([end_entity.clone()], key).only(version).start().await;
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let front = serve(move |mut client| {
            counted.fetch_add(1, Ordering::Relaxed);
            async move {
                let mut server = TcpStream::connect(server).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            }
        })
        .await;
        let settings = Settings {
            addresses: vec![PinnedAddress { ip: front.ip(), port: Some(front.port()) }],
            depth: Depth::Chain,
            ..Settings::default()
        };
        let report = probe::probe(&NAME.parse().unwrap(), &settings, now).await;
        assert_eq!(count.load(Ordering::Relaxed), connections);
        let endpoint = &report.endpoints[0];
        assert_eq!((endpoint.status, &endpoint.failure), (EndpointStatus::Completed, &None));
        assert_eq!(endpoint.tls.as_ref().unwrap().key_proof, KeyProof::NotChecked);
        assert_eq!(report.deployments[0].served_chain.len(), 1);
        assert!(report.not_checked.iter().any(|check| check.code == "key-possession"));
        codes(&report);
    }
    if is_missing("openssl") {
        return;
    }
    let identity = Identity::rsa();
    let peer = identity.s_server(&["-tls1_1", "-cipher", ANY]);
    let deadline = Instant::now() + Duration::from_secs(20);
    let evidence = Connector::new().chain(peer.address, &NAME.parse().unwrap(), deadline).await;
    reads(&evidence, &identity);
}

/// Each client meets what the server answers to its own hello, in its own words.
#[tokio::test]
async fn clients_where_the_server_has_nothing_modern() {
    if is_missing("openssl") {
        return;
    }
    let key: [&str; 4] = ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
    let root = Identity::new(&key, &["-addext", "keyUsage=critical,keyCertSign"]);
    let (root_file, root_key) = (root.certificate(), root.key());
    let leaf = Identity::new(
        &key,
        &[
            ["-CA", root_file.to_str().unwrap(), "-CAkey", root_key.to_str().unwrap()].as_slice(),
            &["-addext", &format!("subjectAltName=DNS:{NAME}"), "-addext", "basicConstraints=critical,CA:FALSE"],
            &["-addext", "extendedKeyUsage=serverAuth"],
        ]
        .concat(),
    );
    let clients = ["chrome", "curl", "java", "go", "rustls-aws", "python-ssl", "node24", "gnutls-cli", "mbedtls"];
    let refused = |client: &str| -> Option<&str> {
        Some(match client {
            "chrome" => "ERR_SSL_VERSION_OR_CIPHER_MISMATCH",
            "java" => "SSLHandshakeException: (handshake_failure) Received fatal alert: handshake_failure",
            "go" => "tls: handshake failure",
            "rustls-aws" => "AlertReceived(HandshakeFailure)",
            "python-ssl" => "SSLV3_ALERT_HANDSHAKE_FAILURE",
            other => panic!("{other} was not expected to be refused"),
        })
    };
    type Case<'a> = (&'a [&'a str], &'a [&'a str], &'a [(&'a str, &'a str)], usize);
    let cases: [Case<'_>; 4] = [
        (&["-tls1_2", "-cipher", "AES128-SHA"], &["java", "go", "rustls-aws", "python-ssl"], &[], 4),
        (&["-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256"], &["chrome", "go", "rustls-aws"], &[], 3),
        (&["-groups", "P-521"], &["chrome", "rustls-aws"], &[], 3),
        // The version is refused by all that do not offer it, without asking each; OpenSSL's refusal comes later.
        (
            &["-tls1_1", "-cipher", ANY],
            &[],
            &[
                ("chrome", "ERR_SSL_VERSION_OR_CIPHER_MISMATCH"),
                ("curl", "35 legacy sigalg disallowed or unsupported"),
                ("java", "SSLHandshakeException: (protocol_version) Received fatal alert: protocol_version"),
                ("go", "tls: protocol version not supported"),
                ("rustls-aws", "AlertReceived(ProtocolVersion)"),
                ("python-ssl", "TLSV1_ALERT_PROTOCOL_VERSION"),
                ("node24", "EPROTO: tlsv1 alert protocol version"),
            ],
            1,
        ),
    ];
    for (options, refusing, saying, hellos) in cases {
        let peer = leaf.s_server(options);
        let report = probe(peer.address, &root.der, &clients).await;
        let codes = codes(&report);
        for client in clients {
            let said = saying.iter().find(|(id, _)| *id == client).map(|(_, code)| *code);
            let expected = said.or_else(|| refusing.contains(&client).then(|| refused(client)).flatten());
            assert_eq!(codes[client], expected, "{client}, {options:?}");
        }
        let finding = report.findings.first().map(|finding| finding.code.as_str());
        let expected = if saying.is_empty() { "nothing-in-common" } else { "tls-version-not-supported" };
        assert_eq!(finding, Some(expected), "{options:?}");
        assert_eq!(report.endpoints[0].hellos.len(), hellos, "{options:?}: {:?}", report.endpoints[0].hellos);
    }
}

/// A certificate that a client does not want to be shown, or an ECDSA key that may not sign: OpenSSL ends the handshake with
/// that client, and a client without such an offer sees the chain.
#[tokio::test]
async fn clients_for_which_the_server_has_no_use_of_its_certificate() {
    if is_missing("openssl") {
        return;
    }
    let name = format!("subjectAltName=DNS:{NAME}");
    let rsa = ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
    let ecdsa = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
    let sha224 = Identity::new(&rsa, &["-sha224", "-addext", &name]);
    let may_not_sign = Identity::new(&ecdsa, &["-addext", &name, "-addext", "keyUsage=critical,keyAgreement"]);
    let plain = Identity::new(&ecdsa, &["-addext", &name]);
    let clients = ["go", "node20", "mbedtls"];
    for (identity, expected, hellos) in [
        (&sha224, [Some("tls: handshake failure"), None, None], 1),
        (&may_not_sign, [None, None, Some("-0x7780")], 1),
        (&plain, [None, None, None], 0),
    ] {
        let peer = identity.s_server(&[]);
        let report = probe(peer.address, &identity.der, &clients).await;
        let codes = codes(&report);
        for (client, expected) in clients.into_iter().zip(expected) {
            assert_eq!(codes[client], expected, "{client}: {:?}", identity.certificate());
        }
        assert_eq!(report.endpoints[0].hellos.len(), hellos, "{:?}", report.endpoints[0].hellos);
    }
}
