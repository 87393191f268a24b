//! Counts lines: what they come to, and what many of them share. Its memory does not grow with their number.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::net::SocketAddr;

use crate::model::finding::Remedy;
use crate::model::line::{Line, LineCertificate, Outcome, Sha256, Word};
use crate::model::report::SCHEMA_VERSION;
use crate::model::summary::{Account, BreakDay, CauseKind, ClientSummary, Count, RootCause, Summary};
use crate::model::time::{DAY, Time};
use crate::model::verdict::Verdict;

/// Different words counted each. We write fewer than a hundred; a file of another origin may have any number.
const MAX_WORDS: usize = 256;

/// Causes of one kind counted each; what comes beyond takes the place of the rarest ("space-saving", Metwally et al. 2005).
const MAX_CAUSES: usize = 1024;

/// Rows of one kind in the summary.
const MAX_ROWS: usize = 100;

const MAX_EXAMPLES: usize = 3;

/// Octets kept of a text that a line brought.
const MAX_TEXT: usize = 300;

const MAX_CLIENTS: usize = 64;

/// Days kept for a client: the soonest.
const MAX_DAYS: usize = 30;

/// Counts of the outcomes: cheap enough for every line of every scan.
#[derive(Debug, Default)]
pub struct Tally {
    account: Account,
    failures: Words,
}

impl Tally {
    pub fn add(&mut self, outcome: Outcome, failure: Option<&str>) {
        let account = &mut self.account;
        account.lines += 1;
        *match outcome {
            Outcome::Reached => &mut account.reached,
            Outcome::Partial => &mut account.partial,
            Outcome::Unreached => &mut account.unreached,
            Outcome::Unresolved => &mut account.unresolved,
            Outcome::NotATarget => &mut account.not_a_target,
            Outcome::NotChecked => &mut account.not_checked,
        } += 1;
        if let Some(failure) = failure {
            self.failures.add(failure);
        }
    }

    pub fn account(&self) -> Account {
        Account { failures: self.failures.counts(), ..self.account.clone() }
    }

    /// Those that are not `reached`, by the failure.
    pub fn failed(&self) -> u64 {
        self.account.lines - self.account.reached
    }
}

/// Counts everything.
#[derive(Debug)]
pub struct Summarizer {
    tally: Tally,
    span: Option<(Time, Time)>,
    findings: Words,
    severities: BTreeMap<String, u64>,
    clients: Vec<ClientCounts>,
    lacking: Top<Sha256>,
    expiring: Top<Sha256>,
    addresses: Top<(SocketAddr, String)>,
    aliases: Top<(String, String)>,
    drifted: Cause,
}

impl Default for Summarizer {
    fn default() -> Self {
        Self {
            tally: Tally::default(),
            span: None,
            findings: Words::default(),
            severities: BTreeMap::new(),
            clients: Vec::new(),
            lacking: Top::new(MAX_CAUSES),
            expiring: Top::new(MAX_CAUSES),
            addresses: Top::new(MAX_CAUSES),
            aliases: Top::new(MAX_CAUSES),
            drifted: Cause::default(),
        }
    }
}

impl Summarizer {
    pub fn add(&mut self, line: &Line) {
        self.tally.add(line.outcome, line.failure.as_deref());
        let (first, last) = self.span.unwrap_or((line.at, line.at));
        self.span = Some((first.min(line.at), last.max(line.at)));
        for code in &line.findings {
            self.findings.add(code);
        }
        if let Some(severity) = line.severity {
            *self.severities.entry(severity.as_str().to_owned()).or_default() += 1;
        }
        self.add_clients(line);
        let end_entity = line.served_chain.first();
        let add = |top: &mut Top<Sha256>, certificate: &LineCertificate| {
            let cause = top.add(certificate.sha256, line.example());
            cause.describe(&certificate.subject, certificate.not_after);
            cause.end_entity(end_entity.copied());
        };
        line.lacks.iter().for_each(|certificate| add(&mut self.lacking, certificate));
        line.expires_first.iter().for_each(|certificate| add(&mut self.expiring, certificate));
        for endpoint in &line.endpoints {
            // A word is there where no chain could be seen; a refusal by a server that speaks TLS is its own business.
            if let (Some(failure), None) = (&endpoint.failure, endpoint.chain) {
                self.addresses.add((endpoint.address, failure.word().to_owned()), line.example());
            }
        }
        if let (Outcome::Unresolved, Some(dns)) = (line.outcome, &line.dns)
            && let Some(alias) = dns.cname_chain.last()
        {
            let failure = line.failure.as_deref().unwrap_or_default().to_owned();
            self.aliases.add((cut(alias), failure), line.example());
        }
        if !line.other_chains.is_empty() || line.findings.iter().any(|code| code == "addresses-differ") {
            self.drifted.count(line.example());
        }
    }

    fn add_clients(&mut self, line: &Line) {
        for (place, (id, verdict)) in line.clients.0.iter().enumerate() {
            if let Some(client) = self.client(place, id) {
                *match verdict {
                    Verdict::Accept => &mut client.accept,
                    Verdict::Reject => &mut client.reject,
                    Verdict::Error => &mut client.error,
                    Verdict::Undetermined => &mut client.undetermined,
                } += 1;
            }
        }
        for (id, at) in &line.breaks_at.0 {
            if let Some(client) = self.client(0, id) {
                client.breaks(at.unix().div_euclid(DAY), line.example());
            }
        }
    }

    /// `place`: where it probably is.
    fn client(&mut self, place: usize, id: &Word) -> Option<&mut ClientCounts> {
        let found = match self.clients.get(place) {
            Some(client) if client.id == *id => Some(place),
            _ => self.clients.iter().position(|client| client.id == *id),
        };
        let place = match found {
            Some(place) => place,
            None if self.clients.len() < MAX_CLIENTS => {
                self.clients.push(ClientCounts::new(cut(id)));
                self.clients.len() - 1
            }
            None => return None,
        };
        self.clients.get_mut(place)
    }

    pub fn finish(&self) -> Summary {
        let mut root_causes = Vec::new();
        for (sha256, cause) in self.lacking.rows() {
            root_causes.push(missing(*sha256, cause));
        }
        for (sha256, cause) in self.expiring.rows() {
            root_causes.push(expiring(*sha256, cause));
        }
        for ((address, failure), cause) in self.addresses.rows().filter(|(_, cause)| cause.targets > 1) {
            root_causes.push(address_fails(address, failure, cause));
        }
        for ((alias, failure), cause) in self.aliases.rows().filter(|(_, cause)| cause.targets > 1) {
            root_causes.push(alias_unresolved(alias, failure, cause));
        }
        if self.drifted.targets > 0 {
            root_causes.push(addresses_differ(&self.drifted));
        }
        root_causes
            .sort_by(|a, b| (b.targets, a.kind, &a.subject, a.sha256).cmp(&(a.targets, b.kind, &b.subject, b.sha256)));
        Summary {
            schema_version: SCHEMA_VERSION.to_owned(),
            account: self.tally.account(),
            first_at: self.span.map(|(first, _)| first),
            last_at: self.span.map(|(_, last)| last),
            root_causes,
            findings: self.findings.counts(),
            severities: self.severities.clone(),
            clients: self.clients.iter().map(ClientCounts::finish).collect(),
        }
    }
}

impl Line {
    /// How a summary names it: what can be pasted after `tlsmend probe`.
    fn example(&self) -> &str {
        self.target.as_deref().unwrap_or(&self.input)
    }
}

fn row(kind: CauseKind, cause: &Cause, subject: String, remedy: Remedy) -> RootCause {
    RootCause {
        kind,
        targets: cause.targets,
        at_most_over: cause.over,
        sha256: None,
        subject,
        detail: None,
        not_after: cause.not_after,
        examples: cause.examples.clone(),
        remedy,
    }
}

fn missing(sha256: Sha256, cause: &Cause) -> RootCause {
    let bundle = match (&cause.end_entity, cause.targets) {
        (_, 1) => "serve it after the end entity",
        (EndEntity::One(_), _) => "they serve the same certificate: one bundle mends them all",
        _ => "serve it after each end entity: the bundles differ in their first certificate only",
    };
    let command = cause.examples.first().map(|target| format!("tlsmend bundle {target} --out bundle.pem"));
    let remedy = Remedy { summary: bundle.to_owned(), command, safe: true };
    RootCause { sha256: Some(sha256), ..row(CauseKind::MissingIntermediate, cause, cause.subject.clone(), remedy) }
}

fn expiring(sha256: Sha256, cause: &Cause) -> RootCause {
    let day = cause.not_after.map(|at| format!(" before {}", at.date())).unwrap_or_default();
    let summary = format!("serve its successor, or renew the certificates with another chain,{day}");
    let summary = summary.trim_end_matches(',').to_owned();
    let command = cause.examples.first().map(|target| format!("tlsmend probe {target}"));
    let remedy = Remedy { summary, command, safe: true };
    let row = row(CauseKind::IntermediateExpiresFirst, cause, cause.subject.clone(), remedy);
    RootCause { sha256: Some(sha256), ..row }
}

fn address_fails(address: &SocketAddr, failure: &str, cause: &Cause) -> RootCause {
    let command = cause.examples.first().map(|target| format!("tlsmend probe {target} --address {address}"));
    let summary = "mend the server at this address, or take it out of the names' records".to_owned();
    let remedy = Remedy { summary, command, safe: true };
    let row = row(CauseKind::AddressFails, cause, address.to_string(), remedy);
    RootCause { detail: Some(failure.to_owned()), ..row }
}

fn alias_unresolved(alias: &str, failure: &str, cause: &Cause) -> RootCause {
    let command = cause.examples.first().map(|target| format!("tlsmend probe {target}"));
    let summary = "restore the name that they are aliases of, or point them elsewhere".to_owned();
    let remedy = Remedy { summary, command, safe: true };
    let row = row(CauseKind::AliasUnresolved, cause, alias.to_owned(), remedy);
    RootCause { detail: Some(failure.to_owned()), ..row }
}

fn addresses_differ(cause: &Cause) -> RootCause {
    let command = cause.examples.first().map(|target| format!("tlsmend probe {target}"));
    let summary = "deploy the same certificate and chain to every address of a name".to_owned();
    let subject = "addresses that serve another chain than the first one of their name".to_owned();
    row(CauseKind::AddressesDiffer, cause, subject, Remedy { summary, command, safe: true })
}

fn cut(text: &str) -> String {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

/// Counts by word.
#[derive(Debug, Default)]
struct Words {
    counts: HashMap<String, u64>,
    others: u64,
}

impl Words {
    fn add(&mut self, word: &str) {
        if let Some(count) = self.counts.get_mut(word) {
            *count += 1;
        } else if self.counts.len() < MAX_WORDS {
            self.counts.insert(cut(word), 1);
        } else {
            self.others += 1;
        }
    }

    /// Most first.
    fn counts(&self) -> Vec<Count> {
        let one = |(name, &targets): (&String, &u64)| Count { name: name.clone(), targets };
        let mut counts: Vec<Count> = self.counts.iter().map(one).collect();
        counts.sort_by(|a, b| b.targets.cmp(&a.targets).then_with(|| a.name.cmp(&b.name)));
        if self.others > 0 {
            counts.push(Count { name: "others".to_owned(), targets: self.others });
        }
        counts
    }
}

/// Do the targets of a cause share their certificate?
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum EndEntity {
    #[default]
    Unknown,
    One(Sha256),
    Several,
}

#[derive(Debug, Default, Clone)]
struct Cause {
    targets: u64,
    over: u64,
    subject: String,
    not_after: Option<Time>,
    end_entity: EndEntity,
    /// The first in the order of their text, so that it does not depend on the order of the lines.
    examples: Vec<String>,
}

impl Cause {
    fn count(&mut self, example: &str) {
        self.targets += 1;
        let full = self.examples.len() == MAX_EXAMPLES;
        if full && self.examples.last().is_some_and(|last| example >= last.as_str()) {
            return;
        }
        let example = cut(example);
        if let Err(place) = self.examples.binary_search(&example) {
            self.examples.insert(place, example);
            self.examples.truncate(MAX_EXAMPLES);
        }
    }

    fn describe(&mut self, subject: &str, not_after: Option<Time>) {
        if self.subject.is_empty() {
            (self.subject, self.not_after) = (cut(subject), not_after);
        }
    }

    fn end_entity(&mut self, end_entity: Option<Sha256>) {
        self.end_entity = match (self.end_entity, end_entity) {
            (EndEntity::Unknown, Some(this)) => EndEntity::One(this),
            (EndEntity::One(known), Some(this)) if known == this => EndEntity::One(known),
            _ => EndEntity::Several,
        };
    }
}

/// The most frequent ones: exact until there are more than fit.
#[derive(Debug)]
struct Top<K> {
    causes: HashMap<K, Cause>,
    most: usize,
}

impl<K: Hash + Eq + Clone + Ord> Top<K> {
    fn new(most: usize) -> Self {
        Self { causes: HashMap::new(), most }
    }

    fn add(&mut self, key: K, example: &str) -> &mut Cause {
        let mut taken_over = 0;
        if !self.causes.contains_key(&key) && self.causes.len() >= self.most {
            let rarest = self.causes.iter().min_by(|a, b| (a.1.targets, a.0).cmp(&(b.1.targets, b.0)));
            if let Some((rarest, targets)) = rarest.map(|(key, cause)| (key.clone(), cause.targets)) {
                self.causes.remove(&rarest);
                taken_over = targets;
            }
        }
        let cause = self.causes.entry(key).or_insert_with(|| Cause {
            targets: taken_over,
            over: taken_over,
            ..Cause::default()
        });
        cause.count(example);
        cause
    }

    /// Most first.
    fn rows(&self) -> impl Iterator<Item = (&K, &Cause)> {
        let mut rows: Vec<_> = self.causes.iter().collect();
        rows.sort_by(|a, b| b.1.targets.cmp(&a.1.targets).then_with(|| a.0.cmp(b.0)));
        rows.truncate(MAX_ROWS);
        rows.into_iter()
    }
}

#[derive(Debug)]
struct ClientCounts {
    id: String,
    accept: u64,
    reject: u64,
    error: u64,
    undetermined: u64,
    /// By the day's number.
    days: BTreeMap<i64, (u64, String)>,
    later: u64,
}

impl ClientCounts {
    fn new(id: String) -> Self {
        Self { id, accept: 0, reject: 0, error: 0, undetermined: 0, days: BTreeMap::new(), later: 0 }
    }

    /// A day that had to leave lies behind all that stay, and so does whatever comes for it later: the counts are exact.
    fn breaks(&mut self, day: i64, example: &str) {
        let full = self.days.len() == MAX_DAYS;
        if full && self.days.last_key_value().is_some_and(|(&last, _)| day > last) {
            self.later += 1;
            return;
        }
        let (count, kept) = self.days.entry(day).or_insert_with(|| (0, cut(example)));
        *count += 1;
        if example < kept.as_str() {
            *kept = cut(example);
        }
        if self.days.len() > MAX_DAYS
            && let Some((_, (count, _))) = self.days.pop_last()
        {
            self.later += count;
        }
    }

    fn finish(&self) -> ClientSummary {
        let day = |(&day, (targets, example)): (&i64, &(u64, String))| BreakDay {
            day: Time::from_unix(day.saturating_mul(DAY)).date(),
            targets: *targets,
            example: example.clone(),
        };
        ClientSummary {
            id: self.id.clone(),
            accept: self.accept,
            reject: self.reject,
            error: self.error,
            undetermined: self.undetermined,
            breaks: self.days.iter().map(day).collect(),
            later: self.later,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frequent_ones_survive_any_number_of_rare_ones() {
        let mut top = Top::new(10);
        for number in 0..1_000 {
            top.add(number, "rare");
            top.add(1_000_000 + number % 2, "frequent");
        }
        let rows: Vec<_> = top.rows().map(|(key, cause)| (*key, cause.targets, cause.over)).collect();
        assert_eq!(rows.len(), 10);
        assert_eq!(rows[..2], [(1_000_000, 500, 0), (1_000_001, 500, 0)]);
        assert!(rows[2..].iter().all(|(_, targets, over)| targets - over == 1 && *over > 0), "{rows:?}");
    }

    #[test]
    fn the_soonest_days_are_exact() {
        let mut client = ClientCounts::new("curl".to_owned());
        for day in (0..1_000).rev().chain(0..1_000) {
            client.breaks(day, "x");
        }
        let days: Vec<_> = client.days.iter().map(|(&day, (count, _))| (day, *count)).collect();
        assert_eq!(days, (0..MAX_DAYS as i64).map(|day| (day, 2)).collect::<Vec<_>>());
        assert_eq!(client.later, 2 * (1_000 - MAX_DAYS as u64));
    }

    #[test]
    fn words_are_bounded_and_none_is_lost() {
        let mut words = Words::default();
        (0..1_000).for_each(|number| words.add(&number.to_string()));
        assert_eq!(words.counts().iter().map(|count| count.targets).sum::<u64>(), 1_000);
        assert_eq!(words.counts().last().unwrap().name, "others");
    }

    #[test]
    fn examples_do_not_depend_on_the_order() {
        let (mut one, mut other) = (Cause::default(), Cause::default());
        let names = ["d", "a", "c", "b", "a", "e"];
        names.iter().for_each(|name| one.count(name));
        names.iter().rev().for_each(|name| other.count(name));
        assert_eq!((&one.examples, one.targets), (&other.examples, other.targets));
        assert_eq!(one.examples, ["a", "b", "c"]);
    }
}
