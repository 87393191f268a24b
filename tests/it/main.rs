//! One test binary, a module a topic. `support` holds the vocabulary.

mod support;

mod aia;
mod bad_input;
mod borders;
mod cli;
mod client_verdicts;
mod dns;
mod lab;
mod peers;
mod reports;
mod tls;
