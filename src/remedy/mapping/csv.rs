//! The table as CSV (RFC 4180).

use super::{COLUMNS, Cell, MAX_CELL, MAX_COLUMNS, MAX_ROWS, PROTOCOL, ReadError, Row, Sheet};

/// With a byte order mark or without; separated by commas, semicolons (as spreadsheets write where the comma is decimal) or
/// tabs.
pub fn read(bytes: &[u8]) -> Result<Sheet, ReadError> {
    let text = std::str::from_utf8(bytes).map_err(|error| ReadError::Csv(format!("not UTF-8: {error}")))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let header = text.lines().next().unwrap_or_default();
    let delimiter = [b',', b';', b'\t'].into_iter().max_by_key(|&one| {
        // The first of those that are equally frequent.
        (header.bytes().filter(|&byte| byte == one).count(), one == b',')
    });
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter.unwrap_or(b','))
        .from_reader(text.as_bytes());
    let mut sheet = Sheet::default();
    let (mut row, mut counted) = (0_u32, 0);
    for record in reader.records() {
        let record = record.map_err(|error| ReadError::Csv(error.to_string()))?;
        // The reader passes over empty lines, and its own count of lines is late by one after CR LF; cells are to have the
        // names that a spreadsheet gives them.
        let start = record.position().and_then(|position| usize::try_from(position.byte()).ok()).unwrap_or(counted);
        let rest = text.as_bytes().get(start..).unwrap_or_default();
        let begins = start + rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let passed = text.as_bytes().get(counted..begins).unwrap_or_default();
        row = row.saturating_add(passed.iter().map(|&byte| u32::from(byte == b'\n')).sum());
        counted = begins;
        if row as usize > MAX_ROWS {
            return Err(ReadError::TooMuch("rows"));
        }
        if record.len() > MAX_COLUMNS {
            return Err(ReadError::TooMuch("columns"));
        }
        for (column, text) in (0..).zip(&record) {
            if text.len() > MAX_CELL {
                return Err(ReadError::TooMuch("characters in a cell"));
            }
            if !text.trim().is_empty() {
                sheet.cells.insert((row, column), Cell::Text(text.to_owned()));
            }
        }
    }
    Ok(sheet)
}

/// None of the types that stand in the cells can begin like a formula.
pub fn write(rows: &[Row]) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(COLUMNS)?;
    for row in rows {
        writer.write_record([row.domain.as_str(), row.certificate_id.as_str(), PROTOCOL, &row.port.to_string()])?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}
