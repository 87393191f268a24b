//! DNSSEC: zones signed by ldns and served by NSD, seen through Unbound with and without validation.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use tlsmend::model::naming::{Dnssec, DnssecFault, DnssecSource, DnssecStatus};
use tlsmend::model::report::Report;
use tlsmend::model::resolution::DnsStatus;
use tlsmend::model::time::DAY;
use tlsmend::observe::dns::Look;
use tlsmend::probe::{Settings, probe};

use crate::support::dns_daemons::{Daemon, NO_VALIDATION, with_top};
use crate::support::site::now;
use crate::support::skip;

/// Zones under `test.`, which is signed: every child has a DS record there.
struct Signed {
    folder: TempDir,
}

impl Signed {
    /// `None` where ldns is not installed.
    fn new() -> Option<Self> {
        if Command::new("ldns-signzone").arg("-v").output().is_err() {
            skip("ldns-signzone is not installed");
            return None;
        }
        Some(Self { folder: TempDir::new().unwrap() })
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn run(&self, program: &str, arguments: &[&str]) -> String {
        let ran = Command::new(program).args(arguments).current_dir(self.path()).output().unwrap();
        assert!(ran.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).unwrap().trim().to_owned()
    }

    /// The name of the key's files.
    fn key(&self, zone: &str) -> String {
        self.run("ldns-keygen", &["-r", "/dev/urandom", "-a", "ECDSAP256SHA256", "-k", zone])
    }

    fn ds(&self, key: &str) -> String {
        std::fs::read_to_string(self.path().join(format!("{key}.ds"))).unwrap()
    }

    /// The signed zone file; the signatures are valid for these days, counted from today.
    fn sign(&self, zone: &str, key: &str, records: &str, from: i64, to: i64) -> String {
        let file = format!("{zone}.zone");
        std::fs::write(self.path().join(&file), with_top(zone, records)).unwrap();
        let day = |offset: i64| {
            let text = now().plus(offset * DAY).to_string();
            text.chars().filter(char::is_ascii_digit).take(14).collect::<String>()
        };
        self.run("ldns-signzone", &["-i", &day(from), "-e", &day(to), "-o", zone, "-f", "out", &file, key]);
        std::fs::read_to_string(self.path().join("out")).unwrap()
    }
}

fn records(zone: &str) -> String {
    format!("www.{zone}. 60 A 127.0.0.1\nns.{zone}. 60 A 127.0.0.1\n")
}

async fn look(resolver: std::net::SocketAddr, host: &str, port: u16) -> Report {
    let settings = Settings {
        resolvers: vec![resolver],
        look: Some(Look::Authorities(port)),
        timeout: Duration::from_secs(8),
        ..Settings::default()
    };
    // Nobody speaks TLS there: what matters is told by the names.
    probe(&format!("{host}:1").parse().unwrap(), &settings, now).await
}

fn dnssec(report: &Report) -> &Dnssec {
    report.dns.dnssec.as_ref().unwrap_or_else(|| panic!("nothing is said: {:?}", report.dns))
}

#[tokio::test]
async fn each_fault_of_a_signed_zone_is_told_with_its_reason() {
    let Some(signed) = Signed::new() else { return };
    let mut parent = String::from("ns.test. 60 A 127.0.0.1\nplain.test. 60 NS ns.plain.test.\n");
    let mut zones: Vec<(&str, String)> = vec![("plain.test", with_top("plain.test", &records("plain.test")))];
    for (zone, from, to) in [
        ("good.test", -1, 30),
        ("old.test", -60, -30),
        ("early.test", 10, 40),
        ("swapped.test", -1, 30),
        ("bare.test", -1, 30),
    ] {
        let key = signed.key(zone);
        let named = if zone == "swapped.test" { signed.key(zone) } else { key.clone() };
        parent += &format!("{zone}. 60 NS ns.{zone}.\n{}", signed.ds(&named));
        let content = match zone {
            "bare.test" => with_top(zone, &records(zone)),
            _ => signed.sign(zone, &key, &records(zone), from, to),
        };
        zones.push((zone, content));
    }
    let key = signed.key("test");
    zones.push(("test", signed.sign("test", &key, &parent, -1, 30)));
    let Some(nsd) = Daemon::nsd_at(None, &zones).await else { return };
    let children: Vec<&str> = zones.iter().map(|(zone, _)| *zone).filter(|zone| *zone != "test").collect();
    let anchor =
        format!("trust-anchor: \"{}\"\n ede: yes\n module-config: \"validator iterator\"", signed.ds(&key).trim());
    let Some(validating) = Daemon::unbound_with(nsd.address, &anchor, &children).await else { return };
    let Some(trusting) = Daemon::unbound_with(nsd.address, NO_VALIDATION, &children).await else { return };
    let port = nsd.address.port();

    let report = look(validating.address, "www.good.test", port).await;
    assert_eq!((report.dns.status, dnssec(&report).status), (DnsStatus::Noerror, DnssecStatus::Secure), "{report:#?}");
    assert_eq!(dnssec(&report).by, DnssecSource::Resolver);
    let report = look(validating.address, "www.plain.test", port).await;
    assert_eq!((report.dns.status, dnssec(&report).status), (DnsStatus::Noerror, DnssecStatus::Insecure));
    // The local world ends below the public root: nobody can vouch for more than the way up to `test`.
    let report = look(trusting.address, "www.good.test", port).await;
    assert_ne!(dnssec(&report).status, DnssecStatus::Bogus, "{:?}", report.dns.dnssec);

    for (host, fault, word) in [
        ("www.old.test", DnssecFault::SignatureExpired, "expired at"),
        ("www.early.test", DnssecFault::SignatureNotYetValid, "valid from"),
        ("www.swapped.test", DnssecFault::DsMismatch, "the DS records of the zone above name key"),
        ("www.bare.test", DnssecFault::KeysMissing, "has no keys"),
    ] {
        for (resolver, by, status) in [
            (validating.address, DnssecSource::Resolver, DnsStatus::Servfail),
            (trusting.address, DnssecSource::OwnCheck, DnsStatus::Noerror),
        ] {
            let report = look(resolver, host, port).await;
            let found = dnssec(&report);
            assert_eq!(
                (report.dns.status, found.status, found.by),
                (status, DnssecStatus::Bogus, by),
                "{host} {found:?}"
            );
            assert_eq!(found.fault, Some(fault), "{host} {found:?}");
            assert_eq!(found.zone.as_deref(), host.strip_prefix("www."), "{found:?}");
            assert!(found.reason.as_ref().is_some_and(|reason| reason.contains(word)), "{host} {found:?}");
            assert!(report.findings.iter().any(|finding| finding.code == "dnssec-bogus"), "{:?}", report.findings);
            assert!(!report.findings.iter().any(|finding| finding.code == "dns-resolver-failed"), "{host}");
            assert!(
                report.reproduce.iter().any(|command| command.ends_with("+dnssec +cdflag")),
                "{:?}",
                report.reproduce
            );
        }
        // What the resolver itself says of it (RFC 8914).
        let report = look(validating.address, host, port).await;
        assert!(dnssec(&report).extended_error.is_some(), "{host} {:?}", report.dns.dnssec);
    }
}

/// A record set that was added to the signed zone by hand: signed keys, and no signature for it.
#[tokio::test]
async fn a_record_without_signature_is_told() {
    let Some(signed) = Signed::new() else { return };
    let key = signed.key("shop.test");
    let mut shop = signed.sign("shop.test", &key, &records("shop.test"), -1, 30);
    // Its signature is taken out; the record stays.
    shop = shop
        .lines()
        .filter(|line| !(line.starts_with("www.") && line.contains("RRSIG\tA ")))
        .map(|line| format!("{line}\n"))
        .collect();
    let top = signed.key("test");
    let parent = format!("ns.test. 60 A 127.0.0.1\nshop.test. 60 NS ns.shop.test.\n{}", signed.ds(&key));
    let zones = [("shop.test", shop), ("test", signed.sign("test", &top, &parent, -1, 30))];
    let Some(nsd) = Daemon::nsd_at(None, &zones).await else { return };
    let unbound = Daemon::unbound_with(nsd.address, NO_VALIDATION, &["shop.test"]).await;
    let Some(trusting) = unbound else { return };
    let report = look(trusting.address, "www.shop.test", nsd.address.port()).await;
    assert_eq!(dnssec(&report).fault, Some(DnssecFault::SignatureMissing), "{:?}", report.dns.dnssec);
}

/// A server that fails for another reason is not called bogus.
#[tokio::test]
async fn a_failure_that_is_none_of_dnssec_stays_what_it_is() {
    let server = crate::support::dns_server::Scripted::saying(hickory_proto::op::ResponseCode::ServFail, &[]).await;
    let report = look(server.address, "www.shop.test", 53).await;
    assert_eq!(report.dns.dnssec, None);
    assert!(report.findings.iter().any(|finding| finding.code == "dns-resolver-failed"));
}
