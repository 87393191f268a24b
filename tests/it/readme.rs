//! The README says what is true.

use std::fmt::Write;

use tlsmend::judge::{clients, rules};

fn readme() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap()
}

/// What stands between `<!-- name -->` and `<!-- end -->`.
fn section(name: &str) -> String {
    let text = readme();
    let (_, after) =
        text.split_once(&format!("<!-- {name} -->\n")).unwrap_or_else(|| panic!("README.md has no section {name}"));
    after.split_once("<!-- end -->").unwrap().0.to_owned()
}

#[test]
fn the_table_of_findings_is_the_catalogue() {
    let mut table = String::from("| code | severity | what is the case |\n| --- | --- | --- |\n");
    for rule in rules::ALL {
        writeln!(table, "| `{}` | {} | {} |", rule.code, rule.severity, rule.title).unwrap();
    }
    assert_eq!(section("findings"), table, "paste this into README.md:\n{table}");
}

#[test]
fn the_table_of_clients_is_the_models() {
    let mut table = String::from("| id | client | modelled and measured |\n| --- | --- | --- |\n");
    for client in clients::ALL {
        writeln!(table, "| `{}` | {} | {} |", client.id, client.name, client.versions).unwrap();
    }
    assert_eq!(section("clients"), table, "paste this into README.md:\n{table}");
}
