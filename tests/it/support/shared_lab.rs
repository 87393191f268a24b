//! The measured scenarios that lie beside a checkout of the project; a clone without them skips.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;
use tlsmend::judge::anchors::TrustAnchors;
use tlsmend::judge::{self, clients};
use tlsmend::model::aia::{AiaEvidence, AiaFetch, AiaOutcome};
use tlsmend::model::evidence::Evidence;
use tlsmend::model::handshake::{ClientCertificate, EndpointEvidence, EndpointStatus, KeyProof, TlsParameters};
use tlsmend::model::resolution::Resolution;
use tlsmend::model::time::Time;
use tlsmend::x509::{Certificate, certificates_in};

/// The folder of measured scenarios, `TLSMEND_LAB` or beside the checkout.
pub fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("TLSMEND_LAB")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/lab"), PathBuf::from);
    folder.join("manifest.json").is_file().then_some(folder)
}

/// What one client was measured to say.
pub struct Truth {
    pub verdict: String,
    pub category: String,
    pub code: String,
}

pub struct Scenario {
    pub id: String,
    pub family: String,
    evidence: Evidence,
    /// By column.
    pub truth: BTreeMap<String, Truth>,
}

pub struct SharedLab {
    pub scenarios: Vec<Scenario>,
    pub at: Time,
    roots: Vec<std::sync::Arc<Certificate>>,
}

impl SharedLab {
    pub fn load() -> Option<Self> {
        let folder = folder()?;
        let read =
            |name: &str| -> Value { serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap() };
        let (manifest, verdicts) = (read("manifest.json"), read("verdicts.json"));
        let at = verdicts["measured"][0].as_str().unwrap().parse().unwrap();
        let certificates = |path: &str| certificates_in(&std::fs::read(folder.join(path)).unwrap()).unwrap();
        let roots = certificates("trust/roots.pem")
            .iter()
            .map(|der| std::sync::Arc::new(Certificate::parse(der).unwrap()))
            .collect();
        let http_port = manifest["http_port"].as_u64().unwrap();
        let scenarios = manifest["scenarios"].as_array().unwrap().iter().map(|entry| {
            let id = entry["id"].as_str().unwrap();
            let measured = &verdicts["scenarios"][id]["verdicts"];
            let truth = measured.as_object().unwrap().iter().map(|(column, said)| {
                let text = |key: &str| said[key].as_str().unwrap_or_default().to_owned();
                (
                    column.clone(),
                    Truth { verdict: text("verdict"), category: text("category"), code: text("error_code") },
                )
            });
            Scenario {
                id: id.to_owned(),
                family: entry["family"].as_str().unwrap().to_owned(),
                evidence: Evidence {
                    reference: entry["host"].as_str().unwrap().parse().unwrap(),
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
                        served_chain: certificates(entry["chain"].as_str().unwrap()),
                        ocsp_staple: entry["staple"].as_str().map(|path| std::fs::read(folder.join(path)).unwrap()),
                        ..EndpointEvidence::new("127.0.0.1:443".parse().unwrap(), EndpointStatus::Completed)
                    }],
                    files: None,
                    revocation: None,
                    aia: entry["http"]
                        .as_object()
                        .into_iter()
                        .flatten()
                        .map(|(path, answer)| {
                            let body = answer["file"]
                                .as_str()
                                .and_then(|file| std::fs::read(folder.join(file)).ok())
                                .unwrap_or_default();
                            let is_ok = answer["status"].as_u64().is_none_or(|status| status == 200);
                            let found = if is_ok { certificates_in(&body).unwrap_or_default() } else { Vec::new() };
                            AiaEvidence {
                                fetch: AiaFetch {
                                    url: format!("http://127.0.0.1:{http_port}{path}"),
                                    outcome: if found.is_empty() {
                                        AiaOutcome::NotACertificate
                                    } else {
                                        AiaOutcome::Accepted
                                    },
                                    from_cache: false,
                                    status: None,
                                    bytes: None,
                                    content_type: None,
                                    certificates: Vec::new(),
                                    detail: None,
                                    duration_ms: 0,
                                    cached_at: None,
                                    form: None,
                                    fit: None,
                                },
                                certificates: found,
                            }
                        })
                        .collect(),
                },
                truth: truth.collect(),
            }
        });
        let mut scenarios: Vec<Scenario> = scenarios.collect();
        scenarios.iter_mut().for_each(keep_what_a_client_would_fetch);
        Some(Self { scenarios, at, roots })
    }

    /// What our model of `client` says, with the roots as the client's own (`public`) or as the user's.
    pub fn judge(&self, scenario: &Scenario, client: &str, public: bool) -> judge::client::Answer {
        let anchors = if public {
            TrustAnchors::exactly(self.roots.clone())
        } else {
            TrustAnchors::exactly(Vec::new()).with_local(self.roots.clone())
        };
        let settings = judge::Settings {
            clients: vec![clients::find(client).unwrap()],
            anchors,
            at: self.at,
            warn_days: None,
            expect_cname: None,
        };
        judge::judge(&scenario.evidence, &settings).deployments.remove(0).answers.remove(0)
    }
}

/// Files whose address stands in no certificate, or stands there as https, are never fetched.
fn keep_what_a_client_would_fetch(scenario: &mut Scenario) {
    let evidence = &mut scenario.evidence;
    let all = evidence
        .endpoints
        .iter()
        .flat_map(|e| &e.served_chain)
        .chain(evidence.aia.iter().flat_map(|a| &a.certificates));
    let urls: Vec<String> = all
        .filter_map(|der| Certificate::parse(der).ok())
        .flat_map(|certificate| certificate.extensions.ca_issuers.iter().map(ToString::to_string).collect::<Vec<_>>())
        .collect();
    evidence.aia.retain(|fetched| urls.contains(&fetched.fetch.url));
}
