//! Short names for certificates and clients, looked up in the report.

use std::collections::BTreeMap;

use crate::model::certificate::CertificateFacts;
use crate::model::report::Report;

pub struct Names<'a> {
    certificates: &'a BTreeMap<String, CertificateFacts>,
    clients: BTreeMap<&'a str, &'a str>,
}

impl<'a> Names<'a> {
    pub fn new(report: &'a Report) -> Self {
        let clients = report.deployments.iter().flat_map(|deployment| &deployment.clients);
        Self {
            certificates: &report.certificates,
            clients: clients.map(|client| (client.id.as_str(), client.name.as_str())).collect(),
        }
    }

    /// The facts of a certificate; `None` when the report carries none (`--evidence none`, or it does not parse).
    pub fn facts(&self, fingerprint: &str) -> Option<&'a CertificateFacts> {
        self.certificates.get(fingerprint)
    }

    pub fn certificate(&self, fingerprint: &str) -> String {
        match self.facts(fingerprint) {
            Some(facts) => short(&facts.subject).to_owned(),
            None => format!("certificate {}", abbreviated(fingerprint)),
        }
    }

    pub fn client(&self, id: &'a str) -> &'a str {
        self.clients.get(id).copied().unwrap_or(id)
    }

    pub fn clients(&self, ids: &'a [String]) -> String {
        ids.iter().map(|id| self.client(id)).collect::<Vec<_>>().join(", ")
    }
}

/// The beginning of a fingerprint: enough to find it.
pub fn abbreviated(fingerprint: &str) -> String {
    fingerprint.chars().take(16).chain(['…']).collect()
}

/// A SHA-256 in hex: for programs, not for people.
pub fn is_fingerprint(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The last CN of a distinguished name as the report writes it (`C=.., O=.., CN=..`); without one, all of it.
pub fn short(name: &str) -> &str {
    let start = match name.rfind(", CN=") {
        Some(position) => position + ", CN=".len(),
        None if name.starts_with("CN=") => "CN=".len(),
        None => return name,
    };
    let value = &name[start..];
    let is_attribute = |text: &str| {
        text.split_once('=').is_some_and(|(kind, _)| {
            !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
        })
    };
    let end =
        value.match_indices(", ").find(|(at, _)| is_attribute(&value[at + 2..])).map_or(value.len(), |(at, _)| at);
    if value[..end].trim().is_empty() { name } else { &value[..end] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_common_name_is_the_short_name() {
        assert_eq!(short("C=US, O=Example, Inc., CN=Example CA, E1"), "Example CA, E1");
        assert_eq!(short("CN=a.example, OU=x, emailAddress=y"), "a.example");
        assert_eq!(short("C=US, O=Example"), "C=US, O=Example");
        assert_eq!(short("C=US, CN="), "C=US, CN=");
        assert_eq!(short("(empty name)"), "(empty name)");
    }
}
