//! `root-not-in-store`: the path ends at a root that clients refuse: none trusts it, or theirs does not.

use super::{Check, Context, Found, Outcome, Rule, support};
use crate::judge::Deployment;
use crate::judge::anchors::AnchorKind;
use crate::judge::pool::CertId;
use crate::judge::standard::FaultKind;
use crate::judge::stores::{StoreId, StoreSet, distrust, table};
use crate::model::finding::{Severity, SubjectKind};
use crate::model::verdict::{Category, Verdict};

pub const RULE: Rule = Rule {
    code: "root-not-in-store",
    severity: Severity::High,
    title: "the chain leads to a root that is not in the store",
    explanation: "The chain is complete, but its root is not among the trust anchors: a private CA, a root the vendor \
                  has removed, not added yet or trusts for older certificates only, or an interception proxy. Each client \
                  has its own store: `tlsmend stores list` shows them. Adding intermediates cannot help, unless one is a \
                  cross-certificate of a root that is trusted.",
    advice: "Use a certificate from a public CA that all your clients trust, or give the root to the clients (probe --ca \
             FILE shows what then happens).",
    citations: &["RFC 5280 §6.1.1 (d)"],
    explains: &[Category::UnknownIssuer, Category::SelfSigned, Category::BadSignature],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    let nobody = support::unanchored(
        context,
        |kind| matches!(kind, FaultKind::UntrustedRoot),
        |found, certificate| {
            let blocked = table::blocked_by(certificate.fingerprint);
            let found = found
                .fact("root", certificate.subject.to_string())
                .fact("root_sha256", certificate.fingerprint.to_string())
                .remedy("use a certificate of a public CA, or give this root to every client", None, true);
            Some(if blocked.is_empty() { found } else { found.fact("stores_that_block", ids(blocked)) })
        },
    );
    let some = support::per_chain(context, |_, deployment| in_other_stores(context, deployment));
    match (nobody, some) {
        (Outcome::Found(mut one), Outcome::Found(other)) => {
            one.extend(other);
            Outcome::Found(one)
        }
        (nobody, Outcome::Found(other)) if !matches!(nobody, Outcome::Found(_)) => Outcome::Found(other),
        (nobody, _) => nobody,
    }
}

/// Some stores have the root, and those of clients that refuse the chain for want of one lack or distrust it.
fn in_other_stores(context: &Context<'_>, deployment: &Deployment) -> Option<Found> {
    let path = support::judged_path(deployment).filter(|path| path.anchored)?;
    let &root = path.certificates.last()?;
    let origin = context.judgement.pool.origin(root);
    if origin.anchor != Some(AnchorKind::Public) || !context.settings.anchors.are_own_stores() {
        return None;
    }
    let answers = context.settings.clients.iter().zip(&deployment.answers);
    let refused = answers.filter(|(_, answer)| {
        answer.verdict == Verdict::Reject
            && answer
                .category
                .is_some_and(|category| category == Category::Unspecified || RULE.explains.contains(&category))
    });
    let (mut lacking, mut distrusting) = (StoreSet::EMPTY, StoreSet::EMPTY);
    for (client, _) in refused {
        let store = client.trust.store;
        if !origin.stores.contains(store) {
            lacking = lacking.with(store);
        } else if is_distrusted(context, deployment, store, &path.certificates) {
            distrusting = distrusting.with(store);
        }
    }
    if lacking.is_empty() && distrusting.is_empty() {
        return None;
    }
    let certificate = context.judgement.pool.get(root);
    let mut found = Found::new(SubjectKind::Certificate, certificate.fingerprint.to_string())
        .fact("certificate", certificate.subject.to_string())
        .fact("root", certificate.subject.to_string())
        .fact("root_sha256", certificate.fingerprint.to_string())
        .fact("stores_without", ids(lacking))
        .fact("stores_with", ids(origin.stores.without(distrusting)));
    for (name, stores) in [
        ("stores_that_distrust_new_certificates", distrusting),
        ("stores_that_block", table::blocked_by(certificate.fingerprint)),
    ] {
        if !stores.is_empty() {
            found = found.fact(name, ids(stores));
        }
    }
    Some(found.remedy(
        "use a certificate whose root all your clients have, or serve the CA's cross-certificate to one that they have",
        None,
        true,
    ))
}

fn is_distrusted(context: &Context<'_>, deployment: &Deployment, store: StoreId, path: &[CertId]) -> bool {
    let mut case = context.judgement.case(context.evidence, context.settings, deployment);
    case.view.store = Some(store);
    distrust::refuses(&case, path)
}

fn ids(stores: StoreSet) -> Vec<String> {
    stores.iter().map(|store| store.id().to_owned()).collect()
}
