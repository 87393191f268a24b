//! Trust anchors: each client's own store, a user's own, anchors a user added; and the Certificate Transparency logs, which
//! are trusted too.

use std::collections::HashSet;
use std::sync::Arc;

use super::client::Client;
use super::ct::LogList;
use super::pool::{CertId, Pool};
use super::stores::update::{Kind, REPLACED, Update};
use super::stores::{StoreId, StoreSet, mozilla, table};
use crate::model::report::Store;
use crate::x509::Certificate;

/// Clients treat their own store's anchors otherwise than those a user added (Chromium: validity limits, anchor
/// constraints; Java: SHA-1, public suffixes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AnchorKind {
    /// Of the client's own store: the rules for public CAs.
    Public,
    /// Added by the user or an administrator.
    Local,
}

/// What the clients trust.
#[derive(Debug, Clone)]
pub struct TrustAnchors {
    public: Public,
    local: Arc<[Arc<Certificate>]>,
    logs: Option<Arc<LogList>>,
}

#[derive(Debug, Clone)]
enum Public {
    /// Each client's store, as compiled in or as last updated.
    OwnStores(Option<Arc<Update>>),
    /// Exactly these for every client.
    Exactly(Arc<[Arc<Certificate>]>),
}

/// Names looked up for one judgement. A chain and what was fetched for it hold about ten; a server that sends thousands of
/// issuers gets no more.
const MAX_NAMES: usize = 1_000;

/// Certificates of one name that are taken from an update: CAs have a few cross-certificates each.
const MAX_OF_A_NAME: usize = 32;

impl TrustAnchors {
    /// Each client's own store, as compiled in.
    pub fn own_stores() -> Self {
        Self { public: Public::OwnStores(None), local: Arc::new([]), logs: None }
    }

    /// Each client's own store, as `tlsmend stores update` brought it.
    pub fn updated(update: Arc<Update>) -> Self {
        Self { public: Public::OwnStores(Some(update)), local: Arc::new([]), logs: None }
    }

    /// Exactly these, under the rules for public CAs (`--roots`).
    pub fn exactly(roots: Vec<Arc<Certificate>>) -> Self {
        Self { public: Public::Exactly(roots.into()), local: Arc::new([]), logs: None }
    }

    /// With anchors that the user added (`--ca`).
    pub fn with_local(self, local: Vec<Arc<Certificate>>) -> Self {
        Self { local: local.into(), ..self }
    }

    /// With the logs that timestamps are judged by (`--ct-logs`).
    pub fn with_logs(self, logs: Option<Arc<LogList>>) -> Self {
        Self { logs, ..self }
    }

    pub fn logs(&self) -> Option<&LogList> {
        self.logs.as_deref()
    }

    /// Each client trusts its own store, not what the user named.
    pub fn are_own_stores(&self) -> bool {
        matches!(self.public, Public::OwnStores(_))
    }

    /// The same anchors, looked at as cheaply as can be: who judges many targets hands in clones of one value.
    pub fn are_same(&self, other: &Self) -> bool {
        let same =
            |one: &Arc<[Arc<Certificate>]>, other: &Arc<[Arc<Certificate>]>| Arc::ptr_eq(one, other) || one == other;
        let same_public = match (&self.public, &other.public) {
            (Public::OwnStores(None), Public::OwnStores(None)) => true,
            (Public::OwnStores(Some(one)), Public::OwnStores(Some(other))) => Arc::ptr_eq(one, other),
            (Public::Exactly(one), Public::Exactly(other)) => same(one, other),
            _ => false,
        };
        let same_logs = match (&self.logs, &other.logs) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other) || one == other,
            (one, other) => one.is_none() && other.is_none(),
        };
        same_public && same_logs && same(&self.local, &other.local)
    }

    /// Did the user add any?
    pub fn has_local(&self) -> bool {
        !self.local.is_empty()
    }

    /// DER of what a request of our own trusts: what the user named, and Mozilla's roots unless he named a store.
    pub fn for_our_requests(&self) -> impl Iterator<Item = &[u8]> {
        let (public, mozilla) = match &self.public {
            Public::Exactly(roots) => (&roots[..], &[][..]),
            Public::OwnStores(_) => (&[][..], webpki_root_certs::TLS_SERVER_ROOT_CERTS),
        };
        mozilla.iter().map(AsRef::as_ref).chain(public.iter().chain(self.local.iter()).map(|anchor| anchor.der()))
    }

    /// The update in use, if any.
    pub fn update(&self) -> Option<&Update> {
        match &self.public {
            Public::OwnStores(update) => update.as_deref(),
            Public::Exactly(_) => None,
        }
    }

    /// The id of the store that `client` is judged with, as in `run.stores`.
    pub fn store_of(&self, client: &Client) -> &'static str {
        if self.are_own_stores() { client.trust.store.id() } else { "roots" }
    }

    /// For `run.stores`: every store that one of `clients` is judged with.
    pub fn describe(&self, clients: &[&'static Client]) -> Vec<Store> {
        let mut stores = match &self.public {
            Public::Exactly(roots) => vec![Store { id: "roots".to_owned(), date: None, roots: roots.len() }],
            Public::OwnStores(update) => {
                let used =
                    StoreId::ALL.into_iter().filter(|&store| clients.iter().any(|client| client.trust.store == store));
                used.map(|store| Store {
                    id: store.id().to_owned(),
                    date: Some(date(store, update.as_deref()).to_owned()),
                    roots: count(store, update.as_deref()),
                })
                .collect()
            }
        };
        if self.has_local() {
            stores.push(Store { id: "local".to_owned(), date: None, roots: self.local.len() });
        }
        stores
    }

    /// Adds what the user named, before anything that was met.
    pub fn add_named(&self, pool: &mut Pool) {
        let exactly = match &self.public {
            Public::Exactly(roots) => &roots[..],
            Public::OwnStores(_) => &[],
        };
        for (anchors, kind) in [(exactly, AnchorKind::Public), (&self.local[..], AnchorKind::Local)] {
            for anchor in anchors {
                let id = pool.intern(Arc::clone(anchor));
                pool.mark_anchor(id, kind);
            }
        }
    }

    /// Adds from the stores what the certificates in `pool` can lead to: the roots and known intermediates of the names met,
    /// and of the names that those lead to.
    pub fn add_met(&self, pool: &mut Pool) {
        let Public::OwnStores(update) = &self.public else { return };
        let update = update.as_deref();
        let mut names: Vec<u64> = pool.ids().flat_map(|id| keys(pool.get(id))).collect();
        let mut seen = HashSet::new();
        while let Some(key) = names.pop() {
            if seen.len() >= MAX_NAMES || !seen.insert(key) {
                continue;
            }
            let found = mozilla::named(key).map(|root| (Kind::Root, root));
            let chromium = table::chromium_named(key).map(|known| (Kind::Intermediate, Arc::clone(known)));
            let brought = update.into_iter().flat_map(|update| update.certificates_named(key)).take(MAX_OF_A_NAME);
            let brought = brought.filter_map(|(kind, der)| Some((kind, Arc::new(Certificate::parse(der).ok()?))));
            for (kind, certificate) in found.chain(chromium).chain(brought) {
                names.extend(keys(&certificate));
                let id = pool.intern(certificate);
                if kind == Kind::Intermediate {
                    pool.mark_known(id);
                }
            }
        }
        let all: Vec<CertId> = pool.ids().collect();
        for id in all {
            let certificate = pool.get(id);
            let stores = stores_of(certificate, update);
            let is_known = !stores.is_empty() || pool.origin(id).known || table::is_intermediate(certificate);
            if !stores.is_empty() {
                pool.mark_root(id, stores);
            } else if is_known {
                pool.mark_known(id);
            }
        }
    }
}

fn keys(certificate: &Certificate) -> [u64; 2] {
    [certificate.issuer.loose_key(), certificate.subject.loose_key()]
}

/// The stores that trust this certificate, or one of the same name and key.
pub fn stores_of(certificate: &Certificate, update: Option<&Update>) -> StoreSet {
    let key = certificate.subject.loose_key();
    let mut stores = StoreSet::EMPTY;
    if mozilla::is_in_webpki_roots(certificate) && certificate.is_self_issued() {
        stores = stores.with(StoreId::WebpkiRoots);
    }
    let compiled =
        table::roots_named(key).filter(|root| root.is(certificate)).fold(stores, |all, root| all.union(root.stores));
    match update {
        None if mozilla::has(certificate) => compiled.with(StoreId::Mozilla),
        None => compiled,
        Some(update) => {
            let brought = update.roots_named(key).filter(|root| root.is(certificate));
            compiled.without(REPLACED).union(brought.fold(StoreSet::EMPTY, |all, root| all.union(root.stores)))
        }
    }
}

/// The roots that the list of `store` has under names with this key, for TLS or for a use that is not known.
pub fn listed_roots(key: u64, store: StoreId, update: Option<&Update>) -> Vec<table::Root<'_>> {
    let replaced = update.is_some() && REPLACED.contains(store);
    let lists = |root: &table::Root<'_>| root.stores.contains(store) || root.perhaps.contains(store);
    match update.filter(|_| replaced) {
        Some(update) => update.roots_named(key).filter(lists).collect(),
        None => table::roots_named(key).filter(lists).collect(),
    }
}

/// The day of the list in use.
pub fn date(store: StoreId, update: Option<&Update>) -> &str {
    match update {
        Some(update) if REPLACED.contains(store) => update.date(),
        _ => store.facts().date,
    }
}

/// SHA-256 of the roots of the list in use, 64 hex digits each. Of webpki-roots there are none: it holds no certificates.
pub fn fingerprints(store: StoreId, update: Option<&Update>) -> Vec<String> {
    let lists = |root: &table::Root<'_>| root.stores.contains(store) || root.perhaps.contains(store);
    match (store, update) {
        (store, Some(update)) if REPLACED.contains(store) => {
            update.roots().filter(lists).map(|root| root.sha256.to_owned()).collect()
        }
        (StoreId::Mozilla, _) => mozilla::all().map(|root| root.fingerprint.to_string()).collect(),
        _ => table::roots().filter(lists).map(|root| root.sha256.to_owned()).collect(),
    }
}

/// How many roots the list in use has.
pub fn count(store: StoreId, update: Option<&Update>) -> usize {
    match (store, update) {
        (StoreId::Mozilla, None) => mozilla::COUNT,
        (StoreId::WebpkiRoots, _) => webpki_roots::TLS_SERVER_ROOTS.len(),
        _ => fingerprints(store, update).len(),
    }
}
