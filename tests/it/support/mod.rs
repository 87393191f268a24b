//! What tests say often, said once.

pub mod shared_lab;
pub mod tls_server;
