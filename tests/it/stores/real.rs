//! Real public chains, every client with its own store.

use std::collections::BTreeMap;

use serde::Deserialize;
use tlsmend::judge::anchors::{TrustAnchors, stores_of};
use tlsmend::judge::client::Answer;
use tlsmend::judge::{self, clients};
use tlsmend::model::evidence::{Evidence, FileEvidence};
use tlsmend::model::resolution::Resolution;
use tlsmend::model::time::Time;
use tlsmend::model::verdict::Verdict;
use tlsmend::x509::{Certificate, certificates_in};

use crate::suites;
use crate::support::skip;

#[derive(Deserialize)]
struct Case {
    id: String,
    expected_result: String,
    peer_certificate: String,
    untrusted_intermediates: Vec<String>,
    trusted_certs: Vec<String>,
    validation_time: Time,
    expected_peer_name: Name,
}

#[derive(Deserialize)]
struct Name {
    value: String,
}

fn der(pem: &str) -> Vec<u8> {
    certificates_in(pem.as_bytes()).unwrap().remove(0)
}

fn answers(case: &Case, chain: Vec<Vec<u8>>) -> Vec<Answer> {
    let evidence = Evidence {
        reference: case.expected_peer_name.value.parse().unwrap(),
        resolution: Resolution::not_asked([]),
        endpoints: Vec::new(),
        aia: Vec::new(),
        files: Some(FileEvidence { chain, key: None, name_given: true }),
        revocation: None,
    };
    let settings = judge::Settings {
        clients: clients::ALL.to_vec(),
        anchors: TrustAnchors::own_stores(),
        at: case.validation_time,
        warn_days: None,
        expect_cname: None,
    };
    judge::judge(&evidence, &settings).deployments.remove(0).answers
}

/// What the suite's validators accept under the one root that was given to them, every client accepts that has it. Where we
/// know the root by its fingerprint only, that is undetermined until the root is at hand.
#[test]
fn real_chains_are_accepted_where_the_root_is_in_the_store() {
    let Some(cases) = suites::cases::<Case>("real-dev") else {
        return skip("the test suites are not beside this checkout");
    };
    let (mut judged, mut by_name_only, mut lacking, mut wrong) = (0, 0, BTreeMap::new(), Vec::new());
    for case in cases.iter().filter(|case| case.expected_result == "SUCCESS") {
        let chain: Vec<Vec<u8>> =
            std::iter::once(&case.peer_certificate).chain(&case.untrusted_intermediates).map(|pem| der(pem)).collect();
        let roots: Vec<Certificate> =
            case.trusted_certs.iter().map(|pem| Certificate::parse(&der(pem)).unwrap()).collect();
        let with_root = [chain.clone(), case.trusted_certs.iter().map(|pem| der(pem)).collect()].concat();
        let pairs = answers(case, chain).into_iter().zip(answers(case, with_root));
        for (client, (answer, with_root)) in clients::ALL.iter().zip(pairs) {
            judged += 1;
            let listed = roots.iter().any(|root| stores_of(root, None).contains(client.trust.store));
            // A root that only other stores have may still lead to one of this store by a cross-certificate.
            if !listed {
                *lacking.entry((client.id, answer.verdict as u8)).or_insert(0) += 1;
            } else if answer.verdict == Verdict::Undetermined && with_root.verdict == Verdict::Accept {
                by_name_only += 1;
            } else if answer.verdict != Verdict::Accept {
                wrong.push(format!("{} {}: {:?} {:?}", case.id, client.id, answer.code, answer.message));
            }
        }
    }
    println!(
        "{judged} answers, {by_name_only} of them for want of the root; of clients without the root, by verdict: {lacking:?}"
    );
    wrong.iter().take(40).for_each(|line| println!("{line}"));
    assert!(judged > 10_000 && wrong.is_empty(), "{} of {judged}", wrong.len());
}
