//! PEM (RFC 7468): reading certificates out of a text, writing them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// One PEM block of a text.
pub struct Block {
    pub label: String,
    pub der: Vec<u8>,
    /// The cipher of an encrypted private key in the old form (RFC 1421 §4.6.1.3).
    pub dek_info: Option<String>,
}

/// Every block of `text`, whatever its label; text around the blocks is ignored. The second value counts the blocks
/// that were begun and are damaged (no end line, or not base64).
pub fn blocks(text: &[u8]) -> (Vec<Block>, usize) {
    let mut found = Vec::new();
    let mut damaged = 0;
    let mut open: Option<(String, Vec<u8>)> = None;
    let mut dek_info = None;
    for line in text.split(|&byte| byte == b'\n') {
        let line = line.trim_ascii();
        if let Some(label) = line.strip_prefix(b"-----BEGIN ").and_then(|rest| rest.strip_suffix(b"-----")) {
            damaged += usize::from(open.is_some());
            open = Some((String::from_utf8_lossy(label).into_owned(), Vec::new()));
            dek_info = None;
        } else if let Some(label) = line.strip_prefix(b"-----END ").and_then(|rest| rest.strip_suffix(b"-----")) {
            match open.take() {
                Some((begun, body)) if begun.as_bytes() == label => match STANDARD.decode(&body) {
                    Ok(der) => found.push(Block { label: begun, der, dek_info: dek_info.take() }),
                    Err(_) => damaged += 1,
                },
                _ => damaged += 1,
            }
        } else if let Some((_, body)) = &mut open {
            // `Proc-Type: 4,ENCRYPTED` and the like; base64 has no colon.
            if let Some(value) = line.strip_prefix(b"DEK-Info:") {
                dek_info = Some(String::from_utf8_lossy(value).trim().to_owned());
            } else if !line.contains(&b':') {
                body.extend(line.iter().filter(|byte| !byte.is_ascii_whitespace()));
            }
        }
    }
    (found, damaged + usize::from(open.is_some()))
}

/// One certificate as a PEM block with a final newline.
pub fn encode(der: &[u8]) -> String {
    let mut out = String::from("-----BEGIN CERTIFICATE-----\n");
    let body = STANDARD.encode(der);
    for line in body.as_bytes().chunks(64) {
        out.push_str(&String::from_utf8_lossy(line));
        out.push('\n');
    }
    out.push_str("-----END CERTIFICATE-----\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let text = format!("Subject: CN=a\n{}\r\nnoise\n{}", encode(&[1; 100]), encode(b"xyz").replace('\n', "\r\n"));
        let (found, damaged) = blocks(text.as_bytes());
        assert_eq!(damaged, 0);
        assert_eq!(found.iter().map(|b| b.der.as_slice()).collect::<Vec<_>>(), [&[1; 100][..], b"xyz"]);
        assert!(found.iter().all(|block| block.label == "CERTIFICATE"));
    }

    #[test]
    fn damage_is_counted_not_hidden() {
        assert_eq!(blocks(b"-----BEGIN CERTIFICATE-----\nAAAA\n").1, 1);
        assert_eq!(blocks(b"-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n").1, 1);
        assert_eq!(blocks(b"-----BEGIN A-----\nAAAA\n-----END B-----\n").1, 1);
        let (found, damaged) = blocks(b"nothing here");
        assert!(found.is_empty() && damaged == 0);
    }
}
