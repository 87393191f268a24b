//! Verifiers of operating systems, which are known from what is published about them: they explore every path over what is at
//! hand, and differ in what they fetch and what they overlook.

use crate::judge::case::Case;
use crate::judge::pool::CertId;
use crate::judge::search::{self, BuiltPath, Issuers};
use crate::judge::standard::{Fault, FaultKind};
use crate::model::target::ReferenceId;
use crate::model::verdict::Category;
use crate::x509::Certificate;
use crate::x509::identity::{self, Match, NearMiss};

/// What a platform makes of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// It refuses the path.
    Refuses,
    /// It does not look, or does not mind.
    Overlooks,
    /// Nothing published says.
    NotKnown,
}

/// How one platform judges paths.
pub struct Rules {
    /// It fetches missing issuers.
    pub fetches: bool,
    /// What it makes of a fault; the certificate is that at the fault, and the flag says whether it is the anchor.
    pub weigh: fn(&FaultKind, &Certificate, bool) -> Weight,
    /// Faults of an anchored path beyond those of RFC 5280.
    pub own: fn(&Case<'_>, &[CertId]) -> Option<Own>,
}

/// A rule of the platform's own that a path breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own {
    ValidityTooLong,
    PurposeMissing,
}

/// What is wrong with the best path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    Fault(FaultKind),
    Own(Own),
}

/// The result of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Accepted(Vec<CertId>),
    /// The best path and the first thing that is wrong with it, from the end entity up.
    Refused(Vec<CertId>, Wrong),
    /// The answer rests on what nobody published.
    NotKnown(Vec<CertId>, FaultKind),
    /// There are more paths than were tried.
    Incomplete,
}

/// Judges all paths of the case's end entity; names are the client's business.
pub fn judge(case: &Case<'_>, rules: &Rules) -> Outcome {
    let search = search::paths(case, if rules.fetches { Issuers::Fetched } else { Issuers::ServedOnly });
    let weight = |path: &BuiltPath, fault: &Fault| {
        let is_anchor = path.anchored && fault.position + 1 == path.certificates.len();
        (rules.weigh)(&fault.kind, case.pool.get(path.certificates[fault.position]), is_anchor)
    };
    let mut best: Option<(usize, Outcome)> = None;
    for path in &search.paths {
        let certificates = path.certificates.clone();
        let faults: Vec<(&Fault, Weight)> = path
            .faults
            .iter()
            .map(|fault| (fault, weight(path, fault)))
            .filter(|(_, weight)| *weight != Weight::Overlooks)
            .collect();
        let own = if path.anchored { (rules.own)(case, &certificates) } else { None };
        let refused = faults.iter().find(|(_, weight)| *weight == Weight::Refuses);
        let (rank, outcome) = match (refused, own, faults.first()) {
            (None, None, None) if path.anchored => return Outcome::Accepted(certificates),
            (Some((fault, _)), ..) => {
                let count = faults.len() + if path.anchored { 1 } else { 1_000 };
                (count, Outcome::Refused(certificates, Wrong::Fault(fault.kind.clone())))
            }
            (None, Some(own), _) => (1, Outcome::Refused(certificates, Wrong::Own(own))),
            (None, None, Some((fault, _))) => (0, Outcome::NotKnown(certificates, fault.kind.clone())),
            (None, None, None) => continue,
        };
        if best.as_ref().is_none_or(|(known, _)| rank < *known) {
            best = Some((rank, outcome));
        }
    }
    match best {
        _ if search.incomplete => Outcome::Incomplete,
        Some((_, outcome)) => outcome,
        None => Outcome::Incomplete,
    }
}

/// Our word for a fault that has no words of the platform's own.
pub fn category(fault: &FaultKind) -> Category {
    match fault {
        FaultKind::IssuerNotFound | FaultKind::UntrustedRoot => Category::UnknownIssuer,
        FaultKind::SelfSignedEndEntity => Category::SelfSigned,
        FaultKind::IssuerKeyDoesNotMatch { .. } | FaultKind::SignatureNotChecked => Category::BadSignature,
        FaultKind::Expired { .. } => Category::Expired,
        FaultKind::NotYetValid { .. } => Category::NotYetValid,
        FaultKind::WeakSignature(_) => Category::Algorithm,
        FaultKind::WeakKey(_) => Category::WeakKey,
        FaultKind::NotACa => Category::CaFlag,
        FaultKind::PathLenExceeded { .. } => Category::PathLength,
        FaultKind::KeyCertSignMissing
        | FaultKind::NotForServers
        | FaultKind::KeyUsageForbidsTls
        | FaultKind::DigitalSignatureMissing => Category::Usage,
        FaultKind::NameConstraintViolated(_) => Category::NameConstraints,
        FaultKind::UnknownCriticalExtension(_) => Category::CriticalExtension,
        FaultKind::UndecodableExtension(_) | FaultKind::AlgorithmsDisagree => Category::BadFormat,
    }
}

/// The SAN alone is looked at first; where it holds no name for such a reference, the CN is (CryptoAPI, .NET).
pub fn matches_with_common_name(case: &Case<'_>, certificate: &Certificate) -> bool {
    let question = |certificate: &Certificate, reference: &ReferenceId| match identity::compare(certificate, reference)
    {
        Match::Matches(_) => true,
        Match::Mismatch(NearMiss::CommonNameOnly { has_san: false, .. }) => matches!(reference, ReferenceId::Dns(_)),
        Match::Mismatch(_) => false,
    };
    case.any_name || case.name_holds(certificate, question)
}

/// The SAN alone is looked at, by RFC 9525.
pub fn matches_san(case: &Case<'_>, certificate: &Certificate) -> bool {
    let question = |certificate: &Certificate, reference: &ReferenceId| {
        matches!(identity::compare(certificate, reference), Match::Matches(_))
    };
    case.any_name || case.name_holds(certificate, question)
}
