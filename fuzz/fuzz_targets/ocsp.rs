//! An OCSP response, about a certificate of the fixture's.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tlsmend::model::time::Time;
use tlsmend::x509::{Certificate, ocsp};

const ISSUER: &[u8] = include_bytes!("../issuer.der");
const SUBJECT: &[u8] = include_bytes!("../subject.der");

fuzz_target!(|bytes: &[u8]| {
    let issuer = Certificate::parse(ISSUER).expect("the fixture parses");
    let subject = Certificate::parse(SUBJECT).expect("the fixture parses");
    let _ = ocsp::verify(bytes, &subject, &issuer, Time::from_unix(1_795_000_000));
    let _ = ocsp::scts(bytes, &subject);
});
