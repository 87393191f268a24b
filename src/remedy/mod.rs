//! Mending: the right bundle, with its proof.

pub mod atomic_file;
pub mod bundle;
pub mod p7b;
