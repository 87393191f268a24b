//! Test suites that others wrote, which lie beside a checkout of the project: the standard against what is expected, our
//! clients against what the real validators said. A clone without them skips.
//!
//! `cargo test --test it scoreboard -- --nocapture` prints the tables, holds them against the README and every single
//! disagreement against `fixtures/divergences.json`. `TLSMEND_BLESS=1` rewrites the README's table, `TLSMEND_SHOW=go` lists
//! where that client's verdicts or error texts differ.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
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
use tlsmend::judge::engine::rfc5280::rules;
use tlsmend::judge::limbo::{ActualResult, Prepared, Reply};
use tlsmend::model::time::Time;

use crate::support::divergences::{self, Divergence};

/// The folder of suites, `TLSMEND_SUITES` or beside the checkout.
pub fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("TLSMEND_SUITES")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/suites"), PathBuf::from);
    folder.join("limbo-core-dev.json.gz").is_file().then_some(folder)
}

/// File, and the head of its column.
const SUITES: &[(&str, &str)] = &[
    ("limbo-core-dev", "limbo"),
    ("bettertls-dev", "bettertls"),
    ("chromium-chain-dev", "chromium"),
    ("pkits-dev", "pkits"),
    ("real-dev", "real"),
    ("real-disputed-dev", "disputed"),
    ("cross-signs-dev", "cross-signs"),
    ("revocation-dev", "revocation"),
];

/// Our client, and the validator that was asked.
const PEERS: &[(&str, &str)] = &[
    ("go", "go"),
    ("java", "java"),
    ("rustls-aws", "rustls"),
    ("peer-openssl", "openssl"),
    ("peer-bssl", "bssl"),
    ("peer-moz", "moz"),
    ("peer-gnutls", "gnutls"),
    ("peer-pyca", "pyca"),
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
    #[serde(default)]
    reference_errors: Vec<ReferenceError>,
}

/// What Chromium's verifier says of one certificate of the path.
#[derive(Deserialize)]
struct ReferenceError {
    index: usize,
    errors: Vec<String>,
}

#[derive(Deserialize)]
struct PeerRow {
    id: String,
    verdict: HashMap<String, String>,
    #[serde(default)]
    message: HashMap<String, String>,
}

type Rows = HashMap<String, PeerRow>;

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

fn rows(folder: &std::path::Path) -> Rows {
    let text = read(folder.join("peer-verdicts-dev.jsonl.gz"));
    text.lines().map(|line| serde_json::from_str::<PeerRow>(line).unwrap()).map(|row| (row.id.clone(), row)).collect()
}

/// Agreement of a client with its yardstick in one suite.
#[derive(Default, Clone, Copy)]
struct Score {
    cases: usize,
    right: usize,
    /// Cases refused by both with a text to compare, and those in which it is the same.
    texts: usize,
    same_texts: usize,
}

impl std::ops::AddAssign for Score {
    fn add_assign(&mut self, other: Self) {
        self.cases += other.cases;
        self.right += other.right;
        self.texts += other.texts;
        self.same_texts += other.same_texts;
    }
}

/// Rounded down: a single miss must not read as none.
fn percent(part: usize, whole: usize) -> String {
    let tenths = (1000 * part).checked_div(whole);
    tenths.map_or("–".to_owned(), |tenths| format!("{}.{} %", tenths / 10, tenths % 10))
}

#[test]
fn scoreboard_of_the_suites() {
    let Some(folder) = folder() else {
        return crate::support::skip("the test suites are not beside this checkout");
    };
    let rows = rows(&folder);
    let mut asked: Vec<(&'static Client, Option<&str>)> =
        PEERS.iter().map(|&(client, peer)| (clients::find_for_judge(client).unwrap(), Some(peer))).collect();
    asked.push((clients::find_for_judge("standard").unwrap(), None));
    let mut scores: Vec<Vec<Score>> = Vec::new();
    let (mut divergent, mut expectations) = (Vec::new(), Vec::new());
    for &(suite, _) in SUITES {
        let text = read(folder.join(format!("{suite}.json.gz")));
        let cases = serde_json::from_str::<Suite<'_>>(&text).unwrap().testcases;
        let (of_suite, mut found) = judge_all(suite, &cases, &asked, &rows);
        scores.push(of_suite);
        divergent.append(&mut found);
        let of_suite: Vec<Expectation> = cases.iter().map(|case| serde_json::from_str(case.get()).unwrap()).collect();
        expectations.push(of_suite);
    }
    let table = table(&asked, &scores, &expectations, &rows);
    println!("{table}");
    let suites: Vec<&str> = SUITES.iter().map(|(suite, _)| *suite).collect();
    divergences::check(&suites, divergent);
    crate::readme::check("suites", &table);
}

/// A row a client, a column a suite: cases in which the verdicts agree. Beside them the best of the other validators.
fn table(
    asked: &[(&'static Client, Option<&str>)],
    scores: &[Vec<Score>],
    expectations: &[Vec<Expectation>],
    rows: &Rows,
) -> String {
    let mut table = String::from("| client | yardstick |");
    SUITES.iter().for_each(|(_, head)| write!(table, " {head} |").unwrap());
    table.push_str(" all | error text | best other validator |\n| --- | --- |");
    table.push_str(&" --- |".repeat(SUITES.len() + 3));
    for (row, &(client, peer)) in asked.iter().enumerate() {
        let yardstick = peer.map_or("the suites".to_owned(), |peer| format!("the real `{peer}`"));
        write!(table, "\n| `{}` | {yardstick} |", client.id).unwrap();
        let mut all = Score::default();
        for score in scores.iter().map(|of_suite| of_suite[row]) {
            all += score;
            let cell = if score.cases == 0 { "–".to_owned() } else { format!("{}/{}", score.right, score.cases) };
            write!(table, " {cell} |").unwrap();
        }
        let (other, best) = best_other(peer, expectations.iter().flatten(), rows);
        let texts = percent(all.same_texts, all.texts);
        write!(table, " **{}** | {texts} | {best} (`{other}`) |", percent(all.right, all.cases)).unwrap();
    }
    table.push('\n');
    table
}

/// Of the other validators the one that agrees best with this yardstick where both were asked, and how well.
fn best_other<'a>(
    peer: Option<&str>,
    cases: impl Iterator<Item = &'a Expectation>,
    rows: &Rows,
) -> (&'static str, String) {
    let mut agreement: BTreeMap<&'static str, (usize, usize)> = BTreeMap::new();
    for case in cases {
        let Some(expected) = expected(case, peer, rows) else { continue };
        for &(_, other) in PEERS.iter().filter(|(_, other)| Some(*other) != peer) {
            let Some(said) = verdict(rows, &case.id, other) else { continue };
            let (right, asked) = agreement.entry(other).or_default();
            *asked += 1;
            *right += usize::from(said == expected);
        }
    }
    let share = |(right, asked): (usize, usize)| right as f64 / asked as f64;
    let (other, (right, asked)) =
        agreement.into_iter().max_by(|one, other| share(one.1).total_cmp(&share(other.1))).unwrap();
    (other, percent(right, asked))
}

/// One score for each of `asked`, on all processors; and the cases judged otherwise.
fn judge_all(
    suite: &str,
    cases: &[&RawValue],
    asked: &[(&'static Client, Option<&str>)],
    rows: &Rows,
) -> (Vec<Score>, Vec<Divergence>) {
    let show = std::env::var("TLSMEND_SHOW").unwrap_or_default();
    let next = AtomicUsize::new(0);
    let found: Mutex<(Vec<Score>, Vec<Divergence>)> = Mutex::new((vec![Score::default(); asked.len()], Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let expectation: Expectation = serde_json::from_str(case.get()).unwrap();
                    let prepared = Prepared::parse(case.get().as_bytes(), now()).unwrap();
                    for (i, &(client, peer)) in asked.iter().enumerate() {
                        let Some(expected) = expected(&expectation, peer, rows) else { continue };
                        let reply = prepared.judge(client);
                        let is_right = reply.actual_result == expected;
                        let text = peer.and_then(|peer| rows[&expectation.id].message.get(peer));
                        let is_whole =
                            |text: &str| text.chars().count() < KEPT || !NAMED_AT_THE_BEGINNING.contains(&client.id);
                        let text = text.filter(|text| is_right && expected == ActualResult::Failure && is_whole(text));
                        let is_same = text.is_some_and(|text| says(client.id, &reply, text));
                        if show == client.id && (!is_right || text.is_some() && !is_same) {
                            println!("{}: {:?} {}; they say {text:?}", expectation.id, reply.code, reply.context);
                        }
                        let mut found = found.lock().unwrap();
                        found.0[i] += Score {
                            cases: 1,
                            right: usize::from(is_right),
                            texts: usize::from(text.is_some()),
                            same_texts: usize::from(is_same),
                        };
                        if !is_right {
                            found.1.push(Divergence {
                                suite: suite.to_owned(),
                                client: client.id.to_owned(),
                                case: expectation.id.clone(),
                                ours: word(reply.actual_result).to_owned(),
                                theirs: word(expected).to_owned(),
                            });
                        }
                    }
                }
            });
        }
    });
    found.into_inner().unwrap()
}

/// The day the validators were asked.
fn now() -> Time {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn word(result: ActualResult) -> &'static str {
    match result {
        ActualResult::Success => "accept",
        ActualResult::Failure => "reject",
        ActualResult::Skipped => "skip",
    }
}

/// `None`: the case does not count. The tags of the Chromium suite stand for settings that we do not have.
fn expected(case: &Expectation, peer: Option<&str>, rows: &Rows) -> Option<ActualResult> {
    match peer {
        None => {
            let is_chromium = case.id.starts_with("chromium-chain::");
            // Disputed chains say what clients do, not what is right.
            let is_disputed = case.id.starts_with("real-disputed::");
            let counts = !is_chromium || (case.features.is_empty() && case.validation_kind == "SERVER");
            (counts && !is_disputed).then_some(case.expected_result)
        }
        Some(peer) => verdict(rows, &case.id, peer),
    }
}

fn verdict(rows: &Rows, id: &str, peer: &str) -> Option<ActualResult> {
    match rows.get(id)?.verdict.get(peer)?.as_str() {
        "S" => Some(ActualResult::Success),
        "F" => Some(ActualResult::Failure),
        _ => None,
    }
}

/// rustls' own names of errors that webpki has other names for; the validator asked was webpki.
const RUSTLS_NAMES: &[(&str, &str)] = &[
    ("BadEncoding", "BadDer"),
    ("BadEncoding", "BadDerTime"),
    ("BadEncoding", "TrailingData"),
    ("ExpiredContext", "CertExpired"),
    ("NotValidYetContext", "CertNotValidYet"),
    ("NotValidForNameContext", "CertNotValidForName"),
    ("BadSignature", "InvalidSignatureForPublicKey"),
    ("InvalidPurposeContext", "RequiredEkuNotFound"),
    ("UnsupportedSignatureAlgorithmContext", "UnsupportedSignatureAlgorithm"),
    ("UnsupportedSignatureAlgorithmForPublicKeyContext", "UnsupportedSignatureAlgorithmForPublicKey"),
    ("Revoked", "CertRevoked"),
    ("ExpiredRevocationListContext", "CrlExpired"),
    ("InvalidCertRevocationList(BadSignature)", "InvalidCrlSignatureForPublicKey"),
    ("InvalidCertRevocationList(IssuerInvalidForCrl)", "IssuerNotCrlSigner"),
    ("InvalidCertRevocationList(UnsupportedRevocationReason)", "UnsupportedRevocationReasonsPartitioning"),
];

/// Octets of a validator's text that were kept, its last ones: of longer ones the beginning is lost, which is what names
/// the error for these two.
const KEPT: usize = 160;
const NAMED_AT_THE_BEGINNING: &[&str] = &["rustls-aws", "peer-pyca"];

/// Does our reply name the error that the validator named? Texts stand in different wrappings.
fn says(client: &str, reply: &Reply, text: &str) -> bool {
    let code = reply.code.as_deref().unwrap_or_default();
    let message = reply.context["message"].as_str().unwrap_or_default();
    let either = |ours: &str| !ours.is_empty() && (ours.contains(text) || text.contains(ours));
    match client {
        "rustls-aws" => {
            let inner =
                code.strip_prefix("InvalidCertRevocationList(").map_or(code, |inner| inner.trim_end_matches(')'));
            let names = RUSTLS_NAMES.iter().filter(|(rustls, _)| *rustls == code).map(|(_, webpki)| *webpki);
            names.chain([inner]).any(|name| text.contains(name))
        }
        // SEC_ERROR_, MOZILLA_PKIX_ERROR_, SSL_ERROR_ and the validator's own ERROR_.
        "peer-moz" => {
            code.split_once("ERROR_").is_some_and(|(_, name)| text.contains(name))
                || text == "name" && code.contains("DOMAIN")
        }
        "go" => {
            let said = message.strip_prefix("tls: failed to verify certificate: ").unwrap_or(message);
            either(said.strip_prefix("tls: failed to parse certificate from server: ").unwrap_or(said))
        }
        // The last of the exceptions in a chain of causes.
        "java" => {
            let (class, said) = text.split_once(": ").unwrap_or((text, text));
            message.contains(text) || message.contains(said) || code.contains(class) && either(message)
        }
        "peer-openssl" => either(message),
        _ => either(code),
    }
}

/// Chromium's errors and our rules. One text may stand for several rules where Chromium tells less apart.
const CHROMIUM_ERRORS: &[(&str, &[&rules::Rule])] = &[
    ("The extended key usage does not include server auth", &[&rules::EXTENDED_KEY_USAGE]),
    ("The extended key usage does not include client auth", &[&rules::EXTENDED_KEY_USAGE]),
    ("Basic Constraints indicates not a CA", &[&rules::NOT_A_CA]),
    ("Does not have Basic Constraints", &[&rules::NOT_A_CA]),
    // An end entity that is itself trusted but is no anchor: nothing above it, so there is no path.
    ("Certificate is not a trust anchor", &[&rules::NO_PATH]),
    ("Unconsumed critical extension", &[&rules::CRITICAL_EXTENSION]),
    ("Time is after notAfter", &[&rules::EXPIRED]),
    ("Time is before notBefore", &[&rules::NOT_YET_VALID]),
    ("VerifySignedData failed", &[&rules::BAD_SIGNATURE]),
    ("max_path_length reached", &[&rules::PATH_LENGTH]),
    ("keyCertSign bit is not set", &[&rules::KEY_CERT_SIGN]),
    ("Unacceptable public key", &[&rules::KEY_TOO_WEAK, &rules::KEY_NOT_SUPPORTED]),
    ("Unacceptable signature algorithm", &[&rules::SIGNATURE_NOT_SUPPORTED, &rules::PROFILE_SIGNATURE]),
    ("Not permitted by name constraints", &[&rules::NAME_CONSTRAINTS]),
    ("No valid policy", &[&rules::POLICY]),
    ("PolicyMappings must not map anyPolicy", &[&rules::POLICY_MAPPING_ANY]),
];

/// The untagged SERVER cases of Chromium's suite that are to fail: the reason given first must be one of Chromium's, at
/// the same certificate, and all of Chromium's must be found.
#[test]
fn scoreboard_of_chromium_reasons() {
    let Some(folder) = folder() else {
        return crate::support::skip("the test suites are not beside this checkout");
    };
    let text = read(folder.join("chromium-chain-dev.json.gz"));
    let mut lines = Vec::new();
    let (mut cases, mut right) = (0, 0);
    for case in serde_json::from_str::<Suite<'_>>(&text).unwrap().testcases {
        let expectation: Expectation = serde_json::from_str(case.get()).unwrap();
        let theirs: Vec<(usize, &str)> = expectation
            .reference_errors
            .iter()
            .flat_map(|at| at.errors.iter().map(move |text| (at.index, text)))
            .filter_map(|(index, text)| Some((index, text.strip_prefix("ERROR: ")?)))
            .collect();
        let is_failure = expected(&expectation, None, &HashMap::new()) == Some(ActualResult::Failure);
        if !is_failure {
            continue;
        }
        cases += 1;
        let prepared = Prepared::parse(case.get().as_bytes(), now()).unwrap();
        let reply = prepared.judge(clients::find_for_judge("standard").unwrap());
        let means = |(index, text): (usize, &str), breach: &serde_json::Value| {
            let (_, ours) = CHROMIUM_ERRORS
                .iter()
                .find(|(known, _)| *known == text)
                .unwrap_or_else(|| panic!("{text} is in no line of the table"));
            breach["position"] == index && ours.iter().any(|rule| breach["rule"] == rule.code)
        };
        let breaches = reply.context["breaches"].as_array().cloned().unwrap_or_default();
        let is_right = theirs.iter().any(|&error| means(error, &reply.context))
            && theirs.iter().all(|&error| breaches.iter().any(|breach| means(error, breach)));
        right += usize::from(is_right);
        if !is_right {
            lines.push(format!("{}: {theirs:?}; we say {breaches:?}", expectation.id));
        }
    }
    println!("certificate and reason as Chromium's verifier: {right} of {cases}");
    assert!(lines.is_empty() && cases > 10, "{}", lines.join("\n"));
}
