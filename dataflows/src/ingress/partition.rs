//! One partition: its frontier, its resume points, and what of it may be read.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::ingress::ahead::{Ahead, AheadByTime};
use crate::ingress::live_sources::{LiveSource, LiveSources};
use crate::ingress::room::Room;
use crate::ingress::seen::{Seen, SeenNames, seen_from};
use crate::ingress::waiting_trade::WaitingTrade;
use crate::log::binding::Binding;
use crate::progress::last_record::LastRecord;
use crate::progress::leap::Leaps;
use crate::progress::partition::PartitionFrontier;
use crate::progress::resume::{ResumePoint, ResumeTrail};
use crate::progress::time::Time;
use crate::settings::{ProgressMode, Settings};
use crate::symbols::symbol::Symbol;

/// Read position of one partition.
pub(super) struct Partition {
    pub(super) number: u32,
    pub(super) frontier: PartitionFrontier,
    pub(super) trail: ResumeTrail,
    /// Trades whose leap is not confirmed yet.
    pub(super) leaps: Leaps<WaitingTrade>,
    /// Trades that were read before there was a frontier to judge their time by.
    pub(super) early: Vec<WaitingTrade>,
    /// The first frontier, by which they are judged.
    first_frontier_ms: Option<u64>,
    /// Accepted trades far ahead of the frontier.
    pub(super) ahead: Ahead,
    /// Bindings of the progress log that are not applied yet, by offset.
    bindings: VecDeque<Binding>,
    /// Only records before this offset may be read: a later binding may be about those from here on.
    bound: u64,
    pub(super) sources: LiveSources,
    /// Offset of the next record.
    offset: u64,
    /// The last record of the batches read, if any.
    last: Option<LastRecord>,
    pub(super) seen: Seen,
    pub(super) room: Room,
}

impl Partition {
    /// Starts at a resume point.
    pub(super) fn new(start: ResumePoint, settings: &Settings) -> Self {
        let is_paced = settings.progress == ProgressMode::ProgressLog;
        Self {
            number: start.partition,
            frontier: start.frontier.clone(),
            leaps: Leaps::new(settings.max_ahead_trade_ms),
            early: Vec::new(),
            first_frontier_ms: None,
            ahead: Ahead::default(),
            bindings: VecDeque::new(),
            bound: if is_paced { start.frontier.bound_offset() } else { u64::MAX },
            offset: start.offset,
            last: start.last,
            seen: Seen::default(),
            room: Room::default(),
            trail: ResumeTrail::new(start),
            sources: LiveSources::default(),
        }
    }

    /// Marks a possible resume point before the next record. Trades that wait to be judged have no time yet, so no mark
    /// may follow them. `before` is the record before it in its batch.
    pub(super) fn mark(&mut self, offset: u64, before: impl Fn() -> Option<LastRecord>) {
        let last = self.last;
        let before = || before().or(last);
        self.trail.reach(&self.frontier, before);
        if !self.has_undecided() {
            self.trail.mark(offset, &self.frontier, before);
        }
    }

    /// The records of a batch are read, of which this is the last. A run that resumes may know a later one.
    pub(super) fn set_last(&mut self, last: LastRecord) {
        if self.last.is_none_or(|known| known.offset < last.offset) {
            self.last = Some(last);
        }
    }

    /// The record at `offset` is read.
    pub(super) fn set_read(&mut self, offset: u64) {
        self.offset = offset + 1;
        self.trail.end_record();
    }

    /// The next binding of the progress log. Offsets ascend; one that falls says nothing that may still be used.
    pub(super) fn add_binding(&mut self, binding: Binding) {
        if binding.offset >= self.bound {
            self.bound = binding.offset;
            self.bindings.push_back(binding);
        }
    }

    /// Whether the record at `offset` may be read. What the progress log says of it counts from here on.
    #[inline]
    pub(super) fn reaches(&mut self, offset: u64) -> bool {
        if self.bound == u64::MAX {
            return true;
        }
        self.bind_up_to(offset);
        offset < self.bound
    }

    /// Applies the bindings up to this position: everything before it is read.
    pub(super) fn bind_up_to(&mut self, position: u64) {
        while let Some(binding) = self.bindings.pop_front_if(|binding| binding.offset <= position) {
            self.frontier.bind(&binding);
            self.note_frontier();
        }
    }

    /// The frontier may be the first one.
    #[inline]
    pub(super) fn note_frontier(&mut self) {
        if !self.early.is_empty() && self.first_frontier_ms.is_none() {
            self.first_frontier_ms = self.frontier.frontier_ms();
        }
    }

    /// The trades to judge, and the first frontier, once there is one.
    #[inline]
    pub(super) fn take_early(&mut self) -> Option<(Vec<WaitingTrade>, u64)> {
        let frontier_ms = self.first_frontier_ms?;
        Some((std::mem::take(&mut self.early), frontier_ms)).filter(|(early, _)| !early.is_empty())
    }

    /// Only records before this offset may be read.
    pub(super) fn bound(&self) -> u64 {
        self.bound
    }

    /// The partition's frontier as a time step: the time of everything without an event time.
    #[inline]
    pub(super) fn now(&self, settings: &Settings) -> Time {
        self.frontier.frontier_ms().map_or(0, |ms| settings.step(ms))
    }

    /// [`ResumeTrail::records_from`], and the trades that have no time yet.
    pub(super) fn records_from(&self, frontier: Time) -> u64 {
        self.trail.records_from(frontier) + self.undecided() as u64
    }

    /// Trades that have no time yet.
    pub(super) fn undecided(&self) -> usize {
        self.leaps.len() + self.early.len()
    }

    fn has_undecided(&self) -> bool {
        self.undecided() > 0
    }

    /// The resume point as of `frontier`.
    pub(super) fn resume_point(&self, frontier: Time) -> ResumePoint {
        self.trail.resume_point(frontier, self.read_point(), self.has_undecided())
    }

    /// The resume point of a checkpoint as of `frontier`. Retention may remove what is before it, so those of later
    /// checkpoints are not before it.
    pub(super) fn checkpoint_point(&mut self, frontier: Time) -> ResumePoint {
        let (point, end) = (self.resume_point(frontier), self.read_point());
        if point == end && !self.has_undecided() {
            self.trail.mark_end(&end);
        }
        point
    }

    /// The position after the last record read.
    pub(super) fn read_point(&self) -> ResumePoint {
        let Self { number: partition, offset, last, .. } = *self;
        ResumePoint { partition, offset, frontier: self.frontier.clone(), last }
    }

    /// The live sources, and the last progress record of each.
    pub(super) fn sources(&self) -> impl Iterator<Item = LiveSource<'_>> {
        self.sources.of(&self.frontier)
    }

    /// [`PartitionFrontier::follow`].
    pub(super) fn follow(&mut self, frontier: Time) {
        self.frontier.follow(frontier);
    }

    /// [`PartitionFrontier::time_max`].
    pub(super) fn time_max(&self) -> Option<Time> {
        self.frontier.time_max()
    }

    /// [`ResumeTrail::forget`].
    pub(super) fn forget(&mut self, frontier: Time, settings: &Settings) {
        self.trail.forget(frontier);
        self.ahead.forget(frontier);
        // A run that resumes at the first mark compares these names again.
        self.seen.forget(seen_from(settings, self.trail.first_frontier_ms()));
    }

    /// What a run needs that resumes as of `frontier`, beside the resume point.
    pub(super) fn memory<'a>(
        &self,
        frontier: Time,
        settings: &Settings,
        name: impl Fn(u32) -> &'a Symbol,
    ) -> PartitionMemory {
        let point = self.resume_point(frontier);
        PartitionMemory {
            seen: self.seen.before(point.offset, seen_from(settings, point.frontier.frontier_ms())),
            ahead: self.ahead.before(point.offset, frontier),
            symbols: self.room.before(point.offset, name),
        }
    }

    /// Continues with the memory of a checkpoint.
    pub(super) fn restore(&mut self, memory: PartitionMemory) {
        self.seen = Seen::restore(memory.seen);
        for (time, trades) in &memory.ahead {
            let mut offsets: Vec<u64> = trades.iter().map(|trade| trade.offset).collect();
            offsets.dedup();
            offsets.iter().for_each(|_| self.trail.note_settled_kept(*time));
        }
        self.ahead = Ahead::restore(memory.ahead);
    }
}

/// What is known of the records before a partition's resume point, as a checkpoint holds it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PartitionMemory {
    /// The names of trades; empty unless duplicates are recognised.
    pub seen: SeenNames,
    /// Accepted trades that were far ahead.
    ahead: AheadByTime,
    /// The symbols of accepted trades.
    pub(super) symbols: Vec<Symbol>,
}

impl PartitionMemory {
    /// Number of accepted trades that were far ahead.
    pub fn ahead(&self) -> usize {
        self.ahead.iter().map(|(_, trades)| trades.len()).sum()
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty() && self.ahead.is_empty() && self.symbols.is_empty()
    }
}
