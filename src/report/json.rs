//! The report as JSON: the form for tickets and programs.

use std::io::{self, Write};

use crate::model::report::Report;

/// One document, indented, with a final newline.
pub fn write_document(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, report)?;
    out.write_all(b"\n")
}

/// One document on one line.
pub fn write_line(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, report)?;
    out.write_all(b"\n")
}
