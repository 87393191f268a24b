//! The bundle a server should send: chosen by judging every candidate for every client. Pure.

use crate::judge::case::Case;
use crate::judge::client::{Answer, Client};
use crate::judge::pool::CertId;
use crate::judge::search::Search;
use crate::judge::{self};
use crate::model::report::{Proof, Repair};
use crate::model::verdict::Verdict;
use crate::x509::pem;

/// Candidate paths tried: the search ranks them, later ones are longer or faultier.
const MAX_CANDIDATES: usize = 8;

/// The end entity and the shortest set of intermediates that makes the most clients accept: no root, no strangers, right
/// order. `search` holds the paths over everything known; `before` the answers to the chain as served.
pub fn propose(case: &Case<'_>, search: &Search, clients: &[&'static Client], before: &[Answer]) -> Repair {
    let accepted = |answers: &[Answer]| answers.iter().filter(|answer| answer.verdict == Verdict::Accept).count();
    let mut best: Option<(Vec<CertId>, Vec<Answer>)> = None;
    for path in search.paths.iter().filter(|path| path.anchored).take(MAX_CANDIDATES) {
        let bundle: Vec<CertId> = path
            .certificates
            .iter()
            .copied()
            .enumerate()
            .filter(|(i, id)| *i == 0 || case.is_anchor(*id).is_none())
            .map(|(_, id)| id)
            .collect();
        let trial = Case {
            served: &bundle,
            unparsable: &[],
            served_bytes: bundle.iter().map(|id| case.pool.get(*id).der().len()).sum(),
            ..*case
        };
        let answers: Vec<Answer> = clients.iter().map(|client| judge::answer(client, &trial, &[])).collect();
        let better = best
            .as_ref()
            .is_none_or(|(chosen, known)| (accepted(&answers), chosen.len()) > (accepted(known), bundle.len()));
        if better {
            best = Some((bundle, answers));
        }
    }
    let Some((bundle, after)) = best else {
        return impossible("no path from the end entity to a trust anchor is known");
    };
    let pairs = || before.iter().map(|answer| answer.verdict).zip(after.iter().map(|answer| answer.verdict));
    let accept = Verdict::Accept;
    let mends = pairs().any(|(before, after)| before != accept && after == accept);
    let worse = pairs().any(|(before, after)| before == accept && after != accept);
    let clean = case.unparsable.is_empty() && case.served == bundle;
    // Most accept already, and lose nothing but certificates they do not need.
    let tidies = !clean && 2 * accepted(&after) > after.len();
    if worse || !(mends || tidies) {
        return impossible(match pairs().all(|(before, _)| before == accept) {
            true => "the chain as served is as good as any",
            false => "no chain makes more clients accept: the fault is not in the chain",
        });
    }
    let shown = |ids: &mut dyn Iterator<Item = &CertId>| {
        ids.map(|id| case.pool.get(*id).fingerprint.to_string()).collect::<Vec<_>>()
    };
    let kept: Vec<CertId> = case.served.iter().copied().filter(|id| bundle.contains(id)).collect();
    Repair {
        possible: true,
        reason: None,
        adds: shown(&mut bundle.iter().filter(|id| !case.served.contains(id))),
        removes: shown(&mut case.served.iter().filter(|id| !bundle.contains(id))),
        reordered: !kept.iter().eq(bundle.iter().filter(|id| case.served.contains(id))),
        bundle_pem: Some(bundle.iter().map(|id| pem::encode(case.pool.get(*id).der())).collect()),
        proof: clients
            .iter()
            .zip(before.iter().zip(&after))
            .map(|(client, (before, after))| Proof {
                client: client.id.to_owned(),
                before: before.verdict,
                after: after.verdict,
            })
            .collect(),
    }
}

fn impossible(reason: &str) -> Repair {
    Repair { reason: Some(reason.to_owned()), ..Repair::default() }
}
