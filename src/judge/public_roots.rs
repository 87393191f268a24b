//! Which root certificates are public CAs': whatever store they are trusted by at the moment.

use crate::x509::Certificate;

/// SHA-256 of each root certificate that a public programme trusts or trusted for servers, sorted: Apple (iOS 26), Android
/// 17, Microsoft (CCADB report of 2026-07-19), Mozilla (NSS of 2026-07-19), OpenJDK 17.0.2, Oracle JDK 13.0.2, Chrome 156;
/// 398 in all. Old lists are wanted here: a certificate issued by a public CA keeps to its rules after the root has left.
const FINGERPRINTS: &[u8] = include_bytes!("data/public_roots.bin");

/// Is it, or was it, a root of the public Web PKI? A private CA's never is.
pub fn contains(root: &Certificate) -> bool {
    // The file's length is a multiple of 32 (tested).
    let (fingerprints, _) = FINGERPRINTS.as_chunks::<32>();
    fingerprints.binary_search(&root.fingerprint.0).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_whole_and_sorted() {
        let (fingerprints, rest) = FINGERPRINTS.as_chunks::<32>();
        assert!(rest.is_empty() && fingerprints.is_sorted() && fingerprints.len() == 398);
    }

    #[test]
    fn todays_roots_are_in_it_and_a_private_one_is_not() {
        let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS;
        let known = roots.iter().filter(|der| contains(&Certificate::parse(der).unwrap())).count();
        assert!(known * 100 >= roots.len() * 95, "{known} of {}", roots.len());
        let private = rcgen::generate_simple_self_signed(["root.example".to_owned()]).unwrap();
        assert!(!contains(&Certificate::parse(private.cert.der()).unwrap()));
    }
}
