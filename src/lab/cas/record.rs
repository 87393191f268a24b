//! What was called, for tests to read: in order, without its secrets.

use serde::Serialize;

use super::message::Request;

/// Parameters whose value never enters a record.
const SECRET: [&str; 7] =
    ["Key", "EncryptPrivateKey", "SignPrivateKey", "SecretKey", "SecurityToken", "Signature", "AccessKeySecret"];

/// What stands for a secret.
pub const MASK: &str = "***";

/// One call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Call {
    pub action: String,
    pub method: String,
    pub path: String,
    /// The signature was right.
    pub authenticated: bool,
    /// ACS3-HMAC-SHA256, else the older scheme.
    pub acs3: bool,
    /// As sent in the address, secrets as [`MASK`].
    pub query: Vec<(String, String)>,
    /// As sent in a form body, secrets as [`MASK`].
    pub form: Vec<(String, String)>,
    /// The action changed what it changes, whatever the caller was told.
    pub done: bool,
    /// Null while the call lasts, and when the connection was dropped.
    pub status: Option<u16>,
    /// The code of a refusal.
    pub code: Option<String>,
}

impl Call {
    pub(super) fn new(action: &str, request: &Request) -> Self {
        Self {
            action: action.to_owned(),
            method: request.method.clone(),
            path: request.path.clone(),
            authenticated: false,
            acs3: request.is_acs3(),
            query: masked(&request.query),
            form: masked(&request.form),
            done: false,
            status: None,
            code: None,
        }
    }

    /// A parameter, wherever it was sent.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().chain(&self.form).find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Secrets in the address, where proxies and logs see them. The older scheme cannot but send its signature and
    /// its token there; those do not count.
    pub fn secrets_in_query(&self) -> Vec<&str> {
        let unavoidable = |name: &str| !self.acs3 && ["Signature", "SecurityToken"].contains(&name);
        let secret = self.query.iter().filter(|(name, value)| value == MASK && !unavoidable(name));
        secret.map(|(name, _)| name.as_str()).collect()
    }
}

fn masked(pairs: &[(String, String)]) -> Vec<(String, String)> {
    let mask = |(name, value): &(String, String)| {
        let is_secret = SECRET.contains(&name.as_str()) || value.contains("PRIVATE KEY-----");
        (name.clone(), if is_secret { MASK.to_owned() } else { value.clone() })
    };
    pairs.iter().map(mask).collect()
}
