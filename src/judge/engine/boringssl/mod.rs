//! BoringSSL's `X509_verify_cert`, which Bun uses: OpenSSL as it was in 2015, with later repairs.
//!
//! Rules: BoringSSL `crypto/x509/x509_vfy.cc`, `v3_purp.cc`, `x509_lu.cc`, `v3_ncons.cc`, `policy.cc`, `x_x509.cc`. Bun makes
//! up for some of what OpenSSL does besides; where 1.4.5 was measured to do so, it is said. Its callback lets every fault
//! pass, so the last one is the verification's result.

mod constraints;
mod parse;
mod policy;

use super::openssl::constraints::looks_like_dns;
use super::openssl::{self, VerifyError};
use crate::judge::case::Case;
use crate::judge::pool::CertId;
use crate::model::verdict::Category;
use crate::x509::key::{Curve, KeyKind};
use crate::x509::signature::{Hash, SignatureAlgorithm, SignatureCheck};
use crate::x509::{Certificate, EncodingFault, usage};
use parse::extensions_decode;
pub use parse::parses;

/// Default depth of 100, with end entity and anchor (`X509_verify_cert`).
const MAX_CHAIN: usize = 102;

/// The outcome of `X509_verify_cert`.
#[derive(Debug)]
pub struct Outcome {
    /// The chain as far as it was built.
    pub chain: Vec<CertId>,
    pub result: Result<(), Refusal>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The last fault that was met.
    Fault(VerifyError),
    /// An extension does not decode (`X509_V_ERR_INVALID_EXTENSION`): no callback is asked, the handshake ends.
    Aborted,
}

const INVALID_POLICY: VerifyError = VerifyError {
    number: 42,
    name: "X509_V_ERR_INVALID_POLICY_EXTENSION",
    text: "invalid or inconsistent certificate policy extension",
    category: Category::Invalid,
};
const NO_EXPLICIT_POLICY: VerifyError = VerifyError {
    number: 43,
    name: "X509_V_ERR_NO_EXPLICIT_POLICY",
    text: "no explicit policy",
    category: Category::Invalid,
};

/// `X509_supported_extension`: those that may be critical.
const SUPPORTED: &[&str] = &[
    "2.5.29.15",
    "2.5.29.17",
    "2.5.29.19",
    "2.5.29.30",
    "2.5.29.32",
    "2.5.29.33",
    "2.5.29.36",
    "2.5.29.37",
    "2.5.29.54",
];

/// With `X509_V_FLAG_TRUSTED_FIRST`, the default. A chain through certificates of the store that are out of their dates is
/// given up for one without them, where that one has no fault (measured).
pub fn verify(case: &Case<'_>, end_entity: CertId) -> Outcome {
    let first = attempt(case, end_entity, Store::Whole);
    if first.result.is_ok() || uses_current_anchors(case, &first.chain) {
        return first;
    }
    let second = attempt(case, end_entity, Store::Current);
    if second.result.is_ok() { second } else { first }
}

/// The store's certificates in `chain` are within their dates.
fn uses_current_anchors(case: &Case<'_>, chain: &[CertId]) -> bool {
    let is_current = |id: CertId| openssl::time_faults(case.pool.get(id), case.at) == [None, None];
    chain.iter().all(|&id| case.is_anchor(id).is_none() || is_current(id))
}

/// Which of the store's certificates are asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Store {
    Whole,
    /// Those within their dates.
    Current,
}

fn attempt(case: &Case<'_>, end_entity: CertId, store: Store) -> Outcome {
    let mut verification =
        Verification { case, store, chain: vec![end_entity], untrusted_in_chain: 1, last_fault: None };
    if verification.build_chain().is_none() {
        return Outcome { chain: verification.chain, result: Err(Refusal::Aborted) };
    }
    let built = verification.last_fault;
    verification.check_extensions();
    verification.check_signatures_and_times();
    verification.check_name_constraints();
    if built.is_none() && uses_current_anchors(case, &verification.chain) {
        verification.check_policies();
    }
    if verification.last_fault == built {
        verification.check_trusted();
    }
    let result = verification.last_fault.map_or(Ok(()), |error| Err(Refusal::Fault(error)));
    Outcome { chain: verification.chain, result }
}

struct Verification<'a> {
    case: &'a Case<'a>,
    store: Store,
    chain: Vec<CertId>,
    /// How many at the start of the chain come from the peer.
    untrusted_in_chain: usize,
    last_fault: Option<VerifyError>,
}

impl<'a> Verification<'a> {
    fn get(&self, id: CertId) -> &'a Certificate {
        self.case.pool.get(id)
    }

    fn fault(&mut self, error: VerifyError) {
        self.last_fault = Some(error);
    }

    /// `X509_verify_cert`: the peer's certificates as long as no trusted issuer is known, then the store's. `None`: an
    /// extension does not decode.
    fn build_chain(&mut self) -> Option<()> {
        let mut untrusted = self.case.served.to_vec();
        let mut last = self.chain[0];
        // Whatever its keyUsage says (measured): X509_check_issued alone would not take it as its own issuer.
        if self.get(last).is_self_issued() && self.case.is_anchor(last).is_some() {
            self.untrusted_in_chain = 0;
            return Some(());
        }
        while self.chain.len() < MAX_CHAIN && !self.is_self_signed(last)? && self.trusted_issuer(last).is_none() {
            let Some(position) = untrusted.iter().position(|&id| self.issued(id, last)) else { break };
            last = untrusted.remove(position);
            self.chain.push(last);
            self.untrusted_in_chain += 1;
        }
        let mut self_signed = None;
        if self.is_self_signed(last)? {
            if self.chain.len() == 1 {
                self.fault(openssl::SELF_SIGNED_LEAF);
                return Some(());
            }
            self_signed = self.chain.pop();
            self.untrusted_in_chain -= 1;
            last = self.chain[self.chain.len() - 1];
        }
        while self.chain.len() < MAX_CHAIN && !self.is_self_signed(last)? {
            let Some(issuer) = self.trusted_issuer(last) else { break };
            last = issuer;
            self.chain.push(last);
        }
        // check_trust: a self-signed certificate of the store ends a chain.
        let mut is_trusted = false;
        for &id in &self.chain[self.untrusted_in_chain..] {
            is_trusted |= self.is_self_signed(id)?;
        }
        match self_signed {
            _ if is_trusted => {}
            Some(root) if self.issued(root, last) => {
                self.chain.push(root);
                self.untrusted_in_chain = self.chain.len();
                self.fault(openssl::SELF_SIGNED_IN_CHAIN);
            }
            _ if self.untrusted_in_chain >= self.chain.len() => self.fault(openssl::NO_LOCAL_ISSUER),
            _ => self.fault(openssl::NO_ISSUER),
        }
        Some(())
    }

    /// `X509_STORE_CTX_get1_issuer`: the first of the store that fits. Of several the order is the store's own, which
    /// is not that of the file and not known here.
    fn trusted_issuer(&self, of: CertId) -> Option<CertId> {
        let named = self.case.pool.named(self.get(of).issuer.normalised()).iter().copied();
        let is_asked = |id: &CertId| {
            self.store == Store::Whole || openssl::time_faults(self.get(*id), self.case.at) == [None, None]
        };
        named.filter(|&id| self.case.is_anchor(id).is_some()).filter(is_asked).find(|&id| self.issued(id, of))
    }

    /// `X509_check_issued`: name, key identifiers and keyCertSign; not the kind of key.
    fn issued(&self, issuer: CertId, subject: CertId) -> bool {
        let (issuer, subject) = (self.get(issuer), self.get(subject));
        issuer.subject.is_equal_in_ascii(&subject.issuer)
            && extensions_decode(issuer)
            && extensions_decode(subject)
            && openssl::identifiers_fit(issuer, subject)
            && may_sign(issuer)
    }

    /// `EXFLAG_SS`.
    fn is_self_signed(&self, id: CertId) -> Option<bool> {
        let certificate = self.get(id);
        extensions_decode(certificate).then(|| {
            certificate.is_self_issued() && openssl::identifiers_fit(certificate, certificate) && may_sign(certificate)
        })
    }

    /// `check_chain_extensions`.
    fn check_extensions(&mut self) {
        let mut intermediates = 0;
        for position in 0..self.chain.len() {
            let certificate = self.get(self.chain[position]);
            let from_peer = position < self.untrusted_in_chain;
            if from_peer && has_unhandled_critical(certificate) {
                self.fault(openssl::UNHANDLED_CRITICAL);
            }
            let lacks_ca = position > 0 && from_peer && !self.is_ca(self.chain[position]);
            if lacks_ca {
                self.fault(openssl::INVALID_CA);
            }
            if from_peer && (lacks_ca || !has_server_purpose(certificate, position > 0)) {
                self.fault(openssl::INVALID_PURPOSE);
            }
            let constraints = certificate.extensions.basic_constraints.as_ref();
            let path_len = constraints.and_then(|constraints| constraints.path_len);
            // Those of the store count too (measured).
            if position > 1 && path_len.is_some_and(|allowed| intermediates > allowed) {
                self.fault(openssl::PATH_TOO_LONG);
            }
            if position > 0 && !certificate.is_self_issued() {
                intermediates += 1;
            }
        }
    }

    /// What Bun asks of the store's certificates where those of the peer are in order, and BoringSSL does not (measured):
    /// critical extensions, CA flag (a root may do without basicConstraints), purpose, dates.
    fn check_trusted(&mut self) {
        for position in self.untrusted_in_chain..self.chain.len() {
            let (id, certificate) = (self.chain[position], self.get(self.chain[position]));
            if has_unhandled_critical(certificate) {
                self.fault(openssl::UNHANDLED_CRITICAL);
            }
            let is_root = certificate.extensions.basic_constraints.is_none() && self.is_self_signed(id) == Some(true);
            let lacks_ca = position > 0 && !is_root && !self.is_ca(id);
            if lacks_ca || !has_server_purpose(certificate, position > 0) {
                self.fault(openssl::INVALID_PURPOSE);
            }
            for error in openssl::time_faults(certificate, self.case.at).into_iter().flatten() {
                self.fault(error);
            }
        }
    }

    /// `check_ca` of `v3_purp.cc`: self-signed v1 certificates, and what basicConstraints calls a CA.
    fn is_ca(&self, id: CertId) -> bool {
        let certificate = self.get(id);
        let is_v1_root = certificate.version == 1 && self.is_self_signed(id) == Some(true);
        may_sign(certificate) && (is_v1_root || certificate.is_ca())
    }

    /// `internal_verify`. A lone certificate without issuer has its dates looked at too (measured).
    fn check_signatures_and_times(&mut self) {
        let top = self.chain.len() - 1;
        let skips_top = !self.issued(self.chain[top], self.chain[top]);
        if skips_top && top == 0 && self.untrusted_in_chain > 0 {
            self.fault(openssl::LEAF_UNVERIFIED);
        }
        for position in (0..=top).rev() {
            let subject = self.chain[position];
            if let Some(&issuer) = self.chain.get(position + 1) {
                match self.signature(subject, issuer) {
                    Signature::Right => {}
                    Signature::Wrong => self.fault(openssl::SIGNATURE_FAILURE),
                    Signature::KeyUnreadable => self.fault(openssl::ISSUER_KEY_UNREADABLE),
                }
            } else if skips_top && top > 0 {
                continue;
            }
            // Those of the store come last (`check_trusted`).
            let from_peer = position < self.untrusted_in_chain;
            let faults = openssl::time_faults(self.get(subject), self.case.at).into_iter().flatten();
            faults.filter(|_| from_peer).for_each(|error| self.fault(error));
        }
    }

    /// `X509_verify`: MD5 and Ed448 are unknown to it; secp256k1 and brainpool keys unreadable, and RSA keys for PSS
    /// alone or whose parameters are not NULL (`evp/p_rsa_asn1.cc`).
    fn signature(&self, subject: CertId, issuer: CertId) -> Signature {
        let certificate = self.get(subject);
        let issuer_certificate = self.get(issuer);
        let unreadable = match issuer_certificate.key {
            KeyKind::Ec(Curve::Secp256k1 | Curve::Other) | KeyKind::Ed448 | KeyKind::Other(_) => true,
            KeyKind::Rsa { pss, .. } => pss || !issuer_certificate.key_algorithm_encoding().ends_with(&[5, 0]),
            _ => false,
        };
        if unreadable {
            return Signature::KeyUnreadable;
        }
        let unknown = match &certificate.signature_algorithm {
            SignatureAlgorithm::Ed448 | SignatureAlgorithm::Other(_) => true,
            // `x509_rsa_ctx_to_pss`: the hashes of TLS 1.3, each with a salt of its length.
            SignatureAlgorithm::RsaPss(hash) => {
                !matches!(hash, Hash::Sha256 | Hash::Sha384 | Hash::Sha512) || certificate.has_unusual_pss()
            }
            other => other.hash() == Some(Hash::Md5),
        };
        if unknown
            || !certificate.algorithms_agree
            || certificate.encoding_faults.contains(&EncodingFault::SignatureUnusedBits)
            || self.case.pool.signature(subject, issuer) == SignatureCheck::Invalid
        {
            return Signature::Wrong;
        }
        Signature::Right
    }

    /// `check_name_constraints`: the common name is not compared, but must not look like a host where the SAN is missing.
    fn check_name_constraints(&mut self) {
        let mut constrained = false;
        for position in (0..self.chain.len()).rev() {
            let certificate = self.get(self.chain[position]);
            if position > 0 && certificate.is_self_issued() {
                continue;
            }
            for above in (position + 1..self.chain.len()).rev() {
                let Some(constraints) = &self.get(self.chain[above]).extensions.name_constraints else { continue };
                constrained = true;
                if let Err(error) = constraints::check_names(certificate, constraints) {
                    self.fault(error);
                }
            }
        }
        let end_entity = self.get(self.chain[0]);
        let names_a_host = || {
            let attributes = end_entity.subject.attributes();
            attributes.iter().any(|name| &*name.oid == "2.5.4.3" && looks_like_dns(&name.text))
        };
        if constrained && end_entity.extensions.subject_alt_name.is_none() && names_a_host() {
            self.fault(openssl::NAMES_ONLY_IN_SUBJECT);
        }
    }

    /// `check_policy`: of all but the last certificate.
    fn check_policies(&mut self) {
        let (pool, last) = (self.case.pool, self.chain.len() - 1);
        let below: Vec<&Certificate> = self.chain[..last].iter().rev().map(|&id| pool.get(id)).collect();
        if let Err(error) = policy::check(&below) {
            self.fault(error);
        }
    }
}

fn has_unhandled_critical(certificate: &Certificate) -> bool {
    certificate.extensions.critical.iter().any(|oid| !SUPPORTED.contains(&&**oid))
}

enum Signature {
    Right,
    Wrong,
    KeyUnreadable,
}

/// `ku_reject(x, KU_KEY_CERT_SIGN)`.
fn may_sign(certificate: &Certificate) -> bool {
    certificate.extensions.key_usage.as_ref().is_none_or(|key_usage| key_usage.allows(usage::KEY_CERT_SIGN))
}

/// `check_purpose_ssl_server`: serverAuth, no step-up purposes.
fn has_server_purpose(certificate: &Certificate, as_ca: bool) -> bool {
    let tls = usage::DIGITAL_SIGNATURE | usage::KEY_ENCIPHERMENT | usage::KEY_AGREEMENT;
    certificate.extensions.extended_key_usage.as_ref().is_none_or(|purposes| purposes.server_auth)
        && (as_ca || certificate.extensions.key_usage.as_ref().is_none_or(|key_usage| key_usage.allows(tls)))
}
