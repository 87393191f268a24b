//! One test binary, a module a topic. `support` holds the vocabulary.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test says what went wrong by panicking"
)]

mod support;

mod aia;
mod alike;
mod bad_input;
mod badssl;
mod borders;
mod bundle;
mod cas;
mod cas_steps;
mod cli;
mod client_verdicts;
mod config;
mod ct;
mod dns;
mod dns_depth;
mod dns_mux;
mod dns_signed;
mod drift;
mod emulator;
mod emulator_clients;
mod emulator_orders;
mod explain;
mod failures;
mod fix_cas;
mod fix_file;
mod fix_guide;
mod fix_kill;
mod fix_scenarios;
mod hostile;
mod http_look;
mod inspect;
mod judge;
mod lab;
mod look;
mod mapping;
mod measured;
mod memo;
mod odd_certificates;
mod odd_chains;
mod peers;
mod pfx;
mod preflight;
mod properties;
mod raw_hello;
mod readme;
mod reports;
mod revocation;
mod scan;
mod show;
mod starttls;
mod stores;
mod suites;
mod survey;
mod survey_peers;
mod tls;
