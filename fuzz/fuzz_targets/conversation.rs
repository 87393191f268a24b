//! A server that says anything, over a real socket: the first byte chooses the ClientHello it is asked with.
#![no_main]

use std::cell::RefCell;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use tlsmend::model::hello::{ORDINARY_TLS12, ORDINARY_TLS13, WIDEST, WIDEST_BEFORE_TLS13};
use tlsmend::observe::tls::Connector;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;

struct World {
    runtime: tokio::runtime::Runtime,
    listener: TcpListener,
    connector: Connector,
}

thread_local! {
    static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
}

fn world() -> World {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a loopback port");
    World { runtime, listener, connector: Connector::new() }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&which, flight)) = bytes.split_first() else { return };
    let hello = [WIDEST, WIDEST_BEFORE_TLS13, ORDINARY_TLS12, ORDINARY_TLS13][usize::from(which) % 4];
    WORLD.with_borrow_mut(|kept| {
        let world = kept.get_or_insert_with(world);
        let address = world.listener.local_addr().expect("it is bound");
        let name = "www.example.com".parse().expect("a name");
        let serve = async {
            let Ok((mut stream, _)) = world.listener.accept().await else { return };
            let mut hello = [0; 2048];
            let _ = stream.read(&mut hello).await;
            let _ = stream.write_all(flight).await;
            let _ = stream.shutdown().await;
            let _ = stream.read(&mut hello).await;
        };
        let deadline = Instant::now() + Duration::from_secs(5);
        world.runtime.block_on(async { tokio::join!(serve, world.connector.ask(address, &name, &hello, deadline)) });
    });
});
