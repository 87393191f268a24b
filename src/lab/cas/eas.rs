//! PAI-EAS, as far as a deployment is read back from it: gateways and their custom domains (version 2021-07-01).
//!
//! A custom domain is a resource of the PAI product whose instance is the gateway, so that both show one truth.

use serde_json::{Map, Value, json};

use super::message::{Answer, Parameters, Refusal, Request, object};
use super::resources::Resource;
use super::seed::{SeedGateway, SeedResource};
use super::state::{Call, State};

/// Where the path-style API begins.
pub(super) const ROOT: &str = "/api/v2/";

impl State {
    /// Answers a request of the path-style API.
    pub(super) fn eas(&mut self, request: &Request, call: &Call) -> Answer {
        let parts: Vec<&str> = request.path.trim_start_matches(ROOT).split('/').collect();
        match (request.method.as_str(), parts.as_slice()) {
            ("GET", ["gateways"]) => self.list_gateways(call),
            ("GET", ["gateways", cluster, id]) => {
                let mut answer = gateway_row(self.gateway(cluster, id)?);
                answer.extend(object(json!({"InternetStatus": "Running", "ExternalClusterId": *cluster})));
                Ok(answer)
            }
            ("PUT", ["gateways", cluster, id]) => self.update_gateway(cluster, id, request),
            ("GET", ["gateways", cluster, id, "domains"]) => self.gateway_domains(cluster, id, call),
            ("PUT", ["gateways", cluster, id, "domain", "attach"]) => self.attach_domain(cluster, id, &call.parameters),
            ("PUT", ["gateways", cluster, id, "domain", "detach"]) => self.detach_domain(cluster, id, &call.parameters),
            ("GET", ["services", _, name, "endpoints"]) => self.service_endpoints(name),
            _ => Err(Refusal::new(404, "InvalidAction.NotFound", "Specified api is not found.")),
        }
    }

    fn gateway(&self, cluster: &str, id: &str) -> Result<&SeedGateway, Refusal> {
        let found = self.gateways.iter().find(|gateway| gateway.id == id && self.region == cluster);
        found.ok_or_else(|| Refusal::new(404, "GatewayNotFound", format!("The gateway {id} does not exist.")))
    }

    fn list_gateways(&self, call: &Call) -> Answer {
        let parameters = &call.parameters;
        let is = |name: &str, value: &str| parameters.text(name).is_none_or(|wanted| wanted == value);
        let wanted = |gateway: &&SeedGateway| {
            is("GatewayId", &gateway.id) && is("GatewayName", &gateway.name) && is("Status", &gateway.status)
        };
        let rows: Vec<_> = call.list(self.gateways.iter().filter(wanted).map(gateway_row).collect());
        let size = usize::try_from(parameters.int("PageSize")?.unwrap_or(100)).unwrap_or_default();
        let page = usize::try_from(parameters.int("PageNumber")?.unwrap_or(1)).unwrap_or_default();
        let total = rows.len();
        let rows: Vec<_> = rows.into_iter().skip(page.saturating_sub(1).saturating_mul(size)).take(size).collect();
        Ok(object(json!({"TotalCount": total, "PageNumber": page, "PageSize": size, "Gateways": rows})))
    }

    fn update_gateway(&mut self, cluster: &str, id: &str, request: &Request) -> Answer {
        self.gateway(cluster, id)?;
        let wanted: Value =
            serde_json::from_slice(&request.body).map_err(|_| Refusal::invalid("body", "a JSON object is expected"))?;
        if let Some(gateway) = self.gateways.iter_mut().find(|gateway| gateway.id == id) {
            if let Some(redirects) = wanted["EnableSSLRedirection"].as_bool() {
                gateway.ssl_redirection = redirects;
            }
            if let Some(name) = wanted["Name"].as_str() {
                gateway.name = name.to_owned();
            }
        }
        Ok(done(id))
    }

    fn is_domain_of(&self, resource: &Resource, gateway: &str) -> bool {
        resource.product == self.pai_product && resource.instance_id == gateway
    }

    fn gateway_domains(&self, cluster: &str, id: &str, call: &Call) -> Answer {
        self.gateway(cluster, id)?;
        let row = |resource: &Resource| {
            let mut row = object(json!({"Domain": resource.domain, "Type": "internet"}));
            if let Some(stored) = self.certificates.get(&resource.cert_id) {
                row.extend(object(json!({
                    "CertificateId": stored.id.to_string(), "CertificateName": stored.name,
                    "CertificateStatus": "Succeeded", "CertificateStartDate": stored.leaf().not_before.date(),
                    "CertificateEndDate": stored.leaf().not_after.date(),
                })));
            }
            row
        };
        let domains = self.resources.values().filter(|resource| self.is_domain_of(resource, id));
        Ok(object(json!({"CustomDomains": call.list(domains.map(row).collect()), "Message": ""})))
    }

    /// Replaces an existing binding of the same domain; whether the real service does is not known.
    fn attach_domain(&mut self, cluster: &str, id: &str, parameters: &Parameters) -> Answer {
        self.gateway(cluster, id)?;
        let (domain, wanted) = custom_domain(parameters)?;
        let text = wanted["CertificateId"].as_str().map_or_else(|| wanted["CertificateId"].to_string(), str::to_owned);
        // The number, or `<number>-<region>`.
        let number = text.split('-').next().and_then(|digits| digits.parse().ok());
        let cert_id = number.ok_or_else(|| Refusal::invalid("CustomDomain", "CertificateId is no id"))?;
        self.certificate(cert_id)?;
        let found = self.resources.values().find(|known| self.is_domain_of(known, id) && known.domain == domain);
        let resource_id = match found {
            Some(known) => known.id,
            None => {
                let next = self.resources.keys().next_back().map_or(1, |last| last + 1);
                let seed = SeedResource::new(next, &self.pai_product, &domain, id);
                self.resources.insert(next, Resource::from_seed(&seed));
                next
            }
        };
        self.bind(resource_id, cert_id);
        Ok(done(id))
    }

    fn detach_domain(&mut self, cluster: &str, id: &str, parameters: &Parameters) -> Answer {
        self.gateway(cluster, id)?;
        let (domain, _) = custom_domain(parameters)?;
        let found = self.resources.values().find(|known| self.is_domain_of(known, id) && known.domain == domain);
        let resource_id =
            found.map(|known| known.id).ok_or_else(|| Refusal::not_found(format!("{domain} is not attached.")))?;
        self.resources.remove(&resource_id);
        Ok(done(id))
    }

    fn service_endpoints(&self, name: &str) -> Answer {
        let gateway = self.gateways.iter().find(|gateway| gateway.services.iter().any(|service| service == name));
        let gateway = gateway.ok_or_else(|| Refusal::new(404, "ServiceNotFound", format!("{name} does not exist.")))?;
        let address = format!("http://{}/api/predict/{name}", gateway.internet_domain);
        Ok(object(json!({
            "AccessToken": "emulated-service-token",
            "Endpoints": [{
                "EndpointType": "Gateway", "PathType": "Service", "Port": 80, "InternetEndpoints": [address],
                "IntranetEndpoints": [], "BackendId": gateway.id,
            }],
        })))
    }
}

/// `CustomDomain`, a JSON object in one parameter.
fn custom_domain(parameters: &Parameters) -> Result<(String, Value), Refusal> {
    let wanted: Value = serde_json::from_str(parameters.required("CustomDomain")?)
        .map_err(|_| Refusal::invalid("CustomDomain", "a JSON object is expected"))?;
    let text = |name: &str| {
        let value = wanted[name].as_str().filter(|text| !text.is_empty());
        value.map(str::to_owned).ok_or_else(|| Refusal::missing(name))
    };
    text("Type")?;
    Ok((text("Domain")?, wanted))
}

fn gateway_row(gateway: &SeedGateway) -> Map<String, Value> {
    object(json!({
        "GatewayId": gateway.id, "GatewayName": gateway.name, "Status": gateway.status, "InternetEnabled": true,
        "InternetDomain": gateway.internet_domain, "IntranetEnabled": false, "IntranetDomain": "",
        "SSLRedirectionEnabled": gateway.ssl_redirection, "InstanceType": "ecs.c6.large", "Replicas": 2,
        "IsDefault": false, "ChargeType": "PostPaid", "Labels": {},
    }))
}

fn done(gateway: &str) -> Map<String, Value> {
    object(json!({"GatewayId": gateway, "Message": ""}))
}
