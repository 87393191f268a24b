//! An answer of a name server, to a question for www.example.com.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| tlsmend::observe::dns::fuzzing::read(bytes));
