//! Resumption: a handshake, and a second one that wants to be short. The only handshakes of the survey that are finished.

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, HandshakeKind, SupportedProtocolVersion};
use tokio::time::Instant;

use super::Surveyor;
use crate::model::hello::{TLS_1_2, TLS_1_3};
use crate::model::survey::{ResumptionSurvey, Support};
use crate::model::target::ReferenceId;
use crate::observe::tls::inspector::Inspector;
use crate::observe::tls::session::Session;
use crate::observe::tls::{Connector, VERDICT_PATIENCE};

/// Of TLS 1.2 and of TLS 1.3. What a server says of TLS 1.2 in its ServerHello is among the sightings.
pub(super) async fn survey(
    surveyor: &Surveyor,
    server_name: &ReferenceId,
    connector: &Connector,
) -> (ResumptionSurvey, ResumptionSurvey) {
    let name = match server_name {
        ReferenceId::Ip(ip) => ServerName::from(*ip),
        ReferenceId::Dns(name) => match ServerName::try_from(name.as_str().to_owned()) {
            Ok(name) => name,
            Err(_) => return Default::default(),
        },
    };
    let first = surveyor.first_version();
    let tls12 = async {
        // A server that chose an older version has none of these.
        if first.is_none_or(|version| version < TLS_1_2) {
            return ResumptionSurvey::default();
        }
        twice(surveyor, &name, connector, &TLS12).await
    };
    let tls13 = async {
        if first != Some(TLS_1_3) {
            return ResumptionSurvey::default();
        }
        twice(surveyor, &name, connector, &TLS13).await
    };
    tokio::join!(tls12, tls13)
}

/// Whatever goes wrong leaves "not seen".
async fn twice(
    surveyor: &Surveyor,
    name: &ServerName<'static>,
    connector: &Connector,
    version: &'static SupportedProtocolVersion,
) -> ResumptionSurvey {
    let Some((config, inspector)) = config(connector, version) else { return ResumptionSurvey::default() };
    surveyor.dialer.foresee(0, 2);
    let first = handshake(surveyor, name, &config, &inspector, Ticket::Awaited).await;
    let Some(first) = first else { return ResumptionSurvey::default() };
    let is_tls13 = version.version == rustls::ProtocolVersion::TLSv1_3;
    let tickets = if is_tls13 { Support::of(first.tickets > 0) } else { Support::NotSeen };
    if is_tls13 && first.tickets == 0 {
        return ResumptionSurvey { tickets, resumes: Support::No, ..ResumptionSurvey::default() };
    }
    let second = handshake(surveyor, name, &config, &inspector, Ticket::NotWanted).await;
    let resumes = second.map_or(Support::NotSeen, |second| Support::of(second.is_resumed));
    ResumptionSurvey { tickets, resumes, ..ResumptionSurvey::default() }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ticket {
    Awaited,
    NotWanted,
}

struct Handshake {
    tickets: u32,
    is_resumed: bool,
}

async fn handshake(
    surveyor: &Surveyor,
    name: &ServerName<'static>,
    config: &ClientConfig,
    inspector: &Arc<Inspector>,
    ticket: Ticket,
) -> Option<Handshake> {
    let deadline = surveyor.dialer.deadline;
    let begun = Instant::now();
    let open = tokio::time::timeout_at(deadline, surveyor.dialer.open()).await.ok()?.ok()?;
    let mut session = Session::new(open.stream, config.clone(), name.clone(), Arc::clone(inspector)).ok()?;
    session.run(deadline).await.ok()?;
    let round_trip = begun.elapsed();
    // A server of TLS 1.3 sends its tickets when it has our last flight, which says goodbye too: at the latest it hangs up.
    if ticket == Ticket::Awaited {
        session.await_ticket(deadline.min(Instant::now() + round_trip + VERDICT_PATIENCE)).await;
    }
    drop(open.place);
    Some(Handshake { tickets: session.tickets(), is_resumed: session.kind() == Some(HandshakeKind::Resumed) })
}

/// rustls resumes only under the verifier and resolver of the first handshake.
fn config(connector: &Connector, version: &'static SupportedProtocolVersion) -> Option<(ClientConfig, Arc<Inspector>)> {
    let inspector = Arc::new(Inspector::new(connector.provider.signature_verification_algorithms));
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&connector.provider))
        .with_protocol_versions(&[version])
        .ok()?
        .dangerous()
        .with_custom_certificate_verifier(inspector.clone())
        .with_client_cert_resolver(inspector.clone());
    config.resumption = Resumption::in_memory_sessions(8);
    Some((config, inspector))
}
