//! Collecting a checkpoint on the store thread: segments are written as they come, and the checkpoint is committed when
//! it is complete. It continues the one before it: its manifest names segments of both.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use dataflows::candles::operator::SnapshotPart;
use dataflows::output::ledger::LedgerState;
use dataflows::progress::resume::ResumePoint;
use dataflows::progress::time::Time;
use dataflows::state::codec;
use dataflows::state::manifest::{Manifest, SegmentKey};
use dataflows::state::snapshot::{Shard, SnapshotHeader};

use crate::store::{Checkpoint, Store};
use crate::worker::checkpoint::anchors::{Anchors, LogStart};
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
    /// Shards to write; the last one of a part carries its acknowledgement, and those of empty parts that follow it.
    shards: VecDeque<(Shard, Vec<Ack>)>,
    pending: BTreeMap<Time, Pending>,
    /// The last frontier that this run has published.
    published: Time,
    /// Of the last checkpoint, by this run or the one before.
    manifest: Manifest,
    anchors: Anchors,
    has_committed: bool,
    watch: Arc<Watch>,
}

/// A checkpoint whose parts are still coming in.
#[derive(Default)]
struct Pending {
    ledger: Option<LedgerState>,
    parts: usize,
    written: Vec<(u32, bool)>,
    resume: Vec<ResumePoint>,
}

impl Collector {
    /// Collects for a run of this epoch over the log of this identity, which goes on from a checkpoint.
    pub(in crate::worker) fn new(
        epoch: u64,
        config: &WorkerConfig,
        log: String,
        log_start: LogStart,
        resumed: Option<&SnapshotHeader>,
        watch: Arc<Watch>,
    ) -> Self {
        let named = resumed.map_or_else(Vec::new, |header| header.anchors.clone());
        Self {
            epoch,
            fingerprint: config.settings.fingerprint(),
            log,
            parts_expected: config.peers(),
            shards: VecDeque::new(),
            pending: BTreeMap::new(),
            published: 0,
            manifest: resumed.map_or_else(Manifest::default, |header| header.manifest.clone()),
            anchors: Anchors::new(config.anchor_every, named, log_start),
            has_committed: false,
            watch,
        }
    }

    /// Whether shards wait to be written.
    pub(in crate::worker) fn has_shards(&self) -> bool {
        !self.shards.is_empty()
    }

    /// Queues the shards of one worker's part; `ack` is called when all of them are in the store.
    pub(in crate::worker) fn add_shards(&mut self, part: SnapshotPart, ack: Ack) -> Result<(), WorkerError> {
        let frontier = part.frontier;
        let shards = part.shards.map_err(|why| WorkerError::Checkpoint { frontier, source: why.into() })?;
        self.shards.extend(shards.into_iter().map(|shard| (shard, Vec::new())));
        // A part without shards must not overtake the one before it, which its checkpoint continues.
        match self.shards.back_mut() {
            Some((_, acks)) => acks.push(ack),
            None => ack(),
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
        self.watch.store.time(Kind::Shards, || store.put_segments(self.epoch, frontier, &packed))?;
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
        pending.written.extend(part.written);
        pending.resume.extend(part.resume);
        self.commit_complete(store)
    }

    /// Notes that a frontier row was published.
    pub(in crate::worker) fn published(&mut self, frontier: Time, store: &mut dyn Store) -> Result<(), WorkerError> {
        self.published = frontier;
        self.commit_complete(store)
    }

    /// Commits each checkpoint that is complete: it has every worker's part and the row as of its frontier. It follows
    /// the frontier rows up to its own, because a run that resumes from it does not write them again. And it follows
    /// the checkpoints before it, whose segments it continues.
    fn commit_complete(&mut self, store: &mut dyn Store) -> Result<(), WorkerError> {
        let expected = self.parts_expected;
        let is_complete = |p: &Pending| p.parts == expected && p.ledger.is_some();
        let next = |pending: &BTreeMap<Time, Pending>| {
            let first = pending.iter().find(|(_, pending)| pending.parts > 0);
            first.filter(|(time, pending)| **time <= self.published && is_complete(pending)).map(|(time, _)| *time)
        };
        let mut complete = Vec::new();
        while let Some(pending) = next(&self.pending).and_then(|time| self.pending.remove(&time)) {
            complete.push(pending);
        }
        complete.into_iter().try_for_each(|pending| self.commit(pending, store))
    }

    fn commit(&mut self, pending: Pending, store: &mut dyn Store) -> Result<(), WorkerError> {
        let Pending { ledger: Some(ledger), mut resume, written, .. } = pending else { return Ok(()) };
        let frontier = ledger.row.frontier;
        resume.sort_unstable_by_key(|point| point.partition);
        let mut manifest = self.manifest.clone();
        manifest.advance(self.epoch, frontier, &written);
        let (fingerprint, log, anchors) = (self.fingerprint, self.log.clone(), Vec::new());
        let mut header = SnapshotHeader { ledger, resume, fingerprint, log, manifest, anchors };
        let mut freed = self.keep(&header, store)?;
        header.anchors = self.anchors.keys();
        freed.extend(self.manifest.segments());
        let obsolete = self.obsolete(freed, &header.manifest, store)?;
        let checkpoint = Checkpoint { frontier, header: encode(&header)? };
        self.watch.store.time(Kind::Checkpoint, || store.commit_checkpoint(self.epoch, &checkpoint, &obsolete))?;
        (self.manifest, self.has_committed) = (header.manifest, true);
        self.watch.store.committed(frontier);
        self.watch.checkpoint.store(frontier, Ordering::SeqCst);
        tracing::debug!(frontier, "checkpoint committed");
        Ok(())
    }

    /// Keeps the checkpoint as an anchor, if one is due, and lets go of those that are not wanted any more. Returns
    /// segments that no anchor needs since.
    fn keep(&mut self, header: &SnapshotHeader, store: &mut dyn Store) -> Result<Vec<SegmentKey>, WorkerError> {
        if !self.has_committed {
            self.anchors.load(store)?;
        }
        let frontier = header.ledger.row.frontier;
        let is_due = self.anchors.is_due(frontier);
        if is_due {
            let key = SegmentKey::header(self.epoch, frontier);
            store.put_segments(self.epoch, frontier, &[(key.shard, &encode(header)?)])?;
            self.anchors.add(key, header.clone());
        }
        Ok(self.anchors.thin(frontier, is_due))
    }

    /// Segments that are part of no checkpoint once this one is committed, of these. The first commit of an epoch looks
    /// at all that are stored: a life that ended may have left some.
    fn obsolete(
        &self,
        mut of: Vec<SegmentKey>,
        next: &Manifest,
        store: &mut dyn Store,
    ) -> Result<Vec<SegmentKey>, WorkerError> {
        if !self.has_committed {
            of = store.stored_segments()?;
            of.retain(|key| key.epoch < self.epoch);
        }
        let needed = next.segments();
        of.retain(|key| !needed.contains(key) && !self.anchors.need(key));
        Ok(of)
    }
}

fn encode(header: &SnapshotHeader) -> Result<Vec<u8>, WorkerError> {
    let frontier = header.ledger.row.frontier;
    codec::encode(header).map_err(|error| WorkerError::Checkpoint { frontier, source: error.into() })
}
