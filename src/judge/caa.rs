//! CAA: may a CA issue for a name (RFC 8659)?

use crate::model::naming::{CaaRecord, CaaSet};
use crate::x509::Certificate;
use crate::x509::general_name::GeneralName;

/// organizationName.
const ORGANIZATION: &str = "2.5.4.10";

/// Organization of the issuer and its domains; see the head of the file.
const TABLE: &str = include_str!("caa_issuers.txt");

/// Where the domains begin.
const COLUMN: usize = 61;

/// Properties that a CA understands, so that their critical flag stops nobody: RFC 8659 §4, RFC 9495, and those of the CA/Browser
/// Forum (TLS Baseline Requirements, appendix A.1).
const KNOWN_TAGS: [&str; 6] = ["issue", "issuewild", "iodef", "issuemail", "contactemail", "contactphone"];

/// The names by which the CA with this organization in its name is called in CAA records; `None`: not known.
pub fn domains(organization: &str) -> Option<Vec<&'static str>> {
    TABLE.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let (name, domains) = line.split_at_checked(COLUMN)?;
        (name.trim_end() == organization).then(|| domains.split(' ').collect())
    })
}

/// The organization that issued a certificate, and its domains where they are known.
pub fn issuer(certificate: &Certificate) -> Option<(String, Option<Vec<&'static str>>)> {
    let attributes = certificate.issuer.attributes();
    let organization = attributes.into_iter().find(|attribute| attribute.oid == ORGANIZATION)?.text;
    let domains = domains(&organization);
    Some((organization, domains))
}

/// The name that the next certificate is asked for: this one's; of a wildcard what stands behind `*.`.
pub fn asked_for<'a>(certificate: &Certificate, name: &'a str) -> &'a str {
    let names = || {
        let names = certificate.extensions.subject_alt_name.iter().flat_map(|san| &san.names);
        names.filter_map(|name| match name {
            GeneralName::Dns(name) => Some(name.as_ref()),
            _ => None,
        })
    };
    let parent = name.split_once('.').map_or(name, |(_, parent)| parent);
    let exact = names().any(|presented| presented.eq_ignore_ascii_case(name));
    let wildcard =
        names().any(|presented| presented.strip_prefix("*.").is_some_and(|base| base.eq_ignore_ascii_case(parent)));
    if wildcard && !exact { parent } else { name }
}

/// The end of the climb (RFC 8659 §3).
#[derive(Debug, PartialEq, Eq)]
pub enum Relevant<'a> {
    Set(&'a CaaSet),
    /// No name on the way has a set: everybody may issue.
    None,
    /// A question stayed open before a set was found.
    Open(&'a CaaSet),
}

/// The set that counts for `name`, which is the first of `sets` or a parent of it.
pub fn relevant<'a>(sets: &'a [CaaSet], name: &str) -> Relevant<'a> {
    let at = |set: &&CaaSet| set.name == name || name.ends_with(&format!(".{}", set.name));
    for set in sets.iter().filter(at) {
        if !set.records.is_empty() {
            return Relevant::Set(set);
        }
        if set.failure.is_some() {
            return Relevant::Open(set);
        }
    }
    Relevant::None
}

/// What a set says about one CA.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    Allowed,
    /// With the reason.
    Forbidden(String),
    /// Others are named, and how this CA is called is not known.
    NotKnown,
}

/// `ours`: the domains of the CA, where they are known. `wildcard`: for a name with `*` (§4.3).
pub fn may_issue(set: &CaaSet, wildcard: bool, ours: Option<&[&str]>) -> Answer {
    let unknown = set.records.iter().find(|record| record.critical && !KNOWN_TAGS.contains(&record.tag.as_str()));
    if let Some(record) = unknown {
        return Answer::Forbidden(format!("the property `{}` is critical and no CA knows it (§4.1)", record.tag));
    }
    let of = |tag: &str| -> Vec<&CaaRecord> { set.records.iter().filter(|record| record.tag == tag).collect() };
    let wild = if wildcard { of("issuewild") } else { Vec::new() };
    let (tag, properties) = if wild.is_empty() { ("issue", of("issue")) } else { ("issuewild", wild) };
    if properties.is_empty() {
        return Answer::Allowed;
    }
    let named: Vec<&str> = properties.iter().filter_map(|record| issuer_domain(&record.value)).collect();
    if named.is_empty() {
        return Answer::Forbidden(format!("its `{tag}` properties name nobody: no CA may issue"));
    }
    match ours {
        Some(ours) if named.iter().any(|name| ours.iter().any(|our| our.eq_ignore_ascii_case(name))) => Answer::Allowed,
        Some(_) => Answer::Forbidden(format!("its `{tag}` properties name only {}", named.join(", "))),
        None => Answer::NotKnown,
    }
}

/// The issuer-domain-name of a value (§4.2). `None`: it names nobody, or does not keep to the grammar, which means the same.
fn issuer_domain(value: &str) -> Option<&str> {
    let name = value.split(';').next().unwrap_or(value).trim_matches([' ', '\t']);
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.split('.').all(is_label).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::resolution::DnsStatus;

    fn set(name: &str, records: &[(&str, &str)]) -> CaaSet {
        let record = |(tag, value): &(&str, &str)| CaaRecord {
            critical: tag.starts_with('!'),
            tag: tag.trim_start_matches('!').to_owned(),
            value: (*value).to_owned(),
            ttl: 60,
        };
        CaaSet {
            name: name.to_owned(),
            status: DnsStatus::Noerror,
            records: records.iter().map(record).collect(),
            failure: None,
        }
    }

    #[test]
    fn the_table_is_sorted_and_its_columns_stand() {
        let names: Vec<&str> =
            TABLE.lines().filter(|line| !line.starts_with('#')).map(|line| line[..COLUMN].trim_end()).collect();
        assert!(names.is_sorted_by(|one, next| one < next));
        for name in names {
            let domains = domains(name).unwrap();
            assert!(domains.iter().all(|domain| issuer_domain(domain).is_some() && domain.contains('.')), "{name}");
        }
        assert_eq!(domains("Let's Encrypt").unwrap(), ["letsencrypt.org"]);
        assert_eq!(domains("Let's Encrypt Fan Club"), None);
    }

    #[test]
    fn the_nearest_set_counts_and_an_open_question_stops() {
        let mut sets = [set("www.shop.test", &[]), set("shop.test", &[("iodef", "mailto:a@b.test")]), set("test", &[])];
        assert_eq!(relevant(&sets, "www.shop.test"), Relevant::Set(&sets[1]));
        assert_eq!(relevant(&sets, "test"), Relevant::None);
        assert_eq!(relevant(&sets, "xtest"), Relevant::None);
        sets[0].failure = Some("no answer".to_owned());
        assert_eq!(relevant(&sets, "www.shop.test"), Relevant::Open(&sets[0]));
        assert_eq!(relevant(&sets, "shop.test"), Relevant::Set(&sets[1]));
    }

    /// The examples of RFC 8659 §4, and what CAs do with them.
    #[test]
    fn who_may_issue() {
        let ours: &[&str] = &["ca1.example.net", "ca1.example.org"];
        for (records, one_name, wildcard) in [
            (&[][..], true, true),
            (&[("iodef", "mailto:security@example.com")], true, true),
            (&[("issue", "ca1.example.net")], true, true),
            (&[("issue", "CA1.Example.Org ; account=230123")], true, true),
            (&[("issue", "ca2.example.org")], false, false),
            (&[("issue", "ca2.example.org"), ("issue", "ca1.example.net")], true, true),
            (&[("issue", ";")], false, false),
            (&[("issue", "%%%%%")], false, false),
            (&[("issue", ";"), ("issue", "ca1.example.net")], true, true),
            (&[("issuewild", ";")], true, false),
            (&[("issue", "ca2.example.org"), ("issuewild", "ca1.example.net")], false, true),
            (&[("!tbs", "Unknown")], false, false),
            (&[("tbs", "Unknown"), ("!iodef", "mailto:a@b.example")], true, true),
        ] {
            let set = set("example.com", records);
            for (wild, expected) in [(false, one_name), (true, wildcard)] {
                let answer = may_issue(&set, wild, Some(ours));
                assert_eq!(answer == Answer::Allowed, expected, "{records:?} wildcard {wild}: {answer:?}");
            }
        }
        assert_eq!(may_issue(&set("a.test", &[("issue", "ca2.example.org")]), false, None), Answer::NotKnown);
        assert!(matches!(may_issue(&set("a.test", &[("issue", ";")]), false, None), Answer::Forbidden(_)));
    }
}
