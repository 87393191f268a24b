//! A revocation list: parsed whole, and read where it lies as one that was downloaded.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tlsmend::x509::Certificate;
use tlsmend::x509::crl::{Crl, List};

const ISSUER: &[u8] = include_bytes!("../issuer.der");

fuzz_target!(|bytes: &[u8]| {
    let issuer = Certificate::parse(ISSUER).expect("the fixture parses");
    if let Ok(crl) = Crl::parse(bytes) {
        let _ = crl.is_signed_by(&issuer);
        let _ = crl.entry(&[1], &issuer.subject);
    }
    if let Ok(list) = List::read(bytes) {
        let _ = list.signature(&issuer);
        let _ = list.find(&[1]);
    }
});
