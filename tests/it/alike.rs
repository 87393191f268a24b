//! What is concluded of one end entity is used for another only where judging that one alone gives the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose as Purpose, GeneralSubtree,
    IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, NameConstraints, SanType, SerialNumber,
};
use tlsmend::judge::alike::{Alike, Known};
use tlsmend::judge::anchors::TrustAnchors;
use tlsmend::judge::rules::{self, Context};
use tlsmend::judge::{Settings, clients, judge};
use tlsmend::model::evidence::Evidence;
use tlsmend::model::handshake::{EndpointEvidence, EndpointStatus};
use tlsmend::model::resolution::Resolution;
use tlsmend::model::target::Target;
use tlsmend::model::time::{DAY, Time};
use tlsmend::x509::Certificate;

use crate::support::random_pki::Random;

const AT: &str = "2026-11-22T08:00:00Z";

fn at() -> Time {
    AT.parse().unwrap()
}

fn date(time: Time) -> time::OffsetDateTime {
    time.to_datetime()
}

/// A root and an intermediate below it.
struct Ca {
    root: Vec<u8>,
    intermediate: Vec<u8>,
    params: CertificateParams,
    key: KeyPair,
}

fn ca(constraints: Option<NameConstraints>) -> Ca {
    let params = |name: &str, days: i64| {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::OrganizationName, "alike");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = date(at().plus(-days * DAY));
        params.not_after = date(at().plus(days * DAY));
        params
    };
    let (root_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let root = params("alike root", 3_000);
    let mut below = params("alike intermediate", 1_000);
    below.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    below.name_constraints = constraints;
    below.use_authority_key_identifier_extension = true;
    let intermediate = below.signed_by(&key, &Issuer::from_params(&root, &root_key)).unwrap();
    Ca {
        root: root.self_signed(&root_key).unwrap().der().to_vec(),
        intermediate: intermediate.der().to_vec(),
        params: below,
        key,
    }
}

/// An ordinary end entity, to be changed.
fn leaf(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![Purpose::ServerAuth];
    params.is_ca = IsCa::ExplicitNoCa;
    params.use_authority_key_identifier_extension = true;
    params.not_before = date(at().plus(-10 * DAY));
    params.not_after = date(at().plus(80 * DAY));
    params
}

fn evidence(chain: Vec<Vec<u8>>, name: &str) -> Evidence {
    Evidence {
        reference: name.parse().unwrap(),
        resolution: Resolution::not_asked(["192.0.2.1".parse().unwrap()]),
        endpoints: vec![EndpointEvidence {
            served_chain: chain,
            ..EndpointEvidence::new("192.0.2.1:443".parse().unwrap(), EndpointStatus::Completed)
        }],
        files: None,
        revocation: None,
        aia: Vec::new(),
    }
}

fn settings(anchors: TrustAnchors) -> Settings {
    Settings { clients: clients::ALL.to_vec(), anchors, at: at(), warn_days: None, expect_cname: None }
}

fn certificate(der: &[u8]) -> Arc<Certificate> {
    Arc::new(Certificate::parse(der).unwrap())
}

/// Compares what `alike` says with judging alone, and lets it learn. True: it knew.
struct Comparison {
    alike: Alike<String>,
    settings: Settings,
    judged: BTreeMap<&'static str, usize>,
}

impl Comparison {
    fn new(settings: Settings) -> Self {
        Self { alike: Alike::default(), settings, judged: BTreeMap::new() }
    }

    fn look(&mut self, chain: Vec<Vec<u8>>, name: &str, what: &str) -> &'static str {
        let evidence = evidence(chain, name);
        let target: Target = name.parse().unwrap();
        let judgement = judge(&evidence, &self.settings);
        let context = Context {
            target: &target,
            evidence: &evidence,
            settings: &self.settings,
            judgement: &judgement,
            options: "",
        };
        let found = rules::run(&context);
        let verdicts = judgement.deployments[0].answers.iter().map(|answer| (answer.verdict, answer.category));
        let codes = found.findings.iter().map(|finding| (finding.code.clone(), finding.severity));
        let alone = format!(
            "{:?} {:?} {:?} {:?}",
            verdicts.collect::<Vec<_>>(),
            codes.collect::<Vec<_>>(),
            found.causes,
            judgement.wanted_issuers
        );
        let end = match self.alike.find(&target, &evidence, &self.settings) {
            Known::Alike(conclusion, _) => {
                assert_eq!(conclusion, alone, "{what}");
                "known"
            }
            Known::Stranger(stranger) => {
                self.alike.keep(*stranger, &target, &evidence, &self.settings, &judgement, alone);
                "new"
            }
            Known::OutOfOrder => "odd",
        };
        *self.judged.entry(end).or_default() += 1;
        end
    }
}

fn issue(ca: &Ca, params: &CertificateParams, key: &KeyPair) -> Vec<Vec<u8>> {
    let issued = params.signed_by(key, &Issuer::from_params(&ca.params, &ca.key)).unwrap();
    vec![issued.der().to_vec(), ca.intermediate.clone()]
}

type Change = Box<dyn Fn(&mut CertificateParams, &str)>;

fn extension(oid: &[u64], content: Vec<u8>, critical: bool) -> CustomExtension {
    let mut extension = CustomExtension::from_oid_content(oid, content);
    extension.set_criticality(critical);
    extension
}

/// A list of timestamps with one entry for each moment (seconds).
fn timestamps(moments: &[i64]) -> CustomExtension {
    let prefixed = |bytes: Vec<u8>| [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], &bytes].concat();
    let entry = |at: &i64| {
        let at = u64::try_from(at * 1000).unwrap().to_be_bytes();
        prefixed([&[0][..], &[7; 32], &at, &[0, 0], &[4, 3], &prefixed(vec![9; 70])].concat())
    };
    let list = prefixed(moments.iter().flat_map(entry).collect());
    // In the fewest octets: a longer length would be out of the ordinary.
    let [high, low] = u16::try_from(list.len()).unwrap().to_be_bytes();
    let mut content = match list.len() {
        ..0x80 => vec![4, low],
        0x80..0x100 => vec![4, 0x81, low],
        _ => vec![4, 0x82, high, low],
    };
    content.extend(list);
    extension(&[1, 3, 6, 1, 4, 1, 11129, 2, 4, 2], content, false)
}

/// For each part of an end entity the ways in which it can be: the first is the ordinary one.
fn changes(intermediate: &Certificate) -> Vec<Vec<(String, Change)>> {
    let mut all: Vec<Vec<(String, Change)>> = Vec::new();
    let mut part = |ways: Vec<(String, Change)>| all.push(ways);
    fn way(what: impl Into<String>, change: impl Fn(&mut CertificateParams, &str) + 'static) -> (String, Change) {
        (what.into(), Box::new(change))
    }
    let from =
        |seconds: i64| move |params: &mut CertificateParams, _: &str| params.not_before = date(at().plus(seconds));
    let until =
        |seconds: i64| move |params: &mut CertificateParams, _: &str| params.not_after = date(at().plus(seconds));
    let issuer = [intermediate.not_before, intermediate.not_after].map(|time| time.since(at()));
    let begins = [
        -10 * DAY,
        -11 * DAY,
        -1,
        0,
        1,
        -60 * DAY,
        -73 * DAY,
        -300 * DAY,
        -318 * DAY,
        -1_700 * DAY,
        issuer[0],
        issuer[0] + 1,
        issuer[0] - 1,
    ];
    part(begins.into_iter().map(|seconds| way(format!("begins {seconds}"), from(seconds))).collect());
    let ends = [
        80 * DAY,
        81 * DAY,
        0,
        1,
        -1,
        3 * DAY,
        20 * DAY,
        40 * DAY,
        90 * DAY - 1,
        90 * DAY,
        170 * DAY,
        190 * DAY - 1,
        190 * DAY,
        190 * DAY + 1,
        400 * DAY,
        900 * DAY,
        issuer[1],
        issuer[1] + 1,
        issuer[1] - 1,
    ];
    part(ends.into_iter().map(|seconds| way(format!("ends {seconds}"), until(seconds))).collect());
    let dns = |name: &str| SanType::DnsName(name.try_into().unwrap());
    let san = move |names: &'static [&'static str]| {
        move |params: &mut CertificateParams, own: &str| {
            params.subject_alt_names = names.iter().map(|name| dns(&name.replace("OWN", own))).collect();
        }
    };
    part(vec![
        way("own name", san(&["OWN"])),
        way("more names", san(&["mail.example.com", "OWN", "www.example.org"])),
        way("wildcard", move |params, _| {
            params.subject_alt_names = vec![dns("*.hosts.example.com"), dns("hosts.example.com")];
            params.distinguished_name = rcgen::DistinguishedName::new();
            params.distinguished_name.push(DnType::CommonName, "*.hosts.example.com");
        }),
        way("twice", san(&["OWN", "OWN"])),
        way("capitals", san(&["OWN", "WWW.Example.com"])),
        way("underscore", san(&["OWN", "under_score.example.com"])),
        way("dot at the end", san(&["OWN", "example.com."])),
        way("one label", san(&["OWN", "intranet"])),
        way("A-label", san(&["OWN", "xn--bcher-kva.example.com"])),
        way("wildcard within", san(&["OWN", "w*.example.com"])),
        way("wildcard of all", san(&["OWN", "*.com", "*"])),
        way("empty", san(&["OWN", ""])),
        way("address as text", san(&["OWN", "192.0.2.1"])),
        way("another name", san(&["www.example.org"])),
        way("no name", |params, _| params.subject_alt_names.clear()),
        way("an address", |params, _| params.subject_alt_names.push(SanType::IpAddress("192.0.2.1".parse().unwrap()))),
        way("a mailbox", |params, _| {
            params.subject_alt_names.push(SanType::Rfc822Name("me@example.com".try_into().unwrap()))
        }),
        way("a URI", |params, _| {
            params.subject_alt_names.push(SanType::URI("https://example.com/".try_into().unwrap()))
        }),
        way("many names", move |params, _| {
            params.subject_alt_names.extend((0..200).map(|i| dns(&format!("h{i}.example.com"))))
        }),
    ]);
    let subject = |attributes: &'static [(DnType, &'static str)]| {
        move |params: &mut CertificateParams, own: &str| {
            params.distinguished_name = rcgen::DistinguishedName::new();
            for (kind, value) in attributes {
                params.distinguished_name.push(kind.clone(), value.replace("OWN", own));
            }
        }
    };
    part(vec![
        way("CN", subject(&[(DnType::CommonName, "OWN")])),
        way("no subject", subject(&[])),
        way("O and CN", subject(&[(DnType::OrganizationName, "Shop"), (DnType::CommonName, "OWN")])),
        way("O alone", subject(&[(DnType::OrganizationName, "Shop")])),
        way("another CN", subject(&[(DnType::CommonName, "www.example.net")])),
        way("a person", subject(&[(DnType::CommonName, "Jo Doe")])),
        way(
            "of the intermediate",
            subject(&[(DnType::OrganizationName, "alike"), (DnType::CommonName, "alike intermediate")]),
        ),
        way("of the root", subject(&[(DnType::OrganizationName, "alike"), (DnType::CommonName, "alike root")])),
    ]);
    let serial = |octets: &'static [u8]| {
        move |params: &mut CertificateParams, _: &str| params.serial_number = Some(SerialNumber::from_slice(octets))
    };
    part(vec![
        way("usual serial", |_, _| {}),
        way("short serial", serial(&[5])),
        way("serial 0", serial(&[0])),
        way("long serial", serial(&[0x7f; 20])),
        way("serial with sign octet", serial(&[0x9f; 19])),
        way("too long a serial", serial(&[0x7f; 21])),
    ]);
    part(vec![
        way("usual usage", |_, _| {}),
        way("no usage", |params, _| params.key_usages.clear()),
        way("encipherment", |params, _| params.key_usages = vec![KeyUsagePurpose::KeyEncipherment]),
        way("signs certificates", |params, _| params.key_usages.push(KeyUsagePurpose::KeyCertSign)),
    ]);
    part(vec![
        way("for servers", |_, _| {}),
        way("for anything", |params, _| params.extended_key_usages.clear()),
        way("for clients", |params, _| params.extended_key_usages = vec![Purpose::ClientAuth]),
        way("for both", |params, _| params.extended_key_usages.push(Purpose::ClientAuth)),
        way("for any", |params, _| params.extended_key_usages = vec![Purpose::Any]),
    ]);
    part(vec![
        way("no CA", |_, _| {}),
        way("no constraints", |params, _| params.is_ca = IsCa::NoCa),
        way("a CA", |params, _| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)),
    ]);
    let key_id = intermediate.extensions.subject_key_id.clone().unwrap().to_vec();
    part(vec![
        way("own key identifier", |_, _| {}),
        way("the intermediate's key identifier", move |params, _| {
            params.key_identifier_method = KeyIdMethod::PreSpecified(key_id.clone());
        }),
        way("a short key identifier", |params, _| {
            params.key_identifier_method = KeyIdMethod::PreSpecified(vec![1, 2, 3])
        }),
        way("no authority key identifier", |params, _| params.use_authority_key_identifier_extension = false),
    ]);
    let with = |extensions: Vec<CustomExtension>| {
        move |params: &mut CertificateParams, _: &str| params.custom_extensions.extend(extensions.clone())
    };
    let policy = vec![0x30, 8, 0x30, 6, 6, 4, 0x2a, 3, 4, 5];
    let address = |text: &str| {
        let uri = [&[0x86, u8::try_from(text.len()).unwrap()][..], text.as_bytes()].concat();
        let method = [&[6, 8, 0x2b, 6, 1, 5, 5, 7, 0x30, 2][..], &uri].concat();
        let description = [&[0x30, u8::try_from(method.len()).unwrap()][..], &method].concat();
        let list = [&[0x30, u8::try_from(description.len()).unwrap()][..], &description].concat();
        extension(&[1, 3, 6, 1, 5, 5, 7, 1, 1], list, false)
    };
    let issued = at().unix() - 10 * DAY;
    part(vec![
        way("nothing more", |_, _| {}),
        way("a policy", with(vec![extension(&[2, 5, 29, 32], policy.clone(), false)])),
        way("two timestamps", with(vec![timestamps(&[issued, issued + 5])])),
        way("three timestamps", with(vec![timestamps(&[issued, issued + 5, issued + 6])])),
        way("an old timestamp", with(vec![timestamps(&[1_731_369_599, issued])])),
        way("no list of timestamps", with(vec![extension(&[1, 3, 6, 1, 4, 1, 11129, 2, 4, 2], vec![4, 1, 9], false)])),
        way("an address", with(vec![address("http://ca.example/i.cer")])),
        way("another address", with(vec![address("http://ca.example/j.cer")])),
        way("must-staple", with(vec![extension(&[1, 3, 6, 1, 5, 5, 7, 1, 24], vec![0x30, 3, 2, 1, 5], false)])),
        way("unknown", with(vec![extension(&[1, 2, 3, 4], vec![5, 0], false)])),
        way("unknown and critical", with(vec![extension(&[1, 2, 3, 4], vec![5, 0], true)])),
        way("poison", with(vec![extension(&[1, 3, 6, 1, 4, 1, 11129, 2, 4, 3], vec![5, 0], true)])),
        way("unreadable policy", with(vec![extension(&[2, 5, 29, 32], vec![0x30, 9, 1], false)])),
    ]);
    all
}

struct Keys(Vec<(&'static str, Vec<KeyPair>)>);

impl Keys {
    fn new() -> Self {
        let two = |algorithm: &'static rcgen::SignatureAlgorithm| {
            (0..2).map(|_| KeyPair::generate_for(algorithm).unwrap()).collect::<Vec<_>>()
        };
        let rsa = |size| (0..2).map(|_| KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, size).unwrap()).collect();
        Self(vec![
            ("P-256", two(&rcgen::PKCS_ECDSA_P256_SHA256)),
            ("P-384", two(&rcgen::PKCS_ECDSA_P384_SHA384)),
            ("Ed25519", two(&rcgen::PKCS_ED25519)),
            ("RSA-2048", rsa(rcgen::RsaKeySize::_2048)),
        ])
    }
}

/// Each part changed by itself, each way with two certificates: the second must be judged like the first, whether or not it is
/// known to be alike.
#[test]
fn each_part_of_an_end_entity_by_itself() {
    let (ca, keys) = (ca(None), Keys::new());
    let anchors = || TrustAnchors::exactly(vec![certificate(&ca.root)]);
    let local = TrustAnchors::exactly(Vec::new()).with_local(vec![certificate(&ca.root)]);
    for settings in [settings(anchors()), settings(local), Settings { warn_days: Some(30), ..settings(anchors()) }] {
        let mut comparison = Comparison::new(settings);
        let mut shared = Vec::new();
        for ways in changes(&certificate(&ca.intermediate)) {
            for (what, change) in &ways {
                for (number, host) in
                    ["a.hosts.example.com", "b2.hosts.example.com", "c.hosts.example.com"].into_iter().enumerate()
                {
                    let mut params = leaf(host);
                    change(&mut params, host);
                    let chain = issue(&ca, &params, &keys.0[0].1[number % 2]);
                    if comparison.look(chain, host, what) == "known" && number == 2 {
                        shared.push(what.clone());
                    }
                }
            }
        }
        // What is made for each certificate tells none apart.
        for what in [
            "begins -950400",
            "ends 6998400",
            "own name",
            "more names",
            "wildcard",
            "CN",
            "no subject",
            "usual serial",
            "long serial",
        ] {
            assert!(shared.iter().any(|known| known == what), "{what} is judged alone: {shared:?}");
        }
        for what in [
            "begins 0",
            "ends 0",
            "capitals",
            "no name",
            "a CA",
            "of the intermediate",
            "serial 0",
            "the intermediate's key identifier",
        ] {
            assert!(shared.iter().all(|known| known != what), "{what} is not judged alone");
        }
    }
}

/// Many changes at once, by chance.
#[test]
fn all_parts_at_once() {
    let (ca, keys) = (ca(None), Keys::new());
    let mut comparison = Comparison::new(settings(TrustAnchors::exactly(vec![certificate(&ca.root)])));
    let mut random = Random(0x5eed_a11c_e000_0001);
    let changes = changes(&certificate(&ca.intermediate));
    for number in 0..400 {
        let host = format!("h{number}.hosts.example.com");
        let mut params = leaf(&host);
        let mut what = vec![host.clone()];
        for ways in &changes {
            if random.once_in(5) {
                let (name, change) = &ways[random.below(ways.len())];
                change(&mut params, &host);
                what.push(name.clone());
            }
        }
        let (kind, keys) = &keys.0[if random.once_in(3) { random.below(keys.0.len()) } else { 0 }];
        what.push((*kind).to_owned());
        let mut chain = issue(&ca, &params, &keys[random.below(2)]);
        if random.once_in(8) {
            // A signature that does not hold.
            let last = chain[0].len() - 1;
            chain[0][last] ^= 1;
            what.push("broken signature".to_owned());
        }
        comparison.look(chain, &host, &what.join(", "));
    }
    let judged = &comparison.judged;
    assert!(judged["known"] > 30 && judged["odd"] > 100 && judged["new"] > 50, "{judged:?}");
}

/// Every day of issuance and every lifetime: whatever a client or a rule compares dates with is between two standings.
#[test]
fn every_day_and_every_lifetime() {
    let (ca, keys) = (ca(None), Keys::new());
    let key = &keys.0[0].1[0];
    let mut comparison = Comparison::new(settings(TrustAnchors::exactly(vec![certificate(&ca.root)])));
    let host = "www.hosts.example.com";
    let mut look = |from: i64, until: i64| {
        let mut params = leaf(host);
        params.not_before = date(at().plus(from));
        params.not_after = date(at().plus(until));
        comparison.look(issue(&ca, &params, key), host, &format!("from {from} until {until}"));
    };
    for day in (1..1_720).step_by(3) {
        look(-day * DAY + 7, (420 - day).max(30) * DAY);
    }
    for days in 1..840 {
        for second in [-1, 0] {
            look(-DAY / 2, days * DAY - DAY / 2 + second);
        }
    }
    for days in (1..400).step_by(2) {
        look(-days * DAY, 5 * DAY);
    }
    assert!(comparison.judged["known"] > 1_500, "{:?}", comparison.judged);
}

/// Names are compared with constraints one by one: nothing is shared below them.
#[test]
fn below_name_constraints_each_is_judged_alone() {
    let subtree = |name: &str| vec![GeneralSubtree::DnsName(name.to_owned())];
    let ca = ca(Some(NameConstraints { permitted_subtrees: subtree("example.com"), excluded_subtrees: Vec::new() }));
    let keys = Keys::new();
    let mut comparison = Comparison::new(settings(TrustAnchors::exactly(vec![certificate(&ca.root)])));
    for host in ["a.example.com", "b.example.com", "a.example.org", "b.example.org"] {
        assert_eq!(comparison.look(issue(&ca, &leaf(host), &keys.0[0].1[0]), host, host), "new");
    }
}

/// Another name than the certificate's, another address of the server, another chain above: nothing is taken over.
#[test]
fn what_lies_around_it_counts() {
    let (one, other) = (ca(None), ca(None));
    let key = KeyPair::generate().unwrap();
    let roots = vec![certificate(&one.root), certificate(&other.root)];
    let mut comparison = Comparison::new(settings(TrustAnchors::exactly(roots)));
    let mut look = |chain: Vec<Vec<u8>>, host: &str| comparison.look(chain, host, host);
    let host = "www.example.com";
    let chain = issue(&one, &leaf(host), &key);
    assert_eq!(look(chain.clone(), host), "new");
    assert_eq!(look(chain.clone(), host), "known");
    assert_eq!(look(issue(&one, &leaf("x.example.com"), &key), "x.example.com"), "known");
    assert_eq!(look(issue(&one, &leaf("x.example.com"), &key), "y.example.com"), "odd", "a mismatch");
    assert_eq!(look(issue(&other, &leaf(host), &key), host), "new", "another issuer");
    assert_eq!(look(vec![chain[0].clone()], host), "new", "without the issuer");
    assert_eq!(look(vec![chain[0].clone(), chain[0].clone(), chain[1].clone()], host), "new", "twice");
    assert_eq!(look(vec![chain[1].clone(), chain[0].clone()], host), "odd", "in disorder");
    let mixed = vec![issue(&other, &leaf(host), &key).remove(0), one.intermediate.clone()];
    assert_eq!(look(mixed.clone(), host), "new", "the name of the issuer and another key");
    assert_eq!(look(mixed, host), "new", "and that is not kept");
}

/// What nothing in this test's world could tell apart, and what something in the real one may: old rules, days of issuance,
/// A-labels.
#[test]
fn what_may_matter_elsewhere_is_judged_alone() {
    const AFTER: i64 = 1_773_532_800; // 2026-03-15, one of the moments of issuance that some client asks for
    let (ca, keys) = (ca(None), Keys::new());
    let mut comparison = Comparison::new(settings(TrustAnchors::exactly(vec![certificate(&ca.root)])));
    let mut look = |what: &str, number: usize, name: &str, change: &dyn Fn(&mut CertificateParams)| {
        let mut params = leaf(name);
        change(&mut params);
        comparison.look(issue(&ca, &params, &keys.0[0].1[number % 2]), name, what)
    };
    let stamped = |at: i64| move |params: &mut CertificateParams| params.custom_extensions.push(timestamps(&[at]));
    assert_eq!(look("stamped", 0, "a.hosts.example.com", &stamped(AFTER + DAY)), "new");
    assert_eq!(look("later", 1, "b.hosts.example.com", &stamped(AFTER + 2 * DAY)), "known");
    assert_eq!(look("before the moment", 0, "c.hosts.example.com", &stamped(AFTER - DAY)), "new");
    for number in 0..2 {
        let old = |params: &mut CertificateParams| params.not_before = date("2022-04-14T00:00:00Z".parse().unwrap());
        assert_eq!(look("old", number, &format!("old{number}.hosts.example.com"), &old), "odd");
        let label = format!("xn--bcher-kva.h{number}.example.com");
        assert_eq!(look("A-label", number, &label, &|_| {}), "odd");
    }
}
