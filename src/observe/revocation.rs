//! Fetching CRLs (RFC 5280 §4.2.1.13) and asking OCSP responders (RFC 6960, appendix A), with limits.
//!
//! The addresses stand in certificates that anybody may have written, so the rules are those of [`super::aia`]: http only,
//! every host resolved and checked here, everything that comes back bounded. An address is asked every time; a CRL that
//! was kept and has not changed there (304) is not sent again, and one whose address is dead today is used while it is
//! valid, which the report says.

mod cache;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{CONTENT_TYPE, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, LOCATION};
use reqwest::{RequestBuilder, StatusCode};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::aia::{Ended, MAX_REDIRECTS, address, client_for, failed, header};
use super::dns::Resolver;
use crate::model::aia::AiaOutcome;
use crate::model::revocation::{FetchedRevocation, OcspQuestion, RevocationFetch, RevocationSource, Wanted};
use crate::model::time::Time;
use crate::x509::crl::MAX_LIST_BYTES;
use crate::x509::dn::printable;

pub use cache::{Cache, Kept};

/// Of an OCSP response: real ones have one to five kilobytes.
const MAX_OCSP_BODY: usize = 64 * 1024;

/// Fetches for one target: a path has about three certificates below its anchor, with one or two addresses each.
const MAX_FETCHES: usize = 16;

/// One fetch with its redirects; a CRL of 10 MB takes this long at 8 Mbit/s. A probe's own limit ends it sooner.
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest address of a request by GET (RFC 5019 §5); what is longer is sent by POST.
const MAX_GET: usize = 255;

/// Fetches for one target; counts them.
pub struct Fetcher<'a> {
    resolver: &'a Resolver,
    may_connect: fn(IpAddr) -> bool,
    /// With the moment that entries are dated and judged by.
    cache: Option<(&'a Cache, Time)>,
    fetched: usize,
}

impl<'a> Fetcher<'a> {
    /// `allow_private`: also hosts on private and loopback networks.
    pub fn new(resolver: &'a Resolver, allow_private: bool, cache: Option<(&'a Cache, Time)>) -> Self {
        let may_connect = if allow_private { |_| true } else { address::is_public };
        Self { resolver, may_connect, cache, fetched: 0 }
    }

    /// Fetches all of `wanted` at the same time. One answer each, in their order, whatever went wrong; ends before
    /// `deadline`.
    pub async fn fetch(&mut self, wanted: &[Wanted], deadline: Instant) -> Vec<FetchedRevocation> {
        let mut answers: Vec<FetchedRevocation> = wanted
            .iter()
            .map(|wanted| {
                let ended = (AiaOutcome::LimitReached, "enough was fetched for this target".to_owned());
                Attempt::new(wanted).finish(Err(ended))
            })
            .collect();
        let mut tasks = JoinSet::new();
        for (index, wanted) in wanted.iter().enumerate().take(MAX_FETCHES - self.fetched) {
            let (resolver, may_connect) = (self.resolver.clone(), self.may_connect);
            let kept = match (&wanted.ocsp, self.cache) {
                (None, Some((cache, now))) => cache.read(&wanted.url, now),
                _ => None,
            };
            let mut attempt = Attempt { kept, ..Attempt::new(wanted) };
            tasks.spawn(async move {
                let deadline = deadline.min(attempt.begun + FETCH_TIMEOUT);
                let fetched = timeout_at(deadline, attempt.get(&resolver, may_connect, deadline)).await;
                let late = || Err((AiaOutcome::Timeout, "it took too long".to_owned()));
                (index, attempt.take(fetched.unwrap_or_else(|_| late())))
            });
            self.fetched += 1;
        }
        for (index, (answer, validators)) in tasks.join_all().await {
            if let (Some((cache, now)), Some(body), Some(validators)) = (self.cache, &answer.body, validators) {
                cache.write(&answer.fetch.url, body, validators, now);
            }
            answers[index] = answer;
        }
        answers
    }
}

/// What a server says to recognise a body by.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Validators {
    etag: Option<String>,
    last_modified: Option<String>,
}

/// What came.
enum Came {
    Body(Vec<u8>, Validators),
    NotModified,
}

/// One fetch on its way, with what is known of it so far.
struct Attempt {
    begun: Instant,
    fetch: RevocationFetch,
    question: Option<OcspQuestion>,
    kept: Option<Kept>,
}

impl Attempt {
    fn new(wanted: &Wanted) -> Self {
        let fetch = RevocationFetch {
            kind: if wanted.ocsp.is_some() { RevocationSource::Ocsp } else { RevocationSource::Crl },
            url: wanted.url.clone(),
            about: wanted.ocsp.as_ref().map(|question| question.about.clone()),
            outcome: AiaOutcome::Accepted,
            from_cache: false,
            cached_at: None,
            status: None,
            bytes: None,
            content_type: None,
            detail: None,
            duration_ms: 0,
            body: None,
            said: Vec::new(),
        };
        Self { begun: Instant::now(), fetch, question: wanted.ocsp.clone(), kept: None }
    }

    fn finish(mut self, came: Result<Arc<Vec<u8>>, Ended>) -> FetchedRevocation {
        self.fetch.duration_ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut body = match came {
            Ok(body) => Some(body),
            Err((outcome, detail)) => {
                (self.fetch.outcome, self.fetch.detail) = (outcome, Some(printable(&detail)));
                None
            }
        };
        if body.is_none()
            && was_asked(self.fetch.outcome)
            && let Some(kept) = self.kept
        {
            (self.fetch.from_cache, self.fetch.cached_at) = (true, Some(kept.fetched_at));
            body = Some(kept.body);
        }
        self.fetch.bytes = body.as_ref().map(|body| body.len());
        FetchedRevocation { fetch: self.fetch, body }
    }

    /// With the validators of a body that is worth keeping.
    fn take(mut self, came: Result<Came, Ended>) -> (FetchedRevocation, Option<Validators>) {
        match (came, self.kept.take()) {
            (Ok(Came::Body(body, validators)), _) => {
                let is_crl = self.question.is_none();
                (self.finish(Ok(Arc::new(body))), is_crl.then_some(validators))
            }
            (Ok(Came::NotModified), Some(kept)) => {
                (self.fetch.from_cache, self.fetch.cached_at) = (true, Some(kept.fetched_at));
                (self.finish(Ok(kept.body)), None)
            }
            (Ok(Came::NotModified), None) => {
                let ended = (AiaOutcome::HttpStatus, "it says 304, though nothing was kept".to_owned());
                (self.finish(Err(ended)), None)
            }
            (Err(ended), kept) => {
                self.kept = kept;
                (self.finish(Err(ended)), None)
            }
        }
    }

    /// Follows redirects to the body.
    async fn get(
        &mut self,
        resolver: &Resolver,
        may_connect: fn(IpAddr) -> bool,
        deadline: Instant,
    ) -> Result<Came, Ended> {
        let invalid = |detail: String| (AiaOutcome::InvalidUrl, detail);
        let mut url =
            Url::parse(&self.fetch.url).map_err(|error| invalid(format!("it is not an absolute URL: {error}")))?;
        let by_get = self.question.as_ref().and_then(|question| as_get(&url, &question.request));
        let is_post = self.question.is_some() && by_get.is_none();
        url = by_get.unwrap_or(url);
        let limit = if self.question.is_some() { MAX_OCSP_BODY } else { MAX_LIST_BYTES };
        for _ in 0..=MAX_REDIRECTS {
            let client = client_for(&mut url, resolver, may_connect, deadline).await?;
            let request = match &self.question {
                Some(question) if is_post => client
                    .post(url.clone())
                    .header(CONTENT_TYPE, "application/ocsp-request")
                    .body(question.request.clone()),
                _ => self.conditional(client.get(url.clone())),
            };
            let mut response = request.send().await.map_err(failed)?;
            let (status, headers) = (response.status(), response.headers());
            self.fetch.status = Some(status.as_u16());
            self.fetch.content_type = header(headers, CONTENT_TYPE);
            if status == StatusCode::NOT_MODIFIED {
                return Ok(Came::NotModified);
            }
            if let (true, Some(location)) = (status.is_redirection(), headers.get(LOCATION)) {
                let next = std::str::from_utf8(location.as_bytes()).ok().and_then(|text| url.join(text).ok());
                url = next.ok_or_else(|| invalid("it redirects to what is no URL".to_owned()))?;
                continue;
            }
            if status != StatusCode::OK {
                return Err((AiaOutcome::HttpStatus, format!("the server answered {status}")));
            }
            let validators = Validators { etag: header(headers, ETAG), last_modified: header(headers, LAST_MODIFIED) };
            let mut body = Vec::new();
            while let Some(chunk) = response.chunk().await.map_err(failed)? {
                body.extend_from_slice(&chunk);
                if body.len() > limit {
                    return Err((AiaOutcome::TooLarge, format!("it is larger than {} KiB", limit / 1024)));
                }
            }
            return Ok(Came::Body(body, validators));
        }
        Err((AiaOutcome::TooManyRedirects, format!("it redirects more than {MAX_REDIRECTS} times")))
    }

    /// A CRL that is at hand need not come again while it is the same.
    fn conditional(&self, request: RequestBuilder) -> RequestBuilder {
        match self.kept.as_ref().map(|kept| &kept.validators) {
            Some(Validators { etag: Some(etag), .. }) => request.header(IF_NONE_MATCH, etag),
            Some(Validators { last_modified: Some(date), .. }) => request.header(IF_MODIFIED_SINCE, date),
            _ => request,
        }
    }
}

/// Did the network decide? What was never asked says nothing of its state, and is not made up for.
fn was_asked(outcome: AiaOutcome) -> bool {
    !matches!(
        outcome,
        AiaOutcome::SchemeNotSupported | AiaOutcome::InvalidUrl | AiaOutcome::PrivateAddress | AiaOutcome::LimitReached
    )
}

/// The address of the request by GET (RFC 6960 §A.1): base64, whose `+`, `/` and `=` are escaped.
fn as_get(responder: &Url, request: &[u8]) -> Option<Url> {
    let escaped = STANDARD.encode(request).replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let address = format!("{}/{escaped}", responder.as_str().trim_end_matches('/'));
    // A query of its own would swallow the request.
    if address.len() > MAX_GET || responder.query().is_some() || responder.fragment().is_some() {
        return None;
    }
    Url::parse(&address).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_requests_go_by_get() {
        let responder = Url::parse("http://ocsp.example/r/").unwrap();
        let asked = as_get(&responder, &[0xfb, 0xff, 0xfe, 0x00]).unwrap();
        assert_eq!(asked.as_str(), "http://ocsp.example/r/%2B%2F%2F%2BAA%3D%3D");
        assert_eq!(as_get(&responder, &[0; 200]), None);
        assert_eq!(as_get(&Url::parse("http://ocsp.example/?ca=1").unwrap(), &[0]), None);
    }
}
