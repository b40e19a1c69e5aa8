//! The worker host: log -> dataflow -> store, on the threads of this process.
//!
//! Each worker thread owns the partitions p with p % workers == its index, reads them in step, and never waits for
//! the store: rows go to the companion thread over a bounded channel, and the sink holds its capability until they
//! are acknowledged. The frontier behind the committer is the durable frontier; what has been read beyond it is
//! bounded.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dataflows::frontier::FrontierRow;
use dataflows::progress::PartitionFrontier;
use dataflows::resume::ResumePoint;
use dataflows::settings::Settings;
use dataflows::snapshot::SnapshotHeader;
use dataflows::time::Time;

use crate::log::address::LogAddress;
use crate::log::{Log, LogError};
use crate::rejected::mirror::Mirror;
use crate::store::{Store, StoreError};

mod checkpoint;
mod commit;
mod companion;
mod directory;
mod read;
mod sink;
mod thread;

use companion::{Command, Companion};
use directory::SymbolLog;

/// How to run.
#[derive(Clone, Debug)]
pub struct WorkerConfig {
    /// Worker threads.
    pub workers: usize,
    /// What decides the rows.
    pub settings: Settings,
    /// Stop when everything that the log held at the start, and that its frontier covers, is durable.
    pub until_end: bool,
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
            settings,
            until_end: false,
            read_ahead_ms: READ_AHEAD_MS,
            read_ahead_records: READ_AHEAD_RECORDS,
            checkpoint_every: Some(Duration::from_millis(CHECKPOINT_EVERY_MS)),
            stops: Vec::new(),
            symbols: None,
        }
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
        "the settings (tick, horizon, disorder, conditions) are not those that the checkpoint as of {frontier} was \
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
         no progress records (use --max-disorder for such a log), or one of them is dead (append its bye record)"
    )]
    Stalled {
        /// The log.
        log: String,
        /// The partition that holds everything up.
        partition: u32,
        /// Records held.
        records: u64,
    },
    /// A thread of the dataflow failed.
    #[error("a worker thread failed: {0}")]
    Thread(String),
}

impl WorkerError {
    /// The exit code that tells it (the command line's documentation lists them).
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Log(error) | Self::Mirror(error) => error.exit_code(),
            Self::Store(error) => error.exit_code(),
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
    /// Records that the log held at the start, less those before the resume points.
    pub records_total: AtomicU64,
    /// Set to end the workers at their next round.
    pub stop: std::sync::atomic::AtomicBool,
}

/// What the worker threads of this process share.
struct Shared {
    config: WorkerConfig,
    log: Arc<dyn Log>,
    symbols: Option<SymbolLog>,
    companion: Companion,
    watch: Arc<Watch>,
    /// Where each partition is read from.
    starts: Vec<ResumePoint>,
    resumed: Option<SnapshotHeader>,
    /// By worker: the frontier at which it will have read all that it is to read.
    ends: Mutex<Vec<Option<Time>>>,
    /// By partition: where a restart could resume as of the durable frontier.
    resume: Mutex<Vec<ResumePoint>>,
    /// The last committed checkpoint.
    checkpoint: Arc<AtomicU64>,
    failure: Mutex<Option<WorkerError>>,
    /// The row as of the last frontier committed.
    last_row: Mutex<Option<FrontierRow>>,
}

/// Runs until the end of the log (with `until_end`), or until `watch.stop` is set, or for ever. An error of log or
/// store ends all threads; nothing is claimed that is not durable. With a mirror, refused records are written there
/// before they are written to the store, which must be one that keeps rows.
pub fn run(
    config: WorkerConfig,
    log: Arc<dyn Log>,
    mut store: Box<dyn Store>,
    mirror: Option<Mirror>,
    watch: Arc<Watch>,
) -> Result<(), WorkerError> {
    let symbols = config.symbols.as_ref().map(SymbolLog::open).transpose()?;
    let (epoch, checkpoint) = store.open_epoch()?;
    let resumed = match &checkpoint {
        Some(checkpoint) => Some(checkpoint::read_header(checkpoint, &config.settings, log.as_ref())?),
        None => None,
    };
    let starts = match &resumed {
        Some(header) => header.resume.clone(),
        None => fresh_starts(log.as_ref())?,
    };
    let shards = checkpoint::read_shards(store.as_mut(), resumed.as_ref())?;
    tracing::info!(
        epoch,
        workers = config.workers,
        resumed_from = checkpoint.map(|c| c.frontier),
        log = log.name(),
        "worker starts"
    );
    let committed = Arc::new(AtomicU64::new(resumed.as_ref().map_or(0, |header| header.row.frontier)));
    let companion = Companion::start(store, mirror, epoch, &config, log.identity(), Arc::clone(&committed));
    let workers = config.workers;
    let shared = Arc::new(Shared {
        companion,
        watch,
        ends: Mutex::new(vec![None; workers]),
        resume: Mutex::new(starts.clone()),
        starts,
        resumed,
        checkpoint: committed,
        failure: Mutex::new(None),
        last_row: Mutex::new(None),
        config,
        log,
        symbols,
    });
    let for_threads = Arc::clone(&shared);
    let shards = Arc::new(Mutex::new(shards));
    let threads = timely::execute(timely::Config::process(workers), move |worker| {
        let own = checkpoint::take_own(&shards, worker.index(), worker.peers());
        thread::run(worker, &for_threads, own)
    });
    let joined = threads.map_err(WorkerError::Thread)?.join();
    let failed = joined.into_iter().find_map(Result::err);
    let failure = shared.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
    if failure.is_none() && failed.is_none() {
        shared.publish_resume();
    }
    shared.companion.finish();
    let failure = failure.or_else(|| shared.companion.take_failure());
    match (failure, failed) {
        (Some(error), _) => Err(error),
        (None, Some(panic)) => Err(WorkerError::Thread(panic)),
        (None, None) => Ok(()),
    }
}

/// The earliest offsets that the log still holds.
fn fresh_starts(log: &dyn Log) -> Result<Vec<ResumePoint>, LogError> {
    let start = |partition| {
        let offset = log.first_offset(partition)?;
        if offset > 0 {
            tracing::warn!(log = log.name(), partition, offset, "the log has lost its beginning: rows start there");
        }
        Ok(ResumePoint { partition, offset, frontier: PartitionFrontier::default() })
    };
    (0..log.partitions()).map(start).collect()
}

impl Shared {
    /// Resume points are published one commit behind; at the end the last frontier row gets those as of itself.
    fn publish_resume(&self) {
        let row = self.last_row.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let (Some(row), Some(commands)) = (row, self.companion.sender()) {
            let (resume, ack) = (self.resume_json(), Box::new(|| ()));
            // The other end is gone only after an error, which is told.
            let _ = commands.send(Command::Frontier { row, kept: Vec::new(), resume, ack });
        }
    }

    /// Notes the first failure and tells all threads to end.
    fn fail(&self, error: WorkerError) {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        self.watch.stop.store(true, Ordering::SeqCst);
    }
}
