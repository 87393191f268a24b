//! What is known of the revocation of every certificate on a path, up to the trust anchor: from the staple, from CRLs and
//! from OCSP responders, as far as they were asked.
//!
//! No client's verdict is made from what is found here. Staples the clients judge in their own engines, and Firefox, the only
//! one that asks responders, what its responder said to us.

use super::judgement::{Deployment, Judgement, end_entity, judged_path};
use super::pool::{CertId, Pool};
use crate::model::aia::AiaOutcome;
use crate::model::evidence::Evidence;
use crate::model::revocation::{
    CertificateRevocation, FetchedRevocation, Listed, NoAnswer, OcspQuestion, Reason, RevocationAnswer,
    RevocationEvidence, RevocationSource, RevocationStatus, Said, Unusable, Wanted,
};
use crate::model::time::{DAY, Time};
use crate::x509::crl::List;
use crate::x509::distribution_point::{DistributionPoint, PointName};
use crate::x509::dn::printable;
use crate::x509::general_name::GeneralName;
use crate::x509::ocsp::{self, CertificateStatus};
use crate::x509::signature::SignatureCheck;
use crate::x509::{Certificate, usage};

/// Fetches asked for at a time: a path has about three certificates below its anchor, with one or two addresses each.
const MAX_WANTED: usize = 16;

/// Addresses looked at in one certificate.
const MAX_ADDRESSES: usize = 8;

/// Different staples looked at in one deployment: its addresses are of one operator, who staples one or two.
const MAX_STAPLES: usize = 8;

/// Seconds by which the clocks of a CA and of this machine may differ. CAs date answers back by an hour and more.
const CLOCK_SKEW: i64 = 300;

/// How long an OCSP response without nextUpdate is taken for current: as long as GnuTLS does.
const WITHOUT_NEXT_UPDATE: i64 = 3 * DAY;

/// What would tell more of the certificates on the judged paths, and was not fetched yet: for each the next address, until
/// one gives an answer.
pub fn wanted(judgement: &Judgement, evidence: &Evidence) -> Vec<Wanted> {
    let Some(asked) = &evidence.revocation else { return Vec::new() };
    let pool = &judgement.pool;
    let mut found: Vec<Wanted> = Vec::new();
    for deployment in &judgement.deployments {
        for (subject, issuer) in pairs(deployment, pool) {
            let certificate = pool.get(subject);
            let hash = certificate.fingerprint.to_string();
            let known = deployment.revocation.iter().find(|known| known.certificate == hash);
            let has_answer = |source| {
                known
                    .into_iter()
                    .flat_map(|known| std::iter::once(&known.answer).chain(&known.other_answers))
                    .any(|answer| answer.source == Some(source) && answer.status < RevocationStatus::Unknown)
            };
            let mut add = |wanted: Wanted| {
                if found.len() < MAX_WANTED && !found.contains(&wanted) {
                    found.push(wanted);
                }
            };
            let lacks_crl = asked.crls && !has_answer(RevocationSource::Crl);
            let next_crl = crl_addresses(certificate)
                .map(|(_, url)| url)
                .find(|url| lacks_crl && !asked.fetched.iter().any(|known| is_crl_at(known, url)));
            if let Some(url) = next_crl {
                add(Wanted { url: url.to_owned(), ocsp: None });
            }
            // Where no CRL says anything there is nobody else to ask.
            let asks_responder = asked.ocsp || (lacks_crl && next_crl.is_none());
            if asks_responder && !has_answer(RevocationSource::Ocsp) {
                let was_asked = |url: &str| {
                    let is = |known: &&FetchedRevocation| known.fetch.about.as_ref() == Some(&hash);
                    asked.fetched.iter().filter(is).any(|known| is_at(known, url))
                };
                let next = responders(certificate).find(|url| !was_asked(url));
                next.into_iter().for_each(|url| {
                    let request = ocsp::request(certificate, pool.get(issuer));
                    add(Wanted { url: url.to_owned(), ocsp: Some(OcspQuestion { about: hash.clone(), request }) });
                });
            }
        }
    }
    found
}

/// What a CRL that is too large for a report says of the certificates in it.
pub fn said(judgement: &Judgement, fetched: &FetchedRevocation) -> Vec<Said> {
    let Some(body) = fetched.body.as_deref().filter(|_| fetched.fetch.kind == RevocationSource::Crl) else {
        return fetched.fetch.said.clone();
    };
    let mut found: Vec<Said> = Vec::new();
    for (subject, issuer) in judgement.deployments.iter().flat_map(|deployment| pairs(deployment, &judgement.pool)) {
        let (subject, issuer) = (judgement.pool.get(subject), judgement.pool.get(issuer));
        let point = crl_addresses(subject).find(|(_, url)| is_at(fetched, url)).map(|(point, _)| point);
        if let Some(point) = point
            && !found.iter().any(|said| said.certificate == subject.fingerprint.to_string())
        {
            found.push(read_crl(body, point, subject, issuer));
        }
    }
    found
}

/// Every certificate of the path to talk about with its issuer, as far as the path goes.
fn pairs<'a>(deployment: &'a Deployment, pool: &'a Pool) -> impl Iterator<Item = (CertId, CertId)> + use<'a> {
    let path = judged_path(deployment).map_or(&[][..], |path| &path.certificates);
    let is_issued = |pair: &[CertId]| pool.signature(pair[0], pair[1]) != SignatureCheck::Invalid;
    path.windows(2).filter(move |pair| is_issued(pair)).map(|pair| (pair[0], pair[1]))
}

/// What the first staple of a deployment says: this much does not depend on what is fetched.
pub(super) fn stapled(deployment: &Deployment, pool: &Pool, staple: &[u8], at: Time) -> Option<RevocationAnswer> {
    let end_entity = end_entity(deployment)?;
    let issuer = pairs(deployment, pool).next().filter(|(subject, _)| *subject == end_entity).map(|(_, issuer)| issuer);
    let Some(issuer) = issuer else {
        let why = "its issuer is not known, so the stapled response cannot be verified";
        return Some(unknown(RevocationSource::Staple, None, NoAnswer::Unusable, why));
    };
    Some(ocsp_answer(RevocationSource::Staple, None, staple, pool.get(end_entity), pool.get(issuer), at))
}

/// What is known of each certificate below the anchor. Nothing where nothing was asked for and nothing was stapled.
pub(super) fn of_deployment(
    deployment: &Deployment,
    pool: &Pool,
    evidence: &Evidence,
    first_staple: Option<&RevocationAnswer>,
    at: Time,
) -> Vec<CertificateRevocation> {
    let nothing = RevocationEvidence::default();
    let asked = evidence.revocation.as_ref().unwrap_or(&nothing);
    if first_staple.is_none() && !asked.is_asked() && more_staples(deployment, evidence).is_empty() {
        return Vec::new();
    }
    let Some(path) = judged_path(deployment) else { return Vec::new() };
    let below_anchor = path.certificates.len() - usize::from(path.anchored);
    let issuers: Vec<_> = pairs(deployment, pool).collect();
    let mut found = Vec::with_capacity(below_anchor);
    for (position, &subject) in path.certificates.iter().take(below_anchor).enumerate() {
        let issuer = issuers.iter().find(|(of, _)| *of == subject).map(|(_, issuer)| *issuer);
        let mut answers = Vec::new();
        if position == 0 {
            answers.extend(first_staple.cloned());
            let more = more_staples(deployment, evidence);
            answers.extend(more.into_iter().filter_map(|staple| stapled(deployment, pool, staple, at)));
        }
        let certificate = pool.get(subject);
        if let Some(issuer) = issuer {
            let ask = Ask { subject: certificate, issuer: pool.get(issuer), at };
            answers.extend(asked.fetched.iter().filter_map(|fetched| ask.answer(fetched)));
        }
        // Revoked by anybody is revoked; what says nothing comes last.
        answers.sort_by_key(|answer| match answer.status {
            RevocationStatus::Revoked => 0,
            RevocationStatus::Good => 1,
            RevocationStatus::Unknown | RevocationStatus::NotChecked => 2,
        });
        let mut answers = answers.into_iter();
        let answer = answers.next().unwrap_or_else(|| RevocationAnswer {
            status: RevocationStatus::NotChecked,
            source: None,
            why: Some(why_not_checked(certificate, issuer.is_some(), asked).to_owned()),
            ..blank()
        });
        let certificate = certificate.fingerprint.to_string();
        found.push(CertificateRevocation { certificate, answer, other_answers: answers.collect() });
    }
    found
}

/// Staples of the deployment's other addresses that are not the first one's.
fn more_staples<'a>(deployment: &Deployment, evidence: &'a Evidence) -> Vec<&'a [u8]> {
    let mut staples = deployment.endpoints.iter().map(|&index| evidence.endpoints[index].ocsp_staple.as_deref());
    let first = staples.next().flatten();
    let mut more: Vec<&[u8]> = Vec::new();
    for staple in staples.flatten() {
        if Some(staple) != first && !more.contains(&staple) && more.len() < MAX_STAPLES {
            more.push(staple);
        }
    }
    more
}

fn why_not_checked(certificate: &Certificate, has_issuer: bool, asked: &RevocationEvidence) -> &'static str {
    let (has_crl, has_responder) =
        (crl_addresses(certificate).next().is_some(), responders(certificate).next().is_some());
    match (asked.crls, asked.ocsp) {
        _ if !has_issuer => "its issuer is not known, so that no answer could be verified",
        (false, false) => "it was not asked for (--revocation fetches CRLs, or asks responders where they say nothing)",
        _ if !has_crl && !has_responder => "it names neither a CRL nor an OCSP responder that can be reached by http",
        (false, true) if !has_responder => "it names no OCSP responder; its CRL is fetched with --revocation",
        _ => "nothing was fetched for it: the limits of this run were reached",
    }
}

/// The http addresses of a certificate's CRLs, each with its distribution point.
fn crl_addresses(certificate: &Certificate) -> impl Iterator<Item = (&DistributionPoint, &str)> {
    let points = certificate.extensions.distribution_points.iter();
    let urls = points.flat_map(|point| match &point.name {
        Some(PointName::Full(names)) => names.iter().map(|name| (point, name)).collect(),
        _ => Vec::new(),
    });
    let urls = urls.filter_map(|(point, name)| match name {
        GeneralName::Uri(url) => Some((point, &**url)),
        _ => None,
    });
    urls.filter(|(_, url)| is_http(url)).take(MAX_ADDRESSES)
}

fn responders(certificate: &Certificate) -> impl Iterator<Item = &str> {
    certificate.extensions.ocsp.iter().map(|url| &**url).filter(|url| is_http(url)).take(MAX_ADDRESSES)
}

fn is_http(url: &str) -> bool {
    url.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://"))
}

/// A report shows addresses without control characters, and may be judged again.
fn is_at(fetched: &FetchedRevocation, url: &str) -> bool {
    fetched.fetch.url == url || fetched.fetch.url == printable(url)
}

fn is_crl_at(fetched: &FetchedRevocation, url: &str) -> bool {
    fetched.fetch.kind == RevocationSource::Crl && is_at(fetched, url)
}

/// One certificate about which something may have been fetched.
struct Ask<'a> {
    subject: &'a Certificate,
    issuer: &'a Certificate,
    at: Time,
}

impl Ask<'_> {
    /// `None`: the fetch was not about this certificate.
    fn answer(&self, fetched: &FetchedRevocation) -> Option<RevocationAnswer> {
        let kind = fetched.fetch.kind;
        let url = || Some(fetched.fetch.url.clone());
        let answer = if kind == RevocationSource::Crl {
            let (point, _) = crl_addresses(self.subject).find(|(_, url)| is_at(fetched, url))?;
            let hash = || self.subject.fingerprint.to_string();
            let recorded = || fetched.fetch.said.iter().find(|said| said.certificate == hash());
            match (&fetched.body, recorded()) {
                (Some(body), _) => crl_answer(url(), &read_crl(body, point, self.subject, self.issuer), self.at),
                (None, Some(said)) => crl_answer(url(), said, self.at),
                (None, None) => unknown(kind, url(), NoAnswer::Unreachable, &unreachable(fetched)),
            }
        } else {
            fetched.fetch.about.as_ref().filter(|about| **about == self.subject.fingerprint.to_string())?;
            match &fetched.body {
                Some(body) => ocsp_answer(kind, url(), body, self.subject, self.issuer, self.at),
                None => unknown(kind, url(), NoAnswer::Unreachable, &unreachable(fetched)),
            }
        };
        Some(RevocationAnswer { from_cache: fetched.fetch.from_cache, ..answer })
    }
}

fn unreachable(fetched: &FetchedRevocation) -> String {
    match (&fetched.fetch.detail, fetched.fetch.outcome) {
        (Some(detail), _) => detail.clone(),
        (None, AiaOutcome::Accepted) => "the report does not carry what came".to_owned(),
        (None, _) => "it did not come".to_owned(),
    }
}

fn blank() -> RevocationAnswer {
    RevocationAnswer {
        status: RevocationStatus::Unknown,
        source: None,
        url: None,
        from_cache: false,
        this_update: None,
        next_update: None,
        reason: None,
        revoked_at: None,
        why: None,
        problem: None,
    }
}

fn unknown(source: RevocationSource, url: Option<String>, problem: NoAnswer, why: &str) -> RevocationAnswer {
    RevocationAnswer { source: Some(source), url, problem: Some(problem), why: Some(why.to_owned()), ..blank() }
}

/// An OCSP response (RFC 6960 §3.2), stapled or fetched.
fn ocsp_answer(
    source: RevocationSource,
    url: Option<String>,
    response: &[u8],
    subject: &Certificate,
    issuer: &Certificate,
    at: Time,
) -> RevocationAnswer {
    let unknown = |problem, why: &str| unknown(source, url.clone(), problem, why);
    let answer = match ocsp::verify(response, subject, issuer, at) {
        Ok(answer) => answer,
        Err(ocsp::Error::NotSuccessful) => {
            let status = ocsp::error_status(response).unwrap_or("unknown");
            return unknown(
                NoAnswer::ResponderDoesNotKnow,
                &format!("the responder gave the error {status} instead of an answer"),
            );
        }
        Err(error @ ocsp::Error::OtherCertificate) => {
            return unknown(NoAnswer::OutOfScope, &error.to_string());
        }
        Err(error) => return unknown(NoAnswer::Unusable, &error.to_string()),
    };
    let until = answer.next_update.unwrap_or(answer.this_update.plus(WITHOUT_NEXT_UPDATE));
    let weighed = match answer.status {
        CertificateStatus::Unknown => {
            unknown(NoAnswer::ResponderDoesNotKnow, "the responder does not know the certificate")
        }
        CertificateStatus::Good => weigh(None, answer.this_update, until, at),
        CertificateStatus::Revoked => {
            weigh(Some((answer.revoked_at.unwrap_or(answer.this_update), answer.reason)), answer.this_update, until, at)
        }
    };
    let (this_update, next_update) = (Some(answer.this_update), answer.next_update);
    RevocationAnswer { source: Some(source), url, this_update, next_update, ..weighed }
}

/// What follows from an entry, or from its absence, at the moment judged. A revocation is for ever, even where the answer
/// is old; only a certificate on hold may come back (RFC 5280 §5.3.1).
fn weigh(entry: Option<(Time, Option<Reason>)>, this_update: Time, until: Time, at: Time) -> RevocationAnswer {
    let no = |problem, why: String| RevocationAnswer { problem: Some(problem), why: Some(why), ..blank() };
    let is_old = at > until;
    match entry {
        Some((revoked_at, reason))
            if revoked_at <= at.plus(CLOCK_SKEW) && !(is_old && reason == Some(Reason::CertificateHold)) =>
        {
            RevocationAnswer { status: RevocationStatus::Revoked, reason, revoked_at: Some(revoked_at), ..blank() }
        }
        _ if is_old => no(NoAnswer::Expired, format!("it was valid until {until}")),
        _ if this_update > at.plus(CLOCK_SKEW) => {
            no(NoAnswer::NotYetValid, format!("it is of {this_update}, after the moment judged"))
        }
        // Revoked after the moment judged.
        Some(_) | None => RevocationAnswer { status: RevocationStatus::Good, ..blank() },
    }
}

fn crl_answer(url: Option<String>, said: &Said, at: Time) -> RevocationAnswer {
    let weighed = match (&said.unusable, said.this_update) {
        (Some(unusable), _) => {
            RevocationAnswer { problem: Some(unusable.problem), why: Some(unusable.why.clone()), ..blank() }
        }
        (None, Some(this_update)) => {
            // RFC 5280 §5.1.2.5 wants nextUpdate in every list; one without says nothing of its age.
            let until = said.next_update.unwrap_or(Time::from_unix(i64::MAX));
            let entry = said.listed.filter(|listed| listed.reason != Some(Reason::RemoveFromCrl));
            weigh(entry.map(|listed| (listed.revoked_at, listed.reason)), this_update, until, at)
        }
        (None, None) => blank(),
    };
    let (this_update, next_update) = (said.this_update, said.next_update);
    RevocationAnswer { source: Some(RevocationSource::Crl), url, this_update, next_update, ..weighed }
}

/// RFC 5280 §6.3.3 for one certificate and one list, as far as it does not depend on the time.
fn read_crl(body: &[u8], point: &DistributionPoint, subject: &Certificate, issuer: &Certificate) -> Said {
    let mut said = Said {
        certificate: subject.fingerprint.to_string(),
        this_update: None,
        next_update: None,
        listed: None,
        unusable: None,
    };
    let list = match List::read(body) {
        Ok(list) => list,
        Err(_) => {
            let why = match body.trim_ascii_start() {
                [b'<', ..] => "it is a web page",
                text if text.starts_with(b"-----BEGIN") => {
                    "it is text (PEM); RFC 5280 §4.2.1.13 wants DER, and clients read nothing else"
                }
                _ => "it is not a CRL in DER",
            };
            said.unusable = Some(Unusable { problem: NoAnswer::Unusable, why: why.to_owned() });
            return said;
        }
    };
    (said.this_update, said.next_update) = (Some(list.this_update), list.next_update);
    match look_up(&list, point, subject, issuer) {
        Ok(listed) => said.listed = listed,
        Err((problem, why)) => said.unusable = Some(Unusable { problem, why }),
    }
    said
}

fn look_up(
    list: &List<'_>,
    point: &DistributionPoint,
    subject: &Certificate,
    issuer: &Certificate,
) -> Result<Option<Listed>, (NoAnswer, String)> {
    let unusable = |why: &str| Err((NoAnswer::Unusable, why.to_owned()));
    let out_of_scope = |why: &str| Err((NoAnswer::OutOfScope, why.to_owned()));
    if list.issuer.normalised() != subject.issuer.normalised() {
        let why = format!("it is the CRL of {}, not of the certificate's issuer", list.issuer);
        let indirect = if point.crl_issuer.is_empty() { "" } else { "; indirect CRLs are not evaluated" };
        return Err((NoAnswer::OutOfScope, why + indirect));
    }
    if issuer.extensions.key_usage.as_ref().is_some_and(|key_usage| !key_usage.allows(usage::CRL_SIGN)) {
        return unusable("the issuer's certificate does not let it sign CRLs (keyUsage without cRLSign)");
    }
    match list.signature(issuer) {
        SignatureCheck::Valid => {}
        SignatureCheck::Invalid => return unusable("its signature does not verify under the issuer's key"),
        SignatureCheck::Unsupported => return unusable("its signature cannot be checked: unknown algorithm or key"),
    }
    if list.is_delta {
        return unusable("it is a delta CRL, which only adds to another list");
    }
    if list.has_unknown_critical {
        return unusable("it has a critical extension that is not known");
    }
    let mut only_some_reasons = point.reasons.is_some();
    if let Some(scope) = &list.scope {
        let meets =
            |name: &PointName| point.name.as_ref().is_some_and(|ours| ours.meets(&subject.issuer, name, &list.issuer));
        let is_ca = subject.is_ca();
        match scope {
            _ if scope.indirect => return out_of_scope("it is an indirect CRL, which is not evaluated"),
            _ if scope.only_attribute_certificates => return out_of_scope("it is about attribute certificates only"),
            _ if scope.only_user_certificates && is_ca => return out_of_scope("it is not about CA certificates"),
            _ if scope.only_ca_certificates && !is_ca => return out_of_scope("it is about CA certificates only"),
            _ if !scope.name.as_ref().is_none_or(meets) => {
                return out_of_scope("it is about another distribution point of the issuer");
            }
            _ => only_some_reasons |= scope.reasons.is_some(),
        }
    }
    let walked =
        list.find(&subject.serial).map_err(|_| (NoAnswer::Unusable, "its entries cannot be read".to_owned()))?;
    match walked.listed {
        _ if walked.has_unknown_critical => unusable("an entry has a critical extension that is not known"),
        _ if walked.is_indirect => out_of_scope("its entries are of several issuers (an indirect CRL)"),
        None if only_some_reasons => out_of_scope("it is about some reasons for revocation only"),
        listed => Ok(listed),
    }
}
