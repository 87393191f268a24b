//! Why no bundle helps, in the words of the findings, and what does.

use std::cmp::Reverse;

use super::{Request, accepts};
use crate::judge::client::Answer;
use crate::judge::rules;
use crate::judge::search::Search;
use crate::model::finding::{Finding, SubjectKind};
use crate::model::report::{Repair, RepairOutcome};
use crate::model::verdict::Category;

/// Causes that are told: whoever has more has to begin with these.
const MAX_CAUSES: usize = 3;

/// What a bundle mends: with the best one judged, none of these can be what is left.
const MENDED: &[&str] = &[
    "missing-intermediate",
    "chain-misordered",
    "duplicate-certificate-served",
    "unrelated-certificate-served",
    "root-served",
    "addresses-differ",
];

/// The finding that rules every bundle out.
const REVOKED: &str = "end-entity-revoked";

/// Said where the rule itself names no cause.
const OWN_REASONS: &str = "refused-for-own-reasons";

pub struct Refusal {
    pub reason: String,
    pub instead: String,
}

/// Why the clients go on refusing, as `answers` (to the best chain there is, or to the one served) say.
pub fn of(request: &Request<'_>, answers: &[Answer], search: &Search) -> Refusal {
    let causes = causes(request, answers);
    let titles: Vec<&str> = causes.iter().map(|cause| cause.title).collect();
    let told =
        if titles.is_empty() { "clients refuse it for reasons of their own".to_owned() } else { titles.join("; ") };
    let in_the_chain = causes.iter().any(|cause| cause.in_the_chain);
    let anchored = search.paths.iter().any(|path| path.anchored);
    let reason = match (request.case.end_entity().is_some(), anchored) {
        (false, _) => format!("the end entity cannot be read: {told}"),
        (true, false) => format!("no path from the end entity to a trust anchor is known: {told}"),
        (true, true) if in_the_chain => format!("no chain that is known makes more clients accept: {told}"),
        (true, true) => format!("no chain makes more clients accept, the fault is not in the chain: {told}"),
    };
    Refusal { reason, instead: instead(&causes) }
}

/// Clients that do not look would accept it; whoever serves it must replace it all the same.
pub fn revoked(request: &Request<'_>) -> Option<Refusal> {
    let end_entity = request.case.pool.get(request.case.end_entity()?).fingerprint.to_string();
    let is_it = |finding: &&Finding| finding.code == REVOKED && finding.subject.reference == end_entity;
    request.findings.iter().find(is_it).map(|finding| Refusal {
        reason: format!("no chain makes it good: {}", finding.title),
        instead: help(REVOKED).to_owned(),
    })
}

/// The chain that helps some would be refused by others that accept now.
pub fn breaks_others(request: &Request<'_>, answers: &[Answer]) -> Refusal {
    let changes = || request.clients.iter().zip(request.before.iter().zip(answers));
    let names = |wanted: &dyn Fn(&Answer, &Answer) -> bool| {
        let chosen = changes().filter(|(_, (before, after))| wanted(before, after));
        chosen.map(|(client, _)| client.name).collect::<Vec<_>>().join(", ")
    };
    let (helped, broken) = (
        names(&|before, after| !accepts(before) && accepts(after)),
        names(&|before, after| accepts(before) && !accepts(after)),
    );
    Refusal {
        reason: format!("the chain that would help {helped} would be refused by {broken}"),
        instead: "a certificate of a CA that all of these clients trust".to_owned(),
    }
}

/// No chain was seen, so there is nothing to mend: the most severe finding says why.
pub fn no_chain(findings: &[Finding]) -> Repair {
    let cause = findings.first();
    let reason =
        cause.map_or("no chain was served".to_owned(), |cause| format!("no chain was served: {}", cause.title));
    Repair {
        reason: Some(reason),
        outcome: Some(RepairOutcome::Impossible),
        instead: cause.map(|cause| help(&cause.code).to_owned()),
        ..Repair::default()
    }
}

/// What keeps clients from accepting.
struct Cause<'a> {
    code: &'a str,
    title: &'a str,
    instead: &'a str,
    in_the_chain: bool,
}

/// The causes of the refusals, most severe first, those that stop more clients before others.
fn causes<'a>(request: &Request<'a>, answers: &[Answer]) -> Vec<Cause<'a>> {
    let mut counted: Vec<(Cause<'a>, usize, usize)> = Vec::new();
    let refusing = request.clients.iter().zip(answers).filter(|(_, answer)| !accepts(answer));
    for (client, category) in refusing.filter_map(|(client, answer)| Some((client, answer.category?))) {
        let (rank, cause) = cause(request, client.id, category);
        match counted.iter_mut().find(|(known, ..)| known.title == cause.title) {
            Some((_, _, count)) => *count += 1,
            None => counted.push((cause, rank, 1)),
        }
    }
    counted.sort_by_key(|(_, rank, count)| (*rank, Reverse(*count)));
    counted.truncate(MAX_CAUSES);
    counted.into_iter().map(|(cause, ..)| cause).collect()
}

/// The finding that explains a refusal, with its rank among the findings; else what the category itself says.
fn cause<'a>(request: &Request<'a>, client: &str, category: Category) -> (usize, Cause<'a>) {
    let explains = |finding: &Finding| {
        let elsewhere = match finding.subject.kind {
            SubjectKind::Deployment => finding.subject.reference != request.deployment.to_string(),
            SubjectKind::Client => finding.subject.reference != client,
            _ => false,
        };
        !elsewhere
            && !MENDED.contains(&finding.code.as_str())
            && finding.code != OWN_REASONS
            && rules::find(&finding.code).is_some_and(|rule| rules::can_cause(rule, finding.severity, category))
    };
    match request.findings.iter().enumerate().find(|(_, finding)| explains(finding)) {
        Some((rank, finding)) => {
            let in_the_chain = is_of_the_chain(&finding.code);
            (rank, Cause { code: &finding.code, title: &finding.title, instead: help(&finding.code), in_the_chain })
        }
        None => {
            let (title, instead) = by_category(category);
            (request.findings.len(), Cause { code: OWN_REASONS, title, instead, in_the_chain: false })
        }
    }
}

fn instead(causes: &[Cause<'_>]) -> String {
    let mut said: Vec<&str> = Vec::new();
    for cause in causes.iter().filter(|cause| cause.code != OWN_REASONS || causes.len() == 1) {
        if !said.contains(&cause.instead) {
            said.push(cause.instead);
        }
    }
    if said.is_empty() { by_category(Category::Invalid).1.to_owned() } else { said.join("; ") }
}

/// The fault lies in an issuer, and another one of the same name and key might do.
fn is_of_the_chain(code: &str) -> bool {
    matches!(
        code,
        "intermediate-expired"
            | "issuer-not-yet-valid"
            | "expired-cross-certificate"
            | "issuer-not-found"
            | "issuer-name-matches-key-does-not"
            | "issuer-is-not-a-ca"
            | "path-length-exceeded"
            | "name-constraints-violated"
            | "trust-anchor-expired"
            | "root-not-in-store"
    )
}

/// What helps where no bundle does. Rules advise what the server's operator does about the chain; here that is ruled out.
fn help(code: &str) -> &'static str {
    match code {
        "end-entity-expired" => "renew the certificate: a new end entity is needed",
        "end-entity-not-yet-valid" => {
            "wait for its first day, or have it reissued; first look whether the clocks are right"
        }
        REVOKED => "have a new certificate issued, with a new key",
        "name-mismatch" | "wildcard-covers-one-label" | "common-name-only" | "ip-address-in-dns-name" => {
            "have the certificate reissued with this name in its subjectAltName, or use a name that it has"
        }
        "root-not-in-store" | "self-signed-end-entity" | "trust-anchor-expired" => {
            "use a certificate of a CA whose root the clients trust, or give this root to every client"
        }
        "expired-cross-certificate" => {
            "give the clients the newer root, or have the certificate reissued by a CA whose root they have"
        }
        "issuer-not-found" | "issuer-name-matches-key-does-not" => {
            "get the certificate of the issuer from the CA, append it to the end entity, and run `tlsmend bundle FILE`"
        }
        "intermediate-expired"
        | "issuer-not-yet-valid"
        | "issuer-is-not-a-ca"
        | "path-length-exceeded"
        | "name-constraints-violated" => {
            "ask the CA for another certificate of this issuer, or have the end entity reissued by one that is in order"
        }
        "key-does-not-match-certificate" => {
            "install the private key that belongs to the certificate, or the certificate that belongs to the key"
        }
        "client-certificate-required" => "send a client certificate: the server asks for one whatever it serves",
        code => rules::find(code).map_or("see the findings", |rule| rule.advice),
    }
}

/// For refusals that no finding explains.
fn by_category(category: Category) -> (&'static str, &'static str) {
    match category {
        Category::Revoked => ("the certificate has been revoked", "have a new certificate issued, with a new key"),
        Category::MustStaple | Category::Staple => {
            ("the stapled OCSP response is missing or not usable", "have the server staple a fresh OCSP response")
        }
        Category::UnknownIssuer | Category::SelfSigned => (
            "some clients do not trust the root it leads to",
            "use a certificate of a CA that all of these clients trust",
        ),
        _ => (
            "clients refuse it for reasons of their own",
            "look at each client's own words: `tlsmend explain \"THE WORDS\"`",
        ),
    }
}
