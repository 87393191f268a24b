//! From a report to the change that mends it, or to why there is none. Pure.

use serde::{Deserialize, Serialize};

use crate::model::fix::{EndEntity, Plan, Reason, ReasonCode};
use crate::model::handshake::KeyProof;
use crate::model::report::{Deployment, Proof, RepairOutcome, Report};
use crate::model::verdict::Verdict;
use crate::x509::general_name::GeneralName;
use crate::x509::identity::{self, WildcardRules};
use crate::x509::{Certificate, Fingerprint, certificates_in};

/// What is to be served, by whom, and what is served now. Everything in it is public.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The name that is asked for, in A-labels, or an address.
    pub host: String,
    pub port: u16,
    /// Every address that answered with a chain before. Only they are waited for: one that was dead proves nothing.
    pub answered: Vec<Serving>,
    /// PEM, end entity first.
    pub bundle_pem: String,
    /// SHA-256 of each certificate of it.
    pub bundle: Vec<String>,
    /// PEM of what the first of those addresses serves; null where a certificate of it cannot be read.
    pub old_pem: Option<String>,
    /// Ids of the clients that must accept afterwards.
    pub promised: Vec<String>,
    /// DNS names that the end entity presents, lower case.
    pub names: Vec<String>,
    /// SHA-1 of the end entity, upper-case hex: what certificate services call the fingerprint.
    pub sha1: String,
}

/// One address and what it served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Serving {
    /// `ip:port`.
    pub address: String,
    /// SHA-256 of each certificate.
    pub chain: Vec<String>,
}

/// The change that the repair in `before` asks for, and the part of the plan that no service has a say in.
pub fn repair(before: &Report) -> Result<(Change, Plan), Reason> {
    let first = answered(before)?;
    let Some(pem) = &before.repair.bundle_pem else { return Err(no_bundle(before)) };
    let bundle = certificates_in(pem.as_bytes()).map_err(|error| {
        reason(ReasonCode::NoBundleHelps, format!("The proposed bundle cannot be read: {error}. Nothing was changed."))
    })?;
    // The bundle is made so; a fault of ours must not reach a server.
    let same_end_entity =
        bundle.first().map(|der| Fingerprint::of(der).to_string()) == first.served_chain.first().cloned();
    let worse =
        before.repair.proof.iter().find(|proof| proof.before == Verdict::Accept && proof.after != Verdict::Accept);
    if !same_end_entity {
        let text = "The bundle would change the end entity, which a repair never does. Nothing was changed.";
        return Err(reason(ReasonCode::EndEntityDiffers, text.to_owned()));
    }
    if let Some(worse) = worse {
        let text = format!("With the bundle {} would no longer accept. Nothing was changed.", worse.client);
        return Err(reason(ReasonCode::NoBundleHelps, text));
    }
    change(before, &bundle, before.repair.proof.clone())
}

/// The change to `chain`, a renewed certificate: judged as `judged` (by [`inspect`](crate::probe::inspect) for the
/// target's name, with the private key).
pub fn replacement(before: &Report, chain: &[Vec<u8>], judged: &Report) -> Result<(Change, Plan), Reason> {
    let first = answered(before)?;
    let new = judged.deployments.first().ok_or_else(|| {
        reason(ReasonCode::NoBundleHelps, "The new chain could not be judged. Nothing was changed.".to_owned())
    })?;
    match new.private_key {
        Some(KeyProof::Proven) => {}
        Some(KeyProof::Wrong) => {
            let text =
                "The private key does not belong to the first certificate of the new chain. Nothing was changed.";
            return Err(reason(ReasonCode::Key, text.to_owned()));
        }
        Some(KeyProof::NotChecked) | None => {
            let text = "The private key could not be compared with the new certificate. Nothing was changed.";
            return Err(reason(ReasonCode::Key, text.to_owned()));
        }
    }
    let proof: Vec<Proof> = new
        .clients
        .iter()
        .map(|after| Proof {
            client: after.id.clone(),
            before: verdict(first, &after.id).unwrap_or(Verdict::Undetermined),
            after: after.verdict,
            after_code: after.code.clone(),
        })
        .collect();
    let incomplete =
        judged.repair.proof.iter().any(|proof| proof.before != Verdict::Accept && proof.after == Verdict::Accept);
    let worse = proof.iter().find(|proof| proof.before == Verdict::Accept && proof.after != Verdict::Accept);
    let refused = |why: String| {
        let cause = judged.findings.first().map(|finding| format!(" ({}: {})", finding.code, finding.title));
        let text = format!(
            "{why}{}. Nothing was changed. See: tlsmend inspect FULLCHAIN --host NAME",
            cause.unwrap_or_default()
        );
        Err(reason(ReasonCode::NoBundleHelps, text))
    };
    if let Some(worse) = worse {
        return refused(format!("{} accepts what is served now and would refuse the new chain", worse.client));
    }
    if incomplete {
        return refused("The new chain is not whole: clients would refuse it that accept the corrected one".to_owned());
    }
    if !proof.iter().any(|proof| proof.after == Verdict::Accept) {
        return refused("No client would accept the new chain".to_owned());
    }
    change(before, chain, proof)
}

/// What the first address that answered serves. All must serve one end entity: which of two should stay, nobody can say.
fn answered(before: &Report) -> Result<&Deployment, Reason> {
    let mut serving = before.deployments.iter().filter(|deployment| !deployment.served_chain.is_empty());
    let Some(first) = serving.next() else { return Err(no_bundle(before)) };
    if serving.any(|other| other.served_chain.first() != first.served_chain.first()) {
        let text = "The addresses serve different certificates. Nothing was changed. Choose the addresses of one of them with \
                    --address, or bring all to one certificate first.";
        return Err(reason(ReasonCode::EndEntityDiffers, text.to_owned()));
    }
    Ok(first)
}

fn no_bundle(before: &Report) -> Reason {
    let why = before.repair.reason.as_deref().unwrap_or("no chain was proposed");
    if before.repair.outcome == Some(RepairOutcome::NotNeeded) {
        return reason(ReasonCode::NothingToMend, format!("There is nothing to mend: {why}."));
    }
    reason(ReasonCode::NoBundleHelps, format!("No bundle can help: {why}. Nothing was changed.{}", what_would(before)))
}

/// What would help instead.
fn what_would(before: &Report) -> String {
    let instead = before.repair.instead.as_ref();
    instead.map(|instead| format!(" What would: {}.", instead.trim_end_matches('.'))).unwrap_or_default()
}

fn change(before: &Report, bundle: &[Vec<u8>], proof: Vec<Proof>) -> Result<(Change, Plan), Reason> {
    let unreadable =
        |what: &str| reason(ReasonCode::NoBundleHelps, format!("The end entity {what}. Nothing was changed."));
    let der = bundle.first().ok_or_else(|| unreadable("is missing"))?;
    let end_entity = Certificate::parse(der).map_err(|error| unreadable(&format!("cannot be read: {error}")))?;
    let hashes: Vec<String> = bundle.iter().map(|der| Fingerprint::of(der).to_string()).collect();
    let answered: Vec<Serving> = before
        .deployments
        .iter()
        .filter(|deployment| !deployment.served_chain.is_empty())
        .flat_map(|deployment| deployment.endpoints.iter().map(move |endpoint| (endpoint, deployment)))
        .map(|(address, deployment)| Serving { address: address.clone(), chain: deployment.served_chain.clone() })
        .collect();
    // Where the addresses differ, one of them may serve the bundle already.
    let differing = answered.iter().map(|serving| serving.chain.clone()).find(|chain| *chain != hashes);
    let Some(served) = &differing else {
        return Err(reason(ReasonCode::NothingToMend, "Every address serves exactly this chain already.".to_owned()));
    };
    let kept = |these: &[String], those: &[String]| -> Vec<String> {
        these.iter().filter(|hash| those.contains(hash)).cloned().collect()
    };
    let missing = |these: &[String], from: &[String]| -> Vec<String> {
        these.iter().filter(|hash| !from.contains(hash)).cloned().collect()
    };
    let plan = Plan {
        endpoints: answered.iter().map(|serving| serving.address.clone()).collect(),
        bundle: hashes.clone(),
        adds: missing(&hashes, served),
        removes: missing(served, &hashes),
        reordered: kept(served, &hashes) != kept(&hashes, served),
        end_entity: Some(EndEntity {
            subject: end_entity.subject.to_string(),
            sha256: hashes[0].clone(),
            not_after: end_entity.not_after,
            changes: served.first() != hashes.first(),
        }),
        proof: proof.clone(),
        ..Plan::default()
    };
    let names = end_entity.extensions.subject_alt_name.iter().flat_map(|san| &san.names);
    let change = Change {
        host: before.target.server_name.clone(),
        port: before.target.port,
        answered,
        bundle_pem: bundle.iter().map(|der| crate::x509::pem::encode(der)).collect(),
        bundle: hashes,
        old_pem: served.iter().map(|hash| before.certificates.get(hash).and_then(|facts| facts.pem.clone())).collect(),
        promised: proof.into_iter().filter(|proof| proof.after == Verdict::Accept).map(|proof| proof.client).collect(),
        names: names
            .filter_map(|name| match name {
                GeneralName::Dns(text) => Some(text.to_ascii_lowercase()),
                _ => None,
            })
            .collect(),
        sha1: sha1(der),
    };
    Ok((change, plan))
}

fn verdict(deployment: &Deployment, client: &str) -> Option<Verdict> {
    deployment.clients.iter().find(|known| known.id == client).map(|known| known.verdict)
}

/// Every client that was promised to accept does, at every address that serves a chain. Else: who refuses, and why.
pub fn kept_promise(change: &Change, after: &Report) -> Result<(), Reason> {
    for deployment in after.deployments.iter().filter(|deployment| !deployment.served_chain.is_empty()) {
        let broken = deployment
            .clients
            .iter()
            .find(|client| client.verdict != Verdict::Accept && change.promised.contains(&client.id));
        if let Some(client) = broken {
            let said = client.code.as_deref().unwrap_or("no reason");
            let text = format!("{} refuses what is served now, against the proof: {said}.", client.name);
            return Err(reason(ReasonCode::NotAccepted, text));
        }
    }
    Ok(())
}

/// Does one of `names` fit `domain`: the same, or a wildcard for exactly one label more? A resource's domain may be a
/// wildcard itself, which only the same wildcard fits.
pub fn matches(names: &[String], domain: &str) -> bool {
    let domain = domain.trim_end_matches('.').to_ascii_lowercase();
    let fits = |name: &String| *name == domain || identity::matches_dns(name, &domain, WildcardRules::STANDARD);
    !domain.is_empty() && names.iter().any(fits)
}

pub fn reason(code: ReasonCode, text: String) -> Reason {
    Reason { code, text }
}

fn sha1(der: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, der);
    crate::x509::hex(digest.as_ref()).to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_stands_for_one_label() {
        let names = ["*.company.example".to_owned(), "one.example".to_owned()];
        for (domain, fits) in [
            ("api.company.example", true),
            ("API.Company.Example.", true),
            ("company.example", false),
            ("test.api.company.example", false),
            ("*.company.example", true),
            (".company.example", false),
            ("one.example", true),
            ("two.example", false),
        ] {
            assert_eq!(matches(&names, domain), fits, "{domain}");
        }
    }
}
