//! Where the lines go: whole lines only, whatever happens to the disk.

mod csv;

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};

use tokio::sync::mpsc;

use super::resume::Seen;
use crate::model::line::Line;

/// What lines look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A JSON document a line.
    Ndjson,
    /// RFC 4180, with a header.
    Csv,
}

impl Form {
    /// What stands before the first line.
    pub fn header(self) -> &'static [u8] {
        match self {
            Self::Ndjson => b"",
            Self::Csv => csv::HEADER,
        }
    }

    /// Appends `line` and its end to `buffer`.
    pub fn write(self, line: &Line, buffer: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Ndjson => {
                serde_json::to_writer(&mut *buffer, line)?;
                buffer.push(b'\n');
            }
            Self::Csv => csv::write(line, buffer),
        }
        Ok(())
    }

    /// Reads a line without its end; the whole of it only if `whole` and there is a whole in it. `None`: it is none.
    pub fn read(self, octets: &[u8], whole: bool) -> Option<(Seen, Option<Line>)> {
        match self {
            Self::Ndjson if whole => {
                let line: Line = serde_json::from_slice(octets).ok()?;
                let failure = line.failure.as_deref().map(str::to_owned);
                let seen = Seen { index: line.index, outcome: line.outcome, failure, severity: line.severity };
                Some((seen, Some(line)))
            }
            Self::Ndjson => Some((serde_json::from_slice(octets).ok()?, None)),
            Self::Csv => Some((csv::read(octets)?, None)),
        }
    }
}

/// Something that octets are appended to, all of a piece or not at all as far as it can.
pub trait Sink: Send {
    fn append(&mut self, octets: &[u8]) -> io::Result<()>;
    /// Everything is written.
    fn finish(&mut self) -> io::Result<()>;
}

/// A file whose end is always a whole line: what a full disk took half of is cut again.
#[derive(Debug)]
pub struct WholeLines {
    file: File,
    length: u64,
}

impl WholeLines {
    /// Goes on behind `length`, which is the end of a whole line; the rest is cut.
    pub fn after(mut file: File, length: u64) -> io::Result<Self> {
        // A device has no length.
        if file.metadata()?.is_file() {
            file.set_len(length)?;
            file.seek(SeekFrom::Start(length))?;
        }
        Ok(Self { file, length })
    }
}

impl Sink for WholeLines {
    fn append(&mut self, octets: &[u8]) -> io::Result<()> {
        let mut written = 0;
        while written < octets.len() {
            match self.file.write(&octets[written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let whole = octets[..written].iter().rposition(|&octet| octet == b'\n').map_or(0, |end| end + 1);
                    let end = self.length + whole as u64;
                    // If even this fails, `--resume` cuts the torn line.
                    let _ = self.file.set_len(end).and_then(|()| self.file.seek(SeekFrom::Start(end)));
                    return Err(error);
                }
            }
        }
        self.length += octets.len() as u64;
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        if self.file.metadata()?.is_file() { self.file.sync_all() } else { Ok(()) }
    }
}

/// The standard output, or any other stream.
pub struct Stream<W>(pub W);

impl<W: Write + Send> Sink for Stream<W> {
    fn append(&mut self, octets: &[u8]) -> io::Result<()> {
        self.0.write_all(octets)?;
        self.0.flush()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// What is written at once.
#[derive(Debug, Default)]
pub struct Chunk {
    /// Goes first: no line may mention a certificate that a power cut kept from being collected.
    pub certificates: Vec<u8>,
    pub lines: Vec<u8>,
}

impl Chunk {
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.certificates.is_empty()
    }

    fn clear(&mut self) {
        self.lines.clear();
        self.certificates.clear();
    }
}

/// Writes on a thread of its own: a reader that is slow (`| less`) must not stop handshakes.
#[derive(Debug)]
pub struct Writer {
    to: mpsc::Sender<Chunk>,
    back: mpsc::Receiver<Chunk>,
    thread: std::thread::JoinHandle<io::Result<()>>,
}

/// Chunks on their way.
const ON_THE_WAY: usize = 2;

impl Writer {
    pub fn start(mut lines: Box<dyn Sink>, mut certificates: Option<Box<dyn Sink>>) -> io::Result<Self> {
        let (to, mut from) = mpsc::channel::<Chunk>(ON_THE_WAY);
        let (give_back, back) = mpsc::channel(ON_THE_WAY + 1);
        let thread = std::thread::Builder::new().name("writer".to_owned()).spawn(move || {
            while let Some(mut chunk) = from.blocking_recv() {
                if let Some(sink) = certificates.as_mut().filter(|_| !chunk.certificates.is_empty()) {
                    sink.append(&chunk.certificates)?;
                }
                if !chunk.lines.is_empty() {
                    lines.append(&chunk.lines)?;
                }
                chunk.clear();
                let _ = give_back.try_send(chunk);
            }
            if let Some(sink) = &mut certificates {
                sink.finish()?;
            }
            lines.finish()
        })?;
        Ok(Self { to, back, thread })
    }

    /// Hands `chunk` over and leaves an empty one in its place. `Err`: nothing more can be written; [`Writer::finish`] says
    /// why.
    pub async fn send(&mut self, chunk: &mut Chunk) -> Result<(), Stopped> {
        let empty = self.back.try_recv().unwrap_or_default();
        self.to.send(std::mem::replace(chunk, empty)).await.map_err(|_| Stopped)
    }

    /// Waits until everything is on its way to the disk.
    pub async fn finish(self) -> io::Result<()> {
        drop(self.to);
        let joined = tokio::task::spawn_blocking(move || self.thread.join()).await;
        match joined {
            Ok(Ok(result)) => result,
            _ => Err(io::Error::other("the thread that writes panicked")),
        }
    }
}

/// The writer has ended before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_goes_on_behind_its_last_whole_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "one\ntw").unwrap();
        let mut lines = WholeLines::after(file.reopen().unwrap(), 4).unwrap();
        lines.append(b"two\n").unwrap();
        lines.finish().unwrap();
        assert_eq!(std::fs::read_to_string(file.path()).unwrap(), "one\ntwo\n");
    }

    #[test]
    fn a_full_device_is_an_error() {
        let Ok(full) = File::options().write(true).open("/dev/full") else { return };
        let mut lines = WholeLines::after(full, 0).unwrap();
        assert_eq!(lines.append(b"one\n").unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
