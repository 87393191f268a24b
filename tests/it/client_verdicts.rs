//! Our models against what the real clients were measured to say: chains only, without a handshake. The same with real
//! handshakes is the work of the scoring script that lies beside the scenarios.

use std::fmt::Write as _;

use tlsmend::model::verdict::Verdict;

use crate::support::divergences::{self, Divergence};
use crate::support::shared_lab::SharedLab;
use crate::support::skip;

/// Column of the measurements, our client, whether the roots are the client's own.
const COLUMNS: &[(&str, &str, bool); 24] = &[
    ("chromium", "chrome", false),
    ("chromium-public", "chrome", true),
    ("firefox", "firefox", false),
    ("curl", "curl", false),
    ("java", "java", false),
    ("java-jdkca", "java", true),
    ("go", "go", false),
    ("rustls-aws", "rustls-aws", false),
    ("openssl", "openssl", false),
    ("openssl-plain", "openssl-plain", false),
    ("python-ssl", "python-ssl", false),
    ("python-strict", "python-strict", false),
    ("requests", "requests", false),
    ("node20", "node20", false),
    ("node24", "node24", false),
    ("bun", "bun", false),
    ("deno", "deno", false),
    ("rustls-ring", "rustls-ring", false),
    ("java-aia", "java-aia", false),
    ("gnutls-cli", "gnutls-cli", false),
    ("wget", "wget", false),
    ("git", "git", false),
    ("mbedtls", "mbedtls", false),
    ("wolfssl", "wolfssl", false),
];

/// `TLSMEND_SHOW=curl cargo test scoreboard_of_the_lab -- --nocapture` lists that column's misses.
#[test]
fn scoreboard_of_the_lab() {
    let Some(lab) = SharedLab::load() else {
        skip("the measured scenarios are not beside this checkout");
        return;
    };
    let show = std::env::var("TLSMEND_SHOW").unwrap_or_default();
    let word = |verdict| match verdict {
        Verdict::Accept => "ok",
        Verdict::Reject => "reject",
        Verdict::Error => "error",
        Verdict::Undetermined => "undetermined",
    };
    let mut table = String::from(
        "| measured | client | verdict | category | code | best other program |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    let mut divergent = Vec::new();
    for &(column, client, public) in COLUMNS {
        let (mut cells, mut verdicts, mut refused, mut codes, mut categories) = (0, 0, 0, 0, 0);
        let mut others = COLUMNS.map(|(other, ..)| (0, 0, other));
        for scenario in lab.scenarios.iter().filter(|scenario| scenario.family != "tls") {
            let truth = &scenario.truth[column];
            if truth.verdict == "error" {
                continue;
            }
            for (right, asked, other) in others.iter_mut().filter(|(_, _, other)| *other != column) {
                *asked += 1;
                *right += usize::from(scenario.truth[*other].verdict == truth.verdict);
            }
            let answer = lab.judge(scenario, client, public);
            let category = answer
                .category
                .map_or("ok".to_owned(), |c| serde_json::to_value(c).unwrap().as_str().unwrap().to_owned());
            let code = answer.code.clone().unwrap_or_default();
            cells += 1;
            let right = word(answer.verdict) == truth.verdict;
            verdicts += usize::from(right);
            if truth.verdict != "ok" {
                refused += 1;
                codes += usize::from(right && code == truth.code);
                categories += usize::from(right && category == truth.category);
            }
            if !(right && (truth.verdict == "ok" || code == truth.code && category == truth.category)) {
                divergent.push(Divergence {
                    suite: "lab".to_owned(),
                    client: column.to_owned(),
                    case: scenario.id.clone(),
                    ours: format!("{} {category} {code}", word(answer.verdict)).trim_end().to_owned(),
                    theirs: format!("{} {} {}", truth.verdict, truth.category, truth.code).trim_end().to_owned(),
                });
                if show == column || show == "all" {
                    println!("{:?}", divergent.last());
                }
            }
        }
        let share = |&(right, asked, _): &(usize, usize, &str)| (1_000_usize * right).checked_div(asked).unwrap_or(0);
        let best = others.iter().max_by_key(|other| share(other)).unwrap();
        writeln!(
            table,
            "| {column} | `{client}` | {verdicts}/{cells} | {categories}/{refused} | {codes}/{refused} | {}.{} % ({}) |",
            share(best) / 10,
            share(best) % 10,
            best.2
        )
        .unwrap();
    }
    println!("{table}");
    divergences::check(&["lab"], divergent);
    crate::readme::check("lab", &table);
}
