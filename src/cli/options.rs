//! Options with one spelling in every command, and the types their values become.

use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::probe::Depth;

#[derive(Debug, Args)]
pub struct Global {
    /// When to use colour (`NO_COLOR` is honoured by `auto`)
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
    /// Say less: the verdict; twice: only the exit code
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "verbose")]
    pub quiet: u8,
    /// Say more: nothing folded, nothing left out
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Read defaults for options from this file [default: tlsmend/config.toml in $XDG_CONFIG_HOME or ~/.config]
    ///
    /// TOML; its keys are the long names of the options, such as `timeout = "5s"` or `region = "cn-hangzhou"`. The command
    /// line and the environment win over it.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<std::path::PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For a person
    Text,
    /// One JSON document; a line each for several targets
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DepthArgument {
    /// Read the chain and leave: the cheapest look, without proof that the server holds the key
    Chain,
    /// A whole handshake
    Handshake,
    /// The same, and what else the server supports: versions, suites, groups, certificates (40 to 60 short connections)
    Survey,
}

impl From<DepthArgument> for Depth {
    fn from(argument: DepthArgument) -> Self {
        match argument {
            DepthArgument::Chain => Self::Chain,
            DepthArgument::Handshake => Self::Handshake,
            DepthArgument::Survey => Self::Survey,
        }
    }
}

/// `90`, `90s`, `500ms`, `2m`, `1h`: an integer with an optional unit, bare = seconds.
pub fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| "an integer with ms, s, m or h, such as 500ms or 10s".to_owned())?;
    let milliseconds = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        other => return Err(format!("`{other}` is not one of the units ms, s, m, h")),
    };
    match number.checked_mul(milliseconds) {
        Some(0) => Err("it must be longer than nothing".to_owned()),
        // A day: what anyone would wait for one target; keeps deadlines far from overflow.
        Some(total) if total <= 86_400_000 => Ok(Duration::from_millis(total)),
        _ => Err("longer than a day".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_one_notation() {
        assert_eq!(duration("10"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        for bad in ["", "s", "1.5s", "-1", "0", "10 s", "1d", "99999999999999999999", "25h"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
