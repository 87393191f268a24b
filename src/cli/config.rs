//! The configuration file: defaults for options, by their long names, for every command that has them.
//!
//! The values become the defaults of clap's own options before the command line is read. So they are checked as if they were
//! typed, the command line wins, and no command knows where a value came from.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::builder::OsStr;
use clap::error::{ContextKind, ContextValue};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory, FromArgMatches};
use toml::{Table, Value};

use super::{Arguments, CliError};
use crate::x509::dn::printable;

/// Larger is no configuration.
const MAX_FILE: u64 = 1024 * 1024;

/// What makes no sense as a default.
const NEVER: [&str; 3] = ["config", "help", "version"];

/// The arguments, with the defaults of the configuration file. Usage errors end the process with 2, `--help` with 0.
pub(super) fn parse() -> Result<Arguments, CliError> {
    let plain = Arguments::command();
    let Some(config) = Config::read(config_file(std::env::args_os().skip(1)), &plain)? else {
        return from_matches(&plain.get_matches());
    };
    let first = config.parse(&plain, &[])?;
    // An option that was typed beats one of the file that it cannot stand beside.
    let beaten = conflicting(&plain, &first);
    if beaten.iter().any(|name| config.values.iter().any(|(known, _)| known == name)) {
        return from_matches(&config.parse(&plain, &beaten)?);
    }
    from_matches(&first)
}

fn from_matches(matches: &ArgMatches) -> Result<Arguments, CliError> {
    Arguments::from_arg_matches(matches).map_err(|error| error.exit())
}

/// Which file, and whether it was asked for.
enum Source {
    Asked(PathBuf),
    Usual(PathBuf),
    None,
}

/// `--config` is looked for before the command line is parsed, because the parser's defaults depend on it.
fn config_file(arguments: impl Iterator<Item = std::ffi::OsString>) -> Source {
    let mut arguments = arguments.take_while(|argument| argument != "--");
    while let Some(argument) = arguments.next() {
        if argument == "--config" {
            // Without a value the parser says what is missing.
            return arguments.next().map_or(Source::None, |file| Source::Asked(file.into()));
        }
        if let Some(file) = argument.to_str().and_then(|text| text.strip_prefix("--config=")) {
            return Source::Asked(file.into());
        }
    }
    let base = std::env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute()) // as the XDG specification demands
        .or_else(|| super::cloud::home().map(|home| home.join(".config")));
    base.map_or(Source::None, |base| Source::Usual(base.join("tlsmend").join("config.toml")))
}

/// The file's values by the long name of their option, spelled with hyphens.
struct Config {
    file: String,
    values: Vec<(String, Vec<String>)>,
}

impl Config {
    /// `None` where there is no file, or nothing in it.
    fn read(source: Source, command: &Command) -> Result<Option<Self>, CliError> {
        let (path, asked) = match source {
            Source::Asked(path) => (path, true),
            Source::Usual(path) => (path, false),
            Source::None => return Ok(None),
        };
        let file = printable(&path.display().to_string());
        let fail = |reason: String| CliError::Usage(format!("the configuration file {file}: {reason}"));
        let text = match read(&path) {
            Ok(text) => text,
            Err(error) if !asked && error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(fail(error.to_string())),
        };
        let table: Table = text.parse().map_err(|error: toml::de::Error| fail(printable(error.message())))?;
        let options = options(command);
        let mut values = Vec::new();
        for (key, value) in &table {
            let name = key.replace('_', "-");
            if !options.iter().any(|option| option.get_long() == Some(name.as_str())) {
                return Err(fail(unknown(key, &name, &options)));
            }
            let texts = texts(value).ok_or_else(|| {
                fail(format!("`{}`: a text, number, true or false, or a list of them", printable(key)))
            })?;
            let refused: Vec<String> = options
                .iter()
                .filter(|option| option.get_long() == Some(name.as_str()))
                .map(|option| accepted(option, &texts).err())
                .collect::<Option<Vec<_>>>()
                .unwrap_or_default();
            // What one command accepts may be nothing for another, such as a format of `output`: there it does not apply.
            if let Some(reason) = refused.first() {
                return Err(fail(format!("`{}`: {reason}", printable(key))));
            }
            if values.iter().any(|(known, _)| *known == name) {
                return Err(fail(format!("`{name}` is there twice, with a hyphen and with an underscore")));
            }
            values.push((name, texts));
        }
        Ok(if values.is_empty() { None } else { Some(Self { file, values }) })
    }

    /// Parses the command line over these defaults, without those of the options named in `without`.
    fn parse(&self, plain: &Command, without: &[String]) -> Result<ArgMatches, CliError> {
        let command = self.inject(plain.clone(), without);
        command.try_get_matches().map_err(|error| {
            let named = match error.get(ContextKind::InvalidArg) {
                Some(ContextValue::String(option)) => {
                    option.trim_start_matches('-').split([' ', '=']).next().map(str::to_owned)
                }
                _ => None,
            };
            let typed =
                |name: &str| std::env::args().any(|argument| argument.split('=').next() == Some(&format!("--{name}")));
            match named.filter(|name| !typed(name) && self.values.iter().any(|(known, _)| known == name)) {
                Some(name) => {
                    CliError::Usage(format!("the configuration file {}: `{name}` cannot be used here", self.file))
                }
                None => error.exit(),
            }
        })
    }

    fn inject(&self, command: Command, without: &[String]) -> Command {
        let mut command = command;
        for (name, texts) in self.values.iter().filter(|(name, _)| !without.contains(name)) {
            let found: Vec<_> = command
                .get_arguments()
                .filter(|option| option.get_long() == Some(name) && accepted(option, texts).is_ok())
                .map(|option| option.get_id().clone())
                .collect();
            for id in found {
                let defaults: Vec<OsStr> = texts.iter().map(|text| text.clone().into()).collect();
                command = command.mut_arg(id, |option| option.required(false).default_values(defaults));
            }
        }
        let names: Vec<String> = command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
        for name in names {
            command = command.mut_subcommand(name, |command| self.inject(command, without));
        }
        command
    }
}

fn read(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(MAX_FILE + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_FILE {
        return Err(std::io::Error::other("too large for a configuration"));
    }
    Ok(text)
}

/// Every option with a long name, of every command.
fn options(command: &Command) -> Vec<Arg> {
    let usable = |option: &&Arg| option.get_long().is_some_and(|name| !NEVER.contains(&name));
    let mut found: Vec<Arg> = command.get_arguments().filter(usable).cloned().collect();
    found.extend(command.get_subcommands().flat_map(options));
    found
}

fn unknown(key: &str, name: &str, options: &[Arg]) -> String {
    let shown = printable(key);
    if NEVER.contains(&name) {
        return format!("`{shown}` cannot stand in a configuration file");
    }
    let known = options.iter().filter_map(Arg::get_long).map(str::to_owned);
    match super::explain::near_misses(name, known).first() {
        Some(near) => format!("there is no option `--{shown}`; did you mean `{near}`?"),
        None => format!(
            "there is no option `--{shown}`; the keys are the long names of the options, such as `timeout = \"5s\"`"
        ),
    }
}

/// A value as it would be typed; a list as several.
fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Array(items) => items
            .iter()
            .map(|item| texts(item).filter(|_| !item.is_array()))
            .collect::<Option<Vec<_>>>()
            .map(|items| items.concat()),
        Value::String(text) => Some(vec![text.clone()]),
        Value::Integer(number) => Some(vec![number.to_string()]),
        Value::Boolean(flag) => Some(vec![flag.to_string()]),
        Value::Datetime(moment) => Some(vec![moment.to_string()]),
        Value::Float(_) | Value::Table(_) => None,
    }
}

/// Would the option take these values? Asked of a command with this option alone, because a wrong default is a bug to clap.
fn accepted(option: &Arg, texts: &[String]) -> Result<(), String> {
    let (Some(long), action) = (option.get_long(), option.get_action().clone()) else { return Ok(()) };
    let one = |wanted: &str| match texts {
        [text] => Ok(text.as_str()),
        _ => Err(format!("one value is wanted, {wanted}")),
    };
    match action {
        ArgAction::SetTrue | ArgAction::SetFalse => {
            let text = one("true or false")?;
            return if matches!(text, "true" | "false") { Ok(()) } else { Err("true or false".to_owned()) };
        }
        ArgAction::Count => {
            let wanted = "a small number, such as 1";
            return one(wanted)?.parse::<u8>().map(|_| ()).map_err(|_| wanted.to_owned());
        }
        ArgAction::Append => {}
        _ => {
            one("not a list")?;
        }
    }
    let mut alone = Arg::new(option.get_id().clone()).long(long.to_owned()).action(action);
    alone = alone.value_parser(option.get_value_parser().clone());
    if let Some(delimiter) = option.get_value_delimiter() {
        alone = alone.value_delimiter(delimiter);
    }
    let typed = texts.iter().map(|text| format!("--{long}={text}"));
    let parsed = Command::new("tlsmend").no_binary_name(true).arg(alone).try_get_matches_from(typed);
    parsed.map(|_| ()).map_err(|error| {
        let text = error.render().to_string();
        printable(text.lines().next().unwrap_or_default().trim_start_matches("error: "))
    })
}

/// Long names of the options that one of the typed ones excludes.
fn conflicting(command: &Command, matches: &ArgMatches) -> Vec<String> {
    let mut found = Vec::new();
    let mut built = command.clone();
    built.build();
    let (mut command, mut matches) = (&built, matches);
    loop {
        for option in command.get_arguments() {
            // `--help` and the like have no id among the matches.
            let source = matches
                .try_contains_id(option.get_id().as_str())
                .ok()
                .and_then(|_| matches.value_source(option.get_id().as_str()));
            if source == Some(ValueSource::CommandLine) {
                // Either of two options may be the one that declares it.
                let excludes = |one: &Arg, other: &Arg| {
                    command.get_arg_conflicts_with(one).iter().any(|it| it.get_id() == other.get_id())
                };
                let others = command.get_arguments().filter(|other| excludes(option, other) || excludes(other, option));
                found.extend(others.filter_map(Arg::get_long).map(str::to_owned));
            }
        }
        let Some((name, inner)) = matches.subcommand() else { return found };
        let Some(next) = command.find_subcommand(name) else { return found };
        (command, matches) = (next, inner);
    }
}
