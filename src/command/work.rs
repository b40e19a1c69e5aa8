//! `tickline work`: runs the dataflow from a log to a store.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use anyhow::Context;
use tokio::runtime::{Builder, Runtime};

use super::options::cluster::ClusterArgs;
use super::options::duration::Duration;
use super::options::listen::listen_address;
use super::options::rows::SettingsArgs;
use super::options::workers::{WORKERS, workers};
use super::output::progress::{show_heartbeat, show_progress};
use crate::cluster::ClusterError;
use crate::command::{UsageError, stop};
use crate::log::Log;
use crate::log::address::LogAddress;
use crate::metrics::{self, MetricsServer};
use crate::process::messages::note;
use crate::process::supervisor;
use crate::rejected::mirror::Mirror;
use crate::store::Store;
use crate::store::address::StoreAddress;
use crate::worker::health::Health;
use crate::worker::{
    self, ANCHOR_EVERY_MS, CHECKPOINT_EVERY_MS, READ_AHEAD_MS, READ_AHEAD_RECORDS, Watch, WorkerConfig, WorkerError,
};

mod awaited;

/// Compute rows from a log and keep them in a store, starting from the last checkpoint.
#[derive(clap::Args, Clone, Debug)]
pub struct WorkArgs {
    /// The log: dir:PATH (waits until a writer creates it) or kafka://HOST:PORT/TOPIC
    #[arg(long, env = "TICKLINE_LOG")]
    pub log: LogAddress,
    /// The store: sqlite:PATH, cassandra://HOST:PORT/KEYSPACE or none
    #[arg(long, env = "TICKLINE_STORE")]
    pub store: StoreAddress,
    /// Worker threads of each process
    #[arg(long, env = "TICKLINE_WORKERS", default_value_t = WORKERS, value_parser = workers())]
    pub workers: u16,
    #[command(flatten)]
    #[expect(missing_docs, reason = "its own type says it")]
    pub cluster: ClusterArgs,
    /// Run as a child process and restart it after a lost peer, a transient failure or a signal
    #[arg(long)]
    pub restart: bool,
    /// Stop once everything that the log held at the start, up to its frontier, is durable
    #[arg(long)]
    pub until_end: bool,
    /// Time between checkpoints
    #[arg(long, env = "TICKLINE_CHECKPOINT_EVERY", default_value_t = Duration::from_ms(CHECKPOINT_EVERY_MS))]
    pub checkpoint_every: Duration,
    /// Event time between two checkpoints that are kept, to begin a replay or a proof from: for a day, and after that
    /// the first of each day for three months; at least 10m, or 0s: keep none
    #[arg(
        long,
        env = "TICKLINE_ANCHOR_EVERY",
        default_value_t = Duration::from_ms(ANCHOR_EVERY_MS),
        value_parser = anchor_every
    )]
    pub anchor_every: Duration,
    /// How far beyond the durable frontier a partition is read, in event time
    #[arg(long, env = "TICKLINE_READ_AHEAD", default_value_t = Duration::from_ms(READ_AHEAD_MS))]
    pub read_ahead: Duration,
    /// How many records beyond the durable frontier a partition may hold
    #[arg(long, env = "TICKLINE_READ_AHEAD_RECORDS", default_value_t = READ_AHEAD_RECORDS)]
    pub read_ahead_records: u64,
    /// The symbol log written by `tickline symbols sync --log`: keeps the store's symbol table up to date
    #[arg(long, env = "TICKLINE_SYMBOL_LOG", value_name = "LOG")]
    pub symbol_log: Option<LogAddress>,
    /// Serve /metrics, /healthz and /readyz on this address
    #[arg(long, env = "TICKLINE_WORK_LISTEN", value_name = "HOST:PORT", value_parser = listen_address)]
    pub listen: Option<SocketAddr>,
    /// Also append rejected records to this log, at least once; created if it does not exist
    #[arg(long, env = "TICKLINE_REJECTED_TO", value_name = "LOG")]
    pub rejected_to: Option<LogAddress>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "its own type says it")]
    pub settings: SettingsArgs,
}

/// Least event time between two checkpoints that are kept, in milliseconds: each is a thousand names of segments.
const ANCHOR_EVERY_MS_MIN: u64 = 600_000;

fn anchor_every(text: &str) -> Result<Duration, String> {
    let every: Duration = text.parse()?;
    match every.ms() {
        0 | ANCHOR_EVERY_MS_MIN.. => Ok(every),
        _ => Err(format!("invalid interval {text:?}: expected 10m or longer, or 0s to keep none")),
    }
}

impl WorkArgs {
    /// Configuration of the worker host.
    pub fn config(&self) -> anyhow::Result<WorkerConfig> {
        Ok(WorkerConfig {
            until_end: self.until_end,
            read_ahead_ms: self.read_ahead.ms(),
            read_ahead_records: self.read_ahead_records,
            // Where nothing is kept, nothing resumes.
            checkpoint_every: (self.store != StoreAddress::None).then(|| self.checkpoint_every.std()),
            anchor_every: self.anchor_every.std(),
            symbols: self.symbol_log.clone(),
            cluster: self.cluster.config(&self.store)?,
            ..WorkerConfig::new(usize::from(self.workers), self.settings.settings()?)
        })
    }
}

/// Opens the mirror of rejected records.
fn mirror(args: &WorkArgs, to: &LogAddress, log: &dyn Log, store: &dyn Store) -> anyhow::Result<Mirror> {
    let usage = |text: String| anyhow::Error::from(UsageError(text));
    if !store.keeps_rows() {
        return Err(usage(format!("--rejected-to needs a store that keeps rows, and {} does not", args.store)));
    }
    if args.cluster.processes > 1 && matches!(to, LogAddress::Dir(_)) {
        return Err(usage(format!(
            "--rejected-to {to} allows one writer, but there are several processes: use a Kafka topic"
        )));
    }
    if to.exists()? && is_same(&args.log, to)? {
        return Err(usage(format!("--rejected-to {to} is the log itself, where every record would be rejected again")));
    }
    Mirror::open(to, &args.log, log.partitions()).with_context(|| format!("cannot mirror to {to}"))
}

/// Whether both addresses lead to the same existing log.
fn is_same(address: &LogAddress, to: &LogAddress) -> anyhow::Result<bool> {
    Ok(match (address, to) {
        (LogAddress::Dir(ours), LogAddress::Dir(theirs)) => ours.canonicalize()? == theirs.canonicalize()?,
        (LogAddress::Kafka(ours), LogAddress::Kafka(theirs)) => {
            ours.topic == theirs.topic && address.open()?.identity() == to.open()?.identity()
        }
        _ => false,
    })
}

/// Serves metrics and health until dropped.
fn answer(listen: SocketAddr, watch: &Arc<Watch>) -> anyhow::Result<(MetricsServer, Runtime)> {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let server = runtime.block_on(metrics::serve(listen, Arc::new(Health(Arc::clone(watch)))))?;
    note(format_args!("metrics: http://{}/metrics", server.addr()));
    Ok((server, runtime))
}

/// Runs `tickline work`.
pub fn run(args: &WorkArgs) -> anyhow::Result<()> {
    if args.restart {
        return supervisor::supervise();
    }
    let watch = Arc::new(Watch::default());
    let stopped = stop::on_signal(&watch)?;
    let config = args.config()?;
    if !args.until_end {
        [Some(&args.log), args.settings.progress.as_ref()].into_iter().flatten().for_each(awaited::wait_for);
    }
    let log: Arc<dyn Log> = Arc::from(args.settings.open(&args.log)?);
    let store = args.store.open_writer()?;
    let mirror = args.rejected_to.as_ref().map(|to| mirror(args, to, &*log, &*store)).transpose()?;
    let _answering = args.listen.map(|listen| answer(listen, &watch)).transpose()?;
    let display = if args.until_end { show_progress } else { show_heartbeat };
    let display = display("work", Arc::clone(&watch));
    let result = worker::run(config, log, store, mirror, Arc::clone(&watch));
    let is_stopped = watch.stop.swap(true, Ordering::SeqCst);
    // It only displays progress, so its end cannot matter.
    let _ = display.join();
    result.with_context(|| format!("work on {} ended", args.log))?;
    let frontier = watch.complete_up_to();
    let row = watch.row.lock().unwrap_or_else(PoisonError::into_inner).take();
    let digest = row.map_or_else(String::new, |row| format!(", digest {}", row.digest));
    let (read, waiting) = (watch.records.load(Ordering::Relaxed), watch.records_waiting());
    let unread = watch.records_unread.load(Ordering::SeqCst);
    note(format_args!("work: {read} records read, {frontier}, {waiting} waiting{digest}"));
    if is_stopped && !stopped.load(Ordering::SeqCst) {
        return Err(WorkerError::from(ClusterError::Stopped).into());
    }
    if args.until_end && !is_stopped && waiting + unread > 0 {
        let (frontier, partitions) = (watch.durable_frontier(), watch.holding_back());
        return Err(WorkerError::Incomplete {
            log: args.log.to_string(),
            records: waiting,
            unread,
            frontier,
            partitions,
        }
        .into());
    }
    Ok(())
}
