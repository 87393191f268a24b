//! Certificates written field by field, so that tests can have what no CA should issue: a root, an intermediate and an
//! end entity that every client takes, until a test changes something in them.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};

/// When the drafts are valid, and for which host.
pub const AT: &str = "2026-11-22T08:00:00Z";
pub const HOST: &str = "odd.example.com";

pub const BIT_STRING: u8 = 0x03;
pub const OCTETS: u8 = 0x04;
pub const OID: u8 = 0x06;
pub const UTC_TIME: u8 = 0x17;
pub const SEQUENCE: u8 = 0x30;
pub const DNS: u8 = 0x82;

pub const NULL: &[u8] = &[5, 0];

// These are the content alone, the OIDs behind them have tag and length.
pub const KEY_USAGE: &[u8] = &[0x55, 0x1d, 15];
pub const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 17];
pub const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 19];
pub const NAME_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 30];
pub const AUTHORITY_KEY_ID: &[u8] = &[0x55, 0x1d, 35];

pub const P256: &[u8] = &[OID, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
pub const SHA256_WITH_ECDSA: &[u8] = &[OID, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
const EC_PUBLIC_KEY: &[u8] = &[OID, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];

pub const ROOT: usize = 0;
pub const INTERMEDIATE: usize = 1;
pub const END: usize = 2;

pub fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = match u8::try_from(content.len()) {
        Ok(short @ ..0x80) => vec![short],
        Ok(octet) => vec![0x81, octet],
        Err(_) => [&[0x82][..], &u16::try_from(content.len()).unwrap().to_be_bytes()].concat(),
    };
    [&[tag][..], &length, content].concat()
}

pub fn seq(parts: &[&[u8]]) -> Vec<u8> {
    tlv(SEQUENCE, &parts.concat())
}

pub fn name(common_name: &str) -> Vec<u8> {
    let attribute = seq(&[&[OID, 3, 0x55, 4, 3], &tlv(0x0c, common_name.as_bytes())]);
    seq(&[&tlv(0x31, &attribute)])
}

pub fn utc(text: &str) -> Vec<u8> {
    tlv(UTC_TIME, text.as_bytes())
}

pub fn spki(curve: &[u8], point: &[u8]) -> Vec<u8> {
    seq(&[&seq(&[EC_PUBLIC_KEY, curve]), &tlv(BIT_STRING, &[&[0], point].concat())])
}

pub fn new_key() -> EcdsaKeyPair {
    EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap()
}

/// The fields of a certificate to be. Most are DER with tag and length, as these may be what is wrong.
#[derive(Clone)]
pub struct Draft {
    /// As DER has it: 2 for version 3, nothing for version 1.
    pub version: Option<u8>,
    pub serial: Vec<u8>,
    pub algorithm: Vec<u8>,
    pub issuer: Vec<u8>,
    pub validity: [Vec<u8>; 2],
    pub subject: Vec<u8>,
    pub spki: Vec<u8>,
    /// The unique identifiers of issuer and subject, which nobody has.
    pub ids: Vec<u8>,
    /// OID, criticality, content of the OCTET STRING.
    pub extensions: Vec<(&'static [u8], bool, Vec<u8>)>,
    /// Where it is not the one inside.
    pub outer_algorithm: Option<Vec<u8>>,
    pub unused_bits: u8,
    /// What becomes of the signed part before it is signed, and of the BIT STRING's content afterwards.
    pub rewrite: fn(Vec<u8>) -> Vec<u8>,
    pub resign: fn(Vec<u8>) -> Vec<u8>,
}

impl Draft {
    pub fn set(&mut self, oid: &'static [u8], critical: bool, value: Vec<u8>) {
        self.extensions.retain(|(known, ..)| *known != oid);
        self.extensions.push((oid, critical, value));
    }

    pub fn sign(&self, key: &EcdsaKeyPair) -> Vec<u8> {
        let extension = |(oid, critical, value): &(&[u8], bool, Vec<u8>)| {
            let critical: &[u8] = if *critical { &[1, 1, 0xff] } else { &[] };
            seq(&[&tlv(OID, oid), critical, &tlv(OCTETS, value)])
        };
        let extensions: Vec<u8> = self.extensions.iter().flat_map(extension).collect();
        let tbs = (self.rewrite)(seq(&[
            &self.version.map_or_else(Vec::new, |version| vec![0xa0, 3, 2, 1, version]),
            &self.serial,
            &self.algorithm,
            &self.issuer,
            &seq(&[&self.validity[0], &self.validity[1]]),
            &self.subject,
            &self.spki,
            &self.ids,
            &if extensions.is_empty() { extensions } else { tlv(0xa3, &tlv(SEQUENCE, &extensions)) },
        ]));
        // Unused bits are 0 in DER, else the certificate would be wrong in two ways: another signature may end in them.
        let sign = || key.sign(&SystemRandom::new(), &tbs).unwrap();
        let fits = |octets: &[u8]| octets.last().is_some_and(|last| last.trailing_zeros() >= self.unused_bits.into());
        let signature = std::iter::repeat_with(sign).find(|signature| fits(signature.as_ref())).unwrap();
        let bits = (self.resign)([&[self.unused_bits], signature.as_ref()].concat());
        seq(&[&tbs, self.outer_algorithm.as_ref().unwrap_or(&self.algorithm), &tlv(BIT_STRING, &bits)])
    }
}

/// A CA's certificate.
pub fn ca(issuer: &str, subject: &str, key: &EcdsaKeyPair) -> Draft {
    Draft {
        version: Some(2),
        serial: vec![2, 1, 0x11],
        algorithm: seq(&[SHA256_WITH_ECDSA]),
        issuer: name(issuer),
        validity: [utc("260101000000Z"), utc("270301000000Z")],
        subject: name(subject),
        spki: spki(P256, key.public_key().as_ref()),
        ids: Vec::new(),
        extensions: vec![
            (BASIC_CONSTRAINTS, true, vec![SEQUENCE, 3, 1, 1, 0xff]),
            (KEY_USAGE, true, vec![BIT_STRING, 2, 1, 6]),
        ],
        outer_algorithm: None,
        unused_bits: 0,
        rewrite: |tbs| tbs,
        resign: |bits| bits,
    }
}

/// The keys and drafts of root → intermediate → end entity.
pub fn chain() -> ([EcdsaKeyPair; 3], [Draft; 3]) {
    let keys = [new_key(), new_key(), new_key()];
    let end_entity = Draft {
        extensions: vec![
            (KEY_USAGE, true, vec![BIT_STRING, 2, 7, 0x80]),
            (SUBJECT_ALT_NAME, false, seq(&[&tlv(DNS, HOST.as_bytes())])),
        ],
        ..ca("Odd Intermediate", "Odd End Entity", &keys[END])
    };
    let drafts =
        [ca("Odd Root", "Odd Root", &keys[ROOT]), ca("Odd Root", "Odd Intermediate", &keys[INTERMEDIATE]), end_entity];
    (keys, drafts)
}
