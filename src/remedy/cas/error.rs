//! Why a call did not give what was asked: typed by what to do about it, with the service's own words kept.

use serde::Serialize;

use crate::x509::dn::printable;

/// A refusal, an answer that is none, or no answer.
///
/// `Display` is one line for a person: what failed, why, and the service's number for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{}", self.line())]
pub struct CasError {
    /// The service's name of the action.
    pub action: &'static str,
    pub kind: ErrorKind,
    /// May the call have taken effect all the same? Then look before it is repeated.
    pub effect: Effect,
    /// The service's code, such as `NameRepeat`. Absent when no refusal came.
    pub code: Option<String>,
    /// The service's message or what happened, safe for a terminal, without secrets, cut to a readable length.
    pub message: String,
    pub request_id: Option<String>,
    pub http_status: Option<u16>,
    /// What the account may not do, when that is the reason.
    pub permission: Option<Box<Permission>>,
    /// Milliseconds after which the service wants to be asked again.
    pub retry_after_ms: Option<u64>,
}

/// What a failed call may have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Nothing: it was refused, never sent, or only reads.
    None,
    /// A write whose answer was lost or is no answer: it may have happened. Resolve by look-up, never by repeating.
    Unknown,
}

/// What to do about it. By the shape of the code first, because the service publishes no complete list
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    /// The access key, its secret or the token is not accepted.
    Credentials,
    /// Our clock and the service's differ by more than 15 minutes.
    Clock,
    /// The account lacks a permission.
    Permission,
    /// A parameter is not accepted.
    Input,
    /// No such action here: another version, another service, or the other dialect.
    UnknownAction,
    /// The certificate, job, worker or resource does not exist.
    NotFound,
    /// The name of the upload is in use.
    NameInUse,
    /// The private key is not that of the first certificate.
    KeyMismatch,
    /// The private key cannot be read, or is encrypted.
    KeyFormat,
    /// The object is in a state that does not allow it.
    State,
    /// Too few deployment credits.
    Credits,
    /// Too many calls.
    Throttled,
    /// The service failed (5xx).
    Service,
    /// The service could not be reached, or did not answer in time.
    Unreachable,
    /// What answered is not the service's answer: HTML, truncated JSON, a redirect.
    BadAnswer,
    /// Refused by this program before anything was sent.
    NotSent,
    /// A refusal with a code that we do not know.
    Other,
}

/// A permission that is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Permission {
    /// As it is granted in a RAM policy, such as `yundun-cert:CreateDeploymentJob`.
    pub action: String,
    /// Who asked: the service's kind of identity and its id, when it said so.
    pub principal: Option<String>,
    /// A policy denies it, instead of none allowing it.
    pub denied_explicitly: bool,
}

/// Of a message that is shown: the service quotes whole requests.
const MAX_MESSAGE: usize = 400;

impl CasError {
    /// Refused here, before anything was sent.
    pub fn not_sent(action: &'static str, message: impl Into<String>) -> Self {
        Self::new(action, ErrorKind::NotSent, Effect::None, &message.into())
    }

    pub(super) fn new(action: &'static str, kind: ErrorKind, effect: Effect, message: &str) -> Self {
        Self {
            action,
            kind,
            effect,
            code: None,
            message: safe(message),
            request_id: None,
            http_status: None,
            permission: None,
            retry_after_ms: None,
        }
    }

    /// The write may have happened: look before repeating.
    pub fn may_have_happened(&self) -> bool {
        self.effect == Effect::Unknown
    }

    /// No answer of the service at all.
    pub fn is_unreachable(&self) -> bool {
        self.kind == ErrorKind::Unreachable
    }

    /// What it means and what to do, in one or two sentences.
    pub fn meaning(&self) -> String {
        match self.kind {
            ErrorKind::Credentials => "the access key, its secret or the security token is not accepted; check which credentials are used (`aliyun configure list`, or the ALIBABA_CLOUD_ variables) and renew a temporary token".to_owned(),
            ErrorKind::Clock => "this machine's clock and the service's differ by more than 15 minutes; set the clock and try again".to_owned(),
            ErrorKind::Permission => match &self.permission {
                Some(permission) if permission.denied_explicitly => {
                    format!("a RAM policy denies {}; remove the Deny statement", permission.action)
                }
                Some(permission) => format!("grant {} on resource * to this identity in RAM", permission.action),
                None => "the account lacks a permission; AliyunYundunCertFullAccess has all of them".to_owned(),
            },
            ErrorKind::Input => "the service does not accept a parameter".to_owned(),
            ErrorKind::UnknownAction => "the service at this endpoint has no such action; the actions of the guide exist only in the guide dialect, not in the public service".to_owned(),
            ErrorKind::NotFound => "it does not exist at this endpoint; the stores behind two endpoints are separate, so check --region and --endpoint".to_owned(),
            ErrorKind::NameInUse => "a stored certificate has this name; the service never replaces one, not even for the same ClientToken. Look it up and compare, or choose another name".to_owned(),
            ErrorKind::KeyMismatch => "the private key does not belong to the first certificate; the end entity must come first".to_owned(),
            ErrorKind::KeyFormat => "the private key cannot be read by the service; it takes unencrypted PEM only (openssl pkey -in FILE -out key.pem)".to_owned(),
            ErrorKind::State => "the object is not in a state that allows it; look at it first (`tlsmend cas status`)".to_owned(),
            ErrorKind::Credits => "the account has too few deployment credits; deploying an uploaded certificate costs one for each resource".to_owned(),
            ErrorKind::Throttled => "too many calls for this account; wait and try again".to_owned(),
            ErrorKind::Service => "the service failed; if it goes on, give its support the RequestId".to_owned(),
            ErrorKind::Unreachable => "no answer came; check the network, --endpoint and HTTPS_PROXY".to_owned(),
            ErrorKind::BadAnswer => "something between here and the service answered in its place, or cut its answer short; check --endpoint and proxies".to_owned(),
            ErrorKind::NotSent => "nothing was sent".to_owned(),
            ErrorKind::Other => "the service refused; its code and message say why".to_owned(),
        }
    }

    fn line(&self) -> String {
        let mut line = format!("{}: ", self.action);
        match &self.code {
            Some(code) => line.push_str(&format!("{code}: {}", self.message)),
            None => line.push_str(&self.message),
        }
        if let Some(id) = &self.request_id {
            line.push_str(&format!(" (RequestId {id})"));
        }
        line
    }
}

/// The service's text, safe to show: no control characters, no PEM, not longer than anyone would read.
pub(super) fn safe(text: &str) -> String {
    // A signature mismatch quotes what was signed, and with it whatever stood in the parameters.
    let text = match text.find("-----BEGIN") {
        Some(start) => format!("{}… (the rest quotes the request and is left out)", &text[..start]),
        None => text.to_owned(),
    };
    let mut chars = text.trim().chars();
    let mut cut: String = chars.by_ref().take(MAX_MESSAGE).collect();
    if chars.next().is_some() {
        cut.push('…');
    }
    printable(&cut)
}

/// The kind of a refusal, by the shape of its code, then by the whole code, then by the HTTP status.
pub(super) fn classify(code: &str, http_status: u16) -> ErrorKind {
    let is = |prefix: &str| code.starts_with(prefix);
    match code {
        _ if is("Throttling") => ErrorKind::Throttled,
        _ if is("Forbidden") || is("NoPermission") => ErrorKind::Permission,
        _ if is("InvalidAction") || is("InvalidApi") || code == "UnsupportedHTTPMethod" => ErrorKind::UnknownAction,
        _ if is("InvalidAccessKeyId") || is("InvalidSecurityToken") => ErrorKind::Credentials,
        "SignatureDoesNotMatch" | "IncompleteSignature" | "SignatureNonceUsed" => ErrorKind::Credentials,
        "InvalidTimeStamp.Expired" => ErrorKind::Clock,
        "NameRepeat" | "NameAlreadyExist" => ErrorKind::NameInUse,
        "NotMatch.CertificateAndPrivateKey" | "KeyNotMatchCert" => ErrorKind::KeyMismatch,
        "PrivateKeyFormatException" => ErrorKind::KeyFormat,
        _ if code.contains("QuotaExceeded") || code.contains("InsufficientQuota") => ErrorKind::Credits,
        _ if code.contains("NotFound") || code.contains("NotExist") => ErrorKind::NotFound,
        _ if is("OperationDenied") || is("InvalidStatus") => ErrorKind::State,
        _ if is("ServiceUnavailable") || is("InternalError") || http_status >= 500 => ErrorKind::Service,
        _ if http_status == 429 => ErrorKind::Throttled,
        _ if is("Missing") || is("Invalid") || is("NotMatch") => ErrorKind::Input,
        _ => ErrorKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_kinds_by_shape() {
        for (code, status, kind) in [
            ("Throttling.User", 400, ErrorKind::Throttled),
            ("Forbidden.RAM", 403, ErrorKind::Permission),
            ("InvalidAction.NotFound", 404, ErrorKind::UnknownAction),
            ("InvalidAccessKeyId.NotFound", 404, ErrorKind::Credentials),
            ("InvalidCertId.NotFound", 404, ErrorKind::NotFound),
            ("NotFoundCertificate", 404, ErrorKind::NotFound),
            ("InvalidTimeStamp.Expired", 400, ErrorKind::Clock),
            ("InvalidTimeStamp.Format", 400, ErrorKind::Input),
            ("MissingCertId", 400, ErrorKind::Input),
            ("500", 500, ErrorKind::Service),
            ("Whatever", 502, ErrorKind::Service),
            ("OperationDenied.StatusNotSupport", 400, ErrorKind::State),
            ("DeploymentQuotaExceeded", 400, ErrorKind::Credits),
            ("SomethingNew", 400, ErrorKind::Other),
        ] {
            assert_eq!(classify(code, status), kind, "{code}");
        }
    }

    #[test]
    fn messages_are_safe_to_show() {
        assert_eq!(safe("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        assert!(!safe("mismatch: Key=-----BEGIN PRIVATE KEY-----\nMIIE").contains("MIIE"));
        assert!(safe(&"x".repeat(10_000)).chars().count() <= MAX_MESSAGE + 1);
    }
}
