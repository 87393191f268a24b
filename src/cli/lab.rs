//! `tlsmend lab`: broken domains to try everything on, on this machine.

mod cas;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde::Serialize;

use super::options::{Global, Output};
use super::{CliError, Exit};
use crate::lab::scenario::{self, Family};
use crate::lab::{Lab, Running, Scenario};
use crate::model::report::SCHEMA_VERSION;

/// Broken domains to try everything on: servers, names and certificates on this machine
///
/// The lab needs no network and no privileges. Its names end in .lab.example.com, its name server and all other servers
/// listen on loopback addresses (127.0.0.1 and following) at free ports, its certificates are made when it starts.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(RunArguments),
    List(ListArguments),
    Cas(cas::Arguments),
}

/// Start the lab and print the probe command for every scenario; Ctrl-C ends it
///
/// The commands can be pasted into another terminal. The roots that clients trust lie in a file of a temporary
/// directory, which is removed when the lab ends.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tlsmend lab run
  tlsmend lab run --only missing-intermediate --only expired
  tlsmend lab run --output json > lab.json &     # for scripts: one document, then it runs on

Other programs can visit the lab too, once they are told the address:
  curl --cacert ROOTS --resolve NAME:PORT:127.0.0.1 https://NAME:PORT/
  dig @127.0.0.1 -p RESOLVER-PORT NAME")]
struct RunArguments {
    /// Start this scenario only (repeatable; `tlsmend lab list` shows them)
    #[arg(long, value_name = "ID", value_parser = known)]
    only: Vec<&'static str>,

    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// Describe every scenario: what is broken, and what a probe should find
#[derive(Debug, clap::Args)]
struct ListArguments {
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

fn known(id: &str) -> Result<&'static str, String> {
    scenario::find(id)
        .map(|scenario| scenario.id)
        .ok_or_else(|| "no such scenario; `tlsmend lab list` shows them".to_owned())
}

pub fn run(arguments: &Arguments, _global: &Global) -> Result<Exit, CliError> {
    match &arguments.command {
        Command::List(arguments) => list(arguments.output),
        Command::Cas(arguments) => super::runtime()?.block_on(cas::run(arguments)),
        Command::Run(arguments) => super::runtime()?.block_on(serve(arguments)),
    }
}

/// The document of `lab list` and `lab run`. The fields of a running lab are absent in a list.
#[derive(Serialize)]
struct Document<'a> {
    schema_version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolver: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    roots: Option<String>,
    scenarios: Vec<Entry>,
    left_out: Vec<LeftOut<'a>>,
}

#[derive(Serialize)]
struct Entry {
    id: &'static str,
    family: Family,
    summary: &'static str,
    expected_findings: &'static [&'static str],
    expected_exit: u8,
    #[serde(flatten)]
    place: Option<Place>,
}

/// Where a running scenario is.
#[derive(Serialize)]
struct Place {
    target: String,
    addresses: Vec<String>,
    /// For `tlsmend`, without the program's name.
    arguments: Vec<String>,
}

#[derive(Serialize)]
struct LeftOut<'a> {
    id: &'a str,
    reason: &'a str,
}

impl Entry {
    fn new(scenario: Scenario, place: Option<Place>) -> Self {
        Self {
            id: scenario.id,
            family: scenario.family,
            summary: scenario.summary,
            expected_findings: scenario.expected,
            expected_exit: scenario.exit,
            place,
        }
    }
}

fn list(output: Output) -> Result<Exit, CliError> {
    let mut out = Vec::new();
    match output {
        Output::Json => {
            let scenarios = scenario::all().map(|scenario| Entry::new(*scenario, None)).collect();
            let document = Document {
                schema_version: SCHEMA_VERSION,
                resolver: None,
                roots: None,
                scenarios,
                left_out: Vec::new(),
            };
            write_json(&document, &mut out)?;
        }
        Output::Text => {
            let mut family = None;
            for scenario in scenario::all() {
                if family != Some(scenario.family) {
                    writeln!(out, "{}{}", if family.is_some() { "\n" } else { "" }, scenario.family)?;
                    family = Some(scenario.family);
                }
                writeln!(out, "  {}\n      {}\n      {}", scenario.id, scenario.summary, expectation(scenario))?;
            }
        }
    }
    super::write_out(&out)?;
    Ok(Exit::Clean)
}

fn expectation(scenario: &Scenario) -> String {
    let found = match scenario.expected {
        [] => "nothing is found".to_owned(),
        codes => format!("finds {}", codes.join(", ")),
    };
    format!("{found}; exit code {}", scenario.exit)
}

async fn serve(arguments: &RunArguments) -> Result<Exit, CliError> {
    let only = (!arguments.only.is_empty()).then_some(arguments.only.as_slice());
    let lab = Lab::start(super::clock(), only).await.map_err(|error| CliError::Usage(error.to_string()))?;
    let directory = Directory::create().map_err(|error| CliError::Usage(format!("no temporary directory: {error}")))?;
    let roots = directory.0.join("roots.pem");
    fs::write(&roots, lab.roots_pem()).map_err(|error| CliError::Usage(format!("{}: {error}", roots.display())))?;
    // Before the first line is out: whoever reads it may end the lab at once.
    let ended = super::interrupted()?;
    let mut out = Vec::new();
    match arguments.output {
        Output::Json => {
            let entry = |running: &Running| Entry::new(running.scenario, Some(place(&lab, running, &roots)));
            let left_out = lab.left_out().iter().map(|left| LeftOut { id: left.scenario.id, reason: &left.reason });
            let document = Document {
                schema_version: SCHEMA_VERSION,
                resolver: Some(lab.resolver().to_string()),
                roots: Some(roots.display().to_string()),
                scenarios: lab.scenarios().map(entry).collect(),
                left_out: left_out.collect(),
            };
            write_json(&document, &mut out)?;
        }
        Output::Text => write_text(&lab, &roots, &mut out)?,
    }
    super::write_out(&out)?;
    ended.await;
    Ok(Exit::Clean)
}

fn write_text(lab: &Lab, roots: &Path, out: &mut Vec<u8>) -> io::Result<()> {
    writeln!(
        out,
        "# {} scenarios; name server {}; roots in {}",
        lab.scenarios().len(),
        lab.resolver(),
        roots.display()
    )?;
    writeln!(out, "# Paste any of the commands into another terminal. Ctrl-C ends the lab.")?;
    let program = program();
    for running in lab.scenarios() {
        let scenario = &running.scenario;
        let words: Vec<String> =
            std::iter::once(program.clone()).chain(place(lab, running, roots).arguments).map(quoted).collect();
        writeln!(out, "\n# {}: {}", scenario.id, scenario.summary)?;
        writeln!(out, "# {}", expectation(scenario))?;
        writeln!(out, "{}", words.join(" "))?;
    }
    for left in lab.left_out() {
        writeln!(out, "\n# {} is left out: {}", left.scenario.id, left.reason)?;
    }
    Ok(())
}

fn place(lab: &Lab, running: &Running, roots: &Path) -> Place {
    let mut arguments: Vec<String> = ["probe", &running.authority(), "--resolver", &lab.resolver().to_string()]
        .into_iter()
        .map(str::to_owned)
        .collect();
    arguments.extend(["--roots".to_owned(), roots.display().to_string(), "--allow-private-aia".to_owned()]);
    if let Some(name) = running.expect_cname {
        arguments.extend(["--expect-cname".to_owned(), name.to_owned()]);
    }
    if let Some(timeout) = running.timeout {
        arguments.extend(["--timeout".to_owned(), format!("{}ms", timeout.as_millis())]);
    }
    Place {
        target: running.authority(),
        addresses: running.addresses.iter().map(ToString::to_string).collect(),
        arguments,
    }
}

/// This program as it was called, so that the commands work where it is not on the `PATH`.
fn program() -> String {
    std::env::args().next().unwrap_or_else(|| "tlsmend".to_owned())
}

/// One word for a POSIX shell.
pub(super) fn quoted(word: String) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,=@+".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

fn write_json(document: &impl Serialize, out: &mut Vec<u8>) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, document)?;
    writeln!(out)
}

/// A temporary directory of our own, gone when this is dropped.
struct Directory(PathBuf);

impl Directory {
    fn create() -> io::Result<Self> {
        let mut random = [0; 8];
        aws_lc_rs::rand::fill(&mut random).map_err(|_| io::Error::other("the system gave no random bytes"))?;
        let path = std::env::temp_dir().join(format!("tlsmend-lab-{}", crate::x509::hex(&random)));
        // Fails when the path exists: nobody can have put a link there for us to follow.
        fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // It is the system's temporary directory: what cannot be removed now is cleared away some day.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_survives_the_shell() {
        assert_eq!(quoted("target/debug/tlsmend".to_owned()), "target/debug/tlsmend");
        assert_eq!(quoted("it's $HOME".to_owned()), r"'it'\''s $HOME'");
        assert_eq!(quoted(String::new()), "''");
    }
}
