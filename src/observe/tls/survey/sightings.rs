//! What every answer shows besides the answer: chains, extensions, staples. Kept as they come by.

use rustls::NamedGroup;

use super::candidates::Key;
use crate::model::handshake::{ClientCertificate, EndpointEvidence};
use crate::model::hello::{TLS_1_2, TLS_1_3};
use crate::model::survey::{
    CertificateSurvey, ClientCertificateSurvey, ResumptionSurvey, Support, Survey, SurveyEvidence,
};
use crate::observe::tls::hello::Seen;
use crate::x509::key::KeyKind;
use crate::x509::{Certificate, Fingerprint, dn, sct};

/// Different chains kept. A server has one for each kind of key; one that makes certificates up has as many as questions.
const MAX_CHAINS: usize = 8;

/// Names of CAs that are listed; a server may send thousands.
const MAX_AUTHORITIES: usize = 100;

#[derive(Debug, Default)]
pub(super) struct Sightings {
    chains: Vec<Vec<Vec<u8>>>,
    /// Chains that are served to other names.
    others: Vec<Vec<Vec<u8>>>,
    /// Groups and schemes of TLS 1.2, the smallest prime of older exchanges.
    pub(super) groups_tls12: Vec<u16>,
    pub(super) schemes_tls12: Vec<u16>,
    pub(super) groups_tls13: Vec<u16>,
    pub(super) schemes_tls13: Vec<u16>,
    /// Suites chosen, in whatever version.
    pub(super) suites: Vec<u16>,
    dh_bits: Vec<(u16, usize)>,
    extended_master_secret: Support,
    renegotiation_info: Support,
    session_ticket: Support,
    session_id: Support,
    ocsp_stapling: Support,
    timestamps: Option<usize>,
    authorities: Option<Vec<Vec<u8>>>,
    no_certificate_requested: bool,
    requested: bool,
}

impl Sightings {
    /// What the ordinary handshake showed.
    pub(super) fn first_handshake(&mut self, endpoint: &EndpointEvidence) {
        self.add_chain(&endpoint.served_chain);
        if let Some(tls) = &endpoint.tls {
            self.requested = tls.client_certificate != ClientCertificate::NotRequested;
            if tls.ocsp_staple_bytes.is_some() {
                self.ocsp_stapling = Support::Yes;
            }
        }
        if let Some(choice) = endpoint.choice {
            self.add_choice(choice.version, choice.group, choice.signature_scheme);
        }
    }

    /// An answer to the name that is meant. `ticket`: a ticket was asked for.
    pub(super) fn add(&mut self, seen: &Seen, ticket: bool) {
        let Some(hello) = &seen.server_hello else { return };
        let version = hello.version;
        self.add_chain(&seen.certificates);
        self.add_choice(version, seen.group, seen.scheme);
        if !self.suites.contains(&hello.cipher_suite) {
            self.suites.push(hello.cipher_suite);
        }
        if let Some(bits) = seen.dh_bits {
            self.dh_bits.push((version, bits));
        }
        if version < TLS_1_3 {
            let said = &hello.said;
            better(&mut self.extended_master_secret, said.extended_master_secret);
            better(&mut self.renegotiation_info, said.renegotiation_info);
            if version == TLS_1_2 {
                if ticket {
                    better(&mut self.session_ticket, said.session_ticket);
                } else {
                    better(&mut self.session_id, said.has_session_id);
                }
            }
        }
        if let Some(list) = &seen.timestamps {
            self.timestamps = Some(sct::list(list).map_or(0, |list| list.len()));
        }
        if let Some(authorities) = &seen.authorities {
            self.authorities = Some(authorities.clone());
            self.requested = true;
        }
        if seen.is_whole {
            better(&mut self.ocsp_stapling, seen.ocsp_staple.is_some());
            self.timestamps = self.timestamps.or(Some(0));
            self.no_certificate_requested |= seen.authorities.is_none();
        }
    }

    fn add_choice(&mut self, version: u16, group: Option<u16>, scheme: Option<u16>) {
        let (groups, schemes) = match version {
            TLS_1_2 => (&mut self.groups_tls12, &mut self.schemes_tls12),
            TLS_1_3 => (&mut self.groups_tls13, &mut self.schemes_tls13),
            _ => return,
        };
        for (list, value) in [(groups, group), (schemes, scheme)] {
            list.extend(value.filter(|value| !list.contains(value)));
        }
    }

    fn add_chain(&mut self, chain: &[Vec<u8>]) {
        keep(&mut self.chains, chain);
    }

    /// The hashes of a chain that is served to another name; it stays among the evidence.
    pub(super) fn add_other(&mut self, chain: &[Vec<u8>]) -> Vec<String> {
        keep(&mut self.others, chain);
        hashes(chain)
    }

    /// The kind of key in the first chain seen.
    pub(super) fn key(&self) -> Option<Key> {
        kind_of(self.chains.first()?.first()?)
    }

    /// The group that a certificate's key lies on, which must be among those offered before TLS 1.3 (RFC 8422 §5.1.1).
    pub(super) fn curve_of_key(&self) -> Option<u16> {
        use crate::x509::key::Curve;
        self.chains.iter().find_map(|chain| match Certificate::parse(chain.first()?).ok()?.key {
            KeyKind::Ec(Curve::P224) => Some(0x0015),
            KeyKind::Ec(Curve::P256) => Some(0x0017),
            KeyKind::Ec(Curve::P384) => Some(0x0018),
            KeyKind::Ec(Curve::P521) => Some(0x0019),
            KeyKind::Ec(Curve::Secp256k1) => Some(0x0016),
            _ => None,
        })
    }

    /// The smallest prime of a version.
    pub(super) fn dh_bits(&self, version: u16) -> Option<usize> {
        self.dh_bits.iter().filter(|(of, _)| *of == version).map(|(_, bits)| *bits).min()
    }

    pub(super) fn into_evidence(self, survey: Survey) -> SurveyEvidence {
        let certificates = self.chains.iter().filter(|chain| !chain.is_empty()).map(|chain| CertificateSurvey {
            key: match chain.first().and_then(|der| Certificate::parse(der).ok()).map(|certificate| certificate.key) {
                Some(KeyKind::Rsa { .. }) => "rsa",
                Some(KeyKind::Ec(_)) => "ecdsa",
                Some(KeyKind::Ed25519 | KeyKind::Ed448) => "eddsa",
                _ => "other",
            }
            .to_owned(),
            served_chain: hashes(chain),
        });
        let authorities = self.authorities.unwrap_or_default();
        let survey = Survey {
            certificates: certificates.collect(),
            resumption_tls12: ResumptionSurvey {
                tickets: self.session_ticket,
                session_id: self.session_id,
                ..survey.resumption_tls12
            },
            extended_master_secret: self.extended_master_secret,
            renegotiation_info: self.renegotiation_info,
            ocsp_stapling: self.ocsp_stapling,
            timestamps: self.timestamps.map_or(Support::NotSeen, |count| Support::of(count > 0)),
            timestamp_count: self.timestamps.unwrap_or_default(),
            client_certificate: ClientCertificateSurvey {
                requested: match (self.requested, self.no_certificate_requested) {
                    (true, _) => Support::Yes,
                    (false, true) => Support::No,
                    (false, false) => Support::NotSeen,
                },
                authorities: authorities.iter().take(MAX_AUTHORITIES).map(|name| words(name)).collect(),
                authorities_count: authorities.len(),
            },
            ..survey
        };
        let mut octets: Vec<Vec<u8>> = self.chains.into_iter().chain(self.others).flatten().collect();
        octets.sort_unstable();
        octets.dedup();
        SurveyEvidence { survey, certificates: octets }
    }
}

/// One server may say it with some suites and not with others; that it can counts.
fn better(support: &mut Support, is: bool) {
    if *support != Support::Yes {
        *support = Support::of(is);
    }
}

fn keep(chains: &mut Vec<Vec<Vec<u8>>>, chain: &[Vec<u8>]) {
    if chains.len() < MAX_CHAINS && !chain.is_empty() && !chains.iter().any(|kept| kept == chain) {
        chains.push(chain.to_vec());
    }
}

fn hashes(chain: &[Vec<u8>]) -> Vec<String> {
    chain.iter().map(|der| Fingerprint::of(der).to_string()).collect()
}

fn kind_of(end_entity: &[u8]) -> Option<Key> {
    Some(match Certificate::parse(end_entity).ok()?.key {
        KeyKind::Rsa { .. } => Key::Rsa,
        KeyKind::Ec(_) | KeyKind::Ed25519 | KeyKind::Ed448 => Key::Curve,
        KeyKind::Dsa | KeyKind::Other(_) => Key::Other,
    })
}

/// A DER Name in words; what is none is shown by its octets.
fn words(name: &[u8]) -> String {
    dn::DistinguishedName::parse(name).map_or_else(|| crate::x509::hex(name), |name| name.to_string())
}

/// The IANA name of a group.
pub(super) fn group_name(group: u16) -> String {
    crate::observe::tls::iana::group(NamedGroup::from(group))
}
