//! The layers of the house, read from the sources: who may know whom.

use std::fs;
use std::path::{Path, PathBuf};

/// Layer, what its files must not mention, why.
const BORDERS: &[(&str, &[&str], &str)] = &[
    (
        "model",
        &[
            "crate::x509",
            "crate::observe",
            "crate::judge",
            "crate::probe",
            "crate::report",
            "crate::remedy",
            "crate::cli",
            "crate::lab",
        ],
        "model knows nobody",
    ),
    ("model", IO, "model does no I/O"),
    (
        "x509",
        &[
            "crate::observe",
            "crate::judge",
            "crate::probe",
            "crate::report",
            "crate::remedy",
            "crate::cli",
            "crate::lab",
        ],
        "x509 knows only model",
    ),
    ("x509", IO, "x509 does no I/O"),
    (
        "judge",
        &["crate::observe", "crate::probe", "crate::report", "crate::remedy", "crate::cli", "crate::lab"],
        "judge and observe meet in probe.rs",
    ),
    ("judge", IO, "judge does no I/O"),
    (
        "observe",
        &["crate::judge", "crate::probe", "crate::report", "crate::remedy", "crate::cli", "crate::lab"],
        "observe and judge meet in probe.rs",
    ),
    (
        "report",
        &[
            "crate::observe",
            "crate::probe",
            "crate::remedy",
            "crate::cli",
            "crate::lab",
            "crate::judge",
            "crate::x509::Certificate",
        ],
        "a renderer reads the report and decides nothing",
    ),
    (
        "report",
        &["tokio", "std::net::Tcp", "std::net::Udp", "std::fs", "SystemTime", "Instant::now", "rand::"],
        "report does no I/O but writing",
    ),
    ("remedy/bundle.rs", IO, "the bundle is pure"),
    ("remedy/plan.rs", IO, "the plan is pure"),
    ("remedy/plan.rs", &["crate::observe", "crate::probe", "crate::cli", "crate::lab"], "the plan is pure"),
    ("remedy/run.rs", &["crate::cli", "crate::lab", "SystemTime", "std::env"], "a run is told where and when it is"),
    (
        "remedy/service",
        &["crate::cli", "crate::lab", "SystemTime", "std::env"],
        "a service is told where and when it is",
    ),
    ("remedy/bundle.rs", &["crate::observe", "crate::probe", "crate::cli", "crate::lab"], "the bundle is pure"),
    ("remedy/bundle", IO, "the bundle is pure"),
    ("remedy/bundle", &["crate::observe", "crate::probe", "crate::cli", "crate::lab"], "the bundle is pure"),
    ("remedy/p7b.rs", IO, "an encoding is pure"),
    ("remedy/mapping.rs", IO, "octets in, octets out"),
    ("remedy/mapping", IO, "octets in, octets out"),
    (
        "probe",
        &["SystemTime", "println!", "std::env"],
        "time is an argument; only cli/ touches the terminal and the environment",
    ),
    (
        "scan",
        &["crate::cli", "crate::lab", "crate::remedy", "SystemTime", "println!", "std::env"],
        "time is an argument; only cli/ touches the terminal and the environment",
    ),
    ("observe", &["SystemTime", "println!", "eprintln!"], "time is an argument; only cli/ touches the terminal"),
    ("lab", &["SystemTime", "println!", "eprintln!"], "time is an argument; only cli/ touches the terminal"),
];

/// Sockets, files, clock, randomness, terminal.
const IO: &[&str] = &[
    "tokio",
    "std::net::Tcp",
    "std::net::Udp",
    "std::fs",
    "std::io::std",
    "SystemTime",
    "Instant",
    "rand::",
    "reqwest",
    "hickory",
    "println!",
    "std::env",
    "std::process",
];

fn sources(under: &Path, found: &mut Vec<PathBuf>) {
    if under.is_file() {
        found.push(under.to_owned());
        return;
    }
    for entry in fs::read_dir(under).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() || path.extension().is_some_and(|extension| extension == "rs") {
            sources(&path, found);
        }
    }
}

/// The code of a file, without comments and without its unit tests (which may read fixtures).
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn breaches(source: &str, forbidden: &[&str]) -> Vec<String> {
    forbidden.iter().filter(|word| source.contains(*word)).map(|word| (*word).to_owned()).collect()
}

#[test]
fn layers_keep_their_borders() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut broken = Vec::new();
    for (layer, forbidden, why) in BORDERS {
        let mut files = Vec::new();
        sources(&root.join(layer), &mut files);
        let beside = root.join(format!("{layer}.rs"));
        if beside.is_file() {
            files.push(beside);
        }
        assert!(!files.is_empty(), "{layer} has no sources: the border guards nothing");
        for file in files {
            for word in breaches(&code(&file), forbidden) {
                broken.push(format!("{}: `{word}` ({why})", file.strip_prefix(&root).unwrap().display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn a_breach_is_seen() {
    assert_eq!(breaches("use crate::judge::Pool;\nuse tokio::net;", &["crate::judge", "std::fs"]), ["crate::judge"]);
}

#[test]
fn only_main_prints_errors_and_nothing_is_unsafe() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    for file in files {
        let source = code(&file);
        let name = file.strip_prefix(&root).unwrap().display().to_string();
        assert!(!source.contains("process::exit"), "{name} leaves without saying so to main");
        if name != "main.rs" && !name.starts_with("cli/") {
            assert!(!source.contains("eprint"), "{name} prints");
        }
    }
    for entry in ["lib.rs", "main.rs"] {
        assert!(fs::read_to_string(root.join(entry)).unwrap().contains("#![forbid(unsafe_code)]"), "{entry}");
    }
}
