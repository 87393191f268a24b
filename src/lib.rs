//! Finds out why TLS to a domain is broken, says so in the words of the client that failed, and mends it.
//!
//! The library behind the `tlsmend` command. [`probe::probe`] does the whole diagnosis of one target;
//! [`judge::judge`] thinks about evidence that was gathered in any way, without touching the world.
//!
//! # The house
//!
//! ```text
//!  target ─▶ observe (dns ─▶ tls) ─▶ evidence ─▶ judge ─▶ report ─▶ text · json
//!                      ▲                          │  └─▶ remedy
//!                      └── issuers that judge asks for (aia) ◀┘
//! ```
//!
//! - [`model`]: the nouns, data only: target, resolution, handshake, path, verdict, finding, report.
//! - [`x509`]: bytes to certificates, names. Pure.
//! - [`observe`]: touches the world and returns evidence.
//! - [`judge`]: path building, checks, client models, finding rules. Pure: time is an argument.
//! - [`probe`]: the pipeline, the only place where observing and judging meet.
//! - [`report`]: one file an output format.
//! - [`remedy`]: the bundle that mends a chain, with its proof; having it served, and putting back what was there.
//! - [`scan`]: many targets: queue, limits, resume, one line each.
//! - [`lab`]: broken PKIs and the servers that show them, on loopback.
//! - [`cli`]: the command line; clock, environment and terminal are touched there alone.
//!
//! A test (`tests/it/borders.rs`) reads the sources and keeps these borders.

#![forbid(unsafe_code)]

pub mod cli;
pub mod judge;
pub mod lab;
pub mod model;
pub mod observe;
pub mod probe;
pub mod remedy;
pub mod report;
pub mod scan;
pub mod x509;
