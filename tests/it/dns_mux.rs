//! Many names at once over shared sockets: they say of each name what a resolver of its own says.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use tlsmend::model::resolution::{DnsStatus, Resolution};
use tlsmend::observe::dns::Resolver;
use tokio::net::UdpSocket;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::support::dns_server::{Scripted, Zones, answer};

const LONG: Duration = Duration::from_secs(20);

async fn resolve(resolver: &Resolver, host: &str) -> Resolution {
    let found = resolver.resolve(&host.parse().unwrap(), Instant::now() + LONG).await;
    Resolution { duration_ms: 0, ..found }
}

/// All of `hosts` at once, in their order.
async fn resolve_all(resolver: &Resolver, hosts: Vec<String>) -> Vec<Resolution> {
    let mut tasks = JoinSet::new();
    for (index, host) in hosts.into_iter().enumerate() {
        let resolver = resolver.clone();
        tasks.spawn(async move { (index, resolve(&resolver, &host).await) });
    }
    let mut found = tasks.join_all().await;
    found.sort_by_key(|(index, _)| *index);
    found.into_iter().map(|(_, found)| found).collect()
}

/// Good, broken and odd names: the same to the last word.
#[tokio::test]
async fn the_same_resolution_as_alone() {
    let many: Vec<String> = (0..200).map(|i| format!("large.a.test 60 A 127.1.0.{i}")).collect();
    let mut lines = vec![
        "plain.a.test 60 A 127.0.0.1",
        "both.a.test 600 CNAME mid.a.test",
        "mid.a.test 30 CNAME end.a.test",
        "end.a.test 7 A 127.0.0.2",
        "end.a.test 9 AAAA ::1",
        "across.a.test 60 CNAME www.b.test",
        "dangling.a.test 60 CNAME gone.a.test",
        "away.a.test 60 CNAME www.elsewhere.example",
        "one.a.test 60 CNAME other.a.test",
        "other.a.test 60 CNAME one.a.test",
    ];
    lines.extend(many.iter().map(String::as_str));
    let server = Zones::serve(&[("a.test", &lines), ("b.test", &["www.b.test 5 AAAA ::1"])]).await;
    let (alone, shared) = (Resolver::new(vec![server.address]), Resolver::for_many(vec![server.address]));
    let names = ["plain", "both", "across", "dangling", "away", "one", "large", "none"];
    let mut ends = BTreeSet::new();
    for host in names.map(|label| format!("{label}.a.test")).into_iter().chain(["www.elsewhere.example".to_owned()]) {
        let expected = resolve(&alone, &host).await;
        for _ in 0..2 {
            assert_eq!(resolve(&shared, &host).await, expected, "{host}");
        }
        ends.insert(format!("{:?}", expected.status));
    }
    assert_eq!(Vec::from_iter(ends), ["Loop", "Noerror", "Nxdomain", "Refused"], "each kind is there");
}

/// A server that counts the ports it is asked from, and may lose or change datagrams.
async fn counting(script: impl Fn(usize, &[u8]) -> Option<Vec<u8>> + Send + 'static) -> (SocketAddr, Arc<AtomicUsize>) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let ports = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&ports);
    tokio::spawn(async move {
        let (mut buffer, mut seen, mut number) = ([0; 1500], BTreeSet::new(), 0);
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            seen.insert(from.port());
            count.store(seen.len(), Ordering::SeqCst);
            number += 1;
            if let Some(datagram) = script(number, &buffer[..length]) {
                let _ = socket.send_to(&datagram, from).await;
            }
        }
    });
    (address, ports)
}

fn says(query: &[u8], lines: &[&str]) -> Vec<u8> {
    answer(&Message::from_vec(query).unwrap(), ResponseCode::NoError, lines)
}

fn hosts(count: usize) -> Vec<String> {
    (0..count).map(|index| format!("host-{index}.a.test")).collect()
}

/// The address repeats the number in the name: an answer at the wrong question would be seen.
fn numbered(query: &[u8]) -> Vec<u8> {
    let message = Message::from_vec(query).unwrap();
    let name = message.queries[0].name.to_lowercase().to_ascii();
    let number: u8 = name.split(['-', '.']).nth(1).unwrap().parse().unwrap();
    says(query, &[&format!("{name} 60 A 127.0.0.{number}")])
}

fn are_numbered(found: &[Resolution]) -> bool {
    found.iter().enumerate().all(|(index, found)| {
        found.addresses.len() == 1 && found.addresses[0].ip.to_string() == format!("127.0.0.{index}")
    })
}

#[tokio::test]
async fn all_names_share_a_few_sockets() {
    let (server, ports) = counting(|_, query| Some(numbered(query))).await;
    let found = resolve_all(&Resolver::for_many(vec![server]), hosts(250)).await;
    assert!(are_numbered(&found), "{found:?}");
    let ports = ports.load(Ordering::SeqCst);
    assert!((2..=8).contains(&ports), "{ports} sockets for 500 questions");
}

#[tokio::test]
async fn lost_datagrams_are_asked_for_again() {
    let (server, _) = counting(|number, query| (number % 5 != 0).then(|| numbered(query))).await;
    assert!(are_numbered(&resolve_all(&Resolver::for_many(vec![server]), hosts(100)).await));
}

/// Whoever guesses the id, but not the letter case, is not believed; the true answer is.
#[tokio::test]
async fn an_answer_to_another_question_is_none() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let server = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let query = &buffer[..length];
            let forged = |question: Vec<u8>| says(&question, &["a-long-name-with-many-letters.a.test 60 A 127.0.0.66"]);
            let mut other_case = query.to_vec();
            other_case[13..42].iter_mut().for_each(|octet| *octet ^= u8::from(octet.is_ascii_alphabetic()) << 5);
            let mut other_name = query.to_vec();
            other_name[13] = b'z';
            let mut other_id = query.to_vec();
            other_id[0] ^= 1;
            for datagram in [forged(other_case), forged(other_name), forged(other_id), vec![], query.to_vec()] {
                let _ = socket.send_to(&datagram, from).await;
            }
            let true_one = says(query, &["a-long-name-with-many-letters.a.test 60 A 127.0.0.1"]);
            let _ = socket.send_to(&true_one, from).await;
        }
    });
    let found = resolve(&Resolver::for_many(vec![server]), "a-long-name-with-many-letters.a.test").await;
    assert_eq!(found.addresses.len(), 1, "{found:?}");
    assert_eq!(found.addresses[0].ip.to_string(), "127.0.0.1");
}

/// Some servers answer in lower case whatever was asked.
#[tokio::test]
async fn a_server_without_letter_case_is_understood() {
    let (server, _) = counting(|_, query| {
        let lower: Vec<u8> = query.iter().take(12).copied().chain(query[12..].to_ascii_lowercase()).collect();
        Some(numbered(&lower))
    })
    .await;
    assert!(are_numbered(&resolve_all(&Resolver::for_many(vec![server]), hosts(3)).await));
}

/// Each name is an alias of one of another zone, which the server tells only when asked for it.
#[tokio::test]
async fn a_shared_target_is_asked_for_once() {
    let server = Scripted::serve(|query| {
        let name = query.queries[0].name.to_lowercase().to_ascii();
        let line =
            if name == "cdn.b.test." { format!("{name} 60 A 127.0.0.1") } else { format!("{name} 9 CNAME cdn.b.test") };
        vec![answer(query, ResponseCode::NoError, &[&line])]
    })
    .await;
    let resolver = Resolver::for_many(vec![server.address]);
    for host in hosts(20) {
        let found = resolve(&resolver, &host).await;
        assert_eq!((found.status, found.cname_chain.len(), found.addresses.len()), (DnsStatus::Noerror, 1, 1));
    }
    let to_target = server.asked().iter().filter(|(name, _)| name.to_lowercase() == "cdn.b.test.").count();
    // AAAA has no records and is asked for each time.
    assert_eq!(to_target, 1 + 20);
}

#[tokio::test]
async fn a_closed_port_is_known_at_once() {
    let closed = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (alone, shared) = (Resolver::new(vec![closed]), Resolver::for_many(vec![closed]));
    let (expected, found) = (resolve(&alone, "a.test").await, resolve(&shared, "a.test").await);
    assert_eq!(found, expected);
    assert_eq!(found.status, DnsStatus::Unreachable);
}
