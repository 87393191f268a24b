//! A file of certificates in any form that is understood: PEM, DER, PKCS#7; and PKCS#12 with a password.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tlsmend::x509::{certificates_in, pem, pkcs12, password::Password};

fuzz_target!(|bytes: &[u8]| {
    if pkcs12::is_pkcs12(bytes) {
        let _ = pkcs12::open(bytes, &Password::new("secret".to_owned()));
    }
    let Ok(certificates) = certificates_in(bytes) else { return };
    assert!(!certificates.is_empty());
    // What was read can be written and read again.
    let text: String = certificates.iter().map(|der| pem::encode(der)).collect();
    assert_eq!(certificates_in(text.as_bytes()).expect("our own PEM"), certificates);
});
