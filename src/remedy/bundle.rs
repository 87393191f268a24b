//! The bundle a server should send: chosen by judging every candidate for every client. Pure.
//!
//! A candidate is a whole path from the end entity, without its root: that is what TLS 1.2 demands of a
//! `certificate_list` (RFC 5246 §7.4.2: each certificate certifies the one before it) and what every client can follow.
//! Where an issuer is cross-certified there are several; judging them decides, not their length.

mod refusal;

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::judge::case::Case;
use crate::judge::client::{Answer, Client};
use crate::judge::pool::CertId;
use crate::judge::search::{BuiltPath, Search};
use crate::judge::{self};
use crate::model::finding::Finding;
use crate::model::report::{Proof, Repair, RepairOutcome};
use crate::model::verdict::Verdict;
use crate::x509::pem;

pub use refusal::no_chain;

/// Candidates judged. Real hierarchies have one to four paths; a mesh of cross-certificates is ranked by the search, and
/// what comes later is longer or faultier.
const MAX_CANDIDATES: usize = 16;

/// What a bundle is asked for.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    pub case: Case<'a>,
    /// The paths over everything known.
    pub search: &'a Search,
    pub clients: &'a [&'static Client],
    /// Their answers to the chain as served, in the same order.
    pub before: &'a [Answer],
    /// What was found, most severe first: where no bundle helps it says why.
    pub findings: &'a [Finding],
    /// Index of the deployment that the case is about.
    pub deployment: usize,
    /// Append the root, for the few programs that want it in the file.
    pub with_root: bool,
}

/// A chain that could be served.
struct Candidate {
    bundle: Vec<CertId>,
    anchor: Option<CertId>,
    answers: Vec<Answer>,
}

/// The end entity and the intermediates that make the most clients accept and no client refuse that accepts now; of
/// several such chains the one that drops nothing useful that is served, then the shortest, then the one that lasts
/// longest. The same end entity always, no root (unless asked for), no strangers, in order.
pub fn propose(request: &Request<'_>) -> Repair {
    let Request { case, search, before, .. } = *request;
    let useful = useful(request);
    let lost = |candidate: &Candidate| {
        let changes = before.iter().zip(&candidate.answers);
        changes.filter(|(before, after)| accepts(before) && !accepts(after)).count()
    };
    let dropped = |candidate: &Candidate| useful.iter().filter(|id| !candidate.bundle.contains(id)).count();
    let lasts = |candidate: &Candidate| candidate.bundle.iter().map(|&id| case.pool.get(id).not_after).min();
    let best = candidates(request).into_iter().min_by_key(|candidate| {
        let rank = (lost(candidate), Reverse(accepted(&candidate.answers)), dropped(candidate));
        (rank, candidate.bundle.len(), Reverse(lasts(candidate)))
    });
    let refuse = |reason: refusal::Refusal| Repair {
        outcome: Some(RepairOutcome::Impossible),
        reason: Some(reason.reason),
        instead: Some(reason.instead),
        deployment: Some(request.deployment),
        ..Repair::default()
    };
    if let Some(revoked) = refusal::revoked(request) {
        return refuse(revoked);
    }
    let Some(best) = best else { return refuse(refusal::of(request, before, search)) };
    let mends = before.iter().zip(&best.answers).any(|(before, after)| !accepts(before) && accepts(after));
    if lost(&best) > 0 {
        return refuse(if mends {
            refusal::breaks_others(request, &best.answers)
        } else {
            refusal::of(request, &best.answers, search)
        });
    }
    let all_accept = before.iter().all(accepts);
    // A chain that most refuse for another reason needs no tidying first.
    let tidies = is_untidy(&case, &best.bundle, &useful) && 2 * accepted(&best.answers) > best.answers.len();
    let outcome = match (mends, tidies) {
        (true, _) => RepairOutcome::Mends,
        (false, true) => RepairOutcome::Tidies,
        (false, false) if all_accept => RepairOutcome::NotNeeded,
        (false, false) => return refuse(refusal::of(request, &best.answers, search)),
    };
    let shown = |ids: &mut dyn Iterator<Item = &CertId>| {
        ids.map(|id| case.pool.get(*id).fingerprint.to_string()).collect::<Vec<_>>()
    };
    let anchor = shown(&mut best.anchor.iter()).pop();
    let is_needed = outcome != RepairOutcome::NotNeeded;
    if !is_needed {
        return Repair {
            outcome: Some(outcome),
            reason: Some("the chain as served is as good as any".to_owned()),
            deployment: Some(request.deployment),
            trust_anchor: anchor,
            ..Repair::default()
        };
    }
    let bundle = &best.bundle;
    let kept: Vec<CertId> = case.served.iter().copied().filter(|id| bundle.contains(id)).collect();
    Repair {
        possible: true,
        reason: None,
        adds: shown(&mut bundle.iter().filter(|id| !case.served.contains(id))),
        removes: shown(&mut case.served.iter().filter(|id| !bundle.contains(id))),
        reordered: !kept.iter().eq(bundle.iter().filter(|id| case.served.contains(id))),
        bundle_pem: Some(bundle.iter().map(|id| pem::encode(case.pool.get(*id).der())).collect()),
        proof: request
            .clients
            .iter()
            .zip(before.iter().zip(&best.answers))
            .map(|(client, (before, after))| Proof {
                client: client.id.to_owned(),
                before: before.verdict,
                after: after.verdict,
                after_code: after.code.clone(),
            })
            .collect(),
        outcome: Some(outcome),
        instead: None,
        deployment: Some(request.deployment),
        trust_anchor: anchor,
    }
}

fn accepts(answer: &Answer) -> bool {
    answer.verdict == Verdict::Accept
}

fn accepted(answers: &[Answer]) -> usize {
    answers.iter().filter(|answer| accepts(answer)).count()
}

/// Every chain worth trying, judged.
fn candidates(request: &Request<'_>) -> Vec<Candidate> {
    let Request { case, clients, before, .. } = *request;
    let mut seen = BTreeSet::new();
    let paths = request.search.paths.iter().filter(|path| path.anchored);
    paths
        .flat_map(|path| chains(request, path))
        .filter(|(bundle, _)| seen.insert(bundle.clone()))
        .take(MAX_CANDIDATES)
        .map(|(bundle, anchor)| {
            let as_served = case.unparsable.is_empty() && case.served == bundle;
            let trial = Case {
                served: &bundle,
                unparsable: &[],
                served_bytes: bundle.iter().map(|id| case.pool.get(*id).der().len()).sum(),
                ..case
            };
            let answers = match as_served {
                true => before.to_vec(),
                false => clients.iter().map(|client| judge::answer(client, &trial)).collect(),
            };
            Candidate { bundle, anchor, answers }
        })
        .collect()
}

/// What a server would send for `path`, and where that leads.
fn chains(request: &Request<'_>, path: &BuiltPath) -> Vec<(Vec<CertId>, Option<CertId>)> {
    let all = path.certificates.clone();
    let Some((&anchor, stem)) = path.certificates.split_last() else { return Vec::new() };
    let is_root = request.case.pool.get(anchor).is_self_issued();
    match (stem.is_empty(), is_root) {
        // The end entity is trusted for itself.
        (true, _) => vec![(all, Some(anchor))],
        (false, true) if request.with_root => vec![(all, Some(anchor))],
        (false, true) => vec![(stem.to_vec(), Some(anchor))],
        // An intermediate in the store ends the path for some clients; others (OpenSSL without partial chains) go on.
        (false, false) => vec![(stem.to_vec(), Some(anchor)), (all, Some(anchor))],
    }
}

/// The served certificates that lie on a path without fault to a trust anchor, roots apart: a cross-certificate among
/// them may serve clients older than any that is modelled here.
fn useful(request: &Request<'_>) -> BTreeSet<CertId> {
    let pool = request.case.pool;
    let valid = request.search.paths.iter().filter(|path| path.is_valid());
    let on_path: BTreeSet<CertId> = valid.flat_map(|path| &path.certificates).copied().collect();
    let served = request.case.served.iter().copied().enumerate();
    served
        .filter(|(position, id)| *position == 0 || !pool.get(*id).is_self_issued())
        .map(|(_, id)| id)
        .filter(|id| on_path.contains(id))
        .collect()
}

/// Something is served that belongs to no path, or twice, or in the wrong place, or that is no certificate.
fn is_untidy(case: &Case<'_>, bundle: &[CertId], useful: &BTreeSet<CertId>) -> bool {
    let kept: Vec<CertId> = case.served.iter().copied().filter(|id| bundle.contains(id)).collect();
    kept != bundle
        || !case.unparsable.is_empty()
        || case.served.iter().any(|id| !bundle.contains(id) && !useful.contains(id))
}
