//! Reports: the schema is that of the types, golden reports follow it, and the text is what was last looked at.

use serde_json::{Value, json};
use tlsmend::model::report::Report;
use tlsmend::report::json as json_report;
use tlsmend::report::text::{self, Detail};

use crate::support::sample_report::{GOLDEN, assert_golden, fixtures, golden, golden_json};
use crate::support::validate;

fn text_of(report: &Report, color: bool, width: usize, detail: Detail) -> String {
    let mut out = Vec::new();
    text::write(report, text::Style { color, width, detail }, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn the_schema_is_that_of_the_types() {
    let schema = serde_json::to_string_pretty(&schemars::schema_for!(Report)).unwrap();
    assert_golden(&fixtures().join("report.schema.json"), &(schema + "\n"));
}

#[test]
fn the_schema_of_a_fix_is_that_of_the_types() {
    let schema = serde_json::to_string_pretty(&schemars::schema_for!(tlsmend::model::fix::FixReport)).unwrap();
    assert_golden(&fixtures().join("fix.schema.json"), &(schema + "\n"));
}

#[test]
fn golden_reports_follow_the_schema_and_survive_a_round_trip() {
    for name in GOLDEN {
        let before = golden_json(name);
        validate(&serde_json::from_str(&before).unwrap());
        let report: Report = serde_json::from_str(&before).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut after = Vec::new();
        json_report::write_document(&report, &mut after).unwrap();
        let (before, after): (Value, Value) =
            (serde_json::from_str(&before).unwrap(), serde_json::from_slice(&after).unwrap());
        assert_eq!(before, after, "{name}");
        let mut line = Vec::new();
        json_report::write_line(&report, &mut line).unwrap();
        assert_eq!(line.iter().filter(|&&byte| byte == b'\n').count(), 1, "one document, one line");
    }
}

#[test]
fn the_list_of_golden_reports_is_complete() {
    let mut found: Vec<String> = std::fs::read_dir(fixtures().join("reports"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    found.sort();
    assert_eq!(found, GOLDEN);
}

#[test]
fn the_schema_allows_null_where_the_types_do_and_nowhere_else() {
    let report: Value = serde_json::from_str(&golden_json("healthy")).unwrap();
    let with = |pointer: &str, value: Value| {
        let mut changed = report.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        std::panic::catch_unwind(|| validate(&changed)).is_ok()
    };
    for pointer in ["/target/starttls", "/dns/resolver", "/endpoints/0/tls", "/endpoints/0/timing_ms/tcp"] {
        assert!(with(pointer, Value::Null), "{pointer} may be null");
    }
    for (pointer, wrong) in [
        ("/target/port", Value::Null),
        ("/deployments/0/clients/0/verdict", json!("maybe")),
        ("/run/started_at", json!("yesterday")),
        ("/findings", Value::Null),
    ] {
        assert!(!with(pointer, wrong), "{pointer} must be refused");
    }
}

#[test]
fn texts_are_what_was_last_looked_at() {
    for name in GOLDEN {
        let file = fixtures().join("reports").join(name).with_extension("txt");
        assert_golden(&file, &text_of(&golden(name), false, 80, Detail::Screen));
    }
    let file = fixtures().join("reports/missing-intermediate.verbose.txt");
    assert_golden(&file, &text_of(&golden("missing-intermediate"), false, 80, Detail::Everything));
}

/// Colour and control characters apart, the text fits the terminal; commands are left whole for pasting.
#[test]
fn no_line_is_wider_than_the_terminal() {
    for name in GOLDEN {
        for (width, detail) in
            [(40, Detail::Screen), (80, Detail::Screen), (80, Detail::Everything), (200, Detail::Everything)]
        {
            for line in text_of(&golden(name), false, width, detail).lines() {
                let is_command = line.trim_start().starts_with("$ ");
                assert!(is_command || line.chars().count() <= width, "{name} at {width}: {line}");
            }
        }
    }
}

#[test]
fn nothing_hostile_reaches_the_terminal() {
    let report = golden("expired-wrong-name-hostile");
    assert!(golden_json("expired-wrong-name-hostile").contains("\\u001b"), "the fixture has lost its sting");
    for detail in [Detail::Screen, Detail::Everything] {
        let text = text_of(&report, false, 80, detail);
        let bad = text.chars().find(|&c| (c.is_control() && c != '\n') || c == '\u{202e}');
        assert_eq!(bad, None, "{text}");
        // With colour the only escapes are our own, and each ends before its line does.
        let colored = text_of(&report, true, 80, detail);
        for line in colored.lines() {
            for sequence in line.split('\x1b').skip(1) {
                let parameters = sequence.strip_prefix('[').and_then(|rest| rest.split_once('m')).unwrap().0;
                assert!(parameters.chars().all(|c| c.is_ascii_digit() || c == ';'), "{line:?}");
            }
        }
        assert_eq!(without_color(&colored), text);
    }
}

/// Removes SGR sequences.
fn without_color(text: &str) -> String {
    let mut pieces = text.split('\x1b');
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        out.push_str(piece.split_once('m').map_or("", |(_, rest)| rest));
    }
    out
}

#[test]
fn the_first_line_says_what_and_for_whom() {
    let first = |name: &str| text_of(&golden(name), false, 200, Detail::Screen).lines().next().unwrap().to_owned();
    assert_eq!(first("healthy"), "OK for all 6 clients");
    assert_eq!(
        first("missing-intermediate"),
        "BROKEN for 5 of 6 clients: the served chain stops before a trusted issuer"
    );
    assert_eq!(
        first("nxdomain-behind-cname"),
        "BROKEN for everyone: the CNAME chain ends at a name that does not exist"
    );
    assert!(first("addresses-differ").starts_with("BROKEN for all 6 clients at 2 of 3 addresses: "));
}

/// A zone may answer with 64 addresses that all serve something else: still one screen, and a failing group is on it.
#[test]
fn many_groups_of_addresses_do_not_flood_the_screen() {
    let mut report = golden("addresses-differ");
    let (good, bad) = (report.deployments[0].clone(), report.deployments[1].clone());
    report.deployments = vec![good; 60];
    report.deployments.push(bad);
    let text = text_of(&report, false, 80, Detail::Screen);
    assert!(text.lines().count() < 120, "{text}");
    assert!(text.contains("CHAIN I2") && text.contains("57 more groups"), "{text}");
    assert!(text_of(&report, false, 80, Detail::Everything).contains("CHAIN H2"));
}

/// With two dozen clients too: every one that fails is on the screen or counted, and with `-v` each has its row.
#[test]
fn many_clients_do_not_flood_the_screen() {
    let report = golden("many-clients");
    let short = text_of(&report, false, 80, Detail::Screen);
    assert!(short.starts_with("BROKEN for 18 of 24 clients: "), "{short}");
    assert!(short.lines().count() < 80, "{short}");
    let clients = &report.deployments[0].clients;
    for code in clients.iter().filter_map(|client| client.code.as_deref()) {
        let first_word = code.split(' ').next().unwrap();
        assert!(short.contains(first_word), "{code}");
    }
    let (short, long) = (table_of(&short), table_of(&text_of(&report, false, 200, Detail::Everything)));
    let codes: std::collections::BTreeSet<_> = clients.iter().filter_map(|client| client.code.as_deref()).collect();
    assert_eq!(short.matches('✗').count(), codes.len(), "one row a code");
    assert_eq!(long.matches(['✓', '✗']).count(), 24);
    assert!(clients.iter().all(|client| long.contains(&client.name)));
}

/// The words that few clients share are not lost among many.
#[test]
fn every_client_is_counted_once_in_the_table() {
    for count in [1, 6, 24] {
        let mut report = golden("many-clients");
        let clients = &mut report.deployments[0].clients;
        clients.truncate(count);
        for client in clients.iter_mut() {
            client.verdict = tlsmend::model::verdict::Verdict::Accept;
            client.code = None;
            client.cause = None;
            client.breaks_at = None;
        }
        let names: Vec<String> = clients.iter().map(|client| client.name.clone()).collect();
        let text = text_of(&report, false, 80, Detail::Screen);
        let table = table_of(&text);
        let named = names.iter().filter(|name| table.contains(name.as_str())).count();
        let counted: usize = table
            .split_once('+')
            .and_then(|(_, rest)| rest.split(' ').next())
            .map_or(0, |number| number.parse().unwrap());
        // `openssl s_client` is the beginning of another name.
        assert!((count..=count + 1).contains(&(named + counted)), "{table}");
        assert_eq!(table.matches('✓').count(), 1, "{table}");
    }
}

/// The client table of a text.
fn table_of(text: &str) -> String {
    let (_, after) = text.split_once("\nCLIENTS").unwrap();
    after.split("\n\n").next().unwrap().to_owned()
}

/// `--evidence none` leaves no facts to draw with; the text must still say what is the case.
#[test]
fn a_report_without_certificates_is_still_readable() {
    for name in GOLDEN {
        let mut report = golden(name);
        report.certificates.clear();
        let text = text_of(&report, false, 80, Detail::Everything);
        assert_eq!(text.lines().next(), text_of(&golden(name), false, 80, Detail::Everything).lines().next());
    }
}

#[test]
fn the_quiet_report_is_the_verdict_and_the_target() {
    let text = text_of(&golden("missing-intermediate"), false, 80, Detail::Headline);
    assert!(text.starts_with("BROKEN for") && text.contains("TARGET"), "{text}");
    assert!(!text.contains("FINDINGS") && text.lines().count() < 10, "{text}");
}
