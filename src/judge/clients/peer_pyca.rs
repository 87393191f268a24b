//! The verifier of Python's `cryptography` asked directly.

use crate::judge::case::Case;
use crate::judge::client::{Answer, Client};
use crate::judge::engine::pyca::{self, Subject};
use crate::judge::stores::{StoreId, Trust};
use crate::model::handshake::Failure;
use crate::model::target::ReferenceId;
use crate::model::verdict::Category;

pub const CLIENT: Client = Client {
    id: "peer-pyca",
    name: "Python cryptography",
    versions: "cryptography 50.0.2",
    measured: true,
    fetches_issuers: false,
    hello: None,
    trust: Trust::of(StoreId::Mozilla),
    notes: &[
        "A validator by itself, without a handshake: it meets no stapled response.",
        "A profile of its own: every issuer needs keyUsage, every end entity an authority key identifier.",
        "Validates servers under a name, or clients without one.",
    ],
    sources: &["pyca/cryptography src/rust/cryptography-x509-verification", "measured on 2026-11-22"],
    judge,
    handshake,
};

fn judge(case: &Case<'_>) -> Answer {
    let value_error = |category, text: &str| Answer::reject(category, text).with_message(format!("ValueError: {text}"));
    let every = case.pool.ids().all(|id| pyca::is_readable(case.pool.get(id)));
    let Some(end_entity) = case.end_entity().filter(|_| case.unparsable.is_empty() && every) else {
        return value_error(Category::BadFormat, "error parsing asn1 value");
    };
    if !case.pool.ids().any(|id| case.is_anchor(id).is_some()) {
        return value_error(Category::UnknownIssuer, "can't create an empty store");
    }
    let subject = match case.reference.whole() {
        _ if case.asked.is_some_and(|asked| asked.for_clients) => Subject::Client,
        _ if case.any_name => Subject::Server(None),
        ReferenceId::Dns(host) if !pyca::is_dns_name(host.as_str()) => {
            return value_error(Category::Hostname, "invalid domain name");
        }
        reference => Subject::Server(Some(reference)),
    };
    match pyca::verify(case, end_entity, subject) {
        Ok(path) => Answer::accept(path),
        Err(refusal) => Answer::reject(refusal.category, refusal.text.clone())
            .with_message(format!("VerificationError: validation failed: {}", refusal.text))
            .with_path(vec![end_entity]),
    }
}

/// It takes no part in handshakes.
fn handshake(_failure: &Failure, _case: &Case<'_>) -> Option<Answer> {
    None
}
