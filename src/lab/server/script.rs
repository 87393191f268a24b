//! Servers that misbehave, on plain sockets.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long to wait for what the client sends first, or for its end.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a server does instead of shaking hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script {
    /// Accepts, reads, says nothing.
    Silence,
    /// Resets the connection when the client has spoken.
    Reset,
    /// Closes the connection when the client has spoken.
    Close,
    /// Says this as soon as somebody comes: protocols in which the server begins.
    Greet(&'static [u8]),
    /// Says this when the client has spoken, then closes.
    Answer(&'static [u8]),
}

impl Script {
    pub async fn play(self, mut stream: TcpStream) {
        match self {
            Self::Silence => drain(&mut stream).await,
            Self::Reset => {
                hear(&mut stream).await;
                // Lingering for no time makes the close a RST.
                let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
            }
            Self::Close => {
                hear(&mut stream).await;
                end(&mut stream).await;
            }
            Self::Greet(words) => {
                let _ = stream.write_all(words).await;
                hear(&mut stream).await;
                end(&mut stream).await;
            }
            Self::Answer(words) => {
                hear(&mut stream).await;
                let _ = stream.write_all(words).await;
                end(&mut stream).await;
            }
        }
    }
}

/// Waits until the client has said something.
async fn hear(stream: &mut TcpStream) {
    let mut words = [0; 4096];
    let _ = tokio::time::timeout(PATIENCE, stream.read(&mut words)).await;
}

/// Closes in order. What the client still sends is read: data left unread would turn the close into a reset.
async fn end(stream: &mut TcpStream) {
    let _ = stream.shutdown().await;
    let _ = tokio::time::timeout(PATIENCE, drain(stream)).await;
}

/// Reads until the client has gone.
async fn drain(stream: &mut TcpStream) {
    let mut words = [0; 4096];
    while let Ok(1..) = stream.read(&mut words).await {}
}
