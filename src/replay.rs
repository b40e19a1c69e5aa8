//! A replay of the log, from its beginning or from a checkpoint of a store, for everything that computes rows again.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc;

use anyhow::Context;
use dataflows::output::frontier_row::FrontierRow;
use dataflows::progress::time::Time;
use dataflows::settings::Settings;
use dataflows::state::manifest::SegmentKey;
use dataflows::symbols::entry::Entry;

use crate::log::Log;
use crate::store::anchor::WarmStart;
use crate::store::{
    Checkpoint, DurableFrontier, Heartbeat, PipelineSettings, RowBatch, Store, StoreError, StoreIdentity,
};
use crate::worker::{self, Watch, WorkerConfig};

mod origin;

pub use origin::Origin;

/// A frontier row that a replay has reached.
#[derive(Clone, Debug)]
pub struct ReplayedRow {
    /// The row.
    pub row: FrontierRow,
    /// Why it is reported.
    pub kind: Kind,
}

/// Why a frontier row is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// It is a kept one: one as of each full minute in which something changed.
    Kept,
    /// It is as of a requested time.
    Stop,
    /// It is the current frontier.
    Now,
}

/// A replay to the end of the log.
pub fn replay_config(workers: usize, settings: Settings) -> WorkerConfig {
    WorkerConfig { until_end: true, checkpoint_every: None, ..WorkerConfig::new(workers, settings) }
}

/// Replays a log into a store, from its beginning or from a checkpoint, and calls `each` with every frontier row. Rows
/// of one kind come in order. Returns how many records of the log are not before the last frontier. `watch` shows how
/// far it is, and stops it.
pub fn replay(
    log: Arc<dyn Log>,
    config: WorkerConfig,
    start: Option<WarmStart>,
    store: Box<dyn Store>,
    watch: &Arc<Watch>,
    mut each: impl FnMut(ReplayedRow) -> anyhow::Result<()>,
) -> anyhow::Result<u64> {
    let name = log.name();
    let (sender, rows) = mpsc::channel();
    let store = Box::new(ReportingStore { store, start, rows: sender });
    let for_worker = Arc::clone(watch);
    let worker = std::thread::spawn(move || worker::run(config, log, store, None, for_worker));
    let mut handed = Ok(());
    for replayed in rows {
        handed = each(replayed);
        if handed.is_err() {
            break;
        }
    }
    if handed.is_err() {
        watch.stop.store(true, Ordering::SeqCst);
    }
    let result = worker.join();
    handed?;
    result.map_err(|_| anyhow::anyhow!("the worker failed"))?.with_context(|| format!("replay of {name} ends"))?;
    Ok(watch.records_waiting() + watch.records_unread.load(Ordering::SeqCst))
}

/// A store that also reports the frontier rows.
struct ReportingStore {
    store: Box<dyn Store>,
    start: Option<WarmStart>,
    rows: mpsc::Sender<ReplayedRow>,
}

impl ReportingStore {
    fn report(&self, row: &FrontierRow, kind: Kind) {
        // The receiver is gone only when the reader of our output has closed the pipe.
        let _ = self.rows.send(ReplayedRow { row: row.clone(), kind });
    }
}

impl Store for ReportingStore {
    fn keeps_rows(&self) -> bool {
        self.store.keeps_rows()
    }

    fn open_epoch(&mut self) -> Result<(u64, Option<Checkpoint>), StoreError> {
        // A replay begins where it was asked to, whatever the store holds.
        let start = self.start.as_ref().map(|start| start.checkpoint.clone());
        self.store.open_epoch().map(|(epoch, _)| (epoch, start))
    }

    fn join_epoch(&mut self, epoch: u64) -> Result<(), StoreError> {
        self.store.join_epoch(epoch)
    }

    fn write(&mut self, rows: &RowBatch) -> Result<(), StoreError> {
        self.store.write(rows)
    }

    fn commit_frontier(&mut self, frontier: &DurableFrontier, kept: &[FrontierRow]) -> Result<(), StoreError> {
        self.store.commit_frontier(frontier, kept)?;
        kept.iter().for_each(|row| self.report(row, Kind::Kept));
        self.report(&frontier.row, Kind::Now);
        Ok(())
    }

    fn beat(&mut self, heartbeat: &Heartbeat) -> Result<(), StoreError> {
        self.store.beat(heartbeat)
    }

    fn observe(&mut self, row: &FrontierRow) -> Result<(), StoreError> {
        self.store.observe(row)?;
        self.report(row, Kind::Stop);
        Ok(())
    }

    fn put_segments(&mut self, epoch: u64, frontier: Time, segments: &[(u32, &[u8])]) -> Result<(), StoreError> {
        self.store.put_segments(epoch, frontier, segments)
    }

    fn put_settings(&mut self, epoch: u64, settings: PipelineSettings) -> Result<(), StoreError> {
        self.store.put_settings(epoch, settings)
    }

    fn identity(&mut self) -> Result<Option<StoreIdentity>, StoreError> {
        self.store.identity()
    }

    fn put_identity(&mut self, epoch: u64, identity: &StoreIdentity) -> Result<(), StoreError> {
        self.store.put_identity(epoch, identity)
    }

    fn drop_checkpoint(&mut self, epoch: u64, frontier: Time) -> Result<(), StoreError> {
        self.store.drop_checkpoint(epoch, frontier)
    }

    fn commit_checkpoint(
        &mut self,
        epoch: u64,
        checkpoint: &Checkpoint,
        obsolete: &[SegmentKey],
    ) -> Result<(), StoreError> {
        self.store.commit_checkpoint(epoch, checkpoint, obsolete)
    }

    fn segments(&mut self, wanted: &[SegmentKey]) -> Result<Vec<Vec<u8>>, StoreError> {
        self.start.as_mut().map_or_else(|| Ok(Vec::new()), |start| start.take(wanted))
    }

    fn stored_segments(&mut self) -> Result<Vec<SegmentKey>, StoreError> {
        self.store.stored_segments()
    }

    fn put_symbols(&mut self, entries: &[Entry]) -> Result<(), StoreError> {
        self.store.put_symbols(entries)
    }
}
