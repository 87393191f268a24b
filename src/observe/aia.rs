//! Fetching issuers from `caIssuers` addresses (RFC 5280 §4.2.2.1), as browsers do, with limits.
//!
//! The addresses stand in certificates that anybody may have written. So: http only, every host is resolved here and
//! checked before the connection goes to exactly the addresses that were checked, also after each redirect, and
//! everything that comes back is bounded.

pub(super) mod address;
mod cache;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, LOCATION};
use reqwest::{Client, StatusCode, redirect};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use url::{Host, Url};

use super::dns::Resolver;
use crate::model::aia::{AiaEvidence, AiaFetch, AiaForm, AiaOutcome};
use crate::model::resolution::DnsStatus;
use crate::model::target::DnsName;
use crate::model::time::Time;
use crate::x509::dn::printable;
use crate::x509::{Fingerprint, certificates_in};

pub use cache::Cache;

/// Chromium stops reading here (`kMaxResponseSizeInBytesForAia`): what Chrome does not get must not count for it.
const MAX_BODY: usize = 64 * 1024;

/// Certificates kept of one answer. A PKCS#7 of a bridge CA has about a dozen.
const MAX_CERTIFICATES: usize = 16;

/// Fetches for one target. A chain has about four certificates with one or two addresses each; somebody who lists more
/// wants us to be his load generator.
const MAX_FETCHES: usize = 16;

/// CAs redirect from http to http at most once; browsers allow 20.
pub(super) const MAX_REDIRECTS: usize = 5;

/// One fetch with its redirects. Chromium waits 15 s; half a probe's default limit is what we can spare.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);

/// Of a header that goes into the report.
const MAX_HEADER_CHARS: usize = 100;

/// Fetches for one target; counts them.
pub struct Fetcher<'a> {
    resolver: &'a Resolver,
    may_connect: fn(IpAddr) -> bool,
    /// With the moment that entries are dated and judged by.
    cache: Option<(&'a Cache, Time)>,
    fetched: usize,
}

impl<'a> Fetcher<'a> {
    /// `allow_private`: also hosts on private and loopback networks. What comes is kept in `cache`, and what does not
    /// come is looked up there.
    pub fn new(resolver: &'a Resolver, allow_private: bool, cache: Option<(&'a Cache, Time)>) -> Self {
        let may_connect = if allow_private { |_| true } else { address::is_public };
        Self { resolver, may_connect, cache, fetched: 0 }
    }

    /// Fetches every one of `urls` at the same time. One answer an address, in their order, whatever went wrong; ends
    /// before `deadline`.
    pub async fn fetch(&mut self, urls: &[String], deadline: Instant) -> Vec<AiaEvidence> {
        let mut answers: Vec<AiaEvidence> =
            urls.iter().map(|url| Attempt::new(url).ends(AiaOutcome::LimitReached, LIMIT_REACHED)).collect();
        let mut tasks = JoinSet::new();
        for (index, url) in urls.iter().enumerate().take(MAX_FETCHES - self.fetched) {
            let (url, resolver, may_connect) = (url.clone(), self.resolver.clone(), self.may_connect);
            tasks.spawn(async move { (index, Attempt::new(&url).run(&resolver, may_connect, deadline).await) });
            self.fetched += 1;
        }
        for (index, answer) in tasks.join_all().await {
            answers[index] = answer;
        }
        if let Some((cache, now)) = self.cache {
            answers.iter_mut().for_each(|answer| keep_or_recall(answer, cache, now));
        }
        answers
    }
}

/// An address that gave certificates is remembered; one that failed says so, and what it gave before is used. That is a
/// file of a few kilobytes, read after every answer is in.
fn keep_or_recall(answer: &mut AiaEvidence, cache: &Cache, now: Time) {
    match answer.fetch.outcome {
        AiaOutcome::Accepted => cache.write(&answer.fetch.url, &answer.certificates, now),
        AiaOutcome::NotResolved
        | AiaOutcome::Unreachable
        | AiaOutcome::Timeout
        | AiaOutcome::HttpStatus
        | AiaOutcome::TooManyRedirects
        | AiaOutcome::TooLarge
        | AiaOutcome::NotACertificate => {
            if let Some(kept) = cache.read(&answer.fetch.url, now) {
                let fetch = &mut answer.fetch;
                (fetch.from_cache, fetch.cached_at) = (true, Some(kept.fetched_at));
                fetch.certificates = kept.certificates.iter().map(|der| Fingerprint::of(der).to_string()).collect();
                answer.certificates = kept.certificates;
            }
        }
        // Never asked, so that the network's state is unknown.
        AiaOutcome::SchemeNotSupported
        | AiaOutcome::InvalidUrl
        | AiaOutcome::PrivateAddress
        | AiaOutcome::LimitReached => {}
    }
}

const LIMIT_REACHED: &str = "enough was fetched for this target";

/// One fetch on its way, with what is known of it so far.
struct Attempt {
    begun: Instant,
    fetch: AiaFetch,
}

/// Why a fetch ended without what was wanted.
pub(super) type Ended = (AiaOutcome, String);

impl Attempt {
    fn new(url: &str) -> Self {
        let fetch = AiaFetch {
            url: url.to_owned(),
            outcome: AiaOutcome::Accepted,
            from_cache: false,
            status: None,
            bytes: None,
            content_type: None,
            certificates: Vec::new(),
            detail: None,
            duration_ms: 0,
            cached_at: None,
            form: None,
            fit: None,
        };
        Self { begun: Instant::now(), fetch }
    }

    fn ends(mut self, outcome: AiaOutcome, detail: &str) -> AiaEvidence {
        self.fetch.outcome = outcome;
        self.fetch.detail = Some(printable(detail));
        self.finish(Vec::new())
    }

    fn finish(mut self, certificates: Vec<Vec<u8>>) -> AiaEvidence {
        self.fetch.duration_ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        AiaEvidence { fetch: self.fetch, certificates }
    }

    async fn run(mut self, resolver: &Resolver, may_connect: fn(IpAddr) -> bool, deadline: Instant) -> AiaEvidence {
        let deadline = deadline.min(self.begun + FETCH_TIMEOUT);
        let fetched = timeout_at(deadline, self.get(resolver, may_connect, deadline)).await;
        let fetched = fetched.unwrap_or_else(|_| Err((AiaOutcome::Timeout, "it took too long".to_owned())));
        let body = match fetched {
            Ok(body) => body,
            Err((outcome, detail)) => return self.ends(outcome, &detail),
        };
        self.fetch.bytes = Some(body.len());
        let found = certificates_in(&body);
        self.fetch.form = Some(form(&body, found.as_deref().unwrap_or_default()));
        let mut certificates = match found {
            Ok(certificates) => certificates,
            Err(error) => return self.ends(AiaOutcome::NotACertificate, &error.to_string()),
        };
        if certificates.len() > MAX_CERTIFICATES {
            let all = certificates.len();
            certificates.truncate(MAX_CERTIFICATES);
            self.fetch.detail = Some(format!("of its {all} certificates the first {MAX_CERTIFICATES} were kept"));
        }
        self.fetch.certificates = certificates.iter().map(|der| Fingerprint::of(der).to_string()).collect();
        self.finish(certificates)
    }

    /// Follows redirects to the body.
    async fn get(
        &mut self,
        resolver: &Resolver,
        may_connect: fn(IpAddr) -> bool,
        deadline: Instant,
    ) -> Result<Vec<u8>, Ended> {
        let mut url = Url::parse(&self.fetch.url)
            .map_err(|error| (AiaOutcome::InvalidUrl, format!("it is not an absolute URL: {error}")))?;
        for _ in 0..=MAX_REDIRECTS {
            let client = client_for(&mut url, resolver, may_connect, deadline).await?;
            let mut response = client.get(url.clone()).send().await.map_err(failed)?;
            let status = response.status();
            self.fetch.status = Some(status.as_u16());
            self.fetch.content_type = header(response.headers(), CONTENT_TYPE);
            if let (true, Some(location)) = (status.is_redirection(), response.headers().get(LOCATION)) {
                let next = std::str::from_utf8(location.as_bytes()).ok().and_then(|text| url.join(text).ok());
                url = next.ok_or_else(|| (AiaOutcome::InvalidUrl, "it redirects to what is no URL".to_owned()))?;
                continue;
            }
            if status != StatusCode::OK {
                return Err((AiaOutcome::HttpStatus, format!("the server answered {status}")));
            }
            let mut body = Vec::new();
            while let Some(chunk) = response.chunk().await.map_err(failed)? {
                body.extend_from_slice(&chunk);
                if body.len() > MAX_BODY {
                    return Err((AiaOutcome::TooLarge, format!("it is larger than {} KiB", MAX_BODY / 1024)));
                }
            }
            return Ok(body);
        }
        Err((AiaOutcome::TooManyRedirects, format!("it redirects more than {MAX_REDIRECTS} times")))
    }
}

/// What `body` is by its octets; `certificates` were found in it.
fn form(body: &[u8], certificates: &[Vec<u8>]) -> AiaForm {
    let start = body.trim_ascii_start();
    match certificates {
        _ if start.is_empty() => AiaForm::Empty,
        [..] if body.windows(11).any(|window| window == b"-----BEGIN ") => AiaForm::Pem,
        [one] if body.starts_with(one) => AiaForm::Der,
        [_, ..] => AiaForm::Pkcs7,
        [] if start.starts_with(b"<") => AiaForm::Html,
        [] => AiaForm::Other,
    }
}

/// A client that can connect to nothing but the addresses of `url`'s host that were resolved and checked here: a second
/// look-up, which might say something else (DNS rebinding), never happens.
///
/// One client a hop costs little: there are no roots to load, and no fetch needs the connection of another.
pub(super) async fn client_for(
    url: &mut Url,
    resolver: &Resolver,
    may_connect: fn(IpAddr) -> bool,
    deadline: Instant,
) -> Result<Client, Ended> {
    if url.scheme() != "http" {
        let detail = format!("`{}:` is not fetched; RFC 5280 §4.2.2.1 clients use http", url.scheme());
        return Err((AiaOutcome::SchemeNotSupported, detail));
    }
    // Nobody's password goes to whom a certificate names. Cannot fail: an http URL has a host.
    let _ = url.set_username("").and_then(|()| url.set_password(None));
    let invalid = |detail: String| (AiaOutcome::InvalidUrl, detail);
    let ips = match url.host() {
        Some(Host::Ipv4(ip)) => vec![IpAddr::V4(ip)],
        Some(Host::Ipv6(ip)) => vec![IpAddr::V6(ip)],
        Some(Host::Domain(host)) => {
            let name: DnsName = host.parse().map_err(|error| invalid(format!("its host is no name: {error}")))?;
            let resolution = resolver.resolve(&name, deadline).await;
            if resolution.addresses.is_empty() {
                let detail = resolution.detail.unwrap_or_else(|| "its host has no address".to_owned());
                let outcome = match resolution.status {
                    DnsStatus::Timeout => AiaOutcome::Timeout,
                    _ => AiaOutcome::NotResolved,
                };
                return Err((outcome, detail));
            }
            resolution.addresses.into_iter().map(|address| address.ip).collect()
        }
        None => return Err(invalid("it names no host".to_owned())),
    };
    let port = url.port_or_known_default().unwrap_or(80);
    let allowed: Vec<SocketAddr> =
        ips.iter().filter(|&&ip| may_connect(ip)).map(|&ip| SocketAddr::new(ip, port)).collect();
    if allowed.is_empty() {
        let host = url.host_str().unwrap_or_default();
        let what = ips.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let detail =
            format!("`{host}` ({what}) is not on the public internet; --allow-private-aia would fetch from it");
        return Err((AiaOutcome::PrivateAddress, detail));
    }
    Client::builder()
        .tls_backend_preconfigured(no_tls())
        .no_proxy() // it would resolve the host itself
        .redirect(redirect::Policy::none()) // each hop's address is checked
        .referer(false)
        .http1_only()
        .pool_max_idle_per_host(0)
        .user_agent(concat!("tlsmend/", env!("CARGO_PKG_VERSION")))
        .dns_resolver(Pinned(allowed))
        .build()
        .map_err(|error| (AiaOutcome::Unreachable, reason(&error)))
}

/// Trusts nobody: only http is ever fetched here, but the HTTP client is built with TLS and wants to know how.
fn no_tls() -> rustls::ClientConfig {
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let versions = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let versions = versions.expect("the provider has suites of both versions of TLS");
    versions.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth()
}

/// Says for every name what was resolved and checked. (reqwest's own `resolve_to_addrs` would ask the system about a name
/// that it spells differently from us.)
struct Pinned(Vec<SocketAddr>);

impl Resolve for Pinned {
    fn resolve(&self, _: Name) -> Resolving {
        let addresses: Addrs = Box::new(self.0.clone().into_iter());
        Box::pin(std::future::ready(Ok(addresses)))
    }
}

pub(super) fn failed(error: reqwest::Error) -> Ended {
    let outcome = if error.is_timeout() { AiaOutcome::Timeout } else { AiaOutcome::Unreachable };
    (outcome, reason(&error))
}

/// The innermost cause: the layers above only say that something failed.
fn reason(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

pub(super) fn header(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let value = String::from_utf8_lossy(headers.get(name)?.as_bytes()).into_owned();
    Some(printable(&value.chars().take(MAX_HEADER_CHARS).collect::<String>()))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// 127.0.0.1 stands for the public internet here, 127.0.0.2 for a private network.
    #[tokio::test]
    async fn a_redirect_to_a_private_address_is_refused() {
        let private = TcpListener::bind("127.0.0.2:0").await.unwrap();
        let public = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (from, to) = (public.local_addr().unwrap(), private.local_addr().unwrap());
        let resolver = Resolver::new(Vec::new());
        let mut fetcher =
            Fetcher { resolver: &resolver, may_connect: |ip| ip == Ipv4Addr::LOCALHOST, cache: None, fetched: 0 };
        let urls = [format!("http://{from}/")];
        let fetching = fetcher.fetch(&urls, Instant::now() + Duration::from_secs(20));
        let serving = async {
            let (mut stream, _) = public.accept().await.unwrap();
            let _ = stream.read(&mut [0; 1024]).await.unwrap();
            let answer = format!("HTTP/1.1 301 Moved\r\nLocation: http://{to}/\r\nContent-Length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
            std::future::pending::<()>().await;
        };
        let answers = tokio::select! {
            answers = fetching => answers,
            () = serving => unreachable!("it never ends"),
            _ = private.accept() => panic!("a connection to the private address was made"),
        };
        assert_eq!(answers[0].fetch.outcome, AiaOutcome::PrivateAddress, "{:?}", answers[0].fetch);
    }
}
