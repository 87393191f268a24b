//! `fix --to file:` with a real nginx: the change, the proof, the way back, and every instant at which it can be killed.

use std::process::Command;

use tlsmend::model::fix::{Outcome, ReasonCode};

use crate::support::site::{HOST, Nginx, Ran, Site};

/// A site, its nginx, and what to type.
struct World {
    site: Site,
    nginx: Nginx,
}

impl World {
    async fn new() -> Option<Self> {
        let site = Site::new().await;
        let nginx = Nginx::start(site.folder.path(), HOST)?;
        Some(Self { site, nginx })
    }

    fn arguments(&self, more: &[&str]) -> Vec<String> {
        let mut arguments = self.site.probe_options(self.nginx.address);
        arguments.push("--to".to_owned());
        arguments.push(format!("file:{}", self.site.path("fullchain.pem").display()));
        arguments.extend(["--check".to_owned(), self.nginx.command("-t")]);
        arguments.extend(["--reload".to_owned(), self.nginx.command("-s reload")]);
        arguments.extend(["--poll-interval", "20ms", "--propagation-timeout", "20s"].map(str::to_owned));
        arguments.extend(more.iter().map(|&more| more.to_owned()));
        arguments
    }

    async fn fix(&self, more: &[&str]) -> Ran {
        self.fix_with(more, &[]).await
    }

    async fn fix_with(&self, more: &[&str], environment: &[(&str, &str)]) -> Ran {
        let arguments = self.arguments(more);
        self.site.fix_with(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), environment).await
    }

    /// Would `openssl s_client` trust what nginx serves?
    fn openssl_accepts(&self) -> bool {
        let output = Command::new("openssl")
            .args([
                "s_client",
                "-connect",
                &self.nginx.address.to_string(),
                "-servername",
                HOST,
                "-verify_return_error",
            ])
            .args(["-verify_hostname", HOST, "-CAfile"])
            .arg(self.site.path("root.pem"))
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        output.status.success()
    }
}

#[tokio::test]
async fn nginx_is_mended_and_put_back() {
    use std::os::unix::fs::PermissionsExt as _;
    let Some(world) = World::new().await else { return };
    std::fs::set_permissions(world.site.path("fullchain.pem"), std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(!world.openssl_accepts(), "the site is broken");

    let plan = world.fix(&[]).await;
    let document = plan.document();
    assert_eq!((plan.code, document.reason.unwrap().code), (Some(1), ReasonCode::NoConsent));
    assert_eq!(document.plan.adds.len(), 1);
    assert!(!document.plan.writes.is_empty() && document.steps.is_empty());
    assert_eq!(world.site.read("fullchain.pem"), world.site.end_entity.pem(), "a plan changes nothing");
    assert_eq!(world.site.runs(), Vec::<String>::new());

    let ran = world.fix(&["--yes"]).await;
    let document = ran.document();
    assert_eq!((ran.code, document.outcome), (Some(0), Outcome::Mended), "{:?}", document.reason);
    let actions: Vec<&str> = document.steps.iter().map(|step| step.action.as_str()).collect();
    assert_eq!(actions, ["backup", "write-file", "check", "reload", "verify", "request"]);
    assert!(document.steps[5].description.contains("204"), "{:?}", document.steps[5]);
    assert_eq!(world.site.read("fullchain.pem"), world.site.whole());
    let mode = std::fs::metadata(world.site.path("fullchain.pem")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o640, "the permissions are kept");
    wait_until(|| world.openssl_accepts());
    assert_eq!(document.after.unwrap().deployments[0].served_chain, document.plan.bundle);

    let again = world.fix(&["--yes"]).await;
    assert_eq!((again.code, again.document().reason.unwrap().code), (Some(0), ReasonCode::NothingToMend));

    let id = document.run_id.unwrap();
    let back = world.site.fix(&["--rollback", &id]).await;
    let document = back.document();
    assert_eq!((back.code, document.outcome), (Some(0), Outcome::RolledBack), "{:?}", document.reason);
    assert_eq!(world.site.read("fullchain.pem"), world.site.end_entity.pem());
    wait_until(|| !world.openssl_accepts());
    let twice = world.site.fix(&["--rollback", &id]).await;
    assert_eq!(twice.code, Some(0), "{}", twice.stderr);
}

#[tokio::test]
async fn what_fails_is_put_back() {
    let Some(world) = World::new().await else { return };
    let old = world.site.read("fullchain.pem");
    for (arguments, code, action) in [
        (&["--check", "echo no; false"][..], ReasonCode::Failed, "check"),
        (&["--reload", "exit 3"], ReasonCode::Failed, "reload"),
        // Told to nobody: the old chain is served on.
        (&["--reload", "true", "--propagation-timeout", "300ms"], ReasonCode::NotServed, "verify"),
    ] {
        let mut all = world.arguments(&["--yes"]);
        // The later of two would be refused as given twice.
        for pair in arguments.chunks(2) {
            let index = all.iter().position(|argument| argument == pair[0]).unwrap();
            all[index + 1] = pair[1].to_owned();
        }
        let ran = world.site.fix(&all.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let document = ran.document();
        // A reload that fails once fails again on the way back: then a person must look.
        let expected =
            if action == "reload" { (Some(6), Outcome::NeedsAttention) } else { (Some(5), Outcome::RolledBack) };
        assert_eq!((ran.code, document.outcome), expected, "{arguments:?}: {:?}", document.reason);
        assert_eq!(document.reason.unwrap().code, code);
        assert!(document.steps.iter().any(|step| step.action == action));
        assert_eq!(world.site.read("fullchain.pem"), old, "{arguments:?}");
        let id = document.run_id.unwrap();
        if ran.code == Some(6) {
            let blocked = world.fix(&["--yes"]).await;
            assert_eq!(blocked.document().reason.unwrap().code, ReasonCode::Unfinished);
            std::fs::remove_dir_all(world.site.path("state/tlsmend/runs").join(id)).unwrap();
        }
    }
}

#[tokio::test]
async fn a_file_that_somebody_else_wrote_is_left_alone() {
    let Some(world) = World::new().await else { return };
    let ran = world.fix(&["--yes"]).await;
    let id = ran.document().run_id.unwrap();
    let other = world.site.whole() + &world.site.root.pem();
    world.site.write("fullchain.pem", &other);
    let back = world.site.fix(&["--rollback", &id]).await;
    assert_eq!((back.code, back.document().reason.unwrap().code), (Some(6), ReasonCode::Changed));
    assert_eq!(world.site.read("fullchain.pem"), other);
}

#[tokio::test]
async fn a_file_with_a_private_key_is_refused() {
    let Some(world) = World::new().await else { return };
    let combined = world.site.read("fullchain.pem") + &world.site.read("key.pem");
    world.site.write("fullchain.pem", &combined);
    let ran = world.fix(&["--yes"]).await;
    assert_eq!((ran.code, ran.document().reason.unwrap().code), (Some(1), ReasonCode::Refused));
    assert_eq!(world.site.read("fullchain.pem"), combined);
}

/// The process ends as if its power were cut: before, in, and after the writing of each entry of the journal. What is
/// resumed ends with everything new; what is rolled back, with everything old.
#[tokio::test]
async fn killed_at_every_entry_it_goes_on_or_back() {
    let Some(world) = World::new().await else { return };
    let (old, new) = (world.site.read("fullchain.pem"), world.site.whole());
    let mut points = 0;
    for entry in 0.. {
        let mut reached = false;
        for when in ["torn", "after"] {
            for way in ["--resume", "--rollback"] {
                let crash = format!("{when}:{entry}");
                let killed = world.fix_with(&["--yes"], &[("TLSMEND_TEST_CRASH", &crash)]).await;
                if killed.code.is_some() {
                    assert_eq!(killed.code, Some(0), "{crash}: {}{}", killed.stdout, killed.stderr);
                } else {
                    reached = true;
                    points += 1;
                }
                let runs = world.site.runs();
                let file = world.site.read("fullchain.pem");
                assert!(file == old || file == new, "{crash}: half a file");
                if let [id] = runs.as_slice() {
                    let on = world.site.fix(&[way, id]).await;
                    if on.code == Some(2) {
                        assert!(on.stderr.contains("before anything was begun"), "{crash}: {}", on.stderr);
                        assert_eq!(file, old);
                    } else {
                        let document = on.document();
                        let (expected, content) = match way {
                            "--resume" => (Outcome::Mended, &new),
                            _ if document.outcome == Outcome::NothingChanged => (Outcome::NothingChanged, &old),
                            _ => (Outcome::RolledBack, &old),
                        };
                        assert_eq!(
                            (on.code, document.outcome),
                            (Some(0), expected),
                            "{crash} {way}: {:?}",
                            document.reason
                        );
                        assert_eq!(world.site.read("fullchain.pem"), *content, "{crash} {way}");
                        wait_until(|| world.openssl_accepts() == (way == "--resume"));
                    }
                    std::fs::remove_dir_all(world.site.path("state/tlsmend/runs")).unwrap();
                }
                world.site.write("fullchain.pem", &old);
                Command::new("sh").args(["-c", &world.nginx.command("-s reload")]).output().unwrap();
                wait_until(|| !world.openssl_accepts());
            }
        }
        if !reached {
            break;
        }
    }
    assert!(points >= 30, "only {points} points were reached");
}

/// Polls what takes a moment, until it is so five times in a row: nginx's old and new workers take turns after a reload.
fn wait_until(condition: impl Fn() -> bool) {
    let limit = std::time::Instant::now() + std::time::Duration::from_secs(20);
    let mut in_a_row = 0;
    while in_a_row < 5 {
        assert!(std::time::Instant::now() < limit, "it never becomes true for good");
        in_a_row = if condition() { in_a_row + 1 } else { 0 };
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

/// A renewed certificate with a key of its own: named in the plan, proven, served with its key, put back.
#[tokio::test]
async fn a_renewed_certificate_of_the_same_key_is_served() {
    let Some(world) = World::new().await else { return };
    let renewed = world.site.intermediate.end_entity(HOST).key_of(&world.site.end_entity).issue().unwrap();
    let whole = renewed.pem() + &world.site.intermediate.pem();
    world.site.write("renewed.pem", &whole);
    let (file, key) = (world.site.path("renewed.pem"), world.site.path("key.pem"));
    let more = ["--replace-with", file.to_str().unwrap(), "--key", key.to_str().unwrap()];
    let plan = world.fix(&[&more[..], &["--dry-run"]].concat()).await.document();
    assert!(plan.plan.end_entity.as_ref().unwrap().changes);
    let ran = world.fix(&[&more[..], &["--yes"]].concat()).await;
    let document = ran.document();
    assert_eq!((ran.code, document.outcome), (Some(0), Outcome::Mended), "{:?}", document.reason);
    assert_eq!(world.site.read("fullchain.pem"), whole);

    // Not whole, and of another key: refused before anything is written.
    world.site.write("renewed.pem", &renewed.pem());
    let ran = world.fix(&[&more[..], &["--yes"]].concat()).await;
    assert_eq!((ran.code, ran.document().reason.unwrap().code), (Some(1), ReasonCode::NoBundleHelps));
    let other = world.site.intermediate.end_entity(HOST).issue().unwrap();
    world.site.write("renewed.pem", &(other.pem() + &world.site.intermediate.pem()));
    let ran = world.fix(&[&more[..], &["--yes"]].concat()).await;
    assert_eq!((ran.code, ran.document().reason.unwrap().code), (Some(1), ReasonCode::Key));
    assert_eq!(world.site.read("fullchain.pem"), whole);
}

/// Ctrl-C while it waits: it stops between two steps and says how to go on.
#[tokio::test]
async fn an_interrupted_run_can_be_resumed() {
    let Some(world) = World::new().await else { return };
    let mut arguments = world.arguments(&["--yes"]);
    let index = arguments.iter().position(|argument| argument == "--reload").unwrap();
    // Until the file is there the server is told nothing.
    let go = world.site.path("go");
    arguments[index + 1] = format!("test ! -e {} || {}", go.display(), world.nginx.command("-s reload"));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut child = world.site.command(&arguments, &[]).stdout(std::process::Stdio::null()).spawn().unwrap();
    // Not with `wait_until`: the page of the issuer is served by this thread.
    while !world.site.runs().iter().any(|id| world.site.journal(id).contains("\"reload\"")) {
        assert_eq!(child.try_wait().unwrap(), None, "it ended before it was interrupted");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let interrupt = ["-INT".to_owned(), child.id().unwrap().to_string()];
    Command::new("kill").args(interrupt).status().unwrap();
    assert_eq!(child.wait().await.unwrap().code(), Some(6), "something was changed, and it is not over");
    let id = world.site.runs().remove(0);
    let list = world.site.fix(&["--list"]).await;
    assert!(list.stdout.contains(&id), "{}", list.stdout);

    std::fs::write(&go, "").unwrap();
    Command::new("sh").args(["-c", &world.nginx.command("-s reload")]).status().unwrap();
    let ran = world.site.fix(&["--resume", &id]).await;
    assert_eq!((ran.code, ran.document().outcome), (Some(0), Outcome::Mended), "{}", ran.stdout);
}
