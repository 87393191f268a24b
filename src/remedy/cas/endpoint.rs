//! Where a service answers: from a region by the vendor's tables, or as the user says.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use url::{Host, Url};

/// Scheme, host and port of a service. `http` only on loopback: keys and certificates do not cross a network in clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint(Url);

/// Why a text is no endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    #[error("`{0}` is neither a host nor a URL; write it like cas.aliyuncs.com or https://cas.aliyuncs.com")]
    NotAUrl(String),
    #[error("plain http is used on loopback addresses only; write https://")]
    PlainHttp,
    #[error("an endpoint has no path, query or password")]
    MoreThanAHost,
    #[error("`{0}` is no region, such as cn-hangzhou")]
    NoRegion(String),
}

impl Endpoint {
    /// The certificate service of a region (its own table; where SDK and metadata disagree, the metadata's regional host).
    pub fn cas(region: &str) -> Result<Self, EndpointError> {
        const CENTRAL: [&str; 3] = ["us-east-1", "us-west-1", "eu-west-1"];
        let region = checked_region(region)?;
        let is_central = CENTRAL.contains(&region) || (region.starts_with("cn-") && region != "cn-hongkong");
        if is_central { "cas.aliyuncs.com".parse() } else { format!("cas.{region}.aliyuncs.com").parse() }
    }

    /// PAI-EAS of a region.
    pub fn eas(region: &str) -> Result<Self, EndpointError> {
        format!("pai-eas.{}.aliyuncs.com", checked_region(region)?).parse()
    }

    /// The token service; `None` for its central endpoint.
    pub fn sts(region: Option<&str>) -> Result<Self, EndpointError> {
        match region {
            Some(region) => format!("sts.{}.aliyuncs.com", checked_region(region)?).parse(),
            None => "sts.aliyuncs.com".parse(),
        }
    }

    /// On this machine.
    pub fn is_loopback(&self) -> bool {
        match self.0.host() {
            Some(Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
            Some(Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
            Some(Host::Domain(_)) | None => false,
        }
    }

    /// One of the vendor's real hosts.
    pub fn is_aliyun(&self) -> bool {
        let host = self.host();
        let host = host.strip_suffix('.').unwrap_or(&host);
        host == "aliyuncs.com" || host.ends_with(".aliyuncs.com")
    }

    fn host(&self) -> String {
        self.0.host_str().unwrap_or_default().to_ascii_lowercase()
    }

    /// Host, and port where it is not the default one: the Host header, which is signed.
    pub fn authority(&self) -> String {
        match self.0.port() {
            Some(port) => format!("{}:{port}", self.host()),
            None => self.host(),
        }
    }

    /// The URL of a request. `path` and `query` are percent-encoded already.
    pub(super) fn url(&self, path: &str, query: &str) -> Url {
        let mut url = self.0.clone();
        url.set_path(path);
        url.set_query(if query.is_empty() { None } else { Some(query) });
        url
    }
}

fn checked_region(region: &str) -> Result<&str, EndpointError> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_region = (3..=40).contains(&region.len()) && region.bytes().all(fits) && region.contains('-');
    if is_region { Ok(region) } else { Err(EndpointError::NoRegion(crate::x509::dn::printable(region))) }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let shown = || EndpointError::NotAUrl(crate::x509::dn::printable(text));
        let full = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
        let url = Url::parse(&full).map_err(|_| shown())?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
            return Err(shown());
        }
        let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        if !bare || !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointError::MoreThanAHost);
        }
        let endpoint = Self(url);
        if endpoint.0.scheme() == "http" && !endpoint.is_loopback() {
            return Err(EndpointError::PlainHttp);
        }
        Ok(endpoint)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.0.scheme(), self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_lead_to_hosts() {
        let cas = |region| Endpoint::cas(region).unwrap().authority();
        assert_eq!(cas("cn-hangzhou"), "cas.aliyuncs.com");
        assert_eq!(cas("cn-shanghai"), "cas.aliyuncs.com");
        assert_eq!(cas("us-east-1"), "cas.aliyuncs.com");
        assert_eq!(cas("ap-southeast-1"), "cas.ap-southeast-1.aliyuncs.com");
        assert_eq!(cas("cn-hongkong"), "cas.cn-hongkong.aliyuncs.com");
        assert!(Endpoint::cas("evil.example/").is_err());
        assert_eq!(Endpoint::eas("cn-hangzhou").unwrap().authority(), "pai-eas.cn-hangzhou.aliyuncs.com");
    }

    #[test]
    fn plain_http_stays_on_this_machine() {
        for good in ["http://127.0.0.1:8080", "http://[::1]:8080", "https://127.0.0.1:8443", "cas.aliyuncs.com"] {
            assert!(good.parse::<Endpoint>().is_ok(), "{good}");
        }
        assert_eq!("http://[::1]:8080".parse::<Endpoint>().unwrap().authority(), "[::1]:8080");
        assert_eq!("https://a.example:443".parse::<Endpoint>().unwrap().authority(), "a.example");
        assert_eq!("http://cas.aliyuncs.com".parse::<Endpoint>(), Err(EndpointError::PlainHttp));
        // A name can be made to resolve to anything.
        assert_eq!("http://localhost:1".parse::<Endpoint>(), Err(EndpointError::PlainHttp));
        for bad in [
            "",
            "https://",
            "ftp://a.example",
            "https://a.example/path",
            "https://u:p@a.example",
            "https://a.example?q",
        ] {
            assert!(bad.parse::<Endpoint>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_real_hosts_are_known() {
        for (text, real) in [
            ("cas.aliyuncs.com", true),
            ("CAS.ALIYUNCS.COM.", true),
            ("cas-vpc.cn-hangzhou.aliyuncs.com", true),
            ("aliyuncs.com.example.net", false),
            ("notaliyuncs.com", false),
            ("http://127.0.0.1:1", false),
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().is_aliyun(), real, "{text}");
        }
    }
}
