//! Mending: the right bundle, with its proof; having it served, and putting back what was there.

pub mod atomic_file;
pub mod bundle;
pub mod journal;
pub mod plan;
pub mod run;
pub mod service;
pub mod verify;
