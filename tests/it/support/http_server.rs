//! HTTP servers on loopback: a real one (hyper), and one that says exactly the bytes it is told.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, LOCATION};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// One answer of [`HttpServer`].
#[derive(Clone)]
pub struct Page {
    pub status: u16,
    pub content_type: &'static str,
    pub location: Option<String>,
    pub body: Vec<u8>,
}

impl Page {
    pub fn of(content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, content_type, location: None, body: body.into() }
    }

    pub fn error(status: u16) -> Self {
        Self { status, ..Self::of("text/html", "<html>no</html>") }
    }

    pub fn redirect(to: &str) -> Self {
        Self { status: 302, location: Some(to.to_owned()), ..Self::of("text/html", "<html>elsewhere</html>") }
    }
}

pub struct HttpServer {
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl HttpServer {
    /// `page` makes the answer from the path.
    pub async fn serve(page: impl Fn(&str) -> Page + Send + Sync + 'static) -> Self {
        Self::serve_at("127.0.0.1:0".parse().unwrap(), page).await
    }

    /// The same at an address that is known beforehand.
    pub async fn serve_at(address: SocketAddr, page: impl Fn(&str) -> Page + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (page, requests) = (Arc::new(page), Arc::new(Mutex::new(Vec::new())));
        let seen = requests.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (page, seen) = (page.clone(), seen.clone());
                let service = service_fn(move |request: Request<Incoming>| {
                    seen.lock().unwrap().push(format!("{} {:?}", request.uri(), request.headers()));
                    let page = page(request.uri().path());
                    let mut response = Response::builder().status(page.status).header(CONTENT_TYPE, page.content_type);
                    if let Some(location) = page.location {
                        response = response.header(LOCATION, location);
                    }
                    let response = response.body(Full::new(Bytes::from(page.body))).unwrap();
                    async move { Ok::<_, Infallible>(response) }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { address, requests, task }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// URI and headers of each request so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Answers every connection with `start`, then with `again` for as long as anybody listens; then holds it open.
pub async fn raw_server(start: &'static [u8], again: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 4096]).await;
                let mut sent = stream.write_all(start).await;
                while !again.is_empty() && sent.is_ok() {
                    sent = stream.write_all(again).await;
                }
                // Until the client goes.
                let _ = stream.read(&mut [0; 1]).await;
            });
        }
    });
    address
}
