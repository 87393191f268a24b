//! The configuration file: what it may say, what wins over it.

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Runs `tlsmend` with `config` in its usual place.
fn with_config(config: &str, arguments: &[&str]) -> Output {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("tlsmend")).unwrap();
    std::fs::write(home.path().join("tlsmend/config.toml"), config).unwrap();
    run(home.path(), arguments)
}

fn run(config_home: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tlsmend"));
    command.args(arguments).env("XDG_CONFIG_HOME", config_home).env("NO_COLOR", "1").env("HOME", config_home);
    command.stdin(Stdio::null()).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[track_caller]
fn refused(output: &Output) -> String {
    assert_eq!((output.status.code(), stdout(output).as_str()), (Some(2), ""));
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn its_values_are_defaults_and_the_command_line_wins() {
    let json = "output = \"json\"\n";
    assert!(stdout(&with_config(json, &["rules"])).starts_with('['));
    assert!(!stdout(&with_config(json, &["rules", "--output", "text"])).starts_with('['));
    // A command without the option goes on as ever.
    assert_eq!(with_config(json, &["explain", "curl"]).status.code(), Some(0));
    // A list for an option that can be repeated, also of commands inside commands.
    let listed = stdout(&with_config("client = [\"curl\", \"go\"]\n", &["inspect", "--help"]));
    assert!(listed.contains("--client"));
    // Options without a value, and counted ones.
    let verbose = stdout(&with_config("verbose = 1\n", &["clients"]));
    assert!(verbose.contains("versions modelled"));
    let coloured = stdout(&with_config("color = \"always\"\n", &["explain", "curl"]));
    assert!(coloured.contains('\u{1b}'));
    assert!(!stdout(&with_config("color = \"always\"\n", &["explain", "curl", "--color", "never"])).contains('\u{1b}'));
}

#[test]
fn a_typed_option_beats_one_it_cannot_stand_beside() {
    let loud = stdout(&with_config("quiet = 1\n", &["clients", "-v"]));
    assert!(loud.contains("versions modelled"), "{loud}");
    let loud = stdout(&with_config("verbose = 1\n", &["clients", "-q"]));
    assert!(!loud.contains("versions modelled"), "{loud}");
}

#[test]
fn what_it_must_not_say_is_an_error_that_names_the_file() {
    for (config, said) in [
        ("timeot = \"5s\"\n", "did you mean `timeout`?"),
        ("frobnicate = 1\n", "there is no option `--frobnicate`"),
        ("timeout = \"1d\"\n", "units"),
        ("output = \"xml\"\n", "xml"),
        ("no-aia = \"perhaps\"\n", "true or false"),
        ("timeout = [\"1s\", \"2s\"]\n", "one value"),
        ("[probe]\ntimeout = \"5s\"\n", "no option"),
        ("timeout = { a = 1 }\n", "`timeout`"),
        ("config = \"other\"\n", "cannot stand"),
        ("warn-days = 1\nwarn_days = 2\n", "twice"),
        ("timeout = \n", "config.toml"),
        ("evil\u{1b}[2J = 1\n", "config.toml"),
    ] {
        let message = refused(&with_config(config, &["rules"]));
        assert!(message.contains(said) && message.contains("config.toml"), "{config}: {message}");
        assert!(!message.contains('\u{1b}'));
    }
}

#[test]
fn the_file_can_be_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("own.toml");
    std::fs::write(&file, "output = \"json\"\n").unwrap();
    let name = file.to_str().unwrap();
    assert!(stdout(&run(folder.path(), &["rules", "--config", name])).starts_with('['));
    assert!(stdout(&run(folder.path(), &["--config", name, "rules"])).starts_with('['));
    assert!(stdout(&run(folder.path(), &["rules", &format!("--config={name}")])).starts_with('['));
    // Named and missing is an error; the usual one may be missing.
    assert!(refused(&run(folder.path(), &["rules", "--config", "/no/such/file.toml"])).contains("/no/such/file.toml"));
    assert_eq!(run(folder.path(), &["rules"]).status.code(), Some(0));
    // The named one is read instead of the usual one.
    std::fs::create_dir(folder.path().join("tlsmend")).unwrap();
    std::fs::write(folder.path().join("tlsmend/config.toml"), "frobnicate = 1\n").unwrap();
    assert_eq!(run(folder.path(), &["rules", "--config", name]).status.code(), Some(0));
}
