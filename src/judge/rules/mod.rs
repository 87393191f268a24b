//! The catalogue of findings: one file a rule, with its code, severity, words, citations and check together.

mod address_fails_sometimes;
mod address_family_fails;
mod address_serves_several_chains;
mod address_unreachable;
mod addresses_differ;
mod ca_issuers_unreachable;
mod ca_issuers_wrong_certificate;
mod ca_issuers_wrong_type;
mod caa_forbids_issuer;
mod caa_lookup_fails;
mod capabilities_differ;
mod certificate_malformed;
mod chain_misordered;
mod chain_too_large;
mod client_authentication_allowed;
mod client_certificate_required;
mod cname_at_zone_apex;
mod cname_beside_other_records;
mod cname_chain_long;
mod cname_chain_too_long;
mod cname_dangling;
mod cname_loop;
mod cname_not_expected;
mod common_name_only;
mod connection_closed;
mod connection_reset;
mod connection_timed_out;
mod crl_expired;
mod crl_unreachable;
mod crl_unusable;
mod ct_policy_not_met;
mod default_certificate_served;
mod dns_name_not_found;
mod dns_no_address;
mod dns_resolver_failed;
mod dnssec_bogus;
mod duplicate_certificate_served;
mod end_entity_expired;
mod end_entity_expires_soon;
mod end_entity_not_yet_valid;
mod end_entity_revoked;
mod expired_cross_certificate;
mod extension_malformed;
mod handshake_protocol_error;
mod handshake_refused;
mod handshake_timed_out;
mod handshakes_differ;
mod http_error_answer;
mod https_record_dangling;
mod https_record_hints_differ;
mod implicit_tls_on_port;
mod intermediate_expired;
mod intermediate_expires_first;
mod intermediate_revoked;
mod ip_address_in_dns_name;
mod ipv6_only;
mod issuer_address_missing;
mod issuer_is_not_a_ca;
mod issuer_name_matches_key_does_not;
mod issuer_not_found;
mod issuer_not_yet_valid;
mod key_does_not_match_certificate;
mod key_usage_forbids_tls;
mod key_usage_lacks_digital_signature;
mod known_bad_ca;
mod local_failure;
mod missing_intermediate;
mod must_staple_without_staple;
mod name_constraints_violated;
mod name_mismatch;
mod name_server_lame;
mod name_server_unreachable;
mod name_servers_differ;
mod no_certificate_policies;
mod no_certificate_served;
mod no_extended_master_secret;
mod no_scts;
mod no_secure_renegotiation;
mod not_for_tls_servers;
mod not_tls;
mod nothing_in_common;
mod obsolete_version_accepted;
mod ocsp_responder_fails;
mod path_length_exceeded;
mod plaintext_after_starttls;
mod plaintext_on_port;
mod port_closed;
mod redirects_elsewhere;
mod redirects_to_plaintext;
mod refused_for_own_reasons;
mod resolver_has_old_answer;
mod resolvers_disagree;
mod revocation_unknown;
mod root_not_in_store;
mod root_served;
mod sct_signature_invalid;
mod self_signed_end_entity;
mod server_name_not_recognised;
mod several_cnames;
mod signature_algorithms_disagree;
mod some_addresses_fail;
mod stapled_response_expired;
mod stapled_response_unusable;
mod staples_differ;
mod starttls_failed;
mod starttls_not_offered;
mod starttls_refused;
mod tls_version_not_supported;
mod trust_anchor_expired;
mod unknown_critical_extension;
mod unrelated_certificate_served;
mod validity_too_long;
mod weak_cipher_suite_accepted;
mod weak_diffie_hellman_group;
mod weak_key;
mod weak_signature;
mod wildcard_covers_one_label;

mod support;

use std::cmp::Reverse;
use std::net::SocketAddr;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::judgement::{Deployment, Judgement, Settings};
use super::pool::CertId;
use crate::model::evidence::Evidence;
use crate::model::finding::{Finding, NotChecked, Remedy, Severity, Subject, SubjectKind};
use crate::model::survey::SurveyEvidence;
use crate::model::target::Target;
use crate::model::verdict::Category;
use crate::x509::Certificate;

/// One condition.
#[derive(Debug)]
pub struct Rule {
    /// Public: never renamed, never reused.
    pub code: &'static str,
    pub severity: Severity,
    /// What is the case, in one line.
    pub title: &'static str,
    /// Why it matters and how to tell it from its neighbours.
    pub explanation: &'static str,
    /// What to do, in general; a finding's own remedy says it for the case at hand.
    pub advice: &'static str,
    pub citations: &'static [&'static str],
    /// Client verdicts that it can be the cause of.
    pub explains: &'static [Category],
    pub check: Check,
}

/// When a rule can decide.
#[derive(Debug)]
pub enum Check {
    /// From what was seen.
    Evidence(fn(&Context<'_>) -> Outcome),
    /// Once all others have spoken.
    AfterOthers(fn(&Context<'_>, &[(&'static Rule, Found)]) -> Outcome),
}

/// The result of a check.
#[derive(Debug)]
pub enum Outcome {
    /// There is nothing it could be about.
    NotApplicable,
    Clear,
    Found(Vec<Found>),
    /// Could not be decided, and why.
    Undetermined(&'static str),
}

impl Outcome {
    /// `Found`, or `Clear` for an empty list.
    pub fn of(found: Vec<Found>) -> Self {
        if found.is_empty() { Self::Clear } else { Self::Found(found) }
    }
}

/// One instance of a condition.
#[derive(Debug)]
pub struct Found {
    pub subject: Subject,
    /// The deployment whose clients it explains; `None`: all of them.
    pub deployment: Option<usize>,
    pub facts: Map<String, Value>,
    pub remedy: Option<Remedy>,
    /// When this instance weighs otherwise than the rule says.
    pub severity: Option<Severity>,
}

impl Found {
    pub fn new(kind: SubjectKind, reference: impl Into<String>) -> Self {
        Self {
            subject: Subject { kind, reference: reference.into() },
            deployment: None,
            facts: Map::new(),
            remedy: None,
            severity: None,
        }
    }

    pub fn in_deployment(self, index: usize) -> Self {
        Self { deployment: Some(index), ..self }
    }

    pub fn fact(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }

    pub fn remedy(self, summary: impl Into<String>, command: Option<String>, safe: bool) -> Self {
        Self { remedy: Some(Remedy { summary: summary.into(), command, safe }), ..self }
    }

    pub fn severity(self, severity: Severity) -> Self {
        Self { severity: Some(severity), ..self }
    }
}

/// What a rule may look at.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub target: &'a Target,
    pub evidence: &'a Evidence,
    pub settings: &'a Settings,
    pub judgement: &'a Judgement,
    /// The options of this probe that a command in a remedy must repeat to see the same; with a space before each.
    pub options: &'a str,
}

impl<'a> Context<'a> {
    /// The deployments that served a certificate.
    pub fn chains(&self) -> impl Iterator<Item = (usize, &'a Deployment)> + use<'a> {
        self.judgement.deployments.iter().enumerate().filter(|(_, deployment)| !deployment.served.is_empty())
    }

    pub fn fingerprint(&self, id: CertId) -> String {
        self.judgement.pool.get(id).fingerprint.to_string()
    }

    /// The deployment that the endpoint `address` belongs to.
    pub fn deployment_of(&self, address: SocketAddr) -> Option<usize> {
        self.judgement.deployments.iter().position(|deployment| {
            deployment.endpoints.iter().any(|&index| self.evidence.endpoints[index].address == address)
        })
    }

    /// The survey of the first address that has one.
    pub fn survey_of_any(&self) -> Option<&'a SurveyEvidence> {
        self.evidence.endpoints.iter().find_map(|endpoint| endpoint.survey.as_ref())
    }

    /// The command that writes the corrected bundle.
    pub fn bundle_command(&self) -> Option<String> {
        let Self { target, options, .. } = self;
        let subject = match self.evidence.files {
            Some(_) => "FILE".to_owned(),
            // A bundle is made from a whole handshake: it has no depth.
            None => format!("{}{}", target.input, options.split(" --depth ").next().unwrap_or_default()),
        };
        Some(format!("tlsmend bundle {subject} --out fullchain.pem"))
    }
}

/// Every rule, sorted by code.
#[rustfmt::skip] // one line a rule: adding one is adding a line
pub const ALL: &[&Rule] = &[
    &address_fails_sometimes::RULE,
    &address_family_fails::RULE,
    &address_serves_several_chains::RULE,
    &address_unreachable::RULE,
    &addresses_differ::RULE,
    &ca_issuers_unreachable::RULE,
    &ca_issuers_wrong_certificate::RULE,
    &ca_issuers_wrong_type::RULE,
    &caa_forbids_issuer::RULE,
    &caa_lookup_fails::RULE,
    &capabilities_differ::RULE,
    &certificate_malformed::RULE,
    &chain_misordered::RULE,
    &chain_too_large::RULE,
    &client_authentication_allowed::RULE,
    &client_certificate_required::RULE,
    &cname_at_zone_apex::RULE,
    &cname_beside_other_records::RULE,
    &cname_chain_long::RULE,
    &cname_chain_too_long::RULE,
    &cname_dangling::RULE,
    &cname_loop::RULE,
    &cname_not_expected::RULE,
    &common_name_only::RULE,
    &connection_closed::RULE,
    &connection_reset::RULE,
    &connection_timed_out::RULE,
    &crl_expired::RULE,
    &crl_unreachable::RULE,
    &crl_unusable::RULE,
    &ct_policy_not_met::RULE,
    &default_certificate_served::RULE,
    &dns_name_not_found::RULE,
    &dns_no_address::RULE,
    &dns_resolver_failed::RULE,
    &dnssec_bogus::RULE,
    &duplicate_certificate_served::RULE,
    &end_entity_expired::RULE,
    &end_entity_expires_soon::RULE,
    &end_entity_not_yet_valid::RULE,
    &end_entity_revoked::RULE,
    &expired_cross_certificate::RULE,
    &extension_malformed::RULE,
    &handshake_protocol_error::RULE,
    &handshake_refused::RULE,
    &handshake_timed_out::RULE,
    &handshakes_differ::RULE,
    &http_error_answer::RULE,
    &https_record_dangling::RULE,
    &https_record_hints_differ::RULE,
    &implicit_tls_on_port::RULE,
    &intermediate_expired::RULE,
    &intermediate_expires_first::RULE,
    &intermediate_revoked::RULE,
    &ip_address_in_dns_name::RULE,
    &ipv6_only::RULE,
    &issuer_address_missing::RULE,
    &issuer_is_not_a_ca::RULE,
    &issuer_name_matches_key_does_not::RULE,
    &issuer_not_found::RULE,
    &issuer_not_yet_valid::RULE,
    &key_does_not_match_certificate::RULE,
    &key_usage_forbids_tls::RULE,
    &key_usage_lacks_digital_signature::RULE,
    &known_bad_ca::RULE,
    &local_failure::RULE,
    &missing_intermediate::RULE,
    &must_staple_without_staple::RULE,
    &name_constraints_violated::RULE,
    &name_mismatch::RULE,
    &name_server_lame::RULE,
    &name_server_unreachable::RULE,
    &name_servers_differ::RULE,
    &no_certificate_policies::RULE,
    &no_certificate_served::RULE,
    &no_extended_master_secret::RULE,
    &no_scts::RULE,
    &no_secure_renegotiation::RULE,
    &not_for_tls_servers::RULE,
    &not_tls::RULE,
    &nothing_in_common::RULE,
    &obsolete_version_accepted::RULE,
    &ocsp_responder_fails::RULE,
    &path_length_exceeded::RULE,
    &plaintext_after_starttls::RULE,
    &plaintext_on_port::RULE,
    &port_closed::RULE,
    &redirects_elsewhere::RULE,
    &redirects_to_plaintext::RULE,
    &refused_for_own_reasons::RULE,
    &resolver_has_old_answer::RULE,
    &resolvers_disagree::RULE,
    &revocation_unknown::RULE,
    &root_not_in_store::RULE,
    &root_served::RULE,
    &sct_signature_invalid::RULE,
    &self_signed_end_entity::RULE,
    &server_name_not_recognised::RULE,
    &several_cnames::RULE,
    &signature_algorithms_disagree::RULE,
    &some_addresses_fail::RULE,
    &stapled_response_expired::RULE,
    &stapled_response_unusable::RULE,
    &staples_differ::RULE,
    &starttls_failed::RULE,
    &starttls_not_offered::RULE,
    &starttls_refused::RULE,
    &tls_version_not_supported::RULE,
    &trust_anchor_expired::RULE,
    &unknown_critical_extension::RULE,
    &unrelated_certificate_served::RULE,
    &validity_too_long::RULE,
    &weak_cipher_suite_accepted::RULE,
    &weak_diffie_hellman_group::RULE,
    &weak_key::RULE,
    &weak_signature::RULE,
    &wildcard_covers_one_label::RULE,
];

/// The rules that look at the resolution: a name's own story, whatever its certificate. A test compares them with the files.
#[rustfmt::skip] // one line a rule
const ABOUT_RESOLUTIONS: &[&Rule] = &[
    &caa_forbids_issuer::RULE,
    &caa_lookup_fails::RULE,
    &cname_at_zone_apex::RULE,
    &cname_beside_other_records::RULE,
    &cname_chain_long::RULE,
    &cname_chain_too_long::RULE,
    &cname_dangling::RULE,
    &cname_loop::RULE,
    &cname_not_expected::RULE,
    &dns_name_not_found::RULE,
    &dns_no_address::RULE,
    &dns_resolver_failed::RULE,
    &dnssec_bogus::RULE,
    &https_record_dangling::RULE,
    &https_record_hints_differ::RULE,
    &ipv6_only::RULE,
    &name_server_lame::RULE,
    &name_server_unreachable::RULE,
    &name_servers_differ::RULE,
    &resolver_has_old_answer::RULE,
    &resolvers_disagree::RULE,
    &several_cnames::RULE,
];

/// Does no rule have anything to say of how the name was resolved?
pub(super) fn is_resolution_plain(target: &Target, evidence: &Evidence, settings: &Settings) -> bool {
    static NOTHING: LazyLock<Judgement> = LazyLock::new(Judgement::default);
    let context = Context { target, evidence, settings, judgement: &NOTHING, options: "" };
    // CAA is compared with the certificate, which there is none of here.
    let is_asked_for_addresses = evidence.resolution.caa_sets.is_none();
    is_asked_for_addresses
        && ABOUT_RESOLUTIONS.iter().all(|rule| match rule.check {
            Check::Evidence(check) => !matches!(check(&context), Outcome::Found(_)),
            Check::AfterOthers(_) => true,
        })
}

/// Is the certificate's key that of a CA that is known to be bad?
pub(super) fn is_known_bad(certificate: &Certificate) -> bool {
    known_bad_ca::has_key_of_one(certificate)
}

/// The rule called `code`.
pub fn find(code: &str) -> Option<&'static Rule> {
    ALL.iter().copied().find(|rule| rule.code == code)
}

/// What the rules found.
#[derive(Debug)]
pub struct Findings {
    /// Most severe first, then those that stop the most clients.
    pub findings: Vec<Finding>,
    /// What could not be decided.
    pub not_checked: Vec<NotChecked>,
    /// For each deployment and client the code of the finding that explains its refusal.
    pub causes: Vec<Vec<Option<&'static str>>>,
}

/// Runs every rule.
pub fn run(context: &Context<'_>) -> Findings {
    let mut found: Vec<(&'static Rule, Found)> = Vec::new();
    let mut not_checked = Vec::new();
    let mut take = |rule: &'static Rule, outcome: Outcome, found: &mut Vec<(&'static Rule, Found)>| match outcome {
        Outcome::NotApplicable | Outcome::Clear => {}
        Outcome::Found(instances) => found.extend(instances.into_iter().map(|instance| (rule, instance))),
        Outcome::Undetermined(reason) => {
            not_checked.push(NotChecked { code: rule.code.to_owned(), reason: reason.to_owned() })
        }
    };
    for rule in ALL {
        if let Check::Evidence(check) = rule.check {
            take(rule, check(context), &mut found);
        }
    }
    for rule in ALL {
        if let Check::AfterOthers(check) = rule.check {
            let outcome = check(context, &found);
            take(rule, outcome, &mut found);
        }
    }
    found.sort_by_key(|(rule, instance)| Reverse(instance.severity.unwrap_or(rule.severity)));
    let causes = causes(context, &found);
    let codes = causes
        .iter()
        .map(|clients| clients.iter().map(|cause| cause.map(|index| found[index].0.code)).collect())
        .collect();
    let mut findings: Vec<Finding> = found
        .into_iter()
        .enumerate()
        .map(|(index, (rule, instance))| Finding {
            code: rule.code.to_owned(),
            severity: instance.severity.unwrap_or(rule.severity),
            title: rule.title.to_owned(),
            subject: instance.subject,
            facts: instance.facts,
            affected_clients: affected(context, &causes, index),
            explanation: rule.explanation.to_owned(),
            remedy: instance.remedy,
        })
        .collect();
    findings.sort_by_key(|finding| Reverse((finding.severity, finding.affected_clients.len())));
    Findings { findings, not_checked, causes: codes }
}

/// Can this finding be the cause of a client's answer in `deployment`?
fn explains(rule: &Rule, instance: &Found, deployment: usize, category: Category) -> bool {
    let own = matches!(rule.check, Check::AfterOthers(_));
    let severity = instance.severity.unwrap_or(rule.severity);
    instance.deployment.is_none_or(|bound| bound == deployment) && (own || can_cause(rule, severity, category))
}

/// Can a finding of this rule, weighing so much, be why a client answers with `category`?
pub fn can_cause(rule: &Rule, severity: Severity, category: Category) -> bool {
    match category {
        // The client names no reason (git: "server certificate verification failed"): any fault that stops clients can be it.
        Category::Unspecified => !rule.explains.is_empty() && severity >= Severity::Medium,
        category => rule.explains.contains(&category),
    }
}

/// For each deployment and client the index of the finding that explains its refusal: the most severe of those that
/// can cause its category.
fn causes(context: &Context<'_>, found: &[(&'static Rule, Found)]) -> Vec<Vec<Option<usize>>> {
    let cause = |deployment: usize, client: &str, category: Category| {
        found.iter().position(|(rule, instance)| {
            let about_another = instance.subject.kind == SubjectKind::Client && instance.subject.reference != client;
            !about_another && explains(rule, instance, deployment, category)
        })
    };
    let deployments = context.judgement.deployments.iter().enumerate();
    deployments
        .map(|(index, deployment)| {
            let answers = context.settings.clients.iter().zip(&deployment.answers);
            answers
                .map(|(client, answer)| answer.category.and_then(|category| cause(index, client.id, category)))
                .collect()
        })
        .collect()
}

fn affected(context: &Context<'_>, causes: &[Vec<Option<usize>>], finding: usize) -> Vec<String> {
    let clients = context.settings.clients.iter().enumerate();
    clients
        .filter(|(index, _)| causes.iter().any(|deployment| deployment[*index] == Some(finding)))
        .map(|(_, client)| client.id.to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_and_the_folder_agree() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/judge/rules");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter_map(|name| name.strip_suffix(".rs").map(|stem| stem.replace('_', "-")))
            .filter(|stem| stem != "mod")
            .collect();
        files.sort();
        let codes: Vec<&str> = ALL.iter().map(|rule| rule.code).collect();
        assert_eq!(codes, files);
    }

    /// By the words with which a rule gets at the resolution.
    #[test]
    fn rules_about_resolutions_are_listed() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/judge/rules");
        let words = [
            "resolution",
            "when_dns",
            "name_faults",
            "dns_finding",
            "propagation",
            "caa_sets",
            "failing_name_servers",
            "on_caa",
        ];
        let looks = |rule: &Rule| {
            let file = format!("{folder}/{}.rs", rule.code.replace('-', "_"));
            let source = std::fs::read_to_string(file).unwrap();
            let (code, _) = source.split_once("#[cfg(test)]").unwrap_or((&source, ""));
            let code = code.split("fn check(").nth(1).unwrap_or_default();
            words.iter().any(|word| code.contains(word))
        };
        let found: Vec<&str> = ALL.iter().filter(|rule| looks(rule)).map(|rule| rule.code).collect();
        let listed: Vec<&str> = ABOUT_RESOLUTIONS.iter().map(|rule| rule.code).collect();
        assert_eq!(found, listed);
    }

    #[test]
    fn every_rule_is_complete() {
        for rule in ALL {
            assert!(rule.explanation.ends_with('.') && rule.advice.ends_with('.'), "{}", rule.code);
            assert!(!rule.title.ends_with('.') && rule.title.len() < 90, "{}", rule.code);
            assert!(!rule.citations.is_empty() || matches!(rule.check, Check::AfterOthers(_)), "{}", rule.code);
        }
    }
}
