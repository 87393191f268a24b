//! What tests say often, said once.

pub mod sample_report;
pub mod shared_lab;

pub use sample_report::validate;
