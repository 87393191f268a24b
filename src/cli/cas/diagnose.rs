//! `tlsmend cas diagnose`: what is wrong with a stored certificate, as far as the service shows it.

use serde_json::json;

use super::status::names;
use super::{Common, Failure, Service, Told, cert_id, number};
use crate::cli::{Exit, probe};
use crate::model::target::ReferenceId;
use crate::model::time::Time;
use crate::remedy::cas::{CertId, CertificateDetail, ChainLink, Problem};
use crate::x509::identity::{WildcardRules, matches_dns};

/// Look for faults of a stored certificate: dates, names, chain
///
/// From what the service shows of it, without its private key. Whether that chain is the one that was uploaded is not
/// published; what is really served is seen by `tlsmend probe` alone. In the guide dialect the service's own check is asked.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 no fault; 1 faults, or refused; 2 usage; 3 the service cannot be reached.

Examples:
  tlsmend cas diagnose --cert-id 12345678 --host www.example.com
  tlsmend cas diagnose --cert-id cert-8a9b2c --dialect guide --client chrome --endpoint cas.internal.example")]
pub(super) struct Arguments {
    #[arg(long, value_name = "ID", value_parser = cert_id)]
    cert_id: CertId,

    /// The name that clients will ask for; without it no name is checked
    #[arg(long, value_name = "NAME", value_parser = probe::reference)]
    host: Option<ReferenceId>,

    /// Guide dialect: the client whose view is asked for
    #[arg(long, value_name = "NAME", default_value = "chrome")]
    client: String,

    #[command(flatten)]
    pub common: Common,
}

pub(super) async fn run(arguments: &Arguments, service: &Service) -> Result<Told, Failure> {
    let (problems, shown) = match service {
        Service::Guide(client) => {
            let diagnosis = client.diagnose(&arguments.cert_id, &arguments.client).await?;
            let mut problems = diagnosis.problems.clone();
            if problems.is_empty() && !diagnosis.result.eq_ignore_ascii_case("pass") {
                let message = format!("the service says {} and nothing else", diagnosis.result);
                problems.push(Problem { code: "not_told".to_owned(), message });
            }
            (problems, json!(diagnosis))
        }
        Service::Cas(client) => {
            let detail = client.detail(number(&arguments.cert_id)?).await?;
            (problems(&detail, arguments.host.as_ref(), client.now()), json!(detail))
        }
    };
    let mut text = match problems.is_empty() {
        true => format!("{}: no fault in what the service shows\n", arguments.cert_id),
        false => format!("{}:\n", arguments.cert_id),
    };
    for problem in &problems {
        text.push_str(&format!("  {}: {}\n", problem.code, problem.message));
    }
    let exit = if problems.is_empty() { Exit::Clean } else { Exit::Findings };
    Ok(Told::ending(exit, text, json!({"problems": problems, "certificate": shown})))
}

/// The faults that names and dates alone show; in the words of the guides' check, so that scripts need one list.
fn problems(detail: &CertificateDetail, host: Option<&ReferenceId>, now: Time) -> Vec<Problem> {
    let mut found = Vec::new();
    let mut add = |code: &str, message: String| found.push(Problem { code: code.to_owned(), message });
    if let Some(end) = detail.not_after.filter(|end| *end < now) {
        add("expired", format!("valid until {}", end.date()));
    }
    if let Some(host) = host {
        let names = names(detail);
        let text = host.to_string();
        let covers = |name: &String| matches_dns(name, &text, WildcardRules::STANDARD);
        if !names.iter().any(covers) {
            add("name_mismatch", format!("it is for {}, not for {text}", names.join(", ")));
        }
    }
    let chain = &detail.cert_chain;
    let is_self_signed = |link: &ChainLink| link.common_name.is_some() && link.common_name == link.issuer_common_name;
    if chain.len() == 1 && !is_self_signed(&chain[0]) {
        let issuer = chain[0].issuer_common_name.as_deref().unwrap_or("its issuer");
        add("missing_intermediate", format!("the chain ends at the end entity; `{issuer}` is not in it"));
    }
    for pair in chain.windows(2) {
        if pair[0].issuer_common_name.is_some() && pair[0].issuer_common_name != pair[1].common_name {
            let name = |name: &Option<String>| name.clone().unwrap_or_else(|| "?".to_owned());
            let (subject, issuer, next) =
                (name(&pair[0].common_name), name(&pair[0].issuer_common_name), name(&pair[1].common_name));
            add("wrong_order", format!("`{subject}` was issued by `{issuer}`, and `{next}` follows it"));
        }
    }
    for link in chain.iter().skip(1) {
        if let Some(end) = link.not_after.filter(|end| *end < now) {
            let name = link.common_name.as_deref().unwrap_or("an issuer");
            add("expired", format!("`{name}` was valid until {}", end.date()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detail(chain: &[(&str, &str, i64)]) -> CertificateDetail {
        let links: Vec<_> = chain
            .iter()
            .map(|(subject, issuer, end)| json!({"CommonName": subject, "IssuerCommonName": issuer, "NotAfter": end * 1000}))
            .collect();
        let all = json!({"Id": 1, "Sans": "*.example.com", "NotAfter": chain[0].2 * 1000, "CertChain": links});
        serde_json::from_value(all).unwrap()
    }

    #[test]
    fn names_and_dates_show_these_faults() {
        let (now, later, before) = (Time::from_unix(1_790_000_000), 1_800_000_000, 1_700_000_000);
        let codes = |chain: &[(&str, &str, i64)], host: &str| -> Vec<String> {
            let host = host.parse().unwrap();
            problems(&detail(chain), Some(&host), now).into_iter().map(|problem| problem.code).collect()
        };
        let good = [("leaf", "ca", later), ("ca", "root", later)];
        assert_eq!(codes(&good, "a.example.com"), Vec::<String>::new());
        assert_eq!(codes(&good, "a.b.example.com"), ["name_mismatch"]);
        assert_eq!(codes(&good[..1], "a.example.com"), ["missing_intermediate"]);
        assert_eq!(codes(&[("leaf", "ca", before), ("ca", "root", before)], "a.example.com"), ["expired", "expired"]);
        assert_eq!(
            codes(&[("leaf", "ca", later), ("root", "root", later), ("ca", "root", later)], "a.example.com"),
            ["wrong_order", "wrong_order"]
        );
        assert_eq!(codes(&[("self", "self", later)], "a.example.com"), Vec::<String>::new());
    }
}
