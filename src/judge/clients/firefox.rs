//! Firefox: mozilla::pkix over its own and the user's roots.

use crate::judge::case::Case;
use crate::judge::client::{Answer, Client};
use crate::judge::engine::mozpkix::{self, Error, LeafTrust, Refusal};
use crate::judge::stores::{KnownIssuers, StoreId, Trust};
use crate::model::handshake::{Failure, FailureKind, Stage};
use crate::model::hello::{Hello, TLS_1_2, TLS_1_3};
use crate::model::verdict::Category;
use crate::x509::EncodingFault;
use crate::x509::key::{Curve, KeyKind};

pub const CLIENT: Client = Client {
    id: "firefox",
    name: "Firefox",
    versions: "Firefox 153.7.0esr",
    measured: true,
    fetches_issuers: false,
    hello: Some(HELLO),
    trust: Trust::of(StoreId::Mozilla).knowing(KnownIssuers::Firefox),
    notes: &[
        "downloads the intermediates disclosed in CCADB in advance, so a public chain that lacks one works",
        "trusts some roots only for certificates issued before a day (Entrust, Chunghwa, Izenpe)",
        "never fetches issuers by AIA",
        "compares issuer and subject names byte by byte; at most 6 intermediates",
        "asks the OCSP responder of the end entity, and goes on without an answer; judged where --revocation or --ocsp has \
         asked it",
        "shows an untrusted issuer before a wrong name, a wrong name before expired dates of the end entity",
    ],
    sources: &[
        "nss/lib/mozpkix/lib: pkixbuild.cpp, pkixcheck.cpp, pkixcert.cpp, pkixnames.cpp, pkixocsp.cpp",
        "security/certverifier: NSSCertDBTrustDomain.cpp, CertVerifier.cpp",
        "security/manager/ssl/SSLServerCertVerification.cpp",
        "nss/lib/ssl: ssl3con.c (alerts), sslerr.h; mozpkix/include/pkixnss.h (error numbers)",
        "measured 2026-11-22",
    ],
    judge,
    handshake,
};

/// As sent by Firefox ESR 153.
const HELLO: Hello<'static> = Hello {
    versions: &[TLS_1_3, TLS_1_2],
    #[rustfmt::skip]
    cipher_suites: &[
        0x1301, 0x1303, 0x1302, 0xc02b, 0xc02f, 0xcca9, 0xcca8, 0xc02c, 0xc030, 0xc00a, 0xc013, 0xc014, 0x009c,
        0x009d, 0x002f, 0x0035,
    ],
    groups: &[0x11ec, 0x001d, 0x0017, 0x0018, 0x0019, 0x0100, 0x0101],
    signature_schemes: &[0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0203, 0x0201],
    certificate_schemes: &[],
};

/// `MAX_HANDSHAKE_MSG_LEN` in `ssl3con.c`.
const MAX_HANDSHAKE_MESSAGE: usize = 0x1_ffff;

fn judge(case: &Case<'_>) -> Answer {
    if case.certificate_message_bytes() > MAX_HANDSHAKE_MESSAGE {
        return failed(Category::MessageTooBig, "SSL_ERROR_RX_MALFORMED_HANDSHAKE");
    }
    let Some(end_entity) = case.end_entity() else {
        return refused(Refusal { error: Error::BadDer, path: Vec::new(), incomplete: false });
    };
    // The server finds no scheme for its key among those offered (`defaultSignatureSchemes`).
    let offered = match &case.pool.get(end_entity).key {
        KeyKind::Rsa { .. } => true,
        KeyKind::Ec(curve) => matches!(curve, Curve::P256 | Curve::P384 | Curve::P521),
        KeyKind::Ed25519 | KeyKind::Ed448 | KeyKind::Dsa | KeyKind::Other(_) => false,
    };
    if !offered {
        return failed(Category::Handshake, "SSL_ERROR_NO_CYPHER_OVERLAP");
    }
    // NSS reads the outline of the end entity before mozilla::pkix does.
    let faults = &case.pool.get(end_entity).encoding_faults;
    let unread = match () {
        () if faults.contains(&EncodingFault::LengthNotMinimal) => Some("SEC_ERROR_INVALID_ARGS"),
        () if faults.contains(&EncodingFault::SerialEmpty) => Some("SEC_ERROR_LIBRARY_FAILURE"),
        () => None,
    };
    if let Some(code) = unread {
        return Answer::reject(Category::BadFormat, code).with_path(vec![end_entity]);
    }
    match mozpkix::judge_server(case, end_entity, LeafTrust::Anchor) {
        Ok(path) => {
            let preloaded = path.iter().any(|&id| case.is_known(id) && !case.is_served(id));
            let answer = Answer::accept(path);
            if preloaded {
                answer.with_message("works because Firefox downloaded the missing intermediate in advance")
            } else {
                answer
            }
        }
        Err(Refusal { incomplete: true, .. }) => Answer::undetermined("too many paths to try them all"),
        Err(refusal) => refused(refusal),
    }
}

/// The error's name and number: `secerr.h` (−0x2000 + n), `sslerr.h` (−0x3000 + n), `pkixnss.h` (−0x4000 + n); Firefox
/// shows the number as 0x805a0000 | −number (`NSSErrorsService`).
pub(super) fn refused(refusal: Refusal) -> Answer {
    use Category as C;
    const SEC: u32 = 0x2000;
    const SSL: u32 = 0x3000;
    const PKIX: u32 = 0x4000;
    let (category, code, number) = match refusal.error {
        Error::BadDer => (C::BadFormat, "SEC_ERROR_BAD_DER", SEC - 9),
        Error::InvalidDerTime => (C::BadFormat, "SEC_ERROR_INVALID_TIME", SEC - 8),
        Error::ExtensionValueInvalid => (C::BadFormat, "SEC_ERROR_EXTENSION_VALUE_INVALID", SEC - 34),
        Error::InvalidIntegerEncoding => (C::BadFormat, "MOZILLA_PKIX_ERROR_INVALID_INTEGER_ENCODING", PKIX - 11),
        Error::EmptyIssuerName => (C::BadFormat, "MOZILLA_PKIX_ERROR_EMPTY_ISSUER_NAME", PKIX - 12),
        Error::BadSignature => (C::BadSignature, "SEC_ERROR_BAD_SIGNATURE", SEC - 10),
        Error::SignatureAlgorithmMismatch => {
            (C::BadFormat, "MOZILLA_PKIX_ERROR_SIGNATURE_ALGORITHM_MISMATCH", PKIX - 7)
        }
        Error::SignatureAlgorithmDisabled => (C::Algorithm, "SEC_ERROR_CERT_SIGNATURE_ALGORITHM_DISABLED", SEC - 176),
        Error::CaCertInvalid => (C::CaFlag, "SEC_ERROR_CA_CERT_INVALID", SEC - 36),
        Error::CaCertUsedAsEndEntity => (C::CaFlag, "MOZILLA_PKIX_ERROR_CA_CERT_USED_AS_END_ENTITY", PKIX - 1),
        Error::V1CertUsedAsCa => (C::CaFlag, "MOZILLA_PKIX_ERROR_V1_CERT_USED_AS_CA", PKIX - 3),
        Error::CertNotInNameSpace => (C::NameConstraints, "SEC_ERROR_CERT_NOT_IN_NAME_SPACE", SEC - 112),
        Error::PathLenConstraintInvalid => (C::PathLength, "SEC_ERROR_PATH_LEN_CONSTRAINT_INVALID", SEC - 37),
        Error::InadequateCertType => (C::Usage, "SEC_ERROR_INADEQUATE_CERT_TYPE", SEC - 91),
        Error::InadequateKeyUsage => (C::Usage, "SEC_ERROR_INADEQUATE_KEY_USAGE", SEC - 90),
        Error::InadequateKeySize => (C::WeakKey, "MOZILLA_PKIX_ERROR_INADEQUATE_KEY_SIZE", PKIX - 2),
        Error::UntrustedIssuer => (C::UnknownIssuer, "SEC_ERROR_UNTRUSTED_ISSUER", SEC - 21),
        Error::UnsupportedEllipticCurve => (C::UnsupportedKey, "SEC_ERROR_UNSUPPORTED_ELLIPTIC_CURVE", SEC - 141),
        Error::UnsupportedEcPointForm => (C::UnsupportedKey, "SEC_ERROR_UNSUPPORTED_EC_POINT_FORM", SEC - 142),
        Error::UnsupportedKeyAlgorithm => (C::UnsupportedKey, "SEC_ERROR_UNSUPPORTED_KEYALG", SEC - 48),
        Error::UnknownCriticalExtension => (C::CriticalExtension, "SEC_ERROR_UNKNOWN_CRITICAL_EXTENSION", SEC - 41),
        Error::ExpiredCertificate => (C::Expired, "SEC_ERROR_EXPIRED_CERTIFICATE", SEC - 11),
        Error::ExpiredIssuerCertificate => (C::Expired, "SEC_ERROR_EXPIRED_ISSUER_CERTIFICATE", SEC - 30),
        Error::NotYetValidCertificate => (C::NotYetValid, "MOZILLA_PKIX_ERROR_NOT_YET_VALID_CERTIFICATE", PKIX - 5),
        Error::NotYetValidIssuerCertificate => {
            (C::NotYetValid, "MOZILLA_PKIX_ERROR_NOT_YET_VALID_ISSUER_CERTIFICATE", PKIX - 6)
        }
        Error::UnknownIssuer => (C::UnknownIssuer, "SEC_ERROR_UNKNOWN_ISSUER", SEC - 13),
        Error::SelfSignedCert => (C::SelfSigned, "MOZILLA_PKIX_ERROR_SELF_SIGNED_CERT", PKIX - 14),
        Error::BadCertDomain => (C::Hostname, "SSL_ERROR_BAD_CERT_DOMAIN", SSL - 12),
        Error::RequiredTlsFeatureMissing => {
            (C::MustStaple, "MOZILLA_PKIX_ERROR_REQUIRED_TLS_FEATURE_MISSING", PKIX - 10)
        }
        Error::RevokedCertificate => (C::Revoked, "SEC_ERROR_REVOKED_CERTIFICATE", SEC - 12),
        Error::OcspTryServerLater => (C::Staple, "SEC_ERROR_OCSP_TRY_SERVER_LATER", SEC - 122),
        Error::OcspUnknownCert => (C::Staple, "SEC_ERROR_OCSP_UNKNOWN_CERT", SEC - 126),
        Error::OcspMalformedResponse => (C::Staple, "SEC_ERROR_OCSP_MALFORMED_RESPONSE", SEC - 129),
        Error::OcspFutureResponse => (C::Staple, "SEC_ERROR_OCSP_FUTURE_RESPONSE", SEC - 131),
        Error::OcspOldResponse => (C::Staple, "SEC_ERROR_OCSP_OLD_RESPONSE", SEC - 132),
        Error::OcspInvalidSigningCert => (C::Staple, "SEC_ERROR_OCSP_INVALID_SIGNING_CERT", SEC - 144),
        Error::OcspBadSignature => (C::Staple, "SEC_ERROR_OCSP_BAD_SIGNATURE", SEC - 157),
        Error::OcspResponseForCertMissing => (C::Staple, "MOZILLA_PKIX_ERROR_OCSP_RESPONSE_FOR_CERT_MISSING", PKIX - 8),
    };
    Answer::reject(category, code)
        .with_message(format!("about:certerror {:#x}", 0x805a_0000 | number))
        .with_path(refusal.path)
}

fn failed(category: Category, code: &str) -> Answer {
    Answer::error(category, code)
}

fn handshake(failure: &Failure, _case: &Case<'_>) -> Option<Answer> {
    if let Some(name) = &failure.alert {
        return alert(name);
    }
    Some(match failure.kind {
        FailureKind::Refused => failed(Category::Refused, "connectionFailure"),
        FailureKind::Timeout if failure.stage == Stage::Tcp => failed(Category::Timeout, "netTimeout"),
        FailureKind::Timeout => failed(Category::Timeout, "timeout"),
        FailureKind::Reset => failed(Category::Closed, "PR_CONNECT_RESET_ERROR"),
        FailureKind::Closed => failed(Category::Closed, "PR_END_OF_FILE_ERROR"),
        // `ssl3_GatherData` reads octets 4 and 5 of any answer as a length: those of `HTTP/` and `* OK` are more than a
        // record may have; for other banners it waits for more, until the server closes.
        FailureKind::Plaintext => match failure.protocol.as_deref() {
            Some("http" | "imap") => failed(Category::NotTls, "SSL_ERROR_RX_RECORD_TOO_LONG"),
            _ => failed(Category::Closed, "PR_END_OF_FILE_ERROR"),
        },
        FailureKind::VersionNotSupported => failed(Category::TlsVersion, "SSL_ERROR_UNSUPPORTED_VERSION"),
        FailureKind::ClientCertificateRequired => return alert("certificate_required"),
        FailureKind::SignatureWrong => failed(Category::BadSignature, "SEC_ERROR_BAD_SIGNATURE"),
        FailureKind::NoCertificate => failed(Category::Handshake, "SSL_ERROR_NO_CERTIFICATE"),
        // Our limit is lower than its.
        FailureKind::TooLarge
        | FailureKind::NothingInCommon
        | FailureKind::NotTls
        | FailureKind::Unreachable
        | FailureKind::Alert
        | FailureKind::Protocol
        | FailureKind::StarttlsNotOffered
        | FailureKind::StarttlsRefused
        | FailureKind::ImplicitTls
        | FailureKind::Local => return None,
    })
}

/// `ssl3_HandleAlert`.
fn alert(name: &str) -> Option<Answer> {
    let code = match name {
        "unexpected_message" => "SSL_ERROR_HANDSHAKE_UNEXPECTED_ALERT",
        "bad_record_mac" => "SSL_ERROR_BAD_MAC_ALERT",
        "record_overflow" => "SSL_ERROR_RECORD_OVERFLOW_ALERT",
        // After a ClientHello: `ssl3_HandleAlert` says what it means there.
        "handshake_failure" => "SSL_ERROR_NO_CYPHER_OVERLAP",
        "bad_certificate" => "SSL_ERROR_BAD_CERT_ALERT",
        "unsupported_certificate" => "SSL_ERROR_UNSUPPORTED_CERT_ALERT",
        "certificate_revoked" => "SSL_ERROR_REVOKED_CERT_ALERT",
        "certificate_expired" => "SSL_ERROR_EXPIRED_CERT_ALERT",
        "certificate_unknown" => "SSL_ERROR_CERTIFICATE_UNKNOWN_ALERT",
        "illegal_parameter" => "SSL_ERROR_ILLEGAL_PARAMETER_ALERT",
        "unknown_ca" => "SSL_ERROR_UNKNOWN_CA_ALERT",
        "access_denied" => "SSL_ERROR_ACCESS_DENIED_ALERT",
        "decode_error" => "SSL_ERROR_DECODE_ERROR_ALERT",
        "decrypt_error" => "SSL_ERROR_DECRYPT_ERROR_ALERT",
        "protocol_version" => "SSL_ERROR_PROTOCOL_VERSION_ALERT",
        "insufficient_security" => "SSL_ERROR_INSUFFICIENT_SECURITY_ALERT",
        "internal_error" => "SSL_ERROR_INTERNAL_ERROR_ALERT",
        "inappropriate_fallback" => "SSL_ERROR_INAPPROPRIATE_FALLBACK_ALERT",
        "user_canceled" => "SSL_ERROR_USER_CANCELED_ALERT",
        "missing_extension" => "SSL_ERROR_MISSING_EXTENSION_ALERT",
        "unsupported_extension" => "SSL_ERROR_UNSUPPORTED_EXTENSION_ALERT",
        "unrecognized_name" => "SSL_ERROR_UNRECOGNIZED_NAME_ALERT",
        "bad_certificate_status_response" => "SSL_ERROR_BAD_CERT_STATUS_RESPONSE_ALERT",
        "certificate_required" => "SSL_ERROR_RX_CERTIFICATE_REQUIRED_ALERT",
        "no_application_protocol" => "SSL_ERROR_NEXT_PROTOCOL_NO_PROTOCOL",
        _ => return None,
    };
    let category = match name {
        "protocol_version" => Category::TlsVersion,
        "unrecognized_name" => Category::UnrecognizedName,
        "certificate_required" => Category::ClientCertificate,
        _ => Category::Handshake,
    };
    Some(failed(category, code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_firefox_names_and_numbers() {
        let answer = refused(Refusal { error: Error::UnknownIssuer, path: Vec::new(), incomplete: false });
        assert_eq!(answer.code.as_deref(), Some("SEC_ERROR_UNKNOWN_ISSUER"));
        assert_eq!(answer.message.as_deref(), Some("about:certerror 0x805a1ff3"));
        for (name, code) in [
            ("handshake_failure", "SSL_ERROR_NO_CYPHER_OVERLAP"),
            ("protocol_version", "SSL_ERROR_PROTOCOL_VERSION_ALERT"),
            ("certificate_required", "SSL_ERROR_RX_CERTIFICATE_REQUIRED_ALERT"),
        ] {
            assert_eq!(alert(name).and_then(|answer| answer.code).as_deref(), Some(code));
        }
        assert_eq!(alert("close_notify"), None);
    }
}
