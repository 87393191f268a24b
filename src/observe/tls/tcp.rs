//! Connecting, and telling apart who is to blame when it fails: the server, the way there, or this machine.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};

use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout_at};

use super::failure;
use crate::model::handshake::{Failure, FailureKind, Stage};

pub(super) enum Stop {
    /// This machine cannot speak the address family, or has no route for it.
    NoRoute(Failure),
    Failed(Failure),
}

pub(super) async fn connect(address: SocketAddr, deadline: Instant) -> Result<TcpStream, Stop> {
    let socket = socket(address)?;
    match timeout_at(deadline, socket.connect(address)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(stop(address, &error)),
        Err(_) => Err(Stop::Failed(failure::tcp(FailureKind::Timeout, "nothing answered"))),
    }
}

fn socket(address: SocketAddr) -> Result<TcpSocket, Stop> {
    let made = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
    made.map_err(|error| {
        // A system without IPv6 refuses to make such sockets, but still makes the others.
        if address.is_ipv6() && TcpSocket::new_v4().is_ok() {
            Stop::NoRoute(no_route(&error))
        } else {
            Stop::Failed(failure::local(Stage::Tcp, &format!("no socket could be made: {error}")))
        }
    })
}

fn stop(address: SocketAddr, error: &io::Error) -> Stop {
    let kind = kind(error);
    // Both a router far away and our own routing table can answer like this; only the latter is `not_tried`.
    let unreachable = matches!(error.kind(), ErrorKind::NetworkUnreachable | ErrorKind::AddrNotAvailable);
    if address.is_ipv6() && unreachable && !has_route(address) {
        return Stop::NoRoute(no_route(error));
    }
    Stop::Failed(match kind {
        FailureKind::Local => failure::local(Stage::Tcp, &error.to_string()),
        kind => failure::tcp(kind, &error.to_string()),
    })
}

/// Asks the system's routing table: connecting a datagram socket chooses route and source address, and sends nothing.
fn has_route(address: SocketAddr) -> bool {
    UdpSocket::bind("[::]:0").and_then(|socket| socket.connect(address)).is_ok()
}

fn no_route(error: &io::Error) -> Failure {
    Failure {
        stage: Stage::Tcp,
        kind: FailureKind::Unreachable,
        alert: None,
        protocol: None,
        message: format!("not tried: this machine has no route for IPv6 ({error})"),
    }
}

/// What the system's error says about a connection, made or not.
pub(super) fn kind(error: &io::Error) -> FailureKind {
    match error.kind() {
        ErrorKind::ConnectionRefused => FailureKind::Refused,
        ErrorKind::TimedOut => FailureKind::Timeout,
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe | ErrorKind::NotConnected => {
            FailureKind::Reset
        }
        // PermissionDenied: ICMPv6 "administratively prohibited", or a firewall of our own.
        ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable | ErrorKind::PermissionDenied => {
            FailureKind::Unreachable
        }
        _ => FailureKind::Local,
    }
}
