//! Trust anchors: Mozilla's list, a user's own store, anchors a user added.

use std::sync::{Arc, LazyLock};

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

/// What every client trusts.
#[derive(Debug, Clone)]
pub struct TrustAnchors {
    /// `mozilla`, or `roots` for a user's `--roots`.
    pub store_id: &'static str,
    pub store_date: Option<&'static str>,
    pub public: Arc<[Arc<Certificate>]>,
    pub local: Arc<[Arc<Certificate>]>,
}

/// The day webpki-root-certs 1.0.11, which carries the list, was published. Change it with the version in Cargo.lock.
const MOZILLA_DATE: &str = "2026-10-23";

static MOZILLA: LazyLock<Arc<[Arc<Certificate>]>> = LazyLock::new(|| {
    // The crate's contents are tested to parse; one that did not would only be missing here.
    webpki_root_certs::TLS_SERVER_ROOT_CERTS
        .iter()
        .filter_map(|der| Certificate::parse(der).ok().map(Arc::new))
        .collect()
});

impl TrustAnchors {
    /// Mozilla's roots for TLS, as compiled in.
    pub fn mozilla() -> Self {
        Self { store_id: "mozilla", store_date: Some(MOZILLA_DATE), public: MOZILLA.clone(), local: Arc::new([]) }
    }

    /// Exactly these, under the rules for public CAs (`--roots`).
    pub fn exactly(roots: Vec<Arc<Certificate>>) -> Self {
        Self { store_id: "roots", store_date: None, public: roots.into(), local: Arc::new([]) }
    }

    /// With anchors that the user added (`--ca`).
    pub fn with_local(self, local: Vec<Arc<Certificate>>) -> Self {
        Self { local: local.into(), ..self }
    }

    /// The public anchors are the compiled-in list, not a user's.
    pub fn is_embedded(&self) -> bool {
        self.store_date.is_some()
    }

    /// The same anchors, looked at as cheaply as can be: who judges many targets hands in clones of one value.
    pub fn are_same(&self, other: &Self) -> bool {
        let same =
            |one: &Arc<[Arc<Certificate>]>, other: &Arc<[Arc<Certificate>]>| Arc::ptr_eq(one, other) || one == other;
        self.store_date == other.store_date && same(&self.public, &other.public) && same(&self.local, &other.local)
    }

    /// For `run.stores`.
    pub fn describe(&self) -> Vec<Store> {
        let mut stores = vec![Store {
            id: self.store_id.to_owned(),
            date: self.store_date.map(str::to_owned),
            roots: self.public.len(),
        }];
        if !self.local.is_empty() {
            stores.push(Store { id: "local".to_owned(), date: None, roots: self.local.len() });
        }
        stores
    }
}

/// Is this root in webpki-roots, the list that rustls programs compile in? It is made from Mozilla's too, at another day.
pub fn is_in_webpki_roots(root: &Certificate) -> bool {
    // The crate leaves out the outer SEQUENCE of both fields (`anchor_from_trusted_cert` in rustls-webpki).
    webpki_roots::TLS_SERVER_ROOTS.iter().any(|anchor| {
        root.subject.raw().ends_with(&anchor.subject) && root.spki().ends_with(&anchor.subject_public_key_info)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_lists_are_of_one_origin() {
        let both = MOZILLA.iter().filter(|root| is_in_webpki_roots(root)).count();
        assert!(both * 10 >= MOZILLA.len() * 9, "{both} of {} roots are in webpki-roots", MOZILLA.len());
        let mut stranger = (*MOZILLA[0]).clone();
        stranger.subject = MOZILLA[1].subject.clone();
        assert!(!is_in_webpki_roots(&stranger), "name and key must be of one entry");
    }

    #[test]
    fn every_embedded_root_parses() {
        assert_eq!(MOZILLA.len(), webpki_root_certs::TLS_SERVER_ROOT_CERTS.len());
        assert!(MOZILLA.len() > 100);
    }
}
