//! Mending: the right bundle, with its proof.

pub mod bundle;
