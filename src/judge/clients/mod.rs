//! The clients that are modelled, one file each.

use super::client::Client;
use crate::model::verdict::Category;

mod chrome;
mod curl;
mod firefox;
mod go;
mod java;
mod rustls_aws;
pub mod standard;

/// All of them, in the order reports list them.
#[rustfmt::skip] // one line a client: adding one is adding a line
pub const ALL: &[&Client] = &[
    &chrome::CLIENT,
    &firefox::CLIENT,
    &curl::CLIENT,
    &java::CLIENT,
    &go::CLIENT,
    &rustls_aws::CLIENT,
];

/// Those that only `judge` asks: nobody runs them to reach a site.
pub const JUDGE_ONLY: &[&Client] = &[&standard::CLIENT];

/// The client called `id`.
pub fn find(id: &str) -> Option<&'static Client> {
    ALL.iter().copied().find(|client| client.id == id)
}

/// The client called `id`, those that only `judge` asks included.
pub fn find_for_judge(id: &str) -> Option<&'static Client> {
    find(id).or_else(|| JUDGE_ONLY.iter().copied().find(|client| client.id == id))
}

/// Our word for a fatal alert that a server sends, by the name RFC 8446 §6 gives it.
fn alert_category(alert: &str) -> Category {
    match alert {
        "protocol_version" => Category::TlsVersion,
        "insufficient_security" => Category::WeakHandshake,
        "unrecognized_name" => Category::UnrecognizedName,
        "certificate_required" => Category::ClientCertificate,
        _ => Category::Handshake,
    }
}
