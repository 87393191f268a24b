//! From plain text to TLS: scripted servers that do it well and badly, and real ones of each protocol.

mod real;

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tlsmend::model::handshake::{EndpointEvidence, EndpointStatus, FailureKind, KeyProof, Stage};
use tlsmend::model::hello::{HelloAnswer, ORDINARY_TLS12};
use tlsmend::model::starttls::StartTls;
use tlsmend::observe::tls::Connector;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::support::program::tlsmend;
use crate::support::tls_server::{NAME, TlsServer, greets, serve};
use crate::support::validate;

/// A step of a server: what it waits for (nothing: it speaks unasked), and what it then says.
type Step = (&'static [u8], &'static [u8]);

/// Plays `steps` before `server`, which then has the connection. Whoever says something else is hung up on.
async fn before(server: SocketAddr, steps: &'static [Step]) -> SocketAddr {
    serve(move |mut client| async move {
        for (asked, answer) in steps {
            let mut heard = vec![0; asked.len()];
            if client.read_exact(&mut heard).await.is_err() || heard != *asked {
                return;
            }
            client.write_all(answer).await.unwrap();
        }
        let mut server = TcpStream::connect(server).await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
    })
    .await
}

/// Plays `steps` and then waits.
async fn plays(steps: &'static [Step]) -> SocketAddr {
    serve(move |mut client| async move {
        for (asked, answer) in steps {
            let mut heard = vec![0; asked.len()];
            if client.read_exact(&mut heard).await.is_err() || heard != *asked {
                return;
            }
            client.write_all(answer).await.unwrap();
        }
        let _ = client.read(&mut [0; 1024]).await;
        tokio::time::sleep(Duration::from_secs(60)).await;
    })
    .await
}

async fn look(protocol: StartTls, address: SocketAddr) -> EndpointEvidence {
    look_for(protocol, address, Duration::from_secs(20)).await
}

async fn look_for(protocol: StartTls, address: SocketAddr, time: Duration) -> EndpointEvidence {
    let connector = Connector::new().with_starttls(Some(protocol));
    connector.handshake(address, &NAME.parse().unwrap(), Instant::now() + time).await
}

/// Every depth, over connections of their own.
async fn comes_to_tls(protocol: StartTls, address: SocketAddr, certificate: Option<&[u8]>) -> EndpointEvidence {
    let (connector, name) = (Connector::new().with_starttls(Some(protocol)), NAME.parse().unwrap());
    let deadline = Instant::now() + Duration::from_secs(20);
    let seen = connector.handshake(address, &name, deadline).await;
    assert_eq!((&seen.failure, seen.status), (&None, EndpointStatus::Completed), "{protocol}");
    assert_eq!(seen.served_chain.len(), 1);
    let certificate = certificate.unwrap_or(&seen.served_chain[0]);
    assert_eq!(seen.served_chain, [certificate]);
    assert_eq!(seen.tls.as_ref().unwrap().key_proof, KeyProof::Proven);
    assert!(seen.timing.starttls.is_some() && seen.timing.tls.is_some());
    let chain = connector.chain(address, &name, deadline).await;
    assert_eq!((&chain.failure, chain.served_chain), (&None, vec![certificate.to_vec()]), "{protocol}");
    assert_eq!(chain.starttls, seen.starttls);
    let HelloAnswer::Chosen(chosen) = connector.ask(address, &name, &ORDINARY_TLS12, deadline).await else {
        panic!("{protocol}: no answer to a hello of our own")
    };
    assert_eq!(chosen.served_chain, [certificate]);
    seen
}

fn failed(seen: &EndpointEvidence, kind: FailureKind, words: &str) {
    let failure = seen.failure.as_ref().unwrap();
    assert_eq!((failure.stage, failure.kind), (Stage::Starttls, kind), "{failure:?}");
    assert!(failure.message.contains(words), "{failure:?}");
    assert!(!failure.message.contains(char::is_control), "{failure:?}");
    assert_eq!(seen.status, EndpointStatus::Failed);
    assert!(seen.served_chain.is_empty());
}

const EHLO: &[u8] = b"EHLO [127.0.0.1]\r\n";

#[tokio::test]
async fn smtp() {
    let steps: &[Step] = &[
        (b"", b"220-mail.example.test ESMTP\r\n220 no spam here\r\n"),
        (EHLO, b"250-mail.example.test\r\n250-SIZE 1000\r\n250-starttls\r\n250 HELP\r\n"),
        (b"STARTTLS\r\n", b"220 2.0.0 Ready\r\n"),
    ];
    let seen = comes_to_tls(StartTls::Smtp, before(TlsServer::good().start().await, steps).await, None).await;
    let said = seen.starttls.unwrap();
    assert_eq!(said.greeting.as_deref(), Some("220 mail.example.test ESMTP no spam here"));
    assert_eq!(said.offers, ["SIZE 1000", "starttls", "HELP"]);
    assert_eq!((said.reply.as_deref(), said.plaintext_after), (Some("220 2.0.0 Ready"), None));
}

#[tokio::test]
async fn imap_with_the_list_in_the_greeting_and_without() {
    let with: &[Step] =
        &[(b"", b"* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n"), (b"b STARTTLS\r\n", b"* OK note\r\nb ok go\r\n")];
    let without: &[Step] = &[
        (b"", b"* OK hi\r\n"),
        (b"a CAPABILITY\r\n", b"* capability IMAP4rev1 starttls LOGINDISABLED\r\na OK done\r\n"),
        (b"b STARTTLS\r\n", b"b OK go\r\n"),
    ];
    for steps in [with, without] {
        let seen = comes_to_tls(StartTls::Imap, before(TlsServer::good().start().await, steps).await, None).await;
        assert!(seen.starttls.unwrap().offers.iter().any(|offer| offer.eq_ignore_ascii_case("STARTTLS")));
    }
}

#[tokio::test]
async fn pop3_with_and_without_capa() {
    let with: &[Step] = &[
        (b"", b"+OK hi <1.2@x>\r\n"),
        (b"CAPA\r\n", b"+OK list\r\nUSER\r\nSTLS\r\n.\r\n"),
        (b"STLS\r\n", b"+OK go\r\n"),
    ];
    let without: &[Step] = &[(b"", b"+OK hi\n"), (b"CAPA\r\n", b"-ERR what?\n"), (b"STLS\r\n", b"+OK go\n")];
    for steps in [with, without] {
        comes_to_tls(StartTls::Pop3, before(TlsServer::good().start().await, steps).await, None).await;
    }
}

#[tokio::test]
async fn ftp_after_a_wait_and_a_long_greeting() {
    let steps: &[Step] = &[
        (b"", b"120 in a minute\r\n220-terms of use\r\n 220 of them\r\n220 ready\r\n"),
        (b"AUTH TLS\r\n", b"234 go\r\n"),
    ];
    comes_to_tls(StartTls::Ftp, before(TlsServer::good().start().await, steps).await, None).await;
}

const LDAP_REQUEST: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";
const SSL_REQUEST: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x2f";

#[tokio::test]
async fn ldap_and_postgres() {
    let ldap: &[Step] = &[(LDAP_REQUEST, b"\x30\x84\0\0\0\x10\x02\x01\x01\x78\x84\0\0\0\x07\x0a\x01\0\x04\0\x04\0")];
    // A name and referrals may follow the three that are read.
    let more: &[Step] =
        &[(LDAP_REQUEST, b"\x30\x24\x02\x01\x01\x78\x1f\x0a\x01\0\x04\0\x04\0\x8a\x161.3.6.1.4.1.1466.20037")];
    for steps in [ldap, more] {
        comes_to_tls(StartTls::Ldap, before(TlsServer::good().start().await, steps).await, None).await;
    }
    let postgres: &[Step] = &[(SSL_REQUEST, b"S")];
    comes_to_tls(StartTls::Postgres, before(TlsServer::good().start().await, postgres).await, None).await;
}

/// The server speaks the protocol and cannot, or does not want to.
#[tokio::test]
async fn without_tls_each_says_what_it_has() {
    use StartTls as P;
    let cases: &[(P, &'static [Step], FailureKind, &str)] = &[
        (
            P::Smtp,
            &[(b"", b"220 x\r\n"), (EHLO, b"250-x\r\n250 PIPELINING\r\n")],
            FailureKind::StarttlsNotOffered,
            "PIPELINING",
        ),
        (P::Smtp, &[(b"", b"220 x\r\n"), (EHLO, b"502 what?\r\n")], FailureKind::StarttlsNotOffered, "not offer"),
        (P::Smtp, &[(b"", b"554 go away\x1b[31m\r\n")], FailureKind::StarttlsRefused, "go away\\u{1b}"),
        (P::Smtp, &[(b"", b"220 x\r\n"), (EHLO, b"421 too busy\r\n")], FailureKind::StarttlsRefused, "too busy"),
        (
            P::Smtp,
            &[(b"", b"220 x\r\n"), (EHLO, b"250-x\r\n250 STARTTLS\r\n"), (b"STARTTLS\r\n", b"454 no key\r\n")],
            FailureKind::StarttlsRefused,
            "454 no key",
        ),
        (P::Imap, &[(b"", b"* PREAUTH hi\r\n")], FailureKind::StarttlsRefused, "PREAUTH"),
        (P::Imap, &[(b"", b"* BYE full\r\n")], FailureKind::StarttlsRefused, "BYE full"),
        (P::Imap, &[(b"", b"* OK [CAPABILITY IMAP4rev1] x\r\n")], FailureKind::StarttlsNotOffered, "IMAP4rev1"),
        (P::Imap, &[(b"", b"* OK x\r\n"), (b"a CAPABILITY\r\n", b"a BAD no\r\n")], FailureKind::Protocol, "CAPABILITY"),
        (
            P::Imap,
            &[(b"", b"* OK [CAPABILITY STARTTLS] x\r\n"), (b"b STARTTLS\r\n", b"b NO not now\r\n")],
            FailureKind::StarttlsRefused,
            "NO not now",
        ),
        (P::Pop3, &[(b"", b"-ERR busy\r\n")], FailureKind::StarttlsRefused, "busy"),
        (
            P::Pop3,
            &[(b"", b"+OK\r\n"), (b"CAPA\r\n", b"+OK\r\nUSER\r\n.\r\n")],
            FailureKind::StarttlsNotOffered,
            "USER",
        ),
        (
            P::Pop3,
            &[(b"", b"+OK\r\n"), (b"CAPA\r\n", b"-ERR\r\n"), (b"STLS\r\n", b"-ERR what\r\n")],
            FailureKind::StarttlsRefused,
            "-ERR what",
        ),
        (P::Ftp, &[(b"", b"421 full\r\n")], FailureKind::StarttlsRefused, "421 full"),
        (
            P::Ftp,
            &[(b"", b"220 x\r\n"), (b"AUTH TLS\r\n", b"502 what\r\n"), (b"FEAT\r\n", b"211-f\r\n UTF8\r\n211 end\r\n")],
            FailureKind::StarttlsNotOffered,
            "UTF8",
        ),
        (
            P::Ftp,
            &[
                (b"", b"220 x\r\n"),
                (b"AUTH TLS\r\n", b"431 no key\r\n"),
                (b"FEAT\r\n", b"211-f\r\n AUTH TLS\r\n211 end\r\n"),
            ],
            FailureKind::StarttlsRefused,
            "431 no key",
        ),
        (
            P::Ftp,
            &[(b"", b"220 x\r\n"), (b"AUTH TLS\r\n", b"200 noted\r\n"), (b"FEAT\r\n", b"502 what\r\n")],
            FailureKind::StarttlsRefused,
            "200 noted", // 234 is the only consent (RFC 4217 §4)
        ),
        (
            P::Ldap,
            &[(LDAP_REQUEST, b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x02\x04\0\x04\0")],
            FailureKind::StarttlsNotOffered,
            "LDAP",
        ),
        (
            P::Ldap,
            &[(LDAP_REQUEST, b"\x30\x12\x02\x01\x01\x78\x0d\x0a\x01\x34\x04\0\x04\x06no key")],
            FailureKind::StarttlsRefused,
            "unavailable (52) no key",
        ),
        (P::Ldap, &[(LDAP_REQUEST, b"\x30\x05\x02\x01\x01\x65\0")], FailureKind::Protocol, "no response"),
        (P::Ldap, &[(LDAP_REQUEST, b"\x30\x84\x7f\xff\xff\xff")], FailureKind::TooLarge, "more than any"),
        (P::Postgres, &[(SSL_REQUEST, b"N")], FailureKind::StarttlsNotOffered, "PostgreSQL"),
        (
            P::Postgres,
            &[(SSL_REQUEST, b"E\0\0\0\x1dSFATAL\0C53300\0Mtoo many\0\0")],
            FailureKind::StarttlsRefused,
            "too many",
        ),
        (
            P::Mysql,
            &[(b"", b"\x18\0\0\0\xff\x69\x04#HY000Host is blocked")],
            FailureKind::StarttlsRefused,
            "Host is blocked",
        ),
        (P::Mysql, &[(b"", b"\x12\0\0\0\x0a8\0\x01\0\0\0saltsalt\0\0\0")], FailureKind::StarttlsNotOffered, "MySQL"),
        (P::Mysql, &[(b"", b"\x03\0\0\0\x0a8\0")], FailureKind::Protocol, "too early"),
        (P::Mysql, &[(b"", b"\x02\0\0\0\x09x")], FailureKind::StarttlsNotOffered, "MySQL"),
    ];
    for (protocol, steps, kind, words) in cases {
        println!("{protocol}: {:?}", String::from_utf8_lossy(steps.last().unwrap().1));
        let seen = look(*protocol, plays(steps).await).await;
        failed(&seen, *kind, words);
        assert!(seen.starttls.is_some() && seen.timing.starttls.is_some());
    }
}

#[tokio::test]
async fn another_protocol_is_named() {
    let cases = [
        (StartTls::Smtp, "SSH-2.0-OpenSSH_9.2\r\n", Some("ssh")),
        (StartTls::Smtp, "* OK IMAP4rev1\r\n", Some("imap")),
        (StartTls::Smtp, "220 FTP server ready\r\n", Some("ftp")),
        (StartTls::Imap, "220 mail ESMTP\r\n", Some("smtp")),
        (StartTls::Pop3, "hello\r\n", None),
        (StartTls::Ldap, "220 mail ESMTP\r\n", Some("smtp")),
        (StartTls::Postgres, "+OK\r\n", Some("pop3")),
        (StartTls::Mysql, "220 mail ESMTP\r\n", Some("smtp")),
        (StartTls::Mysql, "hey\0\r\n", None),
    ];
    for (protocol, banner, spoken) in cases {
        let seen = look(protocol, greets(banner).await).await;
        failed(&seen, FailureKind::Plaintext, protocol.name());
        assert_eq!(seen.failure.unwrap().protocol.as_deref(), spoken, "{protocol}: {banner:?}");
    }
    // One that waits for a request says nothing of its own accord.
    let http = serve(|mut stream| async move {
        let _ = stream.read(&mut [0; 1024]).await;
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        let _ = stream.shutdown().await;
        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    })
    .await;
    let seen = look_for(StartTls::Smtp, http, Duration::from_secs(2)).await;
    failed(&seen, FailureKind::Plaintext, "not SMTP");
    assert_eq!(seen.failure.unwrap().protocol.as_deref(), Some("http"));
    // One that greets too late, after it was spoken to, speaks no other protocol.
    let late = serve(|mut stream| async move {
        let _ = stream.read(&mut [0; 1024]).await;
        let _ = stream.write_all(b"220 mail ESMTP\r\n").await;
        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    })
    .await;
    failed(&look_for(StartTls::Smtp, late, Duration::from_secs(2)).await, FailureKind::Timeout, "did not greet");
}

#[tokio::test]
async fn tls_from_the_start_is_noticed() {
    for protocol in StartTls::ALL {
        let seen = look_for(protocol, TlsServer::good().start().await, Duration::from_secs(2)).await;
        failed(&seen, FailureKind::ImplicitTls, "TLS from the start");
    }
}

#[tokio::test]
async fn silence_and_hanging_up() {
    for protocol in StartTls::ALL {
        let silent = serve(|stream| async move {
            tokio::time::sleep(Duration::from_secs(60)).await;
            drop(stream);
        })
        .await;
        let begun = std::time::Instant::now();
        failed(&look_for(protocol, silent, Duration::from_millis(500)).await, FailureKind::Timeout, "");
        assert!(begun.elapsed() < Duration::from_secs(30), "the time given is the time taken");
        let gone = serve(|mut stream| async move {
            let _ = stream.shutdown().await;
            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
        })
        .await;
        failed(&look(protocol, gone).await, FailureKind::Closed, protocol.name());
    }
    let falls_silent: &[Step] = &[(b"", b"220 x\r\n"), (EHLO, b"250-STARTTLS\r\n")];
    let seen = look_for(StartTls::Smtp, plays(falls_silent).await, Duration::from_millis(500)).await;
    failed(&seen, FailureKind::Timeout, "in the middle of SMTP");
    assert_eq!(seen.starttls.unwrap().greeting.as_deref(), Some("220 x"));
}

/// Lines without an end, replies without an end, and octets without an end.
#[tokio::test]
async fn nobody_is_listened_to_for_ever() {
    for piece in [&[b'2'; 1024][..], b"220-more\r\n", b"* OK [CAPABILITY a]\r\n* x\r\n"] {
        for protocol in [StartTls::Smtp, StartTls::Imap, StartTls::Ftp] {
            let endless = serve(move |mut stream| async move {
                let (mut reader, mut writer) = stream.split();
                let mut heard = [0; 1024];
                loop {
                    tokio::select! {
                        sent = writer.write_all(piece) => if sent.is_err() { return },
                        read = reader.read(&mut heard) => if !matches!(read, Ok(1..)) { return },
                    }
                }
            })
            .await;
            let seen = look(protocol, endless).await;
            let failure = seen.failure.unwrap();
            assert_eq!(failure.stage, Stage::Starttls);
            assert_ne!(failure.kind, FailureKind::Timeout, "{protocol}: {piece:?}");
        }
    }
}

/// What follows the consent is not taken for the server's ServerHello, and not forgotten either.
#[tokio::test(flavor = "multi_thread")]
async fn plain_text_after_the_consent_is_reported() {
    let smtp: &[Step] = &[
        (b"", b"220 x\r\n"),
        (EHLO, b"250-x\r\n250 STARTTLS\r\n"),
        (b"STARTTLS\r\n", b"220 go\r\n250 AUTH PLAIN\r\n"),
    ];
    let postgres: &[Step] = &[(SSL_REQUEST, b"SR\0\0\0\x08\0\0\0\0")];
    for (protocol, steps, text) in
        [(StartTls::Smtp, smtp, "250 AUTH PLAIN\\r\\n"), (StartTls::Postgres, postgres, "R\\x00\\x00\\x00\\x08")]
    {
        let address = before(TlsServer::good().start().await, steps).await;
        let seen = look(protocol, address).await;
        assert_eq!((&seen.failure, seen.served_chain.len()), (&None, 1));
        assert!(seen.starttls.unwrap().plaintext_after.unwrap().starts_with(text));
        let report = probe(&format!("{protocol}://{NAME}:{}", address.port()), address, &[]);
        let finding = finding(&report, "plaintext-after-starttls");
        assert!(finding["facts"]["plaintext"].as_str().unwrap().starts_with(text));
    }
}

/// What was said before TLS is part of the report, and is judged again from there.
#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_judged_again() {
    let steps: &[Step] = &[(SSL_REQUEST, b"Sextra")];
    let address = before(TlsServer::good().start().await, steps).await;
    let first = probe(&format!("postgres://{NAME}:{}", address.port()), address, &[]);
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("report.json");
    std::fs::write(&file, first.to_string()).unwrap();
    let at = first["run"]["judged_at"].as_str().unwrap();
    let run = tlsmend(&["show", file.to_str().unwrap(), "--at", at, "--output", "json"]);
    let again: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"));
    for part in ["target", "endpoints", "findings", "reproduce"] {
        assert_eq!(again[part], first[part], "{part}");
    }
    finding(&again, "plaintext-after-starttls");
}

fn probe(target: &str, address: SocketAddr, options: &[&str]) -> Value {
    let address = address.to_string();
    let mut arguments = vec!["probe", target, "--address", &address, "--no-cache", "--no-aia", "--output", "json"];
    arguments.extend(options);
    let run = tlsmend(&arguments);
    let report = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"));
    validate(&report);
    report
}

fn finding<'a>(report: &'a Value, code: &str) -> &'a Value {
    let found = report["findings"].as_array().unwrap().iter().find(|finding| finding["code"] == code);
    found.unwrap_or_else(|| panic!("no {code} in {}", report["findings"]))
}

/// Each way to fail has a finding, which says what to try next, and stands as the cause beside each client.
#[tokio::test(flavor = "multi_thread")]
async fn each_failure_is_a_finding_with_a_next_step() {
    let refuses: &[Step] = &[(b"", b"554 no\r\n")];
    let offers_nothing: &[Step] = &[(b"", b"220 x\r\n"), (EHLO, b"250 x\r\n")];
    let broken: &[Step] = &[(b"", b"220 x\r\n"), (EHLO, b"no number\r\n")];
    let cases = [
        (plays(refuses).await, "starttls-refused", "log"),
        (plays(offers_nothing).await, "starttls-not-offered", "certificate"),
        (plays(&[]).await, "starttls-failed", "--timeout"),
        (plays(broken).await, "plaintext-on-port", "TLS"),
        (greets("* OK IMAP4rev1\r\n").await, "plaintext-on-port", "--starttls imap"),
        (TlsServer::good().start().await, "implicit-tls-on-port", "without --starttls"),
    ];
    for (address, code, advice) in cases {
        let target = format!("{NAME}:{}", address.port());
        let report = probe(&target, address, &["--starttls", "smtp", "--timeout", "2s"]);
        let finding = finding(&report, code);
        assert!(finding["remedy"]["summary"].as_str().unwrap().contains(advice), "{finding}");
        assert_eq!(report["target"]["starttls"], "smtp");
        assert_eq!(report["endpoints"][0]["failure"]["stage"], "starttls");
        for client in report["deployments"][0]["clients"].as_array().unwrap() {
            assert_eq!((&client["verdict"], &client["cause"]), (&"error".into(), &code.into()), "{client}");
        }
    }
}

/// A banner leads to the command that goes on, and so does the number of a port that hangs up.
#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_plain_text_says_how_to_go_on() {
    let steps: &[Step] =
        &[(b"", b"220 mail ESMTP\r\n"), (EHLO, b"250-x\r\n250 STARTTLS\r\n"), (b"STARTTLS\r\n", b"220 go\r\n")];
    let address = before(TlsServer::good().start().await, steps).await;
    let report = probe(&format!("{NAME}:{}", address.port()), address, &[]);
    let remedy = &finding(&report, "plaintext-on-port")["remedy"];
    assert!(remedy["summary"].as_str().unwrap().contains("--starttls smtp"), "{remedy}");
    // The command is meant to be pasted.
    let command = remedy["command"].as_str().unwrap();
    let words: Vec<&str> = command.split(' ').skip(1).chain(["--output", "json"]).collect();
    let report: Value = serde_json::from_str(&tlsmend(&words).stdout).unwrap();
    assert_eq!(
        (&report["target"]["starttls"], &report["endpoints"][0]["status"]),
        (&"smtp".into(), &"completed".into())
    );
}

#[test]
fn what_contradicts_itself_is_a_usage_error() {
    for (arguments, words) in [
        (&["probe", "https://x.example", "--starttls", "smtp"][..], "scheme"),
        (&["probe", "x.example", "--starttls", "ssh"], "smtp, imap, pop3, ftp, ldap, postgres, mysql"),
    ] {
        let run = tlsmend(arguments);
        assert_eq!(run.code, Some(2), "{run:?}");
        assert!(run.stderr.contains(words), "{run:?}");
    }
}

/// As libpq, Python, Postfix and curl say it.
#[test]
fn what_clients_say_before_tls_is_explained() {
    for (text, code) in [
        ("connection failed: server does not support SSL, but SSL was required", "starttls-not-offered"),
        ("smtplib.SMTPNotSupportedError: STARTTLS extension not supported by server.", "starttls-not-offered"),
        ("status=deferred (TLS is required, but was not offered by host mail.example.com)", "starttls-not-offered"),
        ("454 4.7.0 TLS not available due to local problem", "starttls-refused"),
        ("curl: (64) STARTTLS denied, code 454", "starttls-refused"),
    ] {
        let run = tlsmend(&["explain", text]);
        assert!(run.code == Some(0) && run.stdout.contains(code), "{text}: {run:?}");
    }
}
