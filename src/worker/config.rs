//! Settings of a worker host.

use std::collections::BTreeMap;
use std::time::Duration;

use dataflows::progress::time::Time;
use dataflows::settings::Settings;
use dataflows::symbols::symbol::Symbol;

use super::clock::Clock;
use crate::cluster::ClusterConfig;
use crate::log::address::LogAddress;

/// Default bound on reading ahead, in milliseconds of event time.
pub const READ_AHEAD_MS: u64 = 600_000;
/// Default bound on reading ahead, in records per partition.
pub const READ_AHEAD_RECORDS: u64 = 1_000_000;
/// Default time between checkpoints, in milliseconds.
pub const CHECKPOINT_EVERY_MS: u64 = 30_000;

/// Default event time between two checkpoints that are kept, in milliseconds.
pub const ANCHOR_EVERY_MS: u64 = 3_600_000;

/// Settings of a worker host.
#[derive(Clone, Debug)]
pub struct WorkerConfig {
    /// Worker threads per process.
    pub workers: usize,
    /// The cluster, if there is more than one process.
    pub cluster: Option<ClusterConfig>,
    /// Settings that affect results.
    pub settings: Settings,
    /// Stop when everything that the log contained at the start, up to its frontier, is durable.
    pub until_end: bool,
    /// With `until_end`: stop before this time step, so that the durable frontier ends there at the latest.
    pub until: Option<Time>,
    /// First offset to read, by partition, for a run without a checkpoint. Default: the first offset in the log.
    pub offsets: BTreeMap<u32, u64>,
    /// Where the rows begin, for people, in a run that is not over the whole log.
    pub begins: Option<String>,
    /// Maximum event time, in milliseconds, that a partition is read beyond the durable frontier.
    pub read_ahead_ms: u64,
    /// Maximum number of records that a partition is read beyond the durable frontier.
    pub read_ahead_records: u64,
    /// Time between checkpoints; `None` disables them.
    pub checkpoint_every: Option<Duration>,
    /// Event time between two checkpoints that are kept; zero keeps none.
    pub anchor_every: Duration,
    /// Extra times, besides full minutes, at which an exact frontier row is written.
    pub stops: Vec<Time>,
    /// Symbol log from which the store's symbol table is kept up to date.
    pub symbols: Option<LogAddress>,
    /// Make the rows of this symbol alone. Digests and row counts are then not those of the log.
    pub only: Option<Symbol>,
    /// The clocks of the run.
    pub clock: Clock,
}

impl WorkerConfig {
    /// The default settings.
    pub fn new(workers: usize, settings: Settings) -> Self {
        Self {
            workers,
            cluster: None,
            settings,
            until_end: false,
            until: None,
            offsets: BTreeMap::new(),
            begins: None,
            read_ahead_ms: READ_AHEAD_MS,
            read_ahead_records: READ_AHEAD_RECORDS,
            checkpoint_every: Some(Duration::from_millis(CHECKPOINT_EVERY_MS)),
            anchor_every: Duration::from_millis(ANCHOR_EVERY_MS),
            stops: Vec::new(),
            symbols: None,
            only: None,
            clock: Clock::default(),
        }
    }

    /// Worker threads of all processes.
    pub fn peers(&self) -> usize {
        self.workers * self.cluster.as_ref().map_or(1, |cluster| cluster.hosts.len())
    }

    /// Index of this process's first worker thread among all workers.
    pub(super) fn first_worker(&self) -> usize {
        self.workers * self.cluster.as_ref().map_or(0, |cluster| cluster.index)
    }
}
