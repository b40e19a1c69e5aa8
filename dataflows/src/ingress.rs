//! From records to deliveries: batches of raw records of one worker's partitions become deliveries, rejected rows and
//! counts, each at its time.
//!
//! Everything here depends only on the records read so far, not on a clock. `partition` gives each record its time,
//! `router` merges trades and addresses them to the worker that keeps their symbol's state.

mod ahead;
pub mod delivery;
pub mod frontier_scan;
pub mod live_sources;
mod partition;
mod reading;
mod room;
pub mod router;
pub mod seen;
mod symbols;
mod waiting_trade;
pub mod witness;

use crate::ingress::live_sources::LiveSource;
use crate::ingress::partition::Partition;
pub use crate::ingress::partition::PartitionMemory;
use crate::ingress::reading::Reading;
use crate::ingress::router::{Outgoing, Router};
use crate::ingress::witness::{Unwatched, Witness};
use crate::log::batch::{RecordBatch, RecordSpan};
use crate::log::binding::Binding;
use crate::log::decode::{RawTrade, Visitor, decode};
use crate::log::reject::Reason;
use crate::progress::last_record::LastRecord;
use crate::progress::resume::ResumePoint;
use crate::progress::time::Time;
use crate::settings::Settings;
use crate::state::codec::{self, CodecError};
use crate::state::snapshot::{Shard, memory_shard};
use crate::symbols::symbol::Symbol;

/// Records of a batch between two possible resume points.
const MARK_EVERY: usize = 1024;

/// What is read when no record is.
const NO_RECORD: RecordSpan = RecordSpan {
    offset: u64::MAX,
    start: 0,
    len: 0,
    total_len: 0,
    timestamp_ms: None,
    leader_epoch: None,
    is_tombstone: false,
};

/// One worker's partitions and the output read from them but not yet sent.
pub struct Ingress<W = Unwatched> {
    settings: Settings,
    /// Records before this time are already in the state: a resumed run re-reads some of them.
    resumed_from: Time,
    partitions: Vec<Partition>,
    router: Router,
    witness: W,
}

impl Ingress {
    /// Starts at these resume points, one for each partition that this worker owns; `resumed_from` is 0 for a new run.
    pub fn new(settings: Settings, worker: usize, peers: usize, starts: Vec<ResumePoint>, resumed_from: Time) -> Self {
        Self::watched(settings, (worker, peers), starts, resumed_from, Unwatched)
    }
}

impl<W: Witness> Ingress<W> {
    /// The same as worker `of.0` among `of.1`, with a witness, which sees all that is decided as of `resumed_from` or
    /// later.
    pub fn watched(
        settings: Settings,
        of: (usize, usize),
        starts: Vec<ResumePoint>,
        resumed_from: Time,
        witness: W,
    ) -> Self {
        let router = Router::new(of.0, of.1);
        let partitions = starts.into_iter().map(|start| Partition::new(start, &settings)).collect();
        Self { settings, resumed_from, partitions, router, witness }
    }

    /// Ends the reading, and gives the witness back. The accepted trades that wait for the frontier to come near are
    /// sent on before, so that it has seen them.
    pub fn into_witness(mut self) -> W {
        for at in 0..self.partitions.len() {
            self.reading(at, &NO_RECORD, &[]).send_ahead(Time::MAX);
        }
        self.witness
    }

    /// Makes the rows of one symbol alone, before anything is read or restored: they are the same, and those of the
    /// others, with their part of the digest, are not made.
    pub fn send_only(&mut self, symbol: Symbol) {
        self.router.send_only(symbol);
    }

    /// Reads the next records of this worker's `at`th partition, from the batch's `from`th record on. Returns the
    /// number of the first record that may not be read yet: all are, unless a progress log has to tell first.
    pub fn feed(&mut self, at: usize, batch: &RecordBatch, from: usize) -> usize {
        let next = self.feed_records(at, batch, from);
        if let Some(span) = batch.records[from..next].last() {
            self.partitions[at].set_last(LastRecord::of(span, batch.record(span)));
        }
        next
    }

    fn feed_records(&mut self, at: usize, batch: &RecordBatch, from: usize) -> usize {
        for (n, span) in batch.records.iter().enumerate().skip(from) {
            if !self.partitions[at].reaches(span.offset) {
                return n;
            }
            if n % MARK_EVERY == 0 {
                let before = batch.records[from..n].last();
                self.partitions[at].mark(span.offset, || before.map(|span| LastRecord::of(span, batch.record(span))));
            }
            let record = batch.record(span);
            let mut reading = self.reading(at, span, record);
            reading.settle_early();
            if span.is_tombstone {
                reading.reject(0, Reason::Tombstone, record);
            } else {
                decode(record, span.total_len, &mut reading);
            }
            reading.end_record();
            reading.settle_early();
            self.partitions[at].set_read(span.offset);
        }
        batch.records.len()
    }

    /// Takes the next binding of the progress log, of this worker's `at`th partition.
    pub fn add_binding(&mut self, at: usize, binding: Binding) {
        self.partitions[at].add_binding(binding);
    }

    /// Everything before this position of the `at`th partition is read: what the progress log says of it counts.
    pub fn bind_up_to(&mut self, at: usize, position: u64) {
        self.partitions[at].bind_up_to(position);
    }

    /// Only records of the `at`th partition before this offset may be read.
    pub fn bound(&self, at: usize) -> u64 {
        self.partitions[at].bound()
    }

    /// The `at`th partition of a finished log is read: nothing more confirms the trades that wait for it.
    pub fn end_partition(&mut self, at: usize) {
        self.reading(at, &NO_RECORD, &[]).end();
    }

    /// Reads one decoded trade as the record at `offset` of the `at`th partition.
    #[inline]
    pub fn feed_decoded(&mut self, at: usize, offset: u64, trade: &RawTrade<'_>) {
        let span = RecordSpan { offset, ..NO_RECORD };
        let mut reading = self.reading(at, &span, &[]);
        reading.settle_early();
        reading.trade(0, trade);
        self.partitions[at].set_read(offset);
    }

    #[inline]
    fn reading<'a>(&'a mut self, at: usize, span: &'a RecordSpan, record: &'a [u8]) -> Reading<'a, W> {
        Reading {
            partition: &mut self.partitions[at],
            router: &mut self.router,
            settings: &self.settings,
            resumed_from: self.resumed_from,
            span,
            record,
            rejected: (0, None),
            witness: &mut self.witness,
        }
    }

    /// This worker's frontier: the least frontier of its partitions.
    /// `None` when it owns none.
    pub fn frontier(&self) -> Option<Time> {
        self.partitions.iter().map(|partition| self.partition_time(partition)).min()
    }

    /// Frontier of the `at`th partition.
    pub fn partition_frontier(&self, at: usize) -> Time {
        self.partition_time(&self.partitions[at])
    }

    fn partition_time(&self, partition: &Partition) -> Time {
        partition.now(&self.settings).max(self.resumed_from)
    }

    /// Records of the `at`th partition that were read and wait for a later frontier.
    pub fn records_from(&self, at: usize, frontier: Time) -> u64 {
        self.partitions[at].records_from(frontier)
    }

    /// Resume points of a checkpoint as of `frontier`, one for each partition of this worker. Those of a later one are
    /// not before them.
    pub fn checkpoint_points(&mut self, frontier: Time) -> Vec<ResumePoint> {
        self.partitions.iter_mut().map(|partition| partition.checkpoint_point(frontier)).collect()
    }

    /// Resume points as of `frontier`, one for each partition of this worker.
    pub fn resume_points(&self, frontier: Time) -> Vec<ResumePoint> {
        self.partitions.iter().map(|partition| partition.resume_point(frontier)).collect()
    }

    /// The position after the last record read, for each partition of this worker.
    pub fn read_points(&self) -> Vec<ResumePoint> {
        self.partitions.iter().map(Partition::read_point).collect()
    }

    /// The live sources of the `at`th partition, and the last progress record of each.
    pub fn sources(&self, at: usize) -> impl Iterator<Item = LiveSource<'_>> {
        self.partitions[at].sources()
    }

    /// Nothing more comes in the `at`th partition, so its frontier follows the others: to this one.
    pub fn follow(&mut self, at: usize, frontier: Time) {
        self.partitions[at].follow(frontier);
    }

    /// The first time step after every time given in the `at`th partition.
    pub fn end(&self, at: usize) -> Time {
        self.partitions[at].time_max().map_or(0, |time| time + self.settings.step_ms)
    }

    /// Drops the resume points before this frontier.
    pub fn forget(&mut self, frontier: Time) {
        self.partitions.iter_mut().for_each(|partition| partition.forget(frontier, &self.settings));
    }

    /// What is known of the records before each resume point as of `frontier`, as shards of a checkpoint; none for a
    /// partition of which nothing is.
    pub fn memory_shards(&self, frontier: Time) -> Result<Vec<Shard>, CodecError> {
        let name = |number| self.router.symbol_of(number);
        let memories = self.partitions.iter().map(|of| (of.number, of.memory(frontier, &self.settings, name)));
        let shard = |(partition, memory): (u32, PartitionMemory)| {
            Ok(Shard { frontier, shard: memory_shard(partition), is_base: true, bytes: codec::encode(&memory)? })
        };
        memories.filter(|(_, memory)| !memory.is_empty()).map(shard).collect()
    }

    /// Continues with what [`Self::memory_shards`] made of the `at`th partition, before anything is read.
    pub fn restore(&mut self, at: usize, memory: PartitionMemory) {
        for symbol in &memory.symbols {
            let number = self.router.add(&self.settings.conditions, symbol.clone());
            self.partitions[at].room.take(number, 0);
        }
        self.partitions[at].restore(memory);
    }

    /// Trades of the `at`th partition that have no time yet: they wait to be judged or confirmed.
    pub fn undecided(&self, at: usize) -> usize {
        self.partitions[at].undecided()
    }

    /// Accepted trades of the `at`th partition that wait here for the frontier to come near.
    pub fn ahead(&self, at: usize) -> usize {
        self.partitions[at].ahead.len()
    }

    /// Requests a snapshot as of `time` from every worker. No worker may have applied a trade of that time or later:
    /// it is after this worker's own frontier, or nobody reads any more and it is the frontier of all.
    pub fn request_checkpoint(&mut self, time: Time) {
        self.router.request_checkpoint(time);
    }

    /// Takes the output to send. Its times are at or after the frontier at the last call.
    pub fn take(&mut self) -> Outgoing {
        for at in 0..self.partitions.len() {
            let mut reading = self.reading(at, &NO_RECORD, &[]);
            reading.settle_early();
            let end = reading.near();
            reading.send_ahead(end);
        }
        self.router.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::conditions::ConditionTable;

    #[test]
    fn a_resume_point_names_the_last_record_that_it_relies_on() {
        let progress = |n: u64| format!(r#"{{"type":"progress","source":"a","event_ms":{}}}"#, n * 1_000);
        let trade = |n: u64| format!(r#"{{"s":"A","p":1,"v":1,"t":{}}}"#, 31_536_000_000 + n * 1_000);
        let record = |n: u64| if n.is_multiple_of(2) { progress(31_536_000 + n / 2) } else { trade(n / 2) };
        let mut all = RecordBatch::default();
        (0..9_000).for_each(|n| all.push(n, record(n).as_bytes(), None));
        let name = |offset: u64| {
            let span = &all.records[offset as usize];
            LastRecord::of(span, all.record(span))
        };
        let settings = Settings::new(ConditionTable::neutral());
        let mut ingress = Ingress::new(settings, 0, 1, vec![ResumePoint::fresh(0, 0)], 0);
        let (mut read, mut places, mut marks) = (0, 0, std::collections::BTreeSet::new());
        for records in [1, 1, 7, 1_024, 3_000, 2, 2_500, 1_025] {
            let mut batch = RecordBatch::default();
            (read..read + records).for_each(|n| batch.push(n, record(n).as_bytes(), None));
            ingress.feed(0, &batch, 0);
            marks.extend((read..read + records).step_by(MARK_EVERY));
            read += records;
            marks.insert(read);
            for seconds in (0..read / 2).step_by(97) {
                let point = &ingress.resume_points(31_536_000_000 + seconds * 1_000)[0];
                // The progress record that moves the frontier there, or one a little later.
                let last = point.last.expect("a record").offset;
                assert_eq!(point.last, Some(name(last)), "as of {seconds} s");
                assert!(marks.contains(&(last + 1)), "as of {seconds} s: {last} is not the record before a mark");
                assert!((point.offset..read).contains(&(last + 1).min(read - 1)), "as of {seconds} s: {last}");
                assert!((2 * seconds..=2 * seconds + 2 * MARK_EVERY as u64).contains(&last), "{seconds} s: {last}");
                places += u64::from(point.offset > 0);
            }
        }
        assert_eq!(ingress.read_points()[0].last, Some(name(read - 1)));
        assert!(places > 50, "{places}");
    }
}
