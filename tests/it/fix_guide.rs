//! The whole flow of the guides: a certificate is created and deployed, found wanting, updated, deployed again.

use std::sync::Arc;

use tlsmend::lab::cas::{Binding, Fault, Injection, Seed};
use tlsmend::lab::scenario::TWO_ADDRESSES;
use tlsmend::lab::{BuildError, Family, Lab, Scenario, World};
use tlsmend::model::fix::{Outcome, ReasonCode};
use tlsmend::remedy::cas::GuideStatus;

use crate::support::cloud::Cloud;
use crate::support::site::now;

async fn cloud(seed: Seed) -> Cloud {
    Cloud::with(TWO_ADDRESSES, Binding::Slb, Seed { guide_dialect: true, ..seed }).await
}

#[tokio::test]
async fn from_create_to_deployed() {
    let mut cloud = cloud(Seed::default()).await;
    let guide = cloud.guide_client();
    let host = cloud.lab.scenario(TWO_ADDRESSES).unwrap().host.clone();
    let created = guide.create(&host).await.unwrap();
    assert_eq!(created.status, GuideStatus::Issued);
    let (product, instance) = cloud.target();
    guide.deploy(&created.cert_id, &product, &instance).await.unwrap();
    while guide.status(&created.cert_id).await.unwrap().status != GuideStatus::Deployed {}
    let diagnosis = guide.diagnose(&created.cert_id, "chrome").await.unwrap();
    assert_eq!((diagnosis.result.as_str(), diagnosis.problems[0].code.as_str()), ("fail", "missing_intermediate"));
    let before = cloud.served().await;
    assert_ne!(before, cloud.old, "the created certificate is served");
    cloud.old = before;

    let id = created.cert_id.to_string();
    let mut arguments = cloud.guide_arguments(&["--yes"]);
    let index = arguments.iter().position(|argument| argument == "--cert-id").unwrap();
    arguments[index + 1] = id;
    let ran = cloud.run(&arguments).await;
    let document = ran.document();
    assert_eq!((ran.code, document.outcome), (Some(0), Outcome::Mended), "{:?} {}", document.reason, ran.stderr);
    let actions: Vec<&str> = document.steps.iter().map(|step| step.action.as_str()).collect();
    let flow =
        ["update-certificate", "deploy-certificate", "wait-for-deployed", "diagnose-certificate", "verify", "request"];
    assert_eq!(actions, flow);
    assert!(document.steps[3].description.ends_with("pass"), "{:?}", document.steps[3]);
    assert_eq!(guide.status(&created.cert_id).await.unwrap().status, GuideStatus::Deployed);
    assert_eq!(cloud.served().await, vec![document.plan.bundle.clone(); 2]);

    let back = cloud.run(&["--rollback", &document.run_id.unwrap()]).await;
    assert_eq!((back.code, back.document().outcome), (Some(0), Outcome::RolledBack), "{}", back.stdout);
    assert_eq!(cloud.served().await, cloud.old);
}

#[tokio::test]
async fn what_fails_is_put_back() {
    let all = u32::MAX;
    for (action, call, times, fault, code) in [
        ("UpdateCertificate", 1, 1, Fault::DropAfterEffect, 0),
        ("UpdateCertificate", 1, 1, Fault::DropBeforeEffect, 0),
        ("DeployCertificate", 1, 1, Fault::DropAfterEffect, 0),
        ("DeployCertificate", 1, 1, Fault::InternalError, 0),
        ("DescribeCertificateStatus", 3, 2, Fault::ServiceUnavailable, 0),
        ("DiagnoseCertificate", 2, all, Fault::InternalError, 0),
        ("UpdateCertificate", 1, all, Fault::Forbidden, 1),
        ("UpdateCertificate", 1, all, Fault::InternalError, 3),
        ("DescribeCertificateStatus", 1, all, Fault::ServiceUnavailable, 3),
        ("DeployCertificate", 1, 1, Fault::Forbidden, 5),
    ] {
        let what = format!("{action} {fault:?}");
        let cloud =
            cloud(Seed { injections: vec![Injection::new(action, call, fault).times(times)], ..Seed::default() }).await;
        let ran = cloud.run(&cloud.guide_arguments(&["--yes"])).await;
        let document = ran.document();
        assert_eq!(ran.code, Some(code), "{what}: {:?}", document.reason);
        let expected = if code == 0 { vec![document.plan.bundle.clone(); 2] } else { cloud.old.clone() };
        assert_eq!(cloud.served().await, expected, "{what}");
    }
}

/// Of one dialect, with the options of the other; and to hosts where it can only fail.
#[tokio::test]
async fn the_dialects_are_kept_apart() {
    let cloud = cloud(Seed::default()).await;
    for (change, said) in [
        (("--cert-id", "12345678"), "real service"),
        (("--endpoint", "https://cas.aliyuncs.com"), "--force-guide"),
        (("--to", "cas"), "guides' dialect"),
    ] {
        let mut arguments = cloud.guide_arguments(&["--dry-run"]);
        let index = arguments.iter().position(|argument| argument == change.0).unwrap();
        arguments[index + 1] = change.1.to_owned();
        let ran = cloud.run(&arguments).await;
        assert_eq!(ran.code, Some(2), "{change:?}: {}", ran.stdout);
        assert!(ran.stderr.contains(said), "{change:?}: {}", ran.stderr);
    }
    assert!(cloud.emulator.calls().is_empty());
    let ran = cloud.run(&cloud.guide_arguments(&[])).await;
    assert_eq!((ran.code, ran.document().reason.unwrap().code), (Some(1), ReasonCode::NoConsent));
}

/// Two listeners of one instance, each with a certificate of its own: only the one that is named changes, and comes back.
#[tokio::test]
async fn a_rollback_puts_back_the_chain_of_the_named_certificate() {
    let seed = Seed { guide_dialect: true, ..Seed::default() };
    let cloud = Cloud::with("addresses-differ", Binding::Slb, seed).await;
    let [whole, broken] = &cloud.old[..] else { panic!("{:?}", cloud.old) };
    assert!(whole.len() == 2 && broken.len() == 1);
    let ran = cloud.run(&cloud.guide_arguments(&["--yes"])).await;
    let document = ran.document();
    assert_eq!((ran.code, document.outcome), (Some(0), Outcome::Mended), "{:?}", document.reason);
    assert_eq!(document.plan.adds, whole[1..], "what the broken chain lacks");
    let back = cloud.run(&["--rollback", &document.run_id.unwrap()]).await;
    assert_eq!((back.code, back.document().outcome), (Some(0), Outcome::RolledBack), "{}", back.stdout);
    assert_eq!(cloud.served().await, cloud.old);
}

/// root → intermediate → end entity: alone at one address, with the root instead of the intermediate at the other.
fn two_broken_chains(world: &mut World) -> Result<(), BuildError> {
    let root = world.root()?;
    let intermediate = world.intermediate(&root).issue()?;
    let site = world.site(&intermediate).issue()?;
    world.serve_at(1, &site, &[&site])?;
    world.serve_at(2, &site, &[&site, &root])
}

#[tokio::test]
async fn of_two_old_chains_only_one_could_be_put_back() {
    let build = two_broken_chains;
    let scenario = Scenario { id: "two", family: Family::Chain, summary: "", expected: &[], exit: 1, build };
    let lab = Arc::new(Lab::start_with(now(), &[scenario]).await.unwrap());
    if lab.scenario("two").is_none() {
        return crate::support::skip("only one loopback address");
    }
    let seed = Seed { guide_dialect: true, ..Seed::default() };
    let cloud = Cloud::beside(lab, "two", Binding::Slb, seed).await;
    let ran = cloud.run(&cloud.guide_arguments(&["--yes"])).await;
    let document = ran.document();
    let reason = document.reason.unwrap();
    assert_eq!((ran.code, reason.code), (Some(1), ReasonCode::Refused), "{}", reason.text);
    assert!(reason.text.contains("several chains") && reason.text.contains("--address"), "{}", reason.text);
    assert_eq!((cloud.served().await, cloud.done("UpdateCertificate")), (cloud.old.clone(), 0));
}
