//! A list of timestamps as a server sends it, and a list of logs as a user gives it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tlsmend::judge::ct::LogList;
use tlsmend::x509::Certificate;
use tlsmend::x509::sct::{self, Entry};

const SUBJECT: &[u8] = include_bytes!("../subject.der");

fuzz_target!(|bytes: &[u8]| {
    let _ = LogList::parse(bytes);
    let Some(scts) = sct::list(bytes) else { return };
    let subject = Certificate::parse(SUBJECT).expect("the fixture parses");
    let _ = Entry::precertificate(&subject, &subject);
    assert!(scts.len() <= 32, "more than are kept of one list");
});
