//! The worker host: log -> dataflow -> store, on the threads of this process and of its peers.
//!
//! Each worker thread owns the partitions p with p % workers == its index, reads them in step, and never waits for
//! the store: rows go to the store thread thread over a bounded channel, and the sink holds its capability until they
//! are acknowledged. The frontier behind the committer is the durable frontier; what has been read beyond it is
//! bounded.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, never, select, unbounded};
use dataflows::output::frontier_row::FrontierRow;
use dataflows::progress::resume::ResumePoint;
use dataflows::progress::time::Time;
use dataflows::settings::Settings;
use dataflows::state::snapshot::SnapshotHeader;

use crate::cluster::peer::Mesh;
use crate::cluster::{ClusterConfig, ClusterError};
use crate::exit_code::ExitCode;
use crate::log::address::LogAddress;
use crate::log::{Log, LogError};
use crate::rejected::mirror::Mirror;
use crate::store::{Store, StoreError};
mod checkpoint;
mod commit;
mod control;
pub mod health;
mod metrics;
mod partition_readers;
mod sink;
mod start;
mod store_thread;
mod symbol_table;
mod threads;
mod worker_loop;

use metrics::StoreMeter;
use start::Start;
use store_thread::StoreThread;
use symbol_table::SymbolLog;

/// How to run.
#[derive(Clone, Debug)]
pub struct WorkerConfig {
    /// Worker threads of each process.
    pub workers: usize,
    /// The other processes, where there are some.
    pub cluster: Option<ClusterConfig>,
    /// What decides the rows.
    pub settings: Settings,
    /// Stop when everything that the log held at the start, and that its frontier covers, is durable.
    pub until_end: bool,
    /// With `until_end`: stop before this time step, so that the durable frontier ends there at the latest.
    pub until: Option<Time>,
    /// Where a run without a checkpoint begins to read, by partition; at the first offset left where nothing is said.
    pub offsets: BTreeMap<u32, u64>,
    /// No partition is read further than this beyond the durable frontier, in milliseconds of event time.
    pub read_ahead_ms: u64,
    /// No partition holds more records than this beyond the durable frontier.
    pub read_ahead_records: u64,
    /// Time between checkpoints; `None` makes none.
    pub checkpoint_every: Option<Duration>,
    /// Times at which the frontier row is wanted exactly, beside the full minutes.
    pub stops: Vec<Time>,
    /// A log of symbols, to keep up the store's directory from.
    pub symbols: Option<LogAddress>,
}

/// Default bound on reading ahead, in milliseconds of event time.
pub const READ_AHEAD_MS: u64 = 600_000;
/// Default bound on reading ahead, in records of one partition.
pub const READ_AHEAD_RECORDS: u64 = 4_000_000;
/// Default time between checkpoints, in milliseconds.
pub const CHECKPOINT_EVERY_MS: u64 = 30_000;

impl WorkerConfig {
    /// Defaults for so many worker threads.
    pub fn new(workers: usize, settings: Settings) -> Self {
        Self {
            workers,
            cluster: None,
            settings,
            until_end: false,
            until: None,
            offsets: BTreeMap::new(),
            read_ahead_ms: READ_AHEAD_MS,
            read_ahead_records: READ_AHEAD_RECORDS,
            checkpoint_every: Some(Duration::from_millis(CHECKPOINT_EVERY_MS)),
            stops: Vec::new(),
            symbols: None,
        }
    }

    /// Worker threads of all processes.
    pub fn peers(&self) -> usize {
        self.workers * self.cluster.as_ref().map_or(1, |cluster| cluster.hosts.len())
    }

    /// The first of this process' worker threads among all.
    fn first_worker(&self) -> usize {
        self.workers * self.cluster.as_ref().map_or(0, |cluster| cluster.index)
    }
}

/// Why a worker ends.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkerError {
    /// The log failed.
    #[error("the log failed")]
    Log(#[from] LogError),
    /// The mirror of refused records failed.
    #[error("the log that mirrors what is refused failed")]
    Mirror(#[source] LogError),
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// The checkpoint cannot be used.
    #[error(
        "the checkpoint as of {frontier} in the store cannot be read: {why}; \
         work into a new store: every row can be made again from the log"
    )]
    Checkpoint {
        /// Its frontier.
        frontier: Time,
        /// What is wrong.
        why: String,
    },
    /// The settings are not those of the checkpoint.
    #[error(
        "the settings (time step, allowed lateness, out-of-orderness, conditions) are not those that the checkpoint as of {frontier} was \
         made with: rows would not agree; use the same settings, or a new store"
    )]
    SettingsChanged {
        /// Its frontier.
        frontier: Time,
    },
    /// The log has other partitions than the checkpoint.
    #[error(
        "the log has {log} partitions, the checkpoint was made with {checkpoint}: \
         this is another log, or it was changed"
    )]
    Partitions {
        /// Of the log.
        log: u32,
        /// Of the checkpoint.
        checkpoint: u32,
    },
    /// No progress records.
    #[error(
        "{log}, partition {partition}: {records} records were read and the frontier does not move; its sources write \
         no progress records (use --max-out-of-orderness for such a log), or one of them is dead (`tickline source list` names \
         it: start it again, or retire it)"
    )]
    Stalled {
        /// The log.
        log: String,
        /// The partition that holds everything up.
        partition: u32,
        /// Records held.
        records: u64,
    },
    /// The other processes: one was lost, or they do not fit together.
    #[error("the cluster ends")]
    Cluster(#[from] ClusterError),
    /// A thread of the dataflow failed.
    #[error("a worker thread failed: {0}")]
    Thread(String),
}

impl ExitCode for WorkerError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Log(error) | Self::Mirror(error) => error.exit_code(),
            Self::Store(error) => error.exit_code(),
            Self::Cluster(error) => error.exit_code(),
            Self::Checkpoint { .. } | Self::Partitions { .. } => 3,
            Self::SettingsChanged { .. } => 2,
            Self::Stalled { .. } | Self::Thread(_) => 1,
        }
    }
}

/// What can be watched from outside while the workers run.
#[derive(Debug, Default)]
pub struct Watch {
    /// The durable frontier.
    pub frontier: AtomicU64,
    /// Records read.
    pub records: AtomicU64,
    /// Their bytes.
    pub record_bytes: AtomicU64,
    /// How far each partition of this process is read.
    pub partitions: Mutex<BTreeMap<u32, PartitionRead>>,
    /// Records that the log held at the start, less those before the resume points.
    pub records_total: AtomicU64,
    /// Set to end the workers at their next round.
    pub stop: std::sync::atomic::AtomicBool,
    /// The last frontier row, at the end, in the process that wrote it.
    pub row: Mutex<Option<FrontierRow>>,
    /// The epoch; 0 before all processes are there.
    pub epoch: AtomicU64,
    /// Other processes that this one is connected to.
    pub peers: AtomicU64,
    /// How many knocked that are no peers.
    pub strangers: OnceLock<Arc<AtomicU64>>,
    /// Other processes that there should be.
    pub peers_expected: AtomicU64,
    /// When the first worker of this process last went round.
    pub stepped: Mutex<Option<Instant>>,
    /// The frontier of the last checkpoint committed; 0 before the first.
    pub checkpoint: AtomicU64,
    /// What goes to the store.
    pub store: StoreMeter,
}

/// How far a partition is read.
#[derive(Clone, Copy, Debug, Default)]
pub struct PartitionRead {
    /// The next record's offset.
    pub offset: u64,
    /// Records between that and the end of the log, where that is known.
    pub unread: Option<u64>,
    /// The partition's frontier.
    pub frontier: Time,
}

/// What the worker threads of this process share.
struct Shared {
    config: WorkerConfig,
    log: Arc<dyn Log>,
    symbols: Option<SymbolLog>,
    store_thread: StoreThread,
    watch: Arc<Watch>,
    /// Where each partition is read from.
    starts: Vec<ResumePoint>,
    resumed: Option<SnapshotHeader>,
    failure: Mutex<Failure>,
    /// Told of the first failure.
    failed: Sender<()>,
}

/// The first failure. It stays known after it was taken.
#[derive(Default)]
struct Failure {
    happened: bool,
    error: Option<WorkerError>,
}

/// Runs until the end of the log (with `until_end`), or until `watch.stop` is set, or for ever. An error of log or
/// store ends all threads; nothing is claimed that is not durable. With a mirror, refused records are written there
/// before they are written to the store, which must be one that keeps rows.
///
/// As one of several processes it returns as soon as anything fails, here or there, with threads still running: the
/// caller is to end the process, which tells the others.
pub fn run(
    config: WorkerConfig,
    log: Arc<dyn Log>,
    mut store: Box<dyn Store>,
    mirror: Option<Mirror>,
    watch: Arc<Watch>,
) -> Result<(), WorkerError> {
    let symbols = config.symbols.as_ref().map(SymbolLog::open).transpose()?;
    let peers_expected = config.cluster.as_ref().map_or(0, |cluster| cluster.hosts.len() - 1);
    watch.peers_expected.store(peers_expected as u64, Ordering::SeqCst);
    let Start { epoch, resumed, starts, shards, mesh } = start::start(&config, log.as_ref(), store.as_mut())?;
    tracing::info!(
        epoch,
        workers = config.workers,
        peers = config.peers(),
        resumed_from = resumed.as_ref().map(|header| header.row.frontier),
        log = log.name(),
        "worker starts"
    );
    watch.checkpoint.store(resumed.as_ref().map_or(0, |header| header.row.frontier), Ordering::SeqCst);
    if config.first_worker() == 0
        && let Some(row) = store.published()?
    {
        watch.store.publish(&row);
    }
    let store_thread = StoreThread::start(store, mirror, epoch, &config, log.identity(), Arc::clone(&watch));
    let (failed, failures) = unbounded();
    let shared = Arc::new(Shared {
        store_thread,
        watch,
        starts,
        resumed,
        failure: Mutex::default(),
        failed,
        config,
        log,
        symbols,
    });
    let (peers, lost, _telling) = match mesh {
        Some(Mesh { peers, lost, tell, strangers }) => {
            shared.watch.peers.store(peers.iter().flatten().count() as u64, Ordering::SeqCst);
            // It is set here only.
            let _ = shared.watch.strangers.set(strangers);
            (peers, lost, Some(tell))
        }
        None => (Vec::new(), never(), None),
    };
    shared.watch.epoch.store(epoch, Ordering::SeqCst);
    let ended = threads::start(&shared, shards, peers)?;
    shared.watch_over(epoch, &ended, &lost, &failures)?;
    shared.config.cluster.iter().filter_map(|cluster| cluster.tls.as_ref()).for_each(|tls| tls.settle());
    Ok(())
}

impl Shared {
    /// Waits for the end of the threads; as one of several processes also for anything that ends it before.
    fn watch_over(
        &self,
        epoch: u64,
        ended: &Receiver<Option<String>>,
        lost: &Receiver<ClusterError>,
        failures: &Receiver<()>,
    ) -> Result<(), WorkerError> {
        let failures = if self.config.cluster.is_some() { failures.clone() } else { never() };
        let panicked = select! {
            recv(ended) -> panicked => panicked.unwrap_or_else(|_| Some("its end was not told".to_owned())),
            recv(lost) -> lost => return Err(self.why_lost(epoch, lost.ok())),
            recv(failures) -> _ => return Err(self.failure(None)),
        };
        if panicked.is_none() || self.has_failed() {
            self.store_thread.finish();
        }
        if panicked.is_some() || self.has_failed() {
            return Err(self.failure(panicked));
        }
        self.store_thread.take_failure().map_or(Ok(()), Err)
    }

    /// A process that slept while the others started again without it is fenced; to start it again would disturb them.
    fn why_lost(&self, ours: u64, lost: Option<ClusterError>) -> WorkerError {
        let newest = self.config.cluster.as_ref().and_then(start::newest_epoch);
        match (newest, lost, &self.config.cluster) {
            (Some(theirs), _, Some(cluster)) if theirs > ours => {
                StoreError::Fenced { path: cluster.store.clone(), ours, theirs }.into()
            }
            (_, Some(lost), _) => lost.into(),
            (_, None, _) => WorkerError::Thread("the connections to the other processes are gone".to_owned()),
        }
    }

    fn failure(&self, panicked: Option<String>) -> WorkerError {
        let noted = self.failure.lock().unwrap_or_else(PoisonError::into_inner).error.take();
        noted
            .or_else(|| self.store_thread.take_failure())
            .unwrap_or_else(|| WorkerError::Thread(panicked.unwrap_or_else(|| "it ended without a reason".to_owned())))
    }

    /// Notes the first failure and tells all threads to end.
    fn fail(&self, error: WorkerError) {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        if !std::mem::replace(&mut failure.happened, true) {
            failure.error = Some(error);
            // Whoever runs this process may have left already.
            let _ = self.failed.send(());
        }
        self.watch.stop.store(true, Ordering::SeqCst);
    }

    fn has_failed(&self) -> bool {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).happened
    }
}

/// Does this when the thread that holds it panics.
struct OnPanic<F: Fn()>(F);

impl<F: Fn()> Drop for OnPanic<F> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            (self.0)();
        }
    }
}
