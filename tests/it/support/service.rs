//! A service on loopback that records what it is asked and answers what it is told, down to the octets.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A request as it came over the wire.
#[derive(Debug, Clone)]
pub struct Recorded {
    pub method: String,
    pub path: String,
    pub raw_query: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Recorded {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn query(&self) -> Vec<(String, String)> {
        pairs(&self.raw_query)
    }

    pub fn form(&self) -> Vec<(String, String)> {
        pairs(&self.body)
    }

    /// Of query and form.
    pub fn parameter(&self, name: &str) -> Option<String> {
        self.query().into_iter().chain(self.form()).find(|(known, _)| known == name).map(|(_, value)| value)
    }

    pub fn action(&self) -> String {
        self.header("x-acs-action").map(str::to_owned).or_else(|| self.parameter("Action")).unwrap_or_default()
    }
}

fn pairs(text: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

/// What comes back.
pub enum Reply {
    Json(u16, String),
    /// Status, header lines each ended by CR LF, body.
    With(u16, &'static str, String),
    /// Announces more than it sends.
    Cut(String),
    /// Closes without a word, after having read everything.
    Nothing,
    /// Never answers.
    Silence,
}

impl Reply {
    pub fn ok(body: impl Into<String>) -> Self {
        Self::Json(200, body.into())
    }

    /// A refusal in the service's form.
    pub fn refusal(status: u16, code: &str) -> Self {
        Self::Json(status, format!(r#"{{"RequestId":"R-1","HostId":"h","Code":"{code}","Message":"said so"}}"#))
    }
}

pub struct Service {
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<Recorded>>>,
    task: JoinHandle<()>,
}

impl Service {
    /// `answer` makes the reply from the request and its number, from 0.
    pub async fn start(answer: impl Fn(&Recorded, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests: Arc<Mutex<Vec<Recorded>>> = Arc::default();
        let (seen, answer) = (requests.clone(), Arc::new(answer));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, answer) = (seen.clone(), answer.clone());
                tokio::spawn(async move {
                    let mut stream = stream;
                    let Some(request) = read(&mut stream).await else { return };
                    let number = {
                        let mut seen = seen.lock().unwrap();
                        seen.push(request.clone());
                        seen.len() - 1
                    };
                    let reply = answer(&request, number);
                    let _ = write(&mut stream, reply).await;
                });
            }
        });
        Self { address, requests, task }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn requests(&self) -> Vec<Recorded> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn read(stream: &mut TcpStream) -> Option<Recorded> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length =
        headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = bytes[end + 4..].to_vec();
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    let (path, raw_query) = target.split_once('?').unwrap_or((&target, ""));
    Some(Recorded {
        method,
        path: path.to_owned(),
        raw_query: raw_query.to_owned(),
        headers,
        body: String::from_utf8(body).unwrap(),
    })
}

async fn write(stream: &mut TcpStream, reply: Reply) -> std::io::Result<()> {
    const JSON: &str = "Content-Type: application/json;charset=utf-8\r\n";
    let (status, headers, body, length) = match reply {
        Reply::Json(status, body) => (status, JSON, body.clone(), body.len()),
        Reply::With(status, headers, body) => (status, headers, body.clone(), body.len()),
        Reply::Cut(body) => (200, JSON, body.clone(), body.len() + 100),
        Reply::Nothing => return Ok(()),
        Reply::Silence => std::future::pending().await,
    };
    let head = format!("HTTP/1.1 {status} Some\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}
