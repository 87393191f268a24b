//! The README says what is true.

use std::fmt::Write;
use std::sync::{Mutex, PoisonError};

use tlsmend::judge::{clients, rules};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");

fn readme() -> String {
    std::fs::read_to_string(PATH).unwrap()
}

/// What stands between `<!-- name -->` and `<!-- end -->`.
fn section(name: &str) -> String {
    let text = readme();
    let (_, after) =
        text.split_once(&format!("<!-- {name} -->\n")).unwrap_or_else(|| panic!("README.md has no section {name}"));
    after.split_once("<!-- end -->").unwrap().0.to_owned()
}

/// The section must be `expected`; with `TLSMEND_BLESS=1` it is made so.
pub fn check(name: &str, expected: &str) {
    /// Tests of several tables run at once.
    static WRITING: Mutex<()> = Mutex::new(());
    let _alone = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    if std::env::var_os("TLSMEND_BLESS").is_some() {
        let text = readme().replace(
            &format!("<!-- {name} -->\n{}<!-- end -->", section(name)),
            &format!("<!-- {name} -->\n{expected}<!-- end -->"),
        );
        std::fs::write(PATH, text).unwrap();
    }
    assert_eq!(section(name), expected, "README.md is not true; TLSMEND_BLESS=1 cargo test readme rewrites its tables");
}

#[test]
fn the_tables_are_the_catalogue_and_the_models() {
    let mut findings = String::from("| code | severity | what is the case |\n| --- | --- | --- |\n");
    for rule in rules::ALL {
        writeln!(findings, "| `{}` | {} | {} |", rule.code, rule.severity, rule.title).unwrap();
    }
    check("findings", &findings);
    let mut models = String::from("| id | client | modelled and measured |\n| --- | --- | --- |\n");
    for client in clients::ALL {
        writeln!(models, "| `{}` | {} | {} |", client.id, client.name, client.versions).unwrap();
    }
    check("clients", &models);
}
