//! Reads the log through an ingress up to a time, as a worker does, and sends nothing on.

use std::thread::sleep;
use std::time::Duration;

use dataflows::ingress::Ingress;
use dataflows::log::batch::RecordBatch;
use dataflows::progress::resume::ResumePoint;
use dataflows::progress::time::Time;
use dataflows::settings::{ProgressMode, Settings};

use super::ExplainError;
use super::answer::{Scan, ScannedPartition};
use super::start::Start;
use super::watch::Watch;
use crate::log::progress_log::BindingReader;
use crate::log::{Log, LogError};
use crate::worker::WorkerError;
use crate::worker::partition_readers::Partition;

/// Bytes read at once of a partition.
const READ_BYTES: usize = 1 << 20;
/// Pause while records are being fetched.
const PAUSE: Duration = Duration::from_millis(1);

/// Reads until every partition's frontier has reached `to`, which the published frontier has: the log holds what it
/// takes. Gives up when it is stopped.
pub(super) fn scan(
    log: &dyn Log,
    settings: &Settings,
    start: Start,
    to: Time,
    (watch, is_stopped): (Watch, &dyn Fn() -> bool),
) -> Result<(Watch, Scan), ExplainError> {
    let Start { from, points, memories } = start;
    let from_offsets: Vec<u64> = points.iter().map(|point| point.offset).collect();
    let mut reading = Reading::open(log, settings, points, from.unwrap_or(0), watch)?;
    for (at, memory) in memories.into_iter().enumerate() {
        reading.ingress.restore(at, memory);
    }
    reading.run(to, is_stopped)?;
    let Reading { ingress, partitions, .. } = reading;
    let scanned = |(partition, from_offset): (&Partition, u64)| ScannedPartition {
        partition: partition.number,
        from_offset,
        to_offset: partition.position().max(from_offset),
    };
    let undecided = (0..partitions.len()).map(|at| ingress.undecided(at) as u64).sum();
    let partitions = partitions.iter().zip(from_offsets).map(scanned).collect();
    let watch = ingress.into_witness();
    let unreadable = watch.unreadable();
    Ok((watch, Scan { from_ms: from, to_ms: to, partitions, unreadable, undecided }))
}

/// A scan under way.
struct Reading<'a> {
    log: &'a dyn Log,
    ingress: Ingress<Watch>,
    partitions: Vec<Partition>,
    bindings: Option<BindingReader>,
    batch: RecordBatch,
    /// Where the newest trades move the frontier, a partition that was read to its end follows the others.
    may_follow: bool,
}

impl<'a> Reading<'a> {
    fn open(
        log: &'a dyn Log,
        settings: &Settings,
        points: Vec<ResumePoint>,
        resumed_from: Time,
        watch: Watch,
    ) -> Result<Self, ExplainError> {
        let opened = points.iter().map(|point| Partition::open(log, point, || false));
        let partitions = opened.collect::<Result<Vec<_>, LogError>>()?;
        let bound_by = points.iter().map(|point| point.frontier.bound_by()).min().unwrap_or(0);
        let bindings = log.progress_log().map(|progress| progress.reader(bound_by)).transpose()?;
        let may_follow = matches!(settings.progress, ProgressMode::BoundedOutOfOrderness { .. });
        let ingress = Ingress::watched(settings.clone(), (0, 1), points, resumed_from, watch);
        Ok(Self { log, ingress, partitions, bindings, batch: RecordBatch::default(), may_follow })
    }

    fn run(&mut self, to: Time, is_stopped: &dyn Fn() -> bool) -> Result<(), ExplainError> {
        loop {
            if is_stopped() {
                return Err(ExplainError::Stopped { reached: self.ingress.frontier().unwrap_or(0), to });
            }
            let (mut records, mut is_open) = (0, false);
            for at in 0..self.partitions.len() {
                let read = self.feed(at, to)?;
                is_open |= read.is_some();
                records += read.unwrap_or(0);
            }
            // What the witness was shown is not needed any more.
            drop(self.ingress.take());
            if !is_open {
                return Ok(());
            }
            if let Some(frontier) = self.ingress.frontier() {
                self.ingress.forget(frontier);
            }
            if records == 0 && self.add_bindings()? == 0 {
                sleep(PAUSE);
            }
        }
    }

    /// Feeds the next records of a partition, and returns their number; `None` where no more are needed.
    fn feed(&mut self, at: usize, to: Time) -> Result<Option<u64>, ExplainError> {
        let (ingress, partition) = (&mut self.ingress, &mut self.partitions[at]);
        ingress.bind_up_to(at, partition.position());
        let reached = ingress.partition_frontier(at);
        if reached >= to {
            return Ok(None);
        }
        if partition.is_at_end() && self.may_follow {
            ingress.end_partition(at);
            return Ok(None);
        }
        if partition.is_at_end() || ingress.bound(at) <= partition.position() {
            if self.bindings.as_ref().is_none_or(BindingReader::is_at_end) {
                let (log, partition) = (self.log.name(), partition.number);
                return Err(WorkerError::LogCut { log, partition, reached, published: to }.into());
            }
            return Ok(Some(0));
        }
        let (records, _) = partition.feed(ingress, at, &mut self.batch, READ_BYTES)?;
        Ok(Some(records))
    }

    /// Hands over the next bindings of the progress log. Returns the number of records read there.
    fn add_bindings(&mut self) -> Result<u64, LogError> {
        let (ingress, partitions) = (&mut self.ingress, &self.partitions);
        let Some(bindings) = &mut self.bindings else { return Ok(0) };
        bindings.read(|binding| {
            if let Some(at) = partitions.iter().position(|partition| partition.number == binding.partition) {
                ingress.add_binding(at, binding);
            }
        })
    }
}
