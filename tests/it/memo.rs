//! A memo saves time and changes nothing: every client's answer for any name on any chain is what a fresh judgement gives.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tlsmend::judge::anchors::TrustAnchors;
use tlsmend::judge::memo::Memo;
use tlsmend::judge::{Judgement, Settings, clients, judge, judge_with};
use tlsmend::lab::Lab;
use tlsmend::model::aia::AiaEvidence;
use tlsmend::model::evidence::Evidence;
use tlsmend::model::handshake::{EndpointEvidence, EndpointStatus};
use tlsmend::model::report::Report;
use tlsmend::model::resolution::Resolution;
use tlsmend::model::target::ReferenceId;
use tlsmend::model::time::Time;
use tlsmend::x509::{Certificate, certificates_in};

use crate::support::random_pki::{HOST, Random, RandomPki};

/// What the probe saw, read back from its report; certificates that do not parse are not in it.
fn evidence(report: &Report, reference: ReferenceId) -> Evidence {
    let certificate = |hash: &String| {
        let pem = report.certificates.get(hash)?.pem.as_ref()?;
        certificates_in(pem.as_bytes()).ok()?.pop()
    };
    let endpoints = report.endpoints.iter().map(|endpoint| {
        let deployment = endpoint.deployment.map(|index| &report.deployments[index]);
        EndpointEvidence {
            failure: endpoint.failure.clone(),
            tls: endpoint.tls.clone(),
            served_chain: deployment.iter().flat_map(|served| &served.served_chain).filter_map(certificate).collect(),
            ..EndpointEvidence::new(endpoint.address.parse().unwrap(), endpoint.status)
        }
    });
    let aia = report.aia.iter().map(|fetch| AiaEvidence {
        fetch: fetch.clone(),
        certificates: fetch.certificates.iter().filter_map(certificate).collect(),
    });
    Evidence {
        reference,
        resolution: Resolution::not_asked([]),
        endpoints: endpoints.collect(),
        aia: aia.collect(),
        files: None,
        revocation: None,
    }
}

fn assert_same(memoised: &Judgement, fresh: &Judgement, settings: &Settings, what: &str) {
    assert_eq!(memoised.wanted_issuers, fresh.wanted_issuers, "{what}");
    assert_eq!(memoised.deployments.len(), fresh.deployments.len(), "{what}");
    assert!(memoised.pool.ids().eq(fresh.pool.ids()), "{what}");
    assert!(fresh.pool.ids().all(|id| memoised.pool.get(id) == fresh.pool.get(id)), "{what}");
    for (one, other) in memoised.deployments.iter().zip(&fresh.deployments) {
        assert_eq!((&one.endpoints, &one.served_list), (&other.endpoints, &other.served_list), "{what}");
        assert_eq!(one.as_served.paths, other.as_served.paths, "{what}");
        assert_eq!(one.with_fetched.paths, other.with_fetched.paths, "{what}");
        for (client, (one, other)) in settings.clients.iter().zip(one.answers.iter().zip(&other.answers)) {
            assert_eq!(one, other, "{what}: {}", client.id);
        }
    }
}

/// Names near `own` and far from it, of every kind that some client treats in its own way.
fn names(own: &str) -> Vec<ReferenceId> {
    let parent = own.split_once('.').map_or(own, |(_, parent)| parent);
    let names = [
        own,
        &format!("www.{own}"),
        &format!("a.b.{own}"),
        &format!("other.{parent}"),
        &format!("xn--bcher-kva.{parent}"),
        &format!("under_score.{parent}"),
        parent,
        "www.example.org",
        "a-name-that-is-a-good-deal-longer-than-any-other.of-this-list.sub.example.org",
        "localhost",
        "intranet",
        "192.0.2.1",
        "127.0.0.1",
        "10.0.0.1",
        "2001:db8::1",
        "name.stand-in.invalid",
    ];
    // Before an address no label can stand.
    names.iter().filter_map(|name| name.parse().ok()).collect()
}

/// Every name twice, in an order that mixes first meetings with later ones.
fn compare(memo: &Memo, evidence: &mut Evidence, settings: &Settings, own: &str, what: &str) {
    let names = names(own);
    let mut pool = None;
    for name in names.iter().chain(names.iter().rev()) {
        evidence.reference = name.clone();
        let memoised = judge_with(memo, evidence, settings);
        assert_same(&memoised, &judge(evidence, settings), settings, &format!("{what}, {name}"));
        let first = pool.get_or_insert_with(|| Arc::clone(&memoised.pool));
        assert!(Arc::ptr_eq(first, &memoised.pool), "{what}, {name}: it was thought of anew");
    }
}

fn settings(at: Time, anchors: TrustAnchors) -> Settings {
    let clients = clients::ALL.iter().chain(clients::JUDGE_ONLY).copied().collect();
    Settings { clients, anchors, at, warn_days: None, expect_cname: None }
}

#[tokio::test]
async fn every_name_on_every_chain_of_the_lab_is_judged_as_if_anew() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().cast_signed();
    let at = Time::from_unix(now / 60 * 60);
    let lab = Lab::start(at, None).await.unwrap();
    let roots = certificates_in(lab.roots_pem().as_bytes()).unwrap();
    let roots = roots.iter().map(|der| Arc::new(Certificate::parse(der).unwrap())).collect();
    let settings = settings(at, TrustAnchors::exactly(roots));
    let memo = Memo::default();
    let mut chains = 0;
    for running in lab.scenarios() {
        // It takes its whole time-out, and shows no chain.
        if matches!(running.scenario.id, "silent" | "filtered") {
            continue;
        }
        let target = running.target().unwrap();
        let lab_settings = lab.settings(running).unwrap();
        let report = tlsmend::probe::probe(&target, &lab_settings, || Time::from_unix(0)).await;
        let mut evidence = evidence(&report, target.host.clone());
        if evidence.endpoints.is_empty() {
            continue;
        }
        chains += 1;
        compare(&memo, &mut evidence, &settings, &target.host.to_string(), running.scenario.id);
    }
    assert!(chains > 40, "{chains}");
}

#[test]
fn random_chains_are_judged_as_if_anew_by_one_memo() {
    let at: Time = "2026-11-22T08:00:00Z".parse().unwrap();
    let mut random = Random(0x0bad_cafe_dead_beef);
    let memo = Memo::default();
    for number in 0..30 {
        let pki = RandomPki::new(&mut random, at);
        let local = vec![Arc::new(Certificate::parse(&pki.root).unwrap())];
        let anchors = TrustAnchors::exactly(Vec::new()).with_local(local);
        let endpoint = EndpointEvidence {
            served_chain: pki.served.clone(),
            ..EndpointEvidence::new("192.0.2.1:443".parse().unwrap(), EndpointStatus::Completed)
        };
        let mut evidence = Evidence {
            reference: HOST.parse().unwrap(),
            resolution: Resolution::not_asked([]),
            endpoints: vec![endpoint],
            aia: Vec::new(),
            files: None,
            revocation: None,
        };
        compare(&memo, &mut evidence, &settings(at, anchors.clone()), HOST, &format!("chain {number}"));
        // Another moment, other anchors: nothing of the first may show.
        let others = [
            settings(at.plus(400 * 86_400), anchors),
            settings(at, TrustAnchors::exactly(Vec::new())),
            settings(at, TrustAnchors::own_stores()),
        ];
        for other in others {
            assert_same(&judge_with(&memo, &evidence, &other), &judge(&evidence, &other), &other, "other settings");
        }
    }
}
