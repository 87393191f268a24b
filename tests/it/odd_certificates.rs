//! What GnuTLS' clients and Java make of certificates that no CA should issue, written field by field. Every chain is a root, an
//! intermediate and an end entity with one thing changed; the codes are those of the real clients.

use std::sync::Arc;

use aws_lc_rs::signature::{EcdsaKeyPair, KeyPair as _};
use tlsmend::judge::anchors::TrustAnchors;
use tlsmend::judge::{self, clients};
use tlsmend::model::evidence::Evidence;
use tlsmend::model::handshake::{ClientCertificate, EndpointEvidence, EndpointStatus, KeyProof, TlsParameters};
use tlsmend::model::resolution::Resolution;
use tlsmend::model::verdict::Verdict;
use tlsmend::x509::Certificate;

use crate::support::draft::{
    self, AT, AUTHORITY_KEY_ID, BASIC_CONSTRAINTS, BIT_STRING, DNS, Draft, END, HOST, INTERMEDIATE, KEY_USAGE,
    NAME_CONSTRAINTS, NULL, OCTETS, OID, P256, ROOT, SEQUENCE, SHA256_WITH_ECDSA, SUBJECT_ALT_NAME, UTC_TIME, seq,
    spki, tlv, utc,
};

const GENERALIZED_TIME: u8 = 0x18;

const SUBJECT_KEY_ID: &[u8] = &[0x55, 0x1d, 14];
const NETSCAPE_CERT_TYPE: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x86, 0xf8, 0x42, 0x01, 0x01];
const TIMESTAMPS: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x04, 0x02];

const BRAINPOOL_P256: &[u8] = &[OID, 9, 0x2b, 0x24, 3, 3, 2, 8, 1, 1, 7];
const SHA224_WITH_ECDSA: &[u8] = &[OID, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 1];

/// nameConstraints with one permitted subtree.
fn permits(subtree: &[u8]) -> Vec<u8> {
    seq(&[&tlv(0xa0, &seq(&[subtree]))])
}

/// A root, an intermediate and an end entity, with their keys.
struct Chain {
    keys: [EcdsaKeyPair; 3],
    drafts: [Draft; 3],
    host: &'static str,
    staple: Option<Vec<u8>>,
}

impl Chain {
    fn new() -> Self {
        let (keys, drafts) = draft::chain();
        Self { keys, drafts, host: HOST, staple: None }
    }

    /// What the clients say: verdict, then code.
    fn judge(self, client: &str) -> String {
        let [root, intermediate, end_entity] = &self.drafts;
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
    let time =
        |tag, text: &'static str| move |chain: &mut Chain| chain.drafts[END].validity[0] = tlv(tag, text.as_bytes());
    imported(&time(GENERALIZED_TIME, "20261101000000.5Z"), "reject", "Error in the time fields of certificate.");
    imported(&time(UTC_TIME, "261101000000+0100"), "error", "The DER time encoding is invalid.");
    let unknown = |chain: &mut Chain| {
        let twice = (&[0x2a, 3, 4][..], false, vec![5, 0]);
        chain.drafts[END].extensions.extend([twice.clone(), twice]);
    };
    imported(&unknown, "reject", "Duplicate extension in X.509 certificate.");
    let alternative =
        |value: &'static [u8]| move |chain: &mut Chain| chain.drafts[END].set(SUBJECT_ALT_NAME, false, value.to_vec());
    imported(&alternative(&[5, 0]), "error", "ASN1 parser: Error in TAG.");
    imported(&alternative(&[SEQUENCE, 0, 5, 0]), "error", "ASN1 parser: Error in DER parsing.");
    imported(&alternative(&[SEQUENCE, 2, DNS, 0]), "reject", "Unknown Subject Alternative name in X.509 certificate.");
    imported(&|chain: &mut Chain| chain.drafts[END].version = Some(1), "reject", "Error in the certificate.");
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
        chain.drafts[END].outer_algorithm = Some(seq(&[SHA256_WITH_ECDSA, NULL]));
    };
    says(edit, &[("gnutls-cli", "accept"), ("java", "accept")]);
}

#[test]
fn gnutls_lets_pass() {
    let accepted = [("gnutls-cli", "accept"), ("wget", "accept"), ("git", "accept")];
    says(
        |chain| {
            chain.drafts[INTERMEDIATE].set(SUBJECT_KEY_ID, false, vec![OCTETS, 0]);
            chain.drafts[END].set(AUTHORITY_KEY_ID, false, vec![SEQUENCE, 3, 0x80, 1, 7]);
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
    let other_name = permits(&tlv(0xa0, &[OID, 2, 0x2a, 3, 0xa0, 2, 5, 0]));
    gnutls_says(
        |chain| chain.drafts[INTERMEDIATE].set(NAME_CONSTRAINTS, true, other_name.clone()),
        "GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE",
    );
    gnutls_says(|chain| chain.drafts[END].unused_bits = 1, "GNUTLS_CERT_SIGNER_NOT_CA");
}

#[test]
fn unknown_signature_algorithms() {
    let edit = |chain: &mut Chain| chain.drafts[END].algorithm = seq(&[&[OID, 3, 0x2a, 3, 4]]);
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
        let parameters = seq(&[&[2, 1, 1]]);
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
            chain.drafts[END].validity[0] = utc("270101000000Z");
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
        |chain| chain.drafts[END].version = Some(1),
        "reject CertificateParsingException: Extensions not allowed in v2 certificate",
    );
    java_says(
        |chain| chain.drafts[END].version = Some(3),
        "reject CertificateParsingException: Extensions not allowed in v2 certificate",
    );
    java_says(
        |chain| chain.drafts[END].version = None,
        "reject CertificateParsingException: no more data allowed for version 1 certificate",
    );
    java_says(
        |chain| chain.drafts[END].serial = vec![2, 0],
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
        |chain| chain.drafts[END].set(TIMESTAMPS, true, vec![OCTETS, 2, 0, 0]),
        "reject CertPathValidatorException:UNRECOGNIZED_CRIT_EXT",
    );
    java_says(|chain| chain.drafts[END].set(KEY_USAGE, true, vec![BIT_STRING, 2, 5, 0x9f]), "accept");
}

#[test]
fn java_asks_netscapes_certificate_type() {
    let with = |bits: u8| {
        move |chain: &mut Chain| chain.drafts[END].set(NETSCAPE_CERT_TYPE, false, vec![BIT_STRING, 2, 0, bits])
    };
    java_says(with(0x40), "accept");
    java_says(with(0x80), "reject ValidatorException: Netscape cert type does not permit use for SSL server");
}

#[test]
fn java_does_not_measure_subtrees() {
    let domain = tlv(DNS, b"example.com");
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
        |chain| chain.drafts[INTERMEDIATE].set(NAME_CONSTRAINTS, true, permits(&tlv(DNS, b""))),
        "reject StringIndexOutOfBoundsException: String index out of range: 0",
    );
}

#[test]
fn java_reads_signatures_before_it_checks_them() {
    java_says(
        |chain| chain.drafts[END].resign = |bits| [&bits[..], &[0]].concat(),
        "reject IOException: Invalid encoding for signature",
    );
    java_says(|chain| chain.drafts[END].resign = |bits| vec![0; bits.len()], "reject IOException: Not the correct tag");
    java_says(
        |chain| {
            chain.drafts[END].set(&[0x2a, 3], false, vec![0; 256]);
            chain.drafts[END].rewrite = |tbs| {
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
        |chain| chain.drafts[END].algorithm = seq(&[SHA224_WITH_ECDSA]),
        "reject CertPathValidatorException:ALGORITHM_CONSTRAINED",
    );
}

#[test]
fn java_takes_an_address_mapped_into_ipv6_for_what_it_is() {
    let mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1];
    java_says(
        |chain| {
            chain.host = "127.0.0.1";
            chain.drafts[END].set(SUBJECT_ALT_NAME, false, seq(&[&tlv(0x87, &mapped)]));
        },
        "accept",
    );
}

#[test]
fn java_reads_the_staple_whatever_it_says() {
    java_says(|chain| chain.staple = Some(vec![SEQUENCE, 3, 0x0a, 1, 0]), "error IOException: Too short");
    java_says(|chain| chain.staple = Some(vec![SEQUENCE, 3, 0x0a, 1, 3]), "accept");
}
