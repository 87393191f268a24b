//! The path: checked as it was sent, or searched for.

use super::certificate::{
    anchor_error, check_basic_constraints, has_unrecognised_critical_extension, identifiers_match, weak_key,
};
use super::constraints::{names_allowed, narrow};
use super::encoding::{
    IO_EXCEPTION, brainpool_curve, ecdsa_value_error, is_signed_part_rewritten, key_usage, may_sign, path_limit,
};
use super::text::{java_date, java_name, same_name};
use super::{
    Crash, MAX_PATH_LENGTH, MAX_STEPS, Outcome, PathError, Stop, VALIDATOR_EXCEPTION, Validator, path_failure,
    simple_name, wrap,
};
use crate::judge::anchors::AnchorKind;
use crate::judge::policy::{self, PolicyFault, PolicyInputs};
use crate::judge::pool::CertId;
use crate::model::verdict::Category;
use crate::x509::key::{Curve, KeyKind};
use crate::x509::signature::{Hash, SignatureAlgorithm, SignatureCheck};
use crate::x509::{Certificate, NameConstraints};

impl Validator<'_> {
    fn get(&self, id: CertId) -> &Certificate {
        self.case.pool.get(id)
    }

    fn anchors(&self) -> impl Iterator<Item = CertId> + '_ {
        self.case.pool.ids().filter(|&id| self.case.is_anchor(id).is_some())
    }

    /// `PKIXValidator.engineValidate`. The result ends with the trust anchor.
    pub(super) fn validate(&mut self) -> Result<Vec<CertId>, Outcome> {
        let chain = self.case.served;
        for (position, &id) in chain.iter().enumerate() {
            if position > 0 && !same_name(&self.get(id).subject, &self.get(chain[position - 1]).issuer) {
                return self.build();
            }
            // Trusted itself, or of the name and key of something trusted (a root re-signed with another hash).
            let is_trusted = self.case.is_anchor(id).is_some()
                || self.anchors().any(|anchor| {
                    self.get(anchor).spki() == self.get(id).spki()
                        && same_name(&self.get(anchor).subject, &self.get(id).subject)
                });
            if is_trusted {
                return if position == 0 { Ok(vec![id]) } else { self.validate_path(&chain[..position]) };
            }
        }
        let last_issuer = chain.last().map(|&id| &self.get(id).issuer);
        let leads_to_anchor =
            last_issuer.is_some_and(|issuer| self.anchors().any(|anchor| same_name(&self.get(anchor).subject, issuer)));
        if leads_to_anchor { self.validate_path(chain) } else { self.build() }
    }

    /// `doValidate`, `PKIXCertPathValidator.engineValidate`: every anchor of the right name is tried.
    fn validate_path(&mut self, path: &[CertId]) -> Result<Vec<CertId>, Outcome> {
        let refuse = |thrown| Outcome::Refused { thrown, path: path.to_vec() };
        let top = path[path.len() - 1];
        let mut last = PathError::new(
            "NO_TRUST_ANCHOR",
            Category::UnknownIssuer,
            "Path does not chain with any of the trust anchors",
        );
        let anchors: Vec<CertId> = self.anchors().collect();
        for anchor in anchors {
            let matches = same_name(&self.get(anchor).subject, &self.get(top).issuer)
                && identifiers_match(self.get(anchor), self.get(top));
            if !matches {
                continue;
            }
            match self.check_path(path, anchor) {
                Ok(()) => {
                    // toArray: the anchor must be a CA, and is looked at only now.
                    if let Some((message, category)) = anchor_error(self.get(anchor)) {
                        let code = format!("ValidatorException: {message}");
                        let thrown =
                            wrap("validation", VALIDATOR_EXCEPTION, &message, code, category, "certificate_unknown");
                        return Err(refuse(thrown));
                    }
                    self.names_were_constrained =
                        path[1..].iter().any(|&id| self.get(id).extensions.name_constraints.is_some());
                    let mut whole = path.to_vec();
                    whole.push(anchor);
                    return Ok(whole);
                }
                Err(Stop::Path(error)) => last = error,
                Err(Stop::Crash(what)) => return Err(Outcome::Crashed(what)),
                Err(Stop::Undecided) => return Err(Outcome::Undecided),
            }
        }
        Err(refuse(path_failure(last)))
    }

    /// `PKIXMasterCertPathValidator.validate`: from the anchor's side down, every checker on each certificate. Of the anchor
    /// only name and key count: neither its dates nor its constraints.
    fn check_path(&self, path: &[CertId], anchor: CertId) -> Result<(), Stop> {
        let mut remaining = path.len();
        let mut constraints: Vec<&NameConstraints> = Vec::new();
        let mut permitted: Vec<&str> = Vec::new();
        let policies = self.policy_error(path);
        for position in (0..path.len()).rev() {
            let certificate = self.get(path[position]);
            let issuer = path.get(position + 1).copied().unwrap_or(anchor);
            self.check_algorithms(certificate, anchor, position + 1 == path.len())?;
            if position > 0 {
                if !may_sign(certificate) {
                    let message = "CA key usage check failed: keyCertSign bit is not set";
                    return Err(PathError::new("INVALID_KEY_USAGE", Category::Usage, message).into());
                }
                check_basic_constraints(certificate, position + 1 == path.len(), &mut remaining)?;
            }
            if position == 0 || !same_name(&certificate.subject, &certificate.issuer) {
                for constraints in &constraints {
                    if !names_allowed(certificate, constraints)? {
                        let message = "name constraints check failed";
                        return Err(PathError::new("INVALID_NAME", Category::NameConstraints, message).into());
                    }
                }
            }
            if let Some(added) = &certificate.extensions.name_constraints {
                narrow(&mut permitted, added).map_err(Stop::Crash)?;
                constraints.push(added);
            }
            if let Some((_, message)) = policies.as_ref().filter(|(at, _)| *at == position) {
                return Err(PathError::new("INVALID_POLICY", Category::Invalid, *message).into());
            }
            self.check_validity(certificate)?;
            if !same_name(&certificate.issuer, &self.get(issuer).subject) {
                let message = "subject/issuer name chaining check failed";
                return Err(PathError::new("NAME_CHAINING", Category::UnknownIssuer, message).into());
            }
            self.check_signature(path[position], issuer)?;
            self.check_scheme(certificate)?;
            if has_unrecognised_critical_extension(certificate) {
                let message = "unrecognized critical extension(s)";
                return Err(PathError::new("UNRECOGNIZED_CRIT_EXT", Category::CriticalExtension, message).into());
            }
        }
        Ok(())
    }

    /// `PolicyChecker` with the default parameters: any policy will do, qualifiers of critical policies are refused. The
    /// position of the certificate it stops at, and its message.
    fn policy_error(&self, path: &[CertId]) -> Option<(usize, &'static str)> {
        /// certificatePolicies
        const POLICIES: &str = "2.5.29.32";
        let has_critical_qualifiers = |&id: &CertId| {
            let extensions = &self.get(id).extensions;
            !extensions.policy_qualifiers.is_empty() && extensions.critical.iter().any(|oid| &**oid == POLICIES)
        };
        let qualifiers = path.iter().rposition(has_critical_qualifiers);
        let qualifiers = qualifiers.map(|position| (position, "critical policy qualifiers present in certificate"));
        let down: Vec<&Certificate> = path.iter().rev().map(|&id| self.get(id)).collect();
        let policy = policy::check(&down, &PolicyInputs::default()).err().map(|(from_top, fault)| {
            let message = match fault {
                PolicyFault::NoValidPolicy => "non-null policy tree required and policy tree is null",
                PolicyFault::MapsAny => "encountered an issuerDomainPolicy of ANY_POLICY",
            };
            (path.len() - 1 - from_top, message)
        });
        qualifiers.into_iter().chain(policy).max_by_key(|(position, _)| *position)
    }

    /// `AlgorithmChecker` with `jdk.certpath.disabledAlgorithms`: MD2 and MD5 never, SHA-1 not under the JDK's own anchors.
    fn check_algorithms(
        &self,
        certificate: &Certificate,
        anchor: CertId,
        is_below_anchor: bool,
    ) -> Result<(), PathError> {
        let constrained = |message: String, alert| {
            Err(PathError { alert, ..PathError::new("ALGORITHM_CONSTRAINED", Category::Algorithm, message) })
        };
        let broken = match &certificate.signature_algorithm {
            SignatureAlgorithm::RsaPkcs1(Hash::Md5) => Some("MD5withRSA"),
            SignatureAlgorithm::Other(oid) if &**oid == "1.2.840.113549.1.1.2" => Some("MD2withRSA"),
            _ => None,
        };
        if let Some(name) = broken {
            let message = format!("Algorithm constraints check failed on signature algorithm: {name}");
            return constrained(message, "bad_certificate");
        }
        if key_usage(certificate).is_some_and(|bits| bits & 0x7f == 0) {
            // encipherOnly and decipherOnly alone allow nothing.
            let message = "incorrect KeyUsage extension bits";
            return Err(PathError::new("INVALID_KEY_USAGE", Category::Usage, message));
        }
        if certificate.signature_algorithm.hash() == Some(Hash::Sha1)
            && self.case.is_anchor(anchor) == Some(AnchorKind::Public)
        {
            let message = format!(
                "Usage constraint TLSServer check failed: SHA1 used with certificate: {}",
                java_name(&certificate.subject)
            );
            return constrained(message, "unsupported_certificate");
        }
        if let Some(what) = weak_key(certificate) {
            let subject = java_name(&certificate.subject);
            return constrained(
                format!("Algorithm constraints check failed on {what} used with certificate: {subject}"),
                "unsupported_certificate",
            );
        }
        // The anchor's own signature does not count, but its key does, as that of the issuer.
        if is_below_anchor && weak_key(self.get(anchor)).is_some() {
            let message = format!(
                "Algorithm constraints check failed on signature algorithm: {}",
                certificate.signature_algorithm
            );
            return constrained(message, "bad_certificate");
        }
        Ok(())
    }

    /// `BasicChecker.verifyValidity`, `CertificateValidity.valid`.
    fn check_validity(&self, certificate: &Certificate) -> Result<(), PathError> {
        let (reason, category, class, text, alert) = if self.case.at < certificate.not_before {
            let text = format!("NotBefore: {}", java_date(certificate.not_before));
            let class = "java.security.cert.CertificateNotYetValidException";
            ("NOT_YET_VALID", Category::NotYetValid, class, text, "bad_certificate")
        } else if self.case.at > certificate.not_after {
            let text = format!("NotAfter: {}", java_date(certificate.not_after));
            let class = "java.security.cert.CertificateExpiredException";
            ("EXPIRED", Category::Expired, class, text, "certificate_expired")
        } else {
            return Ok(());
        };
        let error = PathError::new(reason, category, "validity check failed");
        Err(PathError { causes: vec![(class, text)], alert, ..error })
    }

    /// `BasicChecker.verifySignature`, `X509CertImpl.verify`. SunEC has P-256, P-384 and P-521 only since JDK 16.
    fn check_signature(&self, child: CertId, issuer: CertId) -> Result<(), PathError> {
        let (certificate, owner) = (self.get(child), self.get(issuer));
        let error = || PathError::new("INVALID_SIGNATURE", Category::BadSignature, "signature check failed");
        if let SignatureAlgorithm::Other(oid) = &certificate.signature_algorithm
            && algorithm_name(oid).is_none()
        {
            let cause = ("java.security.NoSuchAlgorithmException", format!("{oid} Signature not available"));
            return Err(PathError { causes: vec![cause], category: Category::Algorithm, ..error() });
        }
        let signature = |text: String| ("java.security.SignatureException", text);
        let is_ecdsa = matches!(certificate.signature_algorithm, SignatureAlgorithm::Ecdsa(_));
        let causes = if let (true, KeyKind::Ec(_), Some(text)) = (is_ecdsa, &owner.key, ecdsa_value_error(certificate))
        {
            let text = text.to_owned();
            match &*text {
                // Thrown as SignatureException's own, and caught as its cause.
                INVALID_ENCODING => vec![signature(text.clone()), (IO_EXCEPTION, text)],
                _ => vec![signature(INVALID_ENCODING.to_owned()), (IO_EXCEPTION, text)],
            }
        } else if let Some(curve) = unsupported_curve(owner) {
            vec![signature(format!("Curve not supported: {curve}"))]
        } else {
            // What our library cannot compute (SHA-224, Ed448, an unusual salt), Java can. Nor does RSASignature mind that a key
            // is for RSASSA-PSS only.
            let is_computed = !certificate.has_unusual_pss()
                && !matches!(
                    (&certificate.signature_algorithm, &owner.key),
                    (SignatureAlgorithm::RsaPkcs1(_), KeyKind::Rsa { pss: true, .. })
                );
            let is_wrong = is_computed && self.case.pool.signature(child, issuer) == SignatureCheck::Invalid;
            if !is_wrong && !is_signed_part_rewritten(certificate) {
                return Ok(());
            }
            vec![signature("Signature does not match.".to_owned())]
        };
        Err(PathError { causes, alert: "bad_certificate", ..error() })
    }

    /// `AlgorithmChecker` with the `SSLAlgorithmConstraints` of the handshake, which PKIXValidator adds as the last of the
    /// checkers: what made the signature must be among the schemes for certificates. SHA-224 and DSA went with TLS 1.2
    /// (`SignatureScheme`), so that they pass where the version is not known.
    fn check_scheme(&self, certificate: &Certificate) -> Result<(), PathError> {
        let is_tls13 = self.case.tls.is_some_and(|tls| tls.version.as_deref() == Some("1.3"));
        let (name, is_offered_in_tls12) = match &certificate.signature_algorithm {
            SignatureAlgorithm::RsaPkcs1(Hash::Sha224) => ("SHA224withRSA", true),
            SignatureAlgorithm::Ecdsa(Hash::Sha224) => ("SHA224withECDSA", true),
            SignatureAlgorithm::Other(oid) => match algorithm_name(oid) {
                Some(name) => (name, ["SHA1withDSA", "SHA224withDSA", "SHA256withDSA"].contains(&name)),
                None => return Ok(()),
            },
            _ => return Ok(()),
        };
        if !is_tls13 && is_offered_in_tls12 {
            return Ok(());
        }
        let message = format!("Algorithm constraints check failed on signature algorithm: {name}");
        let error = PathError::new("ALGORITHM_CONSTRAINED", Category::Algorithm, message);
        Err(PathError { alert: "unsupported_certificate", ..error })
    }

    /// `doBuild`, `SunCertPathBuilder`. Whatever is wrong on the way, the answer of a search that fails is one.
    fn build(&mut self) -> Result<Vec<CertId>, Outcome> {
        let end_entity = self.case.served[0];
        let certificate = self.get(end_entity);
        let is_target = self.check_validity(certificate).is_ok() && !has_unrecognised_critical_extension(certificate);
        let mut path = vec![end_entity];
        let mut found = if is_target { self.search(&mut path, 0) } else { Ok(false) };
        if is_target && self.fetches && matches!(found, Ok(false)) {
            (self.searches_all, self.asks_for_dates) = (true, false);
            found = self.search(&mut path, 0);
        }
        match found {
            Ok(true) => {
                if let Some((message, category)) = path.last().and_then(|&anchor| anchor_error(self.get(anchor))) {
                    let code = format!("ValidatorException: {message}");
                    let thrown = wrap("building", VALIDATOR_EXCEPTION, &message, code, category, "certificate_unknown");
                    return Err(Outcome::Refused { thrown, path });
                }
                Ok(path)
            }
            Ok(false) => {
                let class = "sun.security.provider.certpath.SunCertPathBuilderException";
                let message = "unable to find valid certification path to requested target";
                let code = format!("{}: {message}", simple_name(class));
                let thrown = wrap("building", class, message, code, Category::UnknownIssuer, "certificate_unknown");
                Err(Outcome::Refused { thrown, path })
            }
            Err(Some(crash)) => Err(Outcome::Crashed(crash)),
            Err(None) => Err(Outcome::Undecided),
        }
    }

    /// `depthFirstSearchForward` and `ForwardBuilder.getMatchingCACerts`: anchors of the right name hide everything else of
    /// that name, and served certificates everything fetched, until a second attempt. `traversed` counts CA certificates that
    /// are not self-issued.
    fn search(&mut self, path: &mut Vec<CertId>, traversed: usize) -> Result<bool, Option<&'static Crash>> {
        let child = path[path.len() - 1];
        let is_asked = |id: CertId| !self.asks_for_dates || self.check_validity(self.get(id)).is_ok();
        let anchors = self.anchors().filter(|&anchor| self.could_issue(anchor, child) && is_asked(anchor));
        let anchors: Vec<CertId> = anchors.collect();
        if !anchors.is_empty() {
            for anchor in anchors {
                self.step()?;
                let fits = !path.contains(&anchor) && self.check_signature(child, anchor).is_ok();
                let strong = |&id: &CertId| {
                    let certificate = self.get(id);
                    self.check_algorithms(certificate, anchor, id == child).is_ok()
                        && self.check_scheme(certificate).is_ok()
                };
                if fits && path.iter().all(strong) && self.policy_error(path).is_none() {
                    path.push(anchor);
                    return Ok(true);
                }
            }
            if !self.searches_all {
                return Ok(false);
            }
        }
        // `getMatchingCACerts` sets the date on a selector that it keeps: the anchors of the next look-ups are asked too.
        self.asks_for_dates = true;
        if traversed >= MAX_PATH_LENGTH {
            return Ok(false);
        }
        let mut seen = Vec::new();
        for candidate in self.candidates(child) {
            if seen.contains(&candidate) || path.contains(&candidate) || !self.could_issue(candidate, child) {
                continue;
            }
            seen.push(candidate);
            self.step()?;
            let certificate = self.get(candidate);
            let fits = self.check_validity(certificate).is_ok()
                && certificate.version == 3
                && path_limit(certificate).is_some_and(|limit| limit >= traversed)
                && self.names_allowed_by(candidate, path)?
                && !has_unrecognised_critical_extension(certificate)
                && may_sign(certificate)
                && self.check_signature(child, candidate).is_ok();
            if !fits {
                continue;
            }
            let is_self_issued = same_name(&certificate.subject, &certificate.issuer);
            path.push(candidate);
            if self.search(path, traversed + usize::from(!is_self_issued))? {
                return Ok(true);
            }
            path.pop();
        }
        Ok(false)
    }

    /// The peer's certificates, then those fetched from `child`'s AIA (`ForwardBuilder.getCerts`).
    fn candidates(&self, child: CertId) -> Vec<CertId> {
        let mut candidates = self.case.served.to_vec();
        let is_hidden = !self.searches_all
            && candidates.iter().any(|&id| self.could_issue(id, child) && self.check_validity(self.get(id)).is_ok());
        if self.fetches && !is_hidden {
            let fetched = self.case.pool.issuer_candidates(child).filter(|&id| self.case.pool.origin(id).fetched);
            candidates.extend(fetched);
        }
        candidates
    }

    fn step(&mut self) -> Result<(), Option<&'static Crash>> {
        self.steps += 1;
        if self.steps > MAX_STEPS { Err(None) } else { Ok(()) }
    }

    /// `AdaptableX509CertSelector` of a search, which sets no key identifier there: the name; an anchor of an old version must
    /// have been valid all its child's life.
    fn could_issue(&self, candidate: CertId, child: CertId) -> bool {
        let (issuer, child) = (self.get(candidate), self.get(child));
        let spans =
            issuer.version == 3 || (issuer.not_before <= child.not_before && child.not_after <= issuer.not_after);
        same_name(&issuer.subject, &child.issuer) && spans
    }

    /// The candidate's name constraints against every name below. An anchor's are not applied in a search either.
    fn names_allowed_by(&self, candidate: CertId, path: &[CertId]) -> Result<bool, Option<&'static Crash>> {
        let Some(constraints) = &self.get(candidate).extensions.name_constraints else { return Ok(true) };
        for (position, &id) in path.iter().enumerate() {
            let certificate = self.get(id);
            if position > 0 && same_name(&certificate.subject, &certificate.issuer) {
                continue;
            }
            match names_allowed(certificate, constraints) {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(Stop::Crash(what)) => return Err(Some(what)),
                Err(Stop::Undecided) => return Err(None),
                Err(Stop::Path(_)) => return Ok(false),
            }
        }
        Ok(true)
    }
}

const INVALID_ENCODING: &str = "Invalid encoding for signature";

/// `ECDSAOperations.forParameters` has none for it.
fn unsupported_curve(owner: &Certificate) -> Option<String> {
    match &owner.key {
        KeyKind::Ec(Curve::P224) => Some("secp224r1 [NIST P-224] (1.3.132.0.33)".to_owned()),
        KeyKind::Ec(Curve::Secp256k1) => Some("secp256k1 (1.3.132.0.10)".to_owned()),
        KeyKind::Ec(Curve::Other) => brainpool_curve(owner),
        _ => None,
    }
}

/// The name of a signature algorithm that we know by its OID only and `KnownOIDs` has.
fn algorithm_name(oid: &str) -> Option<&'static str> {
    Some(match oid {
        "1.2.840.113549.1.1.2" => "MD2withRSA",
        "1.2.840.113549.1.1.10" => "RSASSA-PSS",
        "1.2.840.113549.1.1.15" => "SHA512/224withRSA",
        "1.2.840.113549.1.1.16" => "SHA512/256withRSA",
        "1.2.840.10040.4.3" => "SHA1withDSA",
        "2.16.840.1.101.3.4.3.1" => "SHA224withDSA",
        "2.16.840.1.101.3.4.3.2" => "SHA256withDSA",
        "2.16.840.1.101.3.4.3.3" => "SHA384withDSA",
        "2.16.840.1.101.3.4.3.4" => "SHA512withDSA",
        "2.16.840.1.101.3.4.3.5" => "SHA3-224withDSA",
        "2.16.840.1.101.3.4.3.6" => "SHA3-256withDSA",
        "2.16.840.1.101.3.4.3.7" => "SHA3-384withDSA",
        "2.16.840.1.101.3.4.3.8" => "SHA3-512withDSA",
        "2.16.840.1.101.3.4.3.9" => "SHA3-224withECDSA",
        "2.16.840.1.101.3.4.3.10" => "SHA3-256withECDSA",
        "2.16.840.1.101.3.4.3.11" => "SHA3-384withECDSA",
        "2.16.840.1.101.3.4.3.12" => "SHA3-512withECDSA",
        "2.16.840.1.101.3.4.3.13" => "SHA3-224withRSA",
        "2.16.840.1.101.3.4.3.14" => "SHA3-256withRSA",
        "2.16.840.1.101.3.4.3.15" => "SHA3-384withRSA",
        "2.16.840.1.101.3.4.3.16" => "SHA3-512withRSA",
        _ => return None,
    })
}
