//! Every broken domain of the lab: mended end to end where a bundle can mend it, judged by programs nobody here wrote; else
//! refused with the true reason, and nothing changed.

use std::sync::Arc;

use tlsmend::lab::cas::{Binding, Seed};
use tlsmend::lab::{BuildError, Family, Lab, Running, Scenario, World};
use tlsmend::model::fix::{FixReport, Outcome, ReasonCode};
use tlsmend::model::report::Report;
use tlsmend::model::verdict::Verdict;
use tlsmend::remedy::plan;
use tlsmend::x509::pem;

use crate::bundle::REFUSED;
use crate::support::cloud::Cloud;
use crate::support::real_clients::accepted_by_real_clients;
use crate::support::sample_report::golden;
use crate::support::site::{Nginx, Ran, now};

/// Scenarios in which something is to be mended or tidied, and is.
const MENDED: &[&str] = &[
    "works-in-chrome-fails-in-curl",
    "missing-intermediate",
    "missing-at-two-addresses",
    "two-intermediates-missing",
    "issuer-as-pkcs7",
    "misordered",
    "duplicate",
    "stranger",
    "root-served",
    "expired-cross-certificate",
    "addresses-differ",
    "chain-too-large",
];

async fn everything() -> Arc<Lab> {
    Arc::new(Lab::start(now(), None).await.unwrap())
}

fn with_timeout(mut arguments: Vec<String>, running: &Running) -> Vec<String> {
    if let Some(timeout) = running.timeout {
        arguments.extend(["--timeout".to_owned(), format!("{}ms", timeout.as_millis())]);
    }
    arguments
}

async fn mended(cloud: &Cloud, ran: &Ran) -> FixReport {
    let (id, document) = (cloud.id, ran.document());
    assert_eq!((ran.code, document.outcome), (Some(0), Outcome::Mended), "{id}: {:?} {}", document.reason, ran.stderr);
    for chain in cloud.served().await {
        assert_eq!(chain, document.plan.bundle, "{id}");
    }
    let running = cloud.lab.scenario(cloud.id).unwrap();
    for address in &running.addresses {
        accepted_by_real_clients(id, *address, &running.host, &cloud.path("roots.pem")).await;
    }
    document
}

#[tokio::test]
async fn every_scenario_through_the_service() {
    let lab = everything().await;
    let mut seen = 0;
    for running in lab.scenarios() {
        let id = running.scenario.id;
        let cloud = Cloud::beside(lab.clone(), id, Binding::Both, Seed::default()).await;
        let arguments = with_timeout(cloud.arguments(&["--yes"]), running);
        let ran = cloud.run(&arguments).await;
        if MENDED.contains(&id) {
            let document = mended(&cloud, &ran).await;
            assert_eq!(cloud.done("UploadUserCertificate"), 1, "{id}");
            assert_eq!(cloud.emulator.credits().used, document.plan.resources.len() as i64, "{id}");
            seen += 1;
            continue;
        }
        let document = ran.document();
        assert_eq!(document.outcome, Outcome::NothingChanged, "{id}");
        let reason = document.reason.unwrap();
        match REFUSED.iter().find(|(refused, ..)| *refused == id) {
            Some((_, exit, said, instead)) => {
                assert_eq!(ran.code, Some(*exit), "{id}: {reason:?}");
                assert!(reason.text.contains(said) && reason.text.contains(instead), "{id}: {reason:?}");
            }
            None => assert_eq!((ran.code, reason.code), (Some(0), ReasonCode::NothingToMend), "{id}: {reason:?}"),
        }
        assert!(cloud.emulator.calls().is_empty(), "{id}: the service is not even asked");
        assert_eq!(cloud.served().await, cloud.old, "{id}");
    }
    assert_eq!(seen, MENDED.len());
}

/// One certificate a call: the id is that of the certificate which is to be mended (the last one that the lab binds).
#[tokio::test]
async fn every_scenario_through_the_guides_dialect() {
    let lab = everything().await;
    for id in MENDED.iter().copied() {
        let seed = Seed { guide_dialect: true, ..Seed::default() };
        let cloud = Cloud::beside(lab.clone(), id, Binding::Slb, seed).await;
        let ran = cloud.run(&cloud.guide_arguments(&["--yes"])).await;
        mended(&cloud, &ran).await;
    }
}

/// The same chains, served by nginx from a file.
#[tokio::test]
async fn every_scenario_through_a_file() {
    let lab = everything().await;
    for id in MENDED.iter().copied() {
        let running = lab.scenario(id).unwrap();
        // Only to learn chain and key.
        let cloud = Cloud::beside(lab.clone(), id, Binding::Slb, Seed::default()).await;
        let chains: Vec<Vec<Vec<u8>>> = cloud.emulator.certificates().into_iter().map(|stored| stored.chain).collect();
        let broken: String = chains.last().unwrap().iter().map(|der| pem::encode(der)).collect();
        std::fs::write(cloud.path("fullchain.pem"), broken).unwrap();
        std::fs::write(cloud.path("key.pem"), cloud.key().await).unwrap();
        let Some(nginx) = Nginx::start(cloud.folder.path(), &running.host) else { return };
        let arguments = nginx.fix_arguments(&cloud.path("roots.pem"), &lab.resolver().to_string());
        let ran = cloud.run(&arguments).await;
        let document = ran.document();
        assert_eq!(
            (ran.code, document.outcome),
            (Some(0), Outcome::Mended),
            "{id}: {:?} {}",
            document.reason,
            ran.stderr
        );
        accepted_by_real_clients(id, nginx.address, &running.host, &cloud.path("roots.pem")).await;
    }
}

/// root → (intermediate, not served) → end entity, at two addresses; nobody listens at a third.
fn a_dead_address(world: &mut World) -> Result<(), BuildError> {
    let root = world.root()?;
    let intermediate = world.intermediate(&root).issue()?;
    let site = world.site(&intermediate).issue()?;
    world.serve_at(1, &site, &[&site])?;
    world.serve_at(2, &site, &[&site])?;
    world.close(3);
    Ok(())
}

#[tokio::test]
async fn an_address_that_was_dead_before_is_not_waited_for() {
    let build = a_dead_address;
    let scenario = Scenario { id: "dead", family: Family::Chain, summary: "", expected: &[], exit: 1, build };
    let lab = Arc::new(Lab::start_with(now(), &[scenario]).await.unwrap());
    if lab.scenario("dead").is_none() {
        return crate::support::skip("only one loopback address");
    }
    let cloud = Cloud::beside(lab, "dead", Binding::Both, Seed::default()).await;
    let ran = cloud.fix(&[]).await;
    let document = ran.document();
    assert_eq!((ran.code, document.outcome), (Some(0), Outcome::Mended), "{:?}", document.reason);
    let served = cloud.served().await;
    assert_eq!(served[..2], vec![document.plan.bundle.clone(); 2]);
    assert!(served[2].is_empty() && document.plan.endpoints.len() == 2);
}

/// A fault of ours must not reach a server: a plan that would lose a client, or bring another end entity, is refused.
#[test]
fn a_plan_that_does_not_hold_is_refused() {
    let before = golden("missing-intermediate");
    let (change, plan) = plan::repair(&before).unwrap();
    assert_eq!((change.bundle.len(), plan.adds.len(), change.answered.len()), (2, 1, before.endpoints.len()));
    let refused = |change: &dyn Fn(&mut Report)| {
        let mut report = before.clone();
        change(&mut report);
        plan::repair(&report).unwrap_err().code
    };
    let lost = |report: &mut Report| {
        report.repair.proof[0].before = Verdict::Accept;
        report.repair.proof[0].after = Verdict::Reject;
    };
    assert_eq!(refused(&lost), ReasonCode::NoBundleHelps);
    let other = |report: &mut Report| {
        let end = "-----END CERTIFICATE-----\n";
        let second = report.repair.bundle_pem.as_deref().unwrap().split_once(end).unwrap().1.to_owned();
        report.repair.bundle_pem = Some(second);
    };
    assert_eq!(refused(&other), ReasonCode::EndEntityDiffers);
    let two = |report: &mut Report| {
        let mut deployment = report.deployments[0].clone();
        deployment.served_chain[0] = "0".repeat(64);
        report.deployments.push(deployment);
    };
    assert_eq!(refused(&two), ReasonCode::EndEntityDiffers);
    let done = |report: &mut Report| report.deployments[0].served_chain = plan.bundle.clone();
    assert_eq!(refused(&done), ReasonCode::NothingToMend);
}
