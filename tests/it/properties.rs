//! What must hold for any chain, tried on PKIs made at random; and the models beside the programs they are of.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tlsmend::judge::anchors::TrustAnchors;
use tlsmend::judge::client::Answer;
use tlsmend::judge::{self, clients};
use tlsmend::model::evidence::Evidence;
use tlsmend::model::handshake::{EndpointEvidence, EndpointStatus};
use tlsmend::model::resolution::Resolution;
use tlsmend::model::time::{DAY, Time};
use tlsmend::model::verdict::Verdict;
use tlsmend::x509::{Certificate, pem};

use crate::support::random_pki::{HOST, Random, RandomPki};
use crate::support::skip;

const PKIS: usize = 250;

/// A day that is the same in every run: the chains are then, too, but for their keys.
fn at() -> Time {
    "2026-11-22T08:00:00Z".parse().unwrap()
}

fn pkis() -> Vec<RandomPki> {
    let mut random = Random(0x1234_5678_9abc_def1);
    (0..PKIS).map(|_| RandomPki::new(&mut random, at())).collect()
}

fn ask(client: &str, root: &[u8], served: &[Vec<u8>]) -> Answer {
    ask_for(client, root, served, HOST, at())
}

fn ask_for(client: &str, root: &[u8], served: &[Vec<u8>], host: &str, at: Time) -> Answer {
    let address = "192.0.2.1:443".parse().unwrap();
    let evidence = Evidence {
        reference: host.parse().unwrap(),
        resolution: Resolution::not_asked(["192.0.2.1".parse().unwrap()]),
        endpoints: vec![EndpointEvidence {
            served_chain: served.to_vec(),
            ..EndpointEvidence::new(address, EndpointStatus::Completed)
        }],
        aia: Vec::new(),
        files: None,
        revocation: None,
    };
    let local = vec![Arc::new(Certificate::parse(root).unwrap())];
    let settings = judge::Settings {
        clients: vec![clients::find_for_judge(client).unwrap()],
        anchors: TrustAnchors::exactly(Vec::new()).with_local(local),
        at,
        warn_days: None,
        expect_cname: None,
    };
    judge::judge(&evidence, &settings).deployments.remove(0).answers.remove(0)
}

/// Clients that build a path from what they are sent, in whatever order it comes.
const ORDER_BLIND: &[&str] = &["chrome", "firefox", "curl", "java", "go", "rustls-aws", "gnutls-cli", "standard"];

#[test]
fn the_order_of_intermediates_changes_no_verdict() {
    for (number, pki) in pkis().iter().enumerate().filter(|(_, pki)| pki.served.len() > 2) {
        let mut turned = pki.served.clone();
        turned[1..].reverse();
        for client in ORDER_BLIND {
            let (one, other) = (ask(client, &pki.root, &pki.served), ask(client, &pki.root, &turned));
            assert_eq!(one.verdict, other.verdict, "{client}, chain {number}: {:?} {:?}", one.code, other.code);
        }
    }
}

#[test]
fn a_stranger_in_the_chain_turns_no_accept_into_a_refusal() {
    let mut accepted = 0;
    for (number, pki) in pkis().iter().enumerate() {
        let mut longer = pki.served.clone();
        longer.insert(1, pki.stranger.clone());
        for client in ORDER_BLIND {
            if ask(client, &pki.root, &pki.served).verdict == Verdict::Accept {
                accepted += 1;
                let other = ask(client, &pki.root, &longer);
                assert_eq!(other.verdict, Verdict::Accept, "{client}, chain {number}: {:?}", other.code);
            }
        }
    }
    assert!(accepted > PKIS, "too few chains are good for the test to say anything: {accepted}");
}

#[test]
fn what_is_served_twice_changes_no_verdict() {
    // GnuTLS 3.7 loses the last certificate of a list when it takes a duplicate out of it.
    for client in ORDER_BLIND.iter().chain(&["peer-bssl", "peer-moz", "peer-pyca"]).filter(|id| **id != "gnutls-cli") {
        for (number, pki) in pkis().iter().enumerate().filter(|(_, pki)| pki.served.len() > 1) {
            let mut longer = pki.served.clone();
            longer.extend_from_slice(&pki.served[1..]);
            let (one, other) = (ask(client, &pki.root, &pki.served), ask(client, &pki.root, &longer));
            assert_eq!(one.verdict, other.verdict, "{client}, chain {number}: {:?} {:?}", one.code, other.code);
        }
    }
}

#[test]
fn the_same_chain_has_the_same_answer() {
    for pki in pkis().iter().take(40) {
        for client in clients::ALL.iter().chain(clients::JUDGE_ONLY) {
            let answer = || ask(client.id, &pki.root, &pki.served);
            assert_eq!(answer(), answer(), "{}", client.id);
        }
    }
}

/// While every certificate is valid, the day makes no difference.
#[test]
fn within_all_validities_the_verdict_stands() {
    let mut compared = 0;
    for (number, pki) in pkis().iter().enumerate() {
        let all: Vec<Certificate> =
            pki.served.iter().chain([&pki.root]).map(|der| Certificate::parse(der).unwrap()).collect();
        let from = all.iter().map(|certificate| certificate.not_before).max().unwrap();
        let to = all.iter().map(|certificate| certificate.not_after).min().unwrap();
        if !(from..to).contains(&at()) {
            continue;
        }
        for client in ORDER_BLIND {
            let today = ask(client, &pki.root, &pki.served).verdict;
            for moment in [from, from.plus(DAY), to.plus(-DAY), to.plus(-1)] {
                let then = ask_for(client, &pki.root, &pki.served, HOST, moment);
                assert_eq!(then.verdict, today, "{client}, chain {number}, {moment}: {:?}", then.code);
                compared += 1;
            }
        }
    }
    assert!(compared > 1_000, "too few chains are valid today: {compared}");
}

#[test]
fn a_wildcard_covers_exactly_one_label() {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut ca = rcgen::CertificateParams::default();
    ca.distinguished_name.push(rcgen::DnType::CommonName, "wildcard root");
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    ca.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign, rcgen::KeyUsagePurpose::CrlSign];
    ca.not_before = at().plus(-90 * DAY).to_datetime();
    ca.not_after = at().plus(90 * DAY).to_datetime();
    let root = ca.self_signed(&key).unwrap().der().to_vec();
    let mut site = rcgen::CertificateParams::new(vec!["*.shop.example.com".to_owned()]).unwrap();
    site.is_ca = rcgen::IsCa::NoCa;
    site.distinguished_name = rcgen::DistinguishedName::new();
    site.distinguished_name.push(rcgen::DnType::OrganizationName, "wildcard site");
    site.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
    site.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    site.use_authority_key_identifier_extension = true;
    (site.not_before, site.not_after) = (ca.not_before, ca.not_after);
    let issuer = rcgen::Issuer::from_params(&ca, &key);
    let served = vec![site.signed_by(&rcgen::KeyPair::generate().unwrap(), &issuer).unwrap().der().to_vec()];
    // `openssl s_client` compares no name unless it is told one.
    let comparing = clients::ALL.iter().chain(clients::JUDGE_ONLY);
    for client in comparing.map(|client| client.id).filter(|id| !id.starts_with("openssl")) {
        let mut random = Random(0x5eed_0f1a_be15_0001);
        for _ in 0..20 {
            let mut label = || -> String {
                (0..=random.below(8))
                    .map(|_| char::from(b"abcdefghijklmnopqrstuvwxyz0123456789"[random.below(36)]))
                    .collect()
            };
            let (one, two) = (label(), label());
            for (host, covered) in [
                (format!("{one}.shop.example.com"), true),
                ("shop.example.com".to_owned(), false),
                (format!("{two}.{one}.shop.example.com"), false),
                (format!("{one}shop.example.com"), false),
            ] {
                let answer = ask_for(client, &root, &served, &host, at());
                assert_eq!(answer.verdict == Verdict::Accept, covered, "{client}, {host}: {:?}", answer.code);
            }
        }
    }
}

/// Some of every verdict, or the comparison shows nothing.
fn assert_both(accepted: usize, of: usize) {
    assert!(accepted * 10 > of && accepted * 10 < of * 9, "{accepted} of {of} accepted");
}

#[test]
fn the_model_of_rustls_agrees_with_rustls_webpki() {
    let (mut accepted, pkis) = (0, pkis());
    for (number, pki) in pkis.iter().enumerate() {
        let root = CertificateDer::from(pki.root.as_slice());
        let anchor = webpki::anchor_from_trusted_cert(&root).unwrap();
        let ders: Vec<CertificateDer<'_>> = pki.served.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
        let name = ServerName::try_from(HOST).unwrap();
        let moment = UnixTime::since_unix_epoch(std::time::Duration::from_secs(at().unix().cast_unsigned()));
        let theirs = webpki::EndEntityCert::try_from(&ders[0]).is_ok_and(|certificate| {
            let (anchors, usage) = (std::slice::from_ref(&anchor), webpki::KeyUsage::server_auth());
            let algorithms = webpki::ALL_VERIFICATION_ALGS;
            certificate.verify_for_usage(algorithms, anchors, &ders[1..], moment, usage, None, None).is_ok()
                && certificate.verify_is_valid_for_subject_name(&name).is_ok()
        });
        let ours = ask("rustls-aws", &pki.root, &pki.served);
        assert_eq!(ours.verdict == Verdict::Accept, theirs, "chain {number}: {:?}", ours.code);
        accepted += usize::from(theirs);
    }
    assert_both(accepted, pkis.len());
}

/// `openssl verify` with the flags that the judge-only client is a model of.
#[test]
fn the_model_of_openssl_verify_agrees_with_openssl() {
    if Command::new("openssl").arg("version").stdout(Stdio::null()).status().is_err() {
        return skip("openssl is not installed");
    }
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, ders: &[Vec<u8>]| {
        let path = folder.path().join(name);
        let text: String = ders.iter().map(|der| pem::encode(der)).collect();
        std::fs::File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (mut accepted, pkis) = (0, pkis());
    for (number, pki) in pkis.iter().enumerate() {
        let root = write("root.pem", std::slice::from_ref(&pki.root));
        let site = write("site.pem", &pki.served[..1]);
        let moment = at().unix().to_string();
        let mut arguments =
            vec!["verify", "-x509_strict", "-partial_chain", "-auth_level", "2", "-purpose", "sslserver"];
        arguments.extend(["-attime", &moment, "-verify_hostname", HOST, "-no-CApath", "-no-CAstore", "-CAfile", &root]);
        let untrusted = write("untrusted.pem", &pki.served[1..]);
        if pki.served.len() > 1 {
            arguments.extend(["-untrusted", &untrusted]);
        }
        arguments.push(&site);
        let run = Command::new("openssl").args(&arguments).output().unwrap();
        let ours = ask("peer-openssl", &pki.root, &pki.served);
        let said = String::from_utf8_lossy(&run.stderr);
        assert_eq!(
            ours.verdict == Verdict::Accept,
            run.status.success(),
            "chain {number}: {:?}, openssl: {said}",
            ours.code
        );
        accepted += usize::from(run.status.success());
    }
    assert_both(accepted, pkis.len());
}
