//! The same judgement on a chain from files: no name is resolved, no server asked.

use tokio::time::Instant;

use super::{Clock, Settings, assemble, judge_and_fetch};
use crate::judge;
use crate::model::evidence::{Evidence, FileEvidence};
use crate::model::handshake::KeyProof;
use crate::model::report::Report;
use crate::model::resolution::Resolution;
use crate::model::target::{DEFAULT_PORT, DnsName, ReferenceId, Target};
use crate::observe::dns::Resolver;
use crate::x509::Certificate;
use crate::x509::general_name::GeneralName;
use crate::x509::identity::{self, Match};

/// Names of a certificate that are tried as its own.
const MAX_NAMES: usize = 64;

/// Judges `chain` (DER, in the order given) for the name `host`. Without one the certificate is judged for a name of its
/// own, so that only its other properties count, and the report says so. `key` says whether the private key that came
/// with the files belongs to the first certificate.
pub fn inspect(
    chain: Vec<Vec<u8>>,
    key: Option<KeyProof>,
    host: Option<ReferenceId>,
    settings: &Settings,
    clock: Clock,
) -> Report {
    let started_at = clock();
    let (target, evidence) = of_files(chain, key, host);
    let judge_settings = settings.for_judging(started_at);
    let judgement = judge::judge(&evidence, &judge_settings);
    assemble::report(&assemble::Input {
        target: &target,
        settings,
        evidence: &evidence,
        judge_settings: &judge_settings,
        judgement: &judgement,
        options: assemble::repeated_options(settings),
        started_at,
        finished_at: clock(),
    })
}

/// The same with the issuers that are missing, fetched as `settings` allow: what a bundle is made from.
pub async fn complete(chain: Vec<Vec<u8>>, host: Option<ReferenceId>, settings: &Settings, clock: Clock) -> Report {
    let started_at = clock();
    let deadline = Instant::now() + settings.timeout;
    let (target, mut evidence) = of_files(chain, None, host);
    evidence.revocation = settings.revocation.evidence();
    let judge_settings = settings.for_judging(started_at);
    let resolver = Resolver::new(settings.resolvers.clone());
    let judgement =
        judge_and_fetch(&mut evidence, &judge_settings, settings, &resolver, None, started_at, deadline).await;
    assemble::report(&assemble::Input {
        target: &target,
        settings,
        evidence: &evidence,
        judge_settings: &judge_settings,
        judgement: &judgement,
        options: assemble::repeated_options(settings),
        started_at,
        finished_at: clock(),
    })
}

fn of_files(chain: Vec<Vec<u8>>, key: Option<KeyProof>, host: Option<ReferenceId>) -> (Target, Evidence) {
    let name_given = host.is_some();
    let reference = host.or_else(|| own_name(chain.first()?)).unwrap_or_else(nameless);
    let target = Target { input: "<file>".to_owned(), host: reference.clone(), port: DEFAULT_PORT, starttls: None };
    let evidence = Evidence {
        reference,
        resolution: Resolution::not_asked([]),
        endpoints: Vec::new(),
        aia: Vec::new(),
        files: Some(FileEvidence { chain, key, name_given }),
        revocation: None,
    };
    (target, evidence)
}

/// A name that the certificate is for; failing that, one that it seems to be meant for.
fn own_name(der: &[u8]) -> Option<ReferenceId> {
    let certificate = Certificate::parse(der).ok()?;
    let names = certificate.extensions.subject_alt_name.iter().flat_map(|san| &san.names).take(MAX_NAMES);
    let presented = names.filter_map(|name| match name {
        GeneralName::Dns(text) => as_visited(text),
        GeneralName::Ip(_) => name.as_ip().map(ReferenceId::Ip),
        _ => None,
    });
    let candidates: Vec<ReferenceId> =
        presented.chain(certificate.subject.common_name().and_then(as_visited)).collect();
    let is_own = |name: &&ReferenceId| matches!(identity::compare(&certificate, name), Match::Matches(_));
    candidates.iter().find(is_own).or_else(|| candidates.first()).cloned()
}

/// A wildcard stands for some label.
fn as_visited(presented: &str) -> Option<ReferenceId> {
    let name = match presented.strip_prefix("*.") {
        Some(parent) => format!("www.{parent}"),
        None => presented.to_owned(),
    };
    name.parse().ok()
}

/// What no certificate is for: one without a name is refused whatever is asked for (RFC 6761 §6.4 keeps `.invalid` free).
fn nameless() -> ReferenceId {
    let name: DnsName = "name-not-given.invalid".parse().expect("a valid constant, covered by a test");
    ReferenceId::Dns(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_a_client_would_visit_them() {
        assert_eq!(as_visited("*.example.com").unwrap().to_string(), "www.example.com");
        assert_eq!(as_visited("192.0.2.1").unwrap().to_string(), "192.0.2.1");
        assert_eq!(as_visited("a b"), None);
        assert_eq!(nameless().to_string(), "name-not-given.invalid");
    }
}
