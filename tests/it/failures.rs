//! Every way in which a connection can fail has a finding that says what to try next, and is the cause for every client.

use std::net::SocketAddr;
use std::sync::Arc;

use tlsmend::judge::anchors::TrustAnchors;
use tlsmend::judge::{self, Settings, clients, rules};
use tlsmend::model::evidence::Evidence;
use tlsmend::model::finding::Severity;
use tlsmend::model::handshake::{EndpointEvidence, EndpointStatus, Failure, FailureKind, Stage};
use tlsmend::model::resolution::Resolution;
use tlsmend::model::verdict::Verdict;

use crate::support::site::now;

/// With the stages at which it happens. A new kind does not compile until it stands here.
fn stages(kind: FailureKind) -> (&'static [Stage], Option<FailureKind>) {
    use FailureKind as K;
    use Stage::{AfterHandshake, Starttls, Tcp, Tls};
    match kind {
        K::Refused => (&[Tcp], Some(K::Timeout)),
        K::Timeout => (&[Tcp, Starttls, Tls, AfterHandshake], Some(K::Reset)),
        K::Reset => (&[Starttls, Tls, AfterHandshake], Some(K::Unreachable)),
        K::Unreachable => (&[Tcp, Starttls, Tls, AfterHandshake], Some(K::Plaintext)),
        K::Plaintext => (&[Starttls, Tls], Some(K::NotTls)),
        K::NotTls => (&[Tls], Some(K::Alert)),
        K::Alert => (&[Tls, AfterHandshake], Some(K::Closed)),
        K::Closed => (&[Starttls, Tls, AfterHandshake], Some(K::VersionNotSupported)),
        K::VersionNotSupported => (&[Tls], Some(K::NothingInCommon)),
        K::NothingInCommon => (&[Tls], Some(K::SignatureWrong)),
        K::SignatureWrong => (&[Tls], Some(K::NoCertificate)),
        K::NoCertificate => (&[Tls], Some(K::TooLarge)),
        K::TooLarge => (&[Starttls, Tls], Some(K::ClientCertificateRequired)),
        K::ClientCertificateRequired => (&[Tls, AfterHandshake], Some(K::StarttlsNotOffered)),
        K::StarttlsNotOffered => (&[Starttls], Some(K::StarttlsRefused)),
        K::StarttlsRefused => (&[Starttls], Some(K::ImplicitTls)),
        K::ImplicitTls => (&[Starttls], Some(K::Protocol)),
        K::Protocol => (&[Starttls, Tls, AfterHandshake], Some(K::Local)),
        K::Local => (&[Tcp, Starttls, Tls, AfterHandshake], None),
    }
}

fn endpoint(address: &str, failure: Failure) -> EndpointEvidence {
    EndpointEvidence {
        failure: Some(failure),
        ..EndpointEvidence::new(address.parse::<SocketAddr>().unwrap(), EndpointStatus::Failed)
    }
}

#[test]
fn each_kind_at_each_stage() {
    let mut kind = Some(FailureKind::Refused);
    while let Some(this) = kind {
        let (stages, next) = stages(this);
        for &stage in stages {
            for alert in [None, Some("handshake_failure"), Some("unrecognized_name"), Some("internal_error")] {
                if alert.is_some() != (this == FailureKind::Alert) {
                    continue;
                }
                one_finding(stage, this, alert);
            }
        }
        kind = next;
    }
}

fn one_finding(stage: Stage, kind: FailureKind, alert: Option<&str>) {
    let failure =
        Failure { stage, kind, alert: alert.map(str::to_owned), protocol: None, message: "it went wrong".to_owned() };
    let input = if stage == Stage::Starttls { "smtp://site.example.test" } else { "site.example.test" };
    let target = input.parse().unwrap();
    let evidence = Evidence {
        reference: "site.example.test".parse().unwrap(),
        resolution: Resolution::not_asked([]),
        endpoints: vec![endpoint("192.0.2.1:443", failure)],
        aia: Vec::new(),
        files: None,
        revocation: None,
    };
    let settings = Settings {
        clients: clients::ALL.to_vec(),
        anchors: TrustAnchors::exactly(Vec::<Arc<tlsmend::x509::Certificate>>::new()),
        at: now(),
        warn_days: None,
        expect_cname: None,
    };
    let judgement = judge::judge(&evidence, &settings);
    let context = rules::Context {
        target: &target,
        evidence: &evidence,
        settings: &settings,
        judgement: &judgement,
        options: "",
    };
    let found = rules::run(&context);
    let codes: Vec<&str> = found.findings.iter().map(|finding| finding.code.as_str()).collect();
    let what = format!("{kind:?} at {stage:?} with {alert:?}: {codes:?}");
    let [finding] = found.findings.as_slice() else { panic!("one finding is wanted; {what}") };
    assert!(finding.severity >= Severity::Medium, "{what}");
    let remedy = finding.remedy.as_ref().unwrap_or_else(|| panic!("no remedy; {what}"));
    assert!(!remedy.summary.is_empty(), "{what}");
    assert_eq!(finding.facts.get("message").and_then(|it| it.as_str()), Some("it went wrong"), "{what}");
    for (answer, cause) in judgement.deployments[0].answers.iter().zip(&found.causes[0]) {
        assert_ne!(answer.verdict, Verdict::Accept, "{what}");
        let expected = (answer.verdict != Verdict::Undetermined).then_some(finding.code.as_str());
        assert_eq!(*cause, expected, "{what}: {answer:?}");
    }
}
