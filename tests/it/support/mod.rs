//! What tests say often, said once.

pub mod dns_daemons;
pub mod dns_server;
pub mod http_server;
pub mod program;
pub mod sample_report;
pub mod shared_lab;
pub mod tls_server;

pub use sample_report::validate;
