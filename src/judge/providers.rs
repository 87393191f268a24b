//! Who runs what a CNAME points to: told from the name of the target, by a table.

use crate::model::naming::Provider;
use crate::model::resolution::Alias;

/// Pattern, provider, product; see the head of the file.
const TABLE: &str = include_str!("providers.txt");

/// Where the columns of provider and product begin.
const COLUMNS: [usize; 2] = [29, 53];

/// The provider of the last alias that tells one: who is behind a provider's own aliases is nearer to the server.
pub fn of(chain: &[Alias]) -> Option<Provider> {
    chain.iter().rev().find_map(|alias| {
        let (name, product) = named(&alias.target)?;
        Some(Provider { name: name.to_owned(), product: product.to_owned(), target: alias.target.clone() })
    })
}

/// Provider and product (which may be empty) of a name.
fn named(name: &str) -> Option<(&'static str, &'static str)> {
    let rows = rows().filter(|(pattern, _, _)| ends_with(name, pattern));
    rows.max_by_key(|(pattern, _, _)| (pattern.split('.').count(), pattern.len()))
        .map(|(_, provider, product)| (provider, product))
}

fn rows() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let (pattern, rest) = line.split_at_checked(COLUMNS[0])?;
        let (provider, product) = rest.split_at_checked(COLUMNS[1] - COLUMNS[0]).unwrap_or((rest, ""));
        Some((pattern.trim(), provider.trim(), product.trim()))
    })
}

/// Label by label from the end.
fn ends_with(name: &str, pattern: &str) -> bool {
    let mut labels = name.rsplit('.');
    pattern.rsplit('.').all(|wanted| labels.next().is_some_and(|label| fits(label, wanted)))
}

/// One label, with at most one `*` in the pattern, which stands for one octet or more.
fn fits(label: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => label == pattern,
        Some((start, end)) => label.len() > start.len() + end.len() && label.starts_with(start) && label.ends_with(end),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_says_nothing_twice() {
        let patterns: Vec<&str> = rows().map(|(pattern, _, _)| pattern).collect();
        assert!(patterns.len() > 80);
        assert!(patterns.is_sorted_by(|one, next| one < next));
        for (pattern, provider, product) in rows() {
            assert!(!provider.is_empty() && pattern.contains('.'), "{pattern}");
            assert!(!provider.contains("  ") && !product.contains("  "), "{pattern}: a column is out of place");
            assert!(pattern.split('.').all(|label| !label.is_empty() && label.matches('*').count() <= 1), "{pattern}");
        }
    }

    #[test]
    fn the_nearest_pattern_counts() {
        for (name, expected) in [
            ("www.example.com.w.kunlunsl.com", Some(("Alibaba Cloud", "CDN or DCDN"))),
            ("www.example.com.w.kunlunnew.com", Some(("Alibaba Cloud", "CDN or DCDN"))),
            ("gw-abc.cn-shanghai.pai-eas.aliyuncs.com", Some(("Alibaba Cloud", "PAI Elastic Algorithm Service (EAS)"))),
            ("b.oss-cn-hangzhou.aliyuncs.com", Some(("Alibaba Cloud", "Object Storage Service (OSS)"))),
            ("x.cn-beijing.fc.aliyuncs.com", Some(("Alibaba Cloud", "Function Compute (FC)"))),
            (
                "airec.cn-hangzhou.aliyuncs.com",
                Some(("Alibaba Cloud", "Artificial Intelligence Recommendation (AIRec)")),
            ),
            ("sts.aliyuncs.com", Some(("Alibaba Cloud", ""))),
            ("d1.cloudfront.net", Some(("Amazon Web Services", "CloudFront"))),
            ("lb-1.eu-west-1.elb.amazonaws.com", Some(("Amazon Web Services", "Elastic Load Balancing"))),
            ("ghs.googlehosted.com", Some(("Google", "Cloud hosting"))),
            ("net", None),
            ("mykunlunsl.com", None),
            ("www.kunlunbank.com", None),
            ("notcloudfront.net.example.com", None),
        ] {
            assert_eq!(named(name), expected, "{name}");
        }
    }
}
