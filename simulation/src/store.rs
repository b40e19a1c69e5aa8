//! A store of the simulated world: the last write of a row wins by its write time, as in Cassandra; one epoch at a time
//! publishes frontiers and commits checkpoints; a call may fail before, in the middle, or after it was carried out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dataflows::output::frontier_row::FrontierRow;
use dataflows::output::row::{CandleRow, GapRow, IndicatorRow, RejectedRow};
use dataflows::progress::time::Time;
use dataflows::state::codec;
use dataflows::state::manifest::SegmentKey;
use dataflows::state::snapshot::SnapshotHeader;
use dataflows::symbols::entry::Entry;
use tickline::store::{
    Checkpoint, DurableFrontier, Heartbeat, PipelineSettings, RowBatch, Store, StoreError, StoreIdentity,
};

use crate::support::updates::Keyed;

/// Rows of a table by their key.
pub type Table<R> = BTreeMap<<R as Keyed>::Key, R>;

/// All that the store holds. A clone is a backup.
#[derive(Clone, Default)]
pub struct Contents {
    /// Candles.
    pub candles: Table<CandleRow>,
    /// Indicators.
    pub indicators: Table<IndicatorRow>,
    /// Rejected records.
    pub rejected: Table<RejectedRow>,
    /// Gaps.
    pub gaps: Table<GapRow>,
    /// What readers see.
    pub published: Option<DurableFrontier>,
    /// A row for each minute.
    pub kept: BTreeMap<Time, FrontierRow>,
    /// The committed checkpoint, and the epoch that committed it.
    pub checkpoint: Option<(u64, Checkpoint)>,
    segments: BTreeMap<SegmentKey, Vec<u8>>,
    /// The log and the settings that it was made from.
    pub identity: Option<StoreIdentity>,
    /// The newest epoch.
    pub epoch: u64,
}

impl Contents {
    /// Whether the committed checkpoint and those that are kept have all their segments.
    fn checkpoints_are_whole(&self) -> bool {
        let header = |bytes: &Vec<u8>| codec::decode::<SnapshotHeader>(bytes).ok();
        let has =
            |header: &SnapshotHeader| header.manifest.segments().iter().all(|key| self.segments.contains_key(key));
        let kept = |key: &SegmentKey| self.segments.get(key).and_then(header).is_some_and(|header| has(&header));
        let committed = self.checkpoint.as_ref().and_then(|(_, checkpoint)| header(&checkpoint.header));
        committed.is_some_and(|committed| has(&committed) && committed.anchors.iter().all(kept))
    }

    /// Whether it was made from no log yet.
    pub fn is_new(&self) -> bool {
        self.identity.is_none()
    }

    /// The time up to which rows are complete.
    pub fn complete(&self) -> Time {
        self.published.as_ref().map_or(0, |published| published.row.frontier)
    }
}

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failing {
    /// Nothing of it is carried out.
    Before,
    /// Some rows of it are.
    Partly,
    /// All of it is, and the answer is lost.
    After,
}

/// Kinds of calls after which a job can be killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Of a start: its epoch, its shards, the identity of its log.
    Start,
    /// Rows.
    Rows,
    /// A frontier.
    Frontier,
    /// A heartbeat.
    Beat,
    /// Segments of a checkpoint.
    Segments,
    /// A checkpoint.
    Checkpoint,
}

/// The store with what happens to it.
#[derive(Default)]
struct State {
    contents: Contents,
    /// The next call fails so.
    failing: Option<Failing>,
    /// The job is killed after the next call of this kind.
    killing: Option<Call>,
    /// It is being killed: nothing that it still asks for is carried out.
    is_killed: bool,
    /// Batches that were written, of which any may be written again: the network repeats a request.
    written: Vec<RowBatch>,
    /// What may never happen, and did.
    violation: Option<String>,
    /// Rows written.
    rows_written: u64,
    /// The log has lost records that were read: their rows may have the write times of others.
    has_orphans: bool,
    /// Minutes that were kept from such records, and that no published frontier covers.
    orphan_minutes: BTreeSet<Time>,
}

/// A store; its clones are connections to the same one.
#[derive(Clone, Default)]
pub struct SimulatedStore(Arc<Mutex<State>>);

impl SimulatedStore {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it holds.
    pub fn contents(&self) -> Contents {
        self.state().contents.clone()
    }

    /// Looks at what it holds.
    pub fn look<T>(&self, at: impl FnOnce(&Contents) -> T) -> T {
        at(&self.state().contents)
    }

    /// Puts back a backup. The epochs go on from the newer one: a restored fence would let a zombie in.
    pub fn restore(&self, backup: Contents) {
        let mut state = self.state();
        let epoch = state.contents.epoch;
        state.contents = Contents { epoch, ..backup };
        state.written.clear();
    }

    /// The next call fails.
    pub fn fail_next_call(&self, failing: Failing) {
        self.state().failing = Some(failing);
    }

    /// The job is killed after the next call of a kind.
    pub fn kill_after(&self, call: Call) {
        self.state().killing = Some(call);
    }

    /// Whether the job is to be killed now, once.
    pub fn kills(&self) -> bool {
        std::mem::take(&mut self.state().is_killed)
    }

    /// Nothing more fails.
    pub fn heal(&self) {
        let mut state = self.state();
        (state.failing, state.killing) = (None, None);
    }

    /// The log has lost records that were read. What was on its way since then is taken for arrived.
    pub fn note_orphans(&self) {
        let mut state = self.state();
        state.has_orphans = true;
        state.written.clear();
        let State { contents, orphan_minutes, .. } = &mut *state;
        orphan_minutes.extend(contents.kept.range(contents.complete() + 1..).map(|(minute, _)| *minute));
    }

    /// Carries out an earlier write of rows once more.
    pub fn repeat(&self, which: usize) {
        let mut state = self.state();
        if let Some(at) = which.checked_rem(state.written.len()) {
            let (again, rows_written) = (state.written[at].clone(), state.rows_written);
            state.put(&again, usize::MAX);
            state.rows_written = rows_written;
        }
    }

    /// Rows written so far; what the network repeats was written before.
    pub fn rows_written(&self) -> u64 {
        self.state().rows_written
    }

    /// What may never happen, and did.
    pub fn violation(&self) -> Option<String> {
        self.state().violation.clone()
    }
}

impl State {
    /// Puts up to `count` rows of a batch. An equal write time means an equal row.
    fn put(&mut self, rows: &RowBatch, count: usize) {
        let contents = &mut self.contents;
        let mut left = count;
        let mut wrong = put(&mut contents.candles, &rows.candles, &mut left);
        wrong = wrong.or(put(&mut contents.indicators, &rows.indicators, &mut left));
        wrong = wrong.or(put(&mut contents.rejected, &rows.rejected, &mut left));
        wrong = wrong.or(put(&mut contents.gaps, &rows.gaps, &mut left));
        self.violation = self.violation.take().or(wrong.filter(|_| !self.has_orphans));
        self.rows_written += rows.len().min(count) as u64;
    }

    /// Carries out a call as the simulation wants it.
    fn call<T>(
        &mut self,
        kind: Call,
        call: impl FnOnce(&mut Self, usize) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let failing = if self.is_killed { Some(Failing::Before) } else { self.failing.take() };
        self.is_killed |= self.killing.take_if(|killing| *killing == kind).is_some();
        let carried_out = match failing {
            None => return call(self, usize::MAX),
            Some(Failing::Before) => Ok(()),
            Some(Failing::Partly) => call(self, 1).map(drop),
            Some(Failing::After) => call(self, usize::MAX).map(drop),
        };
        carried_out?;
        let why = format!("the simulation wanted it so ({failing:?})");
        Err(StoreError::Failed { path: "simulated".to_owned(), what: "cannot write", why })
    }

    fn check_fence(&self, ours: u64) -> Result<(), StoreError> {
        let theirs = self.contents.epoch;
        if ours == theirs { Ok(()) } else { Err(StoreError::Fenced { path: "simulated".to_owned(), ours, theirs }) }
    }

    fn corrupt(&mut self, what: String) -> StoreError {
        self.violation.get_or_insert_with(|| what.clone());
        corrupt(what)
    }

    fn commit_frontier(
        &mut self,
        durable: &DurableFrontier,
        kept: &[FrontierRow],
        count: usize,
    ) -> Result<(), StoreError> {
        self.check_fence(durable.epoch)?;
        for row in kept.iter().take(count) {
            let old = self.contents.kept.entry(row.frontier).or_insert_with(|| row.clone()).clone();
            if old != *row {
                let what = format!("a minute was kept as {old:?}, and is now {row:?}");
                let is_orphan = self.orphan_minutes.contains(&row.frontier);
                return Err(if is_orphan { corrupt(what) } else { self.corrupt(what) });
            }
        }
        if count == 1 {
            return Ok(());
        }
        let old = self.contents.published.as_ref().map(|old| old.row.clone());
        match old {
            Some(old) if old.frontier > durable.row.frontier => {}
            Some(old) if old.frontier == durable.row.frontier && old != durable.row => {
                return Err(self.corrupt(format!("{old:?} was published, and now {:?}", durable.row)));
            }
            _ => self.contents.published = Some(durable.clone()),
        }
        Ok(())
    }
}

fn corrupt(what: String) -> StoreError {
    StoreError::Corrupt { path: "simulated".to_owned(), what, hint: "a bug".to_owned() }
}

/// Puts rows as long as some may be put. Returns what two rows with the same key and write time differ in.
fn put<R: Keyed>(table: &mut Table<R>, rows: &[R], left: &mut usize) -> Option<String> {
    let mut wrong = None;
    for row in rows {
        if *left == 0 {
            break;
        }
        *left -= 1;
        match table.get(&row.key()) {
            Some(old) if old.as_of() > row.as_of() => {}
            Some(old) if old.as_of() == row.as_of() && old != row => {
                // Which of the two wins is nobody's choice.
                wrong = Some(format!("two rows of one write time: {old:?} and {row:?}"));
            }
            _ => drop(table.insert(row.key(), row.clone())),
        }
    }
    wrong
}

impl Store for SimulatedStore {
    fn open_epoch(&mut self) -> Result<(u64, Option<Checkpoint>), StoreError> {
        self.state().call(Call::Start, |state, _| {
            state.contents.epoch += 1;
            let checkpoint = state.contents.checkpoint.as_ref().map(|(_, checkpoint)| checkpoint.clone());
            Ok((state.contents.epoch, checkpoint))
        })
    }

    fn join_epoch(&mut self, epoch: u64) -> Result<(), StoreError> {
        self.state().call(Call::Start, |state, _| state.check_fence(epoch))
    }

    fn published(&mut self) -> Result<Option<FrontierRow>, StoreError> {
        Ok(self.state().contents.published.as_ref().map(|durable| durable.row.clone()))
    }

    fn write(&mut self, rows: &RowBatch) -> Result<(), StoreError> {
        self.state().call(Call::Rows, |state, count| {
            state.put(rows, count);
            state.written.push(rows.clone());
            Ok(())
        })
    }

    fn commit_frontier(&mut self, frontier: &DurableFrontier, kept: &[FrontierRow]) -> Result<(), StoreError> {
        self.state().call(Call::Frontier, |state, count| state.commit_frontier(frontier, kept, count))
    }

    fn beat(&mut self, _heartbeat: &Heartbeat) -> Result<(), StoreError> {
        self.state().call(Call::Beat, |_, _| Ok(()))
    }

    fn put_segments(&mut self, epoch: u64, frontier: Time, segments: &[(u32, &[u8])]) -> Result<(), StoreError> {
        self.state().call(Call::Segments, |state, count| {
            for &(shard, bytes) in segments.iter().take(count) {
                state.contents.segments.insert(SegmentKey { shard, epoch, frontier }, bytes.to_vec());
            }
            Ok(())
        })
    }

    fn commit_checkpoint(
        &mut self,
        epoch: u64,
        checkpoint: &Checkpoint,
        obsolete: &[SegmentKey],
    ) -> Result<(), StoreError> {
        self.state().call(Call::Checkpoint, |state, count| {
            state.check_fence(epoch)?;
            let before = state.contents.checkpoint.as_ref().map_or(0, |(_, before)| before.frontier);
            if before > checkpoint.frontier {
                return Err(state.corrupt(format!("a checkpoint goes back from {before} to {}", checkpoint.frontier)));
            }
            if checkpoint.frontier > state.contents.complete() {
                return Err(state.corrupt(format!("a checkpoint as of {} is ahead of all rows", checkpoint.frontier)));
            }
            state.contents.checkpoint = Some((epoch, checkpoint.clone()));
            for key in obsolete.iter().take(count.saturating_sub(1)) {
                state.contents.segments.remove(key);
            }
            if !state.contents.checkpoints_are_whole() {
                return Err(state.corrupt("a checkpoint lacks a segment".to_owned()));
            }
            Ok(())
        })
    }

    fn drop_checkpoint(&mut self, epoch: u64, _frontier: Time) -> Result<(), StoreError> {
        self.state().call(Call::Checkpoint, |state, _| {
            state.check_fence(epoch)?;
            state.contents.checkpoint = None;
            Ok(())
        })
    }

    fn segments(&mut self, wanted: &[SegmentKey]) -> Result<Vec<Vec<u8>>, StoreError> {
        self.state().call(Call::Start, |state, _| {
            let found: Option<Vec<_>> = wanted.iter().map(|key| state.contents.segments.get(key).cloned()).collect();
            found.ok_or_else(|| state.corrupt("a segment of the checkpoint is missing".to_owned()))
        })
    }

    fn stored_segments(&mut self) -> Result<Vec<SegmentKey>, StoreError> {
        self.state().call(Call::Checkpoint, |state, _| Ok(state.contents.segments.keys().copied().collect()))
    }

    fn put_symbols(&mut self, _entries: &[Entry]) -> Result<(), StoreError> {
        Ok(())
    }

    fn put_settings(&mut self, epoch: u64, _settings: PipelineSettings) -> Result<(), StoreError> {
        self.state().call(Call::Start, |state, _| state.check_fence(epoch))
    }

    fn identity(&mut self) -> Result<Option<StoreIdentity>, StoreError> {
        Ok(self.state().contents.identity.clone())
    }

    fn put_identity(&mut self, epoch: u64, identity: &StoreIdentity) -> Result<(), StoreError> {
        self.state().call(Call::Start, |state, _| {
            state.check_fence(epoch)?;
            state.contents.identity = Some(identity.clone());
            Ok(())
        })
    }
}
