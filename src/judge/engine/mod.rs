//! One engine a library: how it builds a path, what it checks, in which order. Clients are data over these.

pub mod boringssl;
pub mod chromium;
pub mod gnutls;
pub mod go;
pub mod java;
pub mod mbedtls;
pub mod mozpkix;
pub mod openssl;
pub mod platform;
pub mod pyca;
pub mod rfc5280;
pub mod webpki;
pub mod wolfssl;
