//! A log of the simulated world: a planned one, of which a part has been appended. Records may expire, the end may be
//! lost, another log may take its place, and a read may fail.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dataflows::log::batch::RecordBatch;
use dataflows::log::binding::{Binding, ProgressRecord};
use tickline::log::{Log, LogError, PartitionReader};

use crate::oracle::{self, Record};

/// Most records in one read.
const READ_MAX: usize = 9;

/// A progress log about a log with this number of partitions, of which nothing but its first record was appended yet.
pub fn progress_log(bindings: &[(u32, u64, i64)], partitions: u32, seed: u64) -> SimulatedLog {
    let first = ProgressRecord::Paces { log: String::new(), partitions };
    let binding = |&(partition, offset, event_ms): &(u32, u64, i64)| {
        ProgressRecord::Binding(Binding { partition, offset, event_ms: event_ms as u64, newest_ms: None, place: 0 })
    };
    let records = std::iter::once(first).chain(bindings.iter().map(binding)).enumerate();
    let record = |(at, record): (usize, ProgressRecord)| Record {
        offset: at as u64,
        bytes: record.encode(),
        is_tombstone: false,
        timestamp_ms: None,
    };
    let log = SimulatedLog::new(vec![records.map(record).collect()], seed);
    log.append(0, 1);
    log
}

/// A log; its clones are the same one.
#[derive(Clone)]
pub struct SimulatedLog(Arc<Mutex<State>>);

/// What it holds.
struct State {
    partitions: Vec<Partition>,
    /// How often another log has taken its place.
    identity: u64,
    /// The next read fails.
    read_fails: bool,
    rng: fastrand::Rng,
}

/// One partition.
#[derive(Clone, Default)]
struct Partition {
    /// Those that were appended, and those that will be.
    records: Vec<Record>,
    /// The first offset that has not expired.
    first: u64,
    /// The number of those that were appended, expired ones included.
    appended: usize,
    /// The number of those that cannot be lost any more.
    synced: usize,
    /// The number of those that anyone has read.
    read: usize,
    /// Each time its end was lost: the offset from which on.
    cuts: Vec<u64>,
}

impl SimulatedLog {
    /// A log of which nothing was appended yet.
    pub fn new(planned: oracle::Log, seed: u64) -> Self {
        let partition = |records| Partition { records, ..Partition::default() };
        let partitions = planned.into_iter().map(partition).collect();
        let rng = fastrand::Rng::with_seed(seed);
        Self(Arc::new(Mutex::new(State { partitions, identity: 1, read_fails: false, rng })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All records, also those to come.
    pub fn planned(&self) -> oracle::Log {
        self.state().partitions.iter().map(|partition| partition.records.clone()).collect()
    }

    /// Appends up to `count` records to a partition. Returns how many.
    pub fn append(&self, partition: usize, count: usize) -> usize {
        let partition = &mut self.state().partitions[partition];
        let before = partition.appended;
        partition.appended = (before + count).min(partition.records.len());
        partition.appended - before
    }

    /// Whether nothing is left to append.
    pub fn is_whole(&self) -> bool {
        self.state().partitions.iter().all(|partition| partition.appended == partition.records.len())
    }

    /// What was appended so far can no longer be lost.
    pub fn sync(&self) {
        self.state().partitions.iter_mut().for_each(|partition| partition.synced = partition.appended);
    }

    /// Loses what was not synced, or a part of it; later records take the offsets. Returns the number of records lost,
    /// and whether any of them was read.
    pub fn lose_end(&self) -> (usize, bool) {
        let (mut lost, mut was_read) = (0, false);
        let State { partitions, rng, .. } = &mut *self.state();
        for partition in partitions {
            let appended = partition.appended;
            // More was written by itself than anybody can rely on.
            let synced = rng.usize(partition.synced..=appended);
            if synced == appended {
                continue;
            }
            lost += appended - synced;
            was_read |= partition.read > synced;
            let first_lost = partition.records[synced].offset;
            let shift = partition.records[appended - 1].offset + 1 - first_lost;
            partition.records.drain(synced..appended);
            partition.records[synced..].iter_mut().for_each(|record| record.offset -= shift);
            partition.appended = synced;
            partition.read = partition.read.min(synced);
            partition.cuts.push(first_lost);
        }
        (lost, was_read)
    }

    /// Removes the records before an offset of a partition.
    pub fn expire(&self, partition: usize, before: u64) {
        let partition = &mut self.state().partitions[partition];
        partition.first = partition.first.max(before.min(partition.end()));
    }

    /// Another log takes its place, or the old one comes back.
    pub fn replace(&self, identity: u64) {
        self.state().identity = identity;
    }

    /// Whether another log has taken its place.
    pub fn is_replaced(&self) -> bool {
        self.state().identity != 1
    }

    /// No read fails any more.
    pub fn fail_no_read(&self) {
        self.state().read_fails = false;
    }

    /// The next read fails.
    pub fn fail_next_read(&self) {
        self.state().read_fails = true;
    }

    fn lost(&self, number: u32, wanted: u64) -> LogError {
        let state = self.state();
        let of = &state.partitions[number as usize];
        let cause = "the simulation removed it".to_owned();
        LogError::OffsetLost { path: self.name(), partition: number, wanted, first: of.first, end: of.end(), cause }
    }
}

impl Partition {
    fn end(&self) -> u64 {
        self.records[..self.appended].last().map_or(0, |record| record.offset + 1)
    }
}

impl Log for SimulatedLog {
    fn partitions(&self) -> u32 {
        self.state().partitions.len() as u32
    }

    fn first_offset(&self, partition: u32) -> Result<u64, LogError> {
        Ok(self.state().partitions[partition as usize].first)
    }

    fn end_offset(&self, partition: u32) -> Result<u64, LogError> {
        Ok(self.state().partitions[partition as usize].end())
    }

    fn reader(&self, partition: u32, offset: u64) -> Result<Box<dyn PartitionReader>, LogError> {
        let (first, end) = (self.first_offset(partition)?, self.end_offset(partition)?);
        if !(first..=end).contains(&offset) {
            return Err(self.lost(partition, offset));
        }
        let (identity, cuts) = {
            let state = self.state();
            (state.identity, state.partitions[partition as usize].cuts.len())
        };
        Ok(Box::new(Reader { log: self.clone(), partition, offset, identity, cuts }))
    }

    fn name(&self) -> String {
        "simulated".to_owned()
    }

    fn identity(&self) -> String {
        format!("simulated-{}", self.state().identity)
    }
}

/// Reader of one partition.
struct Reader {
    log: SimulatedLog,
    partition: u32,
    offset: u64,
    /// Those of the log when it was opened.
    identity: u64,
    cuts: usize,
}

impl PartitionReader for Reader {
    fn read(&mut self, batch: &mut RecordBatch, _bytes_max: usize) -> Result<(), LogError> {
        batch.clear();
        let mut state = self.log.state();
        if state.identity != self.identity {
            let (was, is) = (self.identity.to_string(), state.identity.to_string());
            return Err(LogError::Replaced { path: "simulated".to_owned(), was, is, hint: "the simulation did it" });
        }
        if std::mem::take(&mut state.read_fails) {
            let why = "the simulation wanted it so".to_owned();
            return Err(LogError::Failed { path: "simulated".to_owned(), what: "cannot read", why });
        }
        let count = state.rng.usize(0..=READ_MAX);
        let partition = &mut state.partitions[self.partition as usize];
        let is_cut = partition.cuts[self.cuts..].iter().any(|first_lost| *first_lost < self.offset);
        let is_lost = self.offset < partition.first || is_cut;
        if is_lost {
            drop(state);
            return Err(self.log.lost(self.partition, self.offset));
        }
        let at = partition.records.partition_point(|record| record.offset < self.offset);
        let upper = (at + count).min(partition.appended).max(at);
        for record in &partition.records[at..upper] {
            match record.is_tombstone {
                true => batch.push_tombstone(record.offset, record.timestamp_ms),
                false => batch.push(record.offset, &record.bytes, record.timestamp_ms),
            }
            self.offset = record.offset + 1;
        }
        partition.read = partition.read.max(upper);
        Ok(())
    }

    fn position(&self) -> u64 {
        let state = self.log.state();
        let partition = &state.partitions[self.partition as usize];
        let next = partition.records[..partition.appended].iter().find(|record| record.offset >= self.offset);
        next.map_or_else(|| partition.end().max(self.offset), |record| record.offset)
    }

    fn unread(&self) -> Option<u64> {
        let state = self.log.state();
        let partition = &state.partitions[self.partition as usize];
        let read = partition.records.partition_point(|record| record.offset < self.offset);
        Some(partition.appended.saturating_sub(read) as u64)
    }
}
