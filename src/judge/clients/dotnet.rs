//! .NET programs: HttpClient and SslStream.

use super::windows;
use crate::judge::case::Case;
use crate::judge::client::{Answer, Client};
use crate::judge::engine::platform::{self, Outcome, Wrong};
use crate::judge::standard::FaultKind;
use crate::judge::stores::{StoreId, Trust};
use crate::model::verdict::Category;

pub const CLIENT: Client = Client {
    id: "dotnet",
    name: ".NET",
    versions: ".NET 10 on Windows",
    measured: false,
    fetches_issuers: true,
    hello: None,
    trust: Trust::of(StoreId::Microsoft),
    notes: &[
        "not measured: X509Chain over CryptoAPI, as windows decides",
        "on Linux X509Chain is its own over OpenSSL and the distribution's roots, and fetches missing issuers by AIA too; on \
         macOS it is Apple's",
        "tells a chain that breaks off (PartialChain) from one that ends in a root that is not trusted (UntrustedRoot)",
    ],
    sources: &[
        "dotnet/runtime: System.Net.Security (SslStream.Protocol.cs, SR net_ssl_io_cert_chain_validation), \
         System.Security.Cryptography (ChainPal.Windows.cs, OpenSslX509ChainProcessor.cs)",
        "the sources of windows",
    ],
    judge,
    handshake: windows::handshake,
};

fn judge(case: &Case<'_>) -> Answer {
    let Some(end_entity) = case.end_entity() else {
        return Answer::undetermined("how it reads such a certificate is not published");
    };
    let matches = platform::matches_with_common_name(case, case.pool.get(end_entity));
    match platform::judge(case, &windows::RULES) {
        Outcome::Accepted(path) if matches => Answer::accept(path),
        Outcome::Accepted(path) => Answer::reject(Category::Hostname, "RemoteCertificateNameMismatch")
            .with_message(
                "The remote certificate is invalid according to the validation procedure: RemoteCertificateNameMismatch",
            )
            .with_path(path),
        Outcome::Refused(path, Wrong::Fault(fault)) => {
            let flag = status_flag(&fault);
            Answer::reject(platform::category(&fault), format!("RemoteCertificateChainErrors: {flag}"))
                .with_message(format!(
                    "The remote certificate is invalid because of errors in the certificate chain: {flag}"
                ))
                .with_path(path)
        }
        Outcome::Refused(path, Wrong::Own(_)) => Answer::undetermined("it has no such rule").with_path(path),
        Outcome::NotKnown(path, fault) => {
            Answer::undetermined(format!("it depends on the machine's policy, or nothing published says: {fault}"))
                .with_path(path)
        }
        Outcome::Incomplete => Answer::undetermined("there are more paths than were tried"),
    }
}

/// `X509ChainStatusFlags`.
fn status_flag(fault: &FaultKind) -> &'static str {
    match fault {
        FaultKind::IssuerNotFound => "PartialChain",
        FaultKind::UntrustedRoot | FaultKind::SelfSignedEndEntity => "UntrustedRoot",
        FaultKind::Expired { .. } | FaultKind::NotYetValid { .. } => "NotTimeValid",
        FaultKind::IssuerKeyDoesNotMatch { .. } | FaultKind::SignatureNotChecked => "NotSignatureValid",
        FaultKind::NotForServers
        | FaultKind::KeyCertSignMissing
        | FaultKind::KeyUsageForbidsTls
        | FaultKind::DigitalSignatureMissing => "NotValidForUsage",
        FaultKind::NotACa | FaultKind::PathLenExceeded { .. } => "InvalidBasicConstraints",
        FaultKind::NameConstraintViolated(_) => "HasNotPermittedNameConstraint",
        FaultKind::UnknownCriticalExtension(_) => "HasNotSupportedCriticalExtension",
        FaultKind::WeakSignature(_) | FaultKind::WeakKey(_) => "HasWeakSignature",
        FaultKind::UndecodableExtension(_) | FaultKind::AlgorithmsDisagree => "InvalidExtension",
    }
}
