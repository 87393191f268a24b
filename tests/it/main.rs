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
mod cas_steps;
mod cli;
mod client_verdicts;
mod config;
mod dns;
mod emulator;
mod emulator_clients;
mod emulator_orders;
mod explain;
mod fix_cas;
mod fix_file;
mod fix_guide;
mod fix_kill;
mod fix_scenarios;
mod hostile;
mod inspect;
mod judge;
mod lab;
mod mapping;
mod memo;
mod peers;
mod pfx;
mod preflight;
mod properties;
mod raw_hello;
mod readme;
mod reports;
mod show;
mod stores;
mod suites;
mod survey;
mod survey_peers;
mod tls;
