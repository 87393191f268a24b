//! `ca-issuers-wrong-type`: something came, in a form that clients do not all read.

use super::{Check, Context, Found, Outcome, Rule};
use crate::model::aia::{AiaEvidence, AiaForm};
use crate::model::finding::{Severity, SubjectKind};

pub const RULE: Rule = Rule {
    code: "ca-issuers-wrong-type",
    severity: Severity::Low,
    title: "the address for fetching the issuer gives it in the wrong form, or something else",
    explanation: "A caIssuers address must give one certificate in DER, or several as PKCS#7. PEM is read by Chrome and \
                  refused by others; a web page, a key or an empty answer helps nobody. Clients that would fetch a missing \
                  issuer from there cannot rely on it.",
    advice: "Nothing to do on the server but to serve the full chain; the CA runs that address.",
    citations: &["RFC 5280 §4.2.2.1", "RFC 2585 §3"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    let fetches = &context.evidence.aia;
    if fetches.iter().all(|evidence| evidence.fetch.form.is_none()) {
        return Outcome::NotApplicable;
    }
    let wrong: Vec<(String, bool)> =
        fetches.iter().filter_map(|fetched| Some((told(fetched)?, is_pem(fetched)))).collect();
    if wrong.is_empty() {
        return Outcome::Clear;
    }
    let only_pem = wrong.iter().all(|(_, pem)| *pem);
    let addresses: Vec<String> = wrong.into_iter().map(|(told, _)| told).collect();
    let found = Found::new(SubjectKind::Dns, context.target.host.to_string()).fact("addresses", addresses).remedy(
        "serve the full chain, so that no client needs the address",
        None,
        true,
    );
    Outcome::Found(vec![if only_pem { found.severity(Severity::Info) } else { found }])
}

fn is_pem(evidence: &AiaEvidence) -> bool {
    evidence.fetch.form == Some(AiaForm::Pem) && !evidence.certificates.is_empty()
}

/// The address with what is wrong there; `None` when the form is right.
fn told(evidence: &AiaEvidence) -> Option<String> {
    let fetch = &evidence.fetch;
    let what = match fetch.form? {
        AiaForm::Der | AiaForm::Pkcs7 => return None,
        AiaForm::Pem if is_pem(evidence) => "it gives PEM; DER or PKCS#7 is asked for".to_owned(),
        AiaForm::Html => "it gives a web page".to_owned(),
        AiaForm::Empty => "it gives nothing: an empty answer".to_owned(),
        AiaForm::Pem | AiaForm::Other => match &fetch.detail {
            Some(detail) => detail.clone(),
            None => "it gives something else than certificates".to_owned(),
        },
    };
    Some(format!("{}: {what}", fetch.url))
}
