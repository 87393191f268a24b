//! Models of clients that could not be measured, against the answers that BetterTLS published for them.

use std::collections::HashMap;

use serde_json::value::RawValue;
use tlsmend::judge::clients;
use tlsmend::judge::limbo::{ActualResult, Prepared};

use crate::suites;
use crate::support::skip;

/// Our client, the column it is compared with, cases compared, cases judged the same.
///
/// The two that `windows` leaves undetermined are SHA-1. Chrome and Edge on Windows still asked CryptoAPI in 2021: their columns speak for `windows` and `dotnet` too. Nothing was
/// published for Android.
const COLUMNS: &[(&str, &str, usize, usize)] = &[
    ("safari", "safari_macos_605.1.15", 35, 35),
    // Chromium's verifier of today gives up after 20 steps (2023); that of 2021 did not.
    ("edge", "chromium_linux64_96.0.4664.110", 40, 35),
    ("windows", "edge_win64_94.0.992.38", 40, 38),
    ("windows", "chrome_win64_96.0.4664.110", 40, 38),
    ("dotnet", "edge_win64_94.0.992.38", 40, 38),
];

/// `TLSMEND_SHOW=safari cargo test published -- --nocapture` lists what is judged otherwise than published.
#[test]
fn platform_models_agree_with_published_answers() {
    let Some((folder, cases)) = suites::folder().zip(suites::raw_cases("bettertls-dev")) else {
        return skip("the test suites are not beside this checkout");
    };
    let table = std::fs::read_to_string(folder.join("bettertls-published-pathbuilding.csv")).unwrap();
    let mut rows = table.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = rows.next().unwrap();
    let published: HashMap<&str, Vec<&str>> = rows.map(|row| (row[0], row)).collect();
    let show = std::env::var("TLSMEND_SHOW").unwrap_or_default();
    let now = "2026-11-22T12:00:00Z".parse().unwrap();
    let prepared: Vec<(String, Prepared)> = cases.iter().filter_map(|case| path_case(case, &published, now)).collect();
    let mut broken = Vec::new();
    for &(client, column, expected_cases, expected_same) in COLUMNS {
        let position = header.iter().position(|name| *name == column).unwrap();
        let (mut compared, mut same, mut undetermined) = (0, 0, 0);
        for (id, case) in &prepared {
            let said = match published[id.as_str()][position] {
                "S" => ActualResult::Success,
                "F" => ActualResult::Failure,
                _ => continue,
            };
            let reply = case.judge(clients::find(client).unwrap());
            compared += 1;
            if reply.context["verdict"] == "undetermined" {
                undetermined += 1;
            } else if reply.actual_result == said {
                same += 1;
            } else if show == client {
                println!("    {id}: published {said:?}; we say {:?} {}", reply.actual_result, reply.context);
            }
        }
        println!("{client:10} {column:30} {same:3} of {compared}, {undetermined} undetermined");
        if (compared, same) != (expected_cases, expected_same) {
            broken
                .push(format!("{client} {column}: {same} of {compared}, {expected_same} of {expected_cases} recorded"));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

fn path_case(
    raw: &RawValue,
    published: &HashMap<&str, Vec<&str>>,
    now: tlsmend::model::time::Time,
) -> Option<(String, Prepared)> {
    #[derive(serde::Deserialize)]
    struct Id {
        id: String,
    }
    let Id { id } = serde_json::from_str(raw.get()).unwrap();
    published.contains_key(id.as_str()).then(|| (id, Prepared::parse(raw.get().as_bytes(), now).unwrap()))
}
