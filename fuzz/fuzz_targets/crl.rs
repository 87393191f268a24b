//! A revocation list.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tlsmend::x509::Certificate;
use tlsmend::x509::crl::Crl;

const ISSUER: &[u8] = include_bytes!("../issuer.der");

fuzz_target!(|bytes: &[u8]| {
    let Ok(crl) = Crl::parse(bytes) else { return };
    let issuer = Certificate::parse(ISSUER).expect("the fixture parses");
    let _ = crl.is_signed_by(&issuer);
    let _ = crl.entry(&[1], &issuer.subject);
});
