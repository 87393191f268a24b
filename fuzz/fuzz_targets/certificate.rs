//! One certificate: what parses is the same when it is parsed again, and every question about it has an answer.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tlsmend::x509::{Certificate, sct, subject_bytes};

fuzz_target!(|bytes: &[u8]| {
    let _ = subject_bytes(bytes);
    let _ = sct::list(bytes);
    let Ok(certificate) = Certificate::parse(bytes) else { return };
    assert_eq!(certificate.der(), bytes);
    assert_eq!(certificate.fingerprint, Certificate::parse(bytes).expect("it parsed before").fingerprint);
    let _ = (certificate.subject.to_string(), certificate.issuer.short(), certificate.spki_sha256());
    let _ = (certificate.is_ca(), certificate.is_self_issued(), certificate.has_unique_ids());
    let _ = (certificate.validity_encoding(), certificate.check_signature(&certificate));
});
