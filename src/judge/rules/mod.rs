//! The catalogue of findings: one file a rule, with its code, severity, words, citations and check together.

mod missing_intermediate;

use serde_json::{Map, Value};

use super::judgement::{Deployment, Judgement, Settings};
use super::pool::CertId;
use crate::model::evidence::Evidence;
use crate::model::finding::{Finding, NotChecked, Remedy, Severity, Subject, SubjectKind};
use crate::model::target::Target;
use crate::model::verdict::{Category, Verdict};

/// One condition.
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
    pub check: fn(&Context<'_>) -> Outcome,
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
}

impl<'a> Context<'a> {
    /// The deployments that served a certificate.
    pub fn chains(&self) -> impl Iterator<Item = (usize, &'a Deployment)> + use<'a> {
        self.judgement.deployments.iter().enumerate().filter(|(_, deployment)| !deployment.served.is_empty())
    }

    pub fn fingerprint(&self, id: CertId) -> String {
        self.judgement.pool.get(id).fingerprint.to_string()
    }
}

/// Every rule, sorted by code.
pub const ALL: &[&Rule] = &[&missing_intermediate::RULE];

/// The rule called `code`.
pub fn find(code: &str) -> Option<&'static Rule> {
    ALL.iter().copied().find(|rule| rule.code == code)
}

/// Runs every rule. Findings come most severe first; with them what could not be decided.
pub fn run(context: &Context<'_>) -> (Vec<Finding>, Vec<NotChecked>, Vec<Vec<Option<String>>>) {
    let mut found: Vec<(&'static Rule, Found)> = Vec::new();
    let mut not_checked = Vec::new();
    for rule in ALL {
        match (rule.check)(context) {
            Outcome::NotApplicable | Outcome::Clear => {}
            Outcome::Found(instances) => found.extend(instances.into_iter().map(|instance| (*rule, instance))),
            Outcome::Undetermined(reason) => {
                not_checked.push(NotChecked { code: rule.code.to_owned(), reason: reason.to_owned() })
            }
        }
    }
    found.sort_by_key(|(rule, instance)| std::cmp::Reverse(instance.severity.unwrap_or(rule.severity)));
    let causes = causes(context, &found);
    let findings = found
        .iter()
        .enumerate()
        .map(|(index, (rule, instance))| Finding {
            code: rule.code.to_owned(),
            severity: instance.severity.unwrap_or(rule.severity),
            title: rule.title.to_owned(),
            subject: instance.subject.clone(),
            facts: instance.facts.clone(),
            affected_clients: affected(context, &causes, index),
            explanation: rule.explanation.to_owned(),
            remedy: instance.remedy.clone(),
        })
        .collect();
    let codes = causes
        .iter()
        .map(|clients| clients.iter().map(|cause| cause.map(|i| found[i].0.code.to_owned())).collect())
        .collect();
    (findings, not_checked, codes)
}

/// For each deployment and client the index of the finding that explains its refusal: the most severe of those that
/// can cause its category.
fn causes(context: &Context<'_>, found: &[(&'static Rule, Found)]) -> Vec<Vec<Option<usize>>> {
    let cause = |index: usize, verdict: Verdict, category: Option<Category>| {
        if verdict == Verdict::Accept {
            return None;
        }
        let category = category?;
        found.iter().position(|(rule, instance)| {
            instance.deployment.is_none_or(|deployment| deployment == index) && rule.explains.contains(&category)
        })
    };
    let deployments = context.judgement.deployments.iter().enumerate();
    deployments
        .map(|(index, deployment)| {
            deployment.answers.iter().map(|answer| cause(index, answer.verdict, answer.category)).collect()
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
