//! Collecting a checkpoint on the store thread: shards are written as they come, and the checkpoint is committed when
//! it is complete.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use dataflows::candles::operator::SnapshotPart;
use dataflows::output::ledger::LedgerState;
use dataflows::progress::resume::ResumePoint;
use dataflows::progress::time::Time;
use dataflows::state::codec;
use dataflows::state::snapshot::{Shard, SnapshotHeader};

use crate::store::{Checkpoint, Store};
use crate::worker::control::messages::Part;
use crate::worker::store_command::{Ack, Kind};
use crate::worker::{Watch, WorkerConfig, WorkerError};

/// Shards written to the store between two commands.
const SHARDS_PER_WRITE: usize = 8;

/// The checkpoints that are being collected.
pub(in crate::worker) struct Collector {
    epoch: u64,
    fingerprint: u64,
    log: String,
    parts_expected: usize,
    /// Shards to write; the last one of a part carries its acknowledgement.
    shards: VecDeque<(Shard, Option<Ack>)>,
    pending: BTreeMap<Time, Pending>,
    /// The last frontier that this run has published.
    published: Time,
    watch: Arc<Watch>,
}

/// A checkpoint whose parts are still coming in.
#[derive(Default)]
struct Pending {
    ledger: Option<LedgerState>,
    parts: usize,
    shards: u32,
    resume: Vec<ResumePoint>,
}

impl Collector {
    /// Collects for a run of this epoch over the log of this identity.
    pub(in crate::worker) fn new(epoch: u64, config: &WorkerConfig, log: String, watch: Arc<Watch>) -> Self {
        let (fingerprint, parts_expected) = (config.settings.fingerprint(), config.peers());
        let (shards, pending) = (VecDeque::new(), BTreeMap::new());
        Self { epoch, fingerprint, log, parts_expected, shards, pending, published: 0, watch }
    }

    /// Whether shards wait to be written.
    pub(in crate::worker) fn has_shards(&self) -> bool {
        !self.shards.is_empty()
    }

    /// Queues the shards of one worker's part; `ack` is called when all of them are in the store.
    pub(in crate::worker) fn add_shards(&mut self, part: SnapshotPart, ack: Ack) -> Result<(), WorkerError> {
        let frontier = part.frontier;
        let shards = part.shards.map_err(|why| WorkerError::Checkpoint { frontier, source: why.into() })?;
        if shards.is_empty() {
            ack();
            return Ok(());
        }
        self.shards.extend(shards.into_iter().map(|shard| (shard, None)));
        if let Some((_, last)) = self.shards.back_mut() {
            *last = Some(ack);
        }
        Ok(())
    }

    /// Writes some of the queued shards.
    pub(in crate::worker) fn write_some_shards(&mut self, store: &mut dyn Store) -> Result<(), WorkerError> {
        let Some(frontier) = self.shards.front().map(|(shard, _)| shard.frontier) else { return Ok(()) };
        let first = self.shards.iter().take(SHARDS_PER_WRITE);
        let count = first.take_while(|(shard, _)| shard.frontier == frontier).count();
        let (mut packed, mut acks) = (Vec::new(), Vec::new());
        for (shard, ack) in self.shards.drain(..count) {
            packed.push((shard.shard, codec::pack(&shard.bytes)));
            acks.extend(ack);
        }
        let packed: Vec<(u32, &[u8])> = packed.iter().map(|(shard, bytes)| (*shard, bytes.as_slice())).collect();
        self.watch.store.writing_shards(frontier, &packed);
        self.watch.store.time(Kind::Shards, || store.put_shards(self.epoch, frontier, &packed))?;
        acks.into_iter().for_each(|ack| ack());
        Ok(())
    }

    /// Adds the exact ledger as of a checkpoint's time.
    pub(in crate::worker) fn add_ledger(&mut self, ledger: LedgerState) {
        let frontier = ledger.row.frontier;
        self.pending.entry(frontier).or_default().ledger = Some(ledger);
    }

    /// Adds one worker's part, whose shards are in the store.
    pub(in crate::worker) fn add_part(&mut self, part: Part, store: &mut dyn Store) -> Result<(), WorkerError> {
        let pending = self.pending.entry(part.frontier).or_default();
        pending.parts += 1;
        pending.shards += part.shards;
        pending.resume.extend(part.resume);
        self.commit_complete(store)
    }

    /// Notes that a frontier row was published.
    pub(in crate::worker) fn published(&mut self, frontier: Time, store: &mut dyn Store) -> Result<(), WorkerError> {
        self.published = frontier;
        self.commit_complete(store)
    }

    /// Commits each checkpoint that is complete: it has every worker's part and the row as of its frontier. It follows
    /// the frontier rows up to its own, because a run that resumes from it does not write them again.
    fn commit_complete(&mut self, store: &mut dyn Store) -> Result<(), WorkerError> {
        let expected = self.parts_expected;
        let complete = self.pending.extract_if(..=self.published, |_, p| p.parts == expected && p.ledger.is_some());
        let complete: Vec<_> = complete.filter_map(|(_, pending)| self::complete(pending)).collect();
        complete.into_iter().try_for_each(|(ledger, resume, shards)| self.commit(ledger, resume, shards, store))
    }

    fn commit(
        &self,
        ledger: LedgerState,
        resume: Vec<ResumePoint>,
        shards: u32,
        store: &mut dyn Store,
    ) -> Result<(), WorkerError> {
        let frontier = ledger.row.frontier;
        let header = SnapshotHeader { ledger, resume, fingerprint: self.fingerprint, log: self.log.clone(), shards };
        let header =
            codec::encode(&header).map_err(|error| WorkerError::Checkpoint { frontier, source: error.into() })?;
        let checkpoint = Checkpoint { frontier, header };
        self.watch.store.time(Kind::Checkpoint, || store.commit_checkpoint(self.epoch, &checkpoint))?;
        self.watch.store.committed(frontier);
        self.watch.checkpoint.store(frontier, Ordering::SeqCst);
        tracing::debug!(frontier, "checkpoint committed");
        Ok(())
    }
}

/// Contents of a complete checkpoint's header; resume points by partition.
fn complete(pending: Pending) -> Option<(LedgerState, Vec<ResumePoint>, u32)> {
    let Pending { ledger, mut resume, shards, .. } = pending;
    resume.sort_unstable_by_key(|point| point.partition);
    Some((ledger?, resume, shards))
}
