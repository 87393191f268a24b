//! What GnuTLS' clients and Java make of certificates that no CA should issue, written field by field. Every chain is a root, an
//! intermediate and an end entity with one thing changed; the codes are those of the real clients.

use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use tlsmend::judge::anchors::TrustAnchors;
use tlsmend::judge::{self, clients};
use tlsmend::model::evidence::Evidence;
use tlsmend::model::handshake::{ClientCertificate, EndpointEvidence, EndpointStatus, KeyProof, TlsParameters};
use tlsmend::model::resolution::Resolution;
use tlsmend::model::verdict::Verdict;
use tlsmend::x509::Certificate;

const AT: &str = "2026-11-22T08:00:00Z";
const HOST: &str = "www.odd.example.com";

const BIT_STRING: u8 = 0x03;
const OCTETS: u8 = 0x04;
const OID: u8 = 0x06;
const UTF8: u8 = 0x0c;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const DNS: u8 = 0x82;

const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const SUBJECT_KEY_ID: &[u8] = &[0x55, 0x1d, 0x0e];
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const NAME_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x1e];
const AUTHORITY_KEY_ID: &[u8] = &[0x55, 0x1d, 0x23];
const NETSCAPE_CERT_TYPE: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x86, 0xf8, 0x42, 0x01, 0x01];
const TIMESTAMPS: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x04, 0x02];

const CA: &[u8] = &[SEQUENCE, 3, 1, 1, 0xff];
const ID_EC_PUBLIC_KEY: &[u8] = &[OID, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const P256: &[u8] = &[OID, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const BRAINPOOL_P256: &[u8] = &[OID, 9, 0x2b, 0x24, 3, 3, 2, 8, 1, 1, 7];

fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = match u8::try_from(content.len()) {
        Ok(short @ ..0x80) => vec![short],
        Ok(octet) => vec![0x81, octet],
        Err(_) => [&[0x82][..], &u16::try_from(content.len()).unwrap().to_be_bytes()].concat(),
    };
    [&[tag][..], &length, &content].concat()
}

fn name(common_name: &str) -> Vec<u8> {
    let attribute = der(SEQUENCE, &[&[OID, 3, 0x55, 4, 3], &der(UTF8, &[common_name.as_bytes()])]);
    der(SEQUENCE, &[&der(SET, &[&attribute])])
}

fn spki(curve: &[u8], point: &[u8]) -> Vec<u8> {
    der(SEQUENCE, &[&der(SEQUENCE, &[ID_EC_PUBLIC_KEY, curve]), &der(BIT_STRING, &[&[0], point])])
}

fn ecdsa_with(last: u8) -> Vec<u8> {
    der(SEQUENCE, &[&[OID, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, last]])
}

fn utc(text: &str) -> Vec<u8> {
    der(UTC_TIME, &[text.as_bytes()])
}

fn names(list: &[&[u8]]) -> Vec<u8> {
    der(SEQUENCE, list)
}

/// nameConstraints with one permitted subtree.
fn permits(subtree: &[u8]) -> Vec<u8> {
    der(SEQUENCE, &[&der(0xa0, &[&der(SEQUENCE, &[subtree])])])
}

/// The fields of a certificate to be.
struct Draft {
    version: Option<u8>,
    serial: Vec<u8>,
    issuer: Vec<u8>,
    validity: [Vec<u8>; 2],
    subject: Vec<u8>,
    spki: Vec<u8>,
    /// OID, critical, value.
    extensions: Vec<(&'static [u8], bool, Vec<u8>)>,
    algorithm: Vec<u8>,
    outer_algorithm: Option<Vec<u8>>,
    /// What becomes of the signed part before it is signed, and of the BIT STRING's content afterwards.
    rewrite: fn(Vec<u8>) -> Vec<u8>,
    resign: fn(Vec<u8>) -> Vec<u8>,
}

impl Draft {
    fn set(&mut self, oid: &'static [u8], critical: bool, value: Vec<u8>) {
        self.extensions.retain(|(other, ..)| *other != oid);
        self.extensions.push((oid, critical, value));
    }

    fn sign(self, key: &EcdsaKeyPair) -> Vec<u8> {
        let extension = |(oid, critical, value): &(&[u8], bool, Vec<u8>)| {
            let critical: &[u8] = if *critical { &[1, 1, 0xff] } else { &[] };
            der(SEQUENCE, &[&der(OID, &[oid]), critical, &der(OCTETS, &[value])])
        };
        let extensions: Vec<u8> = self.extensions.iter().flat_map(extension).collect();
        let tbs = (self.rewrite)(der(
            SEQUENCE,
            &[
                &self.version.map_or_else(Vec::new, |version| der(0xa0, &[&[2, 1, version]])),
                &der(0x02, &[&self.serial]),
                &self.algorithm,
                &self.issuer,
                &der(SEQUENCE, &[&self.validity[0], &self.validity[1]]),
                &self.subject,
                &self.spki,
                &if extensions.is_empty() { extensions } else { der(0xa3, &[&der(SEQUENCE, &[&extensions])]) },
            ],
        ));
        let signature = key.sign(&SystemRandom::new(), &tbs).unwrap();
        let bits = (self.resign)([&[0], signature.as_ref()].concat());
        let algorithm = self.outer_algorithm.unwrap_or(self.algorithm);
        der(SEQUENCE, &[&tbs, &algorithm, &der(BIT_STRING, &[&bits])])
    }
}

/// A root, an intermediate and an end entity, with their keys.
struct Chain {
    keys: [EcdsaKeyPair; 3],
    drafts: [Draft; 3],
    host: &'static str,
    staple: Option<Vec<u8>>,
}

const ROOT: usize = 0;
const INTERMEDIATE: usize = 1;
const END_ENTITY: usize = 2;

impl Chain {
    fn new() -> Self {
        let keys = [(); 3].map(|()| EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap());
        let subjects = ["Odd Root", "Odd Intermediate", HOST].map(name);
        let drafts = [ROOT, INTERMEDIATE, END_ENTITY].map(|role| {
            let extensions: Vec<(&'static [u8], bool, Vec<u8>)> = match role {
                END_ENTITY => vec![(SUBJECT_ALT_NAME, false, names(&[&der(DNS, &[HOST.as_bytes()])]))],
                _ => vec![(BASIC_CONSTRAINTS, true, CA.to_vec())],
            };
            Draft {
                version: Some(2),
                serial: vec![0x40, role as u8],
                issuer: subjects[role.saturating_sub(1)].clone(),
                validity: [utc("261101000000Z"), utc("270301000000Z")],
                subject: subjects[role].clone(),
                spki: spki(P256, keys[role].public_key().as_ref()),
                extensions,
                algorithm: ecdsa_with(2),
                outer_algorithm: None,
                rewrite: |tbs| tbs,
                resign: |bits| bits,
            }
        });
        Self { keys, drafts, host: HOST, staple: None }
    }

    /// What the clients say: verdict, then code.
    fn judge(self, client: &str) -> String {
        let [root, intermediate, end_entity] = self.drafts;
        let root = root.sign(&self.keys[ROOT]);
        let served_chain = vec![end_entity.sign(&self.keys[INTERMEDIATE]), intermediate.sign(&self.keys[ROOT])];
        let evidence = Evidence {
            reference: self.host.parse().unwrap(),
            resolution: Resolution::not_asked(["127.0.0.1".parse().unwrap()]),
            endpoints: vec![EndpointEvidence {
                tls: Some(TlsParameters {
                    version: Some("1.3".to_owned()),
                    cipher_suite: None,
                    group: None,
                    dh_bits: None,
                    alpn: None,
                    signature_scheme: None,
                    key_proof: KeyProof::Proven,
                    client_certificate: ClientCertificate::NotRequested,
                    ocsp_staple_bytes: None,
                }),
                served_chain,
                ocsp_staple: self.staple,
                ..EndpointEvidence::new("127.0.0.1:443".parse().unwrap(), EndpointStatus::Completed)
            }],
            files: None,
            revocation: None,
            aia: Vec::new(),
        };
        let root = Arc::new(Certificate::parse(&root).unwrap());
        let settings = judge::Settings {
            clients: vec![clients::find(client).unwrap()],
            anchors: TrustAnchors::exactly(Vec::new()).with_local(vec![root]),
            at: AT.parse().unwrap(),
            warn_days: None,
            expect_cname: None,
        };
        let answer = judge::judge(&evidence, &settings).deployments.remove(0).answers.remove(0);
        match answer.verdict {
            Verdict::Accept => "accept".to_owned(),
            Verdict::Reject => format!("reject {}", answer.code.unwrap_or_default()),
            Verdict::Error => format!("error {}", answer.code.unwrap_or_default()),
            Verdict::Undetermined => "undetermined".to_owned(),
        }
    }
}

#[track_caller]
fn says(edit: impl Fn(&mut Chain), expected: &[(&str, &str)]) {
    for (client, said) in expected {
        let mut chain = Chain::new();
        edit(&mut chain);
        assert_eq!(chain.judge(client), *said, "{client}");
    }
}

/// All three clients on GnuTLS, of which wget and git say so little that their words follow.
#[track_caller]
fn gnutls_says(edit: impl Fn(&mut Chain), code: &str) {
    let wget = if code.contains("INSECURE_ALGORITHM") { "5 not trusted+insecure algorithm" } else { "5 not trusted" };
    says(
        edit,
        &[
            ("gnutls-cli", &format!("reject {code}")),
            ("wget", &format!("reject {wget}")),
            ("git", "reject server certificate verification failed"),
        ],
    );
}

#[track_caller]
fn java_says(edit: impl Fn(&mut Chain), said: &str) {
    says(edit, &[("java", said), ("java-aia", said)]);
}

#[test]
fn nothing_odd_is_accepted() {
    says(|_| (), &[("gnutls-cli", "accept"), ("wget", "accept"), ("git", "accept"), ("java", "accept")]);
}

#[test]
fn gnutls_imports_the_end_entity_in_the_handshake() {
    let imported = |edit: &dyn Fn(&mut Chain), verdict: &str, text: &str| {
        let git = format!("gnutls_handshake() failed: {}", text.to_lowercase());
        let git: String = git.chars().take(80).collect();
        says(
            edit,
            &[
                ("gnutls-cli", &format!("{verdict} {text}")),
                ("wget", &format!("{verdict} 4 {text}")),
                ("git", &format!("{verdict} {git}")),
            ],
        );
    };
    let time = |tag, text: &'static str| {
        move |chain: &mut Chain| chain.drafts[END_ENTITY].validity[0] = der(tag, &[text.as_bytes()])
    };
    imported(&time(GENERALIZED_TIME, "20261101000000.5Z"), "reject", "Error in the time fields of certificate.");
    imported(&time(UTC_TIME, "261101000000+0100"), "error", "The DER time encoding is invalid.");
    let unknown = |chain: &mut Chain| {
        let twice = (&[0x2a, 3, 4][..], false, vec![5, 0]);
        chain.drafts[END_ENTITY].extensions.extend([twice.clone(), twice]);
    };
    imported(&unknown, "reject", "Duplicate extension in X.509 certificate.");
    let alternative = |value: &'static [u8]| {
        move |chain: &mut Chain| chain.drafts[END_ENTITY].set(SUBJECT_ALT_NAME, false, value.to_vec())
    };
    imported(&alternative(&[5, 0]), "error", "ASN1 parser: Error in TAG.");
    imported(&alternative(&[SEQUENCE, 0, 5, 0]), "error", "ASN1 parser: Error in DER parsing.");
    imported(&alternative(&[SEQUENCE, 2, DNS, 0]), "reject", "Unknown Subject Alternative name in X.509 certificate.");
    imported(&|chain: &mut Chain| chain.drafts[END_ENTITY].version = Some(1), "reject", "Error in the certificate.");
}

#[test]
fn gnutls_imports_the_others_in_the_verification() {
    says(
        |chain| {
            let twice = (&[0x2a, 3, 4][..], false, vec![5, 0]);
            chain.drafts[INTERMEDIATE].extensions.extend([twice.clone(), twice]);
        },
        &[
            ("gnutls-cli", "reject Error in the certificate."),
            ("wget", "reject 5 "),
            ("git", "error server cert verify failed: -430"),
        ],
    );
}

#[test]
fn null_parameters_count_as_none() {
    let edit = |chain: &mut Chain| {
        let algorithm = ecdsa_with(2);
        chain.drafts[END_ENTITY].outer_algorithm = Some(der(SEQUENCE, &[&algorithm[2..], &[5, 0]]));
    };
    says(edit, &[("gnutls-cli", "accept"), ("java", "accept")]);
}

#[test]
fn gnutls_lets_pass() {
    let accepted = [("gnutls-cli", "accept"), ("wget", "accept"), ("git", "accept")];
    says(
        |chain| {
            chain.drafts[INTERMEDIATE].set(SUBJECT_KEY_ID, false, vec![OCTETS, 0]);
            chain.drafts[END_ENTITY].set(AUTHORITY_KEY_ID, false, vec![SEQUENCE, 3, 0x80, 1, 7]);
        },
        &accepted,
    );
    let below_zero = |chain: &mut Chain| {
        chain.drafts[INTERMEDIATE].set(BASIC_CONSTRAINTS, true, vec![SEQUENCE, 6, 1, 1, 0xff, 2, 1, 0xff]);
    };
    says(below_zero, &accepted);
    java_says(below_zero, "reject CertPathValidatorException:NOT_CA_CERT");
}

#[test]
fn gnutls_refuses_what_it_cannot_read() {
    let other_name = permits(&der(0xa0, &[&[OID, 2, 0x2a, 3], &[0xa0, 2, 5, 0]]));
    gnutls_says(
        |chain| chain.drafts[INTERMEDIATE].set(NAME_CONSTRAINTS, true, other_name.clone()),
        "GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE",
    );
    gnutls_says(
        |chain| {
            chain.drafts[END_ENTITY].resign = |mut bits| {
                bits[0] = 1;
                // An unused bit is 0 in DER, else nobody reads it.
                *bits.last_mut().unwrap() &= 0xfe;
                bits
            };
        },
        "GNUTLS_CERT_SIGNER_NOT_CA",
    );
}

#[test]
fn unknown_signature_algorithms() {
    let edit = |chain: &mut Chain| chain.drafts[END_ENTITY].algorithm = der(SEQUENCE, &[&[OID, 3, 0x2a, 3, 4]]);
    gnutls_says(edit, "GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR");
    java_says(edit, "reject NoSuchAlgorithmException: 1.2.3.4 Signature not available");
}

#[test]
fn curves_and_points() {
    let brainpool = |chain: &mut Chain| {
        chain.drafts[INTERMEDIATE].spki = spki(BRAINPOOL_P256, chain.keys[INTERMEDIATE].public_key().as_ref());
    };
    gnutls_says(brainpool, "GNUTLS_CERT_INSECURE_ALGORITHM");
    java_says(brainpool, "reject SignatureException: Curve not supported: brainpoolP256r1 (1.3.36.3.3.2.8.1.1.7)");
    let compressed = |chain: &mut Chain| {
        let point = chain.keys[INTERMEDIATE].public_key().as_ref();
        chain.drafts[INTERMEDIATE].spki = spki(P256, &[&[2 + point[64] % 2], &point[1..33]].concat());
    };
    gnutls_says(compressed, "GNUTLS_CERT_INSECURE_ALGORITHM");
    java_says(compressed, "reject IOException: Only uncompressed point format supported");
    let spelled_out = |chain: &mut Chain| {
        let parameters = der(SEQUENCE, &[&[2, 1, 1]]);
        chain.drafts[INTERMEDIATE].spki = spki(&parameters, chain.keys[INTERMEDIATE].public_key().as_ref());
    };
    gnutls_says(spelled_out, "GNUTLS_CERT_INSECURE_ALGORITHM");
    java_says(spelled_out, "reject IOException: Only named ECParameters supported");
}

#[test]
fn wget_says_what_the_library_found_before_what_it_looks_at_itself() {
    says(
        |chain| {
            chain.drafts[INTERMEDIATE].validity[1] = utc("261110000000Z");
            chain.drafts[END_ENTITY].validity[0] = utc("270101000000Z");
        },
        &[("wget", "reject 5 not trusted+has expired+not yet been activated")],
    );
}

#[test]
fn java_takes_anchors_of_version_1() {
    let edit = |chain: &mut Chain| {
        chain.drafts[ROOT].version = None;
        chain.drafts[ROOT].extensions.clear();
    };
    java_says(edit, "accept");
}

#[test]
fn java_reads_versions_and_numbers_strictly() {
    java_says(
        |chain| chain.drafts[END_ENTITY].version = Some(1),
        "reject CertificateParsingException: Extensions not allowed in v2 certificate",
    );
    java_says(
        |chain| chain.drafts[END_ENTITY].version = Some(3),
        "reject CertificateParsingException: Extensions not allowed in v2 certificate",
    );
    java_says(
        |chain| chain.drafts[END_ENTITY].version = None,
        "reject CertificateParsingException: no more data allowed for version 1 certificate",
    );
    java_says(
        |chain| chain.drafts[END_ENTITY].serial.clear(),
        "reject IOException: Invalid encoding: zero length Int value",
    );
}

#[test]
fn java_names_what_is_wrong_with_a_critical_extension() {
    for (oid, value, text) in [
        (KEY_USAGE, &[5, 0][..], "DerValue.getBitString, not a bit string 5"),
        (KEY_USAGE, &[OCTETS, 1, 0x80], "Too short"),
        (BASIC_CONSTRAINTS, &[5, 0], "Invalid encoding of BasicConstraints"),
        (NAME_CONSTRAINTS, &[5, 0], "Invalid encoding for NameConstraintsExtension."),
    ] {
        java_says(
            |chain| chain.drafts[INTERMEDIATE].set(oid, true, value.to_vec()),
            &format!("reject IOException: {text}"),
        );
    }
    java_says(
        |chain| chain.drafts[END_ENTITY].set(TIMESTAMPS, true, vec![OCTETS, 2, 0, 0]),
        "reject CertPathValidatorException:UNRECOGNIZED_CRIT_EXT",
    );
    java_says(|chain| chain.drafts[END_ENTITY].set(KEY_USAGE, true, vec![BIT_STRING, 2, 5, 0x9f]), "accept");
}

#[test]
fn java_asks_netscapes_certificate_type() {
    let with = |bits: u8| {
        move |chain: &mut Chain| chain.drafts[END_ENTITY].set(NETSCAPE_CERT_TYPE, false, vec![BIT_STRING, 2, 0, bits])
    };
    java_says(with(0x40), "accept");
    java_says(with(0x80), "reject ValidatorException: Netscape cert type does not permit use for SSL server");
}

#[test]
fn java_does_not_measure_subtrees() {
    let domain = der(DNS, &[b"example.com"]);
    for (distance, text) in [
        (&[0x80, 1, 1][..], "Non-zero minimum BaseDistance in name constraints not supported"),
        (&[0x81, 1, 5], "Maximum BaseDistance in name constraints not supported"),
    ] {
        let value = permits(&[&domain, distance].concat());
        java_says(
            |chain| chain.drafts[INTERMEDIATE].set(NAME_CONSTRAINTS, true, value.clone()),
            &format!("reject IOException: {text}"),
        );
    }
    java_says(
        |chain| chain.drafts[INTERMEDIATE].set(NAME_CONSTRAINTS, true, permits(&der(DNS, &[b""]))),
        "reject StringIndexOutOfBoundsException: String index out of range: 0",
    );
}

#[test]
fn java_reads_signatures_before_it_checks_them() {
    java_says(
        |chain| chain.drafts[END_ENTITY].resign = |bits| [&bits[..], &[0]].concat(),
        "reject IOException: Invalid encoding for signature",
    );
    java_says(
        |chain| chain.drafts[END_ENTITY].resign = |bits| vec![0; bits.len()],
        "reject IOException: Not the correct tag",
    );
    java_says(
        |chain| {
            chain.drafts[END_ENTITY].set(&[0x2a, 3], false, vec![0; 256]);
            chain.drafts[END_ENTITY].rewrite = |tbs| {
                // The length of more than 255 octets takes two, here three.
                let [tag, _, length @ ..] = &tbs[..] else { unreachable!() };
                [&[*tag, 0x83, 0][..], length].concat()
            };
        },
        "reject SignatureException: Signature does not match.",
    );
}

#[test]
fn java_has_no_scheme_for_sha_224_in_tls_1_3() {
    java_says(
        |chain| chain.drafts[END_ENTITY].algorithm = ecdsa_with(1),
        "reject CertPathValidatorException:ALGORITHM_CONSTRAINED",
    );
}

#[test]
fn java_takes_an_address_mapped_into_ipv6_for_what_it_is() {
    let mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1];
    java_says(
        |chain| {
            chain.host = "127.0.0.1";
            chain.drafts[END_ENTITY].set(SUBJECT_ALT_NAME, false, names(&[&der(0x87, &[&mapped])]));
        },
        "accept",
    );
}

#[test]
fn java_reads_the_staple_whatever_it_says() {
    java_says(|chain| chain.staple = Some(vec![SEQUENCE, 3, 0x0a, 1, 0]), "error IOException: Too short");
    java_says(|chain| chain.staple = Some(vec![SEQUENCE, 3, 0x0a, 1, 3]), "accept");
}
