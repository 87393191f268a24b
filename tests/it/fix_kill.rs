//! `kill -9` at every call to the service and at every entry of the journal, before and after its effect: what is gone on
//! with ends with everything new, what is taken back with everything old, and nothing is uploaded, created or paid twice.

use std::process::Stdio;

use tlsmend::lab::cas::{Binding, Seed};
use tlsmend::lab::scenario::TWO_ADDRESSES;
use tlsmend::model::fix::Outcome;

use crate::support::cloud::{Cloud, end};

/// Which service, and what to type.
#[derive(Clone, Copy)]
enum Dialect {
    Cas,
    Guide,
}

impl Dialect {
    async fn cloud(self) -> Cloud {
        match self {
            Self::Cas => Cloud::new(TWO_ADDRESSES).await,
            Self::Guide => {
                let seed = Seed { guide_dialect: true, ..Seed::default() };
                Cloud::with(TWO_ADDRESSES, Binding::Slb, seed).await
            }
        }
    }

    fn arguments(self, cloud: &Cloud) -> Vec<String> {
        match self {
            Self::Cas => cloud.arguments(&["--yes"]),
            Self::Guide => cloud.guide_arguments(&["--yes"]),
        }
    }
}

/// Goes on with the run that a kill left, or takes it back, and holds the world against what was promised.
async fn aftermath(cloud: &Cloud, dialect: Dialect, way: &str, at: &str) {
    let runs = cloud.runs();
    let [id] = runs.as_slice() else {
        // Killed while planning: nothing was written.
        assert!(runs.is_empty(), "{at}");
        assert_eq!(cloud.served().await, cloud.old, "{at}");
        assert!(cloud.emulator.jobs().is_empty(), "{at}");
        return;
    };
    let ran = cloud.run(&[way, id]).await;
    if ran.code == Some(2) {
        assert!(ran.stderr.contains("before anything was begun"), "{at}: {}", ran.stderr);
        assert_eq!(cloud.served().await, cloud.old, "{at}");
        return;
    }
    let document = ran.document();
    let served = cloud.served().await;
    let is_new = served.iter().all(|chain| *chain == document.plan.bundle);
    let is_old = served == cloud.old;
    match way {
        "--resume" => {
            assert_eq!((ran.code, document.outcome), (Some(0), Outcome::Mended), "{at}: {:?}", document.reason);
            assert!(is_new, "{at}");
        }
        _ => {
            assert_eq!(ran.code, Some(0), "{at}: {:?}", document.reason);
            assert!(matches!(document.outcome, Outcome::RolledBack | Outcome::NothingChanged), "{at}");
            assert!(is_old, "{at}: {:?}", document.steps);
        }
    }
    if let Dialect::Cas = dialect {
        let (uploads, jobs) = (cloud.done("UploadUserCertificate"), cloud.emulator.jobs());
        assert!(uploads <= 1 && jobs.len() <= 1 && cloud.emulator.credits().used <= 2, "{at}: {uploads} {jobs:?}");
        let starts = cloud.done("UpdateDeploymentJobStatus");
        assert!(starts <= 1 || way == "--rollback" && starts <= 2, "{at}: started {starts} times");
    }
    // Once more changes nothing.
    let calls = cloud.emulator.calls().len();
    let again = cloud.run(&["--resume", id]).await;
    assert_eq!(again.document().outcome, document.outcome, "{at}");
    assert_eq!(cloud.emulator.calls().len(), calls, "{at}: a run that is over asks nobody");
}

async fn at_every_call(dialect: Dialect, after_effect: bool, way: &str) {
    let mut points = 0;
    for number in 1.. {
        let cloud = dialect.cloud().await;
        let at = format!("call {number}, after its effect: {after_effect}, {way}");
        let killed = cloud.kill_at_call(&dialect.arguments(&cloud), number, after_effect).await;
        if killed.is_none() {
            break;
        }
        aftermath(&cloud, dialect, way, &at).await;
        points += 1;
    }
    let least = if let Dialect::Cas = dialect { 20 } else { 6 };
    assert!(points >= least, "only {points} calls were reached");
}

async fn at_every_entry(dialect: Dialect, when: &str, way: &str) {
    let mut points = 0;
    for number in 0.. {
        let cloud = dialect.cloud().await;
        let at = format!("{when} entry {number}, {way}");
        let mut command = cloud.command(&dialect.arguments(&cloud));
        command.env("TLSMEND_TEST_CRASH", format!("{when}:{number}"));
        let ran = end(command.spawn().unwrap()).await;
        if ran.code.is_some() {
            assert_eq!(ran.code, Some(0), "{at}: {}{}", ran.stdout, ran.stderr);
            break;
        }
        aftermath(&cloud, dialect, way, &at).await;
        points += 1;
    }
    let least = if let Dialect::Cas = dialect { 14 } else { 8 };
    assert!(points >= least, "only {points} entries were reached");
}

#[tokio::test]
async fn cas_killed_before_a_call_has_its_effect_and_resumed() {
    at_every_call(Dialect::Cas, false, "--resume").await;
}

#[tokio::test]
async fn cas_killed_after_a_call_had_its_effect_and_resumed() {
    at_every_call(Dialect::Cas, true, "--resume").await;
}

#[tokio::test]
async fn cas_killed_before_a_call_has_its_effect_and_rolled_back() {
    at_every_call(Dialect::Cas, false, "--rollback").await;
}

#[tokio::test]
async fn cas_killed_after_a_call_had_its_effect_and_rolled_back() {
    at_every_call(Dialect::Cas, true, "--rollback").await;
}

#[tokio::test]
async fn cas_killed_at_every_entry_and_resumed() {
    for when in ["torn", "after"] {
        at_every_entry(Dialect::Cas, when, "--resume").await;
    }
}

#[tokio::test]
async fn cas_killed_at_every_entry_and_rolled_back() {
    for when in ["torn", "after"] {
        at_every_entry(Dialect::Cas, when, "--rollback").await;
    }
}

#[tokio::test]
async fn guide_killed_at_every_call_and_entry() {
    for way in ["--resume", "--rollback"] {
        for after_effect in [false, true] {
            at_every_call(Dialect::Guide, after_effect, way).await;
        }
        for when in ["torn", "after"] {
            at_every_entry(Dialect::Guide, when, way).await;
        }
    }
}

/// The way back is a way too: killed anywhere on it, it is finished by the next run.
#[tokio::test]
async fn killed_on_the_way_back_it_is_finished() {
    for dialect in [Dialect::Cas, Dialect::Guide] {
        for after_effect in [false, true] {
            for number in 1.. {
                let cloud = dialect.cloud().await;
                let mended = cloud.run(&dialect.arguments(&cloud)).await.document();
                let id = mended.run_id.unwrap();
                let made = cloud.emulator.calls().len();
                let arguments = ["--rollback".to_owned(), id.clone()];
                if cloud.kill_at_call(&arguments, made + number, after_effect).await.is_none() {
                    break;
                }
                let at = format!("call {number} on the way back, after its effect: {after_effect}");
                let ran = cloud.run(&["--resume", &id]).await;
                let document = ran.document();
                let expected = if number == 0 { Outcome::Mended } else { Outcome::RolledBack };
                assert_eq!((ran.code, document.outcome), (Some(0), expected), "{at}: {:?}", document.reason);
                assert_eq!(cloud.served().await, cloud.old, "{at}");
            }
        }
    }
}

/// The disk is full at every entry in turn: nothing is done that could not be written down, and with room again the run goes
/// on. (A limit on the size of files stands in for the disk: it ends a write in the middle in the same way.)
#[tokio::test]
async fn a_disk_that_fills_up_at_any_entry_leaves_a_run_that_can_go_on() {
    if !std::path::Path::new("/bin/dash").exists() {
        return crate::support::skip("no dash, whose limit counts in POSIX's blocks");
    }
    let whole = Dialect::Cas.cloud().await;
    assert_eq!(whole.run(&Dialect::Cas.arguments(&whole)).await.code, Some(0));
    let path = whole.path(&format!("state/tlsmend/runs/{}/journal.jsonl", whole.runs()[0]));
    let journal = std::fs::read_to_string(path).unwrap();
    let ends: Vec<usize> = journal.match_indices('\n').map(|(position, _)| position + 1).collect();
    assert!(ends.len() >= 14, "{}", ends.len());
    // Blocks of 512 bytes, POSIX's unit: the header is larger, entries are smaller.
    let mut limits: Vec<usize> = ends.iter().map(|end| end / 512).collect();
    limits.push(0);
    limits.sort_unstable();
    limits.dedup();
    for blocks in limits {
        let cloud = Dialect::Cas.cloud().await;
        let at = format!("{blocks} blocks");
        let inner = cloud.command(&Dialect::Cas.arguments(&cloud));
        let inner = inner.as_std();
        let mut command = tokio::process::Command::new("/bin/dash");
        // Ignored, the signal becomes an error of the write.
        command.args(["-c", "trap '' XFSZ; ulimit -f \"$0\"; exec \"$@\"", &blocks.to_string()]);
        command.arg(inner.get_program()).args(inner.get_args());
        for (name, value) in inner.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let ran = end(command.spawn().unwrap()).await;
        if ran.code == Some(0) {
            assert_eq!(blocks, *ends.last().unwrap() / 512, "{at}: the last block only");
            continue;
        }
        assert!(ran.code.is_some() && !ran.stdout.contains("panicked") && !ran.stderr.contains("panicked"), "{at}");
        let said = if ran.code == Some(2) { ran.stderr.clone() } else { ran.document().reason.unwrap().text };
        assert!(said.contains("File too large"), "{at}: {:?} {said}", ran.code);
        aftermath(&cloud, Dialect::Cas, "--resume", &at).await;
    }
}
