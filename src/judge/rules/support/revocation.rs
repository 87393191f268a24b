//! What is known of the revocation of certificates on a path.

use super::judged_path;
use crate::judge::rules::{Context, Found, Outcome};
use crate::model::finding::SubjectKind;
use crate::model::revocation::{CertificateRevocation, RevocationAnswer, RevocationSource};
use crate::x509::dn::printable;

/// What is known of the revocation of each certificate of the path to talk about, with its position there; a finding is
/// bound to its deployment.
pub fn on_revocation(
    context: &Context<'_>,
    mut tell: impl FnMut(usize, &CertificateRevocation, Found) -> Option<Found>,
) -> Outcome {
    let deployments = context.judgement.deployments.iter().enumerate();
    let mut known = deployments.filter(|(_, deployment)| !deployment.revocation.is_empty()).peekable();
    if known.peek().is_none() {
        return Outcome::NotApplicable;
    }
    let mut found = Vec::new();
    for (index, deployment) in known {
        let Some(path) = judged_path(deployment) else { continue };
        for (position, (revocation, &id)) in deployment.revocation.iter().zip(&path.certificates).enumerate() {
            let about = Found::new(SubjectKind::Certificate, revocation.certificate.clone())
                .fact("certificate", context.judgement.pool.get(id).subject.to_string());
            found.extend(tell(position, revocation, about).map(|found| found.in_deployment(index)));
        }
    }
    Outcome::of(found)
}

/// One finding for each certificate of which an answer `is` so: the first that is.
pub fn on_revocation_answer(context: &Context<'_>, is: impl Fn(&RevocationAnswer) -> bool, remedy: &str) -> Outcome {
    on_revocation(context, |_, revocation, found| {
        let answer = answers(revocation).find(|answer| is(answer))?;
        Some(answered(found, answer).remedy(remedy, None, true))
    })
}

/// All that was said of a certificate, what decides first.
pub fn answers(revocation: &CertificateRevocation) -> impl Iterator<Item = &RevocationAnswer> {
    std::iter::once(&revocation.answer).chain(&revocation.other_answers)
}

/// With the facts of an answer.
pub fn answered(mut found: Found, answer: &RevocationAnswer) -> Found {
    let source = answer.source.map(|source| match source {
        RevocationSource::Staple => "stapled OCSP response",
        RevocationSource::Crl => "CRL",
        RevocationSource::Ocsp => "OCSP responder",
    });
    let texts = [
        ("source", source.map(str::to_owned)),
        ("url", answer.url.as_deref().map(printable)),
        ("why", answer.why.clone()),
        ("revoked_at", answer.revoked_at.map(|time| time.to_string())),
        ("reason", answer.reason.map(|reason| reason.to_string())),
        ("this_update", answer.this_update.map(|time| time.to_string())),
        ("next_update", answer.next_update.map(|time| time.to_string())),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            found = found.fact(name, text);
        }
    }
    found
}
