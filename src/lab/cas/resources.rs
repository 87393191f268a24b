//! The inventory of cloud resources, which lags behind the products, and the contacts.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::certificates::millis;
use super::message::{Answer, Refusal, object, page};
use super::seed::{SeedContact, SeedResource};
use super::state::{Call, State, USER_ID};

#[derive(Debug, Clone)]
pub(super) struct Resource {
    pub id: i64,
    pub product: String,
    pub domain: String,
    pub instance_id: String,
    listener_id: Option<String>,
    listener_port: Option<u16>,
    /// What is really bound; 0 for nothing.
    pub cert_id: i64,
    pub enable_https: bool,
    pub default_resource: bool,
    /// What the inventory shows instead of `cert_id`, for so many lists more.
    lagging: Option<(i64, u32)>,
    /// Not shown at all for so many lists.
    hidden_for: u32,
}

impl Resource {
    pub fn from_seed(seed: &SeedResource) -> Self {
        Self {
            id: seed.id,
            product: seed.product.clone(),
            domain: seed.domain.clone(),
            instance_id: seed.instance_id.clone(),
            listener_id: seed.listener_id.clone(),
            listener_port: seed.listener_port,
            cert_id: seed.cert_id,
            enable_https: seed.enable_https,
            default_resource: seed.default_resource,
            lagging: None,
            hidden_for: seed.hidden_for,
        }
    }

    /// Where load balancers have their listener.
    pub fn listener(&self) -> Map<String, Value> {
        match (&self.listener_id, self.listener_port) {
            (Some(id), port) => object(json!({"ListenerId": id, "Port": port.unwrap_or(443)})),
            (None, _) => Map::new(),
        }
    }

    fn shown_cert_id(&self) -> i64 {
        self.lagging.map_or(self.cert_id, |(id, _)| id)
    }
}

impl State {
    /// Binds a certificate to a resource: product, gateway, servers at once; the inventory later.
    pub(super) fn bind(&mut self, resource_id: i64, cert_id: i64) {
        let Some(resource) = self.resources.get_mut(&resource_id) else { return };
        if self.inventory_lag > 0 {
            resource.lagging = Some((resource.shown_cert_id(), self.inventory_lag));
        }
        resource.cert_id = cert_id;
        if let Some(stored) = self.certificates.get(&cert_id)
            && let Some(key) = &stored.key
        {
            self.wiring.deploy(resource_id, &stored.ders(), &key.der, &self.propagation);
        }
    }

    /// `ListCloudResources`
    pub(super) fn list_resources(&mut self, call: &Call) -> Answer {
        let parameters = &call.parameters;
        let cert_ids: Option<Vec<i64>> = match parameters.text("CertIds") {
            None => None,
            Some(text) => Some(
                serde_json::from_str(text)
                    .map_err(|_| Refusal::invalid("CertIds", "a JSON array of numbers is expected"))?,
            ),
        };
        let keyword = parameters.text("Keyword").map(str::to_ascii_lowercase);
        let is_ours = parameters.text("CloudName").is_none_or(|cloud| cloud.eq_ignore_ascii_case("aliyun"));
        let wanted = |resource: &&Resource| {
            let has = |text: &str| keyword.as_deref().is_none_or(|keyword| text.to_ascii_lowercase().contains(keyword));
            is_ours
                && resource.hidden_for == 0
                && parameters.text("CloudProduct").is_none_or(|product| product == resource.product)
                && (has(&resource.domain) || has(&resource.instance_id))
                && cert_ids.as_ref().is_none_or(|ids| ids.contains(&resource.shown_cert_id()))
        };
        let rows = call.list(self.resources.values().filter(wanted).collect());
        let page = page(rows, parameters, 20, call.shift())?;
        let rows: Vec<_> = page.rows.into_iter().map(|resource| self.inventory_row(resource, call)).collect();
        let answer = object(json!({
            "Total": page.total, "CurrentPage": page.current, "ShowSize": page.size, "Data": rows,
        }));
        for resource in self.resources.values_mut() {
            resource.hidden_for = resource.hidden_for.saturating_sub(1);
            resource.lagging = resource.lagging.and_then(|(id, left)| (left > 1).then_some((id, left - 1)));
        }
        Ok(answer)
    }

    pub(super) fn inventory_row(&self, resource: &Resource, call: &Call) -> Map<String, Value> {
        let mut row = object(json!({
            "Id": resource.id, "CloudName": "aliyun", "CloudProduct": resource.product, "RegionId": self.region,
            "CloudRegion": self.region, "Domain": resource.domain, "InstanceId": resource.instance_id,
            "EnableHttps": i32::from(resource.enable_https), "Status": "online", "UserId": USER_ID,
            "GmtCreate": millis(call.now).to_string(), "GmtModified": millis(call.now).to_string(),
        }));
        if let Some(id) = &resource.listener_id {
            row.insert("ListenerId".to_owned(), id.clone().into());
            row.insert("ListenerPort".to_owned(), resource.listener_port.unwrap_or(443).to_string().into());
            row.insert("DefaultResource".to_owned(), i32::from(resource.default_resource).into());
        }
        if let Some(stored) = self.certificates.get(&resource.shown_cert_id()) {
            row.extend(object(json!({
                "CertId": stored.id, "CertName": stored.name,
                "CertStartTime": millis(stored.leaf().not_before).to_string(),
                "CertEndTime": millis(stored.leaf().not_after).to_string(),
            })));
        }
        row
    }

    /// `DescribeCloudResourceStatus`
    pub(super) fn resource_counts(&self) -> Answer {
        let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
        for resource in self.resources.values().filter(|resource| resource.hidden_for == 0) {
            *counts.entry(&resource.product).or_default() += 1;
        }
        let row = |(product, count)| json!({"CloudName": "aliyun", "CloudProduct": product, "TotalCount": count});
        Ok(object(json!({"Data": counts.into_iter().map(row).collect::<Vec<_>>()})))
    }

    /// `GetMatchedResources`; the shape of its answer is not published.
    pub(super) fn matched_resources(&self, call: &Call) -> Answer {
        let mut rows = Vec::new();
        for id in call.parameters.required_ids("CertIds")? {
            let stored = self.certificate(id)?;
            let matching = self.resources.values().filter(|resource| stored.matches(&resource.domain));
            rows.extend(matching.map(|resource| {
                let mut row = self.inventory_row(resource, call);
                row.insert("MatchedCertId".to_owned(), id.into());
                row
            }));
        }
        Ok(object(json!({"Data": call.list(rows)})))
    }

    /// `ListContact`
    pub(super) fn list_contacts(&self, call: &Call) -> Answer {
        let keyword = call.parameters.text("Keyword").unwrap_or_default();
        let has = |contact: &&SeedContact| {
            [&contact.name, &contact.email, &contact.mobile].iter().any(|text| text.contains(keyword))
        };
        let page = page(call.list(self.contacts.values().filter(has).collect()), &call.parameters, 20, call.shift())?;
        let rows: Vec<Value> = page.rows.into_iter().map(contact_row).collect();
        Ok(object(json!({
            "TotalCount": page.total, "CurrentPage": page.current, "ShowSize": page.size, "Keyword": keyword,
            "ContactList": rows,
        })))
    }

    /// `CreateContact`, and `UpdateContact` with an id.
    pub(super) fn put_contact(&mut self, call: &Call, id: Option<i64>) -> Answer {
        let parameters = &call.parameters;
        let text = |name: &str| parameters.text(name).unwrap_or_default().to_owned();
        let id = match id {
            Some(id) => self.contact(id).map(|_| id)?,
            None => self.ids.contact.next(call),
        };
        let contact = SeedContact {
            id,
            name: parameters.required("Name")?.to_owned(),
            email: text("Email"),
            mobile: parameters.required("Mobile")?.to_owned(),
        };
        self.contacts.insert(id, contact);
        Ok(object(json!({"ContactId": id})))
    }

    pub(super) fn get_contact(&self, call: &Call) -> Answer {
        Ok(object(contact_row(self.contact(call.parameters.required_int("ContactId")?)?)))
    }

    pub(super) fn delete_contact(&mut self, call: &Call) -> Answer {
        let id = call.parameters.required_int("ContactId")?;
        self.contact(id)?;
        self.contacts.remove(&id);
        Ok(Map::new())
    }

    pub(super) fn contact(&self, id: i64) -> Result<&SeedContact, Refusal> {
        self.contacts.get(&id).ok_or_else(|| Refusal::not_found(format!("The contact {id} does not exist.")))
    }
}

fn contact_row(contact: &SeedContact) -> Value {
    json!({
        "ContactId": contact.id, "Name": contact.name, "Email": contact.email,
        "EmailStatus": i32::from(!contact.email.is_empty()), "Mobile": contact.mobile, "MobileStatus": 1,
        "Webhooks": "[]", "WebhookList": [],
    })
}
