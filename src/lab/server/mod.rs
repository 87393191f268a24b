//! The servers: sockets on loopback, bounded, gone when they are dropped.

pub mod aia;
pub mod dns;
pub mod script;
pub mod tls;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use script::Script;
use tls::TlsServer;

/// Connections open at one time at one listener; more wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 64;

/// The longest any connection is kept.
const MAX_DURATION: Duration = Duration::from_secs(60);

/// Attempts to find a port that is free at every address.
const BIND_ATTEMPTS: usize = 16;

/// What a server does with who comes.
#[derive(Debug, Clone)]
pub enum Behaviour {
    Tls(Arc<TlsServer>),
    Script(Script),
    /// Nobody listens: the port is held, and a SYN is answered with RST.
    Closed,
    /// A SYN is answered with nothing, as behind a packet filter.
    Filtered,
}

/// A bound socket of a server.
pub enum Bound {
    Listening(StdListener),
    /// Bound, so that nobody else takes the port; nobody accepts.
    Held(Vec<Socket>),
}

/// Binds one port at every address.
pub fn bind(places: &[(Ipv4Addr, Behaviour)]) -> io::Result<(u16, Vec<Bound>)> {
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..BIND_ATTEMPTS {
        match bind_once(places) {
            Ok(bound) => return Ok(bound),
            // Another program holds that port at one of the addresses.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

fn bind_once(places: &[(Ipv4Addr, Behaviour)]) -> io::Result<(u16, Vec<Bound>)> {
    let mut port = 0;
    let mut bound = Vec::with_capacity(places.len());
    for (ip, behaviour) in places {
        let address = SocketAddr::from((*ip, port));
        let socket = match behaviour {
            Behaviour::Closed => {
                let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
                socket.bind(&address.into())?;
                Bound::Held(vec![socket])
            }
            Behaviour::Filtered => Bound::Held(full(address)?),
            Behaviour::Tls(_) | Behaviour::Script(_) => {
                let listener = StdListener::bind(address)?;
                listener.set_nonblocking(true)?;
                Bound::Listening(listener)
            }
        };
        let local = match &socket {
            Bound::Held(sockets) => sockets.first().map(Socket::local_addr).transpose()?.and_then(|a| a.as_socket()),
            Bound::Listening(listener) => Some(listener.local_addr()?),
        };
        port = local.map_or(0, |address| address.port());
        bound.push(socket);
    }
    Ok((port, bound))
}

/// A listener whose queue is full: the kernel drops every further SYN. The nearest to a packet filter that needs no
/// privileges. The listener comes first, then the connections that fill it.
fn full(address: SocketAddr) -> io::Result<Vec<Socket>> {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    listener.bind(&address.into())?;
    listener.listen(0)?;
    let address = listener.local_addr()?;
    let mut sockets = vec![listener];
    // Linux queues one more than asked for, others half as many again.
    for _ in 0..4 {
        let visitor = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        visitor.set_nonblocking(true)?;
        // In progress, or in the queue: both keep the place.
        let _ = visitor.connect(&address);
        sockets.push(visitor);
    }
    Ok(sockets)
}

/// Accepts until it is dropped; its connections end with it.
pub async fn accept<F>(listener: TcpListener, serve: impl Fn(TcpStream) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    let _ = stream.set_nodelay(true);
                    connections.spawn(tokio::time::timeout(MAX_DURATION, serve(stream)));
                }
                // Out of descriptors, or the peer is gone already: asking again at once would spin.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
        }
    }
}

/// Serves one connection as `behaviour` says.
pub async fn serve(behaviour: Behaviour, stream: TcpStream) {
    match behaviour {
        Behaviour::Tls(server) => server.serve(stream).await,
        Behaviour::Script(script) => script.play(stream).await,
        Behaviour::Closed | Behaviour::Filtered => {}
    }
}
