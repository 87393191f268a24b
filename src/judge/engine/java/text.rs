//! Names and dates as Java compares and prints them.

use crate::model::time::Time;
use crate::x509::dn::DistinguishedName;

/// `X500Name.equals`: RFC 2253's canonical form, where only PrintableString and UTF8String of the attributes it names
/// are compared as text (`AVA.toRFC2253CanonicalString`).
pub(super) fn same_name(one: &DistinguishedName, other: &DistinguishedName) -> bool {
    one.raw() == other.raw() || (one.normalised() == other.normalised() && canonical_name(one) == canonical_name(other))
}

fn canonical_name(name: &DistinguishedName) -> Vec<(usize, String, Vec<u8>)> {
    const NAMED: &[&str] = &[
        "2.5.4.3",
        "2.5.4.6",
        "2.5.4.7",
        "2.5.4.8",
        "2.5.4.9",
        "2.5.4.10",
        "2.5.4.11",
        "0.9.2342.19200300.100.1.1",
        "0.9.2342.19200300.100.1.25",
    ];
    const TEXT: [u8; 2] = [0x0c, 0x13];
    let mut parts: Vec<_> = name
        .attributes()
        .into_iter()
        .map(|attribute| {
            let value = if NAMED.contains(&&*attribute.oid) && TEXT.contains(&attribute.tag) {
                attribute.text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ").into_bytes()
            } else {
                [&[attribute.tag], &*attribute.value].concat()
            };
            (attribute.rdn, attribute.oid, value)
        })
        .collect();
    parts.sort();
    parts
}

/// `X500Name.toString`: the last RDN first, values with special characters in quotes.
pub(super) fn java_name(name: &DistinguishedName) -> String {
    let mut rdns: Vec<(usize, String)> = Vec::new();
    for attribute in name.attributes() {
        let keyword = match &*attribute.oid {
            "2.5.4.3" => "CN",
            "2.5.4.4" => "SURNAME",
            "2.5.4.5" => "SERIALNUMBER",
            "2.5.4.6" => "C",
            "2.5.4.7" => "L",
            "2.5.4.8" => "ST",
            "2.5.4.9" => "STREET",
            "2.5.4.10" => "O",
            "2.5.4.11" => "OU",
            "2.5.4.12" => "T",
            "2.5.4.42" => "GIVENNAME",
            "0.9.2342.19200300.100.1.1" => "UID",
            "0.9.2342.19200300.100.1.25" => "DC",
            "1.2.840.113549.1.9.1" => "EMAILADDRESS",
            oid => &format!("OID.{oid}"),
        };
        let text = crate::x509::dn::printable(&attribute.text);
        let quoted = text.contains([',', '+', '=', '\n', '<', '>', '#', ';', '\\', '"'])
            || text.starts_with(' ')
            || text.ends_with(' ');
        let text = if quoted { format!("\"{}\"", text.replace('"', "\\\"")) } else { text };
        match rdns.last_mut() {
            Some((rdn, whole)) if *rdn == attribute.rdn => *whole += &format!(" + {keyword}={text}"),
            _ => rdns.push((attribute.rdn, format!("{keyword}={text}"))),
        }
    }
    rdns.into_iter().rev().map(|(_, text)| text).collect::<Vec<_>>().join(", ")
}

/// `Date.toString` where the time zone is UTC: `Tue Oct 13 00:00:00 UTC 2026`.
pub(super) fn java_date(time: Time) -> String {
    let at = time.to_datetime();
    let (weekday, month) = (at.weekday().to_string(), at.month().to_string());
    format!(
        "{} {} {:02} {:02}:{:02}:{:02} UTC {:04}",
        weekday.get(..3).unwrap_or_default(),
        month.get(..3).unwrap_or_default(),
        at.day(),
        at.hour(),
        at.minute(),
        at.second(),
        at.year()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_as_java_prints_them() {
        assert_eq!(java_date("2026-10-13T00:00:00Z".parse().unwrap()), "Tue Oct 13 00:00:00 UTC 2026");
    }
}
