//! `tlsmend cas upload`: stores a bundle, or in the guides' dialect exchanges the chain of a certificate.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::{Common, Failure, Service, Told, cert_id, not_in_guide};
use crate::cli::judging::TrustOptions;
use crate::cli::{CliError, Exit, clock, probe};
use crate::model::finding::Severity;
use crate::model::target::ReferenceId;
use crate::probe::{Settings, inspect};
use crate::remedy::cas::{CasClient, CasError, CertId, ErrorKind, upload_name};
use crate::remedy::secret::Secret;
use crate::x509::private_key::{self, PrivateKeyError};
use crate::x509::{Certificate, certificates_in, pem};

/// Store a certificate with its chain in the service
///
/// The service accepts a bundle without its intermediates and deploys it; so the bundle is judged first, and one with a
/// serious fault is not sent. The name is made from the bundle: uploading the same one again finds the first. A stored
/// certificate never changes: a corrected bundle gets a new id. The private key is sent in the body of one request.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 stored, or it was already; 1 refused, by the check or by the service; 2 usage; 3 the service cannot be reached.

Examples:
  tlsmend cas upload fullchain.pem --key privkey.pem --host www.example.com
  tlsmend cas upload fullchain.pem --dialect guide --cert-id cert-8a9b2c --endpoint cas.internal.example")]
pub(super) struct Arguments {
    /// Certificates in PEM, DER or PKCS#7, the end entity first (several files are one chain)
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// The private key, unencrypted PEM
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,

    /// The name in the service [default: made from domain and bundle]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// The name that clients will ask for; without it no name is checked
    #[arg(long, value_name = "NAME", value_parser = probe::reference)]
    host: Option<ReferenceId>,

    /// Guide dialect: the certificate whose chain is exchanged
    #[arg(long, value_name = "ID", value_parser = cert_id)]
    cert_id: Option<CertId>,

    #[command(flatten)]
    trust: TrustOptions,

    /// Send it although the check found serious faults
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    pub common: Common,
}

pub(super) async fn run(arguments: &Arguments, service: &Service) -> Result<Told, Failure> {
    let chain = chain(&arguments.files)?;
    let end_entity = Certificate::parse(&chain[0])
        .map_err(|error| CliError::Usage(format!("{}: {error}", arguments.files[0].display())))?;
    let key = arguments.key.as_deref().map(|file| key(file, &end_entity)).transpose()?;
    let faults = faults(arguments, &chain, key.as_ref().map(|(_, proof)| *proof))?;
    if !faults.is_empty() && !arguments.force {
        let mut text = "not sent, because clients would refuse this bundle:\n".to_owned();
        for (code, title) in &faults {
            text.push_str(&format!("  {code}: {title}\n"));
        }
        text.push_str("`tlsmend inspect` says more, `tlsmend bundle` may mend it; --force sends it as it is\n");
        let codes: Vec<&String> = faults.iter().map(|(code, _)| code).collect();
        return Ok(Told::ending(Exit::Findings, text, json!({"uploaded": false, "findings": codes})));
    }
    let bundle: String = chain.iter().map(|der| pem::encode(der)).collect();
    match service {
        Service::Guide(client) => {
            not_in_guide("--key", arguments.key.is_some())?;
            not_in_guide("--name", arguments.name.is_some())?;
            let id = arguments.cert_id.as_ref().ok_or_else(|| {
                CliError::Usage("which certificate? give --cert-id cert-… (`tlsmend cas create` makes one)".to_owned())
            })?;
            let answer = client.update(id, &bundle).await?;
            Ok(Told::done(format!("{}: {}\n", answer.cert_id, answer.status), answer))
        }
        Service::Cas(client) => {
            if arguments.cert_id.is_some() {
                let why = "a stored certificate never changes: without --cert-id this makes a new one with a new id";
                return Err(CliError::Usage(why.to_owned()).into());
            }
            let Some((key, _)) = key else {
                let why = "the service needs the private key with every upload: give --key FILE";
                return Err(CliError::Usage(why.to_owned()).into());
            };
            let domain = arguments.host.as_ref().map(ToString::to_string).or_else(|| first_name(&end_entity));
            let name = arguments.name.clone();
            let name =
                name.unwrap_or_else(|| upload_name("tlsmend", domain.as_deref().unwrap_or("certificate"), &chain));
            store(client, &name, &chain[0], &bundle, &key).await
        }
    }
}

/// Uploads; when the name is taken or the answer was lost, looks whether it is there.
async fn store(client: &CasClient, name: &str, end_entity: &[u8], bundle: &str, key: &Secret) -> Result<Told, Failure> {
    let (id, is_new) = match client.upload(name, bundle, key).await {
        Ok(uploaded) => (uploaded.cert_id, true),
        Err(error) if error.kind == ErrorKind::NameInUse || error.may_have_happened() => {
            match find(client, name, end_entity).await? {
                // Ours from before, or from just now when only the answer was lost.
                Some(id) => (id, error.may_have_happened()),
                None => return Err(error.into()),
            }
        }
        Err(error) => return Err(error.into()),
    };
    let number = super::number(&id)?;
    let detail = client.detail(number).await?;
    if detail.is_end_entity(end_entity) == Some(false) {
        let text = format!("{id} ({name}) is stored, but holds another certificate than the one in the file\n");
        return Ok(Told::ending(
            Exit::Findings,
            text,
            json!({"uploaded": is_new, "cert_id": id, "name": name, "is_same": false}),
        ));
    }
    let done = if is_new { "stored" } else { "was stored already" };
    let text = format!("{id} {done} as {name}\nnext: tlsmend cas deploy --cert-id {id} --domain DOMAIN\n");
    Ok(Told::done(
        text,
        json!({"uploaded": is_new, "cert_id": id, "name": name, "is_same": detail.is_end_entity(end_entity)}),
    ))
}

/// The stored certificate of exactly this name, when it is this end entity.
async fn find(client: &CasClient, name: &str, end_entity: &[u8]) -> Result<Option<CertId>, CasError> {
    let named = client.certificates(Some(name)).await?.items;
    let found = named
        .into_iter()
        .find(|row| row.certificate_name.as_deref() == Some(name) && row.is_end_entity(end_entity) != Some(false));
    Ok(found.map(|row| row.certificate_id))
}

/// The certificates of all files, in their order.
pub fn chain(files: &[PathBuf]) -> Result<Vec<Vec<u8>>, CliError> {
    let mut chain = Vec::new();
    for file in files {
        let fail = |reason: String| CliError::Usage(format!("{}: {reason}", file.display()));
        let bytes = probe::read_file(file).map_err(fail)?;
        chain.extend(certificates_in(&bytes).map_err(|error| fail(error.to_string()))?);
    }
    Ok(chain)
}

/// The key's own PEM block, and whether it belongs to the end entity.
fn key(file: &Path, end_entity: &Certificate) -> Result<(Secret, crate::model::handshake::KeyProof), CliError> {
    let fail = |reason: &str| CliError::Usage(format!("--key {}: {reason}", file.display()));
    let bytes = zeroize::Zeroizing::new(probe::read_file(file).map_err(|error| fail(&error))?);
    let proof = private_key::belongs_to(&bytes, None, end_entity).map_err(|error| match error {
        PrivateKeyError::Encrypted => {
            fail("the service takes unencrypted keys only; decrypt a copy: openssl pkey -in FILE -out key.pem")
        }
        other => fail(&other.to_string()),
    })?;
    let text = std::str::from_utf8(&bytes).ok();
    let block = text.and_then(private_block);
    let block =
        block.ok_or_else(|| fail("the service takes PEM only; convert a copy: openssl pkey -in FILE -out key.pem"))?;
    Ok((Secret::new(block), proof))
}

/// The PEM block of the private key, without whatever stands around it.
fn private_block(text: &str) -> Option<&str> {
    let mut start = None;
    let mut position = 0;
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        let is_key = trimmed.ends_with("PRIVATE KEY-----");
        if is_key && trimmed.starts_with("-----BEGIN ") {
            start = Some(position);
        }
        position += line.len();
        if let (true, true, Some(start)) = (is_key, trimmed.starts_with("-----END "), start) {
            return text.get(start..position);
        }
    }
    None
}

/// Code and title of the faults that keep clients from accepting the bundle.
fn faults(
    arguments: &Arguments,
    chain: &[Vec<u8>],
    key: Option<crate::model::handshake::KeyProof>,
) -> Result<Vec<(String, String)>, CliError> {
    let settings = Settings { anchors: arguments.trust.anchors()?, fetch_issuers: false, ..Settings::default() };
    let report = inspect(chain.to_vec(), key, arguments.host.clone(), &settings, clock);
    let serious = report.findings.into_iter().filter(|finding| finding.severity >= Severity::High);
    Ok(serious.map(|finding| (finding.code, finding.title)).collect())
}

fn first_name(certificate: &Certificate) -> Option<String> {
    let san = certificate.extensions.subject_alt_name.as_ref()?;
    san.names.iter().find_map(|name| match name {
        crate::x509::general_name::GeneralName::Dns(name) => Some(name.to_string()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_key_leaves_the_file() {
        let key = "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n";
        let all = format!("-----BEGIN CERTIFICATE-----\nBBBB\n-----END CERTIFICATE-----\nnotes\n{key}more notes\n");
        assert_eq!(private_block(&all), Some(key));
        assert_eq!(private_block("-----BEGIN PRIVATE KEY-----\nAAAA\n"), None);
        assert_eq!(private_block("no key"), None);
    }
}
