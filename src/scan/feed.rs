//! Reads the list on a thread of its own: a pipe may be silent for hours while handshakes go on.

use std::io::{self, Read};

use tokio::sync::mpsc;

use super::done::Done;
use super::input::{Item, Items};

/// Items handed over at once: a hand-over wakes the other side, which costs as much as parsing several names.
const BATCH: usize = 64;

/// Batches read ahead.
const AHEAD: usize = 4;

/// Some items, and how far the reading is.
#[derive(Debug, Default)]
pub struct Batch {
    pub items: Vec<Item>,
    /// Items that an earlier run did.
    pub skipped: u64,
    /// Octets of the list read so far.
    pub position: u64,
    /// In the last batch: how many targets the whole list has.
    pub targets: Option<u64>,
}

/// Reads `items` to their end, or until nobody receives any more. Those that are `done` are only counted.
pub fn start<R: Read + Send + 'static>(
    mut items: Items<R>,
    mut done: Done,
) -> io::Result<mpsc::Receiver<io::Result<Batch>>> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    std::thread::Builder::new().name("list".to_owned()).spawn(move || {
        let mut batch = Batch::default();
        loop {
            match items.next() {
                None => break,
                Some(Ok(item)) if done.take(item.index) => batch.skipped += 1,
                Some(Ok(item)) => batch.items.push(item),
                Some(Err(error)) => {
                    let _ = sender.blocking_send(Ok(batch));
                    let _ = sender.blocking_send(Err(error));
                    return;
                }
            }
            let full = batch.items.len() >= BATCH || batch.skipped >= 100_000;
            if full || (items.is_drained() && !batch.items.is_empty()) {
                batch.position = items.position();
                if sender.blocking_send(Ok(std::mem::take(&mut batch))).is_err() {
                    return;
                }
            }
        }
        batch.position = items.position();
        batch.targets = Some(items.targets());
        let _ = sender.blocking_send(Ok(batch));
    })?;
    Ok(receiver)
}
