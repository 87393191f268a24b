//! A request before it is signed: an action, its parameters, where they travel, whether it changes anything.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use crate::remedy::secret::Secret;
use crate::x509::dn::printable;

/// How a request is signed and where its action stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::remedy) enum Scheme {
    /// ACS3-HMAC-SHA256: action in a header.
    Acs3,
    /// HMAC-SHA1: action in the query.
    Rpc,
}

/// Calls of one group share a rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::remedy) enum Group {
    /// 100 calls a second for the account.
    Certificates,
    /// 10 a second.
    Orders,
    /// No limit is published.
    Deployment,
}

/// One call.
pub(in crate::remedy) struct Request {
    pub action: &'static str,
    pub version: &'static str,
    pub method: &'static str,
    /// Percent-encoded; `/` for RPC.
    pub path: String,
    pub query: Parameters,
    /// Sent as a form body; nothing here ever stands in a URL.
    pub form: Parameters,
    pub scheme: Scheme,
    pub group: Group,
    /// It changes something: it is never repeated unless it certainly did nothing.
    pub writes: bool,
    /// A private key in the answer is wanted. Everywhere else it is removed before anybody sees it.
    pub wants_key: bool,
}

impl Request {
    /// A read of the certificate service.
    pub fn read(action: &'static str, group: Group) -> Self {
        Self {
            action,
            version: super::VERSION,
            method: "POST",
            path: "/".to_owned(),
            query: Parameters::default(),
            form: Parameters::default(),
            scheme: Scheme::Acs3,
            group,
            writes: false,
            wants_key: false,
        }
    }

    /// A write.
    pub fn write(action: &'static str, group: Group) -> Self {
        Self { writes: true, ..Self::read(action, group) }
    }

    /// A parameter in the query.
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.query.plain(name, value.to_string());
        self
    }

    /// The same, when there is one.
    pub fn with_some(self, name: &str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Parameters as a report may show them.
    pub fn masked(&self) -> BTreeMap<String, String> {
        self.query.0.iter().chain(&self.form.0).map(|item| (item.name.clone(), item.shown.clone())).collect()
    }
}

/// Parameters in the order they are sent.
#[derive(Default)]
pub(in crate::remedy) struct Parameters(Vec<Parameter>);

struct Parameter {
    name: String,
    value: Zeroizing<String>,
    /// What a log may show of it.
    shown: String,
}

impl Parameters {
    pub fn plain(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        self.push(name, printable(&value), value);
    }

    /// Certificates: counted in a log, not copied into it.
    pub fn certificates(&mut self, name: &str, pem: &str) {
        let count = pem.matches("-----BEGIN CERTIFICATE-----").count();
        self.push(name, format!("<{count} certificates, {} bytes>", pem.len()), pem.to_owned());
    }

    /// What says who somebody is: nothing for a report.
    pub fn personal(&mut self, name: &str, value: &str) {
        self.push(name, "<personal>".to_owned(), value.to_owned());
    }

    /// Never shown.
    pub fn secret(&mut self, name: &str, secret: &Secret) {
        self.push(name, "<secret>".to_owned(), secret.expose().to_owned());
    }

    fn push(&mut self, name: &str, shown: String, value: String) {
        self.0.push(Parameter { name: name.to_owned(), value: Zeroizing::new(value), shown });
    }

    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|item| (item.name.as_str(), item.value.as_str()))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
