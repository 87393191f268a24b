//! Looking from outside: does every address serve what it should by now, and does a request get an answer?

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::plan::Serving;
use super::service::Watch;
use crate::judge::anchors::TrustAnchors;
use crate::model::report::Report;
use crate::model::starttls::StartTls;
use crate::model::target::ReferenceId;
use crate::observe::http;
use crate::observe::tls::Connector;
use crate::x509::Fingerprint;

/// The longest pause between two looks: what a person would wait before trying again.
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// Rounds in a row in which every address must serve it, and the pause between them: where servers take turns behind one
/// address (nginx for a moment after a reload: old and new workers), one good round may be chance.
const ROUNDS: usize = 3;
const BETWEEN_ROUNDS: Duration = Duration::from_millis(100);

/// For one handshake: an address that answered before and is silent now must not cost a whole round.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// For the one request.
const REQUEST: Duration = Duration::from_secs(10);

/// How the waiting ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waited {
    /// Every address served it, several rounds in a row.
    Served,
    /// Addresses that did not, and what they did instead.
    Late(Vec<(String, String)>),
    Interrupted,
}

/// How long to look, and how often.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    pub total: Duration,
    /// Between the first looks; it doubles up to five seconds.
    pub first_pause: Duration,
}

/// Shakes hands with every address until all of them serve their chain, several rounds in a row: behind one address many
/// servers may take turns, and the last to change counts.
pub async fn until_served(
    expected: &[Serving],
    reference: &ReferenceId,
    starttls: Option<StartTls>,
    patience: Patience,
    why_late: &str,
    watch: &Watch<'_>,
) -> Waited {
    let deadline = Instant::now() + patience.total;
    let connector = Arc::new(Connector::new().with_starttls(starttls));
    let mut pause = patience.first_pause;
    let mut good = 0;
    loop {
        let late = round(&connector, expected, reference).await;
        if late.is_empty() {
            good += 1;
            if good == ROUNDS {
                return Waited::Served;
            }
            if !watch.pause(BETWEEN_ROUNDS).await {
                return Waited::Interrupted;
            }
            continue;
        }
        good = 0;
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Waited::Late(late);
        }
        let (count, all, seconds) = (expected.len() - late.len(), expected.len(), left.as_secs());
        (watch.tell)(&format!("{count} of {all} addresses serve it; looking for at most {seconds} s more{why_late}"));
        if !watch.pause(pause.min(left)).await {
            return Waited::Interrupted;
        }
        pause = (pause * 2).min(MAX_PAUSE.max(patience.first_pause));
    }
}

/// The addresses that do not serve what they should, in the order given.
async fn round(connector: &Arc<Connector>, expected: &[Serving], reference: &ReferenceId) -> Vec<(String, String)> {
    let mut tasks = JoinSet::new();
    for (index, serving) in expected.iter().enumerate() {
        let (connector, reference, serving) = (Arc::clone(connector), reference.clone(), serving.clone());
        tasks.spawn(async move { (index, look(&connector, &serving, &reference).await) });
    }
    let mut found = tasks.join_all().await;
    found.sort_by_key(|(index, _)| *index);
    found.into_iter().filter_map(|(index, late)| Some((expected[index].address.clone(), late?))).collect()
}

/// What it does instead; `None` when it serves what it should.
async fn look(connector: &Connector, serving: &Serving, reference: &ReferenceId) -> Option<String> {
    let Ok(address) = serving.address.parse::<SocketAddr>() else { return Some("is no address".to_owned()) };
    let evidence = connector.handshake(address, reference, Instant::now() + HANDSHAKE).await;
    let served: Vec<String> = evidence.served_chain.iter().map(|der| Fingerprint::of(der).to_string()).collect();
    if served == serving.chain {
        return None;
    }
    Some(match (&evidence.failure, served.len()) {
        (Some(failure), 0) => format!("does not answer: {}", failure.message),
        (_, 1) => "serves another chain of 1 certificate".to_owned(),
        (_, count) => format!("serves another chain of {count} certificates"),
    })
}

/// The same question to a whole probe: its addresses that should serve something else. One that it does not know was asked
/// on its own.
pub fn late_in(after: &Report, expected: &[Serving]) -> Vec<(String, String)> {
    let mut late = Vec::new();
    for serving in expected {
        let Some(endpoint) = after.endpoints.iter().find(|endpoint| endpoint.address == serving.address) else {
            continue;
        };
        let deployment = endpoint.deployment.and_then(|index| after.deployments.get(index));
        if deployment.is_none_or(|deployment| deployment.served_chain != serving.chain) {
            late.push((serving.address.clone(), "serves now this, now that".to_owned()));
        }
    }
    late
}

/// One light request, as `curl -I` makes it: `HEAD /` with a verified certificate. The status line, or what went wrong.
pub async fn head(
    address: SocketAddr,
    reference: &ReferenceId,
    port: u16,
    anchors: &TrustAnchors,
) -> Result<String, String> {
    tokio::time::timeout(REQUEST, request(address, reference, port, anchors))
        .await
        .map_err(|_| format!("no answer within {} s", REQUEST.as_secs()))?
}

async fn request(
    address: SocketAddr,
    reference: &ReferenceId,
    port: u16,
    anchors: &TrustAnchors,
) -> Result<String, String> {
    let mut roots = RootCertStore::empty();
    for anchor in anchors.for_our_requests() {
        // One that webpki cannot read is only missing.
        let _ = roots.add(CertificateDer::from(anchor));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = match reference {
        ReferenceId::Ip(ip) => ServerName::from(*ip),
        ReferenceId::Dns(name) => ServerName::try_from(name.as_str().to_owned()).map_err(|error| error.to_string())?,
    };
    let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let mut stream = connector.connect(name, stream).await.map_err(|error| error.to_string())?;
    http::head(&mut stream, reference, port).await.map(|head| head.line).map_err(|error| error.to_string())
}
