//! One partition: assigns a time to everything in a record, by the partition's frontier at that record.

use crate::candles::candle::{Place, Trade};
use crate::ingress::live_sources::{LiveSource, LiveSources};
use crate::ingress::router::Router;
use crate::log::batch::RecordSpan;
use crate::log::control::Control;
use crate::log::decode::{RawTrade, Visitor};
use crate::log::reject::{ORIGINAL_BYTES_MAX, Reason};
use crate::output::counters::Counter;
use crate::output::row::{GapRow, RejectedRow};
use crate::progress::partition::PartitionFrontier;
use crate::progress::resume::{ResumePoint, ResumeTrail};
use crate::progress::time::Time;
use crate::settings::{ProgressMode, Settings};

/// Read position of one partition.
pub(super) struct Partition {
    number: u32,
    frontier: PartitionFrontier,
    trail: ResumeTrail,
    sources: LiveSources,
    /// Offset of the next record.
    offset: u64,
}

impl Partition {
    /// Starts at a resume point.
    pub(super) fn new(start: ResumePoint) -> Self {
        Self {
            number: start.partition,
            frontier: start.frontier.clone(),
            offset: start.offset,
            trail: ResumeTrail::new(start),
            sources: LiveSources::default(),
        }
    }

    /// Marks a possible resume point before the next record.
    pub(super) fn mark(&mut self, offset: u64) {
        self.trail.mark(offset, &self.frontier);
    }

    /// The record at `offset` is read.
    pub(super) fn set_read(&mut self, offset: u64) {
        self.offset = offset + 1;
        self.trail.end_record();
    }

    /// The partition's frontier as a time step: the time of everything without an event time.
    #[inline]
    pub(super) fn now(&self, settings: &Settings) -> Time {
        self.frontier.frontier_ms().map_or(0, |ms| settings.step(ms))
    }

    /// [`ResumeTrail::records_from`].
    pub(super) fn records_from(&self, frontier: Time) -> u64 {
        self.trail.records_from(frontier)
    }

    /// The resume point as of `frontier`.
    pub(super) fn resume_point(&self, frontier: Time) -> ResumePoint {
        self.trail.resume_point(frontier, self.read_point())
    }

    /// The position after the last record read.
    pub(super) fn read_point(&self) -> ResumePoint {
        ResumePoint { partition: self.number, offset: self.offset, frontier: self.frontier.clone() }
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
    pub(super) fn forget(&mut self, frontier: Time) {
        self.trail.forget(frontier);
    }
}

/// A record during decoding.
pub(super) struct Reading<'a> {
    pub(super) partition: &'a mut Partition,
    pub(super) router: &'a mut Router,
    pub(super) settings: &'a Settings,
    /// Records before this time are already in the state.
    pub(super) resumed_from: Time,
    pub(super) span: &'a RecordSpan,
    pub(super) record: &'a [u8],
}

impl Reading<'_> {
    fn now(&self) -> Time {
        self.partition.now(self.settings)
    }

    /// Records a time for the resume rule; `false` when the state already holds everything of that time.
    #[inline]
    fn is_new(&mut self, time: Time) -> bool {
        self.partition.trail.note(time);
        self.partition.frontier.note(time);
        time >= self.resumed_from
    }

    /// The reason to reject a trade for its time.
    #[inline]
    fn untimely(&self, event_ms: u64, frontier_ms: Option<u64>) -> Option<Reason> {
        let settings = self.settings;
        if frontier_ms.is_some_and(|frontier_ms| event_ms < frontier_ms.saturating_sub(settings.allowed_lateness_ms)) {
            return Some(Reason::BeyondAllowedLateness);
        }
        let reference_ms = match settings.progress {
            ProgressMode::Records => frontier_ms,
            ProgressMode::BoundedOutOfOrderness { .. } => self.span.timestamp_ms.map(|ms| ms.max(0) as u64),
        };
        let ahead = reference_ms.is_some_and(|ms| event_ms > ms.saturating_add(settings.max_ahead_ms));
        ahead.then_some(Reason::TooFarAhead)
    }
}

impl Visitor for Reading<'_> {
    #[inline]
    fn trade(&mut self, index: u32, raw: &RawTrade<'_>) {
        let frontier_ms = self.partition.frontier.frontier_ms();
        if let Some(reason) = self.untimely(raw.event_ms, frontier_ms) {
            return self.reject(index, reason);
        }
        let settings = self.settings;
        let own = settings.step(raw.event_ms);
        let now = frontier_ms.map_or(0, |ms| settings.step(ms));
        let time = own.max(now);
        let mode = settings.progress;
        if self.is_new(time) {
            self.take(index, raw, time, own < now);
        }
        self.partition.frontier.observe(raw.event_ms, mode);
    }

    fn control(&mut self, control: Control<'_>) {
        let before = self.partition.frontier.frontier_ms().map(|_| self.now());
        if self.settings.progress == ProgressMode::Records
            && control.apply(&mut self.partition.frontier, self.settings.step_ms).is_err()
        {
            return self.reject(0, Reason::BadControl);
        }
        match control {
            Control::Progress { source, .. } => self.partition.sources.progress(source, self.span.timestamp_ms),
            Control::Bye { source } => self.partition.sources.bye(source),
            Control::Gap { .. } | Control::Import { .. } => {}
        }
        let (counter, first) = match control {
            Control::Progress { .. } => (Counter::Progress, None),
            Control::Gap { .. } => (Counter::Gaps, None),
            Control::Bye { .. } => (Counter::Byes, None),
            Control::Import { from_ms, .. } => (Counter::Imports, Some(self.settings.step(from_ms))),
        };
        // The first progress has no frontier before it, and counts at its own; an import, with its first trade.
        let now = before.or(first).unwrap_or_else(|| self.now());
        if self.is_new(now) {
            self.router.count(now, counter);
            if let Control::Gap { source, from_ms, to_ms, cause } = control {
                let (partition, offset) = (self.partition.number, self.span.offset);
                let (source, cause) = (source.into(), cause.into());
                self.router.gap(GapRow { partition, offset, source, from_ms, to_ms, cause, as_of: now });
            }
        }
    }

    #[cold]
    fn reject(&mut self, index: u32, reason: Reason) {
        let as_of = self.now();
        if !self.is_new(as_of) {
            return;
        }
        let kept = self.record.len().min(ORIGINAL_BYTES_MAX);
        let row = RejectedRow {
            partition: self.partition.number,
            offset: self.span.offset,
            index,
            reason,
            original: self.record[..kept].into(),
            original_bytes_total: self.span.total_len,
            as_of,
        };
        self.router.reject(row);
    }
}

impl Reading<'_> {
    #[inline]
    fn take(&mut self, index: u32, raw: &RawTrade<'_>, time: Time, late: bool) {
        let place = Place { event_ms: raw.event_ms, partition: self.partition.number, offset: self.span.offset, index };
        let (table, router) = (&self.settings.conditions, &mut *self.router);
        let Some(symbol) = router.symbol(table, raw.symbol) else { return self.reject(index, Reason::BadSymbol) };
        let mut flags = router.flags(table, symbol, raw.conditions);
        router.count_trade(time);
        if late {
            router.count(time, Counter::Late);
        }
        if raw.rounded {
            router.count(time, Counter::Rounded);
        }
        if raw.volume == 0 {
            router.count(time, Counter::PriceUpdates);
            flags.volume = false;
        }
        if flags.is_none() {
            return router.count(time, Counter::Excluded);
        }
        let trade = Trade { place, price: raw.price, volume: raw.volume, flags };
        router.merge(symbol, time, &trade);
    }
}
