//! `scan`: one line a target, whatever happens to the target, the machine or the scan.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;
use tlsmend::model::line::Line;
use tlsmend::model::summary::{MergeReport, Summary};

use crate::support::sample_report::{assert_golden, fixtures};
use crate::support::scan_farm::{Farm, by_index, end, grown, signal};

#[test]
fn the_schemas_are_those_of_the_types() {
    let text = |schema: &schemars::Schema| serde_json::to_string_pretty(schema).unwrap() + "\n";
    assert_golden(&fixtures().join("scan-line.schema.json"), &text(&schemars::schema_for!(Line)));
    assert_golden(&fixtures().join("scan-summary.schema.json"), &text(&schemars::schema_for!(Summary)));
    assert_golden(&fixtures().join("scan-merge.schema.json"), &text(&schemars::schema_for!(MergeReport)));
}

/// Each line follows the schema.
#[track_caller]
fn validate(lines: &BTreeMap<u64, Value>) {
    static VALIDATOR: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
        let schema = std::fs::read_to_string(fixtures().join("scan-line.schema.json")).unwrap();
        let schema: Value = serde_json::from_str(&schema).unwrap();
        jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
    });
    for line in lines.values() {
        let violations: Vec<String> = VALIDATOR.iter_errors(line).map(|error| error.to_string()).collect();
        assert!(violations.is_empty(), "{}: {line}", violations.join("\n"));
        let typed: Line = serde_json::from_value(line.clone()).unwrap();
        assert_eq!(&serde_json::to_value(&typed).unwrap(), line, "a line survives being read");
    }
}

fn count<'a>(lines: &'a BTreeMap<u64, Value>, field: &str) -> BTreeMap<&'a str, usize> {
    let mut counts = BTreeMap::new();
    for line in lines.values() {
        *counts.entry(line[field].as_str().unwrap_or("-")).or_default() += 1;
    }
    counts
}

/// Refused, silent, reset and unresolvable are told apart, and nothing is lost beside them.
#[tokio::test]
async fn every_target_has_one_line_that_says_what_happened() {
    let farm = Farm::start().await;
    let mut list = Farm::names("good", 120, farm.good);
    list.extend(Farm::names("gap", 10, farm.gap));
    list.extend(Farm::names("silent", 4, farm.silent));
    list.extend(Farm::names("reset", 3, farm.reset));
    list.extend(Farm::names("closed", 5, farm.closed));
    list.extend(Farm::names("gone", 6, farm.good));
    list.extend(["not a target".to_owned(), String::new(), "# a note".to_owned(), "http://plain.example".to_owned()]);
    list.push(format!("127.0.0.0/30:{}", farm.closed));
    let list = farm.list("list.txt", &list);
    let ran = farm.scan(&[&list, "--timeout", "8s"]).await;
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let lines = by_index(&ran.stdout);
    validate(&lines);
    assert_eq!(lines.keys().copied().collect::<Vec<_>>(), (0..154).collect::<Vec<_>>());
    let failures = BTreeMap::from([
        ("-", 130),
        ("tls-timeout", 4),
        ("tls-reset", 3),
        ("tcp-refused", 9),
        ("dns-nxdomain", 6),
        ("not-a-target", 2),
    ]);
    assert_eq!(count(&lines, "failure"), failures);
    let gap = lines.values().find(|line| line["input"].as_str().unwrap().starts_with("gap0.")).unwrap();
    assert_eq!(gap["findings"][0], "missing-intermediate");
    assert_eq!((&gap["clients"]["curl"], &gap["clients"]["chrome"]), (&"reject".into(), &"accept".into()));
    assert_eq!(gap["lacks"][0]["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(gap["endpoints"][0]["key_proof"], "proven");
    let reset = lines.values().find(|line| line["failure"] == "tls-reset").unwrap();
    assert_eq!(reset["attempts"], 3, "what may pass is looked at again");
    assert!(lines.values().all(|line| line["failure"] != "tcp-refused" || line.get("attempts").is_none()));
    assert!(ran.stderr.contains("154 targets: 130 reached"), "{}", ran.stderr);
}

/// A few places, all taken by hosts that hang: the others get theirs all the same.
#[tokio::test]
async fn hanging_hosts_do_not_stop_the_others() {
    let farm = Farm::start().await;
    let mut list = Farm::names("silent", 60, farm.silent);
    list.extend(Farm::names("good", 50, farm.good));
    let list = farm.list("list.txt", &list);
    let arguments = [&list, "--concurrency", "4", "--timeout", "10m", "--out", "lines.ndjson"];
    let mut child = farm.command(None, &arguments).spawn().unwrap();
    // Ten minutes are not waited for: all good ones are done while the others hang.
    grown(&farm.path("lines.ndjson"), 50).await;
    assert!(farm.lines("lines.ndjson").values().all(|line| line["outcome"] == "reached"));
    signal(&child, "INT").await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert!(child.try_wait().unwrap().is_none(), "the first one lets what is begun come to its end");
    signal(&child, "INT").await;
    let ran = end(child).await;
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    assert!(ran.stderr.contains("interrupted") && ran.stderr.contains("--resume"), "{}", ran.stderr);
}

/// Interrupted, it finishes what it has begun; gone on with, it does the rest.
#[tokio::test]
async fn an_interrupt_drains() {
    let farm = Farm::start().await;
    let list = farm.list("list.txt", &Farm::names("good", 200, farm.good));
    let arguments = [&list, "--out", "lines.ndjson", "--resume", "--rate", "100"];
    let child = farm.command(None, &arguments).spawn().unwrap();
    grown(&farm.path("lines.ndjson"), 1).await;
    signal(&child, "INT").await;
    let ran = end(child).await;
    let before = farm.lines("lines.ndjson");
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    assert!(before.len() < 200, "{}", before.len());
    let ran = farm.scan(&[&list, "--out", "lines.ndjson", "--resume"]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains(&format!("{} of them by an earlier run", before.len())), "{}", ran.stderr);
    let after = farm.lines("lines.ndjson");
    assert_eq!(after.len(), 200);
    assert!(before.iter().all(|(index, line)| after[index] == *line), "what was done is not done again");
}

/// `kill -9` ten times, once with a torn line left behind: no line is lost and none is there twice.
#[tokio::test]
async fn killed_ten_times_and_gone_on_with() {
    let farm = Farm::start().await;
    let mut list = Farm::names("good", 300, farm.good);
    list.extend(Farm::names("gone", 20, farm.good));
    let list = farm.list("list.txt", &list);
    let arguments =
        [&list, "--out", "lines.ndjson", "--resume", "--rate", "150", "--certificates", "met.pem", "--timeout", "5s"];
    let mut seen = 0;
    for round in 0..10 {
        let mut child = farm.command(None, &arguments).spawn().unwrap();
        grown(&farm.path("lines.ndjson"), seen + 1).await;
        child.start_kill().unwrap();
        child.wait().await.unwrap();
        let mut text = std::fs::read_to_string(farm.path("lines.ndjson")).unwrap();
        seen = text.matches('\n').count();
        assert!(seen < 320, "killed before the end");
        if round == 3 {
            text.push_str("{\"index\":319,\"inp");
            std::fs::write(farm.path("lines.ndjson"), text).unwrap();
        }
    }
    let ran = farm.scan(&arguments[..4]).await;
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let lines = farm.lines("lines.ndjson");
    assert_eq!(lines.keys().copied().collect::<Vec<_>>(), (0..320).collect::<Vec<_>>());
    assert_eq!(count(&lines, "outcome"), BTreeMap::from([("reached", 300), ("unresolved", 20)]));
    // Repeats among the certificates are left out by merging.
    let ran = farm.scan(&["merge", "lines.ndjson", "met.pem", "--certificates", "all.pem"]).await;
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert_eq!(std::fs::read_to_string(farm.path("all.pem")).unwrap().matches("BEGIN").count(), 2);
}

/// A limit of 256 open files is met by waiting, whatever number is asked for.
#[tokio::test]
async fn few_descriptors_lose_nothing() {
    let farm = Farm::start().await;
    let mut list = Farm::names("good", 500, farm.good);
    list.splice(0..0, Farm::names("silent", 30, farm.silent));
    let list = farm.list("list.txt", &list);
    let arguments = [&list, "--concurrency", "5000", "--timeout", "8s"];
    let ran = end(farm.command(Some("ulimit -n 256;"), &arguments).spawn().unwrap()).await;
    let lines = by_index(&ran.stdout);
    assert_eq!(count(&lines, "failure"), BTreeMap::from([("-", 500), ("tls-timeout", 30)]), "{}", ran.stderr);
}

/// The name server loses every twentieth datagram.
#[tokio::test]
async fn lost_datagrams_lose_no_line() {
    let farm = Farm::start().await;
    farm.lose_every(20);
    let mut list = Farm::names("good", 200, farm.good);
    list.extend(Farm::names("gone", 20, farm.good));
    let list = farm.list("list.txt", &list);
    let ran = farm.scan(&[&list, "--timeout", "20s"]).await;
    let lines = by_index(&ran.stdout);
    assert_eq!(count(&lines, "failure"), BTreeMap::from([("-", 200), ("dns-nxdomain", 20)]), "{}", ran.stderr);
}

/// A disk that is too small ends the scan with whole lines; with more room it goes on.
#[tokio::test]
async fn a_full_disk_keeps_whole_lines() {
    let farm = Farm::start().await;
    let list = farm.list("list.txt", &Farm::names("good", 400, farm.good));
    std::fs::create_dir(farm.path("disk")).unwrap();
    let script = "mount -t tmpfs -o size=128k none disk || exit 77
        \"$@\" --out disk/lines.ndjson --resume; echo code $? >&2
        cp disk/lines.ndjson first.ndjson
        mount -o remount,size=8m disk
        \"$@\" --out disk/lines.ndjson --resume; echo code $? >&2
        cp disk/lines.ndjson second.ndjson";
    let program = env!("CARGO_BIN_EXE_tlsmend");
    let mut command = tokio::process::Command::new("unshare");
    command.args(["-rm", "sh", "-c", script, "sh", program, "scan", &list]).args(farm.options());
    command.current_dir(farm.folder.path()).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let Ok(child) = command.kill_on_drop(true).spawn() else { return crate::support::skip("no unshare") };
    let ran = end(child).await;
    if ran.code != Some(0) && !ran.stderr.contains("code") {
        return crate::support::skip(&format!("no disk of our own: {}", ran.stderr));
    }
    let codes: Vec<_> = ran.stderr.lines().filter(|line| line.starts_with("code ")).collect();
    assert_eq!(codes, ["code 2", "code 0"], "{}", ran.stderr);
    assert!(ran.stderr.contains("whole lines only") && ran.stderr.contains("--resume"), "{}", ran.stderr);
    let first = farm.lines("first.ndjson");
    assert!(!first.is_empty() && first.len() < 400, "{}", first.len());
    assert_eq!(farm.lines("second.ndjson").len(), 400);
}

#[tokio::test]
async fn a_full_standard_output_is_an_error() {
    let farm = Farm::start().await;
    let list = farm.list("list.txt", &Farm::names("good", 3, farm.good));
    let mut command = farm.command(None, &[&list]);
    command.stdout(std::fs::File::options().write(true).open("/dev/full").unwrap());
    let ran = end(command.spawn().unwrap()).await;
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
}

/// The shards of a list are the whole list, and merged they tell what one run tells.
#[tokio::test]
async fn shards_merge_to_what_one_run_says() {
    let farm = Farm::start().await;
    let mut list = Farm::names("good", 40, farm.good);
    list.extend(Farm::names("gap", 30, farm.gap));
    list.extend(Farm::names("closed", 5, farm.closed));
    list.extend(Farm::names("gone", 5, farm.good));
    list.push("no target".to_owned());
    let list = farm.list("list.txt", &list);
    let ran = farm.scan(&[&list, "--out", "whole.ndjson", "--summary", "whole.json"]).await;
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let mut merge = vec!["merge", "--output", "json"];
    for (shard, file) in [("0/3", "a.ndjson"), ("1/3", "b.ndjson"), ("2/3", "c.ndjson")] {
        farm.scan(&[&list, "--shard", shard, "--out", file]).await;
        assert!(farm.lines(file).len() > 10, "{shard}");
        merge.push(file);
    }
    let ran = farm.scan(&merge).await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let merged: MergeReport = serde_json::from_str(&ran.stdout).unwrap();
    let whole = std::fs::read_to_string(farm.path("whole.json")).unwrap();
    let mut whole: Summary = serde_json::from_str(&whole).unwrap();
    assert_eq!(whole.account.lines, 81);
    let cause = &whole.root_causes[0];
    assert_eq!((cause.targets, cause.at_most_over), (30, 0), "{cause:?}");
    assert!(cause.remedy.summary.contains("one bundle mends them all"), "{cause:?}");
    (whole.first_at, whole.last_at) = (merged.summary.first_at, merged.summary.last_at);
    assert_eq!(merged.summary, whole);
    assert_eq!((merged.missing, merged.doubled, merged.unreadable), (0, 0, 0));

    // One shard is missing, one is there twice, one is torn.
    let torn = std::fs::read(farm.path("a.ndjson")).unwrap();
    std::fs::write(farm.path("torn.ndjson"), &torn[..torn.len() - 5]).unwrap();
    let ran = farm.scan(&["merge", "torn.ndjson", "c.ndjson", "c.ndjson", "--output", "json"]).await;
    assert_eq!(ran.code, Some(4));
    let merged: MergeReport = serde_json::from_str(&ran.stdout).unwrap();
    let (a, b, c) = (farm.lines("a.ndjson").len(), farm.lines("b.ndjson").len(), farm.lines("c.ndjson").len());
    assert_eq!(a + b + c, 81);
    assert_eq!((merged.missing, merged.doubled, merged.unreadable), (b as u64 + 1, c as u64, 1));
}

/// A file of lines is gone on with only by the scan that began it.
#[tokio::test]
async fn another_scan_does_not_touch_a_file_of_lines() {
    let farm = Farm::start().await;
    let list = farm.list("list.txt", &Farm::names("good", 10, farm.good));
    let other = farm.list("other.txt", &Farm::names("good", 11, farm.good));
    assert_eq!(farm.scan(&[&list, "--out", "lines.ndjson"]).await.code, Some(0));
    let before = std::fs::read(farm.path("lines.ndjson")).unwrap();
    for (arguments, reason) in [
        (&[&list, "--out", "lines.ndjson"][..], "add --resume"),
        (&[&other, "--out", "lines.ndjson", "--resume"], "another list"),
        (&[&list, "--out", "lines.ndjson", "--resume", "--depth", "chain"], "--depth handshake"),
        (&[&list, "--out", "list.txt", "--resume"], "list.txt"),
    ] {
        let ran = farm.scan(arguments).await;
        assert_eq!(ran.code, Some(2), "{arguments:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(reason), "{arguments:?}: {}", ran.stderr);
    }
    std::fs::rename(farm.path("lines.ndjson.state"), farm.path("away")).unwrap();
    let ran = farm.scan(&[&list, "--out", "lines.ndjson", "--resume"]).await;
    assert!(ran.code == Some(2) && ran.stderr.contains("FILE.state"), "{}", ran.stderr);
    std::fs::rename(farm.path("away"), farm.path("lines.ndjson.state")).unwrap();
    assert_eq!(std::fs::read(farm.path("lines.ndjson")).unwrap(), before);
    assert_eq!(farm.scan(&[&list, "--out", "lines.ndjson", "--resume"]).await.code, Some(0), "nothing is left to do");

    let slow = [&list, "--out", "slow.ndjson", "--rate", "5"];
    let child = farm.command(None, &slow).spawn().unwrap();
    grown(&farm.path("slow.ndjson"), 1).await;
    let ran = farm.scan(&[&list, "--out", "slow.ndjson", "--resume"]).await;
    assert!(ran.code == Some(2) && ran.stderr.contains("another scan"), "{}", ran.stderr);
    assert_eq!(end(child).await.code, Some(0));
    assert_eq!(farm.lines("slow.ndjson").len(), 10);
}

/// CSV in, by a column, and CSV out, gone on with after a torn record.
#[tokio::test]
async fn a_table_in_and_a_table_out() {
    let farm = Farm::start().await;
    let rows =
        Farm::names("good", 20, farm.good).into_iter().enumerate().map(|(rank, name)| format!("{rank},\"{name}\""));
    let list = farm.list("list.csv", &[vec!["rank,Domain".to_owned()], rows.collect()].concat());
    let arguments = [&list, "--column", "domain", "--output", "csv", "--out", "lines.csv", "--resume"];
    assert_eq!(farm.scan(&arguments).await.code, Some(0));
    let whole = std::fs::read_to_string(farm.path("lines.csv")).unwrap();
    let records: Vec<_> = whole.lines().collect();
    assert_eq!(records.len(), 21);
    std::fs::write(farm.path("lines.csv"), &whole[..whole.len() - 40]).unwrap();
    let ran = farm.scan(&arguments).await;
    assert!(ran.stderr.contains("20 targets: 20 reached; 19 of them"), "{}", ran.stderr);
    let again = std::fs::read_to_string(farm.path("lines.csv")).unwrap();
    let mut reader = csv::Reader::from_reader(again.as_bytes());
    let indexes: std::collections::BTreeSet<u64> =
        reader.records().map(|record| record.unwrap()[0].parse().unwrap()).collect();
    assert_eq!(indexes, (0..20).collect());
}

/// A pipe is gone on with by what it begins with.
#[tokio::test]
async fn a_list_on_standard_input() {
    let farm = Farm::start().await;
    farm.list("list.txt", &Farm::names("good", 12, farm.good));
    let open = |name: &str| std::fs::File::open(farm.path(name)).unwrap();
    let mut command = farm.command(None, &["-", "--out", "lines.ndjson", "--resume"]);
    assert_eq!(end(command.stdin(open("list.txt")).spawn().unwrap()).await.code, Some(0));
    let cut: Vec<String> =
        std::fs::read_to_string(farm.path("lines.ndjson")).unwrap().lines().take(7).map(str::to_owned).collect();
    farm.list("lines.ndjson", &cut);
    let ran = end(command.stdin(open("list.txt")).spawn().unwrap()).await;
    assert!(ran.code == Some(0) && ran.stderr.contains("7 of them"), "{}", ran.stderr);
    assert_eq!(farm.lines("lines.ndjson").len(), 12);
    let ran = end(command.stdin(open("root.pem")).spawn().unwrap()).await;
    assert!(ran.code == Some(2) && ran.stderr.contains("another list"), "{}", ran.stderr);
}

/// The shell script of a manifest under `deploy/`.
fn script_of(manifest: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/kubernetes").join(manifest);
    let text = std::fs::read_to_string(path).unwrap();
    let (_, after) = text.split_once("args:\n            - |\n").unwrap();
    after
        .lines()
        .take_while(|line| line.starts_with("              "))
        .map(|line| line.trim_start().to_owned() + "\n")
        .collect()
}

/// What stands in the manifests is what works: the scripts are run as a pod runs them, one of them twice.
#[tokio::test]
async fn the_manifests_of_kubernetes_do_what_they_say() {
    let farm = Farm::start().await;
    let mut names = Farm::names("good", 30, farm.good);
    names.extend(Farm::names("gap", 10, farm.gap));
    let list = farm.list("names.txt", &names);
    // The manifest names neither resolver nor roots; the configuration file does.
    let options = farm.options();
    let config =
        format!("resolver = {:?}\nroots = {:?}\nallow-private-aia = true\nno-cache = true\n", options[1], options[3]);
    std::fs::create_dir_all(farm.path("config/tlsmend")).unwrap();
    std::fs::write(farm.path("config/tlsmend/config.toml"), config).unwrap();
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_tlsmend")).parent().unwrap().to_owned();
    let run = async |manifest: &str, shard: &str| {
        let mut command = tokio::process::Command::new("/bin/sh");
        let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
        command.args(["-c", &script_of(manifest)]).env("PATH", path).env("XDG_CONFIG_HOME", farm.path("config"));
        command.env("SHARD", shard).env("SHARDS", "3").env("LIST", &list).env("OUT", farm.folder.path());
        end(command
            .kill_on_drop(true)
            .stderr(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap())
        .await
    };
    for shard in ["0", "1", "2", "2"] {
        let ran = run("scan.yaml", shard).await;
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    }
    let ran = run("scan-merge.yaml", "").await;
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stdout.contains("40 targets: 40 reached") && ran.stdout.contains("10 targets lack the same"),
        "{}",
        ran.stdout
    );
    assert_eq!(std::fs::read_to_string(farm.path("all.pem")).unwrap().matches("BEGIN").count(), 2);
}

/// The thousandth name of a load balancer that is gone does not wait for the time-out, and its line says so.
#[tokio::test]
async fn an_address_that_is_known_to_be_silent_is_not_tried() {
    use tlsmend::scan::gate::{Gates, Limits};
    use tlsmend::scan::look::{LookSettings, Looker};
    let clock = crate::support::site::now;
    let settings = LookSettings {
        probe: tlsmend::probe::Settings::default(),
        evidence: tlsmend::probe::EvidenceLevel::Hashes,
        collect: false,
        clock,
    };
    let looker = Looker::new(&settings).unwrap();
    let gate = Gates::new(Limits::of(10, 100, 8, 32)).turn().await;
    for _ in 0..16 {
        gate.heard("192.0.2.1:443".parse().unwrap(), true);
    }
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(600);
    let look = looker.look(&"192.0.2.1".parse().unwrap(), &gate, deadline).await;
    let line = serde_json::to_value(&look.line).unwrap();
    assert_eq!((&line["outcome"], &line["failure"]), (&"unreached".into(), &"tcp-timeout".into()), "{line}");
    assert_eq!(line["endpoints"][0]["status"], "not_tried");
    assert!(!look.transient);
}

/// The cheapest look comes to the same conclusions, also where the chain is encrypted; it only proves no key.
#[tokio::test]
async fn a_chain_without_a_handshake() {
    let farm = Farm::start().await;
    let mut list = Farm::names("good", 20, farm.good);
    list.extend(Farm::names("modern", 20, farm.modern));
    list.extend(Farm::names("gap", 20, farm.gap));
    list.extend(Farm::names("closed", 2, farm.closed));
    let list = farm.list("list.txt", &list);
    let cheap = by_index(&farm.scan(&[&list, "--depth", "chain"]).await.stdout);
    let whole = by_index(&farm.scan(&[&list]).await.stdout);
    validate(&cheap);
    assert_eq!((cheap.len(), whole.len()), (62, 62));
    let conclusions = |line: &Value| {
        let fields = ["input", "outcome", "failure", "clients", "findings", "served_chain", "breaks_at", "lacks"];
        fields.map(|field| line[field].clone())
    };
    for (cheap, whole) in cheap.values().zip(whole.values()) {
        assert_eq!(conclusions(cheap), conclusions(whole));
        let proof = |line: &Value| line["endpoints"][0].get("key_proof").cloned();
        let reached = whole["outcome"] == "reached";
        assert_eq!(proof(whole), reached.then(|| "proven".into()));
        assert_eq!(proof(cheap), reached.then(|| "not_checked".into()));
    }
    let versions = |prefix: &str| {
        let of = cheap.values().filter(|line| line["input"].as_str().unwrap().starts_with(prefix));
        of.map(|line| line["endpoints"][0]["version"].as_str().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!((versions("good"), versions("modern")), (vec!["1.2"; 20], vec!["1.3"; 20]));
}

/// The deepest look gives the survey with each address, and the connections of a survey count as such.
#[tokio::test]
async fn a_survey_of_each() {
    let farm = Farm::start().await;
    let list = farm.list("list.txt", &Farm::names("good", 3, farm.good));
    let ran = farm.scan(&[&list, "--depth", "survey", "--timeout", "60s"]).await;
    let lines = by_index(&ran.stdout);
    validate(&lines);
    assert_eq!(lines.len(), 3, "{}", ran.stderr);
    for line in lines.values() {
        let versions = line["endpoints"][0]["survey"]["versions"].as_array().unwrap();
        let supported: Vec<_> =
            versions.iter().filter(|it| it["supported"] == "yes").map(|it| &it["version"]).collect();
        assert_eq!(supported, ["1.3", "1.2"], "{line}");
    }
}
