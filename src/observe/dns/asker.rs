//! Many questions for one target, side by side: counted, and over by one moment.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::rdata::SOA;
use hickory_proto::rr::{Name, RData, Record, RecordType};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::answer::{MAX_ALIASES, Walk, same};
use super::exchange::{Failure, Mode, Reply, Servers, ask_as};
use crate::model::resolution::DnsStatus;

/// Questions for one target beyond its addresses. A chain of five names over three zones with four name servers each takes
/// about a hundred; a zone made to exhaust us is cut here.
const MAX_QUESTIONS: usize = 400;

/// Questions on their way at once: each holds a socket, and several targets are probed at a time.
const AT_ONCE: usize = 32;

/// How long a name server may still take after the last try: it answers from its own data.
const PATIENCE_OF_AUTHORITY: Duration = Duration::from_millis(1200);

/// Asks the resolvers, or a name server. A clone counts with its original.
#[derive(Debug, Clone)]
pub struct Asker {
    resolvers: Arc<Servers>,
    asked: Arc<AtomicUsize>,
    slots: Arc<Semaphore>,
    pub deadline: Instant,
}

impl Asker {
    pub fn new(resolvers: Arc<Servers>, deadline: Instant) -> Self {
        Self { resolvers, asked: Arc::default(), slots: Arc::new(Semaphore::new(AT_ONCE)), deadline }
    }

    pub fn resolvers(&self) -> &Servers {
        &self.resolvers
    }

    /// Questions so far; those that were not put because there were too many count too.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed).min(MAX_QUESTIONS)
    }

    pub fn is_exhausted(&self) -> bool {
        self.asked.load(Ordering::Relaxed) > MAX_QUESTIONS
    }

    fn take(&self) -> Result<(), Failure> {
        if self.asked.fetch_add(1, Ordering::Relaxed) < MAX_QUESTIONS {
            return Ok(());
        }
        let detail = format!("not asked: more than {MAX_QUESTIONS} questions for one target");
        Err(Failure { status: DnsStatus::Timeout, reply: None, detail })
    }

    /// Asks the resolvers.
    pub async fn ask(&self, mode: Mode, name: &Name, record_type: RecordType) -> Result<Reply, Failure> {
        self.take()?;
        let _slot = self.slots.acquire().await;
        ask_as(mode, &self.resolvers, name, record_type, self.deadline).await
    }

    /// Asks one name server about its own zones.
    pub async fn ask_directly(
        &self,
        server: SocketAddr,
        name: &Name,
        record_type: RecordType,
    ) -> Result<Reply, Failure> {
        self.take()?;
        let _slot = self.slots.acquire().await;
        let server = Servers { addresses: vec![server], rounds: 2, patience: PATIENCE_OF_AUTHORITY, mux: None };
        ask_as(Mode::Direct, &server, name, record_type, self.deadline).await
    }

    /// The records of a type at the end of the aliases of `name`, with the name they stand at. Resolvers follow aliases
    /// themselves; where one does not, it is done here.
    pub async fn records(&self, name: &Name, record_type: RecordType) -> Result<(Name, Vec<Record>), Failure> {
        let mut here = name.clone();
        for _ in 0..MAX_ALIASES {
            let reply = self.ask(Mode::Resolve, &here, record_type).await?;
            let answers = &reply.message.answers;
            let end = Walk::along(&here, answers).end(&here).clone();
            let found = answers.iter().filter(|record| record.record_type() == record_type && same(&record.name, &end));
            let found: Vec<Record> = found.cloned().collect();
            let complete = reply.message.metadata.response_code == ResponseCode::NXDomain
                || soa(&reply.message.authorities).is_some();
            if !found.is_empty() || complete || same(&end, &here) {
                return Ok((end, found));
            }
            here = end;
        }
        let detail = format!("more than {MAX_ALIASES} aliases");
        Err(Failure { status: DnsStatus::TooLong, reply: None, detail })
    }
}

/// The first SOA of a section.
pub fn soa(records: &[Record]) -> Option<(&Record, &SOA)> {
    records.iter().find_map(|record| match &record.data {
        RData::SOA(soa) => Some((record, soa)),
        _ => None,
    })
}

/// Seconds that a negative answer may be kept (RFC 2308 §5).
pub fn negative_ttl(authorities: &[Record]) -> Option<u32> {
    soa(authorities).map(|(record, soa)| record.ttl.min(soa.minimum))
}

/// `name` and its parents, without the root, at most `most` of them.
pub fn climb(name: &Name, most: usize) -> Vec<Name> {
    let mut names = Vec::new();
    let mut here = name.clone();
    while !here.is_root() && names.len() < most {
        let parent = here.base_name();
        names.push(here);
        here = parent;
    }
    names
}

/// Waits for all at once; the results are in the order given.
pub async fn all<T: Send + 'static>(
    tasks: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let mut set = JoinSet::new();
    for (index, task) in tasks.into_iter().enumerate() {
        set.spawn(async move { (index, task.await) });
    }
    let mut done = set.join_all().await;
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}
