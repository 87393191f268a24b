//! The chains that badssl.com served, judged at the time they were served, with the roots of the time. Labels are the
//! suite's; each leads to one code of ours and nothing else of weight.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;

use flate2::read::GzDecoder;
use serde::Deserialize;
use tlsmend::judge::anchors::TrustAnchors;
use tlsmend::judge::{self, clients, rules};
use tlsmend::model::aia::{AiaEvidence, AiaFetch, AiaOutcome};
use tlsmend::model::evidence::Evidence;
use tlsmend::model::finding::{Finding, Severity};
use tlsmend::model::handshake::{EndpointEvidence, EndpointStatus};
use tlsmend::model::resolution::Resolution;
use tlsmend::model::target::Target;
use tlsmend::model::time::Time;
use tlsmend::x509::{Certificate, certificates_in};

#[derive(Deserialize)]
struct Suite {
    scenarios: Vec<Scenario>,
}

#[derive(Deserialize)]
struct Scenario {
    id: String,
    host: String,
    at: Time,
    served_chain: Vec<String>,
    expected_findings: Vec<String>,
}

fn read(path: PathBuf) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    GzDecoder::new(File::open(path).ok()?).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// The codes that may be found for a label, and the one that must. `None`: offline it cannot be seen.
fn codes(labels: &[String]) -> BTreeSet<&str> {
    // The key of such a CA is public: who issued is known, and what else is missing does not matter.
    if labels.iter().any(|label| label == "known-bad-ca") {
        return ["known-bad-ca"].into();
    }
    let code = |label: &str| match label {
        "expired" => Some("end-entity-expired"),
        "self-signed" => Some("self-signed-end-entity"),
        "wrong-order" => Some("chain-misordered"),
        "no-sct" => Some("no-scts"),
        "weak-signature" => Some("weak-signature"),
        "name-mismatch" => Some("name-mismatch"),
        "missing-intermediate" => Some("missing-intermediate"),
        "revoked" => None,
        other => panic!("a label without a code: {other}"),
    };
    labels.iter().filter_map(|label| code(label)).collect()
}

fn findings(scenario: &Scenario, roots: &[Arc<Certificate>], fetched: &[Vec<u8>]) -> Vec<Finding> {
    let address = "192.0.2.1:443".parse().unwrap();
    let fetch = AiaFetch {
        url: "http://issuers.example/".to_owned(),
        outcome: AiaOutcome::Accepted,
        from_cache: false,
        status: Some(200),
        bytes: None,
        content_type: None,
        certificates: Vec::new(),
        detail: None,
        duration_ms: 1,
        cached_at: None,
        form: None,
        fit: None,
    };
    let evidence = Evidence {
        reference: scenario.host.parse().unwrap(),
        resolution: Resolution::not_asked(["192.0.2.1".parse().unwrap()]),
        endpoints: vec![EndpointEvidence {
            served_chain: scenario
                .served_chain
                .iter()
                .flat_map(|pem| certificates_in(pem.as_bytes()).unwrap())
                .collect(),
            ..EndpointEvidence::new(address, EndpointStatus::Completed)
        }],
        aia: vec![AiaEvidence { fetch, certificates: fetched.to_vec() }],
        files: None,
        revocation: None,
    };
    let settings = judge::Settings {
        clients: clients::ALL.to_vec(),
        anchors: TrustAnchors::exactly(roots.to_vec()),
        at: scenario.at,
        warn_days: Some(0),
        expect_cname: None,
    };
    let judgement = judge::judge(&evidence, &settings);
    let target: Target = scenario.host.parse().unwrap();
    let context = rules::Context {
        target: &target,
        evidence: &evidence,
        settings: &settings,
        judgement: &judgement,
        options: "",
    };
    rules::run(&context).findings
}

#[test]
fn each_label_leads_to_its_code_and_nothing_else_of_weight() {
    let shared = std::env::var_os("TLSMEND_SUITES")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/suites"), PathBuf::from);
    let trust = shared.join("../trust-data/intermediates/historic_roots.pem.gz");
    let (Some(suite), Some(roots)) = (read(shared.join("badssl-served.json.gz")), read(trust)) else {
        return crate::support::skip("the chains of badssl.com are not beside this checkout");
    };
    let suite: Suite = serde_json::from_slice(&suite).unwrap();
    let known_bad = ["Superfish", "eDellRoot", "DSDTestProvider"];
    let roots: Vec<Arc<Certificate>> = certificates_in(&roots)
        .unwrap()
        .iter()
        .filter_map(|der| Certificate::parse(der).ok().map(Arc::new))
        // The list is of everything that was ever a root somewhere.
        .filter(|root| !known_bad.iter().any(|name| root.subject.to_string().contains(name)))
        .collect();
    // What an issuer's address would bring: the CA certificates of the other chains.
    let certificates = suite.scenarios.iter().flat_map(|scenario| &scenario.served_chain[1..]);
    let intermediates: Vec<Vec<u8>> = certificates.flat_map(|pem| certificates_in(pem.as_bytes()).unwrap()).collect();
    let (mut wrong, mut of_public_cas) = (Vec::new(), 0);
    for scenario in &suite.scenarios {
        let findings = findings(scenario, &roots, &intermediates);
        let mut expected = codes(&scenario.expected_findings);
        // The suite has no label for it, but all clients except Go were measured to refuse messages of 200 kB.
        if scenario.id == "badssl::subdomain-10000-sans" {
            expected.insert("chain-too-large");
        }
        let found: BTreeSet<&str> = findings.iter().map(|finding| finding.code.as_str()).collect();
        of_public_cas += usize::from(found.contains("client-authentication-allowed"));
        let weighty: Vec<&Finding> = findings
            .iter()
            .filter(|finding| finding.severity >= Severity::Medium && !expected.contains(finding.code.as_str()))
            .collect();
        if !expected.is_subset(&found) || !weighty.is_empty() {
            let weighty: Vec<String> = weighty
                .iter()
                .map(|finding| format!("{} {:?} {:?}", finding.code, finding.affected_clients, finding.facts))
                .collect();
            wrong.push(format!("{}: expected {expected:?}, found {found:?}; of weight: {weighty:?}", scenario.id));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(of_public_cas > 20, "public CAs put clientAuth into every certificate of those years: {of_public_cas}");
}
