//! Where a refusal rests on what our lists do not say.

use super::{KnownIssuers, StoreId, distrust, mozilla, table};
use crate::judge::anchors::{self, AnchorKind};
use crate::judge::case::Case;
use crate::judge::client::Answer;
use crate::judge::pool::CertId;
use crate::model::verdict::{Category, Verdict};
use crate::x509::signature::SignatureCheck;

/// Certificates whose issuers are looked for; a longer chain is no public one.
const MAX_CERTIFICATES: usize = 32;

/// "No trusted issuer" is a verdict only where the lists can show it; else nobody knows.
pub fn weigh(case: &Case<'_>, answer: Answer) -> Answer {
    let untrusted = matches!(
        answer.category,
        Some(Category::UnknownIssuer | Category::SelfSigned | Category::BadSignature | Category::Unspecified)
    );
    let (Verdict::Reject, true, Some(store)) = (answer.verdict, untrusted, case.view.store) else { return answer };
    match reason(case, store) {
        Some(reason) => Answer { path: answer.path, ..Answer::undetermined(reason) },
        None => answer,
    }
}

fn reason(case: &Case<'_>, store: StoreId) -> Option<String> {
    let ends: Vec<CertId> = seen(case).filter(|&id| is_open_end(case, id)).collect();
    let date = anchors::date(store, case.view.update);
    for &id in &ends {
        if let Some(reason) = by_name_only(case, store, id, date) {
            return Some(reason);
        }
        if case.view.known == Some(KnownIssuers::Firefox) && is_known_by_name_only(case, id) {
            let issuer = case.pool.get(id).issuer.short();
            return Some(format!(
                "Firefox downloads an intermediate called `{issuer}` in advance; its certificate is not at hand here \
                 (`tlsmend stores update` fetches it)"
            ));
        }
    }
    if distrust::is_old(date, case.at)
        && let Some(root) = trusted_elsewhere(case, store)
    {
        return Some(format!(
            "our list of the {store} store is of {date} and does not have `{}`, which others trust: it may have been added since",
            case.pool.get(root).subject.short()
        ));
    }
    None
}

/// What the client sees without its store.
fn seen<'a>(case: &Case<'a>) -> impl Iterator<Item = CertId> + use<'a> {
    let case = *case;
    let fetched = case.pool.ids().filter(move |&id| case.pool.origin(id).fetched || case.is_known(id));
    case.served.iter().copied().chain(fetched).take(MAX_CERTIFICATES)
}

/// Nothing that is at hand issued it.
fn is_open_end(case: &Case<'_>, id: CertId) -> bool {
    case.is_anchor(id).is_none()
        && !case.pool.issuer_candidates(id).any(|issuer| {
            (case.is_anchor(issuer).is_some() || seen(case).any(|other| other == issuer))
                && case.pool.signature(id, issuer) != SignatureCheck::Invalid
        })
}

/// The store has a root of the issuer's name that we know by its fingerprint alone, or do not know the use of.
fn by_name_only(case: &Case<'_>, store: StoreId, id: CertId, date: &str) -> Option<String> {
    let certificate = case.pool.get(id);
    let issuer = certificate.issuer.short();
    let at_hand = case.pool.named(certificate.issuer.normalised());
    let listed = anchors::listed_roots(certificate.issuer.loose_key(), store, case.view.update);
    let root = listed.iter().find(|root| {
        if certificate.is_self_issued() {
            // It is that root itself: only its use can be in doubt.
            root.perhaps.contains(store) && root.is(certificate)
        } else {
            !at_hand.iter().any(|&id| root.has_key_of(case.pool.get(id)))
        }
    });
    let at_hand = at_hand.iter().any(|&id| mozilla::is_in_webpki_roots(case.pool.get(id)));
    let Some(root) = root else {
        let by_name = store == StoreId::WebpkiRoots && !at_hand && !certificate.is_self_issued();
        return (by_name && mozilla::webpki_roots_name(certificate.issuer.loose_key())).then(|| {
            format!("webpki-roots of {date} has `{issuer}`, and the certificate of that root is not at hand")
        });
    };
    Some(if root.perhaps.contains(store) {
        format!(
            "the {store} list of {date} has `{issuer}`, but does not say whether for TLS servers (`tlsmend stores update` asks)"
        )
    } else {
        format!(
            "the {store} list of {date} has a root called `{issuer}`, which is known by its fingerprint only (`tlsmend \
             stores update` fetches its certificate)"
        )
    })
}

/// An intermediate of the issuer's name is in the list of those that are downloaded in advance, and none of them is at hand.
fn is_known_by_name_only(case: &Case<'_>, id: CertId) -> bool {
    let issuer = &case.pool.get(id).issuer;
    let mut at_hand = case.pool.named(issuer.normalised()).iter().filter(|&&other| case.pool.origin(other).known);
    at_hand.next().is_none() && table::intermediates_named(issuer.loose_key()).next().is_some()
}

/// A root that signed something seen here, which other stores have and `store` neither has nor blocks.
fn trusted_elsewhere(case: &Case<'_>, store: StoreId) -> Option<CertId> {
    let mut roots = case.pool.ids().filter(|&id| {
        let origin = case.pool.origin(id);
        origin.anchor == Some(AnchorKind::Public)
            && !origin.stores.contains(store)
            && !table::blocked_by(case.pool.get(id).fingerprint).contains(store)
    });
    let signed_here = |&root: &CertId| {
        seen(case).any(|id| {
            id == root
                || (case.pool.get(id).issuer.normalised() == case.pool.get(root).subject.normalised()
                    && case.pool.signature(id, root) == SignatureCheck::Valid)
        })
    };
    roots.find(signed_here)
}
