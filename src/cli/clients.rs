//! stub
use super::{CliError, Exit, options::Global};

/// stub
#[derive(Debug, clap::Args)]
pub struct Arguments {}

pub fn run(_arguments: &Arguments, _global: &Global) -> Result<Exit, CliError> {
    Ok(Exit::Clean)
}
