//! What is asked of the name system beyond addresses: resolvers and name servers compared, CAA, HTTPS, faults of CNAMEs.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{RecordType, rdata};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tlsmend::judge::anchors::TrustAnchors;
use tlsmend::model::finding::{Finding, Severity};
use tlsmend::model::naming::{NameFaultKind, NameServerStatus};
use tlsmend::model::report::Report;
use tlsmend::model::resolution::DnsStatus;
use tlsmend::observe::dns::Look;
use tlsmend::probe::{Change, Settings, judge_again, probe};
use tlsmend::report::text;
use tlsmend::x509::Certificate;

use crate::support::dns_daemons::{Daemon, NO_VALIDATION};
use crate::support::dns_server::{Scripted, Zones, answer, name, record};
use crate::support::site::now;
use crate::support::tls_server::TlsServer;
use crate::support::validate;

/// Nobody listens there: what matters is told by the names.
const CLOSED: u16 = 1;

async fn look(resolvers: &[SocketAddr], host: &str, look: Look) -> Report {
    let settings = Settings {
        resolvers: resolvers.to_vec(),
        look: Some(look),
        timeout: Duration::from_secs(8),
        ..Settings::default()
    };
    let report = probe(&format!("{host}:{CLOSED}").parse().unwrap(), &settings, now).await;
    validate(&serde_json::to_value(&report).unwrap());
    report
}

fn finding<'a>(report: &'a Report, code: &str) -> Option<&'a Finding> {
    report.findings.iter().find(|finding| finding.code == code)
}

#[track_caller]
fn found<'a>(report: &'a Report, code: &str) -> &'a Finding {
    let codes: Vec<&str> = report.findings.iter().map(|finding| finding.code.as_str()).collect();
    finding(report, code).unwrap_or_else(|| panic!("no {code} in {codes:?}: {:#?}", report.dns))
}

fn fact(finding: &Finding, name: &str) -> String {
    finding.facts.get(name).map(ToString::to_string).unwrap_or_default()
}

fn screen(report: &Report) -> String {
    let mut out = Vec::new();
    let style = text::Style { color: false, width: 120, detail: text::Detail::Everything };
    text::write(report, style, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// What the command line would show judges the same once more.
#[track_caller]
fn survives_the_file(report: &Report) {
    let json = serde_json::to_string(report).unwrap();
    let read: Report = serde_json::from_str(&json).unwrap();
    assert_eq!(read.dns, report.dns);
    let again = judge_again(&read, &Change::default()).unwrap();
    let codes = |report: &Report| report.findings.iter().map(|finding| finding.code.clone()).collect::<Vec<_>>();
    assert_eq!(codes(&again), codes(report));
}

#[tokio::test]
async fn resolvers_that_disagree_are_named_with_what_they_say() {
    let old =
        Zones::serve(&[("shop.test", &["www.shop.test 600 CNAME old.shop.test", "old.shop.test 50 A 127.0.0.1"])])
            .await;
    let new =
        Zones::serve(&[("shop.test", &["www.shop.test 60 CNAME new.shop.test", "new.shop.test 50 A 127.0.0.2"])]).await;
    let report = look(&[old.address, new.address], "www.shop.test", Look::Beside).await;
    assert!(report.dns.resolvers_disagree);
    assert_eq!(report.dns.views.len(), 2);
    let disagree = found(&report, "resolvers-disagree");
    assert_eq!(disagree.severity, Severity::Medium);
    for word in [&old.address.to_string(), &new.address.to_string(), "old.shop.test", "new.shop.test", "TTL 600"] {
        assert!(fact(disagree, "answers").contains(word), "{disagree:?}");
    }
    assert_eq!(fact(disagree, "seconds_until_the_last_expires"), "600");
    assert!(screen(&report).contains("they do not agree"));
    survives_the_file(&report);

    let report = look(&[old.address, old.address], "www.shop.test", Look::Beside).await;
    assert!(!report.dns.resolvers_disagree && finding(&report, "resolvers-disagree").is_none());
}

#[tokio::test]
async fn a_resolver_that_is_silent_does_not_disagree() {
    let good = Zones::serve(&[("shop.test", &["www.shop.test 60 A 127.0.0.1"])]).await;
    let refuses = Scripted::saying(ResponseCode::Refused, &[]).await;
    let silent = Scripted::silent().await;
    let report = look(&[good.address, silent.address, refuses.address], "www.shop.test", Look::Beside).await;
    assert!(!report.dns.resolvers_disagree, "{:?}", report.dns.views);
    // One that says that there is no such name does.
    let denies = Scripted::saying(ResponseCode::NXDomain, &[]).await;
    let report = look(&[good.address, denies.address], "www.shop.test", Look::Beside).await;
    assert!(report.dns.resolvers_disagree && finding(&report, "resolvers-disagree").is_some());
}

#[tokio::test]
async fn sets_that_overlap_are_what_load_balancers_answer() {
    let one = Zones::serve(&[("shop.test", &["www.shop.test 60 A 127.0.0.1", "www.shop.test 60 A 127.0.0.2"])]).await;
    let other = Zones::serve(&[("shop.test", &["www.shop.test 60 A 127.0.0.2", "www.shop.test 60 A 127.0.0.3"])]).await;
    let report = look(&[one.address, other.address], "www.shop.test", Look::Beside).await;
    assert!(report.dns.resolvers_disagree);
    assert_eq!(found(&report, "resolvers-disagree").severity, Severity::Info);
}

/// `ns` records of a zone whose servers are 127.0.0.`last`.
fn zone(zone: &str, serial: u32, servers: &[u8], records: &str) -> String {
    let mut text = format!("{zone}. 60 SOA ns1.{zone}. admin.{zone}. {serial} 3600 600 86400 77\n");
    for last in servers {
        text += &format!("{zone}. 60 NS ns{last}.{zone}.\nns{last}.{zone}. 60 A 127.0.0.{last}\n");
    }
    text + records
}

/// The resolver asked while the zone was the old one; then the zone was changed.
#[tokio::test]
async fn a_resolver_with_the_old_answer_is_named_until_its_ttl() {
    let content = |target: &str, late: &str| {
        let records = format!(
            "www.shop.test. 900 CNAME {target}.shop.test.\nold.shop.test. 300 A 127.0.0.1\nnew.shop.test. 300 A 127.0.0.2\n{late}"
        );
        [("shop.test", zone("shop.test", 1, &[1], &records))]
    };
    let Some(nsd) = Daemon::nsd_at(None, &content("old", "")).await else { return };
    let authority = nsd.address;
    let Some(unbound) = Daemon::unbound_with(authority, NO_VALIDATION, &["shop.test"]).await else { return };
    let hosts = ["www.shop.test", "late.shop.test"];
    for host in hosts {
        let report = look(&[unbound.address], host, Look::Authorities(authority.port())).await;
        assert!(finding(&report, "resolver-has-old-answer").is_none(), "{:#?}", report.findings);
    }
    drop(nsd);
    let _nsd = Daemon::nsd_at(Some(authority), &content("new", "late.shop.test. 60 A 127.0.0.9\n")).await.unwrap();
    let report = look(&[unbound.address], hosts[0], Look::Authorities(authority.port())).await;
    let old = found(&report, "resolver-has-old-answer");
    assert_eq!(old.severity, Severity::Medium);
    assert!(fact(old, "old").contains("www.shop.test CNAME old.shop.test, until 20"), "{old:?}");
    assert!(fact(old, "now").contains("CNAME new.shop.test"), "{old:?}");
    let wait = old.remedy.as_ref().unwrap().summary.clone();
    let seconds: u32 = wait.split(' ').nth(1).unwrap().parse().unwrap();
    assert!((800..=900).contains(&seconds), "{wait}");
    survives_the_file(&report);
    // That there was no such name is kept too: as long as the SOA says (RFC 2308).
    let report = look(&[unbound.address], hosts[1], Look::Authorities(authority.port())).await;
    assert_eq!(report.dns.status, DnsStatus::Nxdomain);
    let old = found(&report, "resolver-has-old-answer");
    assert!(fact(old, "old").contains("does not exist"), "{old:?}");
    let seconds: u32 = old.remedy.as_ref().unwrap().summary.split(' ').nth(1).unwrap().parse().unwrap();
    assert!((30..=77).contains(&seconds), "{old:?}");
    let servers = &report.dns.propagation.as_ref().unwrap().zones[0].servers;
    assert_eq!((servers[0].serial, servers[0].negative_ttl), (Some(1), Some(60)), "{servers:?}");
    assert!(screen(&report).contains("zone shop.test"), "{}", screen(&report));
}

/// Six name servers: two that differ, one that refuses, one without a daemon, one that knows it from hearsay only, one
/// whose name has no address.
#[tokio::test]
async fn every_name_server_is_told_by_what_it_does() {
    let records = |target: &str| format!("www.shop.test. 60 A 127.0.0.{target}\nshop.test. 60 NS gone.shop.test.\n");
    let servers = [1, 2, 3, 4, 5];
    let older = [("shop.test", zone("shop.test", 7, &servers, &records("1")))];
    let newer = [("shop.test", zone("shop.test", 8, &servers, &records("2")))];
    let Some(first) = Daemon::nsd_at(None, &older).await else { return };
    let port = first.address.port();
    let at = |last: u8| SocketAddr::from(([127, 0, 0, last], port));
    let _second = Daemon::nsd_at(Some(at(2)), &newer).await.unwrap();
    let _third = Scripted::serve_at(at(3), |query| vec![answer(query, ResponseCode::Refused, &[])]).await;
    let hearsay = |query: &Message| vec![answer(query, ResponseCode::NoError, &["www.shop.test 60 A 127.0.0.1"])];
    let _fifth = Scripted::serve_at(at(5), hearsay).await;
    let Some(unbound) = Daemon::unbound_with(first.address, NO_VALIDATION, &["shop.test"]).await else { return };
    let report = look(&[unbound.address], "www.shop.test", Look::Authorities(port)).await;
    let zone = &report.dns.propagation.as_ref().unwrap().zones[0];
    let told: Vec<_> = zone.servers.iter().map(|server| (server.name.as_str(), server.status, server.serial)).collect();
    assert_eq!(
        told,
        [
            ("gone.shop.test", NameServerStatus::NoAddress, None),
            ("ns1.shop.test", NameServerStatus::Answers, Some(7)),
            ("ns2.shop.test", NameServerStatus::Answers, Some(8)),
            ("ns3.shop.test", NameServerStatus::Lame, None),
            ("ns4.shop.test", NameServerStatus::Unreachable, None),
            ("ns5.shop.test", NameServerStatus::Lame, None),
        ]
    );
    let differ = found(&report, "name-servers-differ");
    assert!(fact(differ, "servers").contains("serial 8") && fact(differ, "oldest_serial") == "7", "{differ:?}");
    assert_eq!(fact(differ, "names"), "[\"www.shop.test\"]");
    let lame = fact(found(&report, "name-server-lame"), "name_servers");
    assert!(lame.contains("ns3.shop.test") && lame.contains("REFUSED") && lame.contains("without authority"), "{lame}");
    let unreachable = found(&report, "name-server-unreachable");
    assert!(fact(unreachable, "name_servers").contains("ns4.shop.test"), "{unreachable:?}");
    assert_eq!(fact(unreachable, "answering"), "2");
    survives_the_file(&report);
}

/// Three zones, an alias over each border; a healthy world has no finding about names.
#[tokio::test]
async fn the_zones_of_a_chain_are_walked() {
    let zones = [
        ("shop.test", zone("shop.test", 1, &[1], "www.shop.test. 60 CNAME edge.cdn.test.\n")),
        ("cdn.test", zone("cdn.test", 2, &[1], "edge.cdn.test. 60 CNAME a.b.pop.test.\n")),
        ("pop.test", zone("pop.test", 3, &[1], "a.b.pop.test. 60 A 127.0.0.1\n")),
    ];
    let Some(nsd) = Daemon::nsd_at(None, &zones).await else { return };
    let Some(unbound) = Daemon::unbound_with(nsd.address, NO_VALIDATION, &["shop.test", "cdn.test", "pop.test"]).await
    else {
        return;
    };
    let report = look(&[unbound.address], "www.shop.test", Look::Authorities(nsd.address.port())).await;
    let propagation = report.dns.propagation.as_ref().unwrap();
    let seen: Vec<_> = propagation.zones.iter().map(|zone| (zone.zone.as_str(), zone.names.clone())).collect();
    assert_eq!(
        seen,
        [
            ("shop.test", vec!["www.shop.test".to_owned()]),
            ("cdn.test", vec!["edge.cdn.test".to_owned()]),
            ("pop.test", vec!["a.b.pop.test".to_owned()])
        ]
    );
    assert!(propagation.left_out.is_empty() && propagation.questions < 100, "{propagation:?}");
    let codes: Vec<&str> = report.findings.iter().map(|finding| finding.code.as_str()).collect();
    assert_eq!(codes, ["port-closed"], "{:#?}", report.dns);
}

/// A server that lets one see what NSD refuses to load: other records beside a CNAME.
#[tokio::test]
async fn what_stands_beside_a_cname_is_asked_for() {
    for (apex, kind, code) in [
        (false, NameFaultKind::CnameBesideOtherRecords, "cname-beside-other-records"),
        (true, NameFaultKind::CnameAtApex, "cname-at-zone-apex"),
    ] {
        let owner = if apex { "shop.test" } else { "www.shop.test" };
        let server = Scripted::serve(move |query| {
            let asked = query.queries[0].clone();
            let host = asked.name.to_ascii();
            let host = host.trim_end_matches('.');
            let lines: &[&str] = match (host, asked.query_type) {
                ("shop.test", RecordType::SOA) => &["shop.test 60 SOA ns.shop.test. a.shop.test. 1 2 3 4 5"],
                ("shop.test", RecordType::NS) => &["shop.test 60 NS ns.shop.test"],
                ("ns.shop.test", RecordType::A) => &["ns.shop.test 60 A 127.0.0.1"],
                (host, RecordType::TXT) if host == owner => {
                    if apex {
                        &["shop.test 60 TXT v=spf1"]
                    } else {
                        &["www.shop.test 60 TXT v=spf1"]
                    }
                }
                (host, _) if host == owner => {
                    if apex {
                        &["shop.test 60 CNAME end.shop.test"]
                    } else {
                        &["www.shop.test 60 CNAME end.shop.test"]
                    }
                }
                ("end.shop.test", RecordType::A) => &["end.shop.test 60 A 127.0.0.1"],
                _ => &[],
            };
            let mut message = Message::from_vec(&answer(query, ResponseCode::NoError, lines)).unwrap();
            message.metadata.authoritative = true;
            vec![message.to_vec().unwrap()]
        })
        .await;
        let report = look(&[server.address], owner, Look::Authorities(server.address.port())).await;
        let fault = report.dns.faults.iter().find(|fault| fault.kind == kind);
        let fault = fault.unwrap_or_else(|| panic!("{code}: {:#?}", report.dns));
        assert_eq!(fault.owner, owner);
        assert!(fault.beside.contains(&"TXT".to_owned()), "{fault:?}");
        assert!(fact(found(&report, code), "beside").contains("TXT"));
    }
}

#[tokio::test]
async fn several_cnames_are_a_finding_without_asking_more() {
    let lines = &["a.test 60 CNAME b.test", "a.test 60 CNAME c.test", "b.test 5 A 127.0.0.1"];
    let server = Scripted::saying(ResponseCode::NoError, lines).await;
    let report = look(&[server.address], "a.test", Look::Beside).await;
    assert!(fact(found(&report, "several-cnames"), "beside").contains("c.test"));
    let lines = &["a.test 60 CNAME b.test", "a.test 60 A 127.0.0.9", "b.test 5 A 127.0.0.1"];
    let server = Scripted::saying(ResponseCode::NoError, lines).await;
    found(&look(&[server.address], "a.test", Look::Beside).await, "cname-beside-other-records");
}

/// What is registered is a zone: no question is needed. A name below it may be an alias.
#[tokio::test]
async fn a_registered_domain_may_not_be_an_alias() {
    const LINES: &[&str] = &[
        "example.com 60 CNAME end.example.net",
        "www.example.com 60 CNAME end.example.net",
        "end.example.net 60 A 127.0.0.1",
    ];
    let server = Scripted::saying(ResponseCode::NoError, LINES).await;
    found(&look(&[server.address], "example.com", Look::Beside).await, "cname-at-zone-apex");
    let report = look(&[server.address], "www.example.com", Look::Beside).await;
    assert!(finding(&report, "cname-at-zone-apex").is_none());
}

#[tokio::test]
async fn nine_aliases_are_long() {
    let lines = |count: usize| {
        let aliases = (0..count).map(|n| format!("n{n}.a.test 60 CNAME n{}.a.test", n + 1));
        aliases.chain([format!("n{count}.a.test 60 A 127.0.0.1")]).collect::<Vec<_>>()
    };
    for (count, long) in [(8, false), (9, true)] {
        let server = Zones::serve_all([("a.test", lines(count))].into()).await;
        let report = look(&[server.address], "n0.a.test", Look::Beside).await;
        assert_eq!((report.dns.status, report.dns.cname_chain.len()), (DnsStatus::Noerror, count));
        assert_eq!(finding(&report, "cname-chain-long").is_some(), long, "{count}");
    }
}

#[tokio::test]
async fn a_name_with_ipv6_only_is_told() {
    let server = Zones::serve(&[(
        "a.test",
        &["six.a.test 60 AAAA ::1", "both.a.test 60 AAAA ::1", "both.a.test 60 A 127.0.0.1"],
    )])
    .await;
    assert_eq!(found(&look(&[server.address], "six.a.test", Look::Beside).await, "ipv6-only").severity, Severity::Low);
    assert!(finding(&look(&[server.address], "both.a.test", Look::Beside).await, "ipv6-only").is_none());
}

#[tokio::test]
async fn the_provider_is_told_from_the_aliases() {
    const LINES: &[&str] =
        &["www.a.test 60 CNAME www.a.test.w.kunlunaq.com", "www.a.test.w.kunlunaq.com 60 A 127.0.0.1"];
    let server = Scripted::saying(ResponseCode::NoError, LINES).await;
    let report = look(&[server.address], "www.a.test", Look::Beside).await;
    let provider = report.dns.provider.as_ref().unwrap();
    assert_eq!((provider.name.as_str(), provider.product.as_str()), ("Alibaba Cloud", "CDN or DCDN"));
    assert!(screen(&report).contains("Alibaba Cloud CDN"));
}

/// A server whose certificate comes from `organization`, and the root to trust.
async fn site_of(organization: &str, names: &[&str]) -> (SocketAddr, TrustAnchors) {
    let mut root = CertificateParams::default();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    root.distinguished_name.push(DnType::OrganizationName, organization);
    root.distinguished_name.push(DnType::CommonName, "a root of a test");
    let root_key = KeyPair::generate().unwrap();
    let root_certificate = root.self_signed(&root_key).unwrap();
    let issuer = Issuer::new(root, root_key);
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let site = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    let address = TlsServer::new([site.der().clone()], key).start().await;
    let root = Certificate::parse(root_certificate.der()).unwrap();
    (address, TrustAnchors::exactly(vec![Arc::new(root)]))
}

#[tokio::test]
async fn caa_records_that_forbid_the_issuer_are_told() {
    let (address, anchors) = site_of("DigiCert Inc", &["www.shop.test", "good.shop.test", "*.wild.shop.test"]).await;
    let records = "www.shop.test. 60 A 127.0.0.1\n\
        x.wild.shop.test. 60 A 127.0.0.1\n\
        shop.test. 60 CAA 0 issue \"letsencrypt.org\"\n\
        shop.test. 60 CAA 0 iodef \"mailto:hostmaster@shop.test\"\n\
        wild.shop.test. 60 CAA 0 issue \"digicert.com\"\n\
        wild.shop.test. 60 CAA 0 issuewild \";\"\n\
        good.shop.test. 60 A 127.0.0.1\n\
        good.shop.test. 60 CAA 0 issue \"DigiCert.com; account=7\"\n";
    let Some(nsd) = Daemon::nsd(&[("shop.test", records)]).await else { return };
    let Some(unbound) = Daemon::unbound_with(nsd.address, NO_VALIDATION, &["shop.test", "cdn.test", "pop.test"]).await
    else {
        return;
    };
    let settings = |anchors: &TrustAnchors| Settings {
        resolvers: vec![unbound.address],
        anchors: anchors.clone(),
        fetch_issuers: false,
        ..Settings::default()
    };
    let target = |host: &str| format!("{host}:{}", address.port()).parse().unwrap();
    let report = probe(&target("www.shop.test"), &settings(&anchors), now).await;
    assert_eq!(
        report.dns.caa,
        ["shop.test CAA 0 iodef \"mailto:hostmaster@shop.test\"", "shop.test CAA 0 issue \"letsencrypt.org\""]
    );
    let forbids = found(&report, "caa-forbids-issuer");
    assert!(fact(forbids, "reason").contains("letsencrypt.org"), "{forbids:?}");
    assert!(forbids.remedy.as_ref().unwrap().summary.contains("shop.test CAA 0 issue \"digicert.com\""), "{forbids:?}");
    assert!(!report.not_checked.iter().any(|check| check.code == "caa"));
    survives_the_file(&report);
    let report = probe(&target("good.shop.test"), &settings(&anchors), now).await;
    assert!(finding(&report, "caa-forbids-issuer").is_none(), "{:?}", report.dns.caa);
    // A wildcard certificate is asked for by the name below the star.
    let report = probe(&target("x.wild.shop.test"), &settings(&anchors), now).await;
    let forbids = found(&report, "caa-forbids-issuer");
    assert_eq!(fact(forbids, "for"), "\"*.wild.shop.test\"");
    assert!(fact(forbids, "reason").contains("name nobody"), "{forbids:?}");
    // A private CA does not look at CAA.
    let (private, anchors) = site_of("A company of its own", &["www.shop.test"]).await;
    let report = probe(&format!("www.shop.test:{}", private.port()).parse().unwrap(), &settings(&anchors), now).await;
    assert!(finding(&report, "caa-forbids-issuer").is_none());
}

/// The name is an alias: the set at the end of it counts, then the parents of the name itself (RFC 8659 §3).
#[tokio::test]
async fn caa_is_looked_for_along_the_alias_and_then_above_the_name() {
    let zones = [
        (
            "shop.test",
            "www.shop.test. 60 CNAME edge.cdn.test.\nbare.shop.test. 60 CNAME none.cdn.test.\nshop.test. 60 CAA 0 issue \"above.test\"\n",
        ),
        (
            "cdn.test",
            "edge.cdn.test. 60 A 127.0.0.1\nnone.cdn.test. 60 A 127.0.0.1\nedge.cdn.test. 60 CAA 0 issue \"target.test\"\ncdn.test. 60 CAA 0 issue \"never.test\"\n",
        ),
    ];
    let Some(nsd) = Daemon::nsd(&zones).await else { return };
    let Some(unbound) = Daemon::unbound_with(nsd.address, NO_VALIDATION, &["shop.test", "cdn.test", "pop.test"]).await
    else {
        return;
    };
    // One resolver follows aliases for us, the other leaves it to us.
    for resolver in [unbound.address, nsd.address] {
        for (host, expected) in [
            ("www.shop.test", "www.shop.test CAA 0 issue \"target.test\""),
            ("bare.shop.test", "shop.test CAA 0 issue \"above.test\""),
        ] {
            let report = look(&[resolver], host, Look::Beside).await;
            assert_eq!(report.dns.caa, [expected]);
        }
    }
}

#[tokio::test]
async fn https_records_are_compared_with_the_addresses() {
    let records = "www.shop.test. 60 A 127.0.0.1\n\
        www.shop.test. 60 HTTPS 1 . alpn=\"h2,http/1.1\" ipv4hint=127.0.0.1,127.0.0.3\n\
        moved.shop.test. 60 A 127.0.0.1\n\
        moved.shop.test. 60 HTTPS 1 moved.shop.test. alpn=h2 ipv4hint=127.0.0.9 port=8443\n\
        gone.shop.test. 60 A 127.0.0.1\n\
        gone.shop.test. 60 HTTPS 0 nothing.shop.test.\n\
        alias.shop.test. 60 A 127.0.0.1\n\
        alias.shop.test. 60 HTTPS 0 www.shop.test.\n\
        plain.shop.test. 60 A 127.0.0.1\n";
    // Another port than 443 has a name of its own (RFC 9460 §9.1).
    let records: String = records
        .lines()
        .map(|line| match line.contains(" HTTPS ") && !line.starts_with("www") {
            true => format!("_{CLOSED}._https.{line}\n"),
            false => format!("{line}\n"),
        })
        .collect();
    let records = records
        + &format!("_{CLOSED}._https.www.shop.test. 60 HTTPS 1 www.shop.test. alpn=h2 ipv4hint=127.0.0.1,127.0.0.3\n");
    let Some(nsd) = Daemon::nsd(&[("shop.test", records.as_str())]).await else { return };
    let Some(unbound) = Daemon::unbound_with(nsd.address, NO_VALIDATION, &["shop.test", "cdn.test", "pop.test"]).await
    else {
        return;
    };
    let about = async |host: &str| {
        let report = look(&[unbound.address], host, Look::Beside).await;
        let codes: Vec<String> = report.findings.iter().map(|finding| finding.code.clone()).collect();
        let codes: Vec<String> = codes.into_iter().filter(|code| code.starts_with("https-")).collect();
        (report.dns.https.unwrap(), codes)
    };
    let (https, codes) = about("www.shop.test").await;
    assert_eq!((https[0].alpn.clone(), https[0].hints.len(), codes), (vec!["h2".to_owned()], 2, vec![]));
    let (https, codes) = about("gone.shop.test").await;
    assert_eq!((https[0].priority, https[0].target_status), (0, Some(DnsStatus::Nxdomain)), "{https:?}");
    assert_eq!(codes, ["https-record-dangling"]);
    let (https, codes) = about("alias.shop.test").await;
    // The record of the target is found behind the alias.
    assert_eq!((https.len(), https[1].owner.as_str(), codes), (2, "www.shop.test", vec![]), "{https:?}");
    let (https, codes) = about("plain.shop.test").await;
    assert_eq!((https, codes), (vec![], vec![]));
    let (https, codes) = about("moved.shop.test").await;
    assert_eq!((https[0].port, https[0].hints.clone()), (Some(8443), vec![IpAddr::from([127, 0, 0, 9])]));
    assert_eq!(codes, ["https-record-hints-differ"]);
}

/// No answer to CAA and HTTPS questions costs little, and is said.
#[tokio::test]
async fn a_resolver_that_drops_strange_types_is_not_waited_for() {
    let server = Scripted::serve(|query| match query.queries[0].query_type {
        RecordType::A => vec![answer(query, ResponseCode::NoError, &["www.shop.test 60 A 127.0.0.1"])],
        RecordType::AAAA => vec![answer(query, ResponseCode::NoError, &[])],
        _ => Vec::new(),
    })
    .await;
    let (address, anchors) = site_of("DigiCert Inc", &["www.shop.test"]).await;
    let settings = Settings { resolvers: vec![server.address], anchors, fetch_issuers: false, ..Settings::default() };
    let target = format!("www.shop.test:{}", address.port()).parse().unwrap();
    let probing = probe(&target, &settings, now);
    let report = tokio::time::timeout(Duration::from_secs(5), probing).await.expect("not for the whole 10 s");
    let not_checked: Vec<&str> = report.not_checked.iter().map(|check| check.code.as_str()).collect();
    assert!(not_checked.contains(&"caa-forbids-issuer") && not_checked.contains(&"https-record"), "{not_checked:?}");
}

/// A hostile zone names hundreds of servers and aliases: the questions end.
#[tokio::test]
async fn a_zone_made_to_exhaust_us_is_cut() {
    let server = Scripted::serve(|query| {
        let asked = &query.queries[0];
        let host = asked.name.to_ascii();
        let mut message = Message::from_vec(&answer(query, ResponseCode::NoError, &[])).unwrap();
        message.metadata.authoritative = true;
        match asked.query_type {
            RecordType::NS => {
                for n in 0..60 {
                    let ns = rdata::NS(name(&format!("ns{n}.{}", host.trim_end_matches('.'))));
                    message.add_answer(hickory_proto::rr::Record::from_rdata(
                        asked.name.clone(),
                        60,
                        hickory_proto::rr::RData::NS(ns),
                    ));
                }
            }
            RecordType::SOA => {
                let host = host.trim_end_matches('.');
                message.add_answer(record(&format!("{host} 60 SOA ns.{host}. a.{host}. 1 2 3 4 5")));
            }
            RecordType::A if host.starts_with("n0") || host.starts_with("ns") => {
                for n in 0..20 {
                    message.add_answer(record(&format!("{} 60 A 127.0.9.{n}", host.trim_end_matches('.'))));
                }
            }
            _ => {}
        }
        vec![message.to_vec().unwrap()]
    })
    .await;
    let report = look(&[server.address], "n0.a.test", Look::Authorities(server.address.port())).await;
    let propagation = report.dns.propagation.as_ref().unwrap();
    assert!(propagation.questions <= 400, "{}", propagation.questions);
    assert!(!propagation.left_out.is_empty());
    assert!(propagation.zones.iter().all(|zone| zone.servers.len() <= 16));
}

/// Text of a name server, on its way to the screen.
#[tokio::test]
async fn nothing_odd_from_a_name_server_reaches_the_terminal() {
    let server = Scripted::serve(|query| {
        let lines: &[&str] = match query.queries[0].query_type {
            RecordType::A => &["www.shop.test 60 A 127.0.0.1"],
            _ => &[],
        };
        let mut message = Message::from_vec(&answer(query, ResponseCode::NoError, lines)).unwrap();
        if query.queries[0].query_type == RecordType::CAA {
            let mut caa = rdata::CAA::new_issue(false, None, Vec::new());
            caa.value = b"\x1b[2J\r\nevil.example".to_vec();
            let owner = query.queries[0].name.clone();
            message.add_answer(hickory_proto::rr::Record::from_rdata(owner, 60, hickory_proto::rr::RData::CAA(caa)));
        }
        vec![message.to_vec().unwrap()]
    })
    .await;
    let report = look(&[server.address], "www.shop.test", Look::Beside).await;
    assert!(report.dns.caa[0].contains("evil.example"), "{:?}", report.dns.caa);
    assert!(!serde_json::to_string(&report.dns).unwrap().contains("\\u001b") && !screen(&report).contains('\x1b'));
}

/// A name server that fails for CAA: visitors notice nothing, the CA does.
#[tokio::test]
async fn a_failing_question_for_caa_is_told() {
    let server = Scripted::serve(|query| match query.queries[0].query_type {
        RecordType::CAA => vec![answer(query, ResponseCode::ServFail, &[])],
        _ => vec![answer(query, ResponseCode::NoError, &["www.shop.test 60 A 127.0.0.1"])],
    })
    .await;
    let (address, anchors) = site_of("DigiCert Inc", &["www.shop.test"]).await;
    let settings = Settings { resolvers: vec![server.address], anchors, fetch_issuers: false, ..Settings::default() };
    let report = probe(&format!("www.shop.test:{}", address.port()).parse().unwrap(), &settings, now).await;
    assert!(fact(found(&report, "caa-lookup-fails"), "message").contains("SERVFAIL"));
    assert!(finding(&report, "caa-forbids-issuer").is_none());
}

/// The server listens on IPv4, the name has both.
#[tokio::test]
async fn a_family_that_fails_as_a_whole_is_named() {
    if tokio::net::TcpListener::bind("[::1]:0").await.is_err() {
        crate::support::skip("this machine has no IPv6 loopback");
        return;
    }
    let zone = &["both.a.test 60 A 127.0.0.1", "both.a.test 60 AAAA ::1"];
    let dns = Zones::serve(&[("a.test", zone)]).await;
    let (address, anchors) = site_of("A company of its own", &["both.a.test"]).await;
    let settings = Settings { resolvers: vec![dns.address], anchors, fetch_issuers: false, ..Settings::default() };
    let report = probe(&format!("both.a.test:{}", address.port()).parse().unwrap(), &settings, now).await;
    let fails = found(&report, "address-family-fails");
    assert_eq!(fact(fails, "family"), "\"IPv6\"");
    assert!(fact(fails, "failing").contains("[::1]") && fact(fails, "working").contains("127.0.0.1"), "{fails:?}");
    assert!(finding(&report, "some-addresses-fail").is_none());
    survives_the_file(&report);
}

/// The embedded world can be looked at in depth too.
#[tokio::test]
async fn the_lab_has_name_servers() {
    let lab = tlsmend::lab::Lab::start(now(), None).await.unwrap();
    for (id, expected) in [("good", None), ("cname-at-zone-apex", Some("cname-at-zone-apex"))] {
        let running = lab.scenario(id).unwrap();
        let port = lab.resolver().port();
        let settings = Settings { look: Some(Look::Authorities(port)), ..lab.settings(running).unwrap() };
        let report = probe(&running.target().unwrap(), &settings, now).await;
        let codes: Vec<&str> = report.findings.iter().map(|finding| finding.code.as_str()).collect();
        assert_eq!(codes, expected.into_iter().collect::<Vec<_>>(), "{:#?}", report.dns);
        let propagation = report.dns.propagation.as_ref().unwrap();
        let mut servers = propagation.zones.iter().flat_map(|zone| &zone.servers).peekable();
        assert!(servers.peek().is_some() && servers.all(|server| server.status == NameServerStatus::Answers));
    }
}

#[tokio::test]
async fn a_loop_is_told_with_its_members() {
    let zones: &[(&str, &[&str])] = &[
        ("a.test", &["www.a.test 60 CNAME x.b.test", "in.a.test 60 CNAME out.a.test", "out.a.test 60 CNAME in.a.test"]),
        ("b.test", &["x.b.test 60 CNAME y.b.test", "y.b.test 60 CNAME z.c.test"]),
        ("c.test", &["z.c.test 60 CNAME x.b.test"]),
    ];
    let server = Zones::serve(zones).await;
    for (host, members, inside) in [
        ("www.a.test", r#"["x.b.test","y.b.test","z.c.test"]"#, "false"),
        ("in.a.test", r#"["in.a.test","out.a.test"]"#, "true"),
    ] {
        let report = look(&[server.address], host, Look::Beside).await;
        let found = found(&report, "cname-loop");
        assert_eq!((fact(found, "loop").as_str(), fact(found, "within_one_domain").as_str()), (members, inside));
    }
}

/// The name leads into a provider's zone, which answers by the place of the asker: no alarm, but told.
#[tokio::test]
async fn a_provider_may_answer_differently() {
    for (first, second, severity) in [
        (
            "www.shop.test 60 CNAME shop.cdn-of-somebody.test",
            "www.shop.test 60 CNAME shop.cdn-of-somebody.test",
            Severity::Info,
        ),
        (
            "www.shop.test 60 CNAME shop.cdn-of-somebody.test",
            "www.shop.test 60 CNAME shop.other-cdn.test",
            Severity::Medium,
        ),
    ] {
        let serve = async |alias: &str, ip: &str| {
            let target = alias.rsplit(' ').next().unwrap().to_owned();
            let lines = [alias.to_owned(), format!("{target} 60 A {ip}")];
            Scripted::serve(move |query| {
                let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
                vec![answer(query, ResponseCode::NoError, &lines)]
            })
            .await
        };
        let (one, other) = (serve(first, "127.0.0.1").await, serve(second, "127.0.0.2").await);
        let report = look(&[one.address, other.address], "www.shop.test", Look::Beside).await;
        assert_eq!(found(&report, "resolvers-disagree").severity, severity, "{second}");
    }
}

/// Octets that no host name has: an alias target is asked for as it is, not as it is written.
#[tokio::test]
async fn odd_octets_of_a_name_are_kept() {
    let target = || hickory_proto::rr::Name::from_labels([b"\x1b[8m".as_slice(), b"test"]).unwrap();
    let server = Scripted::serve(move |query| {
        let mut message = Message::from_vec(&answer(query, ResponseCode::NoError, &[])).unwrap();
        message.metadata.authoritative = true;
        let data = match query.queries[0].name.to_ascii().as_str() {
            "www.shop.test." => hickory_proto::rr::RData::CNAME(rdata::CNAME(target())),
            _ => hickory_proto::rr::RData::A(rdata::A([127, 0, 0, 1].into())),
        };
        let asked = &query.queries[0];
        if matches!(asked.query_type, RecordType::A | RecordType::CNAME) {
            message.add_answer(hickory_proto::rr::Record::from_rdata(asked.name.clone(), 60, data));
        }
        vec![message.to_vec().unwrap()]
    })
    .await;
    let report = look(&[server.address], "www.shop.test", Look::Authorities(server.address.port())).await;
    assert_eq!(report.dns.final_name.as_deref(), Some(r"\027[8m.test"), "{:?}", report.dns);
    let asked = server.asked();
    let odd = asked.iter().filter(|(name, kind)| *kind == RecordType::SOA && name.contains("8m")).count();
    assert!(odd > 0 && asked.iter().all(|(name, _)| !name.contains("\\127")), "{asked:?}");
    assert!(!screen(&report).contains('\x1b'));
}
