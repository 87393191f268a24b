//! The report for a person at a terminal: one screen, verdict first.

use std::io::{self, Write};

use crate::model::report::Report;

/// How the terminal wants it.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    pub color: bool,
    /// Columns.
    pub width: usize,
    /// 0: one screen; 1 and more: everything.
    pub verbosity: u8,
}

pub fn write(report: &Report, _style: Style, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{report:#?}")
}
