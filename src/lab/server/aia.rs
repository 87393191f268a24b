//! The web server that `caIssuers` addresses point to: plain HTTP, a page a certificate, 404 for the rest.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::lab::pki::tlv;

/// What stands at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    pub content_type: &'static str,
    pub body: Vec<u8>,
}

impl Page {
    /// One certificate, as RFC 5280 §4.2.2.1 wants it.
    pub fn certificate(der: &[u8]) -> Self {
        Self { content_type: "application/pkix-cert", body: der.to_vec() }
    }

    /// Certificates as a PKCS#7 `certs-only` message (RFC 5652 §5.1 without content or signers), the other form of RFC
    /// 5280 §4.2.2.1.
    pub fn pkcs7(ders: &[&[u8]]) -> Self {
        const SIGNED_DATA: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
        const DATA: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
        let version = tlv(0x02, &[1]);
        let (no_digests, no_signers) = (tlv(0x31, &[]), tlv(0x31, &[]));
        let content = tlv(0x30, &tlv(0x06, &DATA));
        let certificates = tlv(0xa0, &ders.concat());
        let signed = tlv(0x30, &[version, no_digests, content, certificates, no_signers].concat());
        let body = tlv(0x30, &[tlv(0x06, &SIGNED_DATA), tlv(0xa0, &signed)].concat());
        Self { content_type: "application/pkcs7-mime", body }
    }
}

/// By path, such as `/scenario/1.cer`.
pub type Pages = BTreeMap<String, Page>;

/// Answers the requests of one connection.
pub async fn serve(pages: Arc<Pages>, stream: TcpStream) {
    let service = service_fn(move |request: Request<Incoming>| {
        let response = respond(&pages, request.uri().path());
        async move { Ok::<_, Infallible>(response) }
    });
    // A client that breaks off is no matter of the server's.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

fn respond(pages: &Pages, path: &str) -> Response<Full<Bytes>> {
    let Some(page) = pages.get(path) else {
        let mut response = Response::new(Full::new(Bytes::from_static(b"not here\n")));
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    };
    let mut response = Response::new(Full::new(page.body.clone().into()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(page.content_type));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::certificates_in;

    #[test]
    fn a_pkcs7_page_gives_its_certificates_back() {
        let issue = |label| crate::lab::pki::Pki::new("a", "2026-11-22T08:00:00Z".parse().unwrap()).root(label).issue();
        let (one, two) = (issue("1").unwrap(), issue("2").unwrap());
        let page = Page::pkcs7(&[one.der(), two.der()]);
        assert_eq!(certificates_in(&page.body).unwrap(), [one.der(), two.der()]);
    }
}
