//! Fetching a file over https for ourselves: bounded in size and time, verified as any rustls program would.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, StatusCode, Url, redirect};
use rustls::{ClientConfig, RootCertStore};

/// To be connected.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The service redirects between its own hosts; browsers allow 20.
const MAX_REDIRECTS: usize = 5;

/// Why a file could not be fetched, in words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DownloadError(String);

/// Fetches `url` whole, within `timeout`; more than `limit` octets are refused.
pub async fn fetch(url: &Url, limit: usize, timeout: Duration) -> Result<Vec<u8>, DownloadError> {
    let client = client(url, timeout)?;
    let mut response = client.get(url.clone()).send().await.map_err(|error| failed(&error))?;
    if response.status() != StatusCode::OK {
        return Err(DownloadError(format!("the server answered {}", response.status())));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failed(&error))? {
        if body.len() + chunk.len() > limit {
            return Err(DownloadError(format!("it is larger than {} MB", limit / 1024 / 1024)));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn client(url: &Url, timeout: Duration) -> Result<Client, DownloadError> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| DownloadError(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut builder = Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(redirect::Policy::limited(MAX_REDIRECTS))
        .referer(false)
        .http1_only()
        .timeout(timeout)
        .connect_timeout(CONNECT_TIMEOUT)
        .user_agent(concat!("tlsmend/", env!("CARGO_PKG_VERSION")));
    if url.scheme() == "https" {
        // What starts protected stays so.
        builder = builder.https_only(true);
    } else {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| failed(&error))
}

/// The innermost cause: the layers above only say that something failed.
fn failed(error: &reqwest::Error) -> DownloadError {
    if error.is_timeout() {
        return DownloadError("it took too long".to_owned());
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    DownloadError(crate::x509::dn::printable(&cause.to_string()))
}
