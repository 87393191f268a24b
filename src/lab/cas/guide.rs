//! The actions that the guides name and no version of the service has, behind a switch of the seed.
//!
//! A certificate is called `cert-…`, and its chain can be exchanged under that name. What `CreateCertificate` issues
//! comes from a CA of the emulator's own and is stored without the intermediate: the state that the guides' story
//! begins with.

use serde_json::{Value, json};

use super::certificates::{Stored, chain};
use super::message::{Answer, Refusal, object};
use super::seed::Origin;
use super::state::{Call, State};
use crate::x509::signature::SignatureCheck;
use crate::x509::{Certificate, pem};

pub(super) const ACTIONS: &[&str] = &[
    "CreateCertificate",
    "DeployCertificate",
    "DescribeCertificateStatus",
    "DiagnoseCertificate",
    "UpdateCertificate",
];

/// How far a certificate is, in the guides' words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum GuideStatus {
    Issued,
    Updated,
    /// For so many looks more.
    Deploying {
        resources: Vec<i64>,
        looks: u32,
    },
    Deployed,
    Failed(&'static str),
}

impl GuideStatus {
    fn word(&self) -> &'static str {
        match self {
            Self::Issued => "Issued",
            Self::Updated => "Updated",
            Self::Deploying { .. } => "Deploying",
            Self::Deployed => "Deployed",
            Self::Failed(_) => "Failed",
        }
    }
}

impl State {
    /// Does what one of [`ACTIONS`] does.
    pub(super) fn guide(&mut self, action: &str, call: &Call) -> Answer {
        if action == "CreateCertificate" {
            return self.create_certificate(call);
        }
        let id = self.guide_certificate(call.parameters.required("CertId")?)?;
        match action {
            "UpdateCertificate" => self.update_certificate(id, call),
            "DeployCertificate" => self.deploy_certificate(id, call),
            "DescribeCertificateStatus" => self.certificate_status(id),
            _ => self.diagnose_certificate(id, call),
        }
    }

    fn guide_certificate(&self, name: &str) -> Result<i64, Refusal> {
        if !name.starts_with("cert-") {
            return Err(Refusal::invalid("CertId", "it begins with cert-"));
        }
        let found = self.certificates.values().find(|stored| stored.guide_id.as_deref() == Some(name));
        found
            .map(|stored| stored.id)
            .ok_or_else(|| Refusal::not_found(format!("The certificate {name} does not exist.")))
    }

    fn create_certificate(&mut self, call: &Call) -> Answer {
        let domain = call.parameters.required("DomainName")?.to_owned();
        if call.parameters.required("CertType")? != "DV" {
            return Err(Refusal::invalid("CertType", "only DV is issued"));
        }
        let issued = self.authority.issue(&[&domain]);
        let issued = issued.map_err(|error| Refusal::invalid("DomainName", &error.to_string()))?;
        let stored = self.store_issued(&issued, pem::encode(issued.der()), Origin::Free, call)?;
        let id = stored.id;
        let guide_id = format!("cert-{id:06x}");
        stored.guide_id = Some(guide_id.clone());
        self.guide_status.insert(id, GuideStatus::Issued);
        Ok(object(json!({"CertId": guide_id, "Status": "Issued"})))
    }

    /// The one call of either dialect that changes a stored chain. Certificates only: the key stays with the service.
    fn update_certificate(&mut self, id: i64, call: &Call) -> Answer {
        let text = call.parameters.required("PEMChain")?;
        if text.contains("PRIVATE KEY") {
            return Err(Refusal::invalid("PEMChain", "it holds a private key, which is not to be sent"));
        }
        let chain = chain(text).map_err(|error| Refusal::invalid("PEMChain", &error.to_string()))?;
        let Some(stored) = self.certificates.get_mut(&id) else { return Err(Refusal::not_found("It is gone.")) };
        if !stored.key.as_ref().is_some_and(|key| key.belongs_to(&chain[0])) {
            return Err(Refusal::new(
                400,
                "NotMatch.CertificateAndPrivateKey",
                "The first certificate does not belong to the private key that is stored.",
            ));
        }
        (stored.chain, stored.pem) = (chain, text.to_owned());
        self.guide_status.insert(id, GuideStatus::Updated);
        Ok(object(json!({"CertId": call.parameters.text("CertId"), "Status": "Updated"})))
    }

    fn deploy_certificate(&mut self, id: i64, call: &Call) -> Answer {
        let (product, instance) = (call.parameters.required("TargetType")?, call.parameters.required("InstanceId")?);
        let targets: Vec<i64> = self
            .resources
            .values()
            .filter(|resource| resource.product == product && resource.instance_id == instance)
            .map(|resource| resource.id)
            .collect();
        // Listeners of one instance may hold different certificates: it is deployed again where it is bound, and only a
        // certificate that is bound nowhere there goes to the first listener it fits.
        let is_bound = |target: &&i64| self.resources.get(target).is_some_and(|resource| resource.cert_id == id);
        let fits = |target: &&i64| {
            let domain = self.resources.get(target).map_or("", |resource| resource.domain.as_str());
            self.certificates.get(&id).is_some_and(|stored| stored.matches(domain))
        };
        let mut resources: Vec<i64> = targets.iter().filter(is_bound).copied().collect();
        if resources.is_empty() {
            resources.extend(targets.iter().find(fits).or(targets.first()));
        }
        if resources.is_empty() {
            return Err(Refusal::not_found(format!("{product} has no instance {instance}.")));
        }
        self.guide_status.insert(id, GuideStatus::Deploying { resources, looks: self.polls_per_stage });
        Ok(object(json!({"CertId": call.parameters.text("CertId"), "Status": "Deploying"})))
    }

    /// A look moves a deployment on, as it does with jobs.
    fn certificate_status(&mut self, id: i64) -> Answer {
        let status = match self.guide_status_of(id) {
            GuideStatus::Deploying { resources, looks: 0 } => match self.why_not(id, &resources) {
                Some(reason) => GuideStatus::Failed(reason),
                None => {
                    resources.iter().for_each(|&resource| self.bind(resource, id));
                    GuideStatus::Deployed
                }
            },
            other => other,
        };
        let guide_id = self.certificates.get(&id).and_then(|stored| stored.guide_id.clone());
        let mut answer = object(json!({"CertId": guide_id, "Status": status.word()}));
        if let GuideStatus::Failed(reason) = status {
            answer.insert("Reason".to_owned(), reason.into());
        }
        let next = match status {
            GuideStatus::Deploying { resources, looks } => GuideStatus::Deploying { resources, looks: looks - 1 },
            other => other,
        };
        self.guide_status.insert(id, next);
        Ok(answer)
    }

    /// What keeps the certificate from being bound to all of these.
    fn why_not(&self, id: i64, resources: &[i64]) -> Option<&'static str> {
        resources.iter().find_map(|resource| {
            let target = self.resources.get(resource);
            let fits = |stored: &Stored| target.is_some_and(|target| stored.matches(&target.domain));
            match self.certificates.get(&id).map(fits) {
                Some(true) if target.is_some_and(|target| target.enable_https) => None,
                Some(true) => Some("HTTPS is not enabled on the resource"),
                _ => Some("Number of matching certificates is 0"),
            }
        })
    }

    fn guide_status_of(&self, id: i64) -> GuideStatus {
        let is_bound = self.resources.values().any(|resource| resource.cert_id == id);
        let at_first = if is_bound { GuideStatus::Deployed } else { GuideStatus::Issued };
        self.guide_status.get(&id).cloned().unwrap_or(at_first)
    }

    fn diagnose_certificate(&self, id: i64, call: &Call) -> Answer {
        let (check, client) = (call.parameters.required("CheckType")?, call.parameters.required("Client")?);
        if check != "chain_validation" {
            return Err(Refusal::invalid("CheckType", "only chain_validation is known"));
        }
        let stored = self.certificate(id)?;
        let mut problems = self.chain_problems(&stored.chain);
        if stored.is_expired(call.now) {
            problems.push(("expired", format!("It was valid until {}.", stored.leaf().not_after)));
        }
        let bound = self.resources.values().filter(|resource| resource.cert_id == id);
        for resource in bound.filter(|resource| !stored.matches(&resource.domain)) {
            problems.push(("name_mismatch", format!("It has no name for {}.", resource.domain)));
        }
        let result = if problems.is_empty() { "pass" } else { "fail" };
        let problems: Vec<Value> =
            problems.into_iter().map(|(code, message)| json!({"Code": code, "Message": message})).collect();
        Ok(object(json!({
            "CertId": stored.guide_id, "CheckType": check, "Client": client, "Result": result, "Problems": problems,
        })))
    }

    /// Follows issuers through what is stored, as a client does that fetches nothing.
    fn chain_problems(&self, chain: &[Certificate]) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        let mut at = 0;
        for _ in 0..chain.len() {
            let current = &chain[at];
            if self.roots.iter().any(|root| issued(root, current)) {
                return problems;
            }
            if current.is_self_issued() {
                problems.push(("untrusted_root", format!("{} is not trusted.", current.subject.short())));
                return problems;
            }
            let Some(next) = chain.iter().position(|candidate| issued(candidate, current)) else {
                break;
            };
            if next != at + 1 {
                problems
                    .push(("wrong_order", format!("{} does not follow what it issued.", chain[next].subject.short())));
            }
            at = next;
        }
        let wanted = chain[at].issuer.short();
        problems.push(("missing_intermediate", format!("The certificate of {wanted} is not in the chain.")));
        problems
    }
}

fn issued(issuer: &Certificate, subject: &Certificate) -> bool {
    issuer.subject.normalised() == subject.issuer.normalised()
        && subject.check_signature(issuer) == SignatureCheck::Valid
}
