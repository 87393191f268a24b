//! One TLS handshake with one address, as an inspector: the chain is recorded before anything is judged.
//!
//! `tcp` connects, `starttls` has a server change to TLS that begins in plain text, `session` drives rustls over the socket, `inspector` is the verifier that records and accepts,
//! `failure` turns whatever stopped a handshake into its typed kind and a sentence, with the help of `flight` (the
//! messages among the bytes received) and `plaintext` (which other protocol they look like). Where rustls and the server
//! have nothing in common, `hello` asks with a ClientHello of our own making.

mod failure;
mod flight;
#[cfg(fuzzing)]
pub mod fuzzing;
mod hello;
mod iana;
mod inspector;
mod plaintext;
mod session;
mod starttls;
mod survey;
mod tcp;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{self, cipher_suite as suite, kx_group};
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::model::handshake::{
    ClientCertificate, EndpointEvidence, EndpointStatus, Failure, FailureKind, KeyProof, Stage, Timing, TlsParameters,
};
use crate::model::hello::{
    Choice, Chosen, Hello, HelloAnswer, HelloEvidence, ORDINARY, ORDINARY_TLS12, ORDINARY_TLS13, TLS_1_3, WIDEST,
    WIDEST_BEFORE_TLS13,
};
use crate::model::starttls::StartTls;
use crate::model::target::ReferenceId;

pub use survey::SurveySettings;

use flight::Flight;
use hello::{Extras, Question, Share, Until};
use inspector::{Inspector, Observation};
use session::{Session, Stop};
use starttls::{NotReady, Ready, Said};

/// How long a server may take, beyond a round trip, to refuse a client without certificate after a TLS 1.3 handshake.
/// Only servers that asked for a certificate and then say nothing cost this; the others answer at once.
const VERDICT_PATIENCE: Duration = Duration::from_millis(300);

/// How long to wait for the rest of the first line of something that is not TLS, so that its protocol can be named.
const BANNER_PATIENCE: Duration = Duration::from_millis(200);

/// Handshakes with any number of addresses; holds what they share.
pub struct Connector {
    /// Cloned for each connection, which costs nothing beside a handshake, and given its own [`Inspector`].
    config: ClientConfig,
    provider: Arc<CryptoProvider>,
    /// What is spoken before TLS.
    starttls: Option<StartTls>,
}

impl Connector {
    pub fn new() -> Self {
        let provider = Arc::new(provider());
        Self { config: config(&provider), provider, starttls: None }
    }

    /// For servers that speak `protocol` in plain text and turn to TLS when asked.
    pub fn with_starttls(self, protocol: Option<StartTls>) -> Self {
        Self { starttls: protocol, ..self }
    }

    /// A connection on which a ClientHello may go out.
    async fn connect(&self, address: SocketAddr, deadline: Instant) -> Result<Ready, NotReady> {
        starttls::connect(address, self.starttls, deadline).await
    }

    /// Connects to `address` and offers `server_name` in SNI (RFC 6066 §3; not for addresses). Whatever goes wrong is in
    /// the answer; ends before `deadline`.
    pub async fn handshake(
        &self,
        address: SocketAddr,
        server_name: &ReferenceId,
        deadline: Instant,
    ) -> EndpointEvidence {
        self.handshake_beside(address, server_name, None, deadline).await
    }

    /// `dialer`: hangs up before a second connection is made. A server that serves one connection at a time would otherwise
    /// wait for the question on one that was opened ahead.
    async fn handshake_beside(
        &self,
        address: SocketAddr,
        server_name: &ReferenceId,
        dialer: Option<&survey::Dialer>,
        deadline: Instant,
    ) -> EndpointEvidence {
        let name = match server_name {
            ReferenceId::Ip(ip) => ServerName::from(*ip),
            ReferenceId::Dns(name) => match ServerName::try_from(name.as_str().to_owned()) {
                Ok(name) => name,
                Err(_) => return failed(address, failure::local(Stage::Tls, "the name cannot stand in SNI")),
            },
        };
        // The names of ours are HTTP's, and no other protocol is asked by name here.
        let alpn = if self.starttls.is_some() { Alpn::NotOffered } else { Alpn::Offered };
        let first = self.attempt(address, name.clone(), alpn, deadline).await;
        if let (Some(_), Some(dialer)) = (&first.failure, dialer) {
            dialer.hang_up();
        }
        let alert = first.failure.as_ref().and_then(|failure| failure.alert.as_deref());
        if alert == Some("no_application_protocol") && alpn == Alpn::Offered {
            // The server speaks neither h2 nor http/1.1. That is our own doing and says nothing about its certificate.
            let second = self.attempt(address, name, Alpn::NotOffered, deadline).await;
            return if second.tls.is_some() { second } else { first };
        }
        if asks_for_a_wider_hello(&first) { self.look_wider(first, server_name, deadline).await } else { first }
    }

    /// The cheapest look at a chain: the plaintext of a TLS 1.2 handshake up to the Certificate message, and of TLS 1.3
    /// where the server has nothing older. Whether the server holds the key is not asked; `Completed` means that the
    /// chain was read.
    pub async fn chain(&self, address: SocketAddr, server_name: &ReferenceId, deadline: Instant) -> EndpointEvidence {
        let Ready { stream, tcp, said } = match self.connect(address, deadline).await {
            Ok(ready) => ready,
            Err(stop) => return not_connected(address, stop),
        };
        let begun = Instant::now();
        let name = sni(server_name);
        let mut answer = hello::converse(stream, &ORDINARY_TLS12, name, Until::Certificate, deadline).await;
        if matches!(&answer, HelloAnswer::Refused(failure) if failure.kind == FailureKind::VersionNotSupported)
            && let Ok(ready) = self.connect(address, deadline).await
        {
            let newer = hello::converse(ready.stream, &ORDINARY_TLS13, name, Until::Certificate, deadline).await;
            if matches!(newer, HelloAnswer::Chosen(_)) {
                answer = newer;
            }
        }
        let timing = Timing { tls: Some(milliseconds(begun.elapsed())), ..timing(Some(tcp), said.as_ref()) };
        let starttls = said.map(|said| Box::new(said.facts));
        match answer {
            HelloAnswer::Chosen(chosen) => {
                let chosen = *chosen;
                let status = status(chosen.failure.as_ref());
                EndpointEvidence {
                    failure: chosen.failure,
                    tls: Some(chosen.tls),
                    served_chain: chosen.served_chain,
                    ocsp_staple: chosen.ocsp_staple,
                    timing,
                    choice: Some(chosen.choice),
                    starttls,
                    ..EndpointEvidence::new(address, status)
                }
            }
            HelloAnswer::Refused(failure) => {
                let first = EndpointEvidence { timing, starttls, ..failed(address, failure) };
                if asks_for_a_wider_hello(&first) { self.look_wider(first, server_name, deadline).await } else { first }
            }
        }
    }

    /// A handshake, and then everything that `settings` ask for; its connections are opened while the handshake lasts.
    pub async fn survey(
        &self,
        address: SocketAddr,
        server_name: &ReferenceId,
        settings: SurveySettings,
        deadline: Instant,
    ) -> EndpointEvidence {
        let dialer = survey::Dialer::new(address, self.starttls, settings.per_host, deadline);
        dialer.prepare(survey::FIRST_QUESTIONS);
        let mut endpoint = self.handshake_beside(address, server_name, Some(&dialer), deadline).await;
        endpoint.survey = survey::run(dialer, &endpoint, server_name, self, settings).await;
        endpoint
    }

    /// The signed certificate timestamps that the server sends in the TLS extension when it is asked for them, on a connection
    /// of its own (rustls does not ask); empty: none. `None`: no answer from which that could be seen.
    pub async fn timestamps(
        &self,
        address: SocketAddr,
        server_name: &ReferenceId,
        deadline: Instant,
    ) -> Option<Vec<u8>> {
        let ready = self.connect(address, deadline).await.ok()?;
        let question = Question {
            hello: &ORDINARY,
            server_name: sni(server_name),
            until: Until::Certificate,
            share: Share::Small,
            extras: Extras { timestamps: true, ..Extras::default() },
        };
        let (seen, _) = hello::ask(ready.stream, question, deadline).await;
        let is_whole = !seen.certificates.is_empty();
        is_whole.then(|| seen.timestamps.unwrap_or_default())
    }

    /// What the server answers to `hello`, on a connection of its own.
    pub async fn ask(
        &self,
        address: SocketAddr,
        server_name: &ReferenceId,
        hello: &Hello<'_>,
        deadline: Instant,
    ) -> HelloAnswer {
        let name = sni(server_name);
        match self.connect(address, deadline).await {
            Ok(ready) => hello::converse(ready.stream, hello, name, Until::Flight, deadline).await,
            Err(NotReady { stop: tcp::Stop::NoRoute(failure) | tcp::Stop::Failed(failure), .. }) => {
                HelloAnswer::Refused(failure)
            }
        }
    }

    /// A connection for a request, offering `protocol` alone in ALPN. Any certificate is accepted, so nothing may be entrusted
    /// to it. `None`: TLS did not come about, which is for [`Self::handshake`] to explain.
    pub async fn open(
        &self,
        address: SocketAddr,
        server_name: &ReferenceId,
        protocol: &[u8],
        deadline: Instant,
    ) -> Option<TlsStream<TcpStream>> {
        let name = match server_name {
            ReferenceId::Ip(ip) => ServerName::from(*ip),
            ReferenceId::Dns(name) => ServerName::try_from(name.as_str().to_owned()).ok()?,
        };
        let mut config = self.config.clone();
        config.alpn_protocols = vec![protocol.to_vec()];
        let ready = self.connect(address, deadline).await.ok()?;
        // The request follows our Finished and must not wait until that is acknowledged. Without the option it is only slower.
        let _ = ready.stream.set_nodelay(true);
        TlsConnector::from(Arc::new(config)).connect(name, ready.stream).await.ok()
    }

    /// A second connection, with everything that shows a certificate: what does a server speak that found nothing in our
    /// hello, and which chain does it serve?
    async fn look_wider(
        &self,
        mut first: EndpointEvidence,
        server_name: &ReferenceId,
        deadline: Instant,
    ) -> EndpointEvidence {
        let mut answer = self.ask(first.address, server_name, &WIDEST, deadline).await;
        let is_unreadable = |chosen: &Chosen| {
            chosen.choice.version == TLS_1_3 && chosen.served_chain.is_empty() && chosen.failure.is_none()
        };
        if let HelloAnswer::Chosen(chosen) = &mut answer
            && is_unreadable(chosen)
            && let HelloAnswer::Chosen(readable) =
                self.ask(first.address, server_name, &WIDEST_BEFORE_TLS13, deadline).await
        {
            chosen.served_chain = readable.served_chain;
            chosen.ocsp_staple = readable.ocsp_staple;
        }
        if let HelloAnswer::Chosen(chosen) = &answer {
            let is_silent = |failure: &Failure| matches!(failure.kind, FailureKind::Closed | FailureKind::Reset);
            // What it chose now stood in the first offer too: not for want of that did it hang up. Another server may have
            // had its turn.
            if first.failure.as_ref().is_some_and(is_silent) && ORDINARY.contains(&chosen.choice) {
                first.hellos.push(HelloEvidence { hello: WIDEST, answer });
                return first;
            }
            if let Some(silent) = first.failure.take_if(|failure| is_silent(failure)) {
                first.failure = Some(failure::silent_refusal(&silent));
                first.hellos.push(HelloEvidence { hello: ORDINARY, answer: HelloAnswer::Refused(silent) });
            }
            first.choice = Some(chosen.choice);
            first.tls = Some(chosen.tls.clone());
            first.served_chain.clone_from(&chosen.served_chain);
            first.ocsp_staple.clone_from(&chosen.ocsp_staple);
        }
        first.hellos.push(HelloEvidence { hello: WIDEST, answer });
        first
    }

    async fn attempt(
        &self,
        address: SocketAddr,
        name: ServerName<'static>,
        alpn: Alpn,
        deadline: Instant,
    ) -> EndpointEvidence {
        let Ready { stream, tcp: round_trip, said } = match self.connect(address, deadline).await {
            Ok(ready) => ready,
            Err(stop) => return not_connected(address, stop),
        };

        let inspector = Arc::new(Inspector::new(self.provider.signature_verification_algorithms));
        let mut config = self.config.clone();
        config.dangerous().set_certificate_verifier(inspector.clone());
        config.client_auth_cert_resolver = inspector.clone();
        config.key_log = inspector.clone();
        if alpn == Alpn::NotOffered {
            config.alpn_protocols.clear();
        }
        let mut session = match Session::new(stream, config, name, inspector.clone()) {
            Ok(session) => session,
            Err(error) => return failed(address, failure::local(Stage::Tls, &error.to_string())),
        };
        let mut timing = timing(Some(round_trip), said.as_ref());
        let begun = Instant::now();
        let mut outcome = session.run(deadline).await;
        timing.tls = Some(milliseconds(begun.elapsed()));

        let mut stage = Stage::Tls;
        if outcome.is_ok() && session.awaits_certificate_verdict() {
            stage = Stage::AfterHandshake;
            let patience = deadline.min(Instant::now() + round_trip + VERDICT_PATIENCE);
            outcome = session.certificate_verdict(patience).await;
        }
        if outcome.as_ref().is_err_and(Stop::is_too_large) {
            session.read_on(deadline).await;
        }
        if outcome.is_err() && plaintext::is_not_tls(session.received()) {
            session.finish_line(deadline.min(Instant::now() + BANNER_PATIENCE)).await;
        }
        let seen = evidence(address, stage, outcome, &session, inspector.take(), timing);
        EndpointEvidence { starttls: said.map(|said| Box::new(said.facts)), ..seen }
    }
}

impl Default for Connector {
    fn default() -> Self {
        Self::new()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Alpn {
    Offered,
    NotOffered,
}

fn evidence(
    address: SocketAddr,
    stage: Stage,
    outcome: Result<(), Stop>,
    session: &Session,
    observed: Observation,
    timing: Timing,
) -> EndpointEvidence {
    let flight = if outcome.is_err() {
        let opener = observed.flight_secret.as_ref().and_then(|secret| session.flight_opener(secret));
        flight::read(session.received(), opener)
    } else {
        Flight::default()
    };
    let failure = match &outcome {
        _ if observed.key_proof == KeyProof::Wrong => Some(failure::signature_wrong(&observed)),
        Ok(()) => None,
        Err(stop) => Some(failure::tls(
            stop,
            &failure::Circumstances {
                stage,
                received: session.received(),
                certificate_requested: observed.client_certificate_requested,
                flight: &flight,
            },
        )),
    };
    let required = failure.as_ref().is_some_and(|failure| failure.kind == FailureKind::ClientCertificateRequired);
    // What our stack would not go on with, it does not tell.
    let chosen = flight.server_hello.map(|hello| Choice {
        version: hello.version,
        cipher_suite: hello.cipher_suite,
        group: None,
        signature_scheme: None,
    });
    let choice = session.choice(observed.scheme).or(chosen);
    let version = session.version().or_else(|| chosen.map(|hello| iana::version(hello.version)));
    let tls = version.map(|version| TlsParameters {
        version: Some(version),
        cipher_suite: session
            .cipher_suite()
            .or_else(|| chosen.map(|hello| iana::cipher_suite(hello.cipher_suite.into()))),
        group: session.group(),
        dh_bits: None,
        alpn: session.alpn(),
        signature_scheme: observed.scheme.map(iana::signature_scheme),
        key_proof: observed.key_proof,
        client_certificate: match (required, observed.client_certificate_requested) {
            (true, _) => ClientCertificate::Required,
            (false, true) => ClientCertificate::Requested,
            (false, false) => ClientCertificate::NotRequested,
        },
        ocsp_staple_bytes: observed.ocsp_staple.as_ref().map(Vec::len),
    });
    let status = status(failure.as_ref());
    EndpointEvidence {
        failure,
        tls,
        // rustls shows the chain to its verifier only when the whole flight of the server has come. Where it did not,
        // the Certificate message may still lie in what came.
        served_chain: if observed.chain.is_empty() { flight.certificates.unwrap_or_default() } else { observed.chain },
        ocsp_staple: observed.ocsp_staple.or(flight.ocsp_staple),
        timing,
        choice,
        ..EndpointEvidence::new(address, status)
    }
}

fn status(failure: Option<&Failure>) -> EndpointStatus {
    if failure.is_some() { EndpointStatus::Failed } else { EndpointStatus::Completed }
}

/// Did it fail for want of something in common, or in a way in which some servers (Windows) say so? Then more may be
/// found in a wider hello.
fn asks_for_a_wider_hello(evidence: &EndpointEvidence) -> bool {
    let Some(failure) = evidence.failure.as_ref().filter(|failure| failure.stage == Stage::Tls) else { return false };
    match failure.kind {
        FailureKind::NothingInCommon | FailureKind::VersionNotSupported => evidence.served_chain.is_empty(),
        FailureKind::Closed | FailureKind::Reset => evidence.tls.is_none() && failure.alert.is_none(),
        _ => false,
    }
}

/// The name for SNI (RFC 6066 §3), which addresses have none of.
fn sni(server_name: &ReferenceId) -> Option<&str> {
    match server_name {
        ReferenceId::Ip(_) => None,
        ReferenceId::Dns(name) => Some(name.as_str()),
    }
}

fn not_connected(address: SocketAddr, NotReady { stop, tcp, said }: NotReady) -> EndpointEvidence {
    let timing = timing(tcp, said.as_ref());
    let starttls = said.map(|said| Box::new(said.facts));
    match stop {
        tcp::Stop::NoRoute(failure) => {
            EndpointEvidence { status: EndpointStatus::NotTried, ..failed(address, failure) }
        }
        tcp::Stop::Failed(failure) => EndpointEvidence { timing, starttls, ..failed(address, failure) },
    }
}

/// As far as TLS.
fn timing(tcp: Option<Duration>, said: Option<&Said>) -> Timing {
    Timing { tcp: tcp.map(milliseconds), starttls: said.map(|said| milliseconds(said.duration)), ..Timing::default() }
}

/// Nothing was learnt from the server but this.
fn failed(address: SocketAddr, failure: Failure) -> EndpointEvidence {
    EndpointEvidence { failure: Some(failure), ..EndpointEvidence::new(address, EndpointStatus::Failed) }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// aws-lc-rs, with the offer of a present-day browser where that is cheap.
fn provider() -> CryptoProvider {
    CryptoProvider {
        // Chrome's order. SHA-256 before SHA-384 also saves 9 % of a handshake's CPU over rustls' own order.
        cipher_suites: vec![
            suite::TLS13_AES_128_GCM_SHA256,
            suite::TLS13_AES_256_GCM_SHA384,
            suite::TLS13_CHACHA20_POLY1305_SHA256,
            suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
            suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
            suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        ],
        // A share for X25519 alone, which nearly every server takes: a hello of 250 bytes and no second round trip.
        // X25519MLKEM768 is left out: first, its share makes the hello 1,470 bytes, more than one segment, which
        // some servers and middleboxes drop, and a fault of theirs would hide the certificate's; last and without a
        // share, servers that prefer it ask for a second hello. No server demands it, so nothing is missed.
        kx_groups: vec![kx_group::X25519, kx_group::SECP256R1, kx_group::SECP384R1],
        ..aws_lc_rs::default_provider()
    }
}

#[expect(
    clippy::expect_used,
    reason = "the only error is a provider without suites for a version; ours is fixed above"
)]
fn config(provider: &Arc<CryptoProvider>) -> ClientConfig {
    let placeholder = Arc::new(Inspector::new(provider.signature_verification_algorithms));
    let mut config = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&TLS13, &TLS12])
        .expect("suites of both versions and groups are offered")
        .dangerous()
        .with_custom_certificate_verifier(placeholder)
        .with_no_client_auth();
    // A resumed handshake would bring no certificate.
    config.resumption = Resumption::disabled();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}
