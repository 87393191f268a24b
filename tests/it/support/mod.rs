//! What tests say often, said once.

pub mod program;
pub mod shared_lab;
