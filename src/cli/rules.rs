//! `tlsmend rules`: the catalogue of findings.

use std::io::Write;

use serde::Serialize;

use super::options::{Global, Output};
use super::{CliError, Exit};
use crate::judge::rules::{self, Rule};
use crate::model::finding::Severity;
use crate::model::verdict::Category;
use crate::report::text::screen;

/// List every finding there can be
///
/// Codes are public: never renamed, never reused. `tlsmend explain CODE` says more about one.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// A rule as JSON.
#[derive(Serialize)]
pub(super) struct Entry {
    code: &'static str,
    severity: Severity,
    title: &'static str,
    explanation: &'static str,
    advice: &'static str,
    citations: &'static [&'static str],
    /// Categories of client verdicts that it can be the cause of.
    explains: &'static [Category],
}

impl From<&'static Rule> for Entry {
    fn from(rule: &'static Rule) -> Self {
        Self {
            code: rule.code,
            severity: rule.severity,
            title: rule.title,
            explanation: rule.explanation,
            advice: rule.advice,
            citations: rule.citations,
            explains: rule.explains,
        }
    }
}

pub fn run(arguments: &Arguments, global: &Global) -> Result<Exit, CliError> {
    let mut out = Vec::new();
    match arguments.output {
        Output::Json => {
            let entries: Vec<Entry> = rules::ALL.iter().map(|rule| Entry::from(*rule)).collect();
            serde_json::to_writer_pretty(&mut out, &entries).map_err(std::io::Error::from)?;
            out.push(b'\n');
        }
        Output::Text => {
            let mut table = screen::table(super::probe::style(global));
            table.set_header(["Code", "Severity", "Title"]);
            for rule in rules::ALL {
                table.add_row([rule.code, rule.severity.as_str(), rule.title]);
            }
            writeln!(out, "{}", table.trim_fmt())?;
        }
    }
    std::io::stdout().write_all(&out)?;
    Ok(Exit::Clean)
}
