//! The run of one process: starts the store thread and the worker threads, and waits for their end.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::{Receiver, Sender, never, select, unbounded};
use dataflows::ingress::PartitionMemory;
use dataflows::progress::resume::ResumePoint;
use dataflows::state::snapshot::SnapshotHeader;

use super::checkpoint::collect::Collector;
use super::config::WorkerConfig;
use super::error::WorkerError;
use super::proof::Proof;
use super::start::{self, Start};
use super::status::Watch;
use super::store_thread::{Executor, StoreThread};
use super::symbol_table::SymbolLog;
use super::threads;
use crate::cluster::ClusterError;
use crate::cluster::peer::Mesh;
use crate::log::{Log, first_offsets};
use crate::rejected::mirror::Mirror;
use crate::store::{Heartbeat, Store, StoreError};

/// State shared by the worker threads of this process.
pub(super) struct Shared {
    pub(super) config: WorkerConfig,
    pub(super) log: Arc<dyn Log>,
    pub(super) symbols: Option<SymbolLog>,
    pub(super) store_thread: StoreThread,
    pub(super) watch: Arc<Watch>,
    /// The resume point of each partition.
    pub(super) starts: Vec<ResumePoint>,
    pub(super) resumed: Option<SnapshotHeader>,
    pub(super) proof: Arc<Proof>,
    /// The last heartbeat of an earlier run.
    pub(super) heartbeat: Option<Heartbeat>,
    /// By partition, until its worker takes them.
    memories: Mutex<Vec<PartitionMemory>>,
    failure: Mutex<Failure>,
    /// Notified of the first failure.
    failed: Sender<()>,
}

/// The first failure. `happened` stays set after the error was taken.
#[derive(Default)]
struct Failure {
    happened: bool,
    error: Option<WorkerError>,
}

/// Runs until the end of the log (with `until_end`), until `watch.stop` is set, or forever. An error of the log or the
/// store ends all threads; nothing is reported as complete that is not durable. With a mirror, rejected records are
/// written there before they are written to the store, which must be one that keeps rows.
///
/// As one of several processes it returns as soon as anything fails in any of them, with threads still running: the
/// caller must end the process, which also notifies the others.
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
    let mut start = start::start(&config, log.as_ref(), store.as_mut())?;
    let (epoch, mesh, shards) = (start.epoch, start.mesh.take(), std::mem::take(&mut start.shards));
    let (failed, failures) = unbounded();
    let (shared, executor) = Shared::new(config, log, symbols, (store, mirror), watch, start, failed)?;
    shared.store_thread.start(executor);
    let (peers, lost, _loss_sender) = match mesh {
        Some(Mesh { peers, lost, loss_sender, rejected_connections }) => {
            shared.watch.peers.store(peers.iter().flatten().count() as u64, Ordering::SeqCst);
            // It is set only here.
            let _ = shared.watch.rejected_connections.set(rejected_connections);
            (peers, lost, Some(loss_sender))
        }
        None => (Vec::new(), never(), None),
    };
    shared.watch.epoch.store(epoch, Ordering::SeqCst);
    let ended = threads::start(&shared, shards, peers)?;
    shared.wait_for_end(epoch, &ended, &lost, &failures)?;
    shared.config.cluster.iter().filter_map(|cluster| cluster.tls.as_ref()).for_each(|tls| tls.flush());
    Ok(())
}

impl Shared {
    /// What the worker threads of a process share once the start is made, and what executes their commands.
    pub(super) fn new(
        config: WorkerConfig,
        log: Arc<dyn Log>,
        symbols: Option<SymbolLog>,
        (mut store, mirror): (Box<dyn Store>, Option<Mirror>),
        watch: Arc<Watch>,
        start: Start,
        failed: Sender<()>,
    ) -> Result<(Arc<Self>, Executor), WorkerError> {
        let Start { epoch, resumed, starts, memories, proof, .. } = start;
        let resumed_from = resumed.as_ref().map(|header| header.ledger.row.frontier);
        let (workers, peers, name) = (config.workers, config.peers(), log.name());
        tracing::info!(epoch, workers, peers, resumed_from, log = name, "starting workers");
        watch.checkpoint.store(resumed_from.unwrap_or(0), Ordering::SeqCst);
        if config.first_worker() == 0
            && let Some(row) = store.published()?
        {
            watch.store.publish(&row);
        }
        let heartbeat = store.heartbeat()?;
        let for_start = Arc::clone(&log);
        let log_start = Box::new(move || first_offsets(&*for_start).ok());
        let collector = Collector::new(epoch, &config, log.identity(), log_start, resumed.as_ref(), Arc::clone(&watch));
        let (store_thread, executor) = StoreThread::new(store, mirror, epoch, collector, Arc::clone(&watch));
        let (proof, memories, failure) = (Arc::new(proof), Mutex::new(memories), Mutex::default());
        let shared = Self {
            config,
            log,
            symbols,
            store_thread,
            watch,
            starts,
            resumed,
            proof,
            heartbeat,
            memories,
            failure,
            failed,
        };
        Ok((Arc::new(shared), executor))
    }

    /// Waits for the end of the threads; as one of several processes, also for a lost peer or a failure.
    fn wait_for_end(
        &self,
        epoch: u64,
        ended: &Receiver<Option<String>>,
        lost: &Receiver<ClusterError>,
        failures: &Receiver<()>,
    ) -> Result<(), WorkerError> {
        let failures = if self.config.cluster.is_some() { failures.clone() } else { never() };
        let panicked = select! {
            recv(ended) -> panicked => panicked.unwrap_or_else(|_| Some("it ended without a report".to_owned())),
            recv(lost) -> lost => return Err(self.peer_loss(epoch, lost.ok())),
            recv(failures) -> _ => return Err(self.first_failure(None)),
        };
        if panicked.is_none() || self.has_failed() {
            self.store_thread.finish();
        }
        if panicked.is_some() || self.has_failed() {
            return Err(self.first_failure(panicked));
        }
        self.store_thread.take_failure().map_or(Ok(()), Err)
    }

    /// The error for a lost peer. A process that was suspended while the others restarted without it is fenced:
    /// restarting it would disturb them.
    fn peer_loss(&self, ours: u64, lost: Option<ClusterError>) -> WorkerError {
        let newest = self.config.cluster.as_ref().and_then(start::newest_epoch);
        match (newest, lost, &self.config.cluster) {
            (Some(theirs), _, Some(cluster)) if theirs > ours => {
                StoreError::Fenced { path: cluster.store.clone(), ours, theirs }.into()
            }
            (_, Some(lost), _) => lost.into(),
            (_, None, _) => WorkerError::Thread("the connections to the other processes are closed".to_owned()),
        }
    }

    fn first_failure(&self, panicked: Option<String>) -> WorkerError {
        self.take_failure()
            .unwrap_or_else(|| WorkerError::Thread(panicked.unwrap_or_else(|| "it ended without a reason".to_owned())))
    }

    /// Removes and returns the memory of a partition.
    pub(super) fn take_memory(&self, partition: u32) -> PartitionMemory {
        let mut memories = self.memories.lock().unwrap_or_else(PoisonError::into_inner);
        memories.get_mut(partition as usize).map(std::mem::take).unwrap_or_default()
    }

    /// Records the first failure and stops all threads.
    pub(super) fn fail(&self, error: WorkerError) {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        if !std::mem::replace(&mut failure.happened, true) {
            failure.error = Some(error);
            // `run` may have returned already.
            let _ = self.failed.send(());
        }
        self.watch.stop.store(true, Ordering::SeqCst);
    }

    /// The first failure of the workers or of the store thread, once.
    pub(super) fn take_failure(&self) -> Option<WorkerError> {
        let noted = self.failure.lock().unwrap_or_else(PoisonError::into_inner).error.take();
        noted.or_else(|| self.store_thread.take_failure())
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).happened
    }
}

/// Runs a function if the thread that holds it panics.
pub(super) struct OnPanic<F: Fn()>(pub(super) F);

impl<F: Fn()> Drop for OnPanic<F> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            (self.0)();
        }
    }
}
