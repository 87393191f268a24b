//! Test suites that others wrote, which lie beside a checkout of the project: the standard against what is expected, our
//! clients against what the real validators said. A clone without them skips.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use flate2::read::GzDecoder;
use serde::Deserialize;
use serde_json::value::RawValue;
use tlsmend::judge::client::Client;
use tlsmend::judge::clients;
use tlsmend::judge::limbo::{ActualResult, Prepared};
use tlsmend::model::time::Time;

/// The folder of suites, `TLSMEND_SUITES` or beside the checkout.
pub fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("TLSMEND_SUITES")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/suites"), PathBuf::from);
    folder.join("limbo-core-dev.json.gz").is_file().then_some(folder)
}

/// Suite, cases that the standard judges as expected, cases counted. More fails too: then it is to be recorded here.
const STANDARD: &[(&str, usize, usize)] = &[
    // permitted-dns-match-noncritical and ee-without-eku: RFC 5280 and the Baseline Requirements contradict each other,
    // and the suite has the opposite case for each.
    ("limbo-core-dev", 104, 106),
    ("bettertls-dev", 4766, 4766),
    ("chromium-chain-dev", 25, 25),
    // Valid DSA Signatures Test4: our cryptographic library has no DSA.
    ("pkits-dev", 118, 119),
    ("real-dev", 1836, 1836),
    ("cross-signs-dev", 463, 463),
    ("revocation-dev", 20, 20),
];

/// A validator that was asked, and our model of it.
struct Peer {
    client: &'static str,
    peer: &'static str,
    /// The least agreement in each suite.
    least: &'static [(&'static str, usize)],
}

const PEERS: &[Peer] = &[
    // Policies are not modelled.
    Peer {
        client: "go",
        peer: "go",
        least: &[
            ("limbo-core-dev", 92),
            ("bettertls-dev", 4766),
            ("chromium-chain-dev", 92),
            ("pkits-dev", 75),
            ("real-dev", 1836),
            ("cross-signs-dev", 463),
            ("revocation-dev", 11),
        ],
    },
    // Nor here.
    Peer {
        client: "java",
        peer: "java",
        least: &[
            ("limbo-core-dev", 89),
            ("bettertls-dev", 4758),
            ("chromium-chain-dev", 92),
            ("pkits-dev", 74),
            ("real-dev", 1836),
            ("cross-signs-dev", 462),
            ("revocation-dev", 11),
        ],
    },
    // The validator was given CRLs, which rustls does not ask for by itself.
    Peer {
        client: "rustls-aws",
        peer: "rustls",
        least: &[
            ("limbo-core-dev", 96),
            ("bettertls-dev", 4766),
            ("chromium-chain-dev", 91),
            ("pkits-dev", 79),
            ("real-dev", 1836),
            ("cross-signs-dev", 463),
            ("revocation-dev", 17),
        ],
    },
    // Its own notion of directory names in constraints, and of an end entity that is itself trusted.
    Peer {
        client: "peer-moz",
        peer: "moz",
        least: &[
            ("limbo-core-dev", 91),
            ("bettertls-dev", 4766),
            ("chromium-chain-dev", 85),
            ("pkits-dev", 72),
            ("real-dev", 1836),
            ("cross-signs-dev", 463),
            ("revocation-dev", 11),
        ],
    },
    // Policies are not modelled.
    Peer {
        client: "peer-bssl",
        peer: "bssl",
        least: &[
            ("limbo-core-dev", 92),
            ("bettertls-dev", 4766),
            ("chromium-chain-dev", 92),
            ("pkits-dev", 75),
            ("real-dev", 1836),
            ("cross-signs-dev", 463),
            ("revocation-dev", 11),
        ],
    },
    // It was given CRLs, which are not modelled.
    Peer {
        client: "peer-openssl",
        peer: "openssl",
        least: &[
            ("limbo-core-dev", 96),
            ("bettertls-dev", 4766),
            ("chromium-chain-dev", 92),
            ("pkits-dev", 82),
            ("real-dev", 1836),
            ("cross-signs-dev", 463),
            ("revocation-dev", 17),
        ],
    },
    // An end entity that is itself trusted.
    Peer {
        client: "peer-gnutls",
        peer: "gnutls",
        least: &[
            ("limbo-core-dev", 87),
            ("bettertls-dev", 4766),
            ("chromium-chain-dev", 85),
            ("pkits-dev", 73),
            ("real-dev", 1836),
            ("cross-signs-dev", 463),
            ("revocation-dev", 11),
        ],
    },
    Peer {
        client: "peer-pyca",
        peer: "pyca",
        least: &[
            ("limbo-core-dev", 101),
            ("bettertls-dev", 4766),
            ("chromium-chain-dev", 25),
            ("pkits-dev", 0),
            ("real-dev", 1836),
            ("cross-signs-dev", 463),
            ("revocation-dev", 11),
        ],
    },
];

#[derive(Deserialize)]
struct Suite<'a> {
    #[serde(borrow)]
    testcases: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Expectation {
    id: String,
    expected_result: ActualResult,
    features: Vec<String>,
    validation_kind: String,
}

#[derive(Deserialize)]
struct PeerRow {
    id: String,
    verdict: HashMap<String, String>,
}

fn read(path: PathBuf) -> String {
    let mut text = String::new();
    GzDecoder::new(File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text
}

/// The cases of a suite, as much of each as `T` asks for. `None` where the suites are not beside this checkout.
pub fn cases<T: for<'a> Deserialize<'a>>(suite: &str) -> Option<Vec<T>> {
    #[derive(Deserialize)]
    struct Cases<T> {
        testcases: Vec<T>,
    }
    let text = read(folder()?.join(format!("{suite}.json.gz")));
    Some(serde_json::from_str::<Cases<T>>(&text).unwrap().testcases)
}

/// The same, as they stand in the file.
pub fn raw_cases(suite: &str) -> Option<Vec<Box<RawValue>>> {
    cases(suite)
}

/// Cases judged right, cases counted, and those judged wrong.
#[derive(Default)]
struct Score {
    right: usize,
    cases: usize,
    wrong: Vec<String>,
}

/// `TLSMEND_SHOW=standard cargo test suites -- --nocapture` lists what the standard judges otherwise than expected.
#[test]
fn suites_are_judged_as_recorded() {
    let Some(folder) = folder() else {
        return crate::support::skip("the test suites are not beside this checkout");
    };
    let show = std::env::var("TLSMEND_SHOW").unwrap_or_default();
    let rows = read(folder.join("peer-verdicts-dev.jsonl.gz"));
    let peers: HashMap<String, HashMap<String, String>> = rows
        .lines()
        .map(|line| serde_json::from_str::<PeerRow>(line).unwrap())
        .map(|row| (row.id, row.verdict))
        .collect();
    let mut asked: Vec<(&'static Client, Option<&str>)> =
        PEERS.iter().map(|model| (clients::find_for_judge(model.client).unwrap(), Some(model.peer))).collect();
    asked.push((clients::find_for_judge("standard").unwrap(), None));
    let mut broken = Vec::new();
    for &(suite, expected, cases) in STANDARD {
        let text = read(folder.join(format!("{suite}.json.gz")));
        let cases_raw = serde_json::from_str::<Suite<'_>>(&text).unwrap().testcases;
        let scores = judge_all(&cases_raw, &asked, &peers);
        for (&(client, peer), score) in asked.iter().zip(&scores) {
            let (least, most) = match peer {
                None => (expected, expected),
                Some(_) => {
                    let model = PEERS.iter().find(|model| model.client == client.id).unwrap();
                    let (_, least) = model.least.iter().find(|(name, _)| *name == suite).unwrap();
                    (*least, score.cases)
                }
            };
            let yardstick = peer.map_or("expected".to_owned(), |peer| format!("peer {peer}"));
            println!("{suite:20} {:12} {yardstick:12} {:5}/{}", client.id, score.right, score.cases);
            if show == client.id {
                score.wrong.iter().for_each(|line| println!("    {line}"));
            }
            if !(least..=most).contains(&score.right) || (peer.is_none() && score.cases != cases) {
                broken.push(format!("{suite} {}: {} of {}, {least} recorded", client.id, score.right, score.cases));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// One score for each of `asked`, on all processors.
fn judge_all(
    cases: &[&RawValue],
    asked: &[(&'static Client, Option<&str>)],
    peers: &HashMap<String, HashMap<String, String>>,
) -> Vec<Score> {
    // The day the validators were asked.
    let now: Time = "2026-11-22T12:00:00Z".parse().unwrap();
    let next = AtomicUsize::new(0);
    let scores: Mutex<BTreeMap<usize, Score>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let expectation: Expectation = serde_json::from_str(case.get()).unwrap();
                    let prepared = Prepared::parse(case.get().as_bytes(), now).unwrap();
                    for (i, &(client, peer)) in asked.iter().enumerate() {
                        let Some(expected) = expected(&expectation, peer, peers) else { continue };
                        let reply = prepared.judge(client);
                        let mut scores = scores.lock().unwrap();
                        let score = scores.entry(i).or_default();
                        score.cases += 1;
                        if reply.actual_result == expected {
                            score.right += 1;
                        } else {
                            let (id, got) = (&expectation.id, reply.actual_result);
                            score.wrong.push(format!("{id}: {expected:?}; we say {got:?} {}", reply.context));
                        }
                    }
                }
            });
        }
    });
    let mut scores = scores.into_inner().unwrap();
    (0..asked.len()).map(|i| scores.remove(&i).unwrap_or_default()).collect()
}

/// `None`: the case does not count. The tags of the Chromium suite stand for settings that we do not have.
fn expected(
    case: &Expectation,
    peer: Option<&str>,
    peers: &HashMap<String, HashMap<String, String>>,
) -> Option<ActualResult> {
    match peer {
        None => {
            let is_chromium = case.id.starts_with("chromium-chain::");
            let counts = !is_chromium || (case.features.is_empty() && case.validation_kind == "SERVER");
            counts.then_some(case.expected_result)
        }
        Some(peer) => match peers.get(&case.id)?.get(peer)?.as_str() {
            "S" => Some(ActualResult::Success),
            "F" => Some(ActualResult::Failure),
            _ => None,
        },
    }
}
