//! What the service holds before anything is done: resources, the bundle if it was uploaded before, the key, a contact.

use super::super::{ErrorKind, ServiceError};
use super::{CasService, State, Step, failed};
use crate::model::fix::{Reason, ReasonCode, Resource, Write};
use crate::model::handshake::KeyProof;
use crate::remedy::cas::{self, CertId, CloudResource, ResourceFilter};
use crate::remedy::plan::{self, Change, reason};
use crate::remedy::preflight::{self, Candidate};
use crate::remedy::secret::Secret;
use crate::x509::{Certificate, certificates_in, private_key};

/// The largest key file that is read.
const MAX_KEY: u64 = 64 * 1024;

impl CasService {
    /// Resources whose domain is the host, or a wildcard for it, as far as the options narrow them down.
    /// With `bound`, only those that have this certificate now.
    pub(super) async fn resources(
        &self,
        change: &Change,
        bound: Option<u64>,
    ) -> Result<Vec<CloudResource>, ServiceError> {
        let options = &self.options;
        let parent = change.host.split_once('.').map(|(_, parent)| parent);
        let wildcard = parent.map(|parent| format!("*.{parent}"));
        let wanted = |resource: &CloudResource| {
            let domain = resource.domain.as_deref().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
            let named = options.resources.contains(&resource.id.0);
            let fits = domain == change.host || Some(&domain) == wildcard.as_ref();
            (named || options.resources.is_empty() && fits)
                && options.instance.as_ref().is_none_or(|instance| resource.instance_id.as_ref() == Some(instance))
                && bound.is_none_or(|id| resource.cert_id == Some(CertId::Number(id)))
        };
        // What a resource is found by is a part of its domain or its instance; which of them helps depends on the resource.
        for keyword in [Some(change.host.as_str()), parent, options.instance.as_deref()].into_iter().flatten() {
            let filter = ResourceFilter {
                keyword: Some(keyword.to_owned()),
                product: options.product.clone(),
                cert_ids: Vec::new(),
            };
            let found = self.client.resources(&filter).await.map_err(|error| failed(&error))?;
            let found: Vec<CloudResource> = found.items.into_iter().filter(|resource| wanted(resource)).collect();
            let all_named = options.resources.iter().all(|id| found.iter().any(|resource| resource.id.0 == *id));
            if !found.is_empty() && all_named {
                return Ok(found);
            }
        }
        Ok(Vec::new())
    }

    pub(super) fn nothing_found(&self, change: &Change) -> Reason {
        let text = format!(
            "The service knows no resource for {}{}. It may not be synchronised yet (the console has a button for it), bound to another \
             certificate, or at another --region. Nothing was changed.",
            change.host,
            if self.options.resources.is_empty() { "" } else { " with the ids of --resource" }
        );
        reason(ReasonCode::Resource, text)
    }

    /// Why the resources cannot be deployed to.
    pub(super) fn unfit(&self, change: &Change, resources: &[CloudResource]) -> Option<Reason> {
        let domain = |resource: &CloudResource| resource.domain.clone().unwrap_or_default();
        if resources.is_empty() {
            return Some(self.nothing_found(change));
        }
        if let Some(resource) = resources.iter().find(|resource| !plan::matches(&change.names, &domain(resource))) {
            let end_entity = end_entity(change).ok().and_then(|der| Certificate::parse(&der).ok());
            let candidate = end_entity.map(|certificate| Candidate::from_file(String::new(), &certificate, 1, None));
            let miss = candidate.and_then(|candidate| preflight::near_miss(&candidate, &domain(resource)));
            let text = format!(
                "Number of matching certificates would be 0: no name of the certificate ({}) fits {} of resource {}{}. Nothing was changed.",
                change.names.join(", "),
                domain(resource),
                resource.id,
                miss.map(|miss| format!(": {miss}")).unwrap_or_default()
            );
            return Some(reason(ReasonCode::Resource, text));
        }
        resources.iter().find(|resource| resource.enable_https == Some(false)).map(|resource| {
            let text = format!(
                "HTTPS is off at {} (resource {}); the service replaces certificates and does not turn it on. Nothing was changed.",
                domain(resource),
                resource.id
            );
            reason(ReasonCode::Resource, text)
        })
    }

    /// Does a stored certificate have this name, and is it our bundle?
    pub(super) async fn uploaded(&self, name: &str, change: &Change) -> Result<Option<u64>, ServiceError> {
        let der = end_entity(change)?;
        let compare = |id: &CertId, same: Option<bool>| match (id.number(), same) {
            (Some(id), Some(true)) => Ok(id),
            _ => {
                let text = format!(
                    "a certificate called {name} is stored already (id {id}), and its end entity is not, or cannot be seen to be, ours"
                );
                Err(ServiceError::new(ErrorKind::Changed, text))
            }
        };
        match self.client.certificates(Some(name)).await {
            Ok(list) => {
                let found = list.items.into_iter().find(|found| found.certificate_name.as_deref() == Some(name));
                found.map(|found| compare(&found.certificate_id, found.is_end_entity(&der))).transpose()
            }
            // The newer list is not everywhere.
            Err(error) if error.kind == cas::ErrorKind::UnknownAction => {
                let list = self.client.stored_certificates(Some(&change.host)).await.map_err(|error| failed(&error))?;
                let found = list.items.into_iter().find(|found| found.name.as_deref() == Some(name));
                found.map(|found| compare(&found.certificate_id, found.is_end_entity(&der))).transpose()
            }
            Err(error) => Err(failed(&error)),
        }
    }

    /// The private key, from the file or the service; it belongs to the end entity.
    pub(super) async fn key(&self, change: &Change, state: &State) -> Result<Secret, ServiceError> {
        let refuse = |text: String| ServiceError::new(ErrorKind::NotAgreed(ReasonCode::Key), text);
        let key = match (&self.options.key, self.options.key_from_service, state.old.first()) {
            (Some(path), ..) => read_key(path)?,
            (None, true, Some(&old)) => {
                let stored = self.client.detail_with_key(old).await.map_err(|error| failed(&error))?;
                stored.key.ok_or_else(|| {
                    refuse(format!("the service holds no private key for certificate {old}; give --key FILE"))
                })?
            }
            (None, true, None) => {
                return Err(refuse(
                    "no certificate is bound now whose key the service could give; give --key FILE".to_owned(),
                ));
            }
            (None, false, _) => {
                return Err(refuse(
                    "the upload needs the private key: give --key FILE or --key-from-service".to_owned(),
                ));
            }
        };
        let certificate = Certificate::parse(&end_entity(change)?).map_err(|error| refuse(error.to_string()))?;
        match private_key::belongs_to(key.expose().as_bytes(), None, &certificate) {
            Ok(KeyProof::Proven) => Ok(key),
            Ok(KeyProof::Wrong) => Err(refuse("the private key belongs to another certificate".to_owned())),
            Ok(KeyProof::NotChecked) => {
                Err(refuse("the private key could not be compared with the certificate".to_owned()))
            }
            Err(error) => Err(refuse(error.to_string())),
        }
    }

    pub(super) async fn contact(&self) -> Result<Result<u64, Reason>, ServiceError> {
        if let Some(id) = self.options.contact_id {
            return Ok(Ok(id));
        }
        let contacts = self.client.contacts().await.map_err(|error| failed(&error))?.items;
        let verified = contacts.iter().find(|contact| contact.email_status == Some(true));
        Ok(verified.or(contacts.first()).map(|contact| contact.contact_id.0).ok_or_else(|| {
            let text = "A deployment job needs a contact, and the account has none; add one in the console. Nothing was changed.";
            reason(ReasonCode::Resource, text.to_owned())
        }))
    }

    pub(super) fn writes(&self, state: &State, stored: Option<u64>) -> Vec<Write> {
        let upload = match stored {
            Some(id) => format!("nothing is uploaded: the bundle is stored as certificate {id} already"),
            None => format!("upload the bundle and its key as {}", state.name),
        };
        let resources: Vec<String> = state.resources.iter().map(u64::to_string).collect();
        let start = match self.options.schedule {
            Some(at) => format!("start the job, which runs at {at}; from here on credits are spent"),
            None => "start the job; from here on credits are spent".to_owned(),
        };
        let write = |step: Step, description: String, undo: Option<&str>| Write {
            action: step.to_string(),
            description,
            undo: undo.map(str::to_owned),
        };
        vec![
            write(Step::Upload, upload, None),
            write(
                Step::CreateJob,
                format!("create the deployment job `{}` for resource {}", state.job_name, resources.join(", ")),
                None,
            ),
            write(
                Step::Start,
                start,
                Some("each worker is rolled back to the certificate that was bound before; credits are not returned"),
            ),
        ]
    }
}

pub(super) fn shown(resource: &CloudResource, change: &Change) -> Resource {
    let domain = resource.domain.clone().unwrap_or_default();
    Resource {
        id: resource.id.to_string(),
        product: resource.cloud_product.clone().unwrap_or_default(),
        matches: plan::matches(&change.names, &domain),
        domain,
        instance: resource.instance_id.clone(),
        certificate_id: resource.cert_id.as_ref().map(ToString::to_string),
        https: resource.enable_https,
    }
}

pub(super) fn bundle(change: &Change) -> Result<Vec<Vec<u8>>, ServiceError> {
    certificates_in(change.bundle_pem.as_bytes())
        .map_err(|error| ServiceError::new(ErrorKind::Changed, error.to_string()))
}

pub(super) fn end_entity(change: &Change) -> Result<Vec<u8>, ServiceError> {
    Ok(bundle(change)?.swap_remove(0))
}

fn read_key(path: &std::path::Path) -> Result<Secret, ServiceError> {
    use std::io::Read as _;
    // The system's words name no content.
    let fail =
        |what: String| ServiceError::new(ErrorKind::NotAgreed(ReasonCode::Key), format!("{}: {what}", path.display()));
    let file = std::fs::File::open(path).map_err(|error| fail(error.to_string()))?;
    let mut text = zeroize::Zeroizing::new(String::new());
    file.take(MAX_KEY + 1).read_to_string(&mut text).map_err(|_| fail("it is no PEM file".to_owned()))?;
    if text.len() as u64 > MAX_KEY {
        return Err(fail("too large for a private key".to_owned()));
    }
    Ok(Secret::new(text.as_str()))
}
