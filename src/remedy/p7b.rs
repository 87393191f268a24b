//! Certificates as PKCS#7: a SignedData without content and signers (RFC 5652 §5.1, "certs-only" in RFC 8551 §3.2.3), which
//! Windows, IIS and Java take for a chain.

use crate::x509::pem;

/// id-signedData, 1.2.840.113549.1.7.2.
const SIGNED_DATA: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
/// id-data, 1.2.840.113549.1.7.1.
const DATA: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];

const INTEGER: u8 = 0x02;
const OBJECT_IDENTIFIER: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
/// `[0]`, constructed: explicit content in ContentInfo, implicit certificates in SignedData.
const CONTEXT_0: u8 = 0xa0;

/// `certificates` (DER) as a ContentInfo in DER, apart from one thing: DER would sort the set of certificates, and readers
/// that take the first for the end entity are better served by the order of the chain. OpenSSL writes it so too.
pub fn der(certificates: &[Vec<u8>]) -> Vec<u8> {
    // Version 1: X.509 certificates alone, content of type data (RFC 5652 §5.1).
    let version = tlv(INTEGER, &[1]);
    let content = tlv(SEQUENCE, &tlv(OBJECT_IDENTIFIER, &DATA));
    let (no_digests, no_signers) = (tlv(SET, &[]), tlv(SET, &[]));
    let certificates = tlv(CONTEXT_0, &certificates.concat());
    let signed = tlv(SEQUENCE, &[version, no_digests, content, certificates, no_signers].concat());
    tlv(SEQUENCE, &[tlv(OBJECT_IDENTIFIER, &SIGNED_DATA), tlv(CONTEXT_0, &signed)].concat())
}

/// The same in PEM armour (RFC 7468 §6): what `openssl pkcs7 -print_certs` and certmgr read, and CAs deliver as `.p7b`.
pub fn armoured(certificates: &[Vec<u8>]) -> String {
    pem::encode(&der(certificates))
        .replace("-----BEGIN CERTIFICATE-----", "-----BEGIN PKCS7-----")
        .replace("-----END CERTIFICATE-----", "-----END PKCS7-----")
}

/// One DER value: tag, definite length in the fewest octets, content (X.690 §8.1, §10.1).
fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut out = Vec::with_capacity(length + 6);
    out.push(tag);
    match u8::try_from(length) {
        Ok(short @ ..0x80) => out.push(short),
        _ => {
            let octets = length.to_be_bytes();
            let significant = &octets[octets.iter().take_while(|&&octet| octet == 0).count()..];
            // At most eight of them.
            out.push(0x80 | significant.len() as u8);
            out.extend(significant);
        }
    }
    out.extend(content);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::certificates_in;

    #[test]
    fn what_is_written_is_read_back_in_order() {
        for sizes in [&[1][..], &[40, 3], &[200, 70_000, 127]] {
            // What is inside a certificate is not looked at, but it begins with a SEQUENCE.
            let chain: Vec<Vec<u8>> = sizes.iter().map(|&size| tlv(SEQUENCE, &tlv(SEQUENCE, &vec![5; size]))).collect();
            assert_eq!(certificates_in(&der(&chain)).unwrap(), chain);
            assert_eq!(certificates_in(armoured(&chain).as_bytes()).unwrap(), chain);
        }
    }

    #[test]
    fn lengths_are_der() {
        assert_eq!(tlv(4, &[1]), [4, 1, 1]);
        assert_eq!(tlv(4, &[0; 127])[..2], [4, 127]);
        assert_eq!(tlv(4, &[0; 128])[..3], [4, 0x81, 128]);
        assert_eq!(tlv(4, &[0; 256])[..4], [4, 0x82, 1, 0]);
        assert_eq!(tlv(4, &[0; 70_000])[..5], [4, 0x83, 1, 0x11, 0x70]);
    }
}
