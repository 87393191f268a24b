//! A served chain, judged for every client and told on a screen. The input is one PEM-less list: three bytes of length, then
//! that many bytes of a certificate, again and again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tlsmend::model::time::Time;
use tlsmend::probe::{Settings, inspect};
use tlsmend::report::{json, text};

fn clock() -> Time {
    Time::from_unix(1_795_000_000)
}

fuzz_target!(|bytes: &[u8]| {
    let (mut chain, mut rest) = (Vec::new(), bytes);
    while let Some((&[high, middle, low], after)) = rest.split_first_chunk::<3>() {
        let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        let (certificate, after) = after.split_at(length.min(after.len()));
        chain.push(certificate.to_vec());
        rest = after;
    }
    if chain.is_empty() {
        return;
    }
    let host = "www.example.com".parse().ok();
    let report = inspect(chain, None, host, &Settings::default(), clock);
    let mut out = Vec::new();
    json::write_document(&report, &mut out).expect("a vector takes everything");
    let style = text::Style { color: false, width: 100, detail: text::Detail::Everything };
    let mut screen = Vec::new();
    text::write(&report, style, &mut screen).expect("a vector takes everything");
    // What a terminal would act on never reaches it.
    let screen = String::from_utf8(screen).expect("text");
    assert!(!screen.chars().any(|c| c.is_control() && c != '\n'), "{screen:?}");
});
