//! `tlsmend cas create`: orders a certificate.

use serde_json::json;

use super::{Common, Failure, Service, Told, not_in_guide};
use crate::cli::{CliError, Exit};
use crate::model::target::DnsName;
use crate::remedy::cas::{NewOrder, Order, OrderId, Validation};

/// Order a certificate for a domain
///
/// The CA asks for a proof that the domain is yours: what to publish is shown, and again by `tlsmend cas status --order`. The
/// key is made and kept by the service.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 ordered; 1 refused; 2 usage; 3 the service cannot be reached.

Examples:
  tlsmend cas create --domain www.example.com --contact-name Ops --phone 13900000000 --email ops@example.com
  tlsmend cas create --domain rec.example.com --dialect guide --endpoint cas.internal.example")]
pub(super) struct Arguments {
    /// The domain; one, without a wildcard
    #[arg(long, value_name = "NAME", value_parser = domain)]
    domain: DnsName,

    /// Who the CA may ask (not in the guide dialect, as all that follow)
    #[arg(long, value_name = "NAME")]
    contact_name: Option<String>,

    #[arg(long, value_name = "NUMBER")]
    phone: Option<String>,

    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,

    /// How the domain is proven
    #[arg(long, value_enum, default_value_t = ValidationArgument::Dns)]
    validation: ValidationArgument,

    /// The kind of certificate, such as digicert-free-1-free [default: the service's]
    #[arg(long, value_name = "CODE")]
    product_code: Option<String>,

    #[command(flatten)]
    pub common: Common,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ValidationArgument {
    /// A record in the DNS
    Dns,
    /// A file on the web server
    File,
}

fn domain(text: &str) -> Result<DnsName, String> {
    text.parse().map_err(|error: crate::model::target::DnsNameError| error.to_string())
}

pub(super) async fn run(arguments: &Arguments, service: &Service) -> Result<Told, Failure> {
    match service {
        Service::Guide(client) => {
            not_in_guide("--contact-name", arguments.contact_name.is_some())?;
            not_in_guide("--phone", arguments.phone.is_some())?;
            not_in_guide("--email", arguments.email.is_some())?;
            not_in_guide("--product-code", arguments.product_code.is_some())?;
            let answer = client.create(arguments.domain.as_str()).await?;
            Ok(Told::done(format!("{}: {}\n", answer.cert_id, answer.status), answer))
        }
        Service::Cas(client) => {
            let wanted = |value: &Option<String>, option: &str| {
                value.clone().ok_or_else(|| CliError::Usage(format!("the service orders nothing without {option}")))
            };
            let order = NewOrder {
                domain: arguments.domain.as_str().to_owned(),
                contact_name: wanted(&arguments.contact_name, "--contact-name")?,
                phone: wanted(&arguments.phone, "--phone")?,
                email: wanted(&arguments.email, "--email")?,
                validation: match arguments.validation {
                    ValidationArgument::Dns => Validation::Dns,
                    ValidationArgument::File => Validation::File,
                },
                product_code: arguments.product_code.clone(),
            };
            let id = client.create_order(&order).await?;
            Ok(told_order(id, &client.order(id).await?))
        }
    }
}

/// An order and what it waits for; exit 1 when the CA refused.
pub(super) fn told_order(id: OrderId, order: &Order) -> Told {
    let mut text = format!("order {id}: {}\n", order.state);
    let field = |name: &str| order.text(name);
    if let (Some(name), Some(value)) = (field("RecordDomain"), field("RecordValue")) {
        let kind = field("RecordType").unwrap_or_else(|| "TXT".to_owned());
        text.push_str(&format!("  publish in the DNS: {name} {kind} {value}\n"));
    }
    if let (Some(uri), Some(content)) = (field("Uri"), field("Content")) {
        text.push_str(&format!("  serve at {uri}: {content}\n"));
    }
    match (order.state.as_str(), field("CertId")) {
        ("certificate", Some(cert)) => text.push_str(&format!("  issued: tlsmend cas status --cert-id {cert}\n")),
        ("verify_fail", _) => text.push_str("  the CA refused\n"),
        ("certificate", None) => {}
        _ => text.push_str(&format!("  look again: tlsmend cas status --order {id}\n")),
    }
    let exit = if order.state == "verify_fail" { Exit::Findings } else { Exit::Clean };
    Told::ending(exit, text, json!({"order_id": id, "order": order}))
}
