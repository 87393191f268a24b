//! The reports under `fixtures/`, and the schema that every report must follow.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde_json::Value;
use tlsmend::model::report::Report;

/// The golden reports, by file name.
pub const GOLDEN: &[&str] = &[
    "addresses-differ",
    "aia-unreachable",
    "expired-wrong-name-hostile",
    "healthy",
    "many-clients",
    "missing-intermediate",
    "nxdomain-behind-cname",
    "port-speaks-smtp",
    "root-not-in-store",
];

pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// The text of a golden report.
pub fn golden_json(name: &str) -> String {
    let file = fixtures().join("reports").join(name).with_extension("json");
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

pub fn golden(name: &str) -> Report {
    serde_json::from_str(&golden_json(name)).unwrap()
}

/// Compares with a checked-in file, line by line. With `TLSMEND_BLESS=1` writes the file instead.
pub fn assert_golden(file: &Path, actual: &str) {
    if std::env::var_os("TLSMEND_BLESS").is_some() {
        std::fs::write(file, actual).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(file).unwrap_or_default();
    if expected == actual {
        return;
    }
    let (old, new): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), actual.lines().collect());
    let same = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let same_at_end = old[same..].iter().rev().zip(new[same..].iter().rev()).take_while(|(a, b)| a == b).count();
    let changed = |sign: &str, lines: &[&str]| -> String {
        lines[same..lines.len() - same_at_end].iter().map(|line| format!("{sign} {}\n", line.escape_debug())).collect()
    };
    panic!(
        "{} differs from line {}:\n{}{}\nif this is what it should say: TLSMEND_BLESS=1 cargo test --test it reports",
        file.display(),
        same + 1,
        changed("-", &old),
        changed("+", &new)
    );
}

/// Panics with every violation when `report` does not follow `fixtures/report.schema.json`.
pub fn validate(report: &Value) {
    static VALIDATOR: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
        let schema = std::fs::read_to_string(fixtures().join("report.schema.json")).unwrap();
        let schema: Value = serde_json::from_str(&schema).unwrap();
        jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
    });
    let violations: Vec<String> =
        VALIDATOR.iter_errors(report).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(violations.is_empty(), "the report does not follow its schema:\n{}", violations.join("\n"));
}
