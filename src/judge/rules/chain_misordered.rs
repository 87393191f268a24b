//! `chain-misordered`: the path's certificates are all there, in another order.

use super::{Check, Context, Found, Outcome, Rule, support};
use crate::judge::pool::CertId;
use crate::model::finding::{Severity, SubjectKind};
use crate::model::verdict::Category;
use crate::x509::signature::SignatureCheck;

pub const RULE: Rule = Rule {
    code: "chain-misordered",
    severity: Severity::Low,
    title: "the certificates are served in the wrong order",
    explanation: "TLS 1.2 demands that each certificate certifies the one before it; TLS 1.3 only recommends it. \
                  Clients that build paths do not mind; simple ones (mbedTLS, wolfSSL, embedded devices, old Java) \
                  fail.",
    advice: "Serve the end entity first, then each issuer in turn.",
    citations: &["RFC 5246 §7.4.2", "RFC 8446 §4.4.2"],
    explains: &[Category::UnknownIssuer, Category::SelfSigned],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::per_chain(context, |index, deployment| {
        let path = support::judged_path(deployment)?;
        let in_path: Vec<_> = path.certificates.iter().filter(|id| deployment.served.contains(id)).collect();
        let mut as_sent: Vec<_> = Vec::new();
        for id in deployment.served.iter().filter(|id| path.certificates.contains(id)) {
            if !as_sent.contains(&id) {
                as_sent.push(id);
            }
        }
        // An issuer that no path needs (a cross-certificate whose key is an anchor) can stand before what it issued, too.
        let pool = &context.judgement.pool;
        let issued = |issuer, id| {
            pool.issuer_candidates(id).any(|candidate| candidate == issuer)
                && pool.signature(id, issuer) == SignatureCheck::Valid
        };
        let issuer_stands_before = |&&id: &&CertId| {
            let before = deployment.served.iter().skip(1).take_while(|&&other| other != id);
            before.clone().any(|&issuer| issued(issuer, id) && !issued(id, issuer))
        };
        let disordered = as_sent != in_path || as_sent.iter().skip(1).any(issuer_stands_before);
        disordered.then(|| {
            let names: Vec<String> =
                deployment.served.iter().map(|&id| context.judgement.pool.get(id).subject.short()).collect();
            Found::new(SubjectKind::Deployment, index.to_string()).fact("served", names).remedy(
                "serve the end entity first, then each issuer in turn",
                context.bundle_command(),
                true,
            )
        })
    })
}
