//! OpenJDK 17: JSSE's trust manager, which validates the chain as it was sent when that leads to a trust anchor by
//! name, and only else searches for a path.
//!
//! The rules are those of `sun.security.validator` (`PKIXValidator`, `EndEntityChecker`), of
//! `sun.security.provider.certpath` (`PKIXCertPathValidator` and its checkers, `SunCertPathBuilder`, `ForwardBuilder`,
//! `AdaptableX509CertSelector`), of `sun.security.x509` (parsing, names and their constraints) and of
//! `sun.security.util.HostnameChecker`.

mod certificate;
mod constraints;
mod encoding;
mod host;
mod path;
mod text;

use std::borrow::Cow;

use crate::judge::anchors::AnchorKind;
use crate::judge::case::Case;
use crate::judge::pool::CertId;
use crate::model::verdict::Category;
use crate::x509::SubjectAltName;
use crate::x509::general_name::GeneralName;
use certificate::{alternative_names, end_entity_error, parse_error};
use constraints::address_in_common_name;
use encoding::Exception;
use host::match_host;

/// `jdk.tls.client.maxInboundCertificateChainLength`.
pub const MAX_CERTIFICATES: usize = 10;

/// `jdk.tls.maxHandshakeMessageSize`.
pub const MAX_HANDSHAKE_MESSAGE: usize = 32_768;

/// `PKIXBuilderParameters.maxPathLength`: intermediates a search may use. A chain sent in order has no such limit.
const MAX_PATH_LENGTH: usize = 5;

/// Candidates looked at in one search. Java has no limit but time; ten certificates in order never need this many.
const MAX_STEPS: usize = 2_000;

/// Names of one certificate times constraints of one CA. The JDK has no such limit; OpenSSL's `NAME_CHECK_MAX` serves, so that
/// a hostile chain ends.
const MAX_NAME_COMPARISONS: usize = 1 << 20;

/// An exception, with its causes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thrown {
    /// The deepest cause: its class, and its reason where it has one, else its message.
    pub code: String,
    pub category: Category,
    /// The alert JSSE sends.
    pub alert: &'static str,
    /// From the outside inwards, `class: message`; the outermost is JSSE's own.
    pub layers: Vec<String>,
}

#[derive(Debug)]
pub enum Outcome {
    Trusted(Vec<CertId>),
    Refused {
        thrown: Thrown,
        path: Vec<CertId>,
    },
    /// A RuntimeException that nobody catches.
    Crashed(&'static Crash),
    /// The search did not come to an end within its budget.
    Undecided,
}

/// What is seen of a RuntimeException that nobody catches.
#[derive(Debug)]
pub struct Crash {
    /// Class and message of the deepest cause.
    pub code: &'static str,
    /// With the exception that JSSE makes of it, from the outside inwards.
    pub message: &'static str,
}

/// The tag of dNSName in GeneralName (RFC 5280 §4.2.1.6).
const DNS_NAME: u8 = 2;

const CERTIFICATE_EXCEPTION: &str = "java.security.cert.CertificateException";
const PATH_EXCEPTION: &str = "java.security.cert.CertPathValidatorException";
const VALIDATOR_EXCEPTION: &str = "sun.security.validator.ValidatorException";

/// What a `CertPathValidatorException` says.
struct PathError {
    message: Cow<'static, str>,
    reason: &'static str,
    category: Category,
    /// Its causes, from the outside inwards.
    causes: Vec<Exception>,
    alert: &'static str,
}

impl PathError {
    fn new(reason: &'static str, category: Category, message: impl Into<Cow<'static, str>>) -> Self {
        Self { message: message.into(), reason, category, causes: Vec::new(), alert: "certificate_unknown" }
    }
}

/// Why a step of the validation stops.
enum Stop {
    Path(PathError),
    Crash(&'static Crash),
    /// Our own budget is spent.
    Undecided,
}

impl From<PathError> for Stop {
    fn from(error: PathError) -> Self {
        Self::Path(error)
    }
}

fn simple_name(class: &str) -> &str {
    class.rsplit('.').next().unwrap_or(class)
}

/// What ends the handshake as a stapled OCSP response comes in (`OCSPStatusResponse` of `CertStatusExtension`): class and
/// message.
pub fn staple_error(case: &Case<'_>) -> Option<(&'static str, String)> {
    encoding::staple_error(case.ocsp_staple?)
}

/// What the trust manager says to a list of certificates (`X509TrustManagerImpl.checkTrusted`): parse all, validate, look
/// at the end entity's extensions, then at its name. `fetches`: `com.sun.security.enableAIAcaIssuers` is set.
pub fn check_trusted(case: &Case<'_>, fetches: bool) -> Outcome {
    for &id in case.served {
        if let Some((class, message)) = parse_error(case.pool.get(id)) {
            return Outcome::Refused { thrown: unparsable(class, &message), path: Vec::new() };
        }
    }
    let Some(end_entity) = case.end_entity().filter(|_| case.unparsable.is_empty()) else {
        let thrown = unparsable(CERTIFICATE_EXCEPTION, "Could not parse certificate");
        return Outcome::Refused { thrown, path: Vec::new() };
    };
    let mut validator = Validator {
        case,
        fetches,
        searches_all: false,
        asks_for_dates: false,
        steps: 0,
        names_were_constrained: false,
    };
    let path = match validator.validate() {
        Ok(path) => path,
        Err(outcome) => return outcome,
    };
    let certificate = case.pool.get(end_entity);
    // NameConstraintsExtension.verify adds the address it takes from the common name, where the SAN has none, to the
    // certificate's own list of alternative names: there the check of the name finds it.
    let has_address = |san: &SubjectAltName| san.names.iter().any(|name| matches!(name, GeneralName::Ip(_)));
    let added = address_in_common_name(certificate)
        .filter(|_| validator.names_were_constrained && !alternative_names(certificate).is_some_and(has_address));
    // Validator.validate: not for an end entity that is itself a trust anchor.
    if path.len() > 1
        && let Some(message) = end_entity_error(certificate)
    {
        let thrown = Thrown {
            code: format!("ValidatorException: {message}"),
            category: Category::Usage,
            alert: "certificate_unknown",
            layers: vec![message.to_owned(), format!("{VALIDATOR_EXCEPTION}: {message}")],
        };
        return Outcome::Refused { thrown, path };
    }
    // AnchorCertificates.contains: one of the JDK's own.
    let chains_to_public = path.last().is_some_and(|&id| case.is_anchor(id) == Some(AnchorKind::Public));
    let name = if case.any_name { Ok(()) } else { match_host(case, certificate, chains_to_public, added) };
    match name {
        Ok(()) => Outcome::Trusted(path),
        Err(HostError { message, cause }) => {
            let mut layers = vec![message.clone(), format!("{CERTIFICATE_EXCEPTION}: {message}")];
            let code = match cause {
                Some(cause) => {
                    layers.push(format!("java.lang.IllegalArgumentException: {cause}"));
                    format!("IllegalArgumentException: {cause}")
                }
                None => format!("CertificateException: {message}"),
            };
            let thrown = Thrown { code, category: Category::Hostname, alert: "certificate_unknown", layers };
            Outcome::Refused { thrown, path }
        }
    }
}

fn unparsable(class: &str, message: &str) -> Thrown {
    Thrown {
        code: format!("{}: {message}", simple_name(class)),
        category: Category::BadFormat,
        alert: "bad_certificate",
        layers: vec!["Failed to parse server certificates".to_owned(), format!("{class}: {message}")],
    }
}

/// A failed validation or search, as `PKIXValidator` wraps it.
fn wrap(what: &str, class: &str, message: &str, code: String, category: Category, alert: &'static str) -> Thrown {
    let outer = format!("PKIX path {what} failed: {class}: {message}");
    Thrown {
        code,
        category,
        alert,
        layers: vec![outer.clone(), format!("{VALIDATOR_EXCEPTION}: {outer}"), format!("{class}: {message}")],
    }
}

fn path_failure(error: PathError) -> Thrown {
    let code = match error.causes.last() {
        Some((class, message)) => format!("{}: {message}", simple_name(class)),
        None => format!("CertPathValidatorException:{}", error.reason),
    };
    let mut thrown = wrap("validation", PATH_EXCEPTION, &error.message, code, error.category, error.alert);
    // PKIXMasterCertPathValidator wraps what a checker throws once more; its own complaint it throws as it is.
    if error.causes.is_empty() && error.reason != "UNRECOGNIZED_CRIT_EXT" {
        thrown.layers.push(format!("{PATH_EXCEPTION}: {}", error.message));
    }
    thrown.layers.extend(error.causes.iter().map(|(class, message)| format!("{class}: {message}")));
    thrown
}

struct HostError {
    message: String,
    /// The message of an IllegalArgumentException below.
    cause: Option<&'static str>,
}

struct Validator<'a> {
    case: &'a Case<'a>,
    /// `Builder.USE_AIA`.
    fetches: bool,
    /// `searchAllCertStores`: the second attempt looks everywhere at every step.
    searches_all: bool,
    /// Trust anchors out of their dates are passed over.
    asks_for_dates: bool,
    steps: usize,
    /// Name constraints were looked at on a chain taken as it was sent.
    names_were_constrained: bool,
}
