//! The clients that are modelled, one file each.

use super::client::Client;

mod chrome;
mod curl;
mod firefox;
mod go;
mod java;
mod rustls_aws;

/// All of them, in the order reports list them.
pub const ALL: &[&Client] =
    &[&chrome::CLIENT, &firefox::CLIENT, &curl::CLIENT, &java::CLIENT, &go::CLIENT, &rustls_aws::CLIENT];

/// The client called `id`.
pub fn find(id: &str) -> Option<&'static Client> {
    ALL.iter().copied().find(|client| client.id == id)
}
