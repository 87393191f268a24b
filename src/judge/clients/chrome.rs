//! Chrome and Chromium with their own verifier and root store (every platform but iOS).

use crate::judge::case::Case;
use crate::judge::client::{Answer, Client};
use crate::judge::ct;
use crate::judge::engine::chromium::{self, Status};
use crate::judge::pool::CertId;
use crate::judge::stores::distrust::{self, Ruling};
use crate::judge::stores::{KnownIssuers, StoreId, Trust};
use crate::model::handshake::{Failure, FailureKind, TlsParameters};
use crate::model::hello::{Hello, TLS_1_2, TLS_1_3};
use crate::model::target::ReferenceId;
use crate::model::verdict::Category;
use crate::x509::general_name::GeneralName;
use crate::x509::key::{Curve, KeyKind};
use crate::x509::{Certificate, EncodingFault, usage};

pub const CLIENT: Client = Client {
    id: "chrome",
    name: "Chrome",
    versions: "Chromium 156.0.8078.79",
    measured: true,
    fetches_issuers: true,
    hello: Some(HELLO),
    trust: Trust::of(StoreId::Chrome).knowing(KnownIssuers::Chromium),
    notes: &[
        "fetches missing issuers by AIA over http, also to replace an expired intermediate",
        "enforces the validity limits of the Baseline Requirements and public names for public roots only",
        "enforces expiry and constraints of roots that the user added, not of its own",
        "a certificate for www.HOST on HOST (or the reverse) is no error: it goes to the other name by itself",
        "trusts some roots only for certificates logged before a day (Chunghwa's HiPKI)",
        "requires Certificate Transparency in Google's builds (not in the build measured): judged where a list of logs is given",
        "honours a stapled \"revoked\", asks no OCSP responder",
    ],
    sources: &[
        "boringssl/pki: path_builder.cc, verify_certificate_chain.cc, parsed_certificate.cc, name_constraints.cc",
        "net/cert: cert_verify_proc_builtin.cc, cert_verify_proc.cc, cert_status_flags.cc, x509_certificate.cc",
        "components/certificate_transparency: chrome_ct_policy_enforcer.cc; googlechrome.github.io/CertificateTransparency",
        "net/socket: ssl_client_socket_impl.cc; net/ssl/openssl_ssl_util.cc (MapOpenSSLErrorSSL)",
        "components/security_interstitials: common_name_mismatch_handler.cc, ssl_error_handler.cc",
        "boringssl/ssl: ssl_cert.cc (ssl_cert_check_key_usage), tls13_both.cc",
        "measured 2026-11-22",
    ],
    judge,
    handshake,
};

/// As sent by Chromium 156, without GREASE.
pub(super) const HELLO: Hello<'static> = Hello {
    versions: &[TLS_1_3, TLS_1_2],
    #[rustfmt::skip]
    cipher_suites: &[
        0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d,
        0x002f, 0x0035,
    ],
    groups: &[0x11ec, 0x001d, 0x0017, 0x0018],
    signature_schemes: &[0x0904, 0x0905, 0x0906, 0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601],
    certificate_schemes: &[],
};

/// `SSL_MAX_CERT_LIST_DEFAULT` of BoringSSL.
const MAX_HANDSHAKE_MESSAGE: usize = 100 * 1024;

pub(super) fn judge(case: &Case<'_>) -> Answer {
    if case.certificate_message_bytes() > MAX_HANDSHAKE_MESSAGE {
        return protocol_error();
    }
    let Some(end_entity) = case.end_entity() else { return bad_format() };
    let certificate = case.pool.get(end_entity);
    // `ssl_parse_cert_chain`, `ssl_cert_check_key_usage`: BoringSSL reads the outline and keyUsage of the end entity itself.
    let has_odd_key_usage = certificate.extensions.undecodable.iter().any(|extension| &*extension.oid == "2.5.29.15");
    if certificate.encoding_faults.contains(&EncodingFault::LengthNotMinimal) || has_odd_key_usage {
        return protocol_error();
    }
    // The server finds no scheme for its key among those offered (`kVerifyPrefs` in ssl_client_socket_impl.cc).
    if !matches!(certificate.key, KeyKind::Rsa { pss: false, .. } | KeyKind::Ec(Curve::P256 | Curve::P384)) {
        return mismatch();
    }
    if !key_usage_fits(certificate, case.tls) {
        return Answer::reject(Category::Usage, "ERR_SSL_KEY_USAGE_INCOMPATIBLE").with_path(vec![end_entity]);
    }
    if !chromium::is_readable(certificate) {
        return bad_format().with_path(vec![end_entity]);
    }
    let verdict = chromium::verify_server(case, end_entity);
    if verdict.statuses.is_empty()
        && let Some(Ruling::NotKnown(distrust)) = distrust::of_path(case, &verdict.path)
    {
        let (owner, day) = (distrust.owner, distrust.day);
        return Answer::undetermined(format!(
            "trusts this root of {owner} only for certificates logged until {day}, and this one carries no timestamps"
        ))
        .with_path(verdict.path);
    }
    // Looked at once the path, the name and the dates are in order.
    let lacks_timestamps = verdict.statuses.first().is_none_or(|status| *status >= Status::NonUniqueName)
        && ct::check(case, &verdict.path).is_some_and(|facts| facts.policy.is_broken());
    if lacks_timestamps {
        return Answer::reject(Category::CertificateTransparency, "ERR_CERTIFICATE_TRANSPARENCY_REQUIRED")
            .with_path(verdict.path);
    }
    let answer = match verdict.statuses.first() {
        None => return Answer::accept(verdict.path),
        Some(Status::CommonNameInvalid) if verdict.statuses.len() == 1 => match www_match(case, end_entity) {
            Some(other) => {
                return Answer::accept(verdict.path).with_message(format!("goes to https://{other} by itself"));
            }
            None => Answer::reject(Category::Hostname, "ERR_CERT_COMMON_NAME_INVALID"),
        },
        Some(Status::CommonNameInvalid) => Answer::reject(Category::Hostname, "ERR_CERT_COMMON_NAME_INVALID"),
        Some(Status::Invalid) => Answer::reject(Category::Invalid, "ERR_CERT_INVALID"),
        Some(Status::Revoked) => Answer::reject(Category::Revoked, "ERR_CERT_REVOKED"),
        Some(Status::AuthorityInvalid) => Answer::reject(Category::UnknownIssuer, "ERR_CERT_AUTHORITY_INVALID"),
        Some(Status::WeakKey) => Answer::reject(Category::WeakKey, "ERR_CERT_WEAK_KEY"),
        // One code for both ends of the validity.
        Some(Status::DateInvalid) => Answer::reject(Category::Expired, "ERR_CERT_DATE_INVALID"),
        Some(Status::NonUniqueName) => Answer::reject(Category::NonPublicName, "ERR_CERT_NON_UNIQUE_NAME"),
        Some(Status::ValidityTooLong) => Answer::reject(Category::TooLongValidity, "ERR_CERT_VALIDITY_TOO_LONG"),
    };
    answer.with_path(verdict.path)
}

/// `GetWWWSubDomainMatch`: the name in the certificate that differs from the host by `www.` only; both below a public
/// suffix that is known.
fn www_match(case: &Case<'_>, end_entity: CertId) -> Option<String> {
    let certificate = case.pool.get(end_entity);
    // Its position, counted from 1.
    let position = case.name_tells(certificate, 0, |certificate, reference, _| {
        let ReferenceId::Dns(host) = reference else { return 0 };
        let host = host.as_str();
        let is_match = |name: &String| {
            (name.strip_prefix("www.") == Some(host) || host.strip_prefix("www.") == Some(name))
                && chromium::has_registrable_domain(name)
        };
        if !chromium::has_registrable_domain(host) {
            return 0;
        }
        let found = dns_names(certificate).position(|name| is_match(&name));
        found.and_then(|position| u32::try_from(position + 1).ok()).unwrap_or(0)
    });
    dns_names(certificate).nth((position as usize).checked_sub(1)?)
}

fn dns_names(certificate: &Certificate) -> impl Iterator<Item = String> {
    let names = certificate.extensions.subject_alt_name.iter().flat_map(|san| &san.names);
    names.filter_map(|name| match name {
        GeneralName::Dns(name) => Some(name.to_ascii_lowercase()),
        _ => None,
    })
}

/// `ssl_cert_check_key_usage`, before the certificate is looked at otherwise: digitalSignature, since the key signs the
/// handshake; keyEncipherment for static RSA.
fn key_usage_fits(certificate: &Certificate, tls: Option<&TlsParameters>) -> bool {
    let is_static_rsa =
        tls.and_then(|tls| tls.cipher_suite.as_ref()).is_some_and(|suite| suite.starts_with("TLS_RSA_"));
    let required = if is_static_rsa { usage::KEY_ENCIPHERMENT } else { usage::DIGITAL_SIGNATURE };
    certificate.extensions.key_usage.as_ref().is_none_or(|key_usage| key_usage.allows(required))
}

fn mismatch() -> Answer {
    Answer::error(Category::Handshake, "ERR_SSL_VERSION_OR_CIPHER_MISMATCH")
}

fn protocol_error() -> Answer {
    Answer::error(Category::Handshake, "ERR_SSL_PROTOCOL_ERROR")
}

fn bad_format() -> Answer {
    Answer::reject(Category::BadFormat, "ERR_SSL_SERVER_CERT_BAD_FORMAT")
}

pub(super) fn handshake(failure: &Failure, _case: &Case<'_>) -> Option<Answer> {
    if let Some(name) = &failure.alert {
        return Some(alert(name));
    }
    Some(match failure.kind {
        FailureKind::Refused => Answer::error(Category::Refused, "ERR_CONNECTION_REFUSED"),
        FailureKind::Unreachable => Answer::error(Category::Refused, "ERR_ADDRESS_UNREACHABLE"),
        FailureKind::Timeout => Answer::error(Category::Timeout, "timeout"),
        FailureKind::Reset => Answer::error(Category::Closed, "ERR_CONNECTION_RESET"),
        FailureKind::Closed => Answer::error(Category::Closed, "ERR_CONNECTION_CLOSED"),
        FailureKind::VersionNotSupported => mismatch(),
        FailureKind::ClientCertificateRequired => alert("certificate_required"),
        FailureKind::Plaintext
        | FailureKind::NotTls
        | FailureKind::SignatureWrong
        | FailureKind::NoCertificate
        | FailureKind::Protocol => protocol_error(),
        // Our limit is lower than its.
        FailureKind::TooLarge
        | FailureKind::NothingInCommon
        | FailureKind::Alert
        | FailureKind::StarttlsNotOffered
        | FailureKind::StarttlsRefused
        | FailureKind::ImplicitTls
        | FailureKind::Local => return None,
    })
}

/// `MapOpenSSLErrorSSL`: alerts about a client certificate, about versions and ciphers, a few others by name.
fn alert(name: &str) -> Answer {
    match name {
        "handshake_failure" | "protocol_version" | "insufficient_security" => mismatch(),
        "unrecognized_name" => Answer::error(Category::UnrecognizedName, "ERR_SSL_UNRECOGNIZED_NAME_ALERT"),
        "bad_certificate"
        | "unsupported_certificate"
        | "certificate_revoked"
        | "certificate_expired"
        | "certificate_unknown"
        | "access_denied"
        | "certificate_required"
        | "unknown_ca" => Answer::error(Category::ClientCertificate, "ERR_BAD_SSL_CLIENT_AUTH_CERT"),
        "bad_record_mac" => Answer::error(Category::Handshake, "ERR_SSL_BAD_RECORD_MAC_ALERT"),
        "decrypt_error" => Answer::error(Category::Handshake, "ERR_SSL_DECRYPT_ERROR_ALERT"),
        _ => protocol_error(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_have_chromium_names() {
        for (name, code) in [
            ("handshake_failure", "ERR_SSL_VERSION_OR_CIPHER_MISMATCH"),
            ("protocol_version", "ERR_SSL_VERSION_OR_CIPHER_MISMATCH"),
            ("unrecognized_name", "ERR_SSL_UNRECOGNIZED_NAME_ALERT"),
            ("certificate_required", "ERR_BAD_SSL_CLIENT_AUTH_CERT"),
            ("internal_error", "ERR_SSL_PROTOCOL_ERROR"),
        ] {
            assert_eq!(alert(name).code.as_deref(), Some(code));
        }
    }
}
