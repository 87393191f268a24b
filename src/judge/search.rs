//! Every path from an end entity over the certificates known, for the diagnosis: clients have engines of their own.

use super::case::Case;
use super::pool::CertId;
use super::standard::{self, Fault, FaultKind};
use crate::x509::signature::SignatureCheck;

/// Extensions of a path tried per end entity. webpki allows 200 000 because it returns one answer; we keep every
/// attempt for the report, so the useful limit is what a person can read.
const MAX_STEPS: usize = 400;

/// Signatures looked at, of candidates that fit by name: real graphs need some ten, 300 take 20 ms.
const MAX_SIGNATURES: usize = 300;

/// Paths kept.
const MAX_PATHS: usize = 32;

/// Certificates in a path. The longest public path has 5; OpenSSL allows 100, Java 10 by default.
const MAX_LENGTH: usize = 16;

/// One attempt, end entity first, with everything that is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltPath {
    pub certificates: Vec<CertId>,
    /// The last certificate is a trust anchor.
    pub anchored: bool,
    pub faults: Vec<Fault>,
}

impl BuiltPath {
    /// It leads to a trust anchor and nothing is wrong with it.
    pub fn is_valid(&self) -> bool {
        self.anchored && self.faults.is_empty()
    }

    pub fn has(&self, kind: impl Fn(&FaultKind) -> bool) -> bool {
        self.faults.iter().any(|fault| kind(&fault.kind))
    }
}

/// The result of a search: the best path first.
#[derive(Debug, Clone, Default)]
pub struct Search {
    pub paths: Vec<BuiltPath>,
    /// The budget was spent: there may be other paths.
    pub incomplete: bool,
}

impl Search {
    pub fn best(&self) -> Option<&BuiltPath> {
        self.paths.first()
    }

    pub fn valid(&self) -> Option<&BuiltPath> {
        self.paths.first().filter(|path| path.is_valid())
    }
}

/// Which certificates a search may use as issuers, besides the served ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Issuers {
    /// Trust anchors.
    ServedOnly,
    /// Trust anchors and what was fetched by AIA: what a client that fetches can see.
    Fetched,
    /// These, and what is known from elsewhere.
    WithFetched,
}

/// All paths of the case's end entity. An issuer is one by name (RFC 5280 §6.1.3 (a)(4)) AND by signature; key
/// identifiers only rank. A candidate whose key does not fit is kept as an attempt of its own, because "same name,
/// another key" is an answer people look for.
pub fn paths(case: &Case<'_>, issuers: Issuers) -> Search {
    let Some(end_entity) = case.end_entity() else { return Search::default() };
    let mut walk = Walk { case, issuers, steps: 0, signatures: 0, search: Search::default() };
    walk.extend(&mut vec![end_entity]);
    let mut search = walk.search;
    search.paths.sort_by_key(|path| (!path.anchored, path.faults.len(), path.certificates.len())); // stable: order of discovery
    search.paths.truncate(MAX_PATHS);
    search
}

/// A path that a client took, with everything that is wrong with it.
pub fn describe(case: &Case<'_>, certificates: Vec<CertId>) -> BuiltPath {
    let last = certificates.last().copied();
    let anchored = last.is_some_and(|id| case.is_anchor(id).is_some());
    let mut faults = standard::faults(case, &certificates, anchored);
    if let Some(last) = last.filter(|_| !anchored) {
        let position = certificates.len() - 1;
        faults.push(Fault { position, kind: open_end(case, last, position, None) });
    }
    BuiltPath { certificates, anchored, faults }
}

/// Why a path ends at `last`, which is no trust anchor. `mismatched`: an issuer by name whose key does not fit.
fn open_end(case: &Case<'_>, last: CertId, position: usize, mismatched: Option<CertId>) -> FaultKind {
    let is_self_signed =
        case.pool.get(last).is_self_issued() && case.pool.signature(last, last) != SignatureCheck::Invalid;
    match mismatched {
        Some(candidate) => FaultKind::IssuerKeyDoesNotMatch { candidate },
        None if is_self_signed && position == 0 => FaultKind::SelfSignedEndEntity,
        None if is_self_signed => FaultKind::UntrustedRoot,
        None => FaultKind::IssuerNotFound,
    }
}

struct Walk<'a> {
    case: &'a Case<'a>,
    issuers: Issuers,
    steps: usize,
    signatures: usize,
    search: Search,
}

impl Walk<'_> {
    fn extend(&mut self, path: &mut Vec<CertId>) {
        let Some(&last) = path.last() else { return };
        let pool = self.case.pool;
        if self.case.is_anchor(last).is_some() {
            return self.finish(path, true, Vec::new());
        }
        let mut mismatched = Vec::new();
        let mut candidates = Vec::new();
        let at_hand = |&candidate: &CertId| {
            let origin = pool.origin(candidate);
            let sent = self.case.is_served(candidate) || origin.anchor.is_some();
            sent || match self.issuers {
                Issuers::ServedOnly => false,
                Issuers::Fetched => origin.fetched,
                Issuers::WithFetched => origin.fetched || origin.cached || origin.known,
            }
        };
        for candidate in pool.issuer_candidates(last).filter(at_hand) {
            // The same name and key again leads nowhere new (RFC 4158 §2.4.1).
            let repeats = path.iter().any(|&id| {
                id == candidate
                    || (pool.get(id).subject.normalised() == pool.get(candidate).subject.normalised()
                        && pool.get(id).spki() == pool.get(candidate).spki())
            });
            if repeats {
                continue;
            }
            self.signatures += 1;
            if self.signatures > MAX_SIGNATURES {
                // Others may lead on: nothing is said of a path that ends here.
                self.search.incomplete = true;
                return;
            }
            match pool.signature(last, candidate) {
                // What our library cannot check may be right: the clients' engines know their own limits.
                SignatureCheck::Valid | SignatureCheck::Unsupported => candidates.push(candidate),
                SignatureCheck::Invalid => mismatched.push(candidate),
            }
        }
        if candidates.is_empty() {
            let position = path.len() - 1;
            let kind = open_end(self.case, last, position, mismatched.first().copied());
            return self.finish(path, false, vec![Fault { position, kind }]);
        }
        candidates.sort_by_key(|&candidate| self.rank(last, candidate));
        for candidate in candidates {
            self.steps += 1;
            if self.steps > MAX_STEPS || path.len() >= MAX_LENGTH || self.search.paths.len() >= 4 * MAX_PATHS {
                self.search.incomplete = true;
                return;
            }
            path.push(candidate);
            self.extend(path);
            path.pop();
        }
    }

    /// RFC 4158 §3.5: trust anchors, then matching key identifiers, then what is valid now, then the order of the pool.
    fn rank(&self, child: CertId, candidate: CertId) -> (bool, bool, bool) {
        let (child, issuer) = (self.case.pool.get(child), self.case.pool.get(candidate));
        let identifiers_differ = match (&child.extensions.authority_key_id, &issuer.extensions.subject_key_id) {
            (Some(authority), Some(subject)) => authority.key_id.as_ref().is_some_and(|id| id != subject),
            _ => false,
        };
        let valid_now = issuer.not_before <= self.case.at && self.case.at <= issuer.not_after;
        (self.case.is_anchor(candidate).is_none(), identifiers_differ, !valid_now)
    }

    fn finish(&mut self, path: &[CertId], anchored: bool, mut faults: Vec<Fault>) {
        faults.extend(standard::faults(self.case, path, anchored));
        faults.sort_by_key(|fault| fault.position);
        self.search.paths.push(BuiltPath { certificates: path.to_vec(), anchored, faults });
    }
}
