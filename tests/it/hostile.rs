//! Certificates come from the network: whatever their bytes, parsing and judging answer, and do not panic.

use std::time::{SystemTime, UNIX_EPOCH};

use tlsmend::judge::{self, anchors::TrustAnchors, clients};
use tlsmend::lab::Lab;
use tlsmend::model::evidence::Evidence;
use tlsmend::model::handshake::{EndpointEvidence, EndpointStatus};
use tlsmend::model::resolution::Resolution;
use tlsmend::model::time::Time;
use tlsmend::model::verdict::Verdict;
use tlsmend::x509::{Certificate, certificates_in, pem, sct};

use crate::support::random_pki::{Damage, Random};

fn now() -> Time {
    Time::from_unix(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().try_into().unwrap())
}

fn evidence(chain: Vec<Vec<u8>>, staple: Option<Vec<u8>>) -> Evidence {
    let address = "192.0.2.1:443".parse().unwrap();
    Evidence {
        reference: "shop.lab.example.com".parse().unwrap(),
        resolution: Resolution::not_asked(["192.0.2.1".parse().unwrap()]),
        endpoints: vec![EndpointEvidence {
            served_chain: chain,
            ocsp_staple: staple,
            ..EndpointEvidence::new(address, EndpointStatus::Completed)
        }],
        aia: Vec::new(),
        files: None,
        revocation: None,
    }
}

#[tokio::test]
async fn damaged_certificates_are_judged_without_a_panic() {
    let at = now();
    let only =
        ["missing-intermediate", "name-constraints-violated", "expired-cross-certificate", "rsa", "hostile-names"];
    let lab = Lab::start(at, Some(&only)).await.unwrap();
    let roots = certificates_in(lab.roots_pem().as_bytes()).unwrap();
    let trusted = roots.iter().map(|der| std::sync::Arc::new(Certificate::parse(der).unwrap())).collect();
    let settings = judge::Settings {
        clients: clients::ALL.to_vec(),
        anchors: TrustAnchors::exactly(trusted),
        at,
        warn_days: None,
        expect_cname: None,
    };
    let mut chains = Vec::new();
    for running in lab.scenarios() {
        let report =
            tlsmend::probe::probe(&running.target().unwrap(), &lab.settings(running).unwrap(), || Time::from_unix(0))
                .await;
        let pem: String = report.certificates.values().filter_map(|facts| facts.pem.clone()).collect();
        chains.push(certificates_in(pem.as_bytes()).unwrap());
    }
    let mut damage = Damage(Random(0x9e37_79b9_7f4a_7c15));
    let (mut parsed, mut refused) = (0, 0);
    for round in 0..1_500 {
        let whole = &chains[round % chains.len()];
        let chain: Vec<Vec<u8>> =
            whole.iter().map(|der| if damage.0.once_in(3) { der.clone() } else { damage.to(der) }).collect();
        for der in &chain {
            match Certificate::parse(der) {
                Ok(_) => parsed += 1,
                Err(_) => refused += 1,
            }
        }
        let staple = (damage.0.once_in(4)).then(|| damage.to(&chain[0]));
        let evidence = evidence(chain, staple);
        let judgement = judge::judge(&evidence, &settings);
        assert_eq!(judgement.deployments[0].answers.len(), settings.clients.len());
    }
    assert!(parsed > 500 && refused > 500, "the damage should leave some and break some: {parsed}, {refused}");
}

#[test]
fn every_prefix_of_a_certificate_is_refused() {
    let root = webpki_root_certs::TLS_SERVER_ROOT_CERTS[0].as_ref();
    assert!(Certificate::parse(root).is_ok());
    for end in 0..root.len() {
        assert!(Certificate::parse(&root[..end]).is_err(), "{end} octets");
    }
    assert!(Certificate::parse(&[root, &[0]].concat()).is_err(), "nothing may follow");
    assert_eq!(certificates_in(pem::encode(root).as_bytes()).unwrap(), [root.to_vec()]);
}

/// A hundred certificates of one name and key, each an issuer of all others by name and signature.
#[tokio::test]
async fn a_hundred_issuers_of_one_name_are_no_trap() {
    let at = now();
    let mut world_chain = Vec::new();
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::CommonName, "Many");
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    for serial in 1..=100_u64 {
        params.serial_number = Some(serial.into());
        world_chain.push(params.self_signed(&key).unwrap().der().to_vec());
    }
    let mut leaf = rcgen::CertificateParams::new(vec!["shop.lab.example.com".to_owned()]).unwrap();
    leaf.is_ca = rcgen::IsCa::ExplicitNoCa;
    let leaf_key = rcgen::KeyPair::generate().unwrap();
    let issuer = rcgen::Issuer::from_params(&params, &key);
    world_chain.insert(0, leaf.signed_by(&leaf_key, &issuer).unwrap().der().to_vec());
    // s_client without flags takes anything.
    let verifying = clients::ALL.iter().copied().filter(|client| client.id != "openssl-plain");
    let settings = judge::Settings {
        clients: verifying.collect(),
        anchors: TrustAnchors::exactly(Vec::new()),
        at,
        warn_days: None,
        expect_cname: None,
    };
    let judgement = judge::judge(&evidence(world_chain, None), &settings);
    let answers = &judgement.deployments[0].answers;
    assert!(answers.iter().all(|answer| answer.verdict != Verdict::Accept));
}

/// Eight keys of one name, each certified by each of the others: 8! ways up, none of which ends. Every client answers
/// within its library's budget or ours.
#[test]
fn a_mesh_of_cross_certificates_is_no_trap() {
    let names = |params: &mut rcgen::CertificateParams| {
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, "Mesh");
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    };
    let mut ca = rcgen::CertificateParams::default();
    names(&mut ca);
    let keys: Vec<rcgen::KeyPair> = (0..8).map(|_| rcgen::KeyPair::generate().unwrap()).collect();
    let issuers: Vec<_> = keys.iter().map(|key| rcgen::Issuer::from_params(&ca, key)).collect();
    let leaf = rcgen::CertificateParams::new(vec!["shop.lab.example.com".to_owned()]).unwrap();
    let mut chain = vec![leaf.signed_by(&rcgen::KeyPair::generate().unwrap(), &issuers[0]).unwrap().der().to_vec()];
    for (subject, key) in keys.iter().enumerate() {
        for issuer in (0..8).filter(|&issuer| issuer != subject) {
            chain.push(ca.signed_by(key, &issuers[issuer]).unwrap().der().to_vec());
        }
    }
    let settings = judge::Settings {
        clients: clients::ALL.iter().chain(clients::JUDGE_ONLY).copied().collect(),
        anchors: TrustAnchors::exactly(Vec::new()),
        at: now(),
        warn_days: None,
        expect_cname: None,
    };
    for client in &settings.clients {
        let alone = judge::Settings { clients: vec![client], ..settings.clone() };
        let judgement = judge::judge(&evidence(chain.clone(), None), &alone);
        let answer = &judgement.deployments[0].answers[0];
        let unverified = client.id == "openssl-plain";
        assert!(unverified || answer.verdict != Verdict::Accept, "{}", client.id);
    }
}

/// Lists of certificate timestamps come from certificates and staples.
#[test]
fn damaged_timestamp_lists_are_read_without_a_panic() {
    let prefixed = |content: &[u8]| [&u16::try_from(content.len()).unwrap().to_be_bytes()[..], content].concat();
    let one = |log: u8| {
        let fields = [&[0][..], &[log; 32], &[0, 0, 1, 0x8b, 0xcf, 0xe5, 0x68, 0], &prefixed(&[]), &[4, 3]].concat();
        prefixed(&[fields, prefixed(&[7; 71])].concat())
    };
    let whole = prefixed(&[one(1), one(2), one(3)].concat());
    assert_eq!(sct::list(&whole).unwrap().len(), 3);
    let mut damage = Damage(Random(0x5bd1_e995_cc9e_2d51));
    let read = (0..20_000).filter(|_| sct::list(&damage.to(&whole)).is_some()).count();
    assert!(read > 1_000 && read < 19_000, "{read}");
}

fn answers(chain: Vec<Vec<u8>>, root: &[u8], at: Time) -> Vec<(&'static str, Verdict)> {
    let settings = judge::Settings {
        clients: clients::ALL.iter().chain(clients::JUDGE_ONLY).copied().collect(),
        anchors: TrustAnchors::exactly(vec![std::sync::Arc::new(Certificate::parse(root).unwrap())]),
        at,
        warn_days: None,
        expect_cname: None,
    };
    let mut judgement = judge::judge(&evidence(chain, None), &settings);
    let answers = judgement.deployments.remove(0).answers;
    settings.clients.iter().map(|client| client.id).zip(answers.iter().map(|answer| answer.verdict)).collect()
}

fn ca_named(name: &str) -> rcgen::CertificateParams {
    let mut ca = rcgen::CertificateParams::default();
    ca.distinguished_name.push(rcgen::DnType::CommonName, name);
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    ca.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign, rcgen::KeyUsagePurpose::CrlSign];
    ca.use_authority_key_identifier_extension = true;
    ca
}

/// A hundred intermediates, each below the next: every client comes to an end, those with a limit at their limit.
#[test]
fn a_chain_of_a_hundred_ends() {
    let mut above = (ca_named("root"), rcgen::KeyPair::generate().unwrap());
    let root = above.0.self_signed(&above.1).unwrap().der().to_vec();
    let mut chain = Vec::new();
    for level in 0..100 {
        let (params, key) = (ca_named(&format!("level {level}")), rcgen::KeyPair::generate().unwrap());
        let issuer = rcgen::Issuer::from_params(&above.0, &above.1);
        chain.insert(0, params.signed_by(&key, &issuer).unwrap().der().to_vec());
        above = (params, key);
    }
    let mut leaf = rcgen::CertificateParams::new(vec!["shop.lab.example.com".to_owned()]).unwrap();
    leaf.use_authority_key_identifier_extension = true;
    let issuer = rcgen::Issuer::from_params(&above.0, &above.1);
    let leaf = leaf.signed_by(&rcgen::KeyPair::generate().unwrap(), &issuer).unwrap();
    chain.insert(0, leaf.der().to_vec());
    let limited = ["java", "rustls-aws", "firefox", "gnutls-cli", "mbedtls", "wolfssl", "peer-pyca"];
    for (client, verdict) in answers(chain, &root, now()) {
        assert!(verdict != Verdict::Accept || !limited.contains(&client), "{client}");
    }
}

/// Ten thousand names under two thousand constraints: twenty million comparisons, which nobody makes. Those that look at
/// constraints stop at a budget, their library's or ours.
#[test]
fn ten_thousand_names_under_thousands_of_constraints_end() {
    let mut ca = ca_named("constrained");
    let excluded = (0..2_000).map(|number| rcgen::GeneralSubtree::DnsName(format!("x{number}.example.org"))).collect();
    ca.name_constraints = Some(rcgen::NameConstraints { permitted_subtrees: Vec::new(), excluded_subtrees: excluded });
    let (root_params, root_key, key) =
        (ca_named("root"), rcgen::KeyPair::generate().unwrap(), rcgen::KeyPair::generate().unwrap());
    let root = root_params.self_signed(&root_key).unwrap().der().to_vec();
    let by_root = rcgen::Issuer::from_params(&root_params, &root_key);
    let intermediate = ca.signed_by(&key, &by_root).unwrap().der().to_vec();
    let names = (0..10_000).map(|number| format!("n{number}.example.com")).chain(["shop.lab.example.com".to_owned()]);
    let mut leaf = rcgen::CertificateParams::new(names.collect::<Vec<_>>()).unwrap();
    leaf.use_authority_key_identifier_extension = true;
    let issuer = rcgen::Issuer::from_params(&ca, &key);
    let leaf = leaf.signed_by(&rcgen::KeyPair::generate().unwrap(), &issuer).unwrap().der().to_vec();
    assert!(Certificate::parse(&leaf).is_ok(), "within what we parse");
    let answers = answers(vec![leaf, intermediate], &root, now());
    let verdict = |id: &str| answers.iter().find(|(client, _)| *client == id).unwrap().1;
    for client in ["chrome", "curl", "peer-bssl", "peer-pyca", "standard", "rustls-aws"] {
        assert!(verdict(client) != Verdict::Accept, "{client}");
    }
    assert_eq!(verdict("go"), Verdict::Undetermined, "Go has no limit: the budget is ours");
}
