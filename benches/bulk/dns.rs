//! CPU that a question to the name server costs: `dns FILE SERVER` asks for A and AAAA of each name of FILE, a hundred names
//! at a time, and does nothing else. Linux: the kernel's account of this thread is read.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tlsmend::observe::dns::Resolver;
use tokio::task::JoinSet;
use tokio::time::Instant;

const AT_A_TIME: usize = 100;

/// Nanoseconds that this thread has run.
fn cpu() -> Result<u64, Box<dyn Error>> {
    let account = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(account.split(' ').next().unwrap_or_default().parse()?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, server] = &arguments[..] else { return Err("dns FILE SERVER".into()) };
    let server: SocketAddr = server.parse()?;
    let names: Vec<String> = std::fs::read_to_string(file)?.lines().map(str::to_owned).collect();
    let count = names.len();
    let names = Arc::new(Mutex::new(names));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let before = cpu()?;
    let found: usize = runtime.block_on(async {
        let resolver = Resolver::for_many(vec![server]);
        let mut tasks = JoinSet::new();
        for _ in 0..AT_A_TIME {
            let (resolver, names) = (resolver.clone(), Arc::clone(&names));
            tasks.spawn(async move {
                let mut found = 0;
                loop {
                    let next = names.lock().unwrap_or_else(PoisonError::into_inner).pop();
                    let Some(Ok(name)) = next.map(|name| name.parse()) else { return found };
                    let resolution = resolver.resolve(&name, Instant::now() + Duration::from_secs(10)).await;
                    found += usize::from(!resolution.addresses.is_empty());
                }
            });
        }
        tasks.join_all().await.into_iter().sum()
    });
    let used = (cpu()? - before) as f64 / 1000.0 / (2 * count) as f64;
    println!("{used:.1} us a question ({count} names, {found} with addresses)");
    Ok(())
}
