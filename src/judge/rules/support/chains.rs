//! Served chains, the path to talk about, and the end entity with its names.

use super::{end_entity, judged_path};
use crate::judge::Deployment;
use crate::judge::anchors::AnchorKind;
use crate::judge::pool::CertId;
use crate::judge::public_roots;
use crate::judge::rules::{Context, Found, Outcome};
use crate::judge::standard::{Fault, FaultKind};
use crate::model::finding::SubjectKind;
use crate::x509::Certificate;
use crate::x509::identity::{self, Match, NearMiss};

/// Runs `check` for every deployment that served anything; a finding is bound to its deployment.
pub fn per_deployment(context: &Context<'_>, check: impl Fn(usize, &Deployment) -> Option<Found>) -> Outcome {
    let deployments: Vec<_> = context
        .judgement
        .deployments
        .iter()
        .enumerate()
        .filter(|(_, deployment)| !deployment.served_list.is_empty())
        .collect();
    if deployments.is_empty() {
        return Outcome::NotApplicable;
    }
    Outcome::of(
        deployments
            .into_iter()
            .filter_map(|(index, deployment)| Some(check(index, deployment)?.in_deployment(index)))
            .collect(),
    )
}

/// The same, for those of which at least one certificate can be read.
pub fn per_chain(context: &Context<'_>, check: impl Fn(usize, &Deployment) -> Option<Found>) -> Outcome {
    if context.chains().next().is_none() {
        return Outcome::NotApplicable;
    }
    per_deployment(
        context,
        |index, deployment| if deployment.served.is_empty() { None } else { check(index, deployment) },
    )
}

/// The trust anchor at the end of the path to talk about, when it is one of the store, not one that the user added.
pub fn public_anchor<'a>(context: &Context<'a>, deployment: &Deployment) -> Option<&'a Certificate> {
    let path = judged_path(deployment).filter(|path| path.anchored)?;
    let pool = &context.judgement.pool;
    let anchor = path.certificates.last().filter(|&&id| pool.origin(id).anchor == Some(AnchorKind::Public))?;
    Some(pool.get(*anchor))
}

/// A check of an end entity that a public CA issued: its chain leads to a root that is or was public, whether the store is
/// the client's own or the user's.
pub fn on_public_end_entity(context: &Context<'_>, check: impl Fn(Found, &Certificate) -> Option<Found>) -> Outcome {
    per_chain(context, |_, deployment| {
        let id = end_entity(deployment)?;
        public_anchor(context, deployment).filter(|root| public_roots::contains(root))?;
        let certificate = context.judgement.pool.get(id);
        let found = Found::new(SubjectKind::Certificate, certificate.fingerprint.to_string())
            .fact("subject", certificate.subject.to_string())
            .fact("issued_at", certificate.not_before.to_string());
        check(found, certificate)
    })
}

/// The end of the best path, where even what was fetched leads to no anchor.
pub fn unanchored(
    context: &Context<'_>,
    is: impl Fn(&FaultKind) -> bool,
    tell: impl Fn(Found, &Certificate) -> Option<Found>,
) -> Outcome {
    per_chain(context, |_, deployment| {
        let path = deployment.with_fetched.best().filter(|path| !path.anchored)?;
        let fault = path.faults.iter().find(|fault| is(&fault.kind))?;
        let certificate = context.judgement.pool.get(path.certificates[fault.position]);
        let found = Found::new(SubjectKind::Certificate, certificate.fingerprint.to_string())
            .fact("certificate", certificate.subject.to_string());
        tell(found, certificate)
    })
}

/// The faults of a kind on the path to talk about, one finding a deployment.
pub fn on_path(
    context: &Context<'_>,
    is: impl Fn(&FaultKind) -> bool,
    tell: impl Fn(Found, CertId) -> Found,
) -> Outcome {
    per_chain(context, |_, deployment| {
        let path = judged_path(deployment)?;
        let faults: Vec<&Fault> = path.faults.iter().filter(|fault| is(&fault.kind)).collect();
        let first = path.certificates[faults.first()?.position];
        let words: Vec<String> = faults
            .iter()
            .map(|fault| {
                format!(
                    "{}: {}",
                    context.judgement.pool.get(path.certificates[fault.position]).subject.short(),
                    fault.kind
                )
            })
            .collect();
        let found = Found::new(SubjectKind::Certificate, context.fingerprint(first)).fact("faults", words);
        Some(tell(found, first))
    })
}

/// A fault of a kind at an issuer on the path to talk about.
pub fn on_issuer(
    context: &Context<'_>,
    is: impl Fn(&FaultKind) -> bool,
    tell: impl Fn(Found, CertId) -> Option<Found>,
) -> Outcome {
    per_chain(context, |_, deployment| {
        let path = judged_path(deployment)?;
        path.faults.iter().filter(|fault| fault.position > 0 && is(&fault.kind)).find_map(|fault| {
            let id = path.certificates[fault.position];
            let certificate = context.judgement.pool.get(id);
            let found = Found::new(SubjectKind::Certificate, context.fingerprint(id))
                .fact("subject", certificate.subject.to_string())
                .fact("not_before", certificate.not_before.to_string())
                .fact("not_after", certificate.not_after.to_string());
            tell(found, id)
        })
    })
}

/// A check of the end entity alone.
pub fn on_end_entity(context: &Context<'_>, check: impl Fn(Found, &Certificate) -> Option<Found>) -> Outcome {
    per_chain(context, |_, deployment| {
        let id = end_entity(deployment)?;
        let certificate = context.judgement.pool.get(id);
        let found = Found::new(SubjectKind::Certificate, context.fingerprint(id))
            .fact("subject", certificate.subject.to_string());
        check(found, certificate)
    })
}

/// The end entity's names against the reference identifier: `tell` gives the nearest miss and the remedy in words.
pub fn on_name(context: &Context<'_>, tell: impl Fn(&NearMiss) -> Option<(String, String)>) -> Outcome {
    /// Names listed: certificates of CDNs hold hundreds.
    const MAX_NAMES: usize = 10;
    on_end_entity(context, |found, certificate| {
        let Match::Mismatch(near_miss) = identity::compare(certificate, &context.evidence.reference) else {
            return None;
        };
        let (nearest, remedy) = tell(&near_miss)?;
        let names = certificate.extensions.subject_alt_name.iter().flat_map(|san| &san.names);
        let presented: Vec<String> = names.clone().take(MAX_NAMES).map(ToString::to_string).collect();
        Some(
            found
                .fact("reference", context.evidence.reference.to_string())
                .fact("presented", presented)
                .fact("presented_count", names.count())
                .fact("nearest", nearest)
                .remedy(remedy, None, true),
        )
    })
}

/// Another certificate is known for the same name and key, from another issuer: `id` is a cross-certificate (RFC 4949).
pub fn certified_elsewhere(context: &Context<'_>, id: CertId) -> bool {
    let pool = &context.judgement.pool;
    let certificate = pool.get(id);
    pool.named(certificate.subject.normalised()).iter().any(|&other| {
        let other = pool.get(other);
        other.spki() == certificate.spki() && other.issuer.normalised() != certificate.issuer.normalised()
    })
}

/// For people: the subject of the end entity.
pub fn served_for(context: &Context<'_>, deployment: &Deployment) -> String {
    deployment.served.first().map_or("?".to_owned(), |&id| context.judgement.pool.get(id).subject.short())
}
