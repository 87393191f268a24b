//! tlsmend
#![forbid(unsafe_code)]
pub mod cli;
pub mod judge;
pub mod lab;
pub mod model;
pub mod observe;
pub mod probe;
pub mod remedy;
pub mod report;
pub mod x509;
