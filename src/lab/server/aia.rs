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
