//! `mapping`: the AIRec table, written and read by a program that nobody here wrote, in both directions.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::program::{Run, tlsmend};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// `tlsmend mapping VERB FILE …`.
    fn run(&self, verb: &str, file: &str, more: &[&str]) -> Run {
        let path = self.path(file);
        tlsmend(&[&["mapping", verb, path.to_str().unwrap()], more].concat())
    }

    fn json(&self, verb: &str, file: &str, more: &[&str]) -> (Option<i32>, Value) {
        let run = self.run(verb, file, &[more, &["--output", "json"]].concat());
        (run.code, serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error} {run:?}")))
    }
}

/// A Python that has openpyxl.
fn python() -> Option<&'static str> {
    let has = |python: &&str| {
        Command::new(python).args(["-c", "import openpyxl"]).output().is_ok_and(|output| output.status.success())
    };
    let found = ["python3", "/usr/bin/python3"].into_iter().find(has);
    if found.is_none() {
        crate::support::skip("no python3 with openpyxl");
    }
    found
}

/// Runs a script with openpyxl; the files are its arguments.
fn openpyxl(python: &str, script: &str, files: &[PathBuf]) -> String {
    let output = Command::new(python)
        .args(["-c", &format!("import sys, json, openpyxl\n{script}")])
        .args(files)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

const ID: &str = "12345678901234567";

#[test]
fn openpyxl_reads_what_is_written() {
    let Some(python) = python() else { return };
    let folder = Folder::new();
    let run = folder.run(
        "write",
        "certificate_info.xlsx",
        &["--domain", "Shop.Example.com", "--domain", "*.bücher.example", "--cert-id", ID],
    );
    assert_eq!(run.code, Some(0), "{run:?}");
    let script = "
book = openpyxl.load_workbook(sys.argv[1])
sheet = book.worksheets[0]
print(json.dumps([len(book.worksheets), [[[cell.value, cell.data_type] for cell in row] for row in sheet.iter_rows()]]))";
    let seen: Value = serde_json::from_str(&openpyxl(python, script, &[folder.path("certificate_info.xlsx")])).unwrap();
    let row = |domain: &str| json!([[domain, "s"], [ID, "s"], ["HTTPS", "s"], [443, "n"]]);
    let header = json!([["Domain", "s"], ["CertificateID", "s"], ["Protocol", "s"], ["Port", "s"]]);
    assert_eq!(seen, json!([1, [header, row("shop.example.com"), row("*.xn--bcher-kva.example")]]));
}

/// Written by another program: columns turned round, ids as numbers, letters in upper case, a port as text; and again
/// with what cannot be kept.
#[test]
fn what_openpyxl_writes_is_read_checked_and_put_right() {
    let Some(python) = python() else { return };
    let folder = Folder::new();
    let script = "
def book(path, rows, more=lambda book: None):
    book = openpyxl.Workbook()
    for row in rows: book.active.append(row)
    more(book)
    book.save(path)
header = ['Port', 'Protocol', 'CertificateID', 'Domain']
book(sys.argv[1], [header, [443, 'https', 12345678, 'Shop.Example.com'], ['8443', 'HTTPS', 'cert-abc', 'b.example.com']])
good = ['Domain', 'CertificateID', 'Protocol', 'Port'], ['a.example.com', '1', 'HTTPS', 443]
book(sys.argv[2], [*good, ['b.example.com', '=1+1', 'HTTPS', 443]])
book(sys.argv[3], [*good, ['b.example.com', 12345678901234567, 'HTTPS', 443]])
book(sys.argv[4], good, lambda book: book.create_sheet('Notes').append(['keep me']))
book(sys.argv[5], [[*good[0], 'Note'], [*good[1], 'keep me']])
book(sys.argv[6], good)";
    let names = ["foreign.xlsx", "formula.xlsx", "lost.xlsx", "sheets.xlsx", "note.xlsx", "good.xlsx"];
    openpyxl(python, script, &names.map(|name| folder.path(name)));

    let (code, checked) = folder.json("check", "foreign.xlsx", &[]);
    let cells: Vec<&str> =
        checked["problems"].as_array().unwrap().iter().map(|problem| problem["cell"].as_str().unwrap()).collect();
    assert_eq!((code, cells), (Some(1), vec!["A1", "B1", "C1", "D1", "D2", "C2", "B2", "A3"]), "{checked:#}");
    assert!(checked["problems"].as_array().unwrap().iter().all(|problem| problem["mends_itself"] == true));
    let (code, updated) =
        folder.json("update", "foreign.xlsx", &["--domain", "b.example.com", "--port", "8443", "--cert-id", ID]);
    assert_eq!((code, updated["outcome"].as_str()), (Some(0), Some("updated")));
    assert_eq!(
        updated["changes"],
        json!([{"domain": "b.example.com", "port": 8443, "before": "cert-abc", "after": ID}])
    );
    let (code, checked) = folder.json("check", "foreign.xlsx", &[]);
    let row = |domain: &str, id: &str, port: u16| json!({"domain": domain, "certificate_id": id, "protocol": "HTTPS", "port": port});
    assert_eq!((code, &checked["problems"]), (Some(0), &json!([])));
    assert_eq!(checked["rows"], json!([row("shop.example.com", "12345678", 443), row("b.example.com", ID, 8443)]));
    let order = "print([cell.value for cell in openpyxl.load_workbook(sys.argv[1]).worksheets[0][1]])";
    assert_eq!(
        openpyxl(python, order, &[folder.path("foreign.xlsx")]).trim(),
        "['Domain', 'CertificateID', 'Protocol', 'Port']"
    );

    for (name, said) in [
        ("formula.xlsx", "B3: it is a formula"),
        ("lost.xlsx", "B3: it is a number of more than 15 digits"),
        ("sheets.xlsx", "`Notes`"),
        ("note.xlsx", "E1: `Note` is none"),
    ] {
        let before = std::fs::read(folder.path(name)).unwrap();
        let check = folder.run("check", name, &[]);
        assert!(check.code == Some(1) && check.stdout.contains(said), "{name}: {check:?}");
        let update = folder.run("update", name, &["--domain", "a.example.com", "--cert-id", "2"]);
        assert!(
            update.code == Some(2) && update.stdout.is_empty() && update.stderr.contains(said),
            "{name}: {update:?}"
        );
        assert_eq!(std::fs::read(folder.path(name)).unwrap(), before, "{name} is untouched");
    }
    assert_eq!(folder.run("check", "good.xlsx", &[]).code, Some(0));
}

#[test]
fn the_command_for_airec_is_printed() {
    let folder = Folder::new();
    let run = folder.run(
        "write",
        "my table.xlsx",
        &["--domain", "a.example.com", "--cert-id", "1", "--instance-id", "airec-cn-x", "--region", "cn-hangzhou"],
    );
    let file = folder.path("my table.xlsx");
    let expected = format!(
        "$ airec-cli domain update --instance-id airec-cn-x --config-file '{}' --region cn-hangzhou\n",
        file.display()
    );
    assert!(run.code == Some(0) && run.stdout.contains(&expected), "{}", run.stdout);
    let run = folder.run("update", "my table.xlsx", &["--domain", "a.example.com", "--cert-id", "1"]);
    assert!(run.stdout.contains("says so already") && run.stdout.contains("--instance-id INSTANCE"), "{}", run.stdout);
    let evil =
        folder.run("update", "my table.xlsx", &["--domain", "a.example.com", "--cert-id", "1", "--region", "x; rm"]);
    assert_eq!(evil.code, Some(2));
}

#[test]
fn csv_is_kept_as_csv() {
    let folder = Folder::new();
    assert_eq!(folder.run("write", "table.csv", &["--domain", "a.example.com", "--cert-id", ID]).code, Some(0));
    let text = || std::fs::read_to_string(folder.path("table.csv")).unwrap();
    assert_eq!(text(), format!("Domain,CertificateID,Protocol,Port\r\na.example.com,{ID},HTTPS,443\r\n"));
    assert_eq!(
        folder.run("update", "table.csv", &["--domain", "b.example.com", "--cert-id", "7", "--port", "8443"]).code,
        Some(0)
    );
    assert!(text().ends_with("b.example.com,7,HTTPS,8443\r\n"));
    let wanted = folder.run("check", "table.csv", &["--domain", "a.example.com", "--cert-id", "8"]);
    assert!(wanted.code == Some(1) && wanted.stdout.contains(&format!("certificate {ID}, not 8")), "{}", wanted.stdout);
    let absent = folder.run("check", "table.csv", &["--domain", "c.example.com"]);
    assert!(absent.code == Some(1) && absent.stdout.contains("has no row"), "{}", absent.stdout);
}

#[test]
fn what_cannot_be_done_says_why_and_changes_nothing() {
    let folder = Folder::new();
    std::fs::write(folder.path("old.xls"), [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1]).unwrap();
    std::fs::write(folder.path("page.csv"), "<html>\u{1b}[2J</html>").unwrap();
    std::fs::File::create(folder.path("large.csv")).unwrap().set_len(5 * 1024 * 1024).unwrap();
    let set = ["--domain", "a.example.com", "--cert-id", "1"];
    for (verb, file, more, said) in [
        ("write", "old.xls", &set[..], "it exists"),
        ("update", "old.xls", &set, ".xls"),
        ("update", "page.csv", &set, "lacks Domain"),
        ("update", "large.csv", &set, "larger than"),
        ("update", "absent.xlsx", &set, "No such file"),
        ("write", "new.xlsx", &["--domain", "https://a.example.com/", "--cert-id", "1"], "host name alone"),
        ("write", "new.xlsx", &["--domain", "a.example.com", "--cert-id", "=1+1"], "number"),
        ("write", "new.xlsx", &["--domain", "a.example.com", "--cert-id", "1", "--port", "0"], "1.."),
    ] {
        let run = folder.run(verb, file, more);
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{verb} {file}");
        assert!(run.stderr.contains(said) && !run.stderr.contains('\u{1b}'), "{verb} {file}: {}", run.stderr);
    }
    assert!(!folder.path("new.xlsx").exists());
}

/// A few kilobytes that unpack to gigabytes, a promise of more strings than there is memory, a cell at the end of the world.
#[test]
fn a_hostile_workbook_costs_nothing() {
    use std::io::Write as _;

    let folder = Folder::new();
    assert_eq!(folder.run("write", "good.xlsx", &["--domain", "a.example.com", "--cert-id", "1"]).code, Some(0));
    let good = std::fs::read(folder.path("good.xlsx")).unwrap();
    let change = |part: &str, make: &dyn Fn(String) -> Vec<u8>| {
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(&good)).unwrap();
        let mut out = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for index in 0..archive.len() {
            let mut file = archive.by_index(index).unwrap();
            let name = file.name().unwrap().into_owned();
            let mut content = String::new();
            std::io::Read::read_to_string(&mut file, &mut content).unwrap();
            let content = if name.ends_with(part) { make(content) } else { content.into_bytes() };
            out.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            out.write_all(&content).unwrap();
        }
        out.finish().unwrap().into_inner()
    };
    let strings = |text: String| {
        assert!(text.contains("uniqueCount=\""));
        let (before, after) = text.split_once("uniqueCount=\"").unwrap();
        format!("{before}uniqueCount=\"99999999999999{after}").into_bytes()
    };
    std::fs::write(folder.path("promise.xlsx"), change("sharedStrings.xml", &strings)).unwrap();
    let promise = folder.run("check", "promise.xlsx", &[]);
    assert_eq!(promise.code, Some(0), "{promise:?}");
    let far = |text: String| text.replace("r=\"A2\"", "r=\"XFD1048576\"").into_bytes();
    std::fs::write(folder.path("far.xlsx"), change("sheet1.xml", &far)).unwrap();
    let far = folder.run("check", "far.xlsx", &[]);
    assert!(far.code == Some(2) && far.stderr.contains("more rows"), "{far:?}");
    let bomb = |_: String| vec![b' '; 64 * 1024 * 1024];
    std::fs::write(folder.path("bomb.xlsx"), change("sheet1.xml", &bomb)).unwrap();
    assert!(std::fs::metadata(folder.path("bomb.xlsx")).unwrap().len() < 1024 * 1024);
    let bomb = folder.run("check", "bomb.xlsx", &[]);
    assert!(bomb.code == Some(2) && bomb.stderr.contains("more bytes"), "{bomb:?}");
    for end in (0..good.len()).step_by(97) {
        std::fs::write(folder.path("cut.xlsx"), &good[..end]).unwrap();
        let cut = std::fs::read(folder.path("cut.xlsx")).unwrap();
        let _ = tlsmend::remedy::mapping::read(&cut);
    }
}
