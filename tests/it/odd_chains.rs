//! Chains as no CA should make them: what one client refuses to read another takes. Each case changes one thing in a chain
//! that all of them take.

use std::sync::Arc;

use aws_lc_rs::signature::{EcdsaKeyPair, KeyPair as _};
use tlsmend::judge::anchors::TrustAnchors;
use tlsmend::judge::{self, clients};
use tlsmend::model::evidence::Evidence;
use tlsmend::model::handshake::{EndpointEvidence, EndpointStatus};
use tlsmend::model::resolution::Resolution;
use tlsmend::model::verdict::Verdict;
use tlsmend::x509::Certificate;

use crate::support::draft::{
    self, AT, AUTHORITY_KEY_ID, BASIC_CONSTRAINTS, Draft, END, HOST, INTERMEDIATE, KEY_USAGE, NAME_CONSTRAINTS, NULL,
    P256, ROOT, SHA256_WITH_ECDSA, SUBJECT_ALT_NAME, name, new_key, seq, spki, tlv, utc,
};

const CLIENTS: [&str; 7] = ["bun", "go", "deno", "rustls-aws", "rustls-ring", "mbedtls", "wolfssl"];

const SHA256_WITH_RSA: &[u8] = &[0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11];
const RSA_ENCRYPTION: &[u8] = &[0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];

const DISTRIBUTION_POINTS: &[u8] = &[0x55, 0x1d, 31];
const POLICIES: &[u8] = &[0x55, 0x1d, 32];
const POLICY_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 36];
const UNKNOWN: &[u8] = &[0x2a, 3, 4];

fn validity(from: &str, to: &str) -> [Vec<u8>; 2] {
    [from, to].map(utc)
}

/// root → intermediate → end entity
struct World {
    keys: [EcdsaKeyPair; 3],
    drafts: [Draft; 3],
    /// Trusted beside the root.
    trusted: Vec<Vec<u8>>,
    /// Sent behind the intermediate.
    sent: Vec<Vec<u8>>,
}

impl World {
    fn new() -> Self {
        let (keys, drafts) = draft::chain();
        Self { keys, drafts, trusted: Vec::new(), sent: Vec::new() }
    }

    fn with(which: usize, edit: impl Fn(&mut Draft)) -> Self {
        let mut world = Self::new();
        edit(&mut world.drafts[which]);
        world
    }

    fn der(&self, which: usize) -> Vec<u8> {
        self.drafts[which].sign(&self.keys[which.saturating_sub(1)])
    }

    /// What each client says: its code, nothing where it accepts.
    fn say(&self) -> Vec<(&'static str, String)> {
        self.say_of(&[self.der(END), self.der(INTERMEDIATE)], &[self.der(ROOT)])
    }

    fn say_of(&self, served: &[Vec<u8>], roots: &[Vec<u8>]) -> Vec<(&'static str, String)> {
        let evidence = Evidence {
            reference: HOST.parse().unwrap(),
            resolution: Resolution::not_asked(["192.0.2.1".parse().unwrap()]),
            endpoints: vec![EndpointEvidence {
                served_chain: [served, &self.sent].concat(),
                ..EndpointEvidence::new("192.0.2.1:443".parse().unwrap(), EndpointStatus::Completed)
            }],
            aia: Vec::new(),
            files: None,
            revocation: None,
        };
        let trusted = roots.iter().chain(&self.trusted);
        let local = trusted.map(|der| Arc::new(Certificate::parse(der).unwrap())).collect();
        let settings = judge::Settings {
            clients: CLIENTS.iter().map(|id| clients::find_for_judge(id).unwrap()).collect(),
            anchors: TrustAnchors::exactly(Vec::new()).with_local(local),
            at: AT.parse().unwrap(),
            warn_days: None,
            expect_cname: None,
        };
        let answers = judge::judge(&evidence, &settings).deployments.remove(0).answers;
        let codes = answers.into_iter().map(|answer| match answer.verdict {
            Verdict::Accept => String::new(),
            _ => answer.code.unwrap_or_default(),
        });
        CLIENTS.into_iter().zip(codes).collect()
    }
}

/// Those that refuse are exactly these; of `rustls` all three.
#[track_caller]
fn refused(world: &World, expected: &[(&'static str, &str)]) {
    check(&world.say(), expected);
}

#[track_caller]
fn check(said: &[(&'static str, String)], expected: &[(&'static str, &str)]) {
    let wanted: Vec<(&'static str, String)> = CLIENTS
        .into_iter()
        .map(|client| {
            let is_rustls = |family: &str| family == "rustls" && (client.starts_with("rustls") || client == "deno");
            let code = expected.iter().rfind(|(family, _)| *family == client || is_rustls(family));
            (client, code.map_or(String::new(), |(_, code)| (*code).to_owned()))
        })
        .collect();
    assert_eq!(said, wanted);
}

#[test]
fn the_chain_itself_is_taken() {
    refused(&World::new(), &[]);
}

#[test]
fn lengths_and_integers_in_more_octets_than_needed() {
    refused(
        &World::with(END, |draft| draft.serial = vec![2, 0x81, 1, 0x11]),
        &[("bun", "EPROTO"), ("go", "parse"), ("rustls", "BadEncoding"), ("wolfssl", "-140")],
    );
    let names = tlv(0x82, HOST.as_bytes());
    let long = [&[0x30, 0x81, names.len() as u8], &names[..]].concat();
    refused(
        &World::with(END, |draft| draft.set(SUBJECT_ALT_NAME, false, long.clone())),
        &[("bun", "EPROTO"), ("go", "parse"), ("rustls", "BadEncoding"), ("wolfssl", "-140")],
    );
    let behind = [&seq(&[&names])[..], NULL].concat();
    refused(
        &World::with(END, |draft| draft.set(SUBJECT_ALT_NAME, false, behind.clone())),
        &[("bun", "EPROTO"), ("rustls", "BadEncoding"), ("mbedtls", "-0x2566")],
    );
}

#[test]
fn serial_numbers() {
    refused(
        &World::with(END, |draft| draft.serial = vec![2, 0]),
        &[("bun", "EPROTO"), ("go", "parse"), ("wolfssl", "-140")],
    );
    refused(&World::with(END, |draft| draft.serial = tlv(2, &[1; 33])), &[("wolfssl", "-140")]);
    refused(&World::with(END, |draft| draft.serial = tlv(2, &[1; 32])), &[]);
}

#[test]
fn versions_and_what_they_may_hold() {
    refused(
        &World::with(END, |draft| draft.version = Some(1)),
        &[
            ("bun", "EPROTO"),
            ("go", "x509.HostnameError"),
            ("rustls", "UnsupportedCertVersion"),
            ("mbedtls", "-0x21e6"),
            ("wolfssl", "-141"),
        ],
    );
    refused(
        &World::with(END, |draft| draft.version = Some(3)),
        &[("bun", "EPROTO"), ("go", "parse"), ("rustls", "UnsupportedCertVersion"), ("mbedtls", "-0x2580")],
    );
    refused(
        &World::with(END, |draft| draft.ids = vec![0x81, 2, 0, 1]),
        &[("rustls", "BadEncoding"), ("mbedtls", "-0x2562"), ("wolfssl", "-140")],
    );
}

#[test]
fn dates_in_other_forms() {
    // An offset.
    refused(
        &World::with(END, |draft| draft.validity = validity("260101000000+0100", "270101000000+0100")),
        &[("bun", "ERROR_IN_CERT_NOT_AFTER_FIELD"), ("rustls", "BadEncoding"), ("mbedtls", "-0x2400")],
    );
    // A fraction of a second.
    let dates = |text: &str| tlv(0x18, text.as_bytes());
    refused(
        &World::with(END, |draft| draft.validity = ["20260101000000.5Z", "20270101000000.5Z"].map(dates)),
        &[("bun", "EPROTO"), ("go", "parse"), ("rustls", "BadEncoding"), ("mbedtls", "-0x2400"), ("wolfssl", "-151")],
    );
}

#[test]
fn names_that_hold_odd_things() {
    refused(
        &World::with(END, |draft| draft.subject = seq(&[&tlv(0x31, &[])])),
        &[("bun", "EPROTO"), ("mbedtls", "-0x23e0"), ("wolfssl", "-140")],
    );
    let subject = |tag: u8, value: &[u8]| seq(&[&tlv(0x31, &seq(&[&[6, 3, 0x55, 4, 3], &tlv(tag, value)]))]);
    refused(&World::with(END, |draft| draft.subject = subject(0x12, b"12")), &[("mbedtls", "-0x23e2")]);
    refused(&World::with(END, |draft| draft.subject = subject(0x0c, &[0xff])), &[("bun", "EPROTO"), ("go", "parse")]);
    refused(&World::with(END, |draft| draft.subject = subject(0x1c, &[0, 0, 0, 0x41])), &[]);
    // Letter case beyond ASCII.
    let mut world = World::new();
    world.drafts[INTERMEDIATE].subject = name("Ä");
    world.drafts[END].issuer = name("ä");
    assert_eq!(world.say()[0], ("bun", "UNABLE_TO_VERIFY_LEAF_SIGNATURE".to_owned()));
}

#[test]
fn subject_alternative_names() {
    let names = |names: &[&[u8]]| {
        let names = seq(names);
        World::with(END, move |draft| {
            draft.subject = name(HOST);
            draft.set(SUBJECT_ALT_NAME, false, names.clone());
        })
    };
    let code = |world: &World, client: &str| world.say().into_iter().find(|(id, _)| *id == client).unwrap().1;
    assert_eq!(code(&names(&[]), "wolfssl"), "-140");
    let other_name = tlv(0xa0, &[&[6, 2, 0x2a, 3][..], &[0xa0, 2, 0x0c, 0]].concat());
    assert_eq!(code(&names(&[&other_name]), "wolfssl"), "-322");
    let host = tlv(0x82, HOST.as_bytes());
    let mapped = tlv(0x87, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1]);
    refused(&names(&[&host, &mapped]), &[("go", "parse")]);
    // A string type in the place of a name's tag.
    let text = names(&[&tlv(0x0c, HOST.as_bytes())]);
    assert_eq!(code(&text, "go"), "x509.HostnameError");
    assert_eq!(code(&text, "wolfssl"), "");
}

#[test]
fn booleans_that_are_not_canonical() {
    refused(
        &World::with(INTERMEDIATE, |draft| draft.set(BASIC_CONSTRAINTS, true, vec![0x30, 3, 1, 1, 1])),
        &[("go", "parse"), ("rustls", "BadEncoding")],
    );
}

#[test]
fn a_path_length_of_what_is_no_ca() {
    refused(
        &World::with(END, |draft| draft.set(BASIC_CONSTRAINTS, true, vec![0x30, 3, 2, 1, 0])),
        &[("bun", "EPROTO")],
    );
}

#[test]
fn key_usages() {
    // decipherOnly beside digitalSignature.
    refused(
        &World::with(END, |draft| draft.set(KEY_USAGE, true, vec![3, 3, 7, 0x80, 0x80])),
        &[("mbedtls", "KEY_USAGE")],
    );
    // Unused bits that are set.
    refused(
        &World::with(END, |draft| draft.set(KEY_USAGE, true, vec![3, 2, 5, 0x9f])),
        &[("bun", "EPROTO"), ("go", "parse"), ("mbedtls", "KEY_USAGE"), ("wolfssl", "-140")],
    );
    // No BIT STRING: webpki does not look into it.
    let said = World::with(END, |draft| draft.set(KEY_USAGE, true, vec![4, 1, 0x80])).say();
    assert!(said.iter().filter(|(client, _)| client.starts_with("rustls")).all(|(_, code)| code.is_empty()));
}

#[test]
fn critical_distribution_points() {
    let point = seq(&[&seq(&[&tlv(0xa0, &tlv(0xa0, &tlv(0x86, b"http://crl.example.com/")))])]);
    refused(
        &World::with(END, |draft| draft.set(DISTRIBUTION_POINTS, true, point.clone())),
        &[("bun", "UNHANDLED_CRITICAL_EXTENSION"), ("mbedtls", "-0x2562")],
    );
    refused(
        &World::with(END, |draft| draft.set(DISTRIBUTION_POINTS, false, NULL.to_vec())),
        &[("bun", "EPROTO"), ("go", "parse"), ("rustls", "BadEncoding"), ("wolfssl", "-140")],
    );
}

#[test]
fn distances_in_name_constraints() {
    let subtree = seq(&[&tlv(0x82, b"example.com"), &[0x80, 1, 1]]);
    let constraints = seq(&[&tlv(0xa0, &subtree)]);
    refused(
        &World::with(INTERMEDIATE, |draft| draft.set(NAME_CONSTRAINTS, false, constraints.clone())),
        &[("bun", "SUBTREE_MINMAX"), ("rustls", "BadEncoding")],
    );
}

#[test]
fn constraints_as_boringssl_compares_them() {
    let permits = |base: Vec<u8>| {
        let constraints = seq(&[&tlv(0xa0, &seq(&[&base]))]);
        World::with(INTERMEDIATE, move |draft| draft.set(NAME_CONSTRAINTS, false, constraints.clone()))
    };
    assert_eq!(permits(tlv(0x82, b"example.com.")).say()[0], ("bun", String::new()));
    assert_eq!(permits(tlv(0x82, b"example.org.")).say()[0], ("bun", "PERMITTED_VIOLATION".to_owned()));
    let mut world = permits(tlv(0x87, &[192, 0, 2, 0, 255, 255, 255, 0]));
    let names = seq(&[&tlv(0x82, HOST.as_bytes()), &tlv(0x87, &[192, 0, 2, 1])]);
    world.drafts[END].set(SUBJECT_ALT_NAME, false, names);
    refused(&world, &[("bun", "UNSUPPORTED_CONSTRAINT_TYPE")]);
    // A list without subtrees.
    refused(
        &World::with(INTERMEDIATE, |draft| draft.set(NAME_CONSTRAINTS, false, seq(&[&[0xa0, 0]]))),
        &[("go", "parse"), ("wolfssl", "-188")],
    );
}

#[test]
fn policies() {
    let list = |policies: &[&[u8]]| {
        let items: Vec<u8> = policies.iter().flat_map(|policy| seq(&[&tlv(6, policy)])).collect();
        tlv(0x30, &items)
    };
    let with = |value: Vec<u8>| World::with(INTERMEDIATE, move |draft| draft.set(POLICIES, false, value.clone()));
    refused(&with(list(&[&[0x2a, 3], &[0x2a, 4]])), &[]);
    refused(&with(list(&[&[0x2a, 3], &[0x2a, 3]])), &[("bun", "INVALID_POLICY_EXTENSION"), ("go", "parse")]);
    refused(&with(list(&[])), &[("bun", "INVALID_POLICY_EXTENSION"), ("mbedtls", "-0x2566"), ("wolfssl", "-188")]);
    let required = vec![0x30, 3, 0x80, 1, 0];
    refused(
        &World::with(INTERMEDIATE, |draft| draft.set(POLICY_CONSTRAINTS, false, required.clone())),
        &[("bun", "NO_EXPLICIT_POLICY"), ("go", "x509.CertificateInvalidError:NoValidChains")],
    );
    refused(
        &World::with(INTERMEDIATE, |draft| draft.set(POLICY_CONSTRAINTS, false, NULL.to_vec())),
        &[("bun", "INVALID_POLICY_EXTENSION"), ("go", "parse"), ("wolfssl", "-188")],
    );
}

#[test]
fn an_authority_key_identifier_of_nothing() {
    refused(&World::with(INTERMEDIATE, |draft| draft.set(AUTHORITY_KEY_ID, false, seq(&[]))), &[("wolfssl", "-188")]);
}

#[test]
fn algorithm_identifiers() {
    // A NULL that ECDSA does not have.
    refused(
        &World::with(END, |draft| draft.algorithm = seq(&[SHA256_WITH_ECDSA, NULL])),
        &[("rustls", "UnsupportedSignatureAlgorithmContext")],
    );
    let outside = World::with(END, |draft| draft.outer_algorithm = Some(seq(&[SHA256_WITH_ECDSA, NULL])));
    assert_eq!(outside.say()[6], ("wolfssl", String::new()), "the OIDs are the same");
    let unknown = World::with(END, |draft| draft.algorithm = seq(&[&tlv(6, UNKNOWN)]));
    assert_eq!(unknown.say()[6], ("wolfssl", "-152".to_owned()));
    let bits = World::with(END, |draft| draft.unused_bits = 1).say();
    check(
        &bits,
        &[
            ("bun", "CERT_SIGNATURE_FAILURE"),
            ("go", "x509.UnknownAuthorityError"),
            ("rustls", "BadEncoding"),
            ("mbedtls", "-0x24e8"),
            ("wolfssl", "-146"),
        ],
    );
}

#[test]
fn keys_that_are_encoded_oddly() {
    // A compressed point.
    let mut world = World::new();
    let point = world.keys[INTERMEDIATE].public_key().as_ref().to_vec();
    let compressed = [&[2 + (point[64] & 1)], &point[1..33]].concat();
    world.drafts[INTERMEDIATE].spki = spki(P256, &compressed);
    refused(&world, &[("go", "parse"), ("rustls-ring", "BadSignature"), ("mbedtls", "-0x4e80")]);

    // A curve in full is a SEQUENCE where its name should be.
    let explicit = seq(&[&[2, 1, 1]]);
    let said = World::with(INTERMEDIATE, |draft| draft.spki = spki(&explicit, &point)).say();
    assert_eq!(said[1], ("go", "parse".to_owned()));
    assert_eq!(said[5], ("mbedtls", "-0x3d00".to_owned()));
    assert_eq!(said[6], ("wolfssl", "-188".to_owned()));

    // RSA without NULL.
    let modulus = tlv(2, &[&[0, 0xc5][..], &[0x5b; 255]].concat());
    let rsa = |parameters: &[u8]| {
        let key = seq(&[&modulus, &[2, 3, 1, 0, 1]]);
        seq(&[&seq(&[RSA_ENCRYPTION, parameters]), &tlv(3, &[&[0][..], &key].concat())])
    };
    let mut world = World::with(INTERMEDIATE, |draft| draft.spki = rsa(&[]));
    world.drafts[END].algorithm = seq(&[SHA256_WITH_RSA, NULL]);
    let said = world.say();
    assert_eq!(said[0], ("bun", "UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY".to_owned()));
    assert_eq!(said[1], ("go", "parse".to_owned()));
    assert_eq!(said[3], ("rustls-aws", "UnsupportedSignatureAlgorithmForPublicKeyContext".to_owned()));
    assert_eq!(said[6], ("wolfssl", "-188".to_owned()));

    // PSS with a salt shorter than the hash.
    let sha256 = seq(&[&[6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1], NULL]);
    let mask = seq(&[&[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 8], &sha256]);
    let parameters = seq(&[&tlv(0xa0, &sha256), &tlv(0xa1, &mask), &tlv(0xa2, &[2, 1, 20])]);
    let mut world = World::with(INTERMEDIATE, |draft| draft.spki = rsa(NULL));
    world.drafts[END].algorithm = seq(&[&[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10], &parameters]);
    let said = world.say();
    assert_eq!(said[0], ("bun", "CERT_SIGNATURE_FAILURE".to_owned()));
    assert_eq!(said[1], ("go", "x509.UnknownAuthorityError".to_owned()));
    assert_eq!(said[3], ("rustls-aws", "UnsupportedSignatureAlgorithmContext".to_owned()));
    assert_eq!(said[5], ("mbedtls", String::new()), "not computed here");
    assert_eq!(said[6], ("wolfssl", String::new()), "not computed here");
}

#[test]
fn trust_anchors_are_checked_by_bun() {
    let edited = |edit: fn(&mut Draft)| World::with(ROOT, edit).say().remove(0).1;
    assert_eq!(edited(|draft| draft.set(UNKNOWN, true, NULL.to_vec())), "UNHANDLED_CRITICAL_EXTENSION");
    assert_eq!(edited(|draft| draft.set(BASIC_CONSTRAINTS, true, seq(&[]))), "INVALID_PURPOSE");
    assert_eq!(edited(|draft| draft.extensions.retain(|(oid, ..)| *oid != BASIC_CONSTRAINTS)), "");
}

#[test]
fn bun_leaves_out_of_date_anchors_where_it_can_do_without() {
    let past = || validity("200101000000Z", "210101000000Z");
    // The root alone, and its key certified by another one.
    let mut world = World::with(ROOT, |draft| draft.validity = past());
    assert_eq!(world.say()[0], ("bun", "CERT_HAS_EXPIRED".to_owned()));
    let other_key = new_key();
    let other = draft::ca("Other Root", "Other Root", &other_key);
    let cross = Draft {
        issuer: name("Other Root"),
        validity: world.drafts[INTERMEDIATE].validity.clone(),
        ..world.drafts[ROOT].clone()
    };
    world.sent = vec![cross.sign(&other_key)];
    assert_eq!(world.say()[0], ("bun", "CERT_HAS_EXPIRED".to_owned()), "nobody trusts the other one");
    world.trusted = vec![other.sign(&other_key)];
    assert_eq!(world.say()[0], ("bun", String::new()));

    // A renewed root beside it.
    let mut world = World::with(ROOT, |draft| draft.validity = past());
    let renewed = Draft { validity: world.drafts[INTERMEDIATE].validity.clone(), ..world.drafts[ROOT].clone() };
    world.trusted = vec![renewed.sign(&world.keys[ROOT])];
    assert_eq!(world.say()[0], ("bun", String::new()));
}

#[test]
fn wolfssl_takes_an_end_entity_of_its_store_whatever_its_dates() {
    let world = World::with(END, |draft| draft.validity = validity("200101000000Z", "210101000000Z"));
    let alone = [world.der(END)];
    assert_eq!(world.say_of(&alone, &alone)[6], ("wolfssl", String::new()));
    assert_eq!(world.say_of(&alone, &[world.der(ROOT)])[6], ("wolfssl", "-188".to_owned()));
    let other_host = World::with(END, |draft| draft.set(SUBJECT_ALT_NAME, false, seq(&[&tlv(0x82, b"b.example.com")])));
    let alone = [other_host.der(END)];
    assert_eq!(other_host.say_of(&alone, &alone)[6], ("wolfssl", "-322".to_owned()));
}

#[test]
fn wolfssl_does_not_add_a_key_twice() {
    // A copy of the intermediate that may not sign, before and behind it.
    let world = World::new();
    let mut copy = world.drafts[INTERMEDIATE].clone();
    copy.set(KEY_USAGE, true, vec![3, 2, 1, 2]);
    let (copy, good) = (copy.sign(&world.keys[ROOT]), world.der(INTERMEDIATE));
    let roots = [world.der(ROOT)];
    assert_eq!(world.say_of(&[world.der(END), copy.clone(), good.clone()], &roots)[6], ("wolfssl", String::new()));
    assert_eq!(world.say_of(&[world.der(END), good, copy], &roots)[6], ("wolfssl", "-357".to_owned()));
}

#[test]
fn signers_that_wolfssl_and_boringssl_have_no_use_for() {
    let rsa = |oid: &[u8], octets: usize| {
        let modulus = tlv(2, &[&[0, 0xc5][..], &vec![0x5b; octets - 1]].concat());
        let key = seq(&[&modulus, &[2, 3, 1, 0, 1]]);
        seq(&[&seq(&[oid]), &tlv(3, &[&[0][..], &key].concat())])
    };
    let said = |spki: Vec<u8>| {
        let mut world = World::with(INTERMEDIATE, |draft| draft.spki.clone_from(&spki));
        world.drafts[END].algorithm = seq(&[SHA256_WITH_RSA, NULL]);
        let said = world.say();
        (said[0].1.clone(), said[6].1.clone())
    };
    let with_null = [RSA_ENCRYPTION, NULL].concat();
    assert_eq!(said(rsa(&with_null, 1024)).1, "-132");
    assert_eq!(said(rsa(&with_null, 256)).1, "-155");
    let pss = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10];
    assert_eq!(said(rsa(&pss, 256)), ("UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY".to_owned(), "-188".to_owned()));
    let dsa = [6, 7, 0x2a, 0x86, 0x48, 0xce, 0x38, 4, 1];
    assert_eq!(said(seq(&[&seq(&[&dsa]), &[3, 4, 0, 2, 1, 5]])).1, "-173");
}

#[test]
fn what_is_too_short_for_a_certificate() {
    let mut world = World::new();
    world.sent = vec![vec![0x30, 3, 2, 1, 5]];
    assert_eq!(world.say()[5], ("mbedtls", "-0x7a00".to_owned()));
    world.sent = vec![seq(&[&[5; 200]])];
    assert_eq!(world.say()[5], ("mbedtls", "-0x2180".to_owned()));
}
