//! What a client is: data over the engine of its library.

use super::case::Case;
use super::pool::CertId;
use super::stores::Trust;
use crate::model::handshake::Failure;
use crate::model::hello::Hello;
use crate::model::verdict::{Category, Verdict};

/// A client's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub verdict: Verdict,
    /// `None` on accept.
    pub category: Option<Category>,
    /// The client's own error code, byte for byte; `None` on accept.
    pub code: Option<String>,
    /// The client's own words, where it has any.
    pub message: Option<String>,
    /// The path it took or stopped at, end entity first; empty when it built none.
    pub path: Vec<CertId>,
    /// Which certificate of `path` the refusal is about, where the client or the standard tells.
    pub position: Option<usize>,
}

impl Answer {
    pub fn accept(path: Vec<CertId>) -> Self {
        Self { verdict: Verdict::Accept, category: None, code: None, message: None, path, position: None }
    }

    /// The certificate is refused.
    pub fn reject(category: Category, code: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Reject,
            category: Some(category),
            code: Some(code.into()),
            message: None,
            path: Vec::new(),
            position: None,
        }
    }

    /// No verdict on the certificate: handshake or transport failed.
    pub fn error(category: Category, code: impl Into<String>) -> Self {
        Self { verdict: Verdict::Error, ..Self::reject(category, code) }
    }

    /// Could not be decided.
    pub fn undetermined(why: impl Into<String>) -> Self {
        Self { verdict: Verdict::Undetermined, message: Some(why.into()), ..Self::accept(Vec::new()) }
    }

    pub fn with_message(self, message: impl Into<String>) -> Self {
        Self { message: Some(message.into()), ..self }
    }

    pub fn with_path(self, path: Vec<CertId>) -> Self {
        Self { path, ..self }
    }

    /// About the certificate at `position` of the path.
    pub fn at(self, position: usize) -> Self {
        Self { position: Some(position), ..self }
    }
}

/// One modelled client. Its file holds data and sources, no search.
#[derive(Debug)]
pub struct Client {
    /// As in the lab's tables.
    pub id: &'static str,
    pub name: &'static str,
    /// The versions the model was compared with.
    pub versions: &'static str,
    /// Compared with measurements of the real client.
    pub measured: bool,
    /// It fetches missing issuers from `caIssuers` addresses.
    pub fetches_issuers: bool,
    /// What it offers a server. `None`: not known, or of no matter because it meets no servers.
    pub hello: Option<Hello<'static>>,
    /// The store that it, or the system it usually runs on, brings along.
    pub trust: Trust,
    /// What a person should know about how it decides.
    pub notes: &'static [&'static str],
    /// Where the rules come from: RFC sections, source files, measurements.
    pub sources: &'static [&'static str],
    /// The verdict on a chain that was served.
    pub judge: fn(&Case<'_>) -> Answer,
    /// What it says when the handshake fails this way. `None`: it would not notice, or nothing is known.
    pub handshake: fn(&Failure, &Case<'_>) -> Option<Answer>,
}

/// Our word for a fatal alert that a server sends, by the name RFC 8446 §6 gives it.
pub fn alert_category(alert: &str) -> Category {
    match alert {
        "protocol_version" => Category::TlsVersion,
        "insufficient_security" => Category::WeakHandshake,
        "unrecognized_name" => Category::UnrecognizedName,
        "certificate_required" => Category::ClientCertificate,
        _ => Category::Handshake,
    }
}
