//! The table that tells AIRec which certificate belongs to which domain (`certificate_info.xlsx`, or CSV): four columns,
//! a row for each domain and port. A corrected bundle gets a new id, so the table must follow every real update.
//!
//! Pure: octets in, octets out. What is wrong in a table that people keep by hand is said cell by cell.

mod csv;
mod types;
mod xlsx;

use std::collections::BTreeMap;
use std::fmt;

pub use types::{CertificateId, Domain, ParseError};

/// The header, in the order it is written. Reading takes any order and any case.
const COLUMNS: [&str; 4] = ["Domain", "CertificateID", "Protocol", "Port"];

/// The only protocol there is.
const PROTOCOL: &str = "HTTPS";

/// Rows of a table: far more than one instance has domains.
const MAX_ROWS: usize = 10_000;

/// Columns looked at: whoever has more has another kind of table.
const MAX_COLUMNS: usize = 32;

/// Characters of one cell: the longest that is right is a name of 253.
const MAX_CELL: usize = 1_000;

/// Problems that are listed; the next reading lists the next ones.
const MAX_PROBLEMS: usize = 100;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Xlsx,
    Csv,
}

impl Format {
    /// By the extension of a file that is to be made: `.csv`, else a workbook.
    pub fn of_name(name: &str) -> Self {
        if name.to_ascii_lowercase().ends_with(".csv") { Self::Csv } else { Self::Xlsx }
    }
}

/// One domain's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub domain: Domain,
    pub certificate_id: CertificateId,
    pub port: u16,
}

/// The table: one row for each domain and port, in the file's order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mapping {
    rows: Vec<Row>,
}

/// Something in a table that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// `B3`; empty when it is about the whole table.
    pub cell: String,
    pub message: String,
    /// Writing the table anew puts it right, and nothing is lost.
    pub mends_itself: bool,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.cell.is_empty() { f.write_str(&self.message) } else { write!(f, "{}: {}", self.cell, self.message) }
    }
}

/// Why a file is no table at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error("it is neither an xlsx workbook nor CSV text")]
    Unknown,
    #[error("it is an old Excel workbook (.xls); save it as .xlsx")]
    OldWorkbook,
    #[error("the workbook cannot be read: {0}")]
    Workbook(String),
    #[error("the CSV text cannot be read: {0}")]
    Csv(String),
    #[error("it has more {0} than such a table")]
    TooMuch(&'static str),
}

/// A cell as it was read.
#[derive(Debug, Clone, PartialEq)]
enum Cell {
    Text(String),
    Number(f64),
    Formula,
    /// A date, a truth value, an error.
    Other,
}

/// The cells of a sheet by row and column, from 0; empty ones are absent.
type Cells = BTreeMap<(u32, u32), Cell>;

/// What a file holds, before it is understood.
#[derive(Debug, Default)]
struct Sheet {
    cells: Cells,
    /// Other sheets with something in them.
    others: Vec<String>,
    /// Every cell of CSV is text: a number as text is then no fault.
    typed: bool,
}

/// A table and what is wrong with it. Rows that cannot be understood are not among its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    pub mapping: Mapping,
    pub problems: Vec<Problem>,
    pub format: Format,
}

impl Reading {
    /// What would be lost if the table were written anew.
    pub fn obstacles(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().filter(|problem| !problem.mends_itself)
    }
}

/// Reads a table, whatever program wrote it.
pub fn read(bytes: &[u8]) -> Result<Reading, ReadError> {
    let (sheet, format) = match bytes {
        [b'P', b'K', 3, 4, ..] => (xlsx::read(bytes)?, Format::Xlsx),
        [0xd0, 0xcf, 0x11, 0xe0, ..] => return Err(ReadError::OldWorkbook),
        text if text.contains(&0) => return Err(ReadError::Unknown),
        text => (csv::read(text)?, Format::Csv),
    };
    let mut reader = Reader { sheet: &sheet, problems: Vec::new() };
    let mapping = reader.table();
    Ok(Reading { mapping, problems: reader.problems, format })
}

impl Mapping {
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The id of the certificate for `domain` at `port`.
    pub fn find(&self, domain: &Domain, port: u16) -> Option<&CertificateId> {
        self.rows.iter().find(|row| row.domain == *domain && row.port == port).map(|row| &row.certificate_id)
    }

    /// Has `domain` at `port` served by `certificate_id`, in its row or a new one. What was there before.
    pub fn set(&mut self, domain: Domain, port: u16, certificate_id: CertificateId) -> Option<CertificateId> {
        match self.rows.iter_mut().find(|row| row.domain == domain && row.port == port) {
            Some(row) => Some(std::mem::replace(&mut row.certificate_id, certificate_id)),
            None => {
                self.rows.push(Row { domain, certificate_id, port });
                None
            }
        }
    }

    /// The file. The same table gives the same octets.
    pub fn write(&self, format: Format) -> Result<Vec<u8>, String> {
        match format {
            Format::Xlsx => xlsx::write(&self.rows).map_err(|error| error.to_string()),
            Format::Csv => csv::write(&self.rows).map_err(|error| error.to_string()),
        }
    }
}

/// Understands a sheet.
struct Reader<'a> {
    sheet: &'a Sheet,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn table(&mut self) -> Mapping {
        let mut mapping = Mapping::default();
        for name in &self.sheet.others {
            let name = printable(name);
            self.add(
                String::new(),
                format!("the sheet `{name}` holds something too; AIRec reads the first sheet only"),
                false,
            );
        }
        let Some(columns) = self.header() else { return mapping };
        let last = self.sheet.cells.last_key_value().map_or(0, |((row, _), _)| *row);
        for row in 1..=last {
            if self.sheet.cells.range((row, 0)..(row + 1, 0)).next().is_none() {
                continue;
            }
            let Some(read) = self.row(row, columns) else { continue };
            if mapping.find(&read.domain, read.port).is_some() {
                let message = format!("{} at port {} stands in another row already", read.domain, read.port);
                self.add(name(row, columns[0]), message, false);
                continue;
            }
            mapping.rows.push(read);
        }
        if mapping.rows.is_empty() && self.problems.is_empty() {
            self.add(String::new(), "there is no row below the header".to_owned(), true);
        }
        mapping
    }

    /// Where the four columns stand. `None`: one is missing.
    fn header(&mut self) -> Option<[u32; 4]> {
        let mut found = [None; 4];
        for ((_, column), cell) in self.sheet.cells.range((0, 0)..(1, 0)) {
            let Cell::Text(text) = cell else {
                self.add(name(0, *column), "the header holds something else than a word".to_owned(), false);
                continue;
            };
            let known = COLUMNS.iter().position(|known| known.eq_ignore_ascii_case(text.trim()));
            match known {
                Some(index) if found[index].is_some() => {
                    self.add(name(0, *column), format!("the column {} stands there twice", COLUMNS[index]), false);
                }
                Some(index) => {
                    found[index] = Some(*column);
                    if COLUMNS[index] != text || index as u32 != *column {
                        let message = format!("the header is to be {}, in this order", COLUMNS.join(", "));
                        self.add(name(0, *column), message, true);
                    }
                }
                None => {
                    let message = format!("`{}` is none of the columns {}", printable(text), COLUMNS.join(", "));
                    self.add(name(0, *column), message, false);
                }
            }
        }
        let missing: Vec<&str> =
            COLUMNS.iter().zip(&found).filter(|(_, at)| at.is_none()).map(|(column, _)| *column).collect();
        if !missing.is_empty() {
            self.add(String::new(), format!("the header (first row) lacks {}", missing.join(", ")), false);
        }
        let [Some(domain), Some(id), Some(protocol), Some(port)] = found else { return None };
        Some([domain, id, protocol, port])
    }

    fn row(&mut self, row: u32, [domain, id, protocol, port]: [u32; 4]) -> Option<Row> {
        for ((_, column), cell) in self.sheet.cells.range((row, 0)..(row + 1, 0)) {
            if ![domain, id, protocol, port].contains(column) {
                self.add(name(row, *column), "it stands below no header".to_owned(), false);
            }
            match cell {
                Cell::Formula => {
                    self.add(name(row, *column), "it is a formula; only values are allowed".to_owned(), false)
                }
                Cell::Text(text) if types::is_like_a_formula(text) => {
                    let message = format!("`{}` would be taken for a formula", printable(text));
                    self.add(name(row, *column), message, false);
                }
                _ => {}
            }
        }
        let parsed = (self.domain(row, domain), self.id(row, id), self.protocol(row, protocol), self.port(row, port));
        match parsed {
            (Some(domain), Some(certificate_id), Some(()), Some(port)) => Some(Row { domain, certificate_id, port }),
            _ => None,
        }
    }

    fn domain(&mut self, row: u32, column: u32) -> Option<Domain> {
        let text = self.text(row, column, "a host name")?;
        match text.trim().parse::<Domain>() {
            Ok(domain) => {
                if domain.as_str() != text {
                    self.add(name(row, column), format!("`{}` is to be written `{domain}`", printable(&text)), true);
                }
                Some(domain)
            }
            Err(error) => {
                self.add(name(row, column), format!("`{}`: {error}", printable(&text)), false);
                None
            }
        }
    }

    fn id(&mut self, row: u32, column: u32) -> Option<CertificateId> {
        let text = match self.sheet.cells.get(&(row, column)) {
            Some(Cell::Number(number)) => {
                let Some(text) = types::exact(*number) else {
                    let message = "it is a number of more than 15 digits, of which a spreadsheet keeps only 15: write \
                                   the id anew, as text";
                    self.add(name(row, column), message.to_owned(), false);
                    return None;
                };
                self.add(name(row, column), "it is a number and must be text, else digits get lost".to_owned(), true);
                text
            }
            _ => self.text(row, column, "a certificate's id")?,
        };
        match text.trim().parse::<CertificateId>() {
            Ok(id) => {
                if id.as_str() != text {
                    self.add(name(row, column), "there are blanks around it".to_owned(), true);
                }
                Some(id)
            }
            Err(error) => {
                self.add(name(row, column), format!("`{}`: {error}", printable(&text)), false);
                None
            }
        }
    }

    fn protocol(&mut self, row: u32, column: u32) -> Option<()> {
        let text = self.text(row, column, PROTOCOL)?;
        if text == PROTOCOL {
            return Some(());
        }
        let is_meant = text.trim().eq_ignore_ascii_case(PROTOCOL);
        self.add(name(row, column), format!("`{}` is to be {PROTOCOL}", printable(&text)), is_meant);
        is_meant.then_some(())
    }

    fn port(&mut self, row: u32, column: u32) -> Option<u16> {
        let (text, is_number) = match self.sheet.cells.get(&(row, column)) {
            Some(Cell::Number(number)) => (types::exact(*number).unwrap_or_else(|| number.to_string()), true),
            _ => (self.text(row, column, "a port")?, false),
        };
        let digits = text.trim();
        let port =
            digits.parse::<u16>().ok().filter(|port| *port > 0 && digits.bytes().all(|byte| byte.is_ascii_digit()));
        match port {
            Some(port) => {
                if self.sheet.typed && !is_number {
                    self.add(name(row, column), "it is text and should be a number".to_owned(), true);
                }
                Some(port)
            }
            None => {
                self.add(name(row, column), format!("`{}` is no port (1 to 65535)", printable(&text)), false);
                None
            }
        }
    }

    /// The text of a cell that must hold some.
    fn text(&mut self, row: u32, column: u32, what: &str) -> Option<String> {
        match self.sheet.cells.get(&(row, column)) {
            Some(Cell::Text(text)) => return Some(text.clone()),
            None => self.add(name(row, column), format!("it is empty; {what} belongs here"), false),
            Some(Cell::Formula) => {} // said already
            Some(Cell::Number(_) | Cell::Other) => {
                self.add(name(row, column), format!("it is not text; {what} belongs here"), false)
            }
        }
        None
    }

    fn add(&mut self, cell: String, message: String, mends_itself: bool) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(Problem { cell, message, mends_itself });
        }
    }
}

/// `B3`.
fn name(row: u32, column: u32) -> String {
    let mut letters = Vec::new();
    let mut rest = column + 1;
    while rest > 0 {
        letters.push(char::from(b'A' + ((rest - 1) % 26) as u8));
        rest = (rest - 1) / 26;
    }
    format!("{}{}", letters.into_iter().rev().collect::<String>(), row + 1)
}

fn printable(text: &str) -> String {
    let shown: String = text.chars().take(80).collect();
    crate::x509::dn::printable(&shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(csv: &str) -> (usize, Vec<String>) {
        let reading = read(csv.as_bytes()).unwrap();
        (reading.mapping.rows.len(), reading.problems.iter().map(ToString::to_string).collect())
    }

    fn mapping(rows: &[(&str, &str, u16)]) -> Mapping {
        let mut mapping = Mapping::default();
        for (domain, id, port) in rows {
            mapping.set(domain.parse().unwrap(), *port, id.parse().unwrap());
        }
        mapping
    }

    #[test]
    fn what_is_written_is_read_back_and_is_the_same_each_time() {
        let rows = [
            ("a.example.com", "12345678901234567", 443),
            ("*.b.example.com", "cert-abc123", 8443),
            ("xn--bcher-kva.example", "7", 443),
        ];
        for rows in [&rows[..], &rows[..1], &[]] {
            let mapping = mapping(rows);
            for format in [Format::Xlsx, Format::Csv] {
                let file = mapping.write(format).unwrap();
                assert_eq!(file, mapping.write(format).unwrap());
                let reading = read(&file).unwrap();
                assert_eq!((&reading.mapping, reading.format), (&mapping, format));
                let no_row = usize::from(rows.is_empty());
                assert_eq!(reading.problems.len(), no_row, "{:?}", reading.problems);
            }
        }
    }

    #[test]
    fn columns_in_any_order_with_any_separator() {
        for text in [
            "Domain,CertificateID,Protocol,Port\r\na.example.com,12,HTTPS,443\r\n",
            "\u{feff}Port;Protocol;CertificateID;Domain\n443;HTTPS;12;a.example.com\n\n",
            "domain\tcertificateid\tprotocol\tport\na.example.com\t12\thttps\t443",
            "Domain,CertificateID,Protocol,Port\n\n\"a.example.com\",\"12\",HTTPS,443",
            "Domain, CertificateID, Protocol, Port\nA.Example.com., 12 ,HTTPS,443",
        ] {
            let reading = read(text.as_bytes()).unwrap();
            assert_eq!(reading.mapping, mapping(&[("a.example.com", "12", 443)]), "{text} {:?}", reading.problems);
            assert_eq!(reading.obstacles().count(), 0, "{:?}", reading.problems);
        }
    }

    #[test]
    fn every_fault_is_told_with_its_cell() {
        let header = "Domain,CertificateID,Protocol,Port\n";
        for (row, cell, said) in [
            ("a.example.com,12,HTTP,443", "C2", "HTTPS"),
            ("a.example.com,12,HTTPS,0", "D2", "no port"),
            ("a.example.com,12,HTTPS,65536", "D2", "no port"),
            ("a.example.com,12,HTTPS,+443", "D2", "formula"),
            ("a.example.com,12,HTTPS,", "D2", "empty"),
            ("https://a.example.com/,12,HTTPS,443", "A2", "host name alone"),
            ("a.example.com:443,12,HTTPS,443", "A2", "host name alone"),
            ("192.0.2.1,12,HTTPS,443", "A2", "address"),
            ("a.*.example.com,12,HTTPS,443", "A2", "wildcard"),
            ("a..example.com,12,HTTPS,443", "A2", "empty"),
            ("=1+1,12,HTTPS,443", "A2", "formula"),
            ("a.example.com,\"=HYPERLINK(\"\"http://x\"\")\",HTTPS,443", "B2", "formula"),
            ("a.example.com,@SUM(A1),HTTPS,443", "B2", "formula"),
            ("a.example.com,1.23457E+16,HTTPS,443", "B2", "rounded"),
            ("a.example.com,0,HTTPS,443", "B2", "number"),
            ("a.example.com,99999999999999999999,HTTPS,443", "B2", "number"),
            ("a.example.com,12-cn-hangzhou,HTTPS,443", "B2", "without the region"),
            ("a.example.com,12,HTTPS,443,more", "E2", "no header"),
        ] {
            let (rows, problems) = problems(&format!("{header}{row}"));
            let told =
                problems.iter().any(|problem| problem.starts_with(&format!("{cell}:")) && problem.contains(said));
            assert!(told, "{row}: {problems:?}");
            assert!(rows == 0 || cell == "E2", "{row}");
        }
        let (rows, told) = problems(&format!(
            "{header}a.example.com,1,HTTPS,443\nA.example.com,2,HTTPS,443\na.example.com,2,HTTPS,8443"
        ));
        assert!(rows == 2 && told.iter().any(|problem| problem.contains("another row")), "{told:?}");
        for (text, said) in [
            ("", "lacks Domain"),
            ("Domain,CertificateID,Port\na,1,443", "lacks Protocol"),
            ("Domain,CertificateID,Protocol,Port,Note\n", "`Note` is none"),
            ("Domain,Domain,CertificateID,Protocol,Port\n", "twice"),
            (header, "no row"),
        ] {
            let (_, told) = problems(text);
            assert!(told.iter().any(|problem| problem.contains(said)), "{text}: {told:?}");
        }
    }

    #[test]
    fn a_row_is_changed_and_a_new_one_added() {
        let mut table = mapping(&[("a.example.com", "1", 443), ("b.example.com", "2", 443)]);
        let (a, b, id) =
            ("A.example.com".parse().unwrap(), "b.example.com".parse().unwrap(), "9".parse::<CertificateId>().unwrap());
        assert_eq!(table.set(a, 443, id.clone()), Some("1".parse().unwrap()));
        assert_eq!(table.set(b, 8443, id), None);
        assert_eq!(
            table,
            mapping(&[("a.example.com", "9", 443), ("b.example.com", "2", 443), ("b.example.com", "9", 8443)])
        );
    }

    #[test]
    fn what_is_no_table_says_what_it_is() {
        assert_eq!(read(&[0xd0, 0xcf, 0x11, 0xe0, 0xa1]), Err(ReadError::OldWorkbook));
        assert_eq!(read(b"\0\0"), Err(ReadError::Unknown));
        assert!(matches!(read(b"PK\x03\x04nothing more"), Err(ReadError::Workbook(_))));
        assert!(matches!(read(b"\xff\xfea\xff"), Err(ReadError::Csv(_))));
        let long = format!("Domain\n{}", "a\n".repeat(MAX_ROWS + 1));
        assert_eq!(read(long.as_bytes()), Err(ReadError::TooMuch("rows")));
        assert_eq!(read(",".repeat(MAX_COLUMNS + 1).as_bytes()), Err(ReadError::TooMuch("columns")));
    }

    #[test]
    fn cells_have_the_names_that_spreadsheets_give_them() {
        for (row, column, expected) in
            [(0, 0, "A1"), (2, 1, "B3"), (0, 25, "Z1"), (0, 26, "AA1"), (9, 701, "ZZ10"), (0, 702, "AAA1")]
        {
            assert_eq!(name(row, column), expected);
        }
    }
}
