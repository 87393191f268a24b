//! rustls with its aws-lc-rs provider and webpki, as `ClientConfig::builder()` gives it.

use crate::judge::case::Case;
use crate::judge::client::{Answer, Client};
use crate::judge::engine::webpki::{self, Error, Provider, Refusal};
use crate::judge::stores::{StoreId, Trust};
use crate::model::handshake::{Failure, FailureKind, Stage};
use crate::model::hello::{Hello, TLS_1_2, TLS_1_3};
use crate::model::verdict::Category;
use crate::x509::dn::printable;
use crate::x509::general_name::GeneralName;

pub const CLIENT: Client = Client {
    id: "rustls-aws",
    name: "rustls",
    versions: "rustls 0.23.46, webpki 0.103.16, aws-lc-rs 1.19.0",
    measured: true,
    fetches_issuers: false,
    hello: Some(HELLO),
    trust: Trust::of(StoreId::WebpkiRoots),
    notes: &[
        "takes expired trust anchors and looks at no keyUsage",
        "refuses RSA keys below 2048 bits, X.509 v1 and CA certificates as end entities",
        "compares issuer and subject names byte by byte",
        "speaks neither static RSA nor CBC nor DHE",
    ],
    sources: &[
        "rustls-webpki 0.103: src/verify_cert.rs, src/cert.rs, src/signed_data.rs, src/subject_name/, src/error.rs",
        "rustls 0.23: src/webpki/mod.rs (pki_error), src/crypto/aws_lc_rs/mod.rs, src/msgs/deframer/",
        "measured 2026-11-22",
    ],
    judge,
    handshake,
};

/// `DEFAULT_CIPHER_SUITES`, `DEFAULT_KX_GROUPS`, `SUPPORTED_SIG_ALGS`; Deno sends the same.
pub(super) const HELLO: Hello<'static> = Hello {
    versions: &[TLS_1_3, TLS_1_2],
    cipher_suites: &[0x1302, 0x1301, 0x1303, 0xc02c, 0xc02b, 0xcca9, 0xc030, 0xc02f, 0xcca8],
    groups: &[0x001d, 0x0017, 0x0018, 0x11ec],
    signature_schemes: &[0x0503, 0x0403, 0x0603, 0x0807, 0x0806, 0x0805, 0x0804, 0x0601, 0x0501, 0x0401],
    certificate_schemes: &[],
};

/// `MAX_HANDSHAKE_SIZE` in `msgs/deframer/handshake.rs`.
const MAX_HANDSHAKE_MESSAGE: usize = 0xffff;

fn judge(case: &Case<'_>) -> Answer {
    judge_with(case, Provider::AwsLcRs)
}

pub(super) fn judge_with(case: &Case<'_>, provider: Provider) -> Answer {
    if case.certificate_message_bytes() > MAX_HANDSHAKE_MESSAGE {
        return too_large();
    }
    let Some(end_entity) = case.end_entity() else {
        return Answer::reject(Category::BadFormat, "BadEncoding").with_message("BadEncoding");
    };
    let key = &case.pool.get(end_entity).key;
    // The server finds none of the schemes offered fit its key (`SUPPORTED_SIG_ALGS`, mapping).
    if !provider.offers(key) {
        return alert("handshake_failure");
    }
    match webpki::verify_server(case, end_entity, provider) {
        // The handshake's own signature is checked with the same algorithms.
        Ok(path) if !provider.takes_size(key) => {
            Answer::reject(Category::BadSignature, "BadSignature").with_message("BadSignature").with_path(path)
        }
        Ok(path) => Answer::accept(path),
        Err(refusal) => refused(case, refusal),
    }
}

fn too_large() -> Answer {
    Answer::error(Category::MessageTooBig, "InvalidMessage(HandshakePayloadTooLarge)")
        .with_message("received corrupt message of type HandshakePayloadTooLarge")
}

/// `pki_error`: what webpki calls by name becomes rustls' own error, the rest `Other`.
fn refused(case: &Case<'_>, Refusal { error, path }: Refusal) -> Answer {
    let (category, code) = match error {
        Error::BadDer | Error::BadDerTime => (Category::BadFormat, "BadEncoding"),
        Error::CertExpired { .. } => (Category::Expired, "ExpiredContext"),
        Error::InvalidCertValidity => (Category::Expired, "Expired"),
        Error::CertNotValidYet { .. } => (Category::NotYetValid, "NotValidYetContext"),
        Error::UnknownIssuer => (Category::UnknownIssuer, "UnknownIssuer"),
        Error::CertNotValidForName => (Category::Hostname, "NotValidForNameContext"),
        Error::InvalidSignatureForPublicKey => (Category::BadSignature, "BadSignature"),
        Error::UnsupportedSignatureAlgorithm => (Category::Algorithm, "UnsupportedSignatureAlgorithmContext"),
        Error::UnsupportedSignatureAlgorithmForPublicKey => {
            (Category::UnsupportedKey, "UnsupportedSignatureAlgorithmForPublicKeyContext")
        }
        Error::RequiredEkuNotFound => (Category::Usage, "InvalidPurposeContext"),
        Error::EmptyEkuExtension => (Category::Usage, "EmptyEkuExtension"),
        Error::CaUsedAsEndEntity => (Category::CaFlag, "CaUsedAsEndEntity"),
        Error::EndEntityUsedAsCa => (Category::CaFlag, "EndEntityUsedAsCa"),
        Error::ExtensionValueInvalid => (Category::BadFormat, "ExtensionValueInvalid"),
        Error::InvalidNetworkMaskConstraint => (Category::NameConstraints, "InvalidNetworkMaskConstraint"),
        Error::MalformedDnsIdentifier => (Category::NameConstraints, "MalformedDnsIdentifier"),
        Error::MalformedNameConstraint => (Category::NameConstraints, "MalformedNameConstraint"),
        Error::NameConstraintViolation => (Category::NameConstraints, "NameConstraintViolation"),
        Error::PathLenConstraintViolated => (Category::PathLength, "PathLenConstraintViolated"),
        Error::MaximumPathDepthExceeded => (Category::PathLength, "MaximumPathDepthExceeded"),
        Error::MaximumSignatureChecksExceeded => (Category::UnknownIssuer, "MaximumSignatureChecksExceeded"),
        // Our budget is smaller than webpki's.
        Error::MaximumPathBuildCallsExceeded => return Answer::undetermined("too many paths to try them all"),
        Error::MaximumNameConstraintComparisonsExceeded => {
            (Category::NameConstraints, "MaximumNameConstraintComparisonsExceeded")
        }
        Error::SignatureAlgorithmMismatch => (Category::BadFormat, "SignatureAlgorithmMismatch"),
        Error::CertRevoked => (Category::Revoked, "Revoked"),
        Error::UnknownRevocationStatus => (Category::Revoked, "UnknownRevocationStatus"),
        Error::CrlExpired { .. } => (Category::Revoked, "ExpiredRevocationListContext"),
        Error::InvalidCrlSignatureForPublicKey => (Category::Revoked, "InvalidCertRevocationList(BadSignature)"),
        Error::IssuerNotCrlSigner => (Category::Revoked, "InvalidCertRevocationList(IssuerInvalidForCrl)"),
        Error::UnsupportedCrlIssuingDistributionPoint => {
            (Category::Revoked, "InvalidCertRevocationList(UnsupportedCrlIssuingDistributionPoint)")
        }
        Error::UnsupportedDeltaCrl => (Category::Revoked, "InvalidCertRevocationList(UnsupportedDeltaCrl)"),
        Error::UnsupportedIndirectCrl => (Category::Revoked, "InvalidCertRevocationList(UnsupportedIndirectCrl)"),
        Error::UnsupportedRevocationReasonsPartitioning => {
            (Category::Revoked, "InvalidCertRevocationList(UnsupportedRevocationReason)")
        }
        Error::UnsupportedCertVersion => (Category::BadFormat, "UnsupportedCertVersion"),
        Error::UnsupportedCriticalExtension => (Category::CriticalExtension, "UnsupportedCriticalExtension"),
    };
    Answer::reject(category, code).with_message(message(case, error, code)).with_path(path)
}

/// `Display` of rustls' `CertificateError`.
fn message(case: &Case<'_>, error: Error, code: &str) -> String {
    let at = case.at.unix();
    match error {
        Error::CertExpired { not_after } => format!(
            "certificate expired: verification time {at} (UNIX), but certificate is not valid after {} ({} seconds ago)",
            not_after.unix(),
            case.at.since(not_after)
        ),
        Error::CertNotValidYet { not_before } => format!(
            "certificate not valid yet: verification time {at} (UNIX), but certificate is not valid before {} ({} seconds in future)",
            not_before.unix(),
            not_before.since(case.at)
        ),
        Error::CertNotValidForName => {
            let names = presented(case).join(" or ");
            let rest = if names.is_empty() {
                "not valid for any names (according to its subjectAltName extension)".to_owned()
            } else {
                format!("only valid for {names}")
            };
            format!("certificate not valid for name \"{}\"; certificate is {rest}", case.reference)
        }
        Error::UnknownIssuer
        | Error::BadDer
        | Error::BadDerTime
        | Error::InvalidCertValidity
        | Error::InvalidSignatureForPublicKey
        | Error::UnsupportedSignatureAlgorithm
        | Error::UnsupportedSignatureAlgorithmForPublicKey
        | Error::RequiredEkuNotFound => code.to_owned(),
        _ => format!("Other(OtherError({code}))"),
    }
}

/// The first names of the end entity as webpki prints them.
fn presented(case: &Case<'_>) -> Vec<String> {
    let Some(end_entity) = case.end_entity() else { return Vec::new() };
    let names = case.pool.get(end_entity).extensions.subject_alt_name.iter().flat_map(|san| &san.names);
    let names = names.map(|name| match name {
        GeneralName::Dns(name) => format!("DnsName(\"{}\")", printable(name)),
        GeneralName::Ip(_) => name.as_ip().map_or_else(|| name.to_string(), |ip| format!("IpAddress({ip})")),
        GeneralName::Directory(_) => "DirectoryName".to_owned(),
        other => other.to_string(),
    });
    names.take(16).collect()
}

pub(super) fn handshake(failure: &Failure, _case: &Case<'_>) -> Option<Answer> {
    if let Some(name) = &failure.alert {
        return Some(alert(name));
    }
    Some(match failure.kind {
        FailureKind::Refused => {
            Answer::error(Category::Refused, "ConnectionRefused").with_message("Connection refused (os error 111)")
        }
        FailureKind::Timeout if failure.stage == Stage::Tcp => {
            Answer::error(Category::Timeout, "TimedOut").with_message("Connection timed out (os error 110)")
        }
        FailureKind::Timeout => Answer::error(Category::Timeout, "WouldBlock")
            .with_message("Resource temporarily unavailable (os error 11)"),
        FailureKind::Reset => {
            Answer::error(Category::Closed, "ConnectionReset").with_message("Connection reset by peer (os error 104)")
        }
        FailureKind::Closed => Answer::error(Category::Closed, "UnexpectedEof").with_message("unexpected end of file"),
        FailureKind::Plaintext | FailureKind::NotTls => {
            Answer::error(Category::NotTls, "InvalidMessage(InvalidContentType)")
                .with_message("received corrupt message of type InvalidContentType")
        }
        FailureKind::VersionNotSupported => {
            Answer::error(Category::TlsVersion, "PeerIncompatible(ServerDoesNotSupportTls12Or13)")
        }
        FailureKind::NothingInCommon => alert("handshake_failure"),
        FailureKind::ClientCertificateRequired => alert("certificate_required"),
        FailureKind::SignatureWrong => Answer::reject(Category::BadSignature, "BadSignature"),
        FailureKind::NoCertificate => Answer::error(Category::Handshake, "NoCertificatesPresented"),
        FailureKind::TooLarge => too_large(),
        FailureKind::Unreachable
        | FailureKind::Alert
        | FailureKind::Protocol
        | FailureKind::StarttlsNotOffered
        | FailureKind::StarttlsRefused
        | FailureKind::ImplicitTls
        | FailureKind::Local => return None,
    })
}

/// `Error::AlertReceived` with the name that `AlertDescription` has in `msgs/enums.rs`.
fn alert(name: &str) -> Answer {
    let description = match name {
        "unrecognized_name" => "UnrecognisedName".to_owned(),
        "unknown_ca" => "UnknownCA".to_owned(),
        "bad_record_mac" => "BadRecordMac".to_owned(),
        "unknown_psk_identity" => "UnknownPSKIdentity".to_owned(),
        other => camel_case(other),
    };
    let category = match name {
        "protocol_version" => Category::TlsVersion,
        "unrecognized_name" => Category::UnrecognizedName,
        "certificate_required" => Category::ClientCertificate,
        _ => Category::Handshake,
    };
    Answer::error(category, format!("AlertReceived({description})"))
        .with_message(format!("received fatal alert: {description}"))
}

fn camel_case(snake: &str) -> String {
    let words = snake.split('_').filter_map(|word| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str())
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_have_rustls_names() {
        for (name, code) in [
            ("handshake_failure", "AlertReceived(HandshakeFailure)"),
            ("unrecognized_name", "AlertReceived(UnrecognisedName)"),
            ("no_application_protocol", "AlertReceived(NoApplicationProtocol)"),
        ] {
            assert_eq!(alert(name).code.as_deref(), Some(code));
        }
    }
}
