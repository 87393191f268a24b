//! Mozilla's list, the one whose certificates are compiled in.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, OnceLock};

use crate::x509::{Certificate, dn, subject_bytes};

use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

/// Positions in the crate's list by [`dn::loose_key`] of the subject: a walk over the bytes, without parsing.
static BY_NAME: LazyLock<HashMap<u64, Vec<usize>>> = LazyLock::new(|| {
    let mut index: HashMap<u64, Vec<usize>> = HashMap::with_capacity(TLS_SERVER_ROOT_CERTS.len());
    for (position, der) in TLS_SERVER_ROOT_CERTS.iter().enumerate() {
        if let Some(subject) = subject_bytes(der) {
            index.entry(dn::loose_key(subject)).or_default().push(position);
        }
    }
    index
});

static PARSED: [OnceLock<Option<Arc<Certificate>>>; TLS_SERVER_ROOT_CERTS.len()] =
    [const { OnceLock::new() }; TLS_SERVER_ROOT_CERTS.len()];

/// How many there are.
pub const COUNT: usize = TLS_SERVER_ROOT_CERTS.len();

fn get(position: usize) -> Option<Arc<Certificate>> {
    // The crate's contents are tested to parse; one that did not would only be missing here.
    PARSED[position].get_or_init(|| Certificate::parse(&TLS_SERVER_ROOT_CERTS[position]).ok().map(Arc::new)).clone()
}

/// The roots whose subject has this key.
pub fn named(key: u64) -> impl Iterator<Item = Arc<Certificate>> {
    BY_NAME.get(&key).into_iter().flatten().filter_map(|&position| get(position))
}

/// All of them.
pub fn all() -> impl Iterator<Item = Arc<Certificate>> {
    (0..COUNT).filter_map(get)
}

/// Is this certificate among them, or one of the same name and key?
pub fn has(root: &Certificate) -> bool {
    named(root.subject.loose_key()).any(|known| is_same_root(&known, root))
}

/// The same certificate, or a self-issued one of the same name and key: what a re-issued root is to clients that trust names
/// and keys.
pub fn is_same_root(known: &Certificate, root: &Certificate) -> bool {
    known.fingerprint == root.fingerprint
        || (root.is_self_issued()
            && known.subject.normalised() == root.subject.normalised()
            && known.spki() == root.spki())
}

/// Is this root in webpki-roots, the list that rustls programs compile in? It is made from Mozilla's too, at another day.
pub fn is_in_webpki_roots(root: &Certificate) -> bool {
    // The crate leaves out the outer SEQUENCE of both fields (`anchor_from_trusted_cert` in rustls-webpki).
    webpki_roots::TLS_SERVER_ROOTS.iter().any(|anchor| {
        root.subject.raw().ends_with(&anchor.subject) && root.spki().ends_with(&anchor.subject_public_key_info)
    })
}

/// Does webpki-roots hold an anchor whose name has this key? Its certificate need not be at hand: the crate has none.
pub fn webpki_roots_name(key: u64) -> bool {
    webpki_roots::TLS_SERVER_ROOTS.iter().any(|anchor| dn::loose_key(&anchor.subject) == key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_crates_are_of_one_origin() {
        let both = all().filter(|root| is_in_webpki_roots(root)).count();
        assert!(both * 10 >= COUNT * 9, "{both} of {COUNT} roots are in webpki-roots");
        let mut stranger = (*get(0).unwrap()).clone();
        stranger.subject = get(1).unwrap().subject.clone();
        assert!(!is_in_webpki_roots(&stranger), "name and key must be of one entry");
    }

    #[test]
    fn every_root_parses_and_is_found_by_its_name() {
        assert_eq!(all().count(), COUNT);
        for root in all() {
            assert!(named(root.subject.loose_key()).any(|found| found.fingerprint == root.fingerprint));
            assert!(has(&root));
        }
    }
}
