//! The health of `caIssuers` addresses: which there are, and whether what they give is the issuer.

use super::judgement::Judgement;
use crate::model::aia::{AiaEvidence, IssuerFit};
use crate::model::evidence::Evidence;
use crate::x509::dn::printable;
use crate::x509::signature::SignatureCheck;
use crate::x509::{Certificate, Fingerprint};

/// Addresses asked for at a time: real certificates carry one or two.
const MAX_ADDRESSES: usize = 16;

/// Every address in a certificate that was served or fetched, and was not asked yet.
pub fn every_address(judgement: &Judgement, evidence: &Evidence) -> Vec<String> {
    let pool = &judgement.pool;
    let mut found: Vec<String> = Vec::new();
    for id in pool.ids() {
        let origin = pool.origin(id);
        let served = judgement.deployments.iter().any(|deployment| deployment.served.contains(&id));
        if !served && !origin.fetched {
            continue;
        }
        for url in &pool.get(id).extensions.ca_issuers {
            let known = evidence.aia.iter().any(|asked| *asked.fetch.url == **url);
            if !known && !found.iter().any(|other| **other == **url) && found.len() < MAX_ADDRESSES {
                found.push(url.to_string());
            }
        }
    }
    found
}

/// Is a certificate of `fetched` the issuer of one that carries the address? `None`: nothing came, or no certificate at
/// hand carries it.
pub fn fit(judgement: &Judgement, fetched: &AiaEvidence) -> Option<IssuerFit> {
    let pool = &judgement.pool;
    // A report shows addresses without control characters, and may be judged again.
    let carries = |certificate: &Certificate| {
        let mut urls = certificate.extensions.ca_issuers.iter();
        urls.any(|url| **url == *fetched.fetch.url || printable(url) == fetched.fetch.url)
    };
    let given: Vec<_> = fetched.certificates.iter().filter_map(|der| pool.find(Fingerprint::of(der))).collect();
    let mut best = None;
    for child in pool.ids().filter(|id| carries(pool.get(*id))) {
        for &issuer in &given {
            let fit = match pool.get(issuer).subject.normalised() == pool.get(child).issuer.normalised() {
                false => IssuerFit::OtherName,
                true if pool.signature(child, issuer) == SignatureCheck::Invalid => IssuerFit::OtherKey,
                true => return Some(IssuerFit::Issuer),
            };
            if best != Some(IssuerFit::OtherKey) {
                best = Some(fit);
            }
        }
    }
    best
}
