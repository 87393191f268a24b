//! The standard: no client that people run, but the yardstick beside them.

use crate::judge::case::Case;
use crate::judge::client::{Answer, Client};
use crate::judge::engine::rfc5280::{self, Inputs, Outcome};
use crate::judge::stores::{StoreId, Trust};
use crate::model::handshake::Failure;
use crate::model::verdict::Verdict;

pub const CLIENT: Client = Client {
    id: "standard",
    name: "the standard (RFC 5280, RFC 9525)",
    versions: "RFC 5280 with RFC 6818, 8398, 9549 and 9618; RFC 9525; CA/Browser Forum Baseline Requirements 2.1",
    measured: false,
    fetches_issuers: false,
    hello: None,
    trust: Trust::of(StoreId::Mozilla),
    notes: &[
        "Explores every path and accepts when one is valid.",
        "Rejects for a closed list of rules only; other departures from a profile are findings.",
        "With CRLs given, every certificate below the trust anchor must be found good by them.",
    ],
    sources: &[
        "RFC 5280 §6 (path validation), §4 (profile), RFC 9618 (policies)",
        "RFC 9525 §6 (names)",
        "CA/Browser Forum, Baseline Requirements for TLS Server Certificates §6.1.5, §7.1",
    ],
    judge,
    handshake,
};

fn judge(case: &Case<'_>) -> Answer {
    answer(rfc5280::validate(case, &Inputs::server(case.reference.whole())))
}

/// The first breach is the answer; its rule says the category.
pub fn answer(outcome: Outcome) -> Answer {
    match outcome.breaches.first() {
        None => Answer::accept(outcome.path),
        Some(breach) => {
            let detail = breach.detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default();
            let answer = Answer::reject(breach.rule.category, breach.rule.code)
                .with_message(format!("{}{detail} ({})", breach.rule.says, breach.rule.section))
                .with_path(outcome.path)
                .at(breach.position);
            if *breach.rule == rfc5280::rules::BUDGET_SPENT {
                Answer { verdict: Verdict::Undetermined, ..answer }
            } else {
                answer
            }
        }
    }
}

/// It has nothing to say about handshakes.
fn handshake(_failure: &Failure, _case: &Case<'_>) -> Option<Answer> {
    None
}
