//! Mending: the right bundle, with its proof; having it served, and putting back what was there.

pub mod atomic_file;
pub mod bundle;
pub mod journal;
pub mod plan;
pub mod run;
pub mod service;
pub mod verify;
//! Mending: the right bundle, with its proof; the certificate service it goes to.

pub mod atomic_file;
pub mod bundle;
pub mod cas;
pub mod eas;
pub mod p7b;
pub mod secret;
