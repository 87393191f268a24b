//! `tlsmend preflight`: the answer before any cost, on files and with the emulated service.

use serde_json::Value;
use tlsmend::lab::cas::{Emulator, Fault, Injection, Origin, Seed, SeedCertificate, SeedResource};

use crate::cas_steps::{RESOURCE, Ran, emulator, run, tlsmend};
use crate::support::dns_server::Zones;
use crate::support::site::{HOST, Site};

/// Code and outcome of every check.
fn checks(ran: &Ran) -> Vec<(String, String)> {
    let document = ran.json();
    let text = |check: &Value, name: &str| check[name].as_str().unwrap().to_owned();
    let all = document["preflight"]["checks"].as_array().unwrap();
    all.iter().map(|check| (text(check, "code"), text(check, "outcome"))).collect()
}

fn failed(ran: &Ran) -> Vec<String> {
    checks(ran).into_iter().filter(|(_, outcome)| outcome == "fail").map(|(code, _)| code).collect()
}

fn certificate(id: i64, pem: String, origin: Origin) -> SeedCertificate {
    SeedCertificate { id, guide_id: None, name: format!("certificate-{id}"), cert: pem, key: None, origin }
}

#[tokio::test]
async fn files_are_answered_offline() {
    let site = Site::new().await;
    site.write("whole.pem", &site.whole());
    site.write(
        "wildcard.pem",
        &(site.intermediate.end_entity("*.your-company.com").issue().unwrap().pem() + &site.intermediate.pem()),
    );
    let path = |name: &str| site.path(name).to_str().unwrap().to_owned();
    let (whole, wildcard, key) = (path("whole.pem"), path("wildcard.pem"), path("key.pem"));
    let ask = async |arguments: &[&str]| tlsmend(site.folder.path(), &[], &[&["preflight"], arguments].concat()).await;
    let ready = ask(&[&whole, "--key", &key, "--domain", HOST, "--output", "json"]).await;
    assert_eq!((ready.code, failed(&ready)), (Some(0), vec![]), "{}", ready.stdout);
    assert_eq!(ready.json()["preflight"]["matching_certificates"], 1);
    let not_checked: Vec<String> = ready.json()["preflight"]["not_checked"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["code"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(not_checked, ["dns", "resource"]);

    // The two domains of the guide.
    assert_eq!(ask(&[&wildcard, "--domain", "api.your-company.com", "--offline"]).await.code, Some(0));
    for (domain, said) in [
        ("your-company.com", "not for your-company.com itself"),
        ("test.api.your-company.com", "covers one label"),
        ("api.your-conpany.com", "it is for *.your-company.com"),
    ] {
        let ran = ask(&[&wildcard, "--domain", domain]).await;
        assert_eq!(ran.code, Some(1), "{domain}");
        assert!(ran.stdout.starts_with("NO MATCH") && ran.stdout.contains(said), "{domain}: {}", ran.stdout);
    }
    // One of several is enough.
    assert_eq!(ask(&[&wildcard, &whole, "--domain", HOST]).await.code, Some(0));

    let wrong = ask(&[&wildcard, "--key", &key, "--domain", "api.your-company.com", "--output", "json"]).await;
    assert_eq!((wrong.code, failed(&wrong)), (Some(1), vec!["key".to_owned()]));
    let late = ask(&[&whole, "--domain", HOST, "--at", "2100-01-01T00:00:00Z", "--output", "json"]).await;
    assert_eq!((late.code, failed(&late)), (Some(1), vec!["validity".to_owned()]));
    let alone = ask(&[&path("fullchain.pem"), "--domain", HOST, "--output", "json"]).await;
    assert!(alone.code == Some(0) && checks(&alone).contains(&("chain".into(), "warn".into())), "{}", alone.stdout);

    for arguments in
        [&["--domain", HOST][..], &[&whole], &["--cert-id", "1", "--domain", HOST], &[&whole, "--domain", "a..b"]]
    {
        let ran = ask(arguments).await;
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{arguments:?}");
    }
}

async fn world(site: &Site) -> Emulator {
    let seed = Seed {
        certificates: vec![
            certificate(12_300_001, site.whole(), Origin::Upload),
            certificate(12_300_002, site.whole(), Origin::Free),
            certificate(
                12_300_003,
                site.intermediate.end_entity("*.example.net").issue().unwrap().pem(),
                Origin::Upload,
            ),
        ],
        resources: vec![
            SeedResource { enable_https: false, ..SeedResource::new(7, "CDN", "plain.example.net", "cdn-1") },
            // Bound to a certificate with another name.
            SeedResource { cert_id: 12_300_001, ..SeedResource::new(8, "SLB", "a.example.net", "lb-1") },
        ],
        ..Seed::default()
    };
    emulator(seed).await
}

#[tokio::test]
async fn the_service_is_asked_and_nothing_is_changed() {
    let site = Site::new().await;
    let emulator = world(&site).await;
    let ask = async |arguments: &[&str]| {
        run(&site, &emulator, &[&["preflight", "--output", "json"], arguments].concat()).await
    };
    let ready = ask(&["--cert-id", "12300002", "--domain", HOST]).await;
    let answer = ready.json();
    assert_eq!(ready.code, Some(1), "its key never was with the service: {}", ready.stdout);
    assert_eq!((failed(&ready), &answer["preflight"]["credits"]), (vec!["key".to_owned()], &Value::from(0)));
    let uploaded = ask(&["--cert-id", "12300001", "--resource", &RESOURCE.to_string()]).await;
    assert_eq!(uploaded.json()["preflight"]["credits"], 1, "{}", uploaded.stdout);

    let file = site.path("whole.pem");
    site.write("whole.pem", &site.whole());
    let file = file.to_str().unwrap();
    let ready = ask(&[file, "--domain", HOST]).await;
    assert_eq!(
        (ready.code, failed(&ready), &ready.json()["preflight"]["credits"]),
        (Some(0), vec![], &Value::from(1)),
        "{}",
        ready.stdout
    );

    for (arguments, expected) in [
        (&["--cert-id", "12300003", "--domain", "plain.example.net"][..], &["key", "https"][..]),
        (&["--cert-id", "12300003", "--domain", "b.example.net"], &["key", "resource"]),
        (&["--cert-id", "12300003", "--resource", "99"], &["key", "resource"]),
        (&["--cert-id", "12300003", "--resource", "8"], &["key", "covers-bound"]),
        (&["--cert-id", "12300003", "--domain", HOST], &["names", "key"]),
    ] {
        let ran = ask(arguments).await;
        assert_eq!(
            (ran.code, failed(&ran)),
            (Some(1), expected.iter().map(|code| (*code).to_owned()).collect()),
            "{arguments:?} {}",
            ran.stdout
        );
    }
    let reads = ["Describe", "Get", "List"];
    assert!(emulator.actions().iter().all(|action| reads.iter().any(|read| action.starts_with(read))));

    // A service that is down: the file's own answer stands, the rest is not known.
    emulator.inject(Injection::new("*", 1, Fault::ServiceUnavailable).times(1_000));
    assert_eq!(ask(&[file, "--domain", HOST]).await.code, Some(4));
    assert_eq!(ask(&["--cert-id", "12300001", "--domain", HOST]).await.code, Some(3));
}

#[tokio::test]
async fn the_dns_must_lead_to_the_gateway() {
    const GATEWAY: &str = "gw-1.cn-hangzhou.pai-eas.example.net";
    let site = Site::new().await;
    let emulator = world(&site).await;
    site.write("whole.pem", &site.whole());
    let file = site.path("whole.pem");
    let file = file.to_str().unwrap();
    let gateway_zone = format!("{GATEWAY} 60 A 192.0.2.1");
    for (line, outcome) in [
        (format!("{HOST} 60 CNAME {GATEWAY}"), "pass"),
        (format!("{HOST} 60 CNAME old.example.net"), "fail"),
        (format!("{HOST} 60 A 192.0.2.1"), "warn"),
        (format!("{HOST} 60 A 192.0.2.2"), "fail"),
        (format!("other.{HOST} 60 A 192.0.2.2"), "fail"),
    ] {
        let zones = Zones::serve(&[
            ("lab.example.com", &[&line]),
            ("example.net", &[&gateway_zone, "old.example.net 60 A 192.0.2.3"]),
        ])
        .await;
        let resolver = zones.address.to_string();
        let arguments = ["preflight", file, "--domain", HOST, "--resolver", &resolver, "--output", "json"];
        // By its name, and by the gateway's id.
        let named = tlsmend(site.folder.path(), &[], &[&arguments[..], &["--expect-cname", GATEWAY]].concat()).await;
        let found = run(&site, &emulator, &[&arguments[..], &["--eas-gateway", "gw-1"]].concat()).await;
        for ran in [named, found] {
            assert!(checks(&ran).contains(&("dns".into(), outcome.into())), "{line}: {}", ran.stdout);
            assert_eq!(ran.code, Some(i32::from(outcome == "fail")), "{line}: {}", ran.stdout);
        }
        // A probe expects the same.
        let probe = [
            "probe",
            HOST,
            "--address",
            "127.0.0.1:9",
            "--resolver",
            &resolver,
            "--eas-gateway",
            "gw-1",
            "--output",
            "json",
        ];
        assert_eq!(run(&site, &emulator, &probe).await.code, Some(3));
        let probe = [
            "probe",
            HOST,
            "--resolver",
            &resolver,
            "--eas-gateway",
            "gw-1",
            "--output",
            "json",
            "--timeout",
            "1s",
            "--no-aia",
        ];
        let seen = run(&site, &emulator, &probe).await;
        let has =
            seen.json()["findings"].as_array().unwrap().iter().any(|finding| finding["code"] == "cname-not-expected");
        assert_eq!(has, !line.contains(GATEWAY), "{line}: {}", seen.stdout);
    }
    let unknown = run(&site, &emulator, &["probe", HOST, "--eas-gateway", "gw-9"]).await;
    assert!(unknown.code == Some(2) && unknown.stderr.contains("gw-9"), "{}", unknown.stderr);
    // The product code of PAI-EAS shows where its domain is in the inventory.
    let domain = ["preflight", file, "--domain", "api.other.example", "--eas-gateway", "gw-1", "--output", "json"];
    let shown = run(&site, &emulator, &domain).await;
    assert!(shown.stdout.contains("product code of PAI-EAS here is `PAI`"), "{}", shown.stdout);
}
