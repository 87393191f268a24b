//! `CertPathBuilder`: all paths, the likely ones first.

use super::path::{is_parsable, is_revoked, verify_path};
use super::{Attempt, ErrorKind, PathError, Search, principal};
use crate::judge::anchors::AnchorKind;
use crate::judge::case::Case;
use crate::judge::pool::CertId;
use crate::judge::stores::distrust;
use crate::x509::Certificate;

impl Search<'_> {
    /// Tries the issuers of the last certificate of `path`. True ends the search.
    pub(super) fn explore(&mut self, path: &mut Vec<CertId>) -> bool {
        let case = self.case;
        let Some(&last) = path.last() else { return true };
        let mut is_end = true;
        for issuer in issuers(case, last) {
            if self.is_spent(path) {
                return true;
            }
            if let Some(kind) = case.is_anchor(issuer) {
                is_end = false;
                path.push(issuer);
                let kind = if self.settings.plain_anchors { AnchorKind::Public } else { kind };
                let mut errors = verify_path(case, path, kind);
                if errors.is_empty() && is_revoked(case, path) {
                    errors.push(PathError { position: 0, kind: ErrorKind::Revoked, text: "Certificate is revoked" });
                }
                // `CheckPathAfterVerification`: the constraints of the root store.
                if errors.is_empty() && distrust::refuses(case, path) {
                    errors.push(PathError {
                        position: path.len() - 1,
                        kind: ErrorKind::Authority,
                        text: "Certificate is distrusted",
                    });
                }
                let is_valid = errors.is_empty();
                self.add(Attempt { path: path.clone(), anchor: Some(kind), errors });
                path.pop();
                if is_valid {
                    return true;
                }
            } else if !path.iter().any(|&id| is_same(case.pool.get(id), case.pool.get(issuer))) {
                is_end = false;
                path.push(issuer);
                let is_done = self.explore(path);
                path.pop();
                if is_done {
                    return true;
                }
            }
        }
        if self.is_spent(path) {
            return true;
        }
        if is_end {
            let position = path.len() - 1;
            let error = PathError { position, kind: ErrorKind::Authority, text: "No matching issuer found" };
            self.add(Attempt { path: path.clone(), anchor: None, errors: vec![error] });
        }
        false
    }

    fn is_spent(&mut self, path: &[CertId]) -> bool {
        self.iterations += 1;
        let is_spent = self.iterations > self.settings.iterations;
        if is_spent {
            let position = path.len() - 1;
            let error = PathError { position, kind: ErrorKind::IterationLimit, text: "Iteration limit exceeded" };
            self.add(Attempt { path: path.to_vec(), anchor: None, errors: vec![error] });
        }
        is_spent
    }

    /// `AddResultPath`: the first path stays the best until one is valid or is the first to reach an anchor.
    fn add(&mut self, attempt: Attempt) {
        let is_better = match &self.best {
            None => true,
            Some(best) => {
                attempt.anchor.is_some()
                    && !(best.anchor.is_some() && best.errors.is_empty())
                    && (attempt.errors.is_empty() || best.anchor.is_none())
            }
        };
        if is_better {
            self.best = Some(attempt);
        }
    }
}

/// `CertIssuersIter`: what is at hand, sorted; then what AIA fetched, sorted.
fn issuers(case: &Case<'_>, child: CertId) -> Vec<CertId> {
    let pool = case.pool;
    // `CertIssuerSourceStatic` holds what followed the end entity in the chain, and what can be parsed of it.
    let is_usable = |&id: &CertId| {
        let is_leaf_only = case.served.first() == Some(&id) && !case.served[1..].contains(&id);
        is_parsable(pool.get(id))
            && (case.is_anchor(id).is_some() || pool.origin(id).fetched_by_chromium || !is_leaf_only)
    };
    let named = pool.named(pool.get(child).issuer.normalised()).iter().copied();
    let named = named.filter(|&id| principal::are_equal(&pool.get(id).subject, &pool.get(child).issuer));
    let is_known =
        |&id: &CertId| case.is_anchor(id).is_some() || case.is_served(id) || pool.origin(id).fetched_by_chromium;
    let known = named.filter(is_known);
    let (mut sync, mut fetched): (Vec<CertId>, Vec<CertId>) =
        known.filter(is_usable).partition(|&id| case.is_anchor(id).is_some() || case.is_served(id));
    let order = |id: &CertId| {
        let issuer = pool.get(*id);
        let rank = trust_and_key_id(pool.get(child), issuer, case.is_anchor(*id).is_some());
        let newest = std::cmp::Reverse((issuer.not_before, issuer.not_after));
        (rank, !issuer.is_self_issued(), newest)
    };
    sync.sort_by_key(order);
    fetched.sort_by_key(order);
    sync.extend(fetched);
    sync
}

/// `TrustAndKeyIdentifierMatchToOrder`.
fn trust_and_key_id(child: &Certificate, issuer: &Certificate, trusted: bool) -> u8 {
    let authority = child.extensions.authority_key_id.as_ref().and_then(|identifier| identifier.key_id.as_ref());
    let matches = match (authority, &issuer.extensions.subject_key_id) {
        (Some(authority), Some(subject)) => Some(authority == subject),
        _ => None,
    };
    match (trusted, matches) {
        (true, Some(true)) => 0,
        (true, None) => 1,
        (false, Some(true)) => 2,
        (false, None) => 3,
        (true, Some(false)) => 4,
        (false, Some(false)) => 5,
    }
}

/// `CertIssuerIterPath::GetKey`: the same certificate in another version (RFC 4158 §2.4.2).
fn is_same(one: &Certificate, other: &Certificate) -> bool {
    let names =
        |certificate: &Certificate| certificate.extensions.subject_alt_name.as_ref().map(|san| san.names.clone());
    one.spki() == other.spki() && one.subject.normalised() == other.subject.normalised() && names(one) == names(other)
}
