//! The pacer: reads all partitions of a log, and writes what they are complete up to into the progress log.

use std::time::{Duration, Instant};

use dataflows::log::batch::RecordBatch;
use dataflows::log::binding::{Binding, ProgressRecord};
use dataflows::progress::time::{EVENT_MS_END, floor_step};

use super::partition::{NOTHING_MS, PAST_MS, PartitionPacer};
use crate::log::address::LogAddress;
use crate::log::progress_log::ProgressLog;
use crate::log::{Log, LogError, LogWriter, PartitionReader, sync_all};

/// Bytes per read of a partition.
const READ_BYTES: usize = 1 << 20;
/// Time between two looks at the end of a quiet partition.
const END_EVERY: Duration = Duration::from_secs(1);

/// How to pace.
#[derive(Clone, Copy, Debug)]
pub struct PaceConfig {
    /// How far progress stays behind the newest trade of a partition, in milliseconds.
    pub max_out_of_orderness_ms: u64,
    /// A partition without a trade for this long follows the others.
    pub idle: Duration,
    /// A trade further ahead than this has to be confirmed by the next ones, in milliseconds.
    pub max_ahead_trade_ms: u64,
}

/// The pacer of a log.
pub struct Pacer {
    log: Box<dyn Log>,
    name: String,
    writer: Box<dyn LogWriter>,
    partitions: Vec<Partition>,
    config: PaceConfig,
    batch: RecordBatch,
}

struct Partition {
    pacer: PartitionPacer,
    reader: Box<dyn PartitionReader>,
    /// The end of the partition when the pacer began.
    end: u64,
    /// Since when there was no trade; from the beginning for a partition without unread records.
    quiet_since: Option<Instant>,
    /// When its end was last looked at, and whether everything before it had been read.
    at_end: (Option<Instant>, bool),
}

impl Pacer {
    /// Opens both logs; the progress log is created if it does not exist, else its last bindings are continued.
    pub fn open(log: &LogAddress, progress: &LogAddress, config: PaceConfig) -> Result<Self, LogError> {
        let about = log.open()?;
        let is_new = progress.open_or_create(Some(1), 1)?.end_offset(0)? == 0;
        let mut writer = progress.open_writer()?;
        if is_new {
            let first = ProgressRecord::Paces { log: about.identity(), partitions: about.partitions() };
            writer.append(0, None, &first.encode())?;
            sync_all(&mut *writer, &progress.to_string())?;
        }
        let last = last_bindings(&ProgressLog::open(progress, &*about)?, about.partitions())?;
        let open = |(number, last): (u32, Option<Binding>)| {
            let position = last.map_or_else(|| about.first_offset(number), |last| Ok(last.offset))?;
            let (reader, end) = (about.reader(number, position)?, about.end_offset(number)?);
            let PaceConfig { max_out_of_orderness_ms, max_ahead_trade_ms, .. } = config;
            let pacer = PartitionPacer::new(number, position, last, max_out_of_orderness_ms, max_ahead_trade_ms);
            let quiet_since = (position < end).then(Instant::now);
            Ok(Partition { pacer, reader, end, quiet_since, at_end: (None, false) })
        };
        let partitions = (0..).zip(last).map(open).collect::<Result<_, LogError>>()?;
        Ok(Self { log: about, name: progress.to_string(), writer, partitions, config, batch: RecordBatch::default() })
    }

    /// Reads what is there, and writes what it means. Returns the number of records read.
    pub fn step(&mut self) -> Result<u64, LogError> {
        let mut records = 0;
        for partition in &mut self.partitions {
            partition.reader.read(&mut self.batch, READ_BYTES)?;
            records += self.batch.records.len() as u64;
            if partition.pacer.read(&self.batch, partition.reader.position()) {
                partition.quiet_since = Some(Instant::now());
            }
        }
        self.follow();
        self.write()?;
        Ok(records)
    }

    /// Lets the quiet partitions follow the others. When all are quiet, they move past every trade.
    fn follow(&mut self) {
        let (log, idle) = (&*self.log, self.config.idle);
        let quiet: Vec<bool> = self.partitions.iter_mut().map(|partition| partition.is_quiet(log, idle)).collect();
        let busy = self.partitions.iter().zip(&quiet).filter(|(_, is_quiet)| !**is_quiet);
        let frontiers: Vec<_> = busy.map(|(partition, _)| partition.pacer.frontier_ms()).collect();
        let target = if frontiers.is_empty() { self.past_all(false) } else { frontiers.into_iter().min().flatten() };
        if let Some(target) = target {
            let quiet = self.partitions.iter_mut().zip(quiet).filter(|(_, is_quiet)| *is_quiet);
            quiet.for_each(|(partition, _)| partition.pacer.follow(target));
        }
    }

    /// A time past every trade. Without any trade there is no time to name; what is rejected must be readable all the
    /// same.
    fn past_all(&mut self, is_over: bool) -> Option<u64> {
        let furthest = self.partitions.iter().filter_map(|partition| partition.pacer.frontier_ms()).max();
        self.partitions.iter_mut().for_each(|partition| partition.pacer.decide(furthest, is_over));
        let newest = self.partitions.iter().filter_map(|partition| partition.pacer.newest_ms()).max();
        let has_unbound = is_over || self.partitions.iter().any(|partition| partition.pacer.has_unbound());
        // A later time cannot be bound: trades of the last seconds of 2099 stay incomplete.
        let past = newest.map(|ms| (floor_step(ms, PAST_MS) + PAST_MS).min(EVENT_MS_END as u64 - 1));
        past.or(has_unbound.then_some(NOTHING_MS))
    }

    /// Whether everything that the log held at the start has been read.
    pub fn is_at_end(&self) -> bool {
        self.partitions.iter().all(|partition| partition.pacer.position() >= partition.end)
    }

    /// The log is finished: everything in it is complete.
    pub fn finish(&mut self) -> Result<(), LogError> {
        if let Some(past_all) = self.past_all(true) {
            self.partitions.iter_mut().for_each(|partition| partition.pacer.follow(past_all));
        }
        self.write()
    }

    fn write(&mut self) -> Result<(), LogError> {
        let mut has_written = false;
        for partition in &mut self.partitions {
            for binding in partition.pacer.take() {
                self.writer.append(0, None, &ProgressRecord::Binding(binding).encode())?;
                has_written = true;
            }
        }
        if has_written { sync_all(&mut *self.writer, &self.name) } else { Ok(()) }
    }

    /// The event time up to which all partitions are complete, and the partitions that hold it back.
    pub fn progress(&self) -> (Option<u64>, Vec<u32>) {
        let least = self.partitions.iter().map(|partition| partition.pacer.frontier_ms()).min().flatten();
        let held = (0..).zip(&self.partitions).filter(|(_, partition)| partition.pacer.frontier_ms() == least);
        (least, held.map(|(number, _)| number).collect())
    }
}

impl Partition {
    /// Whether there was no trade for long, and there is none to read.
    fn is_quiet(&mut self, log: &dyn Log, idle: Duration) -> bool {
        if self.quiet_since.is_some_and(|since| since.elapsed() < idle) {
            self.at_end = (None, false);
            return false;
        }
        // Records may be there that were not fetched: an outage is not quiet.
        if self.at_end.0.is_none_or(|looked| looked.elapsed() >= END_EVERY) {
            let end = log.end_offset(self.pacer.number());
            if let Err(error) = &end {
                tracing::warn!(%error, "cannot tell whether a partition is quiet");
            }
            self.at_end = (Some(Instant::now()), end.is_ok_and(|end| end <= self.pacer.position()));
        }
        self.at_end.1
    }
}

/// The last binding of each partition.
fn last_bindings(progress: &ProgressLog, partitions: u32) -> Result<Vec<Option<Binding>>, LogError> {
    let mut last: Vec<Option<Binding>> = vec![None; partitions as usize];
    let mut reader = progress.reader(0)?;
    while !reader.is_at_end() {
        let read = reader.read(|binding| {
            if let Some(last) = last.get_mut(binding.partition as usize) {
                let before = last.unwrap_or(binding);
                let (offset, event_ms) = (binding.offset.max(before.offset), binding.event_ms.max(before.event_ms));
                let newest_ms = binding.newest_ms.max(before.newest_ms);
                *last = Some(Binding { offset, event_ms, newest_ms, ..binding });
            }
        })?;
        if read == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    Ok(last)
}
