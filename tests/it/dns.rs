//! Resolution against real name servers on loopback.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{RData, Record, RecordType, rdata};
use tlsmend::model::resolution::{DnsStatus, Resolution};
use tlsmend::observe::dns::Resolver;
use tokio::time::Instant;

use crate::support::dns_daemons::Daemon;
use crate::support::dns_server::{Scripted, Zones, answer, name, record};

/// Nothing here should take half so long.
const LONG: Duration = Duration::from_secs(20);

async fn resolve_within(time: Duration, servers: &[SocketAddr], host: &str) -> Resolution {
    Resolver::new(servers.to_vec()).resolve(&host.parse().unwrap(), Instant::now() + time).await
}

async fn resolve(servers: &[SocketAddr], host: &str) -> Resolution {
    let resolving = resolve_within(LONG, servers, host);
    tokio::time::timeout(LONG / 2, resolving).await.expect("the deadline is not waited for")
}

fn chain(resolution: &Resolution) -> Vec<String> {
    resolution.cname_chain.iter().map(|alias| format!("{} {} {}", alias.owner, alias.ttl, alias.target)).collect()
}

fn addresses(resolution: &Resolution) -> Vec<String> {
    let text = |ttl: Option<u32>| ttl.map_or_else(|| "-".to_owned(), |ttl| ttl.to_string());
    resolution.addresses.iter().map(|address| format!("{} {}", address.ip, text(address.ttl))).collect()
}

fn detail(resolution: &Resolution) -> &str {
    resolution.detail.as_deref().unwrap_or_default()
}

/// A port where nothing listens: bound and let go.
async fn closed_port() -> SocketAddr {
    tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn every_alias_keeps_its_own_ttl() {
    let server = Zones::serve(&[(
        "a.test",
        &[
            "www.a.test 600 CNAME mid.a.test",
            "mid.a.test 30 CNAME end.a.test",
            "end.a.test 7 A 127.0.0.2",
            "end.a.test 7 A 127.0.0.1",
            "end.a.test 9 AAAA ::1",
        ],
    )])
    .await;
    let found = resolve(&[server.address], "WWW.a.test").await;
    assert_eq!(found.status, DnsStatus::Noerror, "{found:?}");
    assert_eq!(chain(&found), ["www.a.test 600 mid.a.test", "mid.a.test 30 end.a.test"]);
    assert!(found.cname_chain.iter().all(|alias| alias.resolver == server.address.to_string()));
    let mut ips = addresses(&found);
    assert_eq!(ips.pop().unwrap(), "::1 9"); // IPv4 first
    ips.sort();
    assert_eq!(ips, ["127.0.0.1 7", "127.0.0.2 7"]);
    assert_eq!(found.final_name.as_deref(), Some("end.a.test"));
    assert_eq!(found.resolver, Some(server.address.to_string()));
    assert_eq!(found.detail, None);
}

#[tokio::test]
async fn a_good_answer_takes_two_questions() {
    let server = Scripted::saying(
        ResponseCode::NoError,
        &["www.a.test 60 CNAME end.b.test", "end.b.test 5 A 127.0.0.1", "end.b.test 5 AAAA ::1"],
    )
    .await;
    let found = resolve(&[server.address], "www.a.test").await;
    assert_eq!(chain(&found), ["www.a.test 60 end.b.test"]); // once, though both answers have it
    assert_eq!(addresses(&found), ["127.0.0.1 5", "::1 5"]);
    let mut asked = server.asked();
    asked.sort();
    assert_eq!(asked, [("www.a.test.".to_owned(), RecordType::A), ("www.a.test.".to_owned(), RecordType::AAAA)]);
}

#[tokio::test]
async fn the_order_of_records_does_not_matter() {
    let server = Scripted::saying(
        ResponseCode::NoError,
        &["c.test 5 A 127.0.0.1", "b.test 60 CNAME c.test", "a.test 50 CNAME B.test", "x.test 5 A 127.0.0.9"],
    )
    .await;
    let found = resolve(&[server.address], "a.test").await;
    assert_eq!(chain(&found), ["a.test 50 b.test", "b.test 60 c.test"]);
    assert_eq!(addresses(&found), ["127.0.0.1 5"]);
}

/// a.test → b.test → c.test, each in a zone of its own: an authoritative server answers one step at a time.
#[tokio::test]
async fn a_chain_across_zones_is_asked_on() {
    let server = Zones::serve(&[
        ("a.test", &["www.a.test 600 CNAME www.b.test"]),
        ("b.test", &["www.b.test 500 CNAME www.c.test"]),
        ("c.test", &["www.c.test 400 A 127.0.0.1"]),
    ])
    .await;
    let found = resolve(&[server.address], "www.a.test").await;
    assert_eq!(found.status, DnsStatus::Noerror);
    assert_eq!(chain(&found), ["www.a.test 600 www.b.test", "www.b.test 500 www.c.test"]);
    assert_eq!(addresses(&found), ["127.0.0.1 400"]);
}

#[tokio::test]
async fn a_dangling_chain_says_where_it_ends() {
    let server = Zones::serve(&[
        (
            "a.test",
            &[
                "www.a.test 600 CNAME gone.b.test",
                "in.a.test 60 CNAME gone.a.test",
                "out.a.test 60 CNAME www.elsewhere.example",
                "empty.a.test 60 CNAME b.test",
            ],
        ),
        ("b.test", &["www.b.test 60 A 127.0.0.1"]),
    ])
    .await;
    let ends = async |host: &str| {
        let found = resolve(&[server.address], host).await;
        assert_eq!(found.cname_chain.len(), 1, "{found:?}");
        assert!(found.detail.is_some());
        (found.status, found.final_name.unwrap())
    };
    assert_eq!(ends("www.a.test").await, (DnsStatus::Nxdomain, "gone.b.test".to_owned()));
    assert_eq!(ends("in.a.test").await, (DnsStatus::Nxdomain, "gone.a.test".to_owned()));
    assert_eq!(ends("out.a.test").await, (DnsStatus::Refused, "www.elsewhere.example".to_owned()));
    assert_eq!(ends("empty.a.test").await, (DnsStatus::Nodata, "b.test".to_owned()));
}

#[tokio::test]
async fn nxdomain_of_a_resolver_belongs_to_the_end_of_the_chain() {
    let server = Scripted::saying(ResponseCode::NXDomain, &["www.a.test 60 CNAME gone.b.test"]).await;
    let found = resolve(&[server.address], "www.a.test").await;
    assert_eq!(found.status, DnsStatus::Nxdomain);
    assert_eq!(chain(&found), ["www.a.test 60 gone.b.test"]);
    assert_eq!(found.final_name.as_deref(), Some("gone.b.test"));
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn a_name_without_aliases_or_addresses() {
    let server = Zones::serve(&[("a.test", &["www.a.test 60 A 127.0.0.1"])]).await;
    for (host, status) in [("gone.a.test", DnsStatus::Nxdomain), ("a.test", DnsStatus::Nodata)] {
        let found = resolve(&[server.address], host).await;
        assert_eq!((found.status, found.final_name.as_deref()), (status, Some(host)));
        assert_eq!(found.cname_chain, []);
    }
}

#[tokio::test]
async fn a_loop_is_named() {
    let server = Zones::serve(&[
        ("a.test", &["www.a.test 60 CNAME www.b.test", "self.a.test 60 CNAME self.a.test"]),
        ("b.test", &["www.b.test 60 CNAME www.a.test"]),
    ])
    .await;
    let found = resolve(&[server.address], "www.a.test").await;
    assert_eq!(found.status, DnsStatus::Loop);
    assert_eq!(chain(&found), ["www.a.test 60 www.b.test", "www.b.test 60 www.a.test"]);
    assert!(detail(&found).contains("`www.b.test` leads back to `www.a.test`"));
    let found = resolve(&[server.address], "self.a.test").await;
    assert_eq!((found.status, chain(&found).len()), (DnsStatus::Loop, 1));
}

#[tokio::test]
async fn a_chain_too_long_is_cut() {
    let lines =
        |zone: &str, other: &str| (0..30).map(move |n| format!("n{n}.{zone} 60 CNAME n{}.{other}", n + 1)).collect();
    let across = [("a.test", lines("a.test", "b.test")), ("b.test", lines("b.test", "a.test"))];
    for (host, zones) in
        [("n0.a.test", BTreeMap::from(across)), ("n0.c.test", BTreeMap::from([("c.test", lines("c.test", "c.test"))]))]
    {
        let server = Zones::serve_all(zones).await;
        let found = resolve(&[server.address], host).await;
        assert_eq!((found.status, found.cname_chain.len()), (DnsStatus::TooLong, 16), "{found:?}");
    }
}

/// Resolvers hide loops behind SERVFAIL; the aliases can still be had one by one.
#[tokio::test]
async fn servfail_does_not_hide_the_chain() {
    let server = Scripted::serve(|query| {
        let asked = &query.queries[0];
        let loops: &[&str] = match asked.name.to_ascii().as_str() {
            "a.test." => &["a.test 60 CNAME b.test"],
            _ => &["b.test 60 CNAME a.test"],
        };
        let alone = asked.query_type == RecordType::CNAME;
        vec![if alone {
            answer(query, ResponseCode::NoError, loops)
        } else {
            answer(query, ResponseCode::ServFail, &[])
        }]
    })
    .await;
    let found = resolve(&[server.address], "a.test").await;
    assert_eq!(found.status, DnsStatus::Loop);
    assert_eq!(chain(&found), ["a.test 60 b.test", "b.test 60 a.test"]);
}

#[tokio::test]
async fn the_next_server_is_asked_when_one_fails() {
    const GOOD: &[&str] = &["a.test 60 A 127.0.0.1"];
    let good = Scripted::saying(ResponseCode::NoError, GOOD).await;
    let lame = Scripted::serve(|query| {
        let mut message = Message::from_vec(&answer(query, ResponseCode::NoError, &[])).unwrap();
        message.metadata.recursion_available = false;
        message.add_authority(record("test 60 NS ns.test"));
        vec![message.to_vec().unwrap()]
    })
    .await;
    let failing = [
        Scripted::saying(ResponseCode::ServFail, &[]).await,
        Scripted::saying(ResponseCode::Refused, &[]).await,
        Scripted::silent().await,
        lame,
    ];
    let mut firsts: Vec<SocketAddr> = failing.iter().map(|server| server.address).collect();
    firsts.push(closed_port().await);
    for first in firsts {
        let found = resolve(&[first, good.address], "a.test").await;
        assert_eq!(found.status, DnsStatus::Noerror, "{found:?}");
        assert_eq!(found.resolver, Some(good.address.to_string()));
        assert_eq!(found.detail, None);
    }
}

#[tokio::test]
async fn each_failure_has_its_status() {
    let servfail = Scripted::saying(ResponseCode::ServFail, &[]).await;
    let refused = Scripted::saying(ResponseCode::Refused, &[]).await;
    let notimp = Scripted::saying(ResponseCode::NotImp, &[]).await;
    let garbage = Scripted::serve(|_| vec![b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), Vec::new()]).await;
    let damaged = Scripted::serve(|query| {
        let mut bytes = answer(query, ResponseCode::NoError, &["a.test 60 A 127.0.0.1"]);
        bytes.truncate(bytes.len() - 3);
        vec![bytes]
    })
    .await;
    let other_question = Scripted::serve(|query| {
        let mut message = Message::from_vec(&answer(query, ResponseCode::NoError, &[])).unwrap();
        message.queries[0].set_name(name("b.test"));
        vec![message.to_vec().unwrap()]
    })
    .await;
    let silent = Scripted::silent().await;
    let closed = closed_port().await;
    let short = Duration::from_millis(300);
    for (server, status, word) in [
        (servfail.address, DnsStatus::Servfail, "SERVFAIL"),
        (refused.address, DnsStatus::Refused, "REFUSED"),
        (notimp.address, DnsStatus::Servfail, "code 4"),
        (garbage.address, DnsStatus::Malformed, "no answer to the question"),
        (damaged.address, DnsStatus::Malformed, "malformed"),
        (other_question.address, DnsStatus::Malformed, "no answer to the question"),
        (silent.address, DnsStatus::Timeout, "no answer in time"),
        (closed, DnsStatus::Unreachable, "refused"),
    ] {
        let found = resolve_within(short, &[server], "a.test").await;
        assert_eq!(found.status, status, "{found:?}");
        assert!(detail(&found).contains(word) && detail(&found).contains(&server.to_string()), "{found:?}");
        assert_eq!((found.addresses.len(), found.final_name.as_deref()), (0, Some("a.test")));
    }
    // An answer says more than silence, and silence more than a closed port.
    let servers = [closed, silent.address, refused.address];
    assert_eq!(resolve_within(short * 3, &servers, "a.test").await.status, DnsStatus::Refused);
    assert_eq!(resolve_within(short, &servers[..2], "a.test").await.status, DnsStatus::Timeout);
}

#[tokio::test]
async fn forged_answers_are_passed_over() {
    let server = Scripted::serve(|query| {
        let mut wrong_id = answer(query, ResponseCode::NoError, &["a.test 60 A 127.6.6.6"]);
        wrong_id[0] ^= 0x55;
        let mut no_reply = answer(query, ResponseCode::NoError, &["a.test 60 A 127.6.6.6"]);
        no_reply[2] &= 0x7f;
        vec![wrong_id, no_reply, b"?".to_vec(), answer(query, ResponseCode::NoError, &["a.test 60 A 127.0.0.1"])]
    })
    .await;
    assert_eq!(addresses(&resolve(&[server.address], "a.test").await), ["127.0.0.1 60"]);
}

#[tokio::test]
async fn a_flood_of_forgeries_ends() {
    let server = Scripted::serve(|_| vec![b"flood".to_vec(); 100]).await;
    let found = resolve(&[server.address], "a.test").await;
    assert_eq!(found.status, DnsStatus::Malformed);
    assert!(detail(&found).contains("floods"), "{found:?}");
}

/// 200 addresses are too large for UDP, and more than we want.
#[tokio::test]
async fn a_truncated_answer_is_fetched_over_tcp() {
    let lines = (0..200).map(|n| format!("a.test 60 A 127.0.1.{n}")).collect();
    let server = Zones::serve_all(BTreeMap::from([("a.test", lines)])).await;
    let found = resolve(&[server.address], "a.test").await;
    assert_eq!((found.status, found.addresses.len()), (DnsStatus::Noerror, 64), "{found:?}");
    assert!(detail(&found).contains("136 more"), "{found:?}");
}

#[tokio::test]
async fn a_truncated_answer_without_tcp_is_no_answer() {
    let server = Scripted::serve(|query| {
        let mut bytes = answer(query, ResponseCode::NoError, &["a.test 60 A 127.0.0.1"]);
        bytes[2] |= 2; // TC
        vec![bytes]
    })
    .await;
    let found = resolve(&[server.address], "a.test").await;
    assert_eq!(found.status, DnsStatus::Unreachable);
    assert!(detail(&found).contains("over TCP"), "{found:?}");
}

#[tokio::test]
async fn a_server_that_knows_no_edns_is_asked_without() {
    let server = Scripted::serve(|query| {
        let code = if query.edns.is_some() { ResponseCode::FormErr } else { ResponseCode::NoError };
        vec![answer(query, code, &["a.test 60 A 127.0.0.1"])]
    })
    .await;
    assert_eq!(resolve(&[server.address], "a.test").await.status, DnsStatus::Noerror);
}

/// One family broken must neither cost the other nor the whole time.
#[tokio::test]
async fn one_broken_family_leaves_the_other() {
    const RECORDS: &[&str] = &["a.test 60 A 127.0.0.1", "a.test 60 AAAA ::1"];
    for (broken, kept) in [(RecordType::AAAA, "127.0.0.1 60"), (RecordType::A, "::1 60")] {
        for code in [None, Some(ResponseCode::ServFail), Some(ResponseCode::NXDomain)] {
            let server = Scripted::serve(move |query| match (query.queries[0].query_type == broken, code) {
                (false, _) => vec![answer(query, ResponseCode::NoError, RECORDS)],
                (true, Some(code)) => vec![answer(query, code, &[])],
                (true, None) => Vec::new(),
            })
            .await;
            let found = resolve(&[server.address], "a.test").await;
            assert_eq!((found.status, addresses(&found)), (DnsStatus::Noerror, vec![kept.to_owned()]), "{found:?}");
            assert!(detail(&found).contains(&format!(" {broken}")), "{found:?}");
            let tries = server.asked().iter().filter(|(_, kind)| *kind == RecordType::AAAA).count();
            assert!(tries <= 2, "AAAA was asked for {tries} times"); // once more in case it was lost, then no more
        }
    }
}

#[tokio::test]
async fn nothing_found_is_not_certain_while_one_family_failed() {
    let server = Scripted::serve(|query| {
        let code =
            if query.queries[0].query_type == RecordType::A { ResponseCode::NoError } else { ResponseCode::ServFail };
        vec![answer(query, code, &[])]
    })
    .await;
    assert_eq!(resolve(&[server.address], "a.test").await.status, DnsStatus::Servfail);
}

#[tokio::test]
async fn contradictions_are_noted() {
    for (lines, word) in [
        (&["a.test 60 CNAME b.test", "a.test 60 CNAME c.test", "b.test 5 A 127.0.0.1"], "more than one CNAME"),
        (&["a.test 60 CNAME b.test", "a.test 60 A 127.0.0.9", "b.test 5 A 127.0.0.1"], "a CNAME and addresses"),
    ] {
        let server = Scripted::saying(ResponseCode::NoError, lines).await;
        let found = resolve(&[server.address], "a.test").await;
        assert_eq!((chain(&found), addresses(&found)), (vec!["a.test 60 b.test".into()], vec!["127.0.0.1 5".into()]));
        assert!(detail(&found).contains(word), "{found:?}");
    }
    let server = Scripted::serve(|query| {
        let v4 = query.queries[0].query_type == RecordType::A;
        let lines = if v4 {
            ["a.test 60 CNAME v4.test", "v4.test 5 A 127.0.0.1"]
        } else {
            ["a.test 60 CNAME v6.test", "v6.test 5 AAAA ::1"]
        };
        vec![answer(query, ResponseCode::NoError, &lines)]
    })
    .await;
    let found = resolve(&[server.address], "a.test").await;
    assert_eq!(addresses(&found), ["127.0.0.1 5", "::1 5"]);
    assert_eq!(chain(&found), ["a.test 60 v4.test"]);
    assert!(detail(&found).contains("different aliases"), "{found:?}");
}

#[tokio::test]
async fn nothing_odd_in_a_name_reaches_the_terminal() {
    let server = Scripted::serve(|query| {
        let mut message = Message::from_vec(&answer(query, ResponseCode::NXDomain, &[])).unwrap();
        let labels: [&[u8]; 2] = [b"\x1b[2J.", b"b"];
        let target = hickory_proto::rr::Name::from_labels(labels).unwrap();
        message.add_answer(Record::from_rdata(name("a.test"), 60, RData::CNAME(rdata::CNAME(target))));
        vec![message.to_vec().unwrap()]
    })
    .await;
    let found = resolve(&[server.address], "a.test").await;
    assert_eq!(found.final_name.as_deref(), Some(r"\027[2j\..b"));
    assert_eq!(found.cname_chain[0].target, r"\027[2j\..b");
    assert!(!detail(&found).contains('\x1b'));
}

#[tokio::test]
async fn a_chain_that_ends_in_silence_is_kept() {
    let server = Scripted::serve(|query| match query.queries[0].name.to_ascii().as_str() {
        "a.test." => vec![answer(query, ResponseCode::NoError, &["a.test 60 CNAME b.test"])],
        _ => Vec::new(),
    })
    .await;
    let found = resolve_within(Duration::from_millis(300), &[server.address], "a.test").await;
    assert_eq!(found.status, DnsStatus::Timeout);
    assert_eq!((chain(&found), found.final_name.as_deref()), (vec!["a.test 60 b.test".into()], Some("b.test")));
    assert_eq!(found.resolver, Some(server.address.to_string()));
}

#[tokio::test]
async fn no_time_at_all_is_a_timeout() {
    let server = Scripted::silent().await;
    let found = resolve_within(Duration::ZERO, &[server.address], "a.test").await;
    assert_eq!(found.status, DnsStatus::Timeout);
    assert!(found.detail.is_some());
}

const REAL_ZONES: &[(&str, &str)] = &[
    (
        "shop.test",
        "www.shop.test. 600 CNAME edge.cdn.test.\n\
         loop.shop.test. 60 CNAME loop.cdn.test.\n\
         gone.shop.test. 60 CNAME gone.cdn.test.\n\
         out.shop.test. 60 CNAME www.example.org.\n\
         mail.shop.test. 60 TXT \"no address\"\n\
         deep.shop.test. 60 NS ns.deep.shop.test.\n\
         ns.deep.shop.test. 60 A 127.0.0.1\n",
    ),
    (
        "cdn.test",
        "edge.cdn.test. 30 CNAME pop.cdn.test.\n\
         pop.cdn.test. 5 A 127.0.0.1\n\
         pop.cdn.test. 5 AAAA ::1\n\
         loop.cdn.test. 60 CNAME loop.shop.test.\n",
    ),
];

#[tokio::test]
async fn nsd_answers_for_its_zones_only() {
    let Some(nsd) = Daemon::nsd(REAL_ZONES).await else { return };
    let servers = [nsd.address];
    let found = resolve(&servers, "www.shop.test").await;
    assert_eq!(chain(&found), ["www.shop.test 600 edge.cdn.test", "edge.cdn.test 30 pop.cdn.test"], "{found:?}");
    assert_eq!(addresses(&found), ["127.0.0.1 5", "::1 5"]);
    for (host, status, end, aliases) in [
        ("loop.shop.test", DnsStatus::Loop, "loop.shop.test", 2),
        ("gone.shop.test", DnsStatus::Nxdomain, "gone.cdn.test", 1),
        ("out.shop.test", DnsStatus::Refused, "www.example.org", 1),
        ("mail.shop.test", DnsStatus::Nodata, "mail.shop.test", 0),
        ("x.deep.shop.test", DnsStatus::Refused, "x.deep.shop.test", 0), // a referral
        ("shop.example", DnsStatus::Refused, "shop.example", 0),
    ] {
        let found = resolve(&servers, host).await;
        assert_eq!((found.status, found.final_name.as_deref()), (status, Some(end)), "{found:?}");
        assert_eq!(found.cname_chain.len(), aliases, "{found:?}");
    }
}

#[tokio::test]
async fn unbound_resolves_the_whole_chain() {
    let Some(nsd) = Daemon::nsd(REAL_ZONES).await else { return };
    let Some(unbound) = Daemon::unbound(nsd.address).await else { return };
    let servers = [unbound.address];
    let found = resolve(&servers, "www.shop.test").await;
    let names: Vec<_> = found.cname_chain.iter().map(|alias| (alias.owner.as_str(), alias.target.as_str())).collect();
    assert_eq!(names, [("www.shop.test", "edge.cdn.test"), ("edge.cdn.test", "pop.cdn.test")], "{found:?}");
    // What remains of each in the cache.
    assert!(found.cname_chain[0].ttl > 500 && found.cname_chain[1].ttl <= 30);
    assert_eq!(found.addresses.len(), 2);
    for (host, status, end, aliases) in [
        ("loop.shop.test", DnsStatus::Loop, "loop.shop.test", 2),
        ("gone.shop.test", DnsStatus::Nxdomain, "gone.cdn.test", 1),
        ("mail.shop.test", DnsStatus::Nodata, "mail.shop.test", 0),
    ] {
        let found = resolve(&servers, host).await;
        assert_eq!((found.status, found.final_name.as_deref()), (status, Some(end)), "{found:?}");
        assert_eq!(found.cname_chain.len(), aliases, "{found:?}");
    }
}
