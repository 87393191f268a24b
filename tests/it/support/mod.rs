//! What tests say often, said once.

pub mod shared_lab;
