//! Where our models say otherwise than their yardstick: `fixtures/divergences.json`, each case with its reason.

use serde::Deserialize;

const RECORDED: &str = include_str!("../../../fixtures/divergences.json");

/// One case judged otherwise.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Divergence {
    pub suite: String,
    pub client: String,
    pub case: String,
    pub ours: String,
    pub theirs: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Recorded {
    suite: String,
    client: String,
    case: String,
    ours: String,
    theirs: String,
    reason: String,
}

/// `found` must be what is recorded of `suites`, no more and no less: a case that agrees by now is to be taken out.
pub fn check(suites: &[&str], mut found: Vec<Divergence>) {
    let recorded: Vec<Recorded> = serde_json::from_str(RECORDED).unwrap();
    let mut expected = Vec::new();
    for Recorded { suite, client, case, ours, theirs, reason } in recorded {
        assert!(!reason.is_empty(), "no reason: {suite} {client} {case}");
        if suites.contains(&suite.as_str()) {
            expected.push(Divergence { suite, client, case, ours, theirs });
        }
    }
    found.sort();
    expected.sort();
    let line = |divergence: &Divergence| {
        let Divergence { suite, client, case, ours, theirs } = divergence;
        serde_json::json!({ "suite": suite, "client": client, "case": case, "ours": ours, "theirs": theirs })
            .to_string()
    };
    let new: Vec<String> = found.iter().filter(|one| !expected.contains(one)).map(line).collect();
    let gone: Vec<String> = expected.iter().filter(|one| !found.contains(one)).map(line).collect();
    assert!(
        new.is_empty() && gone.is_empty(),
        "fixtures/divergences.json is not true\nto be recorded, each with its reason:\n{}\nagreeing by now, to be taken out:\n{}",
        new.join("\n"),
        gone.join("\n")
    );
}
