//! "Would this match?", answered before anything is uploaded, created or paid: the console's "Number of matching certificates
//! is 0" beforehand. Pure; what the service and the DNS say is given.

use serde::Serialize;

use super::cas::{CertId, CertificateDetail, CertificateInfo, CloudResource, ResourceId};
use crate::model::handshake::KeyProof;
use crate::model::resolution::{DnsStatus, Resolution};
use crate::model::target::DnsName;
use crate::model::time::{DAY, Time};
use crate::x509::Certificate;
use crate::x509::general_name::GeneralName;
use crate::x509::identity::{WildcardRules, matches_dns};

/// A certificate that ends within this many days will have to be deployed again soon, and paid again.
const SOON_DAYS: i64 = 14;

/// Names shown where none is near.
const NAMES_SHOWN: usize = 5;

/// One certificate that is to be deployed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// File name or id: how the user named it.
    pub label: String,
    /// Its id in the service, when it is stored there.
    pub cert_id: Option<CertId>,
    /// dNSName entries, or what the service lists.
    pub names: Vec<String>,
    /// Only where there are no other names: RFC 9525 §6 ignores it, and the service may show it all the same.
    pub common_name: Option<String>,
    pub not_before: Option<Time>,
    pub not_after: Option<Time>,
    /// The service's word: `issued`, `revoked`, `willExpire`, `expired`.
    pub status: Option<String>,
    /// Issued through the service: deployed without credits.
    pub issued_by_service: bool,
    /// Certificates in the bundle, where it is known.
    pub chain_length: Option<usize>,
    pub key: KeyState,
}

/// What is known of the private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// The key in the file belongs to it.
    Matches,
    Wrong,
    /// The service holds it.
    Held,
    /// The service does not hold it: the certificate was made from the owner's request.
    NotHeld,
    NotChecked,
}

impl Candidate {
    /// From a file: the end entity, how many certificates there are, and the key's proof.
    pub fn from_file(label: String, end_entity: &Certificate, chain_length: usize, key: Option<KeyProof>) -> Self {
        let names: Vec<String> = end_entity.extensions.subject_alt_name.as_ref().map_or_else(Vec::new, |san| {
            let dns = san.names.iter().filter_map(|name| match name {
                GeneralName::Dns(name) => Some(crate::x509::dn::printable(name)),
                _ => None,
            });
            dns.collect()
        });
        Self {
            label,
            cert_id: None,
            common_name: end_entity.subject.common_name().filter(|_| names.is_empty()).map(crate::x509::dn::printable),
            names,
            not_before: Some(end_entity.not_before),
            not_after: Some(end_entity.not_after),
            status: None,
            issued_by_service: false,
            chain_length: Some(chain_length),
            key: match key {
                Some(KeyProof::Proven) => KeyState::Matches,
                Some(KeyProof::Wrong) => KeyState::Wrong,
                _ => KeyState::NotChecked,
            },
        }
    }

    /// From the service: the older call's answer, and the newer one's where there is one.
    pub fn from_service(detail: &CertificateDetail, info: Option<&CertificateInfo>) -> Self {
        let held = info.and_then(|info| info.exist_private_key);
        Self {
            label: detail.id.to_string(),
            cert_id: Some(detail.id.clone()),
            names: detail.sans.clone(),
            common_name: detail.common.clone().filter(|_| detail.sans.is_empty()),
            not_before: detail.not_before,
            not_after: detail.not_after,
            status: info.and_then(|info| info.certificate_status.clone()),
            issued_by_service: detail.buy_in_aliyun == Some(true),
            chain_length: if detail.cert_chain.is_empty() { None } else { Some(detail.cert_chain.len()) },
            key: match held {
                Some(true) => KeyState::Held,
                Some(false) => KeyState::NotHeld,
                None => KeyState::NotChecked,
            },
        }
    }
}

/// What the answer is made from. `None` is "not looked at", and the reason stands in `not_checked`.
#[derive(Debug, Default)]
pub struct Facts {
    pub candidates: Vec<Candidate>,
    /// Where the certificate is to go, as the user said. The resources' own domains are added.
    pub domains: Vec<String>,
    pub resources: Option<Vec<Target>>,
    /// Asked for by number, and not in the inventory.
    pub missing_resources: Vec<ResourceId>,
    /// The gateway it is to go to: its resource shows the product code of PAI-EAS.
    pub gateway: Option<String>,
    /// The name the CNAME should lead to, how the domain resolves, and how that name itself resolves.
    pub dns: Option<DnsFacts>,
    pub not_checked: Vec<NotChecked>,
}

/// A resource, with the names of the certificate that is bound to it now, when they are known.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Target {
    pub resource: CloudResource,
    pub bound_names: Option<Vec<String>>,
}

#[derive(Debug)]
pub struct DnsFacts {
    pub expected: DnsName,
    pub domain: Resolution,
    pub gateway: Resolution,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotChecked {
    pub code: &'static str,
    pub reason: String,
}

/// One question and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// `names`, `validity`, `status`, `key`, `chain`, `resource`, `https`, `covers-bound`, `gateway`, `dns`.
    pub code: &'static str,
    pub outcome: Outcome,
    /// What was looked at.
    pub subject: String,
    /// What was found, and what to do where that is not well.
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Pass,
    /// It would work, and something should be known before.
    Warn,
    Fail,
}

/// The whole answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Preflight {
    /// Nothing that was checked stands in the way.
    pub ready: bool,
    /// Certificates that match every domain: what the console counts.
    pub matching_certificates: usize,
    /// Deployment credits, as an estimate; null when no resource is known.
    pub credits: Option<u64>,
    pub certificates: Vec<Candidate>,
    pub resources: Vec<Target>,
    pub checks: Vec<Check>,
    pub not_checked: Vec<NotChecked>,
}

/// Answers at the moment `at`.
pub fn preflight(facts: Facts, at: Time) -> Preflight {
    let mut checks = Checks(Vec::new());
    let resources = facts.resources.clone().unwrap_or_default();
    let mut domains = facts.domains.clone();
    for domain in resources.iter().filter_map(|target| target.resource.domain.clone()) {
        if !domains.iter().any(|known| known.eq_ignore_ascii_case(&domain)) {
            domains.push(domain);
        }
    }
    let mut matching = 0;
    for candidate in &facts.candidates {
        let misses: Vec<String> = domains.iter().filter_map(|domain| near_miss(candidate, domain)).collect();
        if misses.is_empty() && !domains.is_empty() {
            matching += 1;
            checks.add("names", Outcome::Pass, &candidate.label, format!("it is for {}", domains.join(", ")));
        }
        // With several certificates one that matches is enough; the others are told and stand in nobody's way.
        let outcome = if facts.candidates.len() > 1 { Outcome::Warn } else { Outcome::Fail };
        for miss in misses {
            checks.add("names", outcome, &candidate.label, miss);
        }
        checks.certificate(candidate, at);
    }
    if facts.candidates.len() > 1 && matching == 0 && !domains.is_empty() {
        let text = format!("none of the {} certificates is for {}", facts.candidates.len(), domains.join(", "));
        checks.add("names", Outcome::Fail, "all", text);
    }
    if facts.resources.is_some() {
        checks.resources(&facts.candidates, &facts.domains, &resources);
    }
    for id in &facts.missing_resources {
        let text = "there is no such resource in the service's inventory";
        checks.add("resource", Outcome::Fail, &id.to_string(), text);
    }
    if let (Some(gateway), Some(_)) = (&facts.gateway, &facts.resources) {
        checks.gateway(gateway, &resources);
    }
    if let Some(dns) = &facts.dns {
        checks.dns(dns, facts.domains.first().map_or("", String::as_str));
    }
    // One credit for each task, and a task is an uploaded certificate on a resource it matches.
    let tasks = |candidate: &&Candidate| {
        let fits = |target: &&Target| {
            target.resource.domain.as_ref().is_some_and(|domain| near_miss(candidate, domain).is_none())
        };
        resources.iter().filter(fits).count() as u64
    };
    let uploaded = facts.candidates.iter().filter(|candidate| !candidate.issued_by_service);
    let credits = (!resources.is_empty()).then(|| uploaded.map(|candidate| tasks(&candidate)).sum());
    Preflight {
        ready: checks.0.iter().all(|check| check.outcome != Outcome::Fail),
        matching_certificates: matching,
        credits,
        certificates: facts.candidates,
        resources,
        checks: checks.0,
        not_checked: facts.not_checked,
    }
}

struct Checks(Vec<Check>);

impl Checks {
    fn add(&mut self, code: &'static str, outcome: Outcome, subject: &str, text: impl Into<String>) {
        self.0.push(Check { code, outcome, subject: subject.to_owned(), text: text.into() });
    }

    fn certificate(&mut self, candidate: &Candidate, at: Time) {
        let label = &candidate.label;
        match (candidate.not_before, candidate.not_after) {
            (_, Some(end)) if end < at => {
                let text = format!("expired on {}; the service stores and deploys it all the same", end.date());
                self.add("validity", Outcome::Fail, label, text);
            }
            (Some(start), _) if start > at => {
                self.add("validity", Outcome::Fail, label, format!("not valid before {start}"));
            }
            (_, Some(end)) if end.since(at) < SOON_DAYS * DAY => {
                let text = format!(
                    "ends on {}, in {} days: it will soon be deployed and paid again",
                    end.date(),
                    end.since(at) / DAY
                );
                self.add("validity", Outcome::Warn, label, text);
            }
            (_, Some(end)) => {
                let text = format!("until {}, {} days left", end.date(), end.since(at) / DAY);
                self.add("validity", Outcome::Pass, label, text);
            }
            (_, None) => {}
        }
        match candidate.status.as_deref() {
            Some("revoked") => self.add("status", Outcome::Fail, label, "the service says that it is revoked"),
            Some("expired") => self.add("status", Outcome::Fail, label, "the service says that it has expired"),
            Some(status) => self.add("status", Outcome::Pass, label, format!("the service says {status}")),
            None => {}
        }
        match candidate.key {
            KeyState::Matches => self.add("key", Outcome::Pass, label, "the private key belongs to it"),
            KeyState::Wrong => {
                let text = "the private key belongs to another certificate; the service would refuse it";
                self.add("key", Outcome::Fail, label, text);
            }
            KeyState::Held => self.add("key", Outcome::Pass, label, "the service holds its private key"),
            KeyState::NotHeld => {
                let text = "the service does not hold its private key (made from a request of your own): it cannot be deployed";
                self.add("key", Outcome::Fail, label, text);
            }
            KeyState::NotChecked => {}
        }
        if candidate.chain_length == Some(1) {
            let text = "no intermediate is with it; the service deploys it like that, and most clients will fail (`tlsmend bundle` completes it)";
            self.add("chain", Outcome::Warn, label, text);
        }
    }

    fn resources(&mut self, candidates: &[Candidate], domains: &[String], resources: &[Target]) {
        for domain in domains {
            let is_there = resources.iter().any(|target| {
                target.resource.domain.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(domain))
            });
            if !is_there {
                let text = "not in the service's inventory: not synchronised yet (it lags behind the products), HTTPS was never switched on there, or it belongs to another region or account";
                self.add("resource", Outcome::Fail, domain, text);
            }
        }
        for target in resources {
            let resource = &target.resource;
            let part = |value: &Option<String>| value.clone().unwrap_or_default();
            let what = [part(&resource.cloud_product), part(&resource.instance_id), part(&resource.listener_id)];
            let what: Vec<String> = what.into_iter().filter(|part| !part.is_empty()).collect();
            let subject = format!("{} {}", resource.id, resource.domain.as_deref().unwrap_or("(without a domain)"));
            let bound = match &resource.cert_id {
                Some(id) => format!("bound now: {id}"),
                None => "nothing is bound: a rollback would have nowhere to go".to_owned(),
            };
            self.add("resource", Outcome::Pass, &subject, format!("{}, {bound}", what.join(" ")));
            match resource.enable_https {
                Some(true) => self.add("https", Outcome::Pass, &subject, "HTTPS is on"),
                Some(false) => {
                    let text =
                        "HTTPS is off; most products only get a certificate replaced, so switch it on there first";
                    self.add("https", Outcome::Fail, &subject, text);
                }
                None => {}
            }
            let must_cover = matches!(resource.cloud_product.as_deref(), Some("SLB" | "GA"));
            if let (true, Some(bound), [candidate]) = (must_cover, &target.bound_names, candidates) {
                let lost: Vec<&str> =
                    bound.iter().map(String::as_str).filter(|name| near_miss(candidate, name).is_some()).collect();
                if !lost.is_empty() {
                    let text = format!(
                        "the certificate bound now is also for {}; this product wants the new one to cover every name of the old",
                        lost.join(", ")
                    );
                    self.add("covers-bound", Outcome::Fail, &subject, text);
                }
            }
        }
    }

    /// The code of PAI-EAS is published nowhere: the resource of the gateway shows it.
    fn gateway(&mut self, gateway: &str, resources: &[Target]) {
        let found = resources.iter().find(|target| target.resource.instance_id.as_deref() == Some(gateway));
        match found.and_then(|target| target.resource.cloud_product.as_deref()) {
            Some(code) => {
                let text = format!(
                    "the product code of PAI-EAS here is `{code}`; pai_product_code = \"{code}\" in the configuration file keeps it"
                );
                self.add("gateway", Outcome::Pass, gateway, text);
            }
            None => {
                let text = "none of the resources belongs to it in the inventory: its custom domain is not synchronised yet, or is bound elsewhere";
                self.add("gateway", Outcome::Warn, gateway, text);
            }
        }
    }

    fn dns(&mut self, dns: &DnsFacts, domain: &str) {
        let expected = dns.expected.as_str();
        let chain = &dns.domain.cname_chain;
        let shares_address =
            dns.domain.addresses.iter().any(|ours| dns.gateway.addresses.iter().any(|theirs| theirs.ip == ours.ip));
        if chain.iter().any(|alias| alias.target.eq_ignore_ascii_case(expected)) {
            self.add("dns", Outcome::Pass, domain, format!("its CNAME leads to {expected}"));
        } else if dns.domain.status != DnsStatus::Noerror && chain.is_empty() {
            let why = dns.domain.detail.clone().unwrap_or_else(|| "it does not resolve".to_owned());
            self.add("dns", Outcome::Fail, domain, format!("{why}; give it a CNAME to {expected}"));
        } else if shares_address {
            let text = format!("no CNAME to {expected}, but the same addresses: it works until they change");
            self.add("dns", Outcome::Warn, domain, text);
        } else {
            let now = chain.first().map_or_else(
                || "it has addresses of its own".to_owned(),
                |alias| format!("its CNAME leads to {}", alias.target),
            );
            let text = format!("{now}, not to {expected}: clients would never see what is deployed there");
            self.add("dns", Outcome::Fail, domain, text);
        }
    }
}

/// Why no name of the certificate matches `domain`, by the nearest of them; `None` when one does. The service's rule: an equal
/// name, or a wildcard for exactly one more label (RFC 9525 §6.3).
pub fn near_miss(candidate: &Candidate, domain: &str) -> Option<String> {
    let names = &candidate.names;
    let fits = |name: &String| name.eq_ignore_ascii_case(domain) || matches_dns(name, domain, WildcardRules::STANDARD);
    if names.iter().any(fits) {
        return None;
    }
    let wildcards = || names.iter().filter_map(|name| name.strip_prefix("*.").map(|base| (name, base)));
    if let Some((name, base)) = wildcards().find(|(_, base)| base.eq_ignore_ascii_case(domain)) {
        return Some(format!(
            "`{name}` is not for {domain} itself: a wildcard stands for exactly one label, as in www.{base}; the certificate needs {domain} as a name of its own"
        ));
    }
    let below = |base: &str| {
        let (domain, base) = (domain.to_ascii_lowercase(), base.to_ascii_lowercase());
        domain.strip_suffix(&base).is_some_and(|rest| rest.ends_with('.'))
    };
    if let Some((name, base)) = wildcards().find(|(_, base)| below(base)) {
        let parent = domain.split_once('.').map_or(domain, |(_, parent)| parent);
        return Some(format!(
            "`{name}` covers one label, as in www.{base}, and {domain} has more: it needs `*.{parent}` or its own name"
        ));
    }
    if let Some(name) =
        names.iter().find(|name| domain.strip_prefix("*.").is_some_and(|base| below_or_same(name, base)))
    {
        return Some(format!(
            "{domain} is a wildcard, and `{name}` is one name under it: the certificate needs `{domain}`"
        ));
    }
    let www = |name: &&String| {
        name.strip_prefix("www.") == Some(domain) || domain.strip_prefix("www.") == Some(name.as_str())
    };
    if let Some(name) = names.iter().find(www) {
        return Some(format!("it is for `{name}`, not for {domain}: only the www. differs"));
    }
    if let Some(common_name) = candidate.common_name.as_deref().filter(|name| name.eq_ignore_ascii_case(domain)) {
        return Some(format!("only its common name is {common_name}; clients look at subject alternative names alone"));
    }
    let near = names.iter().map(|name| (distance(name, domain), name)).filter(|(apart, _)| *apart <= 2).min();
    if let Some((_, name)) = near {
        return Some(format!("it is for `{name}`, not for {domain}: a typing error in one of them?"));
    }
    if names.is_empty() {
        return Some(format!("it has no name that could match {domain}"));
    }
    let shown: Vec<&str> = names.iter().take(NAMES_SHOWN).map(String::as_str).collect();
    let more = names.len().saturating_sub(NAMES_SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Some(format!("it is for {}{more}, not for {domain}", shown.join(", ")))
}

fn below_or_same(name: &str, base: &str) -> bool {
    name.eq_ignore_ascii_case(base)
        || name.to_ascii_lowercase().strip_suffix(&base.to_ascii_lowercase()).is_some_and(|rest| rest.ends_with('.'))
}

/// Levenshtein's distance of two names.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.to_ascii_lowercase(), b.to_ascii_lowercase());
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.chars().enumerate() {
            let cost = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.chars().count()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(names: &[&str]) -> Candidate {
        Candidate {
            label: "1".into(),
            cert_id: None,
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            common_name: None,
            not_before: None,
            not_after: Some(Time::from_unix(2_000_000_000)),
            status: None,
            issued_by_service: false,
            chain_length: Some(2),
            key: KeyState::NotChecked,
        }
    }

    #[test]
    fn the_nearest_miss_is_named() {
        let miss = |names: &[&str], domain: &str| near_miss(&candidate(names), domain);
        assert_eq!(miss(&["*.your-company.com"], "api.your-company.com"), None);
        assert_eq!(miss(&["*.your-company.com"], "API.Your-Company.com"), None);
        // What is deployed to may be a wildcard domain itself.
        assert_eq!(miss(&["*.your-company.com"], "*.your-company.com"), None);
        for (names, domain, said) in [
            (&["*.your-company.com"][..], "your-company.com", "not for your-company.com itself"),
            (&["*.your-company.com"], "test.api.your-company.com", "needs `*.api.your-company.com`"),
            (&["api.your-company.com"], "*.your-company.com", "is one name under it"),
            (&["www.your-company.com"], "your-company.com", "only the www. differs"),
            (&["a.example", "api.your-conpany.com"], "api.your-company.com", "typing error"),
            (&["other.example"], "api.your-company.com", "it is for other.example, not"),
            (&[], "api.your-company.com", "no name"),
            // Not below: the label only ends in the same letters.
            (&["*.company.com"], "api.your-company.com", "it is for *.company.com"),
        ] {
            let text = miss(names, domain).unwrap();
            assert!(text.contains(said), "{domain}: {text}");
        }
    }

    #[test]
    fn several_certificates_need_one_that_matches() {
        let facts =
            |candidates: Vec<Candidate>| Facts { candidates, domains: vec!["a.example".into()], ..Facts::default() };
        let answer = |names: &[&str]| {
            let candidates = names.iter().map(|name| candidate(&[name])).collect();
            preflight(facts(candidates), Time::from_unix(1_700_000_000))
        };
        assert_eq!((answer(&["a.example"]).ready, answer(&["a.example"]).matching_certificates), (true, 1));
        assert!(!answer(&["b.test"]).ready);
        assert_eq!(
            (answer(&["a.example", "b.test"]).ready, answer(&["a.example", "b.test"]).matching_certificates),
            (true, 1)
        );
        assert_eq!(
            (answer(&["c.test", "b.test"]).ready, answer(&["c.test", "b.test"]).matching_certificates),
            (false, 0)
        );
    }
}
