//! The table as a workbook (ECMA-376).

use std::io::{Cursor, Read as _, Write as _};

use calamine::{DataRef, Reader as _, Xlsx};
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, XlsxError};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::{COLUMNS, Cell, MAX_CELL, MAX_COLUMNS, MAX_ROWS, PROTOCOL, ReadError, Row, Sheet};

/// Parts of a workbook. One that Excel made of such a table has about a dozen.
const MAX_PARTS: usize = 200;

/// Bytes of all parts unpacked: ten thousand rows take two million.
const MAX_UNPACKED: u64 = 16 * 1024 * 1024;

/// Sheets that are looked at.
const MAX_SHEETS: usize = 32;

/// The date in the file's properties, so that the same table is the same file.
const CREATED: (u16, u8, u8) = (2000, 1, 1);

/// The first sheet, and whether there is something in others.
pub fn read(bytes: &[u8]) -> Result<Sheet, ReadError> {
    let fail = |error: calamine::XlsxError| ReadError::Workbook(error.to_string());
    let mut workbook: Xlsx<_> = Xlsx::new(Cursor::new(unpacked(bytes)?)).map_err(fail)?;
    let names = workbook.sheet_names();
    if names.len() > MAX_SHEETS {
        return Err(ReadError::TooMuch("sheets"));
    }
    let mut sheet = Sheet { typed: true, ..Sheet::default() };
    for (index, name) in names.iter().enumerate() {
        let mut cells = match workbook.worksheet_cells_reader(name) {
            Ok(cells) => cells,
            // Other kinds of sheets (charts, macros) have no cells.
            Err(_) if index > 0 => {
                sheet.others.push(name.clone());
                continue;
            }
            Err(error) => return Err(fail(error)),
        };
        while let Some(record) = cells.next_cell_with_formula().map_err(fail)? {
            let Some(cell) = cell(&record.value, record.formula.is_some())? else { continue };
            if index > 0 {
                sheet.others.push(name.clone());
                break;
            }
            let (row, column) = record.pos;
            if row as usize > MAX_ROWS {
                return Err(ReadError::TooMuch("rows"));
            }
            if column as usize >= MAX_COLUMNS {
                return Err(ReadError::TooMuch("columns"));
            }
            sheet.cells.insert((row, column), cell);
        }
    }
    Ok(sheet)
}

fn cell(value: &DataRef<'_>, is_formula: bool) -> Result<Option<Cell>, ReadError> {
    if is_formula {
        return Ok(Some(Cell::Formula));
    }
    let text = match value {
        DataRef::Empty => return Ok(None),
        DataRef::String(text) => text.as_str(),
        DataRef::SharedString(text) => text,
        // Beyond 2⁵³ the cast rounds, and is then taken for what it is: too long a number.
        DataRef::Int(number) => return Ok(Some(Cell::Number(*number as f64))),
        DataRef::Float(number) => return Ok(Some(Cell::Number(*number))),
        _ => return Ok(Some(Cell::Other)),
    };
    if text.len() > MAX_CELL {
        return Err(ReadError::TooMuch("characters in a cell"));
    }
    Ok((!text.trim().is_empty()).then(|| Cell::Text(text.to_owned())))
}

/// The same parts, stored without compression. A few kilobytes may unpack to gigabytes, and the reader of workbooks has no
/// limit of its own: so everything is unpacked here first, and counted.
fn unpacked(bytes: &[u8]) -> Result<Vec<u8>, ReadError> {
    let fail = |error: &dyn std::fmt::Display| ReadError::Workbook(error.to_string());
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| fail(&error))?;
    if archive.len() > MAX_PARTS {
        return Err(ReadError::TooMuch("parts"));
    }
    let mut out = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut left = MAX_UNPACKED;
    for index in 0..archive.len() {
        let part = archive.by_index(index).map_err(|error| fail(&error))?;
        let name = part.name().map_err(|error| fail(&error))?.into_owned();
        let mut content = Vec::new();
        part.take(left + 1).read_to_end(&mut content).map_err(|error| fail(&error))?;
        left = left.checked_sub(content.len() as u64).ok_or(ReadError::TooMuch("bytes"))?;
        forget_count(&mut content);
        out.start_file(name, stored).map_err(|error| fail(&error))?;
        out.write_all(&content).map_err(|error| fail(&error))?;
    }
    Ok(out.finish().map_err(|error| fail(&error))?.into_inner())
}

/// The reader makes room for as many strings as this attribute promises, before it has seen one. It is optional (ECMA-376
/// part 1, §18.4.9), and made unknown here.
fn forget_count(content: &mut [u8]) {
    const COUNT: &[u8] = b"uniqueCount";
    for at in 0..content.len().saturating_sub(COUNT.len()) {
        if content[at..].starts_with(COUNT) {
            content[at] = b'U';
        }
    }
}

/// One sheet; ids as text cells, ports as numbers.
pub fn write(rows: &[Row]) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let created = ExcelDateTime::from_ymd(CREATED.0, CREATED.1, CREATED.2)?;
    workbook.set_properties(&DocProperties::new().set_creation_datetime(&created));
    // `@` is the format "text": who edits the cell gets no number either.
    let (heading, text) = (Format::new().set_bold(), Format::new().set_num_format("@"));
    let sheet = workbook.add_worksheet().set_name("Sheet1")?;
    for (column, name) in (0..).zip(COLUMNS) {
        sheet.write_string_with_format(0, column, name, &heading)?;
    }
    for (index, row) in (1..).zip(rows) {
        sheet.write_string(index, 0, row.domain.as_str())?;
        sheet.write_string_with_format(index, 1, row.certificate_id.as_str(), &text)?;
        sheet.write_string(index, 2, PROTOCOL)?;
        sheet.write_number(index, 3, row.port)?;
    }
    sheet.set_column_width(0, 32)?.set_column_width(1, 24)?;
    workbook.save_to_buffer()
}
