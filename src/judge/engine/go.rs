//! Go: `crypto/x509` explores every chain, within a hundred signatures, and `crypto/tls` asks it.
//!
//! The rules are those of `crypto/x509/verify.go`, `parser.go`, `cert_pool.go` and `constraints.go`, and of
//! `crypto/tls/handshake_client.go` (`verifyServerCertificate`).

use std::net::IpAddr;

use crate::judge::case::Case;
use crate::judge::policy::{self, PolicyInputs};
use crate::judge::pool::CertId;
use crate::model::target::ReferenceId;
use crate::model::verdict::Category;
use crate::x509::general_name::GeneralName;
use crate::x509::key::{Curve, KeyKind};
use crate::x509::signature::{Hash, SignatureAlgorithm, SignatureCheck};
use crate::x509::{Certificate, EncodingFault, NameConstraints, usage};

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

impl Build<'_> {
    fn get(&self, id: CertId) -> &Certificate {
        self.case.pool.get(id)
    }

    /// `Certificate.Verify`: the leaf's own validity, its name, chains, then what counts for whole chains.
    fn verify(&mut self, end_entity: CertId) -> Result<Vec<CertId>, Error> {
        self.is_valid(Role::Leaf, end_entity, &[])?;
        if !self.case.any_name {
            verify_hostname(self.case, self.get(end_entity))?;
        }
        let mut chains = if self.case.is_anchor(end_entity).is_some() {
            vec![vec![end_entity]]
        } else {
            self.build_chains(&[end_entity])?
        };
        if let Some(first) = chains.first() {
            self.farthest.clone_from(first);
        }
        let found = chains.len();
        chains.retain(|chain| self.has_valid_policies(chain));
        let invalid_policies = found - chains.len();
        let found = chains.len();
        chains.retain(|chain| self.allows_servers(chain));
        let incompatible_usages = found - chains.len();
        if chains.is_empty() && invalid_policies == 0 {
            let text = "x509: certificate specifies an incompatible key usage";
            return Err(Error::invalid("IncompatibleUsage", Category::Usage, text));
        }
        if chains.is_empty() {
            let usages = (incompatible_usages > 0)
                .then(|| format!("{incompatible_usages} candidate chains with incompatible key usage, "));
            let usages = usages.unwrap_or_default();
            let text = format!(
                "x509: no valid chains built: {usages}{invalid_policies} candidate chains with invalid policies"
            );
            return Err(Error::invalid("NoValidChains", Category::Invalid, text));
        }
        let mut refused = None;
        for chain in chains {
            match self.check_constraints(&chain) {
                Ok(()) => return Ok(chain),
                Err(detail) => refused = Some(detail),
            }
        }
        Err(Error::invalid(
            "CANotAuthorizedForThisName",
            Category::NameConstraints,
            format!(
                "x509: a root or intermediate certificate is not authorized to sign for this name: {}",
                refused.unwrap_or_default()
            ),
        ))
    }

    /// `Certificate.isValid`.
    fn is_valid(&self, role: Role, id: CertId, below: &[CertId]) -> Result<(), Error> {
        let certificate = self.get(id);
        if has_unhandled_critical_extension(certificate) {
            return Err(Error::new(
                "x509.UnhandledCriticalExtension",
                Category::CriticalExtension,
                "x509: unhandled critical extension",
            ));
        }
        let at = self.case.at;
        let relation = if at < certificate.not_before {
            Some(("before", certificate.not_before))
        } else if at > certificate.not_after {
            Some(("after", certificate.not_after))
        } else {
            None
        };
        if let Some((relation, limit)) = relation {
            return Err(Error::invalid(
                "Expired",
                Category::Expired,
                format!("x509: certificate has expired or is not yet valid: current time {at} is {relation} {limit}"),
            ));
        }
        if role == Role::Intermediate && !certificate.is_ca() {
            let text = "x509: certificate is not authorized to sign other certificates";
            return Err(Error::invalid("NotAuthorizedToSign", Category::CaFlag, text));
        }
        let path_len = certificate.extensions.basic_constraints.as_ref().and_then(|constraints| constraints.path_len);
        // Self-issued certificates count too, unlike RFC 5280 §4.2.1.9 says.
        if let Some(allowed) = path_len
            && below.len().saturating_sub(1) > usize::try_from(allowed).unwrap_or(usize::MAX)
        {
            let text = "x509: too many intermediates for path length constraint";
            return Err(Error::invalid("TooManyIntermediates", Category::PathLength, text));
        }
        Ok(())
    }

    /// `buildChains`: roots first, then intermediates; the error is that of the last candidate whose signature fitted.
    fn build_chains(&mut self, chain: &[CertId]) -> Result<Vec<Vec<CertId>>, Error> {
        if chain.len() > self.farthest.len() {
            self.farthest = chain.to_vec();
        }
        let child = chain[chain.len() - 1];
        // AppendCertsFromPEM leaves out what does not parse.
        let is_root = |id| self.case.is_anchor(id).is_some() && parse_error(self.get(id)).is_none();
        let roots = self.potential_parents(child, is_root);
        // crypto/tls puts all but the first certificate of the list into the pool of intermediates.
        let sent = self.case.served.get(1..).unwrap_or_default();
        let intermediates = self.potential_parents(child, |id| sent.contains(&id));
        let candidates = roots
            .into_iter()
            .map(|id| (Role::Root, id))
            .chain(intermediates.into_iter().map(|id| (Role::Intermediate, id)));
        let mut chains = Vec::new();
        let mut error = None;
        let mut hint = None;
        for (role, candidate) in candidates {
            if has_unknown_key(self.get(candidate)) || self.already_in_chain(candidate, chain) {
                continue;
            }
            self.signature_checks += 1;
            if self.signature_checks > MAX_SIGNATURE_CHECKS {
                let text = "x509: signature check attempts limit reached while verifying certificate chain";
                error = Some(Error::new(text, Category::UnknownIssuer, text));
                break; // every further candidate meets the same limit
            }
            if let Err(reason) = self.check_signature_from(child, candidate) {
                hint.get_or_insert((reason, candidate));
                continue;
            }
            error = self.is_valid(role, candidate, chain).err();
            if error.is_some() {
                continue;
            }
            let mut extended = chain.to_vec();
            extended.push(candidate);
            if role == Role::Root {
                chains.push(extended);
            } else {
                match self.build_chains(&extended) {
                    Ok(found) => chains.extend(found),
                    Err(cause) => error = Some(cause),
                }
            }
        }
        if !chains.is_empty() {
            return Ok(chains);
        }
        Err(error.unwrap_or_else(|| {
            let mut text = "x509: certificate signed by unknown authority".to_owned();
            if let Some((reason, candidate)) = hint {
                text += &format!(
                    " (possibly because of {reason:?} while trying to verify candidate authority certificate {:?})",
                    self.get(candidate).subject.short()
                );
            }
            Error::new("x509.UnknownAuthorityError", Category::UnknownIssuer, text)
        }))
    }

    /// `CertPool.findPotentialParents`: names equal byte by byte; matching key identifiers first.
    fn potential_parents(&self, child: CertId, is_in_pool: impl Fn(CertId) -> bool) -> Vec<CertId> {
        let child = self.get(child);
        let wanted = child.extensions.authority_key_id.as_ref().and_then(|authority| authority.key_id.as_deref());
        let rank = |&id: &CertId| match (self.get(id).extensions.subject_key_id.as_deref(), wanted) {
            (found, wanted) if found == wanted => 0,
            (None, _) | (_, None) => 1,
            _ => 2,
        };
        let mut parents: Vec<CertId> = self
            .case
            .pool
            .named(child.issuer.normalised())
            .iter()
            .copied()
            .filter(|&id| is_in_pool(id) && self.get(id).subject.raw() == child.issuer.raw())
            .collect();
        parents.sort_by_key(rank);
        parents
    }

    /// `alreadyInChain`: subject, key and SAN equal.
    fn already_in_chain(&self, candidate: CertId, chain: &[CertId]) -> bool {
        let candidate = self.get(candidate);
        chain.iter().map(|&id| self.get(id)).any(|known| {
            known.subject.raw() == candidate.subject.raw()
                && known.spki() == candidate.spki()
                && known.extensions.subject_alt_name == candidate.extensions.subject_alt_name
        })
    }

    /// `CheckSignatureFrom`, `checkSignature`.
    fn check_signature_from(&self, child: CertId, parent: CertId) -> Result<(), String> {
        let (certificate, issuer) = (self.get(child), self.get(parent));
        let may_sign = match &issuer.extensions.basic_constraints {
            Some(constraints) => constraints.ca,
            None => issuer.version != 3,
        };
        let key_usage = issuer.extensions.key_usage.as_ref();
        if !may_sign || key_usage.is_some_and(|usage| usage.bits != 0 && !usage.allows(usage::KEY_CERT_SIGN)) {
            return Err("x509: invalid signature: parent certificate cannot sign this kind of certificate".to_owned());
        }
        let insecure = |name: &str| Err(format!("x509: cannot verify signature: insecure algorithm {name}"));
        let wanted = match &certificate.signature_algorithm {
            SignatureAlgorithm::RsaPkcs1(Hash::Md5) => return insecure("MD5-RSA"),
            SignatureAlgorithm::RsaPkcs1(Hash::Sha1) => return insecure("SHA1-RSA"),
            SignatureAlgorithm::Ecdsa(Hash::Sha1) => return insecure("ECDSA-SHA1"),
            SignatureAlgorithm::RsaPkcs1(Hash::Sha256 | Hash::Sha384 | Hash::Sha512)
            | SignatureAlgorithm::RsaPss(Hash::Sha256 | Hash::Sha384 | Hash::Sha512) => "RSA",
            SignatureAlgorithm::Ecdsa(Hash::Sha256 | Hash::Sha384 | Hash::Sha512) => "ECDSA",
            SignatureAlgorithm::Ed25519 => "Ed25519",
            _ => return Err("x509: cannot verify signature: algorithm unimplemented".to_owned()),
        };
        let (found, go_type, failure) = match &issuer.key {
            KeyKind::Rsa { .. } => ("RSA", "*rsa.PublicKey", "crypto/rsa: verification error"),
            KeyKind::Ec(_) => ("ECDSA", "*ecdsa.PublicKey", "x509: ECDSA verification failure"),
            KeyKind::Ed25519 => ("Ed25519", "ed25519.PublicKey", "x509: Ed25519 verification failure"),
            _ => ("", "*dsa.PublicKey", ""),
        };
        if wanted != found {
            return Err(format!(
                "x509: signature algorithm specifies an {wanted} public key, but have public key of type {go_type}"
            ));
        }
        // What our library cannot compute (P-224), Go can.
        match self.case.pool.signature(child, parent) {
            SignatureCheck::Invalid => Err(failure.to_owned()),
            SignatureCheck::Valid | SignatureCheck::Unsupported => Ok(()),
        }
    }

    /// `policiesValid` since Go 1.24, for any policy; a chain of one certificate has none to check.
    fn has_valid_policies(&self, chain: &[CertId]) -> bool {
        let below: Vec<&Certificate> = chain[..chain.len() - 1].iter().rev().map(|&id| self.get(id)).collect();
        below.is_empty() || policy::check(&below, &PolicyInputs::default()).is_ok()
    }

    /// `checkChainForKeyUsage` with serverAuth: purposes nest down the whole chain, the root's included.
    fn allows_servers(&self, chain: &[CertId]) -> bool {
        chain.iter().all(|&id| {
            let purposes = self.get(id).extensions.extended_key_usage.as_ref();
            purposes.is_none_or(|purposes| purposes.is_empty() || purposes.any || purposes.server_auth)
        })
    }

    /// `checkChainConstraints`: of every certificate above, the root included; names of the subject do not count.
    fn check_constraints(&mut self, chain: &[CertId]) -> Result<(), String> {
        for (position, &id) in chain.iter().enumerate() {
            let pool = self.case.pool;
            let Some(san) = &pool.get(id).extensions.subject_alt_name else { continue };
            for &above in &chain[position + 1..] {
                let Some(constraints) = &pool.get(above).extensions.name_constraints else { continue };
                let cost = san.names.len().saturating_mul(constraints.permitted.len() + constraints.excluded.len());
                self.comparisons = self.comparisons.saturating_sub(cost);
                if self.comparisons == 0 {
                    return Err(String::new()); // the outcome is marked incomplete
                }
                check_names(&san.names, constraints)?;
            }
        }
        Ok(())
    }
}

/// `parsePublicKey` leaves the key empty for algorithms it does not know.
fn has_unknown_key(certificate: &Certificate) -> bool {
    matches!(certificate.key, KeyKind::Ed448 | KeyKind::Other(_) | KeyKind::Rsa { pss: true, .. })
}

/// Extensions of RFC 5280 that `processExtensions` reads; any other that is critical is unhandled.
const HANDLED: &[&str] = &[
    "2.5.29.14",
    "2.5.29.15",
    "2.5.29.17",
    "2.5.29.19",
    "2.5.29.30",
    "2.5.29.31",
    "2.5.29.32",
    "2.5.29.33",
    "2.5.29.35",
    "2.5.29.36",
    "2.5.29.37",
    "2.5.29.54",
    "1.3.6.1.5.5.7.1.1",
];

/// `UnhandledCriticalExtensions`: unknown ones, name constraints with kinds of names Go has no rule for, and a SAN that
/// holds none of the kinds it knows.
fn has_unhandled_critical_extension(certificate: &Certificate) -> bool {
    let extensions = &certificate.extensions;
    let is_known = |name: &GeneralName| {
        matches!(name, GeneralName::Dns(_) | GeneralName::Ip(_) | GeneralName::Email(_) | GeneralName::Uri(_))
    };
    extensions.critical.iter().any(|oid| !HANDLED.contains(&&**oid))
        || extensions.name_constraints.as_ref().is_some_and(|constraints| {
            constraints.critical && !constraints.permitted.iter().chain(&constraints.excluded).all(is_known)
        })
        || extensions.subject_alt_name.as_ref().is_some_and(|san| san.critical && !san.names.iter().any(is_known))
}

/// `parseCertificate`: what it refuses of that which our reader lets pass, in its order.
fn parse_error(certificate: &Certificate) -> Option<String> {
    let fault = |fault| certificate.encoding_faults.contains(&fault);
    let extensions = &certificate.extensions;
    let say = |text: &str| Some(text.to_owned());
    if fault(EncodingFault::SerialNotMinimal) {
        return say("x509: malformed serial number");
    }
    if !certificate.algorithms_agree {
        return say("x509: inner and outer signature algorithm identifiers don't match");
    }
    if let Some(text) = name_error(&certificate.issuer).or_else(|| name_error(&certificate.subject)) {
        return Some(text);
    }
    if matches!(certificate.key, KeyKind::Ec(Curve::Secp256k1 | Curve::Other)) {
        return say("x509: unsupported elliptic curve");
    }
    if fault(EncodingFault::BooleanNotCanonical) {
        return say("x509: malformed extension critical field");
    }
    if let Some(oid) = extensions.repeated.first() {
        return Some(format!("x509: certificate contains duplicate extension with OID {:?}", &**oid));
    }
    let critical = |oid: &str| extensions.critical.iter().any(|critical| **critical == *oid);
    let undecodable = |oid: &str| extensions.undecodable.iter().any(|extension| &*extension.oid == oid);
    for (oid, name) in [
        ("2.5.29.15", "x509: invalid key usage"),
        ("2.5.29.19", "x509: invalid basic constraints"),
        ("2.5.29.17", "x509: invalid subject alternative names"),
        ("2.5.29.30", "x509: invalid NameConstraints extension"),
        ("2.5.29.31", "x509: invalid CRL distribution points"),
        ("2.5.29.35", "x509: invalid authority key identifier"),
        ("2.5.29.37", "x509: invalid extended key usages"),
        ("2.5.29.14", "x509: invalid subject key identifier"),
        ("2.5.29.32", "x509: invalid certificate policies"),
        ("1.3.6.1.5.5.7.1.1", "x509: invalid authority info access"),
    ] {
        if undecodable(oid) {
            return say(name);
        }
    }
    for (oid, name) in [
        ("2.5.29.35", "authority key identifier"),
        ("2.5.29.14", "subject key identifier"),
        ("1.3.6.1.5.5.7.1.1", "authority info access"),
    ] {
        if critical(oid) {
            return Some(format!("x509: {name} incorrectly marked critical"));
        }
    }
    extensions
        .subject_alt_name
        .iter()
        .find_map(|san| san.names.iter().find_map(san_error))
        .or_else(|| extensions.name_constraints.as_ref().and_then(constraints_error))
}

/// `parseName`, `parseASN1String`.
fn name_error(name: &crate::x509::dn::DistinguishedName) -> Option<String> {
    let printable = |byte: &u8| byte.is_ascii_alphanumeric() || b" '()+,-./:=?*&".contains(byte);
    name.attributes().iter().find_map(|attribute| {
        let problem = match attribute.tag {
            0x0c if std::str::from_utf8(&attribute.value).is_err() => "invalid UTF-8 string",
            0x13 if !attribute.value.iter().all(printable) => "invalid PrintableString",
            0x16 if !attribute.value.is_ascii() => "invalid IA5String",
            0x12 if !attribute.value.iter().all(|byte| byte.is_ascii_digit() || *byte == b' ') => {
                "invalid NumericString"
            }
            0x1e if attribute.value.len() % 2 != 0 => "invalid BMPString",
            0x0c | 0x12 | 0x13 | 0x14 | 0x16 | 0x1e => return None,
            tag => {
                return Some(format!(
                    "x509: invalid RDNSequence: invalid attribute value: unsupported string type: {tag}"
                ));
            }
        };
        Some(format!("x509: invalid RDNSequence: invalid attribute value: {problem}"))
    })
}

/// `parseSANExtension`.
fn san_error(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::Dns(text) if !text.is_ascii() => Some("x509: SAN dNSName is malformed".to_owned()),
        GeneralName::Email(text) if !text.is_ascii() => Some("x509: SAN rfc822Name is malformed".to_owned()),
        GeneralName::Ip(octets) if !matches!(octets.len(), 4 | 16) => {
            Some(format!("x509: cannot parse IP address of length {}", octets.len()))
        }
        GeneralName::Uri(text) => match url_host(text) {
            None => Some(format!("x509: cannot parse URI {text:?}: parse {text:?}")),
            Some(host) if !host.is_empty() && !domain_is_valid(host, false) => {
                Some(format!("x509: cannot parse URI {text:?}: invalid domain"))
            }
            Some(_) => None,
        },
        GeneralName::Invalid(2) => Some("x509: SAN dNSName is malformed".to_owned()),
        GeneralName::Invalid(_) => Some("x509: invalid subject alternative name".to_owned()),
        _ => None,
    }
}

/// `parseNameConstraintsExtension`.
fn constraints_error(constraints: &NameConstraints) -> Option<String> {
    if constraints.permitted.is_empty() && constraints.excluded.is_empty() {
        return Some("x509: empty name constraints extension".to_owned());
    }
    constraints.permitted.iter().chain(&constraints.excluded).find_map(|subtree| match subtree {
        GeneralName::Dns(base) if !domain_is_valid(base, true) => {
            Some(format!("x509: failed to parse dnsName constraint {base:?}"))
        }
        GeneralName::Ip(range) => match range.len() {
            8 | 32 => {
                let mask = &range[range.len() / 2..];
                // One bits, then zero bits.
                let ones: u32 = mask.iter().map(|byte| byte.leading_ones()).sum();
                let is_prefix = mask.iter().map(|byte| byte.count_ones()).sum::<u32>() == ones
                    && mask.windows(2).all(|pair| pair[0] == 0xff || pair[1] == 0);
                (!is_prefix).then(|| format!("x509: IP constraint contained invalid mask {}", crate::x509::hex(mask)))
            }
            length => Some(format!("x509: IP constraint contained value of length {length}")),
        },
        GeneralName::Email(base) if !base.contains('@') && !domain_is_valid(base, true) => {
            Some(format!("x509: failed to parse rfc822Name constraint {base:?}"))
        }
        GeneralName::Uri(base) if base.parse::<IpAddr>().is_ok() => {
            Some(format!("x509: failed to parse URI constraint {base:?}: cannot be IP address"))
        }
        GeneralName::Uri(base) if !domain_is_valid(base, true) => {
            Some(format!("x509: failed to parse URI constraint {base:?}"))
        }
        _ => None,
    })
}

/// `domainNameValid`: visible ASCII, no empty label, no final dot; a constraint may begin with a dot.
fn domain_is_valid(name: &str, constraint: bool) -> bool {
    if name.is_empty() {
        return true;
    }
    let name = if constraint { name.strip_prefix('.').unwrap_or(name) } else { name };
    name.bytes().all(|byte| (33..=126).contains(&byte)) && name.split('.').all(|label| !label.is_empty())
}

/// The host of `url.Parse`, with its port; `None` when the text is no URL.
fn url_host(text: &str) -> Option<&str> {
    if text.bytes().any(|byte| byte < 0x20 || byte == 0x7f) {
        return None;
    }
    let rest = match text.split_once("://") {
        Some((_, rest)) => rest,
        None => return Some(""),
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    (!host.contains(' ')).then_some(host)
}

/// `chainConstraints.check`: addresses, host names, URIs, mailboxes; of each, permitted subtrees before excluded ones.
fn check_names(names: &[GeneralName], constraints: &NameConstraints) -> Result<(), String> {
    for name in names {
        match name {
            GeneralName::Uri(uri) => {
                let host = url_host(uri).unwrap_or("");
                if host.is_empty() {
                    return Err(format!("URI with empty host ({uri:?}) cannot be matched against constraints"));
                }
                let bare = host.split(':').next().unwrap_or(host);
                if host.starts_with('[') || bare.parse::<IpAddr>().is_ok() {
                    return Err(format!("URI with IP ({uri:?}) cannot be matched against constraints"));
                }
            }
            GeneralName::Email(address) if !address.contains('@') => {
                return Err(format!("cannot parse rfc822Name {address:?}"));
            }
            _ => {}
        }
    }
    let order = |name: &GeneralName| match name {
        GeneralName::Ip(_) => Some((0, "IP address")),
        GeneralName::Dns(_) => Some((1, "DNS name")),
        GeneralName::Uri(_) => Some((2, "URI")),
        GeneralName::Email(_) => Some((3, "email address")),
        _ => None,
    };
    let mut sorted: Vec<_> =
        names.iter().filter_map(|name| order(name).map(|(rank, kind)| (rank, kind, name))).collect();
    sorted.sort_by_key(|(rank, _, _)| *rank);
    for (_, kind, name) in sorted {
        let shown = match name {
            GeneralName::Dns(text) | GeneralName::Uri(text) | GeneralName::Email(text) => text.to_string(),
            other => other.as_ip().map(|ip| ip.to_string()).unwrap_or_default(),
        };
        if matches!(name, GeneralName::Dns(text) if !domain_is_valid(text, false)) {
            return Err(format!("x509: cannot parse dnsName {shown:?}"));
        }
        let same_kind = |subtree: &&GeneralName| std::mem::discriminant(*subtree) == std::mem::discriminant(name);
        let mut permitted = constraints.permitted.iter().filter(same_kind).peekable();
        if permitted.peek().is_some() && !permitted.any(|subtree| is_within(name, subtree, false)) {
            return Err(format!("{kind} {shown:?} is not permitted by any constraint"));
        }
        if let Some(subtree) =
            constraints.excluded.iter().filter(same_kind).find(|subtree| is_within(name, subtree, true))
        {
            let subtree = match subtree {
                GeneralName::Dns(text) | GeneralName::Uri(text) | GeneralName::Email(text) => text.to_string(),
                other => other.to_string(),
            };
            return Err(format!("{kind} {shown:?} is excluded by constraint {subtree:?}"));
        }
    }
    Ok(())
}

/// Hosts of addresses and of mailboxes follow the rules of host names since `constraints.go` came with Go 1.26 (measured
/// with 1.27.3), where RFC 5280 §4.2.1.10 wants the leading dot before it lets subdomains in.
fn is_within(name: &GeneralName, subtree: &GeneralName, excluding: bool) -> bool {
    match (name, subtree) {
        (GeneralName::Dns(name), GeneralName::Dns(base)) => {
            // A wildcard covers a name when both lose their first label and are the same (`parentConstraints`).
            let covers = || match (name.strip_prefix('*'), base.split_once('.')) {
                (Some(rest), Some((_, parent))) => {
                    rest.strip_prefix('.').is_some_and(|rest| rest.eq_ignore_ascii_case(parent))
                }
                _ => false,
            };
            base.is_empty() || has_suffix(name, base) || (excluding && covers())
        }
        (GeneralName::Uri(uri), GeneralName::Uri(base)) => {
            let host = url_host(uri).unwrap_or("");
            let host = host.split(':').next().unwrap_or(host);
            base.is_empty() || has_suffix(host, base)
        }
        (GeneralName::Email(address), GeneralName::Email(base)) => {
            let Some((local, host)) = address.rsplit_once('@') else { return false };
            match base.rsplit_once('@') {
                Some((wanted, base)) => wanted == local && base.eq_ignore_ascii_case(host),
                None => base.is_empty() || has_suffix(host, base),
            }
        }
        (GeneralName::Ip(address), GeneralName::Ip(range)) => {
            range.len() == 2 * address.len() && {
                let (base, mask) = range.split_at(address.len());
                address.iter().zip(base).zip(mask).all(|((a, b), m)| (a ^ b) & m == 0)
            }
        }
        _ => false,
    }
}

/// `dnsHasSuffix`: `base` is a suffix by whole labels; one with a leading dot leaves the bare name out.
fn has_suffix(name: &str, base: &str) -> bool {
    name.len() >= base.len()
        && name.as_bytes()[name.len() - base.len()..].eq_ignore_ascii_case(base.as_bytes())
        && (name.len() == base.len() || base.starts_with('.') || name.as_bytes()[name.len() - base.len() - 1] == b'.')
}

/// `VerifyHostname`.
fn hostname_matches(certificate: &Certificate, reference: &ReferenceId) -> bool {
    let names = certificate.extensions.subject_alt_name.as_ref().map_or(&[][..], |san| &san.names);
    match reference {
        ReferenceId::Ip(address) => names.iter().any(|name| name.as_ip() == Some(*address)),
        ReferenceId::Dns(host) => names.iter().any(|name| match name {
            GeneralName::Dns(presented) if is_valid_pattern(presented) => matches_host(presented, host.as_str()),
            GeneralName::Dns(presented) => presented.eq_ignore_ascii_case(host.as_str()),
            _ => false,
        }),
    }
}

fn common_name_matches(certificate: &Certificate, reference: &ReferenceId) -> bool {
    matches_host(certificate.subject.common_name().unwrap_or_default(), &reference.to_string())
}

/// `VerifyHostname`, `HostnameError`.
fn verify_hostname(case: &Case<'_>, certificate: &Certificate) -> Result<(), Error> {
    if case.name_holds(certificate, hostname_matches) {
        return Ok(());
    }
    let san = certificate.extensions.subject_alt_name.as_ref();
    let names = san.map_or(&[][..], |san| &san.names);
    let (host, is_address) = (case.reference, case.name_is_address());
    let text = if san.is_none() && case.name_holds(certificate, common_name_matches) {
        "x509: certificate relies on legacy Common Name field, use SANs instead".to_owned()
    } else {
        let presented: Vec<String> = names
            .iter()
            .filter_map(|name| match name {
                name if is_address => name.as_ip().map(|ip| ip.to_string()),
                GeneralName::Dns(text) => Some(crate::x509::dn::printable(text)),
                _ => None,
            })
            .collect();
        match presented.len() {
            0 if is_address => {
                format!("x509: cannot validate certificate for {host} because it doesn't contain any IP SANs")
            }
            0 => format!("x509: certificate is not valid for any names, but wanted to match {host}"),
            count if count >= MAX_NAMES_SHOWN => {
                format!("x509: certificate is valid for {count} names, but none matched {host}")
            }
            _ => format!("x509: certificate is valid for {}, not {host}", presented.join(", ")),
        }
    };
    Err(Error::new("x509.HostnameError", Category::Hostname, text))
}

/// `validHostnamePattern`: labels of letters, digits, inner hyphens and underscores; `*` only as the whole first label,
/// and not alone.
fn is_valid_pattern(name: &str) -> bool {
    name != "*"
        && name.split('.').enumerate().all(|(position, label)| {
            (position == 0 && label == "*")
                || (!label.is_empty()
                    && !label.starts_with('-')
                    && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')))
        })
}

/// `matchHostnames`: label by label; a first label `*` matches any.
fn matches_host(pattern: &str, host: &str) -> bool {
    let (pattern, host) = (pattern.strip_suffix('.').unwrap_or(pattern), host.strip_suffix('.').unwrap_or(host));
    if pattern.is_empty() || pattern.split('.').count() != host.split('.').count() {
        return false;
    }
    let mut labels = pattern.split('.').zip(host.split('.')).enumerate();
    labels.all(|(position, (pattern, label))| (position == 0 && pattern == "*") || pattern.eq_ignore_ascii_case(label))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_the_first_label_only() {
        assert!(matches_host("*.com", "example.com"));
        assert!(matches_host("*.Example.com", "a.example.com"));
        assert!(!matches_host("*.example.com", "a.b.example.com"));
        assert!(!is_valid_pattern("f*.example.com"));
        assert!(!is_valid_pattern("a.*.example.com"));
        assert!(!is_valid_pattern("example.com."), "a final dot makes it no pattern, and it must then be equal");
    }

    #[test]
    fn hosts_of_addresses_are_constrained_like_host_names() {
        let uri = |text: &str| GeneralName::Uri(text.into());
        let dns = |text: &str| GeneralName::Dns(text.into());
        assert!(is_within(&dns("a.example.com"), &dns("example.com"), false));
        assert!(!is_within(&dns("example.com"), &dns(".example.com"), false));
        assert!(is_within(&uri("https://a.example.com/"), &uri("example.com"), false));
        assert!(is_within(&uri("https://a.example.com:1/"), &uri(".example.com"), false));
        assert!(is_within(&dns("*.example.com"), &dns("secret.example.com"), true));
        assert!(!is_within(&dns("*.example.com"), &dns("secret.example.com"), false));
    }

    #[test]
    fn masks_are_prefixes() {
        let with = |mask: [u8; 4]| NameConstraints {
            permitted: vec![GeneralName::Ip([[10, 0, 0, 0], mask].concat().into())],
            excluded: Vec::new(),
            critical: true,
        };
        assert_eq!(constraints_error(&with([255, 128, 0, 0])), None);
        assert_eq!(constraints_error(&with([0, 0, 0, 0])), None);
        assert!(constraints_error(&with([255, 0, 255, 0])).is_some());
        assert!(constraints_error(&with([254, 255, 0, 0])).is_some());
        assert!(constraints_error(&with([253, 0, 0, 0])).is_some());
    }
}
