//! What can be broken: one function a scenario, one file a family.
//!
//! A scenario builds a valid world, changes one thing, and says what a knowledgeable reader expects to be told.

mod chain;
mod dns;
mod expiry;
mod good;
mod handshake;
mod name;
mod world;

use std::fmt;

use serde::Serialize;

pub use chain::{DEMO, TWO_ADDRESSES};
pub(super) use world::TopLevel;
pub use world::{BuildError, World};

/// One broken (or healthy) domain.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    /// Kebab-case; the domain is `<id>.lab.example.com` unless the scenario needs another.
    pub id: &'static str,
    pub family: Family,
    /// What is broken, in one line.
    pub summary: &'static str,
    /// Codes of all findings that `probe` should make, sorted.
    pub expected: &'static [&'static str],
    /// The exit code that `probe` should have.
    pub exit: u8,
    pub build: fn(&mut World) -> Result<(), BuildError>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    Good,
    Dns,
    Handshake,
    Chain,
    Name,
    Expiry,
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Good => "good",
            Self::Dns => "dns",
            Self::Handshake => "handshake",
            Self::Chain => "chain",
            Self::Name => "name",
            Self::Expiry => "expiry",
        })
    }
}

/// Every scenario, a family after the other.
pub fn all() -> impl Iterator<Item = &'static Scenario> {
    [good::ALL, dns::ALL, handshake::ALL, chain::ALL, name::ALL, expiry::ALL].into_iter().flatten()
}

/// The scenario called `id`.
pub fn find(id: &str) -> Option<&'static Scenario> {
    all().find(|scenario| scenario.id == id)
}
