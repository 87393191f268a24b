//! Touching the world: DNS, TLS, AIA. What comes back is evidence; what it means is for `judge`.

pub mod aia;
pub mod dns;
pub mod download;
mod folder;
pub mod http;
pub mod revocation;
pub mod tls;
