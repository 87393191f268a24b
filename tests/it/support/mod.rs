//! What tests say often, said once.

pub mod cas_caller;
pub mod cas_world;
pub mod cloud;
pub mod divergences;
pub mod dns_daemons;
pub mod dns_server;
pub mod draft;
pub mod http_server;
pub mod openssl_ca;
pub mod peer;
pub mod program;
pub mod random_pki;
pub mod real_clients;
pub mod sample_report;
pub mod scan_farm;
pub mod service;
pub mod shared_lab;
pub mod site;
pub mod tls_server;

pub use sample_report::validate;

/// Says that a test could not be made here. Where everything is meant to be present (`TLSMEND_NO_SKIPS`), that is a
/// failure.
pub fn skip(reason: &str) {
    assert!(std::env::var_os("TLSMEND_NO_SKIPS").is_none(), "would be skipped: {reason}");
    println!("skipped: {reason}");
}
