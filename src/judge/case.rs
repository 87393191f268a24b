//! One chain to be judged: what every engine is given.

use super::anchors::AnchorKind;
use super::ct::LogList;
use super::name::Name;
use super::pool::{CertId, Pool};
use super::stores::update::Update;
use super::stores::{KnownIssuers, StoreId, table};
use crate::model::handshake::{Failure, TlsParameters};
use crate::model::hello::{Choice, HelloEvidence};
use crate::model::revocation::{FetchedRevocation, RevocationSource};
use crate::model::time::Time;
use crate::x509::Certificate;
use crate::x509::crl::Crl;

/// What the one who judges trusts and knows beforehand. The default, for the diagnosis: every anchor there is.
#[derive(Debug, Clone, Copy, Default)]
pub struct View<'a> {
    /// Public anchors are those of each client's own store; else the user named them.
    pub own_stores: bool,
    /// Only the public anchors of this store count.
    pub store: Option<StoreId>,
    /// Intermediates known beforehand.
    pub known: Option<KnownIssuers>,
    /// Newer lists than those compiled in.
    pub update: Option<&'a Update>,
    /// The Certificate Transparency logs, where a list was given.
    pub logs: Option<&'a LogList>,
}

/// A served chain with everything that judging it needs. Engines read it; nothing here decides.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    pub pool: &'a Pool,
    /// The certificates of the served chain that parse, in the order sent. The first is the end entity, unless
    /// `unparsable` holds position 0.
    pub served: &'a [CertId],
    /// Positions (in the list as sent) of certificates that do not parse.
    pub unparsable: &'a [usize],
    /// Bytes of all certificates as sent.
    pub served_bytes: usize,
    /// The name that is asked for.
    pub reference: Name<'a>,
    /// No name was asked for, which only `judge` can do: names are not compared, `reference` says nothing.
    pub any_name: bool,
    /// Whose eyes it is seen with.
    pub view: View<'a>,
    /// The TCP port, which some clients repeat in their errors.
    pub port: u16,
    pub at: Time,
    /// The stapled OCSP response, DER.
    pub ocsp_staple: Option<&'a [u8]>,
    /// The signed certificate timestamps of the TLS extension, as sent.
    pub timestamps: Option<&'a [u8]>,
    /// The handshake, as far as it came.
    pub tls: Option<&'a TlsParameters>,
    /// Why the handshake did not complete, when the chain was seen all the same.
    pub failure: Option<&'a Failure>,
    /// What the server chose of the offer that brought `tls` and the chain.
    pub choice: Option<Choice>,
    /// What it answered to further ClientHellos.
    pub hellos: &'a [HelloEvidence],
    /// What OCSP responders and CRLs were found to say, where they were asked.
    pub fetched: &'a [FetchedRevocation],
    /// What a caller of `judge` asked for beside the chain. On the network there is nothing of the kind.
    pub asked: Option<&'a Asked>,
}

/// What a program that calls a validator can hand to it, and a TLS client has no option for.
#[derive(Debug, Default)]
pub struct Asked {
    /// Revocation is to be checked, by these lists.
    pub crls: Vec<Crl>,
    /// Lists were given: of those that could not be read there is none in `crls`.
    pub checks_revocation: bool,
    /// A list given was not readable.
    pub has_unreadable_crl: bool,
    /// Intermediates allowed in a path.
    pub max_intermediates: Option<u32>,
    /// The end entity is to be a client's.
    pub for_clients: bool,
}

impl<'a> Case<'a> {
    /// The end entity, when it parses.
    pub fn end_entity(&self) -> Option<CertId> {
        if self.unparsable.contains(&0) { None } else { self.served.first().copied() }
    }

    /// Length of the TLS 1.3 Certificate message (RFC 8446 §4.4.2) that carried the chain, within a few octets: what
    /// clients limit.
    pub fn certificate_message_bytes(&self) -> usize {
        let entries = self.served.len() + self.unparsable.len();
        self.served_bytes + 5 * entries + 4 + self.ocsp_staple.map_or(0, |staple| staple.len() + 8)
    }

    /// What the OCSP responder of `certificate` answered, where it was asked.
    pub fn responder_said(&self, certificate: &Certificate) -> Option<&'a [u8]> {
        let about = certificate.fingerprint.to_string();
        let answer = self.fetched.iter().find(|fetched| {
            fetched.fetch.kind == RevocationSource::Ocsp && fetched.fetch.about.as_ref() == Some(&about)
        });
        answer.and_then(|fetched| fetched.body.as_deref()).map(Vec::as_slice)
    }

    /// Is it an anchor to the one who judges?
    pub fn is_anchor(&self, id: CertId) -> Option<AnchorKind> {
        let origin = self.pool.origin(id);
        let is_listed = || self.view.store.is_none_or(|store| origin.stores.contains(store));
        match origin.anchor {
            Some(AnchorKind::Public) if is_listed() => Some(AnchorKind::Public),
            Some(AnchorKind::Local) => Some(AnchorKind::Local),
            // Chromium trusts the intermediates it knows as anchors.
            _ if self.view.known == Some(KnownIssuers::Chromium) && self.is_compiled_into_chromium(id) => {
                Some(AnchorKind::Public)
            }
            _ => None,
        }
    }

    fn is_compiled_into_chromium(&self, id: CertId) -> bool {
        let certificate = self.pool.get(id);
        self.pool.origin(id).known
            && table::chromium_named(certificate.subject.loose_key())
                .any(|known| known.fingerprint == certificate.fingerprint)
    }

    /// Is it an intermediate that the client knows although nobody sent it?
    pub fn is_known(&self, id: CertId) -> bool {
        self.view.known == Some(KnownIssuers::Firefox) && self.pool.origin(id).known
    }

    pub fn is_served(&self, id: CertId) -> bool {
        self.served.contains(&id)
    }

    /// The issuer candidates of `id` that this deployment's client can see: served ones, trust anchors and, for a
    /// client that `fetches`, those fetched by AIA.
    pub fn issuers(&self, id: CertId, fetches: bool) -> impl Iterator<Item = CertId> + use<'a> {
        let case = *self;
        self.pool.issuer_candidates(id).filter(move |&candidate| {
            let origin = case.pool.origin(candidate);
            case.is_served(candidate) || origin.anchor.is_some() || (fetches && origin.fetched)
        })
    }
}
