//! A certification path: what a client built, with the errors it met.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::time::Time;

/// Where a certificate of a path came from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    Served,
    Aia,
    /// Fetched on an earlier day from an address that is dead today.
    Cache,
    /// A trust anchor the user added with `--ca`.
    #[serde(rename = "store:local")]
    StoreLocal,
    /// A trust anchor of the user's own store, `--roots`.
    #[serde(rename = "store:roots")]
    StoreRoots,
    /// A trust anchor of a program's store; the first in this order that has it.
    #[serde(rename = "store:mozilla")]
    StoreMozilla,
    #[serde(rename = "store:webpki-roots")]
    StoreWebpkiRoots,
    #[serde(rename = "store:chrome")]
    StoreChrome,
    #[serde(rename = "store:apple")]
    StoreApple,
    #[serde(rename = "store:android")]
    StoreAndroid,
    #[serde(rename = "store:microsoft")]
    StoreMicrosoft,
    #[serde(rename = "store:java")]
    StoreJava,
    /// An intermediate that some clients know beforehand: disclosed in CCADB, or compiled into Chromium.
    Known,
}

/// An error at one certificate of a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PathFault {
    /// Index into `certificates` of the path: 0 is the end entity.
    pub position: usize,
    /// A kebab-case word, the same for the same condition in every report.
    pub kind: String,
    /// What was expected and what was found.
    pub message: String,
}

/// One path from the end entity towards a trust anchor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Path {
    /// SHA-256 of each certificate, end entity first.
    pub certificates: Vec<String>,
    /// Where each of them came from, in the same order.
    pub provenance: Vec<Provenance>,
    /// Empty for a path that is valid at the time judged.
    pub errors: Vec<PathFault>,
    /// The first moment at which a certificate of the path is expired.
    pub breaks_at: Option<Time>,
}
