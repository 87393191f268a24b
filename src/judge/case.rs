//! One chain to be judged: what every engine is given.

use super::anchors::AnchorKind;
use super::name::Name;
use super::pool::{CertId, Pool};
use crate::model::handshake::{Failure, TlsParameters};
use crate::model::time::Time;

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
    /// Public anchors are the embedded list, which stands for each client's own; else the user named them.
    pub own_stores: bool,
    /// The TCP port, which some clients repeat in their errors.
    pub port: u16,
    pub at: Time,
    /// The stapled OCSP response, DER.
    pub ocsp_staple: Option<&'a [u8]>,
    /// The handshake, as far as it came.
    pub tls: Option<&'a TlsParameters>,
    /// Why the handshake did not complete, when the chain was seen all the same.
    pub failure: Option<&'a Failure>,
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

    /// The server signed its key exchange with SHA-1, although better was offered: it has nothing better, and a client
    /// that does not offer SHA-1 meets a handshake_failure.
    pub fn signs_with_sha1(&self) -> bool {
        self.tls.and_then(|tls| tls.signature_scheme.as_deref()).is_some_and(|scheme| scheme.ends_with("_sha1"))
    }

    pub fn is_anchor(&self, id: CertId) -> Option<AnchorKind> {
        self.pool.origin(id).anchor
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
