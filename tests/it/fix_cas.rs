//! `fix` through the emulated certificate service: the whole loop, its refusals, what fails on the way, and the way back.

use std::sync::{Arc, OnceLock};

use tlsmend::lab::cas::{Binding, Fault, Injection, Propagation, Seed};
use tlsmend::lab::scenario::TWO_ADDRESSES;
use tlsmend::lab::{BuildError, Family, Lab, Scenario, World};
use tlsmend::model::fix::{Outcome, ReasonCode};
use tlsmend::model::verdict::Verdict;

use crate::support::cloud::{ACCESS_KEY_SECRET, Cloud};
use crate::support::site::{key_pem, now};

#[tokio::test]
async fn a_domain_is_mended_through_the_service_and_put_back() {
    let cloud = Cloud::new(TWO_ADDRESSES).await;
    let plan = cloud.run(&cloud.arguments(&["--dry-run"])).await;
    let document = plan.document();
    assert_eq!((plan.code, document.reason.unwrap().code), (Some(1), ReasonCode::DryRun), "{}", plan.stderr);
    assert_eq!(document.plan.resources.len(), 2);
    assert!(document.plan.resources.iter().all(|resource| resource.matches));
    assert_eq!(document.plan.cost.unwrap().credits, 2);
    assert_eq!(document.plan.writes.len(), 3);
    let written = ["UploadUserCertificate", "CreateDeploymentJob", "UpdateDeploymentJobStatus"];
    assert!(cloud.emulator.calls().iter().all(|call| !written.contains(&call.action.as_str())), "a plan only reads");
    assert!(cloud.runs().is_empty());

    let ran = cloud.fix(&[]).await;
    let document = ran.document();
    assert_eq!((ran.code, document.outcome), (Some(0), Outcome::Mended), "{:?} {}", document.reason, ran.stderr);
    let actions: Vec<&str> = document.steps.iter().map(|step| step.action.as_str()).collect();
    let expected = ["upload", "read-back", "create-job", "preview", "start-job", "wait-for-job", "verify", "request"];
    assert_eq!(actions, expected);
    let new = vec![document.plan.bundle.clone(); 2];
    assert_eq!(cloud.served().await, new);
    let after = document.after.unwrap();
    assert!(after.deployments.iter().flat_map(|d| &d.clients).all(|client| client.verdict == Verdict::Accept));
    assert_eq!(cloud.emulator.credits().used, 2);
    assert!(
        !document.calls.is_empty() && document.calls.iter().all(|call| call.outcome == "ok"),
        "{:?}",
        document.calls
    );
    assert!(document.notes.iter().any(|note| note.contains("job")), "{:?}", document.notes);

    let again = cloud.fix(&[]).await;
    assert_eq!((again.code, again.document().reason.unwrap().code), (Some(0), ReasonCode::NothingToMend));

    let id = document.run_id.unwrap();
    let back = cloud.run(&["--rollback", &id]).await;
    let document = back.document();
    assert_eq!((back.code, document.outcome), (Some(0), Outcome::RolledBack), "{:?} {}", document.reason, back.stderr);
    assert_eq!(cloud.served().await, cloud.old);

    // The bundle is stored already, the old job is over: a new job, no second upload.
    let third = cloud.fix(&[]).await;
    assert_eq!((third.code, third.document().outcome), (Some(0), Outcome::Mended), "{}", third.stdout);
    assert_eq!((cloud.done("UploadUserCertificate"), cloud.done("CreateDeploymentJob")), (1, 2));
    assert_eq!(cloud.served().await, new);
}

/// AIRec's table follows the id: there by the fix, back by the rollback; one that cannot be kept whole stops it beforehand.
#[tokio::test]
async fn the_table_of_airec_follows_the_new_id() {
    let cloud = Cloud::new(TWO_ADDRESSES).await;
    let table = cloud.path("certificate_info.csv");
    std::fs::write(&table, "Domain,CertificateID,Protocol,Port,Owner\nelsewhere.example.com,7,HTTPS,443,ops\n")
        .unwrap();
    let more = ["--mapping", table.to_str().unwrap()];
    let refused = cloud.fix(&more).await;
    assert_eq!(refused.code, Some(2), "a column would be lost: {}", refused.stderr);
    assert_eq!(cloud.done("UploadUserCertificate"), 0);

    std::fs::write(&table, "Domain,CertificateID,Protocol,Port\nelsewhere.example.com,7,HTTPS,443\n").unwrap();
    let ran = cloud.fix(&more).await;
    let document = ran.document();
    assert_eq!((ran.code, document.outcome), (Some(0), Outcome::Mended), "{:?} {}", document.reason, ran.stderr);
    let change = &document.plan.ids[0];
    let (host, port) = (&document.before.target.host, document.before.target.port);
    let (old, new) = (change.old.clone().unwrap(), change.new.clone().unwrap());
    let stored = cloud.emulator.certificates();
    assert!(stored.iter().any(|certificate| certificate.id.to_string() == new), "{new}");
    let row = |id: &str| format!("{host},{id},HTTPS,{port}");
    let written = std::fs::read_to_string(&table).unwrap();
    assert!(written.contains(&row(&new)) && written.contains("elsewhere.example.com,7,HTTPS,443"), "{written}");
    assert!(document.notes.iter().any(|note| note.contains("airec-cli domain update")), "{:?}", document.notes);

    let id = document.run_id.unwrap();
    let back = cloud.run(&["--rollback", &id, "--mapping", table.to_str().unwrap()]).await;
    assert_eq!(back.code, Some(0), "{}", back.stderr);
    let written = std::fs::read_to_string(&table).unwrap();
    assert!(written.contains(&row(&old)), "{written}");
}

/// What is asked for, what the plan says of it, and that nothing was written.
#[tokio::test]
async fn what_must_not_be_done_is_refused_before_anything_is_written() {
    let seed = |change: &dyn Fn(&mut Seed)| {
        let mut seed = Seed::default();
        change(&mut seed);
        seed
    };
    let inject = |action: &str, fault: Fault| {
        seed(&|seed| seed.injections = vec![Injection::new(action, 1, fault.clone()).times(99)])
    };
    for (what, seed, more, code) in [
        ("too dear", Seed::default(), &["--max-credits", "1"][..], ReasonCode::Cost),
        ("other instance", Seed::default(), &["--instance", "lb-other"], ReasonCode::Resource),
        ("other product", Seed::default(), &["--product", "CDN"], ReasonCode::Resource),
        ("unknown resource", Seed::default(), &["--resource", "1"], ReasonCode::Resource),
        ("other certificate", Seed::default(), &["--cert-id", "7"], ReasonCode::Resource),
        ("no contact", inject("ListContact", Fault::EmptyList), &[], ReasonCode::Resource),
        ("no resource", inject("ListCloudResources", Fault::EmptyList), &[], ReasonCode::Resource),
    ] {
        let cloud = Cloud::with(TWO_ADDRESSES, Binding::Both, seed).await;
        let ran = cloud.fix(more).await;
        let document = ran.document();
        assert_eq!((ran.code, document.outcome), (Some(1), Outcome::NothingChanged), "{what}: {:?}", document.reason);
        assert_eq!(document.reason.unwrap().code, code, "{what}");
        assert_eq!(
            cloud
                .emulator
                .calls()
                .iter()
                .filter(|call| call.action.starts_with("U") || call.action.starts_with("Create"))
                .count(),
            0
        );
        assert_eq!(cloud.served().await, cloud.old);
    }
    // Without a key there is nothing to upload.
    let cloud = Cloud::new(TWO_ADDRESSES).await;
    let mut arguments = cloud.bare_arguments();
    arguments.push("--yes".to_owned());
    let ran = cloud.run(&arguments).await;
    assert_eq!((ran.code, ran.document().reason.unwrap().code), (Some(1), ReasonCode::Key));
}

/// Every fault that the service can be made to have, and the exit code that it ends in. `Some(1)`/`Some(3)`: nothing that
/// is served was touched; 0: it was mended all the same; 5: everything is served as before.
#[tokio::test]
async fn every_fault_ends_in_its_exit_code() {
    let all = u32::MAX;
    let table: Vec<(&str, u32, u32, Fault, i32)> = vec![
        // what passes is waited out
        ("*", 3, 1, Fault::Throttled { retry_after_ms: Some(10) }, 0),
        ("UploadUserCertificate", 1, 1, Fault::Throttled { retry_after_ms: None }, 0),
        ("ListCloudResources", 1, 1, Fault::InternalError, 0),
        ("DescribeDeploymentJob", 2, 1, Fault::ServiceUnavailable, 0),
        ("DescribeDeploymentJobStatus", 1, 1, Fault::HtmlBadGateway, 0),
        ("ListContact", 1, 1, Fault::XmlError, 0),
        ("ListWorkerResource", 1, 1, Fault::LowerCaseErrorKeys, 0),
        ("DescribeDeploymentJob", 1, 1, Fault::TruncatedJson, 0),
        ("*", 4, 1, Fault::Slow { ms: 30, after_effect: false }, 0),
        ("ListCertificates", 1, 1, Fault::DropBeforeEffect, 0),
        // an answer that is lost is looked up
        ("UploadUserCertificate", 1, 1, Fault::DropAfterEffect, 0),
        ("UploadUserCertificate", 1, 1, Fault::DropBeforeEffect, 0),
        ("UploadUserCertificate", 1, 1, Fault::InternalErrorAfterEffect, 0),
        ("UploadUserCertificate", 1, 1, Fault::InternalError, 0),
        ("UploadUserCertificate", 1, 1, Fault::TruncatedJson, 0),
        ("CreateDeploymentJob", 1, 1, Fault::DropAfterEffect, 0),
        ("CreateDeploymentJob", 1, 1, Fault::DropBeforeEffect, 0),
        ("CreateDeploymentJob", 1, 1, Fault::InternalErrorAfterEffect, 0),
        ("UpdateDeploymentJobStatus", 1, 1, Fault::DropAfterEffect, 0),
        ("UpdateDeploymentJobStatus", 1, 1, Fault::HtmlBadGateway, 0),
        // what nobody has heard of does no harm
        ("*", 1, all, Fault::ExtraFields, 0),
        ("DescribeDeploymentJob", 2, 1, Fault::UnknownStatus, 0),
        ("UploadUserCertificate", 1, 1, Fault::LargeIds, 0),
        ("CreateDeploymentJob", 1, 1, Fault::LargeIds, 0),
        ("ListDeploymentJobResource", 1, all, Fault::EmptyList, 0),
        ("ListCloudResources", 2, 1, Fault::ShiftingPages { by: 1 }, 0),
        // refused: nothing that is served was touched
        ("UploadUserCertificate", 1, all, Fault::WrongSignature, 1),
        ("ListCloudResources", 1, all, Fault::ExpiredDate, 1),
        ("ListCloudResources", 1, all, Fault::ExpiredToken, 1),
        ("CreateDeploymentJob", 1, all, Fault::Forbidden, 1),
        ("UpdateDeploymentJobStatus", 1, all, Fault::NoCredits, 1),
        ("CreateDeploymentJob", 1, 1, Fault::NoMatches, 1),
        ("ListContact", 1, all, Fault::EmptyList, 1),
        // the service does not work: nothing that is served was touched
        ("ListCloudResources", 1, all, Fault::ServiceUnavailable, 3),
        ("*", 1, all, Fault::DropBeforeEffect, 3),
        ("UploadUserCertificate", 1, all, Fault::Throttled { retry_after_ms: Some(1) }, 3),
        ("UploadUserCertificate", 1, all, Fault::InternalError, 3),
        ("CreateDeploymentJob", 1, all, Fault::DropBeforeEffect, 3),
        // it was tried, and everything is served as before
        ("CreateDeploymentJob", 1, 1, Fault::WorkerFailure { count: 1 }, 5),
        ("CreateDeploymentJob", 1, 1, Fault::WorkerFailure { count: 2 }, 5),
        ("CreateDeploymentJob", 1, 1, Fault::StuckProcessing, 5),
    ];
    let mut wrong = Vec::new();
    for (action, call, times, fault, code) in table {
        let what = format!("{action} {call}×{times} {fault:?}");
        let stuck = fault == Fault::StuckProcessing;
        let seed = Seed { injections: vec![Injection::new(action, call, fault).times(times)], ..Seed::default() };
        let cloud = Cloud::with(TWO_ADDRESSES, Binding::Both, seed).await;
        let mut arguments = cloud.arguments(&["--yes"]);
        if stuck {
            let index = arguments.iter().position(|argument| argument == "20s").unwrap();
            arguments[index] = "300ms".to_owned();
        }
        let ran = cloud.run(&arguments).await;
        let (served, document) = (cloud.served().await, ran.document());
        let expected = if code == 0 { vec![document.plan.bundle.clone(); 2] } else { cloud.old.clone() };
        let once = cloud.done("UploadUserCertificate") <= 1
            && cloud.emulator.jobs().len() <= 1
            && cloud.emulator.credits().used <= 2;
        if ran.code != Some(code) || served != expected || !once || document.reason.is_none() != (code == 0) {
            wrong.push(format!("{what}: {:?} instead of {code}, once {once}: {:?}", ran.code, document.reason));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The rollback itself can fail: then a person must look, and is told where.
#[tokio::test]
async fn a_rollback_that_fails_asks_for_a_person() {
    let injections = vec![
        Injection::new("CreateDeploymentJob", 1, Fault::WorkerFailure { count: 1 }),
        Injection::new("UpdateWorkerResourceStatus", 1, Fault::RollbackError),
    ];
    let cloud = Cloud::with(TWO_ADDRESSES, Binding::Both, Seed { injections, ..Seed::default() }).await;
    let ran = cloud.fix(&[]).await;
    let document = ran.document();
    assert_eq!((ran.code, document.outcome), (Some(6), Outcome::NeedsAttention), "{:?}", document.reason);
    assert!(document.notes.iter().any(|note| note.contains("ticket")), "{:?}", document.notes);
}

#[tokio::test]
async fn an_address_that_stays_behind_rolls_everything_back_and_one_that_was_dead_does_not() {
    let cloud = Cloud::new(TWO_ADDRESSES).await;
    let never = vec![cloud.lab.scenario(TWO_ADDRESSES).unwrap().addresses[1].ip()];
    cloud.emulator.set_propagation(Propagation { first_ms: 0, between_ms: 0, never });
    let mut arguments = cloud.arguments(&["--yes"]);
    let index = arguments.iter().position(|argument| argument == "20s").unwrap();
    arguments[index] = "500ms".to_owned();
    let ran = cloud.run(&arguments).await;
    let document = ran.document();
    assert_eq!((ran.code, document.outcome), (Some(5), Outcome::RolledBack), "{:?}", document.reason);
    assert_eq!(document.reason.unwrap().code, ReasonCode::NotServed);
    assert_eq!(cloud.served().await, cloud.old);

    // Slow is not late.
    cloud.emulator.set_propagation(Propagation { first_ms: 200, between_ms: 200, never: Vec::new() });
    let ran = cloud.fix(&[]).await;
    assert_eq!((ran.code, ran.document().outcome), (Some(0), Outcome::Mended), "{}", ran.stdout);
}

/// Nothing secret in what is printed, kept or sent: the private key, the account's secret, a token.
#[tokio::test]
async fn no_secret_gets_out() {
    use tlsmend::lab::cas::Account;
    let token = "testTokenThatNobodyMaySee";
    let seed = Seed { accounts: vec![Account::default().with_token(token), Account::default()], ..Seed::default() };
    let cloud = Cloud::with(TWO_ADDRESSES, Binding::Both, seed).await;
    let key = cloud.key().await;
    std::fs::write(cloud.path("key.pem"), &key).unwrap();
    let body: Vec<&str> = key.lines().filter(|line| !line.starts_with("-----")).collect();
    let mut outputs = String::new();
    for (more, broken) in [(&["--yes", "-v"][..], false), (&["--dry-run"], false), (&["--yes"], true)] {
        if broken {
            cloud.emulator.inject(Injection::new("*", 1, Fault::WrongSignature).times(u32::MAX));
        }
        let mut arguments = cloud.bare_arguments();
        arguments.extend(["--key".to_owned(), cloud.path("key.pem").display().to_string()]);
        arguments.extend(more.iter().map(|&more| more.to_owned()));
        let mut command = cloud.command(&arguments);
        command.env("ALIBABA_CLOUD_SECURITY_TOKEN", token).env("RUST_BACKTRACE", "full").env("RUST_LOG", "trace");
        let ran = crate::support::cloud::end(command.spawn().unwrap()).await;
        outputs += &ran.stdout;
        outputs += &ran.stderr;
        if more == ["--yes", "-v"] {
            assert_eq!(ran.code, Some(0), "{}", ran.stdout);
        }
    }
    for id in cloud.runs() {
        for file in std::fs::read_dir(cloud.path("state/tlsmend/runs").join(id)).unwrap() {
            let file = file.unwrap();
            outputs += &std::fs::read_to_string(file.path()).unwrap();
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt as _;
                assert_eq!(file.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", file.path());
            }
        }
    }
    for secret in body.into_iter().chain([ACCESS_KEY_SECRET, token]) {
        assert!(!outputs.contains(secret), "a secret got out");
    }
    assert!(cloud.emulator.calls().iter().all(|call| call.secrets_in_query().is_empty()));
}

/// Issued through the service: the corrected bundle is an upload, and that must be agreed to.
#[tokio::test]
async fn what_is_hosted_is_not_uploaded_by_accident() {
    let cloud = Cloud::new(TWO_ADDRESSES).await;
    cloud.emulator.set_origin(tlsmend::lab::cas::Origin::Buy);
    let ran = cloud.fix(&[]).await;
    assert_eq!((ran.code, ran.document().reason.unwrap().code), (Some(1), ReasonCode::Unhosting), "{}", ran.stdout);
    let ran = cloud.fix(&["--accept-unhosting"]).await;
    assert_eq!((ran.code, ran.document().outcome), (Some(0), Outcome::Mended));
}

/// Chain and key of the renewed certificate of the scenario below, PEM.
static RENEWED: OnceLock<(String, String)> = OnceLock::new();

/// root → intermediate → end entity, expired; renewed with another key.
fn to_be_renewed(world: &mut World) -> Result<(), BuildError> {
    let root = world.root()?;
    let intermediate = world.intermediate(&root).issue()?;
    let site = world.site(&intermediate).valid(-60, -1).issue()?;
    let renewed = world.site(&intermediate).issue()?;
    RENEWED.set((renewed.pem() + &intermediate.pem(), key_pem(&renewed))).unwrap();
    world.serve(&site, &[&site, &intermediate])
}

#[tokio::test]
async fn an_uploaded_certificate_is_renewed_by_hand() {
    let build = to_be_renewed;
    let scenario = Scenario { id: "renew", family: Family::Expiry, summary: "", expected: &[], exit: 1, build };
    let lab = Arc::new(Lab::start_with(now(), &[scenario]).await.unwrap());
    let cloud = Cloud::beside(lab, "renew", Binding::Slb, Seed::default()).await;
    let (chain, key) = RENEWED.get().unwrap();
    std::fs::write(cloud.path("renewed.pem"), chain).unwrap();
    std::fs::write(cloud.path("key.pem"), key).unwrap();
    std::fs::write(cloud.path("old-key.pem"), cloud.key().await).unwrap();
    let with = |key: &str| {
        let mut arguments = cloud.bare_arguments();
        let files = [cloud.path("renewed.pem"), cloud.path(key)].map(|path| path.display().to_string());
        arguments.extend(["--replace-with", &files[0], "--key", &files[1], "--yes"].map(str::to_owned));
        arguments
    };
    // A repair cannot help, and says what does.
    let refused = cloud.fix(&[]).await;
    assert_eq!((refused.code, refused.document().reason.unwrap().code), (Some(1), ReasonCode::NoBundleHelps));
    let wrong = cloud.run(&with("old-key.pem")).await;
    assert_eq!((wrong.code, wrong.document().reason.unwrap().code), (Some(1), ReasonCode::Key));

    let ran = cloud.run(&with("key.pem")).await;
    let document = ran.document();
    assert_eq!((ran.code, document.outcome), (Some(0), Outcome::Mended), "{:?}", document.reason);
    assert!(document.plan.end_entity.unwrap().changes);
    assert_eq!(cloud.served().await, [document.plan.bundle]);
    let back = cloud.run(&["--rollback", &document.run_id.unwrap()]).await;
    assert_eq!((back.code, back.document().outcome), (Some(0), Outcome::RolledBack), "{}", back.stdout);
    assert_eq!(cloud.served().await, cloud.old);
}

/// The same through `tlsmend fix` as a person sees it: the text of a plan and of an end, with the way back.
#[tokio::test]
async fn the_text_tells_the_plan_and_the_way_back() {
    let cloud = Cloud::new(TWO_ADDRESSES).await;
    let text = async |more: &str| {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_tlsmend"));
        command.arg("fix").args(cloud.arguments(&[more, "-v"])).env("XDG_STATE_HOME", cloud.path("state"));
        command
            .env("ALIBABA_CLOUD_ACCESS_KEY_ID", "testAccessKeyId")
            .env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", ACCESS_KEY_SECRET);
        String::from_utf8(command.env("COLUMNS", "200").output().await.unwrap().stdout).unwrap()
    };
    let plan = text("--dry-run").await;
    for part in ["NOTHING CHANGED", "PLAN", "+ add:", "upload the bundle", "undone:", "2 deployment credits"] {
        assert!(plan.contains(part), "{part}: {plan}");
    }
    let end = text("--yes").await;
    for part in ["MENDED", "✓ verify", "CALLS", "UploadUserCertificate ok", "tlsmend fix --rollback "] {
        assert!(end.contains(part), "{part}: {end}");
    }
}

/// The job sleeps until its moment, and the run waits for it; a moment that is over is refused before anything is asked.
#[tokio::test]
async fn a_scheduled_deployment_waits_for_its_moment() {
    let cloud = Cloud::new(TWO_ADDRESSES).await;
    let past = cloud.fix(&["--schedule", "2026-01-01T00:00:00Z"]).await;
    assert_eq!(past.code, Some(2), "{}", past.stdout);
    assert!(past.stderr.contains("in the past") && cloud.emulator.calls().is_empty(), "{}", past.stderr);

    let at = now().plus(3);
    let ran = cloud.fix(&["--schedule", &at.to_string()]).await;
    let document = ran.document();
    assert_eq!((ran.code, document.outcome), (Some(0), Outcome::Mended), "{:?} {}", document.reason, ran.stderr);
    let calls = cloud.emulator.calls();
    let created = calls.iter().find(|call| call.action == "CreateDeploymentJob").unwrap();
    assert_eq!(created.parameter("ScheduleTime"), Some(format!("{}", at.unix() * 1000).as_str()));
    let done = document.steps.iter().find(|step| step.action == "wait-for-job").unwrap();
    assert!(done.at >= at, "done at {}, scheduled for {at}", done.at);
    assert_eq!(cloud.served().await, vec![document.plan.bundle.clone(); 2]);
}
