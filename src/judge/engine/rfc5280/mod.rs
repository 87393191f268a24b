//! The standard: RFC 5280 path validation, RFC 9525 names, and the profile rules that TLS servers' certificates must
//! keep. It explores all paths and accepts when one of them is valid.
//!
//! What it rejects for is the closed list in [`rules`]. Two questions are kept apart: without a reference identifier a
//! path is only validated (§6.1); with one, the end entity is to serve TLS under that name, and the profile counts too.

mod crl;
mod names;
mod path;
mod profile;
pub mod rules;

use crate::judge::case::Case;
use crate::judge::policy::PolicyInputs;
use crate::judge::pool::CertId;
use crate::model::target::ReferenceId;
use crate::x509::crl::Crl;
use crate::x509::ocsp::{self, CertificateStatus};
use crate::x509::signature::SignatureCheck;
use rules::Rule;

/// Signatures computed for one end entity: a pair is computed once. webpki stops at 100, Go too; limbo's pathological
/// cases offer 100 issuers of one name. At 100 µs each this is 30 ms.
const MAX_SIGNATURES: usize = 300;

/// Extensions of a path tried. webpki allows 200 000, which takes seconds; real graphs of cross-certificates need a few
/// dozen.
const MAX_STEPS: usize = 2_000;

/// Certificates in a path, as in OpenSSL; the longest public path has five.
const MAX_LENGTH: usize = 100;

/// Paths to a trust anchor that are examined.
const MAX_PATHS: usize = 200;

/// What the end entity is to be used for (RFC 5280 §4.2.1.12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    ServerAuth,
    ClientAuth,
    CodeSigning,
    EmailProtection,
    TimeStamping,
    OcspSigning,
    Any,
}

/// What a path is validated for.
#[derive(Debug)]
pub struct Inputs<'a> {
    /// The name a TLS client means to reach. `None`: the path alone is validated.
    pub reference: Option<&'a ReferenceId>,
    /// Mailboxes that the end entity must name.
    pub mailboxes: &'a [String],
    pub purposes: &'a [Purpose],
    /// Bits of keyUsage that must be allowed, all of them.
    pub key_usage: u16,
    pub policies: PolicyInputs,
    pub crls: &'a [Crl],
    /// Every certificate's status must be known from the CRLs.
    pub asks_revocation: bool,
    /// Intermediates allowed that are not self-issued.
    pub max_intermediates: Option<u32>,
}

impl<'a> Inputs<'a> {
    /// As a TLS client asks.
    pub fn server(reference: &'a ReferenceId) -> Self {
        Self {
            reference: Some(reference),
            mailboxes: &[],
            purposes: &[Purpose::ServerAuth],
            key_usage: 0,
            policies: PolicyInputs::default(),
            crls: &[],
            asks_revocation: false,
            max_intermediates: None,
        }
    }
}

/// A rule broken at one certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// In the path; 0 is the end entity.
    pub position: usize,
    pub rule: &'static Rule,
    /// What exactly, where the rule alone does not tell.
    pub detail: Option<String>,
}

/// The end of a validation: the path that is valid, or the one that came nearest with everything that is wrong with it.
#[derive(Debug)]
pub struct Outcome {
    /// End entity first; ends with the trust anchor where one was reached.
    pub path: Vec<CertId>,
    /// In the order of importance; empty when the path is valid.
    pub breaches: Vec<Breach>,
}

/// Validates the case's end entity.
pub fn validate(case: &Case<'_>, inputs: &Inputs<'_>) -> Outcome {
    let Some(end_entity) = case.end_entity() else {
        let breach = Breach { position: 0, rule: &rules::MALFORMED, detail: None };
        return Outcome { path: Vec::new(), breaches: vec![breach] };
    };
    // What does not depend on the path is looked at once.
    let mut own = Vec::new();
    names::identity(case.pool.get(end_entity), inputs, &mut own);
    let mut search = Search {
        case,
        inputs,
        own,
        steps: MAX_STEPS,
        signatures: MAX_SIGNATURES,
        paths: MAX_PATHS,
        comparisons: names::MAX_COMPARISONS,
        valid: None,
        nearest: None,
    };
    search.extend(&mut vec![end_entity]);
    if let Some(path) = search.valid {
        return Outcome { path, breaches: Vec::new() };
    }
    let spent = search.steps == 0 || search.signatures == 0 || search.paths == 0;
    let (_, mut outcome) =
        search.nearest.unwrap_or_else(|| ((true, 0, 0), Outcome { path: vec![end_entity], breaches: Vec::new() }));
    if spent {
        outcome.breaches.insert(0, Breach { position: 0, rule: &rules::BUDGET_SPENT, detail: None });
    }
    outcome
}

struct Search<'a> {
    case: &'a Case<'a>,
    inputs: &'a Inputs<'a>,
    /// Breaches of the end entity on every path.
    own: Vec<Breach>,
    steps: usize,
    signatures: usize,
    paths: usize,
    comparisons: usize,
    valid: Option<Vec<CertId>>,
    /// With its rank: anchored first, then few breaches, then short.
    nearest: Option<((bool, usize, usize), Outcome)>,
}

impl Search<'_> {
    /// Tries every issuer of the last certificate of `path`, until a valid path is found or a budget is spent.
    fn extend(&mut self, path: &mut Vec<CertId>) {
        let Some(&last) = path.last() else { return };
        let pool = self.case.pool;
        // A trust anchor is no part of the path (§6.1): an end entity is never trusted for being one, unless it is
        // self-signed and so its own issuer.
        if self.case.is_anchor(last).is_some() && (path.len() > 1 || self.is_self_signed(last)) {
            return self.examine(path);
        }
        let mut candidates: Vec<CertId> = self.case.issuers(last, false).collect();
        candidates.sort_by_key(|&candidate| self.rank(last, candidate));
        let mut mismatched = None;
        let mut went_on = false;
        for candidate in candidates {
            // The same name and key again leads nowhere new (RFC 4158 §2.4.1).
            let repeats = path.iter().any(|&id| {
                id == candidate
                    || (pool.get(id).subject.normalised() == pool.get(candidate).subject.normalised()
                        && pool.get(id).spki() == pool.get(candidate).spki())
            });
            if repeats {
                continue;
            }
            if self.steps == 0 || self.signatures == 0 || self.paths == 0 || path.len() >= MAX_LENGTH {
                return;
            }
            self.signatures -= 1;
            if pool.signature(last, candidate) == SignatureCheck::Invalid {
                mismatched = mismatched.or(Some(candidate));
                continue;
            }
            self.steps -= 1;
            went_on = true;
            path.push(candidate);
            self.extend(path);
            path.pop();
            if self.valid.is_some() {
                return;
            }
        }
        if !went_on {
            let position = path.len() - 1;
            let rank = (true, usize::MAX - path.len(), 0);
            let mut whole = path.clone();
            let mut breaches = match mismatched {
                Some(issuer) => self.bad_signatures(&mut whole, issuer),
                None => {
                    let detail = Some(format!("issuer {}", pool.get(last).issuer));
                    vec![Breach { position, rule: &rules::NO_PATH, detail }]
                }
            };
            breaches.extend(self.own.iter().cloned());
            self.keep(rank, &whole, breaches);
        }
    }

    /// Goes on from `issuer`, whose key did not make the signature below it, by names alone, towards a trust anchor: a path
    /// is validated from there down (§6.1), so the uppermost bad signature is the one that counts.
    fn bad_signatures(&mut self, path: &mut Vec<CertId>, issuer: CertId) -> Vec<Breach> {
        let pool = self.case.pool;
        let mut breaches = Vec::new();
        let mut next = Some(issuer);
        while let Some(issuer) = next {
            let position = path.len() - 1;
            if pool.signature(path[position], issuer) == SignatureCheck::Invalid {
                let detail = Some(format!("issuer {}", pool.get(issuer).fingerprint));
                breaches.insert(0, Breach { position, rule: &rules::BAD_SIGNATURE, detail });
            }
            path.push(issuer);
            let is_end = self.case.is_anchor(issuer).is_some() || path.len() >= MAX_LENGTH || self.signatures == 0;
            let candidates = self.case.issuers(issuer, false).filter(|candidate| !is_end && !path.contains(candidate));
            next = candidates.min_by_key(|&candidate| self.rank(issuer, candidate));
            self.signatures = self.signatures.saturating_sub(1);
        }
        breaches
    }

    /// RFC 4158 §3.5: trust anchors, then matching key identifiers, then what is valid now, then the order given.
    fn rank(&self, child: CertId, candidate: CertId) -> (bool, bool, bool) {
        let (child, issuer) = (self.case.pool.get(child), self.case.pool.get(candidate));
        let identifiers_differ = match (&child.extensions.authority_key_id, &issuer.extensions.subject_key_id) {
            (Some(authority), Some(subject)) => authority.key_id.as_ref().is_some_and(|id| id != subject),
            _ => false,
        };
        let valid_now = issuer.not_before <= self.case.at && self.case.at <= issuer.not_after;
        (identifiers_differ, self.case.is_anchor(candidate).is_none(), !valid_now)
    }

    fn is_self_signed(&self, id: CertId) -> bool {
        self.case.pool.get(id).is_self_issued() && self.case.pool.signature(id, id) == SignatureCheck::Valid
    }

    /// A path that ends at a trust anchor.
    fn examine(&mut self, path: &[CertId]) {
        self.paths -= 1;
        let mut breaches = path::breaches(self.case, self.inputs, path, &mut self.comparisons);
        if breaches.is_empty() && self.inputs.asks_revocation {
            breaches.extend(crl::breaches(self.case, self.inputs.crls, path));
        }
        breaches.extend(stapled(self.case, path));
        breaches.extend(self.own.iter().cloned());
        if breaches.is_empty() {
            self.valid = Some(path.to_vec());
        } else {
            self.keep((false, breaches.len(), path.len()), path, breaches);
        }
    }

    fn keep(&mut self, rank: (bool, usize, usize), path: &[CertId], breaches: Vec<Breach>) {
        if self.nearest.as_ref().is_none_or(|(known, _)| rank < *known) {
            self.nearest = Some((rank, Outcome { path: path.to_vec(), breaches }));
        }
    }
}

/// A stapled response that says `revoked` (RFC 6960 §2.2), and one that proves nothing though the server sent it.
fn stapled(case: &Case<'_>, path: &[CertId]) -> Option<Breach> {
    let (response, &[subject, issuer, ..]) = (case.ocsp_staple?, path) else { return None };
    let breach = |rule, detail: Option<String>| Some(Breach { position: 0, rule, detail });
    match ocsp::verify(response, case.pool.get(subject), case.pool.get(issuer), case.at) {
        Ok(answer) if answer.status == CertificateStatus::Revoked => {
            breach(&rules::REVOKED, Some("stapled OCSP response".into()))
        }
        Ok(_) => None,
        Err(error) => breach(&rules::REVOCATION_UNKNOWN, Some(format!("stapled OCSP response: {error}"))),
    }
}
