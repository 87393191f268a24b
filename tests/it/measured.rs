//! What 24 real clients said about chains made for it (`fixtures/measured.json.gz`), against the models and without a network.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use serde::Deserialize;
use tlsmend::judge::anchors::TrustAnchors;
use tlsmend::judge::{self, Judgement, clients};
use tlsmend::model::aia::{AiaEvidence, AiaFetch, AiaForm, AiaOutcome};
use tlsmend::model::evidence::Evidence;
use tlsmend::model::handshake::{ClientCertificate, EndpointEvidence, EndpointStatus, KeyProof, TlsParameters};
use tlsmend::model::resolution::Resolution;
use tlsmend::model::revocation::{FetchedRevocation, RevocationEvidence, RevocationFetch, RevocationSource};
use tlsmend::model::time::Time;
use tlsmend::x509::{Certificate, Fingerprint, certificates_in};

use crate::support::divergences::{self, Divergence};

const MEASURED: &[u8] = include_bytes!("../../fixtures/measured.json.gz");

#[derive(Deserialize)]
struct Measured {
    worlds: Vec<World>,
}

/// Scenarios with one trust store for all clients.
#[derive(Deserialize)]
struct World {
    roots: Vec<Base64>,
    scenarios: Vec<Scenario>,
}

#[derive(Deserialize)]
struct Scenario {
    id: String,
    host: String,
    /// As sent, the end entity first.
    chain: Vec<Base64>,
    staple: Option<Base64>,
    /// What `caIssuers` addresses give, redirects followed.
    #[serde(default)]
    fetched: Vec<Answer>,
    /// What the OCSP responder of the end entity says.
    #[serde(default)]
    ocsp: Vec<Answer>,
    /// By client: the verdict, and the client's own code where it does not accept.
    said: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
struct Answer {
    url: String,
    body: Base64,
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Base64(Vec<u8>);

impl TryFrom<String> for Base64 {
    type Error = base64::DecodeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        STANDARD.decode(text).map(Self)
    }
}

fn at() -> Time {
    "2026-11-22T21:00:00Z".parse().unwrap()
}

impl Scenario {
    fn evidence(&self) -> Evidence {
        let tls = TlsParameters {
            version: Some("1.3".to_owned()),
            cipher_suite: Some("TLS_AES_256_GCM_SHA384".to_owned()),
            group: Some("x25519".to_owned()),
            dh_bits: None,
            alpn: None,
            signature_scheme: None,
            key_proof: KeyProof::Proven,
            client_certificate: ClientCertificate::NotRequested,
            ocsp_staple_bytes: self.staple.as_ref().map(|staple| staple.0.len()),
        };
        let endpoint = EndpointEvidence {
            tls: Some(tls),
            served_chain: self.chain.iter().map(|der| der.0.clone()).collect(),
            ocsp_staple: self.staple.as_ref().map(|staple| staple.0.clone()),
            ..EndpointEvidence::new("127.0.0.1:443".parse().unwrap(), EndpointStatus::Completed)
        };
        Evidence {
            reference: self.host.parse().unwrap(),
            resolution: Resolution::not_asked(["127.0.0.1".parse().unwrap()]),
            endpoints: vec![endpoint],
            aia: self.fetched.iter().map(Answer::to_issuers).collect(),
            files: None,
            revocation: Some(RevocationEvidence {
                crls: true,
                ocsp: false,
                fetched: self.ocsp.iter().map(|answer| answer.to_revocation(&self.chain[0].0)).collect(),
            }),
        }
    }
}

impl Answer {
    fn to_issuers(&self) -> AiaEvidence {
        let body = &self.body.0;
        let certificates = certificates_in(body).unwrap_or_default();
        let form = match &certificates[..] {
            _ if body.starts_with(b"-----") => AiaForm::Pem,
            [one] if body.starts_with(one) => AiaForm::Der,
            _ => AiaForm::Pkcs7,
        };
        let fetch = AiaFetch {
            url: self.url.clone(),
            outcome: if certificates.is_empty() { AiaOutcome::NotACertificate } else { AiaOutcome::Accepted },
            from_cache: false,
            status: Some(200),
            bytes: Some(body.len()),
            content_type: None,
            certificates: certificates.iter().map(|der| Fingerprint::of(der).to_string()).collect(),
            detail: None,
            duration_ms: 1,
            cached_at: None,
            form: Some(form),
            fit: None,
        };
        AiaEvidence { fetch, certificates }
    }

    fn to_revocation(&self, end_entity: &[u8]) -> FetchedRevocation {
        let fetch = RevocationFetch {
            kind: RevocationSource::Ocsp,
            url: self.url.clone(),
            about: Some(Fingerprint::of(end_entity).to_string()),
            outcome: AiaOutcome::Accepted,
            from_cache: false,
            cached_at: None,
            status: Some(200),
            bytes: Some(self.body.0.len()),
            content_type: None,
            detail: None,
            duration_ms: 1,
            body: None,
            said: Vec::new(),
        };
        FetchedRevocation { fetch, body: Some(Arc::new(self.body.0.clone())) }
    }
}

/// Which anchors a column of the measurements had, and the client it is of.
fn column(name: &str) -> (Anchors, &str) {
    match name {
        "chromium" => (Anchors::Local, "chrome"),
        "chromium-public" => (Anchors::Public, "chrome"),
        "java-jdkca" => (Anchors::Public, "java"),
        other => (Anchors::Local, other),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Anchors {
    /// Added by the user.
    Local,
    /// The client's own store.
    Public,
}

/// The server ended the handshake, because of what this client offers: without a connection it cannot be known.
fn is_servers(code: &str) -> bool {
    let alerts = ["tls: handshake failure", "SSLHandshakeException: (handshake_failure)", "-0x7780", "-313"];
    alerts.iter().any(|alert| code.starts_with(alert))
}

fn said_by<'a>(judgement: &'a Judgement, client: &str) -> (&'static str, &'a str) {
    use tlsmend::model::verdict::Verdict;
    let position = clients::ALL.iter().position(|known| known.id == client).unwrap();
    let answer = &judgement.deployments[0].answers[position];
    match answer.verdict {
        Verdict::Accept => ("accept", ""),
        Verdict::Reject => ("reject", answer.code.as_deref().unwrap_or_default()),
        Verdict::Error => ("error", answer.code.as_deref().unwrap_or_default()),
        Verdict::Undetermined => ("undetermined", ""),
    }
}

fn measured() -> Measured {
    let mut text = String::new();
    GzDecoder::new(MEASURED).read_to_string(&mut text).unwrap();
    serde_json::from_str(&text).unwrap()
}

impl World {
    fn roots(&self) -> Vec<Arc<Certificate>> {
        self.roots.iter().filter_map(|der| Certificate::parse(&der.0).ok().map(Arc::new)).collect()
    }
}

fn settings(anchors: TrustAnchors) -> judge::Settings {
    judge::Settings { clients: clients::ALL.to_vec(), anchors, at: at(), warn_days: Some(0), expect_cname: None }
}

/// What is remembered of a chain is not given for the same chain with another word of its responder.
#[test]
fn a_memo_tells_what_responders_said() {
    let measured = measured();
    let world = &measured.worlds[0];
    let scenario = world.scenarios.iter().find(|scenario| scenario.id == "r-ocsp-revoked").unwrap();
    let settings = settings(TrustAnchors::exactly(world.roots()));
    let asked = scenario.evidence();
    let mut unasked = scenario.evidence();
    unasked.revocation.as_mut().unwrap().fetched.clear();
    let memo = judge::memo::Memo::default();
    for _ in 0..2 {
        for (evidence, expected) in [(&unasked, ("accept", "")), (&asked, ("reject", "SEC_ERROR_REVOKED_CERTIFICATE"))]
        {
            assert_eq!(said_by(&judge::judge_with(&memo, evidence, &settings), "firefox"), expected);
        }
    }
}

#[test]
fn scoreboard_of_measured_chains() {
    let measured = measured();
    let mut found = Vec::new();
    let (mut cells, mut refused) = (0, 0);
    for world in &measured.worlds {
        let roots = world.roots();
        for scenario in &world.scenarios {
            let evidence = scenario.evidence();
            let judge = |anchors| judge::judge(&evidence, &settings(anchors));
            let local = judge(TrustAnchors::exactly(Vec::new()).with_local(roots.clone()));
            let public = judge(TrustAnchors::exactly(roots.clone()));
            for (name, said) in &scenario.said {
                let (anchors, client) = column(name);
                let (verdict, code) = (said[0].as_str(), said.get(1).map_or("", String::as_str));
                if verdict != "accept" && is_servers(code) {
                    continue;
                }
                cells += 1;
                refused += usize::from(verdict != "accept");
                let ours = said_by(if anchors == Anchors::Local { &local } else { &public }, client);
                if ours != (verdict, code) {
                    found.push(Divergence {
                        suite: "measured".to_owned(),
                        client: name.clone(),
                        case: scenario.id.clone(),
                        ours: format!("{} {}", ours.0, ours.1).trim_end().to_owned(),
                        theirs: format!("{verdict} {code}").trim_end().to_owned(),
                    });
                }
            }
        }
    }
    let verdicts = found.iter().filter(|one| one.ours.split(' ').next() != one.theirs.split(' ').next()).count();
    println!(
        "measured chains: {cells} cells, {verdicts} verdicts otherwise ({:.2} % agree); {refused} not accepted, {} codes otherwise",
        100.0 * (cells - verdicts) as f64 / cells as f64,
        found.len() - verdicts,
    );
    divergences::check(&["measured"], found);
}
