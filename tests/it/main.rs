//! One test binary, a module a topic. `support` holds the vocabulary.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test says what went wrong by panicking"
)]

mod support;

mod aia;
mod bad_input;
mod badssl;
mod borders;
mod bundle;
mod cas;
mod cli;
mod client_verdicts;
mod dns;
mod emulator;
mod explain;
mod hostile;
mod inspect;
mod judge;
mod lab;
mod memo;
mod peers;
mod pfx;
mod properties;
mod readme;
mod reports;
mod stores;
mod suites;
mod tls;
