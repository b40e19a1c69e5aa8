//! One worker's partitions: which of them may be read now, how far, and whether the end is reached.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use dataflows::ingress::Ingress;
use dataflows::ingress::witness::Witness;
use dataflows::log::batch::RecordBatch;
use dataflows::progress::resume::ResumePoint;
use dataflows::progress::time::Time;
use dataflows::settings::ProgressMode;

use super::control::messages::Reading;
use super::host::Shared;
use super::read_ahead::ReadAhead;
use super::resume;
use super::{PartitionRead, Watch, WorkerConfig, WorkerError};
use crate::log::progress_log::BindingReader;
use crate::log::{Log, LogError, PartitionReader};
use crate::time::rfc3339;

/// Time between two warnings of a stalled frontier.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// The readers of the partitions that one worker owns.
pub(super) struct Readers {
    readers: Vec<Partition>,
    batch: RecordBatch,
    /// The progress log, if there is one.
    bindings: Option<BindingReader>,
    read_ahead: ReadAhead,
    /// When a stalled frontier was last warned of.
    warned: Option<Instant>,
    /// Since when, or since which warning, nothing is left to read of a log that does not reach what was published.
    short_since: Option<Instant>,
}

/// One partition: its reader, and what it has read ahead of what may be fed.
pub(crate) struct Partition {
    pub(crate) number: u32,
    reader: Box<dyn PartitionReader>,
    /// A batch of which some records may not be read yet, and the number of the first of them.
    held: Option<(RecordBatch, usize)>,
    /// The end of the log when the run began.
    end: u64,
}

impl Readers {
    /// Opens the partitions p with p % peers == index, each at its resume point.
    pub(super) fn open(shared: &Shared, index: usize, peers: usize) -> Result<Self, LogError> {
        let mut readers = Vec::new();
        for start in shared.starts.iter().skip(index).step_by(peers) {
            let mut partition = Partition::open(&*shared.log, start, || shared.watch.stop.load(Ordering::SeqCst))?;
            // It parks while nothing is there to be read.
            partition.reader.wake(std::thread::current());
            let records = partition.end.saturating_sub(start.offset);
            shared.watch.records_total.fetch_add(records, Ordering::Relaxed);
            readers.push(partition);
        }
        let from = shared.starts.iter().skip(index).step_by(peers).map(|start| start.frontier.bound_by()).min();
        let bindings = shared.log.progress_log().map(|progress| progress.reader(from.unwrap_or(0))).transpose()?;
        let read_ahead =
            ReadAhead::new(shared.store_thread.keeps_rows(), shared.proof.until(), shared.config.clock.now());
        Ok(Self { readers, batch: RecordBatch::default(), bindings, read_ahead, warned: None, short_since: None })
    }

    /// Hands over what the progress log says of these partitions. Returns the number of records read there.
    fn feed_bindings(&mut self, ingress: &mut Ingress) -> Result<u64, LogError> {
        let Some(bindings) = &mut self.bindings else { return Ok(0) };
        let readers = &self.readers;
        bindings.read(|binding| {
            if let Some(at) = readers.iter().position(|partition| partition.number == binding.partition) {
                ingress.add_binding(at, binding);
            }
        })
    }

    /// Feeds the next records of each partition that may be read. None is read beyond the durable frontier by more than
    /// the bounds, so that partitions go in step and a slow store slows down reading. Returns the number of records.
    pub(super) fn feed(&mut self, shared: &Shared, ingress: &mut Ingress, durable: Time) -> Result<u64, WorkerError> {
        let bindings = self.feed_bindings(ingress)?;
        let (mut records, mut bytes) = (0, 0);
        self.read_ahead.observe(durable, shared.config.clock.now());
        let read_bytes = self.read_ahead.read_bytes(self.readers.len());
        let mut waiting: u64 = (0..self.readers.len()).map(|at| ingress.records_from(at, durable)).sum();
        for (at, partition) in self.readers.iter_mut().enumerate() {
            // What is known of the frontier counts, whether more may be read or not.
            ingress.bind_up_to(at, partition.position());
            if is_past(shared.config.until, ingress.partition_frontier(at)) {
                continue;
            }
            if is_blocked(&shared.config, ingress, at, durable) {
                if ingress.partition_frontier(at) <= durable {
                    stalled(shared, &mut self.warned, partition.number, ingress.records_from(at, durable))?;
                }
                continue;
            }
            if self.read_ahead.stops(waiting, ingress.partition_frontier(at)) {
                continue;
            }
            if ingress.bound(at) > partition.position() {
                let (read, fetched) = partition.feed(ingress, at, &mut self.batch, read_bytes)?;
                records += read;
                waiting += read;
                bytes += fetched;
            }
            ingress.bind_up_to(at, partition.position());
            if shared.config.until_end && partition.is_at_end() {
                ingress.end_partition(at);
            }
            let is_progress_read = self.bindings.as_ref().is_none_or(BindingReader::is_at_end);
            let may_follow = matches!(shared.config.settings.progress, ProgressMode::BoundedOutOfOrderness { .. });
            if partition.is_at_end()
                && is_progress_read
                && !may_follow
                && is_cut(shared, ingress.partition_frontier(at))
            {
                return Err(log_cut(shared, partition.number, ingress.partition_frontier(at)));
            }
        }
        shared.watch.records.fetch_add(records, Ordering::Relaxed);
        shared.watch.record_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.publish(&shared.watch, ingress, durable);
        self.warn_of_short_log(shared);
        Ok(records + bindings)
    }

    /// A live run over a log that was cut may have to wait until the log has grown again: it says what it waits for.
    fn warn_of_short_log(&mut self, shared: &Shared) {
        if shared.proof.is_given() || shared.config.until_end {
            return;
        }
        if self.readers.iter().any(|partition| partition.unread() != Some(0)) {
            self.short_since = None;
            return;
        }
        let now = shared.config.clock.now();
        if now.duration_since(*self.short_since.get_or_insert(now)) >= WARN_EVERY {
            self.short_since = Some(now);
            tracing::warn!(
                "{} was read to its end and does not reach {} yet, up to which the store is complete: nothing is \
                 written until it does. If records were lost, bring back the log as it was, or work into a new store",
                shared.log.name(),
                rfc3339(shared.proof.until())
            );
        }
    }

    /// The error of a run that has read the log to its end without finding again what the store holds.
    pub(super) fn cut(&self, shared: &Shared, ingress: &Ingress) -> WorkerError {
        let least = (0..self.readers.len()).min_by_key(|&at| ingress.partition_frontier(at));
        let (partition, reached) = least.map_or((0, 0), |at| (self.readers[at].number, ingress.partition_frontier(at)));
        log_cut(shared, partition, reached)
    }

    /// Publishes the read position of each partition.
    pub(super) fn publish(&self, watch: &Watch, ingress: &Ingress, durable: Time) {
        let mut partitions = watch.partitions.lock().unwrap_or_else(PoisonError::into_inner);
        for (at, partition) in self.readers.iter().enumerate() {
            let (offset, unread) = (partition.position(), partition.unread());
            let (frontier, waiting) = (ingress.partition_frontier(at), ingress.records_from(at, durable));
            partitions.insert(partition.number, PartitionRead { offset, unread, waiting, frontier });
        }
    }

    /// Number of each partition, and its records not read yet, if known.
    pub(super) fn unread_by_partition(&self) -> impl Iterator<Item = (u32, Option<u64>)> {
        self.readers.iter().map(|partition| (partition.number, partition.unread()))
    }

    /// Whether everything that the log contained at the start has been read, up to the end of the run.
    pub(super) fn at_end(&self, ingress: &Ingress, until: Option<Time>) -> bool {
        (0..self.readers.len()).all(|at| self.has_ended(at, ingress, until))
    }

    /// Whether nothing of a partition is left to read in a run until the end of the log or up to a frontier. A progress
    /// log is read to its end before; where it ends before the log, the rest may not be read.
    fn has_ended(&self, at: usize, ingress: &Ingress, until: Option<Time>) -> bool {
        let partition = &self.readers[at];
        let is_progress_read = self.bindings.as_ref().is_none_or(BindingReader::is_at_end);
        let is_read = partition.is_at_end() || ingress.bound(at) <= partition.position();
        (is_progress_read && is_read) || is_past(until, ingress.partition_frontier(at))
    }

    /// How far the partitions are in a run until the end of the log.
    pub(super) fn reading(&self, ingress: &Ingress, until: Option<Time>) -> Reading {
        let mut reading = Reading::default();
        for at in 0..self.readers.len() {
            let frontier = ingress.partition_frontier(at);
            let least = if self.has_ended(at, ingress, until) { &mut reading.ended } else { &mut reading.open };
            *least = Some(least.map_or(frontier, |least| least.min(frontier)));
            reading.past = reading.past.max(ingress.end(at));
        }
        reading
    }

    /// Whether every partition with more records is too far ahead of the durable frontier to be read.
    pub(super) fn are_blocked(&self, config: &WorkerConfig, ingress: &Ingress, durable: Time) -> bool {
        let waiting = (0..self.readers.len()).map(|at| ingress.records_from(at, durable)).sum();
        let waits = |at| {
            self.has_ended(at, ingress, config.until)
                || is_blocked(config, ingress, at, durable)
                || self.read_ahead.is_full(waiting, ingress.partition_frontier(at))
        };
        (0..self.readers.len()).all(waits)
    }

    /// Records that the log held at the start and that were not read.
    pub(super) fn unread(&self) -> u64 {
        self.readers.iter().map(|partition| partition.end.saturating_sub(partition.position())).sum()
    }

    /// Lets the partitions that were read to their end follow the others.
    pub(super) fn follow(&self, ingress: &mut Ingress, frontier: Time) {
        let ended = self.readers.iter().enumerate().filter(|(_, partition)| partition.is_at_end());
        ended.for_each(|(at, _)| ingress.follow(at, frontier));
    }
}

impl Partition {
    /// Opens it at a resume point.
    pub(crate) fn open(log: &dyn Log, start: &ResumePoint, is_stopped: impl Fn() -> bool) -> Result<Self, LogError> {
        let number = start.partition;
        let (reader, held) = resume::open(log, start, is_stopped)?;
        Ok(Self { number, reader, held, end: log.end_offset(number)? })
    }

    /// Feeds its next records, as far as they may be read. Returns their number, and the bytes fetched for them.
    pub(crate) fn feed<W: Witness>(
        &mut self,
        ingress: &mut Ingress<W>,
        at: usize,
        batch: &mut RecordBatch,
        bytes_max: usize,
    ) -> Result<(u64, u64), LogError> {
        let (mut from, mut bytes) = (0, 0);
        if let Some(held) = self.held.take() {
            (*batch, from) = held;
        } else {
            self.reader.read(batch, bytes_max)?;
            bytes = batch.bytes.len() as u64;
        }
        let next = ingress.feed(at, batch, from);
        if next < batch.records.len() {
            self.held = Some((std::mem::take(batch), next));
        }
        Ok(((next - from) as u64, bytes))
    }

    /// Offset of the next record to feed.
    pub(crate) fn position(&self) -> u64 {
        let held = self.held.as_ref().and_then(|(batch, next)| batch.records.get(*next));
        held.map_or_else(|| self.reader.position(), |span| span.offset)
    }

    /// Records that were not fed, if known without a request.
    fn unread(&self) -> Option<u64> {
        let held = self.held.as_ref().map_or(0, |(batch, next)| batch.records.len() - next);
        self.reader.unread().map(|unread| unread + held as u64)
    }

    /// Whether everything that it held at the start has been read.
    pub(crate) fn is_at_end(&self) -> bool {
        self.position() >= self.end
    }
}

/// Whether a partition is further ahead of the durable frontier than the bounds allow.
fn is_blocked(config: &WorkerConfig, ingress: &Ingress, at: usize, durable: Time) -> bool {
    ingress.partition_frontier(at) > durable.saturating_add(config.read_ahead_ms)
        || ingress.records_from(at, durable) > config.read_ahead_records
}

/// The frontier does not move, and as much was read as may wait. A run to the end ends with that; one that follows the
/// log says it again and again: a source may come back.
fn stalled(shared: &Shared, warned: &mut Option<Instant>, partition: u32, records: u64) -> Result<(), WorkerError> {
    let error = WorkerError::Stalled { log: shared.log.name(), partition, records };
    if shared.config.until_end {
        return Err(error);
    }
    let now = shared.config.clock.now();
    if warned.is_none_or(|warned| now.duration_since(warned) >= WARN_EVERY) {
        *warned = Some(now);
        tracing::warn!("{error}");
    }
    Ok(())
}

/// Whether a run to the end still has to find again what the store holds. One that ends before that writes nothing.
pub(super) fn must_prove(shared: &Shared) -> bool {
    !shared.proof.is_given() && shared.config.until.is_none_or(|until| until >= shared.proof.until())
}

/// Whether the end of a partition is before what the store was made from.
fn is_cut(shared: &Shared, reached: Time) -> bool {
    must_prove(shared) && reached < shared.proof.until()
}

fn log_cut(shared: &Shared, partition: u32, reached: Time) -> WorkerError {
    WorkerError::LogCut { log: shared.log.name(), partition, reached, published: shared.proof.until() }
}

/// Whether a partition has been read up to the end of the run.
fn is_past(until: Option<Time>, frontier: Time) -> bool {
    until.is_some_and(|until| frontier >= until)
}
