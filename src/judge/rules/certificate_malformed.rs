//! `certificate-malformed`: bytes that are no certificate.

use super::{Check, Context, Found, Outcome, Rule, support};
use crate::judge::Served;
use crate::model::finding::{Severity, SubjectKind};
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "certificate-malformed",
    severity: Severity::High,
    title: "a certificate that is served cannot be read",
    explanation: "Bytes in the certificate list are no X.509 certificate: a truncated or wrongly converted file. Most \
                  clients refuse the whole handshake.",
    advice: "Export the certificate again as PEM and deploy the complete file.",
    citations: &["RFC 5280 §4.1", "X.690"],
    explains: &[
        Category::BadFormat,
        Category::Handshake,
        Category::Invalid,
        Category::Unspecified,
        Category::Closed,
        Category::Other,
    ],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::per_deployment(context, |index, deployment| {
        let broken: Vec<String> = deployment
            .served_list
            .iter()
            .enumerate()
            .filter_map(|(position, served)| match served {
                Served::Unparsable { error, .. } => Some(format!("certificate {}: {error}", position + 1)),
                Served::Certificate(_) => None,
            })
            .collect();
        (!broken.is_empty()).then(|| {
            Found::new(SubjectKind::Deployment, index.to_string()).fact("certificates", broken).remedy(
                "export the certificate again as PEM and deploy the complete file",
                None,
                true,
            )
        })
    })
}
