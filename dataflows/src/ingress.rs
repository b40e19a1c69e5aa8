//! From records to deliveries: batches of raw records of one worker's partitions become deliveries, rejected rows and
//! counts, each at its time.
//!
//! Everything here depends only on the records read so far, not on a clock. `partition` gives each record its time,
//! `router` merges trades and addresses them to the worker that keeps their symbol's state.

pub mod delivery;
pub mod live_sources;
mod partition;
pub mod router;
mod symbols;

use crate::ingress::live_sources::LiveSource;
use crate::ingress::partition::{Partition, Reading};
use crate::ingress::router::{Outgoing, Router};
use crate::log::batch::{RecordBatch, RecordSpan};
use crate::log::decode::{RawTrade, Visitor, decode};
use crate::progress::resume::ResumePoint;
use crate::progress::time::Time;
use crate::settings::Settings;

/// Records of a batch between two possible resume points.
const MARK_EVERY: usize = 1024;

/// One worker's partitions and the output read from them but not yet sent.
pub struct Ingress {
    settings: Settings,
    /// Records before this time are already in the state: a resumed run re-reads some of them.
    resumed_from: Time,
    partitions: Vec<Partition>,
    router: Router,
}

impl Ingress {
    /// Starts at these resume points, one for each partition that this worker owns; `resumed_from` is 0 for a new run.
    pub fn new(settings: Settings, worker: usize, peers: usize, starts: Vec<ResumePoint>, resumed_from: Time) -> Self {
        let partitions = starts.into_iter().map(Partition::new).collect();
        Self { settings, resumed_from, partitions, router: Router::new(worker, peers) }
    }

    /// Reads the next records of this worker's `at`th partition.
    pub fn feed(&mut self, at: usize, batch: &RecordBatch) {
        for (n, span) in batch.records.iter().enumerate() {
            if n % MARK_EVERY == 0 {
                self.partitions[at].mark(span.offset);
            }
            let record = batch.record(span);
            decode(record, span.total_len, &mut self.reading(at, span, record));
            self.partitions[at].set_read(span.offset);
        }
    }

    /// Reads one decoded trade as the record at `offset` of the `at`th partition.
    #[inline]
    pub fn feed_decoded(&mut self, at: usize, offset: u64, trade: &RawTrade<'_>) {
        let span = RecordSpan { offset, start: 0, len: 0, total_len: 0, timestamp_ms: None };
        self.reading(at, &span, &[]).trade(0, trade);
        self.partitions[at].set_read(offset);
    }

    #[inline]
    fn reading<'a>(&'a mut self, at: usize, span: &'a RecordSpan, record: &'a [u8]) -> Reading<'a> {
        Reading {
            partition: &mut self.partitions[at],
            router: &mut self.router,
            settings: &self.settings,
            resumed_from: self.resumed_from,
            span,
            record,
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
        self.partitions.iter_mut().for_each(|partition| partition.forget(frontier));
    }

    /// Requests a snapshot as of `time` from every worker. No worker may have applied a trade of that time or later:
    /// it is after this worker's own frontier, or nobody reads any more and it is the frontier of all.
    pub fn request_checkpoint(&mut self, time: Time) {
        self.router.request_checkpoint(time);
    }

    /// Takes the output to send. Its times are at or after the frontier at the last call.
    pub fn take(&mut self) -> Outgoing {
        self.router.take()
    }
}
