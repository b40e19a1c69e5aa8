//! Collects the status from the store and the log, within a deadline: what does not answer in time is reported as an
//! error of its part, and the rest is shown.

use std::collections::BTreeMap;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use dataflows::log::reject::Reason;
use dataflows::output::counters::Counter;
use dataflows::output::frontier_row::FrontierRow;
use dataflows::progress::partition::PartitionFrontier;
use dataflows::progress::positions::Positions;
use dataflows::progress::resume::ResumePoint;
use dataflows::settings::ProgressMode;
use serde::Serialize;

use super::log_scan::{LogScan, scan};
use crate::command::resume;
use crate::log::address::LogAddress;
use crate::log::{Log, LogError};
use crate::pipeline_state::{Facts, PipelineState};
use crate::store::address::StoreAddress;
use crate::store::{DurableFrontier, Heartbeat, Life};
use crate::time::{now_ms, rfc3339};
use crate::worker::identity;

/// Time for the whole answer.
const DEADLINE: Duration = Duration::from_secs(2);
/// Part of it that is kept for printing.
const RESERVE: Duration = Duration::from_millis(200);

/// The status as JSON shows it.
#[derive(Default, Serialize)]
pub struct Status {
    pub store: String,
    pub log: Option<String>,
    /// The judgement, as the page shows it.
    pub state: Option<PipelineState>,
    /// Where its rows begin, where they are not those of the whole log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub begins: Option<String>,
    pub frontier: Option<String>,
    pub frontier_ms: Option<u64>,
    pub digest: Option<String>,
    pub rows: Option<i64>,
    pub epoch: Option<u64>,
    pub counters: BTreeMap<String, u64>,
    pub rejected: Vec<Rejected>,
    pub gaps: u64,
    /// Records that no worker has read.
    pub unread_records: Option<u64>,
    /// Records that were read and are not before the durable frontier.
    pub waiting_records: Option<u64>,
    /// Whether `waiting_records` counts all of them; `false` when the deadline passed before.
    pub is_scan_complete: bool,
    /// Whether something else than the log's own progress records moves the frontier.
    #[serde(skip)]
    pub is_without_progress: bool,
    /// What the frontier waits for, where it waits for anything.
    pub held_back_by: Vec<HeldBack>,
    pub partitions: Vec<Partition>,
    /// What could not be read.
    pub errors: Vec<PartError>,
}

/// Number of records rejected for one reason, and the command that lists them.
#[derive(Serialize)]
pub struct Rejected {
    pub reason: &'static str,
    pub count: u64,
    pub command: String,
}

/// A source, or partitions without one, that the frontier waits for.
#[derive(Serialize)]
pub struct HeldBack {
    pub source: Option<String>,
    pub progress_up_to: Option<String>,
    pub partitions: Vec<u32>,
}

/// `store` or `log`, and why it could not be read.
#[derive(Serialize)]
pub struct PartError {
    pub part: &'static str,
    pub message: String,
}

/// One partition of the log.
#[derive(Default, Serialize)]
pub struct Partition {
    pub partition: u32,
    /// The first offset that the log still holds.
    pub first_offset: Option<u64>,
    /// Where a restart reads from.
    pub resume_offset: Option<u64>,
    /// Offset of the next record that a worker reads, as last published.
    pub read_offset: Option<u64>,
    /// One past the log's last offset.
    pub end_offset: Option<u64>,
    pub unread_records: Option<u64>,
    pub waiting_records: Option<u64>,
    /// The partition's frontier in event milliseconds: at the log's end where that could be read, else as published.
    pub frontier_ms: Option<u64>,
    /// Its live sources there, each with its progress in event milliseconds.
    pub sources: BTreeMap<String, u64>,
}

/// Reads store and log. Also returns the first error: the rest of the status is right without that part.
pub fn status(store: &StoreAddress, log: Option<&LogAddress>) -> (Status, Option<anyhow::Error>) {
    let deadline = Instant::now() + DEADLINE - RESERVE;
    let mut status = Status {
        store: store.to_string(),
        log: log.map(LogAddress::to_string),
        is_scan_complete: true,
        ..Status::default()
    };
    let opened_log = log.map(|address| {
        let address = address.clone();
        in_background(move || Ok(address.open()?))
    });
    let address = store.clone();
    let left = deadline.saturating_duration_since(Instant::now());
    let read = in_background(move || {
        let mut reader = address.open_reader_within(left)?;
        Ok((reader.frontier()?, reader.heartbeat()?, reader.identity()?))
    });
    let mut failures = Vec::new();
    let (durable, heartbeat, identity) = receive(&read, deadline).unwrap_or_else(|error| {
        failures.push(("store", error));
        (None, None, None)
    });
    status.state = Some(judge(durable.as_ref(), heartbeat.as_ref(), failures.first().map(|(_, error)| error)));
    let positions = durable.as_ref().map_or(Ok(Vec::new()), |durable| resume::positions(durable, store));
    let positions = positions.unwrap_or_else(|error| {
        failures.push(("store", error));
        Vec::new()
    });
    status.begins = identity.as_ref().and_then(|identity| identity.begins.clone());
    describe_store(&mut status, store, durable.as_ref());
    let frontier = durable.as_ref().map_or(0, |durable| durable.row.frontier);
    let mut frontiers: BTreeMap<u32, PartitionFrontier> = BTreeMap::new();
    for point in &positions {
        status.partitions.push(published(point));
        frontiers.insert(point.resume.partition, point.read().frontier.clone());
    }
    // Where its own progress records do not move the frontier, only the worker knows what waits for it.
    let life = heartbeat.map(|heartbeat| heartbeat.life).filter(|life| life.progress != ProgressMode::Records);
    status.is_without_progress = life.is_some();
    if let Some(opened_log) = opened_log {
        let (is_store_known, scans) = (failures.is_empty(), life.is_none());
        let read = in_background(move || {
            let log = opened_log.recv().unwrap_or_else(|_| Err(anyhow::anyhow!("opening the log failed")))?;
            identity.map_or(Ok(()), |identity| identity::check_log(&identity, &*log))?;
            Ok(read_log(&*log, positions, scans.then_some(frontier), deadline)?)
        });
        match receive(&read, deadline + RESERVE / 2) {
            Ok(read) => merge_log(&mut status, &mut frontiers, read, is_store_known, life.as_ref()),
            Err(error) => failures.push(("log", error)),
        }
    }
    let count = |records: fn(&Partition) -> Option<u64>| status.partitions.iter().filter_map(records).sum();
    let (unread, waiting) = (count(|partition| partition.unread_records), count(|partition| partition.waiting_records));
    status.state = status.state.map(|state| state.with_log(unread, waiting));
    status.held_back_by = held_back_by(&frontiers);
    let error = |(part, error): &(&'static str, anyhow::Error)| PartError { part, message: format!("{error:#}") };
    status.errors = failures.iter().map(error).collect();
    (status, failures.into_iter().next().map(|(part, error)| error.context(format!("cannot read the {part}"))))
}

fn judge(
    durable: Option<&DurableFrontier>,
    heartbeat: Option<&Heartbeat>,
    failure: Option<&anyhow::Error>,
) -> PipelineState {
    let now_ms = now_ms();
    match failure {
        Some(error) => PipelineState::store_down(&format!("{error:#}"), now_ms),
        None => {
            let frontier_ms = durable.map(|durable| durable.row.frontier);
            PipelineState::judge(&Facts { frontier_ms, heartbeat, now_ms })
        }
    }
}

/// Runs `work` on a thread of its own, which ends with the process at the latest.
fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> mpsc::Receiver<anyhow::Result<T>> {
    let (sender, receiver) = mpsc::channel();
    // Nobody receives any more when the deadline has passed.
    std::thread::spawn(move || drop(sender.send(work())));
    receiver
}

fn receive<T>(receiver: &mpsc::Receiver<anyhow::Result<T>>, deadline: Instant) -> anyhow::Result<T> {
    match receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        Ok(result) => result,
        Err(RecvTimeoutError::Timeout) => anyhow::bail!("no answer within {} s", DEADLINE.as_secs()),
        Err(RecvTimeoutError::Disconnected) => anyhow::bail!("the reading thread failed"),
    }
}

fn describe_store(status: &mut Status, store: &StoreAddress, durable: Option<&DurableFrontier>) {
    let Some(DurableFrontier { row, epoch, .. }) = durable else { return };
    status.frontier = Some(rfc3339(row.frontier));
    status.frontier_ms = Some(row.frontier);
    status.digest = Some(row.digest.to_string());
    status.rows = Some(row.rows);
    status.epoch = Some(*epoch);
    status.counters = Counter::all().map(|counter| (counter.name(), row.counter(counter))).collect();
    status.gaps = row.counter(Counter::Gaps);
    status.rejected = rejected(store, row);
}

fn rejected(store: &StoreAddress, row: &FrontierRow) -> Vec<Rejected> {
    let counts = Reason::ALL.into_iter().map(|reason| (reason.name(), row.counter(Counter::Rejected(reason))));
    let command = |reason| format!("tickline rejected list --store {store} --reason {reason}");
    let found = counts.filter(|(_, count)| *count > 0);
    found.map(|(reason, count)| Rejected { reason, count, command: command(reason) }).collect()
}

fn published(positions: &Positions) -> Partition {
    let read = positions.read();
    Partition {
        partition: positions.resume.partition,
        resume_offset: Some(positions.resume.offset),
        read_offset: Some(read.offset),
        frontier_ms: read.frontier.frontier_ms(),
        sources: sources(&read.frontier),
        ..Partition::default()
    }
}

fn sources(frontier: &PartitionFrontier) -> BTreeMap<String, u64> {
    frontier.sources().map(|(name, progress_ms)| (name.to_owned(), progress_ms)).collect()
}

/// Offsets of one partition in the log.
struct PartitionLog {
    partition: u32,
    first: u64,
    end: u64,
    read: u64,
    scan: Option<LogScan>,
}

fn read_log(
    log: &dyn Log,
    positions: Vec<Positions>,
    frontier: Option<u64>,
    deadline: Instant,
) -> Result<Vec<PartitionLog>, LogError> {
    let mut positions: BTreeMap<u32, Positions> =
        positions.into_iter().map(|positions| (positions.resume.partition, positions)).collect();
    let mut all = Vec::new();
    for partition in 0..log.partitions() {
        let (first, end) = (log.first_offset(partition)?, log.end_offset(partition)?);
        let start = ResumePoint::fresh(partition, first);
        let positions = positions.remove(&partition).unwrap_or(Positions { resume: start, read: None });
        let read = positions.read().offset.clamp(first, end.max(first));
        // Where retention has removed the resume point, what was read before cannot be looked at any more.
        let is_there = (first..=end).contains(&positions.resume.offset);
        let frontier = frontier.filter(|_| is_there);
        let scan =
            frontier.map(|frontier| scan(log, &positions.resume, (read, end), frontier, deadline)).transpose()?;
        all.push(PartitionLog { partition, first, end, read, scan });
    }
    Ok(all)
}

fn merge_log(
    status: &mut Status,
    frontiers: &mut BTreeMap<u32, PartitionFrontier>,
    read: Vec<PartitionLog>,
    is_store_known: bool,
    life: Option<&Life>,
) {
    let mut partitions: BTreeMap<u32, Partition> =
        std::mem::take(&mut status.partitions).into_iter().map(|row| (row.partition, row)).collect();
    for PartitionLog { partition, first, end, read, scan } in read {
        let row = partitions.entry(partition).or_insert_with(|| Partition { partition, ..Partition::default() });
        (row.first_offset, row.end_offset) = (Some(first), Some(end));
        if is_store_known {
            row.unread_records = Some(end - read.min(end));
        }
        let known = life.into_iter().flat_map(|life| &life.partitions).find(|known| known.partition == partition);
        if let Some(known) = known.filter(|_| is_store_known) {
            row.waiting_records = Some(known.waiting);
        }
        let Some(scan) = scan else { continue };
        if is_store_known {
            row.waiting_records = Some(scan.waiting);
        }
        status.is_scan_complete &= scan.scanned_to >= read;
        if scan.scanned_to >= end {
            row.frontier_ms = scan.frontier.frontier_ms();
            row.sources = sources(&scan.frontier);
            frontiers.insert(partition, scan.frontier);
        }
    }
    let sum = |of: fn(&Partition) -> Option<u64>| is_store_known.then(|| partitions.values().filter_map(of).sum());
    status.unread_records = sum(|row| row.unread_records);
    status.waiting_records = sum(|row| row.waiting_records);
    status.partitions = partitions.into_values().collect();
}

/// The sources with the least progress in the partitions with the least frontier.
fn held_back_by(frontiers: &BTreeMap<u32, PartitionFrontier>) -> Vec<HeldBack> {
    let Some(least) = frontiers.values().map(PartitionFrontier::frontier_ms).min() else { return Vec::new() };
    let mut held: BTreeMap<(Option<String>, Option<u64>), Vec<u32>> = BTreeMap::new();
    for (&partition, frontier) in frontiers.iter().filter(|(_, frontier)| frontier.frontier_ms() == least) {
        let slowest = frontier.sources().map(|(_, progress_ms)| progress_ms).min();
        let mut names = frontier.sources().filter(|(_, progress_ms)| Some(*progress_ms) == slowest).peekable();
        if names.peek().is_none() {
            held.entry((None, least)).or_default().push(partition);
        }
        for (name, progress_ms) in names {
            held.entry((Some(name.to_owned()), Some(progress_ms))).or_default().push(partition);
        }
    }
    let row = |((source, up_to), partitions): ((Option<String>, Option<u64>), Vec<u32>)| HeldBack {
        source,
        progress_up_to: up_to.map(rfc3339),
        partitions,
    };
    held.into_iter().map(row).collect()
}
