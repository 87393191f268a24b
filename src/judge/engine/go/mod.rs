//! Go: `crypto/x509` explores every chain, within a hundred signatures, and `crypto/tls` asks it.
//!
//! The rules are those of `crypto/x509/verify.go`, `parser.go`, `cert_pool.go` and `constraints.go`, and of
//! `crypto/tls/handshake_client.go` (`verifyServerCertificate`).

mod constraints;
mod host;
mod parse;
mod path;

use crate::judge::case::Case;
use crate::judge::pool::CertId;
use crate::model::verdict::Category;
use crate::x509::key::KeyKind;
use parse::parse_error;

/// `maxChainSignatureChecks` of `verify.go`: calls of `CheckSignatureFrom` in one verification.
const MAX_SIGNATURE_CHECKS: usize = 100;

/// Names compared with constraints in one verification. Go 1.26 made this log-linear and needs no limit; ours compares one by
/// one, and stops where other libraries do (OpenSSL's `NAME_CHECK_MAX`), undecided.
const MAX_NAME_COMPARISONS: usize = 1 << 20;

/// `maxHandshakeCertificateMsg` of `crypto/tls/common.go`.
pub const MAX_CERTIFICATE_MESSAGE: usize = 262_144;

/// `maxRSAKeySize` of `crypto/tls/common.go`.
const MAX_RSA_BITS: u32 = 8192;

/// `maxNamesIncluded` of `HostnameError.Error`.
const MAX_NAMES_SHOWN: usize = 100;

/// A Go error: its type (with the reason of a `CertificateInvalidError`) and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    pub code: String,
    pub category: Category,
    pub text: String,
}

impl Error {
    fn new(code: &str, category: Category, text: impl Into<String>) -> Self {
        Self { code: code.to_owned(), category, text: text.into() }
    }

    fn invalid(reason: &str, category: Category, text: impl Into<String>) -> Self {
        Self::new(&format!("x509.CertificateInvalidError:{reason}"), category, text)
    }
}

/// What `verifyServerCertificate` found, and the chain it took or came farthest with.
#[derive(Debug)]
pub struct Outcome {
    pub chain: Vec<CertId>,
    pub result: Result<(), Error>,
    /// Our own budget was spent, so `result` says nothing.
    pub incomplete: bool,
}

/// `verifyServerCertificate`: every certificate of the list must parse, then `Certificate.Verify`.
pub fn verify(case: &Case<'_>) -> Outcome {
    let fail = |error| Outcome { chain: Vec::new(), result: Err(error), incomplete: false };
    let parse = |text: String| {
        Error::new("parse", Category::BadFormat, format!("tls: failed to parse certificate from server: {text}"))
    };
    for &id in case.served {
        if let Some(text) = parse_error(case.pool.get(id)) {
            return fail(parse(text));
        }
    }
    let Some(end_entity) = case.end_entity().filter(|_| case.unparsable.is_empty()) else {
        return fail(parse("x509: malformed certificate".to_owned()));
    };
    for &id in case.served {
        if let KeyKind::Rsa { bits, pss: false, .. } = case.pool.get(id).key
            && bits > MAX_RSA_BITS
        {
            let text =
                format!("tls: server sent certificate containing RSA key larger than {MAX_RSA_BITS} bits: {bits}");
            return fail(Error::new(&text, Category::UnsupportedKey, text.clone()));
        }
    }
    let mut build = Build { case, signature_checks: 0, comparisons: MAX_NAME_COMPARISONS, farthest: vec![end_entity] };
    match build.verify(end_entity) {
        Ok(chain) => Outcome { chain, result: Ok(()), incomplete: false },
        Err(error) => Outcome {
            chain: build.farthest,
            incomplete: build.comparisons == 0,
            result: Err(Error { text: format!("tls: failed to verify certificate: {}", error.text), ..error }),
        },
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Leaf,
    Intermediate,
    Root,
}

struct Build<'a> {
    case: &'a Case<'a>,
    signature_checks: usize,
    comparisons: usize,
    /// The longest chain met, for the report.
    farthest: Vec<CertId>,
}
