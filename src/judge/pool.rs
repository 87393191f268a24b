//! Every certificate known while judging one target: interned, with where it came from, and a memo of signatures.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::anchors::AnchorKind;
use super::memo::Signatures;
use super::stores::StoreSet;
use crate::x509::signature::SignatureCheck;
use crate::x509::{Certificate, Fingerprint};

/// A certificate of a [`Pool`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CertId(u32);

/// Where a certificate came from; it can be several places.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Origin {
    /// Fetched from a `caIssuers` address.
    pub fetched: bool,
    /// The same, in a form that Chromium reads.
    pub fetched_by_chromium: bool,
    /// At hand for the diagnosis and for a bundle, but no client can get it from there: an earlier day's fetch.
    pub cached: bool,
    /// A trust anchor of a store, or of the user.
    pub anchor: Option<AnchorKind>,
    /// Of the stores that have it, when the user did not add it.
    pub stores: StoreSet,
    /// An intermediate that some clients know beforehand.
    pub known: bool,
}

#[derive(Debug, Default)]
pub struct Pool {
    certificates: Vec<Arc<Certificate>>,
    origins: Vec<Origin>,
    by_fingerprint: HashMap<Fingerprint, CertId>,
    by_subject: HashMap<Box<[u8]>, Vec<CertId>>,
    signatures: Mutex<HashMap<(CertId, CertId), SignatureCheck>>,
    /// What other judgements verified.
    shared: Option<Arc<Signatures>>,
}

impl Pool {
    /// Empty, with `shared` asked before a signature is verified.
    pub fn with_signatures(shared: Arc<Signatures>) -> Self {
        Self { shared: Some(shared), ..Self::default() }
    }

    /// Adds a certificate, or finds it when its bytes are known already.
    pub fn intern(&mut self, certificate: Arc<Certificate>) -> CertId {
        if let Some(&id) = self.by_fingerprint.get(&certificate.fingerprint) {
            return id;
        }
        // Bounded by what the network side accepts per target: far below u32.
        let id = CertId(u32::try_from(self.certificates.len()).expect("fewer certificates than u32 counts"));
        self.by_fingerprint.insert(certificate.fingerprint, id);
        self.by_subject.entry(certificate.subject.normalised().into()).or_default().push(id);
        self.certificates.push(certificate);
        self.origins.push(Origin::default());
        id
    }

    pub fn mark_fetched(&mut self, id: CertId, by_chromium: bool) {
        let origin = &mut self.origins[id.0 as usize];
        origin.fetched = true;
        origin.fetched_by_chromium |= by_chromium;
    }

    pub fn mark_cached(&mut self, id: CertId) {
        self.origins[id.0 as usize].cached = true;
    }

    /// An anchor for every client.
    pub fn mark_anchor(&mut self, id: CertId, kind: AnchorKind) {
        let origin = &mut self.origins[id.0 as usize];
        (origin.anchor, origin.stores) = (Some(kind), StoreSet::ALL);
    }

    /// An anchor for the clients of `stores`; one that the user added stays that.
    pub fn mark_root(&mut self, id: CertId, stores: StoreSet) {
        let origin = &mut self.origins[id.0 as usize];
        if origin.anchor.is_some() {
            return;
        }
        (origin.anchor, origin.stores) = (Some(AnchorKind::Public), stores);
        // Anchors come before what was met, whenever they are found.
        let name = self.certificates[id.0 as usize].subject.normalised();
        if let Some(named) = self.by_subject.get_mut(name) {
            named.retain(|&other| other != id);
            let anchors = named.iter().take_while(|other| self.origins[other.0 as usize].anchor.is_some()).count();
            named.insert(anchors, id);
        }
    }

    pub fn mark_known(&mut self, id: CertId) {
        self.origins[id.0 as usize].known = true;
    }

    pub fn get(&self, id: CertId) -> &Certificate {
        &self.certificates[id.0 as usize]
    }

    /// The same certificate, to be kept.
    pub fn shared(&self, id: CertId) -> Arc<Certificate> {
        Arc::clone(&self.certificates[id.0 as usize])
    }

    pub fn origin(&self, id: CertId) -> Origin {
        self.origins[id.0 as usize]
    }

    pub fn find(&self, fingerprint: Fingerprint) -> Option<CertId> {
        self.by_fingerprint.get(&fingerprint).copied()
    }

    pub fn ids(&self) -> impl Iterator<Item = CertId> {
        (0..self.certificates.len() as u32).map(CertId)
    }

    /// All certificates whose subject equals `name` by RFC 5280 §7.1, in the order they were added: trust anchors first,
    /// then as served, then as fetched.
    pub fn named(&self, normalised: &[u8]) -> &[CertId] {
        self.by_subject.get(normalised).map_or(&[], Vec::as_slice)
    }

    /// Certificates whose subject is the issuer name of `id`; itself not among them.
    pub fn issuer_candidates(&self, id: CertId) -> impl Iterator<Item = CertId> {
        self.named(self.get(id).issuer.normalised()).iter().copied().filter(move |&candidate| candidate != id)
    }

    /// What was asked so far about the signature of `child`, by candidate.
    pub fn signatures_of(&self, child: CertId) -> Vec<(CertId, SignatureCheck)> {
        let known = self.signatures.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().filter(|((of, _), _)| *of == child).map(|((_, issuer), check)| (*issuer, *check)).collect()
    }

    /// Does `child`'s signature verify under `issuer`'s key? Each pair is computed once.
    pub fn signature(&self, child: CertId, issuer: CertId) -> SignatureCheck {
        // A panic elsewhere leaves the map whole.
        let known = || self.signatures.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&known) = known().get(&(child, issuer)) {
            return known;
        }
        let (certificate, by) = (self.get(child), self.get(issuer));
        let check = match &self.shared {
            Some(shared) => shared.check(certificate, by),
            None => certificate.check_signature(by),
        };
        known().insert((child, issuer), check);
        check
    }
}
