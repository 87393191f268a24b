//! Deno's `fetch`, on rustls with aws-lc-rs.

use super::rustls_aws;
use crate::judge::case::Case;
use crate::judge::client::{Answer, Client};
use crate::judge::engine::webpki::Provider;
use crate::judge::stores::{StoreId, Trust};
use crate::model::handshake::{Failure, FailureKind, Stage};
use crate::model::verdict::{Category, Verdict};

pub const CLIENT: Client = Client {
    id: "deno",
    name: "Deno",
    versions: "Deno 2.9.6 (rustls, aws-lc-rs)",
    measured: true,
    fetches_issuers: false,
    hello: Some(rustls_aws::HELLO),
    trust: Trust::of(StoreId::WebpkiRoots),
    notes: &["As rustls-aws, in sentences: `invalid peer certificate: ...`."],
    sources: &[
        "Deno ext/tls/lib.rs (create_client_config), ext/fetch/lib.rs",
        "rustls 0.23: src/error.rs (Display of Error and CertificateError), src/webpki/mod.rs",
        "rustls-webpki 0.103: src/verify_cert.rs",
        "measured on 2026-11-22",
    ],
    judge,
    handshake,
};

fn judge(case: &Case<'_>) -> Answer {
    in_words(rustls_aws::judge_with(case, Provider::AwsLcRs))
}

/// rustls' error as Deno shows it. What has a sentence of its own there is known by the error's name without its context.
fn in_words(answer: Answer) -> Answer {
    let Some(code) = &answer.code else { return answer };
    if answer.verdict == Verdict::Error {
        let message = answer.message.clone().unwrap_or_else(|| code.clone());
        return Answer { code: Some(message.clone()), ..answer }.with_message(message);
    }
    let code = match code.as_str() {
        "ExpiredContext" => "Expired",
        "NotValidYetContext" => "NotValidYet",
        "NotValidForNameContext" => "NotValidForName",
        "InvalidPurposeContext" => "InvalidPurpose",
        other => other,
    };
    let said = answer.message.as_deref().unwrap_or(code);
    let message = format!("invalid peer certificate: {said}");
    Answer { code: Some(code.to_owned()), ..answer }.with_message(message)
}

fn handshake(failure: &Failure, case: &Case<'_>) -> Option<Answer> {
    let say = |category, code: &str| Some(Answer::error(category, code).with_message(format!("fetch failed: {code}")));
    match failure.kind {
        FailureKind::Refused => say(Category::Refused, "tcp connect error: Connection refused (os error 111)"),
        FailureKind::Timeout if failure.stage == Stage::Tcp => {
            say(Category::Timeout, "tcp connect error: Connection timed out (os error 110)")
        }
        // AbortError's number: it has no limit of its own.
        FailureKind::Timeout => {
            Some(Answer::error(Category::Timeout, "20").with_message("The signal has been aborted"))
        }
        FailureKind::Closed if failure.stage == Stage::Tls => say(Category::Closed, "tls handshake eof"),
        // The request is under way: only the exception's class is a code.
        FailureKind::ClientCertificateRequired if failure.stage == Stage::AfterHandshake => {
            let answer = rustls_aws::handshake(failure, case)?;
            Some(Answer { code: Some("TypeError".to_owned()), ..answer })
        }
        _ => rustls_aws::handshake(failure, case).map(in_words),
    }
}
