//! Our models against what the real clients were measured to say: chains only, without a handshake. The same with real
//! handshakes is the work of the scoring script that lies beside the scenarios.

use tlsmend::model::verdict::Verdict;

use crate::support::shared_lab::SharedLab;
use crate::support::skip;

/// Column of the measurements, our client, whether the roots are the client's own.
const COLUMNS: &[(&str, &str, bool)] = &[
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

/// `TLSMEND_SHOW=curl cargo test client_verdicts -- --nocapture` lists that column's misses.
#[test]
fn models_agree_with_measurements() {
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
    let mut low = Vec::new();
    for &(column, client, public) in COLUMNS {
        let (mut cells, mut verdicts, mut refused, mut codes, mut categories) = (0, 0, 0, 0, 0);
        for scenario in lab.scenarios.iter().filter(|scenario| scenario.family != "tls") {
            let truth = &scenario.truth[column];
            if truth.verdict == "error" {
                continue;
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
            if (show == column || show == "all")
                && !(right && (truth.verdict == "ok" || code == truth.code && category == truth.category))
            {
                println!(
                    "{}: {} {} `{}`; we say {} {category} `{code}`",
                    scenario.id,
                    truth.verdict,
                    truth.category,
                    truth.code,
                    word(answer.verdict)
                );
            }
        }
        println!(
            "{column:16} verdict {verdicts:3}/{cells}  category {categories:3}/{refused}  code {codes:3}/{refused}"
        );
        if verdicts * 100 < cells * 95 {
            low.push(column);
        }
    }
    assert!(low.is_empty(), "below 95 % of verdicts: {low:?}");
}
