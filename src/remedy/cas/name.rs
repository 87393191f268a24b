//! The name of a bundle in the service: the same bundle, the same name. The service has no idempotent upload (its ClientToken
//! does not replay), so a refusal of the name is how a repetition is noticed.

use sha2::{Digest, Sha256};

use crate::x509::hex;

/// What the service takes at most.
const MAX: usize = 63;

/// `<prefix>-<domain>-<first 16 hex digits of the SHA-256 of the bundle's DER>`, at most 63 characters. Prefix and hash stay
/// whole, the domain is shortened; characters outside ASCII letters, digits, `-`, `_` and `.` become `_`.
pub fn upload_name(prefix: &str, domain: &str, bundle: &[impl AsRef<[u8]>]) -> String {
    let mut hash = Sha256::new();
    for der in bundle {
        hash.update(der.as_ref());
    }
    let hash = &hex(&hash.finalize())[..16];
    let clean = |text: &str| -> String {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        text.chars().map(|c| if fits(c) { c } else { '_' }).collect()
    };
    let prefix: String = clean(prefix).chars().take(20).collect();
    let room = MAX - prefix.len() - hash.len() - 2;
    let domain: String = clean(domain).chars().take(room).collect();
    format!("{prefix}-{domain}-{hash}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_and_tell_bundles_apart() {
        // SHA-256 of "abc", FIPS 180-4.
        assert_eq!(
            upload_name("tlsmend", "rec.example.com", &[b"a", b"bc".as_slice()]),
            "tlsmend-rec.example.com-ba7816bf8f01cfea"
        );
        let long = upload_name("tlsmend", &"x".repeat(250), &[b"abc"]);
        assert_eq!(long.len(), MAX);
        assert!(long.ends_with("-ba7816bf8f01cfea"), "{long}");
        assert!(upload_name("a b", "*.例子.com", &[b""]).is_ascii());
        assert_ne!(upload_name("p", "d", &[b"leaf"]), upload_name("p", "d", &[b"leaf".as_slice(), b"intermediate"]));
    }
}
