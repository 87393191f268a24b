//! The program as a user meets it: exit codes, which stream says what, completions, pipes.

use std::io::Read;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::support::program::CACHE_HOME;

const COMMANDS: &[&str] = &[
    "probe",
    "inspect",
    "bundle",
    "show",
    "mapping",
    "fix",
    "preflight",
    "cas",
    "lab",
    "demo",
    "explain",
    "rules",
    "clients",
    "judge",
    "completions",
];

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tlsmend"));
    command.args(arguments).env_remove("NO_COLOR").env_remove("COLUMNS").stdin(Stdio::null());
    command.env("XDG_CACHE_HOME", CACHE_HOME);
    command
}

fn tlsmend(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The message of a usage error: exit 2, said on stderr, nothing on stdout.
#[track_caller]
fn usage_error(arguments: &[&str]) -> String {
    let output = tlsmend(arguments);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    assert_eq!(stdout(&output), "", "{arguments:?}");
    let message = stderr(&output);
    assert!(!message.trim().is_empty(), "{arguments:?}");
    assert!(!message.contains("panicked"), "{message}");
    message
}

#[test]
fn help_of_every_command_names_its_options() {
    let all = stdout(&tlsmend(&["--help"]));
    for name in COMMANDS {
        assert!(all.contains(name), "{name}");
        let output = tlsmend(&[name, "--help"]);
        assert_eq!(output.status.code(), Some(0), "{name}");
        assert_eq!(stderr(&output), "", "{name}");
        let help = stdout(&output);
        assert!(help.contains("Usage: tlsmend") && help.contains("--color"), "{name}: {help}");
    }
    let help = |name: &str| stdout(&tlsmend(&[name, "--help"]));
    for option in [
        "--resolver",
        "--address",
        "--server-name",
        "--ca",
        "--roots",
        "--client",
        "--at",
        "--expect-cname",
        "--no-aia",
        "--allow-private-aia",
        "--warn-days",
        "--timeout",
        "--fail-on",
        "--output",
        "--evidence",
        "--verbose",
        "--quiet",
    ] {
        assert!(help("probe").contains(option), "{option}");
    }
    assert!(help("rules").contains("--output") && help("clients").contains("--output"));
    assert!(help("explain").contains("<WORD>"));
}

#[test]
fn the_version_is_that_of_the_crate() {
    assert_eq!(stdout(&tlsmend(&["--version"])), concat!("tlsmend ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn usage_errors_say_what_was_wrong_and_exit_2() {
    usage_error(&[]);
    usage_error(&["explain"]);
    assert!(usage_error(&["frobnicate"]).contains("frobnicate"));
    for (arguments, said) in [
        (&["probe"][..], "<TARGET>"),
        (&["probe", "http://example.test"], "no TLS"),
        (&["probe", "a..b"], "empty"),
        (&["probe", "example.test", "--timeout", "1d"], "units"),
        (&["probe", "example.test", "--at", "yesterday"], "RFC 3339"),
        (&["probe", "example.test", "--client", "netscape"], "curl"),
        (&["probe", "example.test", "--fail-on", "awful"], "critical"),
        (&["probe", "example.test", "--resolver", "ns.example"], "IP address"),
        (&["probe", "example.test", "--ca", "/no/such/file"], "/no/such/file"),
        (&["probe", "example.test", "-q", "-v"], "cannot be used with"),
        (&["rules", "--output", "xml"], "json"),
        (&["completions", "cmd"], "fish"),
    ] {
        let message = usage_error(arguments);
        assert!(message.contains(said), "{arguments:?}: {message}");
    }
}

#[test]
fn explain_knows_codes_clients_and_categories() {
    let code = stdout(&tlsmend(&["explain", "missing-intermediate"]));
    for part in ["severity high", "the served chain stops", "What to do", "unknown-issuer", "RFC 8446"] {
        assert!(code.contains(part), "{part}: {code}");
    }
    assert_eq!(code, stdout(&tlsmend(&["explain", " Missing-Intermediate "])));
    assert!(stdout(&tlsmend(&["explain", "curl"])).contains("versions modelled"));
    assert!(stdout(&tlsmend(&["explain", "unknown-issuer"])).contains("missing-intermediate"));
}

#[test]
fn every_code_and_client_can_be_explained() {
    for list in ["rules", "clients"] {
        let output = tlsmend(&[list, "--output", "json"]);
        let entries: Vec<Value> = serde_json::from_str(&stdout(&output)).unwrap();
        assert!(!entries.is_empty(), "{list}");
        let table = stdout(&tlsmend(&[list]));
        for entry in entries {
            let word = entry.get("code").or_else(|| entry.get("id")).unwrap().as_str().unwrap();
            assert!(table.contains(word), "{list} lists {word}");
            let output = tlsmend(&["explain", word]);
            assert_eq!(output.status.code(), Some(0), "{word}");
            assert!(stdout(&output).contains(word), "{word}");
        }
    }
}

#[test]
fn an_unknown_word_is_an_error_with_near_misses() {
    assert!(usage_error(&["explain", "mising-intermediate"]).contains("did you mean missing-intermediate?"));
    assert!(usage_error(&["explain", "qqqqqqqq"]).contains("tlsmend rules"));
    let hostile = usage_error(&["explain", "\u{1b}[2J\u{7}"]);
    assert!(!hostile.contains('\u{1b}') && !hostile.contains('\u{7}'), "{hostile:?}");
    usage_error(&["explain", &"x".repeat(100_000)]);
}

#[test]
fn clients_say_more_when_asked() {
    let (short, long) = (stdout(&tlsmend(&["clients"])), stdout(&tlsmend(&["clients", "-v"])));
    assert!(long.lines().count() > short.lines().count());
    assert!(long.contains("versions modelled"));
}

#[test]
fn completions_exist_for_every_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let output = tlsmend(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0));
        let script = stdout(&output);
        for word in ["probe", "explain", "completions"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
}

/// `tlsmend … | head`: the reader goes away before everything is written. No error, no message.
#[test]
fn a_closed_stdout_is_no_error() {
    for arguments in [&["completions", "zsh"][..], &["rules", "--output", "json"], &["clients"], &["explain", "curl"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut child = command(arguments).stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""), "{arguments:?}");
    }
}

/// Colour goes to terminals only, unless it is demanded; `never` leaves no escape at all.
#[test]
fn colour_is_written_only_when_wanted() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let probe = |color: &str| {
        let target = closed.to_string();
        let output = tlsmend(&["probe", &target, "--timeout", "2s", "--color", color]);
        let text = stdout(&output);
        assert!(text.contains(&target), "{text}");
        text
    };
    assert!(!probe("never").contains('\x1b'));
    assert!(!probe("auto").contains('\x1b'), "stdout is no terminal here");
    assert!(probe("always").contains("\x1b["));
    for word in ["never", "auto"] {
        assert!(!stdout(&tlsmend(&["explain", "curl", "--color", word])).contains('\x1b'));
    }
    assert!(stdout(&tlsmend(&["explain", "curl", "--color", "always"])).contains('\x1b'));
}
