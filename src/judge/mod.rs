//! Thinking about evidence: path building, checks, clients, findings. No I/O, no clock, no randomness.
//!
//! The judge asks: what it lacks it returns as [`Judgement::wanted_issuers`]; the pipeline fetches and judges again.

pub mod aia;
pub mod alike;
pub mod anchors;
mod caa;
pub mod case;
pub mod client;
pub mod clients;
pub mod constraints;
pub mod ct;
pub mod engine;
pub mod explain;
pub mod limbo;
pub mod memo;
pub mod name;
pub mod policy;
pub mod pool;
pub mod providers;
mod public_roots;
pub mod revocation;
pub mod rules;
pub mod search;
pub mod standard;
pub mod stores;

mod judgement;
mod meeting;

pub use judgement::{Deployment, Judgement, OtherChain, Served, Settings, WantedHello, answer, judge, judge_with};
