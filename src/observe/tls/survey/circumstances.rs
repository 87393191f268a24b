//! What depends on the name in SNI, and the protocols of ALPN.

use std::sync::Arc;

use super::candidates::{self, PROTOCOLS};
use super::enumeration::{Enumeration, Found, Subject};
use super::{Answer, FOREIGN_NAME, Name, Offer, Surveyor};
use crate::model::hello::WIDEST;
use crate::model::survey::{OtherNameSurvey, Survey};
use crate::observe::tls::hello::{Seen, Share, Until};

/// The parts of the survey that these are.
pub(super) async fn survey(surveyor: &Arc<Surveyor>) -> Survey {
    // First the questions that lead to others.
    tokio::task::yield_now().await;
    let (without_server_name, foreign_server_name, alpn) =
        tokio::join!(other_name(surveyor, Name::Absent), other_name(surveyor, Name::Foreign), protocols(surveyor));
    Survey { without_server_name, foreign_server_name, alpn, ..Survey::default() }
}

/// An offer that any server can answer, which chooses as it did before.
fn anything(surveyor: &Surveyor, name: Name, until: Until) -> Offer {
    Offer {
        versions: WIDEST.versions.to_vec(),
        cipher_suites: WIDEST.cipher_suites.to_vec(),
        groups: surveyor.groups_with_known_first(WIDEST.groups),
        signature_schemes: WIDEST.signature_schemes.to_vec(),
        name,
        alpn: Vec::new(),
        share: Share::Small,
        until,
        ticket: false,
    }
}

/// What a client is shown that sends another name or none; `None`: not known, or no name is sent to this target anyway.
async fn other_name(surveyor: &Surveyor, name: Name) -> Option<OtherNameSurvey> {
    if name == Name::Absent && surveyor.server_name.is_none() {
        return None;
    }
    surveyor.dialer.foresee(0, 1);
    let (chain, failure) = match surveyor.ask(&anything(surveyor, name, Until::Certificate)).await {
        Answer::Chosen(seen) => (seen.certificates, None),
        Answer::Refused(failure) => (Vec::new(), Some(failure)),
        Answer::Lost(_) => return None,
    };
    Some(OtherNameSurvey {
        server_name: (name == Name::Foreign).then(|| FOREIGN_NAME.to_owned()),
        served_chain: surveyor.sightings().add_other(&chain),
        failure,
    })
}

async fn protocols(surveyor: &Arc<Surveyor>) -> Vec<String> {
    let places: Vec<u16> = (0..).take(PROTOCOLS.len()).collect();
    let asked = Enumeration::new(Protocols(Arc::clone(surveyor)), &places, Found::default());
    let found = asked.run(surveyor).await;
    found
        .accepted
        .iter()
        .filter_map(|index| PROTOCOLS.get(usize::from(*index)))
        .map(|name| (*name).to_owned())
        .collect()
}

/// Protocols by their place in [`PROTOCOLS`].
struct Protocols(Arc<Surveyor>);

impl Subject for Protocols {
    fn offer(&self, part: &[u16], _turn: usize) -> Offer {
        let names = part.iter().filter_map(|index| PROTOCOLS.get(usize::from(*index)).copied());
        Offer { alpn: names.collect(), ..anything(&self.0, Name::Right, Until::Choice) }
    }

    fn chosen(&self, seen: &Seen) -> Option<u16> {
        let chosen = seen.alpn.as_deref()?;
        u16::try_from(PROTOCOLS.iter().position(|name| name.as_bytes() == chosen)?).ok()
    }

    fn likelihood(&self, candidate: u16, _accepted: &[u16]) -> f64 {
        candidates::protocol_likelihood(candidate)
    }
}
