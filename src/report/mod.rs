//! One report type, one file per output format. Nothing is decided here.

pub mod json;
pub mod text;
