//! Mending: the right bundle, with its proof; having it served, and putting back what was there.

pub mod atomic_file;
pub mod bundle;
pub mod cas;
pub mod eas;
pub mod journal;
pub mod mapping;
pub mod p7b;
pub mod plan;
pub mod preflight;
pub mod run;
pub mod secret;
pub mod service;
pub mod verify;
