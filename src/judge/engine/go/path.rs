//! `Certificate.Verify`: chains and what is checked along them (`verify.go`).

use super::constraints::check_names;
use super::host::verify_hostname;
use super::parse::{extensions, has_unhandled_critical_extension, has_unknown_key, parse_error};
use super::{Build, Error, MAX_SIGNATURE_CHECKS, Role};
use crate::judge::policy::{self, PolicyInputs};
use crate::judge::pool::CertId;
use crate::model::verdict::Category;
use crate::x509::key::KeyKind;
use crate::x509::signature::{Hash, SignatureAlgorithm, SignatureCheck};
use crate::x509::{Certificate, EncodingFault, usage};

impl Build<'_> {
    fn get(&self, id: CertId) -> &Certificate {
        self.case.pool.get(id)
    }

    /// `Certificate.Verify`: the leaf's own validity, its name, chains, then what counts for whole chains.
    pub(super) fn verify(&mut self, end_entity: CertId) -> Result<Vec<CertId>, Error> {
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
        if role == Role::Intermediate
            && !extensions(certificate).basic_constraints.as_ref().is_some_and(|constraints| constraints.ca)
        {
            let text = "x509: certificate is not authorized to sign other certificates";
            return Err(Error::invalid("NotAuthorizedToSign", Category::CaFlag, text));
        }
        let path_len = extensions(certificate).basic_constraints.as_ref().and_then(|constraints| constraints.path_len);
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
        let wanted = extensions(child).authority_key_id.as_ref().and_then(|authority| authority.key_id.as_deref());
        let rank = |&id: &CertId| match (extensions(self.get(id)).subject_key_id.as_deref(), wanted) {
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
                && extensions(known).subject_alt_name == extensions(candidate).subject_alt_name
        })
    }

    /// `CheckSignatureFrom`, `checkSignature`.
    fn check_signature_from(&self, child: CertId, parent: CertId) -> Result<(), String> {
        let (certificate, issuer) = (self.get(child), self.get(parent));
        let may_sign = match &extensions(issuer).basic_constraints {
            Some(constraints) => constraints.ca,
            None => issuer.version != 3,
        };
        let key_usage = extensions(issuer).key_usage.as_ref();
        if !may_sign || key_usage.is_some_and(|usage| usage.bits != 0 && !usage.allows(usage::KEY_CERT_SIGN)) {
            return Err("x509: invalid signature: parent certificate cannot sign this kind of certificate".to_owned());
        }
        let insecure = |name: &str| Err(format!("x509: cannot verify signature: insecure algorithm {name}"));
        let unimplemented = || Err("x509: cannot verify signature: algorithm unimplemented".to_owned());
        let wanted = match &certificate.signature_algorithm {
            SignatureAlgorithm::RsaPkcs1(Hash::Md5) => return insecure("MD5-RSA"),
            SignatureAlgorithm::RsaPkcs1(Hash::Sha1) => return insecure("SHA1-RSA"),
            SignatureAlgorithm::Ecdsa(Hash::Sha1) => return insecure("ECDSA-SHA1"),
            // `getSignatureAlgorithmFromAI`
            SignatureAlgorithm::RsaPss(_) if certificate.has_unusual_pss() => return unimplemented(),
            SignatureAlgorithm::RsaPkcs1(Hash::Sha256 | Hash::Sha384 | Hash::Sha512)
            | SignatureAlgorithm::RsaPss(Hash::Sha256 | Hash::Sha384 | Hash::Sha512) => "RSA",
            SignatureAlgorithm::Ecdsa(Hash::Sha256 | Hash::Sha384 | Hash::Sha512) => "ECDSA",
            SignatureAlgorithm::Ed25519 => "Ed25519",
            _ => return unimplemented(),
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
        // `RightAlign` shifts what has unused bits.
        if certificate.encoding_faults.contains(&EncodingFault::SignatureUnusedBits) {
            return Err(failure.to_owned());
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
            let purposes = extensions(self.get(id)).extended_key_usage.as_ref();
            purposes.is_none_or(|purposes| purposes.is_empty() || purposes.any || purposes.server_auth)
        })
    }

    /// `checkChainConstraints`: of every certificate above, the root included; names of the subject do not count.
    fn check_constraints(&mut self, chain: &[CertId]) -> Result<(), String> {
        for (position, &id) in chain.iter().enumerate() {
            let pool = self.case.pool;
            let Some(san) = &extensions(pool.get(id)).subject_alt_name else { continue };
            for &above in &chain[position + 1..] {
                let Some(constraints) = &extensions(pool.get(above)).name_constraints else { continue };
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
