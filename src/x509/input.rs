//! Certificates out of bytes of unknown form: PEM, DER or PKCS#7 (`certs-only`, RFC 2315 §9).

use super::{der, pem};

/// Why no certificate could be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    #[error("it is empty")]
    Empty,
    #[error("it holds no certificate: neither PEM, nor DER, nor PKCS#7")]
    NothingFound,
    #[error("it holds PEM blocks ({0}), but no certificate")]
    OtherPem(String),
    #[error(
        "it is PKCS#12 (PFX), which is read for a chain only (`tlsmend inspect FILE`); convert it: openssl pkcs12 -in FILE -nokeys -out certificates.pem"
    )]
    Pkcs12,
    #[error("a PEM block in it is damaged (no end line, or not base64)")]
    DamagedPem,
}

/// signedData, RFC 2315 §14.
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];

/// The DER of every certificate in `bytes`, in the order written. What is inside the certificates is not looked at.
pub fn certificates_in(bytes: &[u8]) -> Result<Vec<Vec<u8>>, InputError> {
    if bytes.trim_ascii().is_empty() {
        return Err(InputError::Empty);
    }
    if bytes.windows(11).any(|window| window == b"-----BEGIN ") {
        return from_pem(bytes);
    }
    let (outer, _) = der::split(bytes).filter(|(value, _)| value.tag == 0x30).ok_or(InputError::NothingFound)?;
    let found = match der::split(outer.content) {
        Some((first, _)) if first.tag == 0x06 && first.content == SIGNED_DATA => {
            from_signed_data(outer.content).ok_or(InputError::NothingFound)?
        }
        // A certificate begins with its TBSCertificate, a SEQUENCE (RFC 5280 §4.1).
        Some((first, _)) if first.tag == 0x30 => vec![outer.whole.to_vec()],
        // PFX begins with its version, 3 (RFC 7292 §4); a PKCS#8 key with 0 or 1.
        Some((first, _)) if first.tag == 0x02 && first.content == [3] => return Err(InputError::Pkcs12),
        _ => return Err(InputError::NothingFound),
    };
    if found.is_empty() { Err(InputError::NothingFound) } else { Ok(found) }
}

fn from_pem(text: &[u8]) -> Result<Vec<Vec<u8>>, InputError> {
    let (blocks, damaged) = pem::blocks(text);
    if damaged > 0 {
        return Err(InputError::DamagedPem);
    }
    let mut found = Vec::new();
    let mut others = Vec::new();
    for block in blocks {
        match block.label.as_str() {
            "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => found.push(block.der),
            "PKCS7" | "CMS" => found.extend(certificates_in(&block.der)?),
            other => others.push(super::dn::printable(other)),
        }
    }
    if found.is_empty() { Err(InputError::OtherPem(others.join(", "))) } else { Ok(found) }
}

/// ContentInfo { contentType, [0] SignedData { version, digestAlgorithms, contentInfo, [0] certificates … } }
fn from_signed_data(content_info: &[u8]) -> Option<Vec<Vec<u8>>> {
    let explicit = der::values(content_info).nth(1).filter(|value| value.tag == 0xa0)?;
    let (signed_data, _) = der::split(explicit.content)?;
    let certificates = der::values(signed_data.content).skip(3).find(|value| value.tag == 0xa0)?;
    // Extended certificates ([0] inside) are obsolete and passed over.
    Some(
        der::values(certificates.content).filter(|value| value.tag == 0x30).map(|value| value.whole.to_vec()).collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut out = vec![tag, 0x82];
        out.extend(u16::try_from(content.len()).unwrap().to_be_bytes());
        out.extend(content);
        out
    }

    #[test]
    fn pkcs7_gives_its_certificates() {
        let certificate = tlv(0x30, &tlv(0x30, &[5, 0]));
        let signed = [
            tlv(2, &[1]),
            tlv(0x31, &[]),
            tlv(0x30, &[]),
            tlv(0xa0, &[certificate.clone(), certificate.clone()].concat()),
            tlv(0x31, &[]),
        ]
        .concat();
        let p7 = tlv(0x30, &[tlv(6, SIGNED_DATA), tlv(0xa0, &tlv(0x30, &signed))].concat());
        assert_eq!(certificates_in(&p7).unwrap(), [certificate.clone(), certificate.clone()]);
        assert_eq!(certificates_in(&certificate).unwrap(), [certificate]);
        for end in 0..p7.len() {
            let _ = certificates_in(&p7[..end]); // no prefix of it may panic
        }
    }

    #[test]
    fn what_holds_no_certificate_says_what_it_is() {
        assert_eq!(certificates_in(b" \n"), Err(InputError::Empty));
        assert_eq!(certificates_in(b"<html>"), Err(InputError::NothingFound));
        assert_eq!(certificates_in(&tlv(0x30, &tlv(0x02, &[3]))), Err(InputError::Pkcs12));
        let key = b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        assert_eq!(certificates_in(key), Err(InputError::OtherPem("PRIVATE KEY".into())));
        assert_eq!(certificates_in(b"-----BEGIN CERTIFICATE-----\nAAAA\n"), Err(InputError::DamagedPem));
    }
}
