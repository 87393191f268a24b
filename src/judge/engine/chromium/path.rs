//! `VerifyCertificateChain`, and what a path was revoked by.

use super::names::allows;
use super::{ErrorKind, Errors, MAX_OCSP_AGE, PathError};
use crate::judge::anchors::AnchorKind;
use crate::judge::case::Case;
use crate::judge::policy::{self, PolicyFault, PolicyInputs};
use crate::judge::pool::CertId;
use crate::model::time::Time;
use crate::x509::general_name::GeneralName;
use crate::x509::key::{Curve, KeyKind};
use crate::x509::ocsp::{self, CertificateStatus};
use crate::x509::signature::{Hash, SignatureAlgorithm, SignatureCheck};
use crate::x509::{Certificate, EncodingFault, NameConstraints, usage};

/// `ParsedCertificate::Create` with Chromium's options (any serial number will do).
pub(super) fn is_parsable(certificate: &Certificate) -> bool {
    /// Parsed, so they must be parsable.
    const PARSED: &[&str] = &[
        "2.5.29.14",
        "2.5.29.15",
        "2.5.29.17",
        "2.5.29.19",
        "2.5.29.30",
        "2.5.29.32",
        "2.5.29.33",
        "2.5.29.35",
        "2.5.29.36",
        "2.5.29.37",
        "2.5.29.54",
        "1.3.6.1.5.5.7.1.1",
    ];
    let extensions = &certificate.extensions;
    let is_bad = |fault: &EncodingFault| {
        use EncodingFault as Fault;
        matches!(
            fault,
            Fault::BooleanNotCanonical
                | Fault::BasicConstraintsBoolean
                | Fault::DefaultEncoded
                | Fault::ExtensionLengthNotMinimal
                | Fault::ExtensionTrailingData
                | Fault::TimeFormat
        )
    };
    let san_is_fine = extensions.subject_alt_name.as_ref().is_none_or(|san| {
        !san.names.is_empty()
            && san.names.iter().all(|name| is_general_name(name, &[4, 16]))
            // `kSubjectAltNameNotCritical`, RFC 5280 §4.1.2.6
            && (san.critical || !certificate.subject.is_empty())
    });
    let constraints_are_fine = extensions.name_constraints.as_ref().is_none_or(|constraints| {
        let mut all = constraints.permitted.iter().chain(&constraints.excluded).peekable();
        let is_subtree = |name: &GeneralName| is_general_name(name, &[8, 32]) && has_prefix_mask(name);
        all.peek().is_some() && all.all(is_subtree) && !constraints.minimum && !constraints.maximum
    });
    // `ParseCertificatePolicies`: at least one, and none twice.
    let policies = &extensions.policies;
    let policies_are_fine = certificate.extension_value("2.5.29.32").is_none()
        || (!policies.is_empty() && !policies.iter().enumerate().any(|(at, policy)| policies[..at].contains(policy)));
    // `ParseAuthorityKeyIdentifier`: the issuer's name and serial number come together (RFC 5280 §4.2.1.1).
    let authority_is_fine = extensions
        .authority_key_id
        .as_ref()
        .is_none_or(|authority| authority.serial.is_some() != authority.issuer.is_empty());
    !certificate.encoding_faults.iter().any(is_bad)
        && (certificate.version == 3 || extensions.count == 0)
        && extensions.repeated.is_empty()
        && !extensions.undecodable.iter().any(|extension| PARSED.contains(&&*extension.oid))
        // pathLenConstraint is read into one octet.
        && extensions.basic_constraints.as_ref().and_then(|value| value.path_len).is_none_or(|length| length < 256)
        && extensions.key_usage.as_ref().is_none_or(|key_usage| key_usage.bits != 0)
        && extensions.extended_key_usage.as_ref().is_none_or(|purposes| !purposes.is_empty())
        && authority_is_fine
        && san_is_fine
        && constraints_are_fine
        && policies_are_fine
}

/// `IsValidNetmask`: the ones of an address constraint's mask come first.
fn has_prefix_mask(name: &GeneralName) -> bool {
    let GeneralName::Ip(octets) = name else { return true };
    let mut bits = octets[octets.len() / 2..].iter().flat_map(|octet| (0..8).rev().map(move |bit| octet >> bit & 1));
    !bits.by_ref().skip_while(|bit| *bit == 1).any(|bit| bit == 1)
}

/// `ParseGeneralName`: strings are ASCII, addresses have one of `lengths`.
fn is_general_name(name: &GeneralName, lengths: &[usize]) -> bool {
    match name {
        GeneralName::Dns(text) | GeneralName::Email(text) | GeneralName::Uri(text) => text.is_ascii(),
        GeneralName::Ip(octets) => lengths.contains(&octets.len()),
        GeneralName::Directory(_) | GeneralName::Other(_) => true,
        GeneralName::Invalid(_) => false,
    }
}

/// `VerifyCertificateChain`: the errors of `path`, whose last certificate is an anchor. An issuer that signed nothing here
/// ends the checks: what stands below it means nothing then.
pub(super) fn verify_path(case: &Case<'_>, path: &[CertId], anchor: AnchorKind) -> Vec<PathError> {
    let Some((&root, below)) = path.split_last() else { return Vec::new() };
    let mut errors = Errors { all: Vec::new(), position: below.len() };
    let mut state = State { max_path_length: below.len(), constraints: Vec::new(), issuer: None };
    state.process_root(case, root, anchor, &mut errors);
    let down: Vec<&Certificate> = below.iter().rev().map(|&id| case.pool.get(id)).collect();
    let policies = policy::check(&down, &PolicyInputs::default()).err();
    for (position, &id) in below.iter().enumerate().rev() {
        errors.position = position;
        if !state.process(case, id, position, &mut errors) {
            break;
        }
        if let Some((_, fault)) = policies.filter(|(from_root, _)| below.len() - 1 - from_root == position) {
            errors.other(match fault {
                PolicyFault::NoValidPolicy => "No valid policy",
                PolicyFault::MapsAny => "PolicyMappings must not map anyPolicy",
            });
        }
    }
    errors.all.sort_by_key(|error| error.position);
    errors.all
}

/// `PathVerifier`: the state variables of RFC 5280 §6.1.2; policies have theirs.
struct State<'a> {
    max_path_length: usize,
    constraints: Vec<&'a NameConstraints>,
    /// The last issuer, when its key could be read.
    issuer: Option<CertId>,
}

impl<'a> State<'a> {
    /// `ProcessRootCertificate`. Roots of Chrome's own store are trusted without limits, those of the user with the
    /// limits they carry (`TrustStoreChrome`: neither `enforce_anchor_expiry` nor `enforce_anchor_constraints`).
    fn process_root(&mut self, case: &Case<'a>, root: CertId, kind: AnchorKind, errors: &mut Errors) {
        let certificate = case.pool.get(root);
        if kind == AnchorKind::Local {
            check_validity(case.at, certificate, errors);
            check_issuing_usage(certificate, errors);
            check_purposes(certificate, errors);
            self.constraints.extend(&certificate.extensions.name_constraints);
            if let Some(basic) = &certificate.extensions.basic_constraints {
                if !basic.ca {
                    errors.other("Basic Constraints indicates not a CA");
                }
                self.limit(basic.path_len);
            }
            check_critical(certificate, errors);
        }
        self.take_key(case, root, errors);
    }

    /// `BasicCertificateProcessing`, then `PrepareForNextCertificate` or `WrapUp`. False ends the checks.
    fn process(&mut self, case: &Case<'a>, id: CertId, position: usize, errors: &mut Errors) -> bool {
        let certificate = case.pool.get(id);
        let is_target = position == 0;
        if !certificate.algorithms_agree_as_parsed() {
            errors.other("Certificate.signatureAlgorithm != TBSCertificate.signature");
        }
        let is_acceptable = matches!(
            certificate.signature_algorithm,
            SignatureAlgorithm::RsaPkcs1(Hash::Sha256 | Hash::Sha384 | Hash::Sha512)
                | SignatureAlgorithm::RsaPss(Hash::Sha256 | Hash::Sha384 | Hash::Sha512)
                | SignatureAlgorithm::Ecdsa(Hash::Sha256 | Hash::Sha384 | Hash::Sha512)
        );
        if !is_acceptable || !is_parsable_algorithm(certificate) {
            errors.other("Unacceptable signature algorithm");
            return false;
        }
        let is_forged = self.issuer.is_some_and(|issuer| {
            certificate.encoding_faults.contains(&EncodingFault::SignatureUnusedBits)
                || case.pool.signature(id, issuer) == SignatureCheck::Invalid
        });
        if is_forged {
            errors.add(ErrorKind::Authority, "VerifySignedData failed");
        }
        if is_forged || !certificate.algorithms_agree_as_parsed() {
            return false;
        }
        check_validity(case.at, certificate, errors);
        if (is_target || !certificate.is_self_issued())
            && !self.constraints.iter().all(|constraints| allows(constraints, certificate))
        {
            errors.other("Not permitted by name constraints");
        }
        check_purposes(certificate, errors);
        self.take_key(case, id, errors);
        check_critical(certificate, errors);
        if !is_target {
            self.prepare_for_next(certificate, errors);
        }
        true
    }

    /// RFC 5280 §6.1.4 (g) to (n).
    fn prepare_for_next(&mut self, certificate: &'a Certificate, errors: &mut Errors) {
        self.constraints.extend(&certificate.extensions.name_constraints);
        match &certificate.extensions.basic_constraints {
            None => errors.other("Does not have Basic Constraints"),
            Some(basic) if !basic.ca => errors.other("Basic Constraints indicates not a CA"),
            Some(_) => {}
        }
        if !certificate.is_self_issued() {
            match self.max_path_length.checked_sub(1) {
                Some(rest) => self.max_path_length = rest,
                None => errors.other("max_path_length reached"),
            }
        }
        self.limit(certificate.extensions.basic_constraints.as_ref().and_then(|basic| basic.path_len));
        check_issuing_usage(certificate, errors);
    }

    fn limit(&mut self, path_len: Option<u32>) {
        if let Some(length) = path_len.and_then(|length| usize::try_from(length).ok()) {
            self.max_path_length = self.max_path_length.min(length);
        }
    }

    /// `ParseAndCheckPublicKey`, `SimplePathBuilderDelegate::IsPublicKeyAcceptable`: RSA from 1024 bits (what BoringSSL
    /// computes with ends at 8192), P-256, P-384, P-521. Without a key the signatures below cannot be checked.
    fn take_key(&mut self, case: &Case<'_>, id: CertId, errors: &mut Errors) {
        let certificate = case.pool.get(id);
        let key = &certificate.key;
        let is_readable = match key {
            // RFC 3279 §2.3.1: the parameters are NULL.
            KeyKind::Rsa { pss: false, bits: ..=8192, .. } => certificate.key_algorithm_encoding().ends_with(NULL),
            KeyKind::Ec(curve) => matches!(curve, Curve::P256 | Curve::P384 | Curve::P521),
            _ => false,
        };
        self.issuer = is_readable.then_some(id);
        if !is_readable {
            errors.other("Couldn't parse SubjectPublicKeyInfo");
        } else if matches!(key, KeyKind::Rsa { bits: ..1024, .. }) {
            errors.add(ErrorKind::PublicKey, "Unacceptable public key");
        }
    }
}

/// NULL, DER.
const NULL: &[u8] = &[0x05, 0x00];

/// `ParseSignatureAlgorithm`: ECDSA without parameters, RSASSA-PSS with one set for each hash.
fn is_parsable_algorithm(certificate: &Certificate) -> bool {
    match certificate.signature_algorithm {
        SignatureAlgorithm::Ecdsa(_) => !certificate.signature_algorithm_encoding().ends_with(NULL),
        SignatureAlgorithm::RsaPss(_) => !certificate.has_unusual_pss(),
        _ => true,
    }
}

fn check_validity(at: Time, certificate: &Certificate, errors: &mut Errors) {
    if at < certificate.not_before {
        errors.add(ErrorKind::Validity, "Time is before notBefore");
    }
    if at > certificate.not_after {
        errors.add(ErrorKind::Validity, "Time is after notAfter");
    }
}

fn check_issuing_usage(certificate: &Certificate, errors: &mut Errors) {
    if certificate.extensions.key_usage.as_ref().is_some_and(|key_usage| !key_usage.allows(usage::KEY_CERT_SIGN)) {
        errors.other("keyCertSign bit is not set");
    }
}

/// `VerifyExtendedKeyUsage` for `KeyPurpose::SERVER_AUTH`: where the extension is there, serverAuth or any. What it forbids
/// beside them, and Netscape's step-up in place of them, only the strict purpose or SHA-1 would tell apart.
fn check_purposes(certificate: &Certificate, errors: &mut Errors) {
    let purposes = certificate.extensions.extended_key_usage.as_ref();
    if purposes.is_some_and(|purposes| !purposes.server_auth && !purposes.any) {
        errors.other("The extended key usage does not include server auth");
    }
}

/// `IsHandledCriticalExtension`: of policies only with the qualifiers that RFC 5280 §4.2.1.4 defines.
fn check_critical(certificate: &Certificate, errors: &mut Errors) {
    const HANDLED: &[&str] =
        &["2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.30", "2.5.29.33", "2.5.29.36", "2.5.29.37", "2.5.29.54"];
    /// Microsoft's application policies repeat the extended key usage.
    const MS_APPLICATION_POLICIES: &str = "1.3.6.1.4.1.311.21.10";
    const POLICIES: &str = "2.5.29.32";
    const QUALIFIERS: &[&str] = &["1.3.6.1.5.5.7.2.1", "1.3.6.1.5.5.7.2.2"];
    let extensions = &certificate.extensions;
    let is_handled = |oid: &str| match oid {
        POLICIES => extensions.policy_qualifiers.iter().all(|qualifier| QUALIFIERS.contains(&&**qualifier)),
        MS_APPLICATION_POLICIES => extensions.extended_key_usage.is_some(),
        _ => HANDLED.contains(&oid),
    };
    for _ in extensions.critical.iter().filter(|oid| !is_handled(oid)) {
        errors.other("Unconsumed critical extension");
    }
}

/// `CheckValidatedChainRevocation` as far as a stapled response goes, `CheckOCSP`: only what is fresh counts.
pub(super) fn is_revoked(case: &Case<'_>, path: &[CertId]) -> bool {
    let (Some(staple), [subject, issuer, ..]) = (case.ocsp_staple, path) else { return false };
    ocsp::verify(staple, case.pool.get(*subject), case.pool.get(*issuer), case.at).is_ok_and(|answer| {
        answer.status == CertificateStatus::Revoked
            && (answer.this_update..=answer.this_update.plus(MAX_OCSP_AGE)).contains(&case.at)
            && answer.next_update.is_none_or(|next| case.at <= next)
    })
}

/// `InspectSignatureAlgorithmsInChain`: the two algorithms differ, or are none that it knows.
pub(super) fn has_odd_algorithm(certificate: &Certificate) -> bool {
    !certificate.algorithms_agree_as_parsed()
        || !is_parsable_algorithm(certificate)
        || matches!(certificate.signature_algorithm.hash(), None | Some(Hash::Md5 | Hash::Sha224))
}
