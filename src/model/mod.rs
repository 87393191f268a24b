//! The nouns: data that observing, judging and reporting share.
//!
//! This layer knows no other. Types that are part of the JSON report derive `Serialize`, `Deserialize` and
//! `JsonSchema`; their field names are public and fixed by `fixtures/report.schema.json`.

pub mod aia;
pub mod bundle;
pub mod call;
pub mod certificate;
pub mod ct;
pub mod evidence;
pub mod finding;
pub mod fix;
pub mod handshake;
pub mod hello;
pub mod http;
pub mod line;
pub mod naming;
pub mod path;
pub mod report;
pub mod resolution;
pub mod revocation;
pub mod samples;
pub mod starttls;
pub mod summary;
pub mod survey;
pub mod target;
pub mod time;
pub mod verdict;
