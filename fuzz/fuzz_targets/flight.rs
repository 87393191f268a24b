//! A server's flight, as records; the first byte says how it is cut into reads.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((&step, flight)) = bytes.split_first() else { return };
    tlsmend::observe::tls::fuzzing::read(flight, usize::from(step).max(1));
});
