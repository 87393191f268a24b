//! Certificates that are ordered: proof of the domain, the CA at work, issued.
//!
//! A look moves an order on, as it does with jobs; nobody looks whether the proof was published.

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::message::{Answer, Parameters, Refusal, object};
use super::seed::Origin;
use super::state::{Call, State};
use crate::x509::{hex, pem};

/// Names that one order from a package may have.
const MAX_NAMES: usize = 5;

#[derive(Debug)]
pub(super) struct Order {
    names: Vec<String>,
    by_file: bool,
    tags: Vec<(String, String)>,
    progress: Progress,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// Looked at so often.
    Pending(u32),
    /// The certificate of this id.
    Issued(i64),
    /// The CA cannot issue for these names.
    Refused,
    /// Taken back, and not applied for again.
    Cancelled,
}

impl State {
    /// `CreateCertificateRequest`: one domain, and whom the CA may ask.
    pub(super) fn order_single(&mut self, call: &Call) -> Answer {
        let parameters = &call.parameters;
        let domain = parameters.required("Domain")?;
        for name in ["Username", "Phone", "Email", "ValidateType"] {
            parameters.required(name)?;
        }
        if domain.contains(',') {
            return Err(Refusal::invalid("Domain", "it is one domain"));
        }
        self.order(vec![domain.to_owned()], call)
    }

    /// `CreateCertificateForPackageRequest`: up to five names; the account is known.
    pub(super) fn order_from_package(&mut self, call: &Call) -> Answer {
        if call.parameters.text("Csr").is_some() {
            return Err(Refusal::invalid("Csr", "orders with a CSR are not emulated"));
        }
        let domains = call.parameters.required("Domain")?;
        let names: Vec<String> = domains.split(',').map(|name| name.trim().to_owned()).collect();
        if names.len() > MAX_NAMES {
            return Err(Refusal::invalid("Domain", "it has more than 5 names"));
        }
        let wildcards = names.iter().filter(|name| name.starts_with("*.")).count();
        if wildcards != 0 && wildcards != names.len() {
            return Err(Refusal::invalid("Domain", "exact names and wildcards are mixed"));
        }
        self.order(names, call)
    }

    fn order(&mut self, names: Vec<String>, call: &Call) -> Answer {
        if names.iter().any(String::is_empty) {
            return Err(Refusal::invalid("Domain", "a name is empty"));
        }
        let by_file = is_by_file(&call.parameters)?;
        let id = self.ids.order.next(call);
        let order = Order { names, by_file, tags: call.parameters.tags(), progress: Progress::Pending(0) };
        self.orders.insert(id, order);
        Ok(object(json!({"OrderId": id})))
    }

    /// `DescribeCertificateState`. Gives the private key away with the certificate, as the real one does.
    pub(super) fn order_state(&mut self, call: &Call) -> Answer {
        let id = call.parameters.required_int("OrderId")?;
        let per_stage = self.polls_per_stage;
        let order = self.order_mut(id)?;
        Ok(match order.progress {
            Progress::Pending(looks) => {
                order.progress = Progress::Pending(looks.saturating_add(1));
                match looks / per_stage {
                    0 => proof(id, order),
                    1 => object(json!({"Type": "process"})),
                    _ => self.issue_order(id, call)?,
                }
            }
            Progress::Issued(certificate) => self.issued(certificate)?,
            Progress::Refused => object(json!({"Type": "verify_fail"})),
            Progress::Cancelled => object(json!({"Type": "payed"})),
        })
    }

    fn issue_order(&mut self, id: i64, call: &Call) -> Answer {
        let order = self.orders.get(&id).ok_or_else(|| absent(id))?;
        let names: Vec<&str> = order.names.iter().map(String::as_str).collect();
        let Ok(issued) = self.authority.issue(&names) else {
            self.order_mut(id)?.progress = Progress::Refused;
            return Ok(object(json!({"Type": "verify_fail"})));
        };
        let tags = order.tags.clone();
        let pem = pem::encode(issued.der()) + &self.authority.intermediate.pem();
        let stored = self.store_issued(&issued, pem, Origin::Buy, call)?;
        stored.tags = tags;
        let certificate = stored.id;
        self.order_mut(id)?.progress = Progress::Issued(certificate);
        self.issued(certificate)
    }

    /// An order whose certificate was deleted is answered as the certificate is; what the real one says is not known.
    fn issued(&self, certificate: i64) -> Answer {
        let stored = self.certificate(certificate)?;
        Ok(object(json!({
            "Type": "certificate", "CertId": certificate.to_string(), "Certificate": stored.pem,
            "PrivateKey": stored.key.as_ref().map(|key| key.pem.reveal()),
        })))
    }

    /// `CancelOrderRequest`, while nothing is issued. That the order is `payed` from then on is our choice.
    pub(super) fn cancel_order(&mut self, call: &Call) -> Answer {
        let id = call.parameters.required_int("OrderId")?;
        let order = self.order_mut(id)?;
        if !matches!(order.progress, Progress::Pending(_)) {
            return Err(Refusal::state(format!("The order {id} is not under way.")));
        }
        order.progress = Progress::Cancelled;
        Ok(Map::new())
    }

    /// `DeleteCertificateRequest`, for what is neither under way nor issued.
    pub(super) fn delete_order(&mut self, call: &Call) -> Answer {
        let id = call.parameters.required_int("OrderId")?;
        if !matches!(self.order_mut(id)?.progress, Progress::Refused | Progress::Cancelled) {
            return Err(Refusal::state(format!("The order {id} is under way or issued.")));
        }
        self.orders.remove(&id);
        Ok(Map::new())
    }

    fn order_mut(&mut self, id: i64) -> Result<&mut Order, Refusal> {
        self.orders.get_mut(&id).ok_or_else(|| absent(id))
    }
}

fn absent(id: i64) -> Refusal {
    Refusal::not_found(format!("The order {id} does not exist."))
}

/// DNS where it may be left out and is; the real default is not published.
fn is_by_file(parameters: &Parameters) -> Result<bool, Refusal> {
    match parameters.text("ValidateType") {
        None | Some("DNS") => Ok(false),
        Some("FILE") => Ok(true),
        Some(_) => Err(Refusal::invalid("ValidateType", "it is DNS or FILE")),
    }
}

/// What is to be published for the first name.
fn proof(id: i64, order: &Order) -> Map<String, Value> {
    let name = order.names.first().map_or("", |name| name.trim_start_matches("*."));
    let token = hex(&Sha256::digest(format!("{id} {name}")));
    object(if order.by_file {
        json!({
            "Type": "domain_verify", "ValidateType": "FILE", "Domain": name,
            "Uri": "/.well-known/pki-validation/fileauth.txt", "Content": token,
        })
    } else {
        json!({
            "Type": "domain_verify", "ValidateType": "DNS", "RecordDomain": format!("_dnsauth.{name}"),
            "RecordType": "TXT", "RecordValue": token,
        })
    })
}
