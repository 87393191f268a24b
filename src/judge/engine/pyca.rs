//! The verifier of Python's `cryptography`: its crate cryptography-x509-verification, a profile of RFC 5280 and the
//! Baseline Requirements of its own.
//!
//! Rules: `lib.rs` (search, name constraints), `policy/mod.rs` (profile, keys, algorithms), `policy/extension.rs`
//! (extensions), `types.rs` (names) of cryptography-x509-verification; `x509/verify.rs` of the Python binding.

use std::net::IpAddr;

use crate::judge::case::Case;
use crate::judge::pool::CertId;
use crate::model::target::ReferenceId;
use crate::model::verdict::Category;
use crate::x509::general_name::GeneralName;
use crate::x509::key::{Curve, KeyKind};
use crate::x509::signature::{Hash, SignatureAlgorithm, SignatureCheck};
use crate::x509::{Certificate, EncodingFault, NameConstraints, usage};

/// `DEFAULT_MAX_CHAIN_DEPTH`: intermediates, self-issued ones too.
const MAX_DEPTH: u32 = 8;

/// `DEFAULT_SIGNATURE_CHECK_LIMIT`.
const MAX_SIGNATURES: usize = 1 << 7;

/// `DEFAULT_NAME_CONSTRAINT_CHECK_LIMIT`.
const MAX_NAME_CHECKS: usize = 1 << 20;

/// `WEBPKI_MINIMUM_RSA_MODULUS`, compared with whole octets of the INTEGER, its sign octet among them.
const MIN_RSA_BITS: u32 = 2048;

const AUTHORITY_INFORMATION_ACCESS: &str = "1.3.6.1.5.5.7.1.1";
const SUBJECT_KEY_ID: &str = "2.5.29.14";
const KEY_USAGE: &str = "2.5.29.15";
const SUBJECT_ALT_NAME: &str = "2.5.29.17";
const BASIC_CONSTRAINTS: &str = "2.5.29.19";
const NAME_CONSTRAINTS: &str = "2.5.29.30";
const AUTHORITY_KEY_ID: &str = "2.5.29.35";
const EXTENDED_KEY_USAGE: &str = "2.5.29.37";

/// The extensions that a policy speaks of; other critical ones are refused.
const ACCOUNTED_FOR: &[&str] = &[
    AUTHORITY_INFORMATION_ACCESS,
    SUBJECT_KEY_ID,
    KEY_USAGE,
    SUBJECT_ALT_NAME,
    BASIC_CONSTRAINTS,
    NAME_CONSTRAINTS,
    AUTHORITY_KEY_ID,
    EXTENDED_KEY_USAGE,
];

/// What the end entity is to be.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// `build_server_verifier`; it asks for a name, without one none is compared here.
    Server(Option<&'a ReferenceId>),
    /// `build_client_verifier`: no name is compared.
    Client,
}

/// A `ValidationError`, in its own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub category: Category,
    pub text: String,
    /// `FatalError` ends the search, unless a check of an issuer raised it.
    is_fatal: bool,
}

impl Refusal {
    fn new(category: Category, text: impl Into<String>) -> Self {
        Self { category, text: text.into(), is_fatal: false }
    }

    fn extension(category: Category, oid: &str, reason: &str) -> Self {
        Self::new(category, format!("invalid extension: {oid}: {reason}"))
    }

    fn fatal(category: Category, text: &str) -> Self {
        Self { is_fatal: true, ..Self::new(category, format!("fatal error: {text}")) }
    }
}

/// The chain, end entity first, or why there is none.
pub fn verify(case: &Case<'_>, end_entity: CertId, subject: Subject<'_>) -> Result<Vec<CertId>, Refusal> {
    let max_depth = case.asked.and_then(|asked| asked.max_intermediates).unwrap_or(MAX_DEPTH);
    let mut builder = Builder { case, subject, max_depth, signatures: MAX_SIGNATURES, name_checks: MAX_NAME_CHECKS };
    builder.permits_end_entity(end_entity)?;
    builder.build(&mut vec![end_entity])
}

/// `Certificate` is read strictly, before anything is verified.
pub fn is_readable(certificate: &Certificate) -> bool {
    use EncodingFault as Fault;
    !certificate.encoding_faults.iter().any(|fault| {
        matches!(
            fault,
            Fault::BooleanNotCanonical | Fault::DefaultEncoded | Fault::SerialNotMinimal | Fault::TimeFormat
        )
    })
}

/// `DNSName::new`: labels of letters, digits and inner hyphens, no final dot.
pub fn is_dns_name(name: &str) -> bool {
    name.len() <= 253
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
}

/// `ChainBuilder`
struct Builder<'a> {
    case: &'a Case<'a>,
    subject: Subject<'a>,
    max_depth: u32,
    signatures: usize,
    name_checks: usize,
}

impl<'a> Builder<'a> {
    fn get(&self, id: CertId) -> &'a Certificate {
        self.case.pool.get(id)
    }

    /// `build_chain_inner` for the last certificate of `path`.
    fn build(&mut self, path: &mut Vec<CertId>) -> Result<Vec<CertId>, Refusal> {
        let Some(&working) = path.last() else { return Ok(Vec::new()) };
        if let Some(constraints) = &self.get(working).extensions.name_constraints {
            self.evaluate(constraints, path)?;
        }
        if self.case.is_anchor(working).is_some() {
            return Ok(path.clone());
        }
        let depth = u32::try_from(path.len() - 1).unwrap_or(u32::MAX);
        if depth > self.max_depth {
            return Err(Refusal::new(Category::PathLength, "chain construction exceeds max depth"));
        }
        let mut last = Refusal::new(Category::UnknownIssuer, "all candidates exhausted with no interior errors");
        for issuer in self.potential_issuers(working) {
            if let Err(refusal) = self.valid_issuer(issuer, working, depth) {
                last = refusal;
                continue;
            }
            path.push(issuer);
            let built = self.build(path);
            path.pop();
            match built {
                Err(refusal) if !refusal.is_fatal => last = refusal,
                done => return done,
            }
        }
        let text = match last.text.strip_prefix("candidates exhausted: ") {
            Some(_) => last.text,
            None => format!("candidates exhausted: {}", last.text),
        };
        Err(Refusal::new(last.category, text))
    }

    /// Trust anchors, then what was served after the end entity, in the order of how well key identifiers fit.
    fn potential_issuers(&self, child: CertId) -> Vec<CertId> {
        let certificate = self.get(child);
        let named = |id: &CertId| self.get(*id).subject.raw() == certificate.issuer.raw();
        let anchors = self.case.pool.named(certificate.issuer.normalised()).iter().copied();
        let anchors = anchors.filter(|&id| self.case.is_anchor(id).is_some());
        let intermediates = self.case.served.iter().copied().skip(1);
        let mut candidates: Vec<CertId> = anchors.chain(intermediates).filter(named).collect();
        let wanted = certificate.extensions.authority_key_id.as_ref().and_then(|authority| authority.key_id.as_ref());
        candidates.sort_by_key(|&id| match (wanted, &self.get(id).extensions.subject_key_id) {
            (Some(wanted), Some(found)) if wanted == found => 0,
            (Some(_), Some(_)) => 2,
            _ => 1,
        });
        candidates
    }

    /// `Policy::valid_issuer`
    fn valid_issuer(&mut self, issuer: CertId, child: CertId, depth: u32) -> Result<(), Refusal> {
        let (certificate, signed) = (self.get(issuer), self.get(child));
        self.permits_ca(certificate, depth)?;
        let is_permitted = matches!(
            certificate.key,
            KeyKind::Rsa { pss: false, .. } | KeyKind::Ec(Curve::P256 | Curve::P384 | Curve::P521)
        );
        if !is_permitted {
            let text = format!("Forbidden public key algorithm: {}", certificate.key);
            return Err(Refusal::new(Category::UnsupportedKey, text));
        }
        let is_permitted = matches!(
            signed.signature_algorithm,
            SignatureAlgorithm::RsaPkcs1(Hash::Sha256 | Hash::Sha384 | Hash::Sha512)
                | SignatureAlgorithm::RsaPss(Hash::Sha256 | Hash::Sha384 | Hash::Sha512)
                | SignatureAlgorithm::Ecdsa(Hash::Sha256 | Hash::Sha384 | Hash::Sha512)
        );
        if !is_permitted {
            let text = format!("Forbidden signature algorithm: {}", signed.signature_algorithm);
            return Err(Refusal::new(Category::Algorithm, text));
        }
        if matches!(certificate.key, KeyKind::Rsa { bits, .. } if (bits / 8 + 1) * 8 < MIN_RSA_BITS) {
            return Err(Refusal::new(Category::WeakKey, "RSA key is too weak"));
        }
        self.signatures = self
            .signatures
            .checked_sub(1)
            .ok_or_else(|| Refusal::fatal(Category::UnknownIssuer, "Exceeded maximum signature check limit"))?;
        match self.case.pool.signature(child, issuer) {
            SignatureCheck::Valid => Ok(()),
            _ => Err(Refusal::new(Category::BadSignature, "signature does not match")),
        }
    }

    /// `Policy::permits_basic`
    fn permits_basic(&self, certificate: &Certificate) -> Result<(), Refusal> {
        let malformed = |text: &str| Err(Refusal::new(Category::BadFormat, text));
        let has = |fault: EncodingFault| certificate.encoding_faults.contains(&fault);
        if certificate.version != 3 {
            return malformed("certificate must be an X509v3 certificate");
        }
        if !certificate.algorithms_agree {
            return malformed("mismatch between signatureAlgorithm and SPKI algorithm");
        }
        // One octet more than RFC 5280 allows: CAs forget that a leading bit needs one.
        if certificate.serial.len() > 21 {
            return malformed("certificate must have a serial between 1 and 20 octets");
        }
        if has(EncodingFault::SerialNegative) {
            return malformed("certificate serial number cannot be negative");
        }
        if certificate.issuer.is_empty() {
            return malformed("certificate must have a non-empty Issuer");
        }
        if has(EncodingFault::GeneralizedTimeBefore2050) {
            return malformed("validity dates between 1950 and 2049 must be UtcTime");
        }
        let text = "cert is not valid at validation time";
        match self.case.at {
            at if at < certificate.not_before => Err(Refusal::new(Category::NotYetValid, text)),
            at if at > certificate.not_after => Err(Refusal::new(Category::Expired, text)),
            _ => Ok(()),
        }
    }

    /// `Policy::permits_ca`
    fn permits_ca(&self, certificate: &Certificate, depth: u32) -> Result<(), Refusal> {
        self.permits_basic(certificate)?;
        no_duplicates(certificate)?;
        let extensions = &certificate.extensions;
        let basic = extensions.basic_constraints.as_ref();
        if basic.and_then(|basic| basic.path_len).is_some_and(|length| depth > length) {
            return Err(Refusal::new(Category::PathLength, "path length constraint violated"));
        }
        common_extensions(certificate)?;
        must_be(false, certificate, SUBJECT_KEY_ID, extensions.subject_key_id.is_some())?;
        if let Some(authority) = &extensions.authority_key_id {
            let bad = |reason| Err(Refusal::extension(Category::BadFormat, AUTHORITY_KEY_ID, reason));
            if authority.key_id.is_none() {
                return bad("authorityKeyIdentifier must contain keyIdentifier");
            }
        }
        let Some(key_usage) = &extensions.key_usage else { return Err(missing(KEY_USAGE, Category::CaFlag)) };
        if !key_usage.allows(usage::KEY_CERT_SIGN) {
            let text = "keyUsage.keyCertSign must be asserted in a CA certificate";
            return Err(Refusal::new(Category::CaFlag, text));
        }
        let Some(basic) = basic else { return Err(missing(BASIC_CONSTRAINTS, Category::CaFlag)) };
        must_be(true, certificate, BASIC_CONSTRAINTS, true)?;
        if !basic.ca {
            let text = "basicConstraints.cA must be asserted in a CA certificate";
            return Err(Refusal::new(Category::CaFlag, text));
        }
        if extensions.name_constraints.as_ref().is_some_and(|all| all.permitted.is_empty() && all.excluded.is_empty()) {
            let text = "nameConstraints must have non-empty permittedSubtrees or excludedSubtrees";
            return Err(Refusal::new(Category::NameConstraints, text));
        }
        if let Some(purposes) = &extensions.extended_key_usage {
            must_be(false, certificate, EXTENDED_KEY_USAGE, true)?;
            if !(purposes.any || self.wants(purposes)) {
                return Err(Refusal::new(Category::Usage, "Neither EKU nor anyEKU could be found"));
            }
        }
        Ok(())
    }

    /// `Policy::permits_ee`
    fn permits_end_entity(&self, id: CertId) -> Result<(), Refusal> {
        let certificate = self.get(id);
        no_duplicates(certificate)?;
        self.permits_basic(certificate)?;
        let extensions = &certificate.extensions;
        common_extensions(certificate)?;
        if extensions.authority_key_id.is_none() && !is_undecodable(certificate, AUTHORITY_KEY_ID) {
            return Err(missing(AUTHORITY_KEY_ID, Category::BadFormat));
        }
        if extensions.key_usage.as_ref().is_some_and(|key_usage| key_usage.allows(usage::KEY_CERT_SIGN)) {
            return Err(Refusal::new(Category::CaFlag, "EE keyUsage must not assert keyCertSign"));
        }
        let Some(names) = &extensions.subject_alt_name else {
            return Err(match self.subject {
                Subject::Server(_) => Refusal::new(Category::Hostname, "leaf server certificate has no subjectAltName"),
                Subject::Client => missing(SUBJECT_ALT_NAME, Category::Hostname),
            });
        };
        if let Subject::Server(reference) = self.subject {
            let says = match (certificate.subject.is_empty(), names.critical) {
                (true, false) => Some("EE subjectAltName MUST be critical when subject is empty"),
                (false, true) => Some("EE subjectAltName MUST NOT be critical when subject is nonempty"),
                _ => None,
            };
            if let Some(says) = says {
                return Err(Refusal::new(Category::BadFormat, says));
            }
            let is_meant = |reference| names.names.iter().any(|name| matches(name, reference));
            if !reference.is_none_or(is_meant) {
                return Err(Refusal::new(Category::Hostname, "leaf certificate has no matching subjectAltName"));
            }
        }
        if extensions.basic_constraints.as_ref().is_some_and(|basic| basic.ca) {
            let text = "basicConstraints.cA must not be asserted in an EE certificate";
            return Err(Refusal::new(Category::CaFlag, text));
        }
        if extensions.name_constraints.is_some() || is_undecodable(certificate, NAME_CONSTRAINTS) {
            let reason = "Certificate contains prohibited extension";
            return Err(Refusal::extension(Category::NameConstraints, NAME_CONSTRAINTS, reason));
        }
        if let Some(purposes) = &extensions.extended_key_usage {
            must_be(false, certificate, EXTENDED_KEY_USAGE, true)?;
            if !self.wants(purposes) {
                return Err(Refusal::new(Category::Usage, "required EKU not found"));
            }
        }
        Ok(())
    }

    fn wants(&self, purposes: &crate::x509::ExtendedKeyUsage) -> bool {
        match self.subject {
            Subject::Server(_) => purposes.server_auth,
            Subject::Client => purposes.client_auth,
        }
    }

    /// `NameChain::evaluate_constraints`: the names of the whole path, of the constrained certificate too; self-issued
    /// intermediates count as nameless.
    fn evaluate(&mut self, constraints: &NameConstraints, path: &[CertId]) -> Result<(), Refusal> {
        for (position, &id) in path.iter().enumerate() {
            let certificate = self.get(id);
            // `cert_is_self_issued` compares as encoded.
            if position > 0 && certificate.subject.raw() == certificate.issuer.raw() {
                continue;
            }
            for name in certificate.extensions.subject_alt_name.iter().flat_map(|san| &san.names) {
                let mut permitted = true;
                for subtree in &constraints.permitted {
                    match self.compare(subtree, name, false)? {
                        Some(true) => {
                            permitted = true;
                            break;
                        }
                        Some(false) => permitted = false,
                        None => {}
                    }
                }
                if !permitted {
                    let text = "no permitted name constraints matched SAN";
                    return Err(Refusal::new(Category::NameConstraints, text));
                }
                for subtree in &constraints.excluded {
                    if self.compare(subtree, name, true)? == Some(true) {
                        let text = "excluded name constraint matched SAN";
                        return Err(Refusal::new(Category::NameConstraints, text));
                    }
                }
            }
        }
        Ok(())
    }

    /// `evaluate_single_constraint`; `None`: of another kind.
    fn compare(&mut self, subtree: &GeneralName, name: &GeneralName, excluding: bool) -> Result<Option<bool>, Refusal> {
        let bad = |text: String| Err(Refusal::new(Category::NameConstraints, text));
        self.name_checks = self
            .name_checks
            .checked_sub(1)
            .ok_or_else(|| Refusal::fatal(Category::NameConstraints, "Exceeded maximum name constraint check limit"))?;
        match (subtree, name) {
            (GeneralName::Dns(base), GeneralName::Dns(text)) => {
                let below = text.strip_prefix("*.");
                if !is_dns_name(below.unwrap_or(text)) {
                    return bad(format!("unsatisfiable DNS name constraint: malformed SAN {name}"));
                }
                if !is_dns_name(base) {
                    return bad(format!("malformed DNS name constraint: {subtree}"));
                }
                Ok(Some(match below {
                    None => is_at_or_below(text, base),
                    // All that the wildcard stands for must be permitted, none of it excluded.
                    Some(below) => {
                        is_at_or_below(below, base)
                            || (excluding && base.split_once('.').is_some_and(|(_, b)| b.eq_ignore_ascii_case(below)))
                    }
                }))
            }
            (GeneralName::Ip(range), GeneralName::Ip(octets)) => {
                let is_prefix = || {
                    let mask = &range[range.len() / 2..];
                    let ones: u32 = mask.iter().map(|octet| octet.count_ones()).sum();
                    let full = mask.iter().take_while(|&&octet| octet == 0xff).count();
                    ones == 8 * full as u32 + mask.get(full).map_or(0, |octet| octet.leading_ones())
                };
                if !matches!(octets.len(), 4 | 16) {
                    return bad(format!("unsatisfiable IP name constraint: malformed SAN {octets:?}"));
                }
                if !matches!(range.len(), 8 | 32) || !is_prefix() {
                    return bad(format!("malformed IP name constraints: {range:?}"));
                }
                Ok(Some(crate::judge::constraints::within(name, subtree, excluding)))
            }
            (GeneralName::Email(base), GeneralName::Email(text)) => {
                let Some((local, domain)) = mailbox(text) else {
                    return bad(format!("unsatisfiable RFC822 name constraint: malformed SAN {:?}", &**text));
                };
                let malformed = || bad(format!("malformed RFC822 name constraints: {:?}", &**base));
                if let Some(parent) = base.strip_prefix('.') {
                    if !is_dns_name(parent) {
                        return malformed();
                    }
                    return Ok(Some(domain.len() > parent.len() && is_at_or_below(domain, parent)));
                }
                if let Some((wanted, host)) = mailbox(base) {
                    return Ok(Some(wanted == local && host.eq_ignore_ascii_case(domain)));
                }
                if is_dns_name(base) { Ok(Some(domain.eq_ignore_ascii_case(base))) } else { malformed() }
            }
            // Not implemented: nothing is permitted by them, and nothing excluded.
            (GeneralName::Directory(_), GeneralName::Directory(_)) if excluding => Ok(Some(false)),
            (GeneralName::Directory(_), GeneralName::Directory(_)) => bad(
                "directoryName matching is not implemented, so a SAN cannot satisfy a permitted directoryName name \
                     constraint"
                    .to_owned(),
            ),
            (GeneralName::Uri(_), GeneralName::Uri(_)) => bad("unsupported name constraint".to_owned()),
            (GeneralName::Other(one), GeneralName::Other(other)) if one == other => {
                bad("unsupported name constraint".to_owned())
            }
            _ => Ok(None),
        }
    }
}

/// `DuplicateExtensionsError`
fn no_duplicates(certificate: &Certificate) -> Result<(), Refusal> {
    match certificate.extensions.repeated.first() {
        Some(oid) => Err(Refusal::extension(Category::BadFormat, oid, "duplicate extension")),
        None => Ok(()),
    }
}

/// What end entities and CAs have in common: critical extensions beyond those that a policy speaks of, values that do
/// not decode (key identifiers of end entities are not looked into), and those that must not be critical.
fn common_extensions(certificate: &Certificate) -> Result<(), Refusal> {
    let extensions = &certificate.extensions;
    let unaccounted = extensions.critical.iter().find(|oid| !ACCOUNTED_FOR.contains(&&***oid));
    if let Some(oid) = unaccounted {
        let reason = "certificate contains unaccounted-for critical extensions";
        return Err(Refusal::extension(Category::CriticalExtension, oid, reason));
    }
    let is_read = |oid: &str| !matches!(oid, SUBJECT_KEY_ID | AUTHORITY_KEY_ID) || certificate.is_ca();
    let undecodable = extensions.undecodable.iter();
    let mut undecodable = undecodable.filter(|extension| ACCOUNTED_FOR.contains(&&*extension.oid));
    if let Some(extension) = undecodable.find(|extension| is_read(&extension.oid)) {
        return Err(Refusal::extension(Category::BadFormat, &extension.oid, "ASN.1 parsing error"));
    }
    must_be(false, certificate, AUTHORITY_INFORMATION_ACCESS, true)?;
    must_be(false, certificate, AUTHORITY_KEY_ID, true)
}

/// `Criticality::permits` for an extension that is present.
fn must_be(critical: bool, certificate: &Certificate, oid: &str, is_present: bool) -> Result<(), Refusal> {
    let is_critical = certificate.extensions.critical.iter().any(|known| &**known == oid);
    if is_present && is_critical != critical && (critical || is_critical) {
        return Err(Refusal::extension(Category::BadFormat, oid, "Certificate extension has incorrect criticality"));
    }
    Ok(())
}

fn missing(oid: &str, category: Category) -> Refusal {
    Refusal::extension(category, oid, "Certificate is missing required extension")
}

fn is_undecodable(certificate: &Certificate, oid: &str) -> bool {
    certificate.extensions.undecodable.iter().any(|extension| &*extension.oid == oid)
}

/// `Subject::subject_alt_name_matches`
fn matches(name: &GeneralName, reference: &ReferenceId) -> bool {
    match (name, reference) {
        (GeneralName::Dns(pattern), ReferenceId::Dns(host)) => match pattern.strip_prefix("*.") {
            Some(parent) => {
                is_dns_name(parent)
                    && host.as_str().split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(parent))
            }
            None => is_dns_name(pattern) && pattern.eq_ignore_ascii_case(host.as_str()),
        },
        (GeneralName::Ip(_), ReferenceId::Ip(address)) => name.as_ip() == Some::<IpAddr>(*address),
        _ => false,
    }
}

/// `DNSConstraint::matches`
fn is_at_or_below(name: &str, base: &str) -> bool {
    let split = name.len().checked_sub(base.len());
    split.is_some_and(|split| {
        let (before, end) = name.as_bytes().split_at(split);
        end.eq_ignore_ascii_case(base.as_bytes()) && (before.is_empty() || before.ends_with(b"."))
    })
}

/// `RFC822Name::new`: a dot-atom, `@`, a host.
fn mailbox(text: &str) -> Option<(&str, &str)> {
    let (local, domain) = text.split_once('@')?;
    let is_atom = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
    let is_local = local.split('.').all(|part| !part.is_empty() && part.bytes().all(is_atom));
    (is_local && is_dns_name(domain)).then_some((local, domain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let reference: ReferenceId = "www.example.com".parse().unwrap();
        let dns = |text: &str| GeneralName::Dns(text.into());
        assert!(matches(&dns("*.example.com"), &reference) && matches(&dns("WWW.example.com"), &reference));
        for wrong in ["*.com", "w*.example.com", "www.example.com.", "*.www.example.com", "example.com"] {
            assert!(!matches(&dns(wrong), &reference), "{wrong}");
        }
        assert!(is_at_or_below("a.example.com", "example.com") && !is_at_or_below("badexample.com", "example.com"));
        assert_eq!(mailbox("a.b@example.com"), Some(("a.b", "example.com")));
        assert!(mailbox("a..b@example.com").is_none() && mailbox("a@b@example.com").is_none());
    }
}
