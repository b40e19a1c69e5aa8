//! A record during decoding: everything in it gets its time, and goes to the router.

use crate::candles::candle::{Place, Trade};
use crate::ingress::partition::Partition;
use crate::ingress::router::Router;
use crate::ingress::seen::{seen_from, trade_name};
use crate::ingress::waiting_trade::{Origin, WaitingTrade};
use crate::log::batch::RecordSpan;
use crate::log::control::Control;
use crate::log::decode::{RawTrade, Visitor};
use crate::log::reject::{ORIGINAL_BYTES_MAX, Reason};
use crate::output::counters::Counter;
use crate::output::row::{GapRow, RejectedRow};
use crate::progress::leap::Verdict;
use crate::progress::partition::{ProgressError, RecordContext};
use crate::progress::time::Time;
use crate::settings::{ProgressMode, Settings};

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

impl<'a> Reading<'a> {
    fn now(&self) -> Time {
        self.partition.now(self.settings)
    }

    fn timestamp_ms(&self) -> Option<u64> {
        self.span.timestamp_ms.map(|ms| ms.max(0) as u64)
    }

    fn origin(&self, index: u32) -> Origin<'a> {
        Origin { offset: self.span.offset, index, record: self.record, total_len: self.span.total_len }
    }

    /// Records a time for the resume rule; `false` when the state already holds everything of that time.
    #[inline]
    fn is_new(&mut self, time: Time, origin: &Origin<'_>) -> bool {
        if origin.offset == self.span.offset {
            self.partition.trail.note(time);
        } else {
            self.partition.trail.note_settled(time);
        }
        self.partition.frontier.note(time);
        time >= self.resumed_from
    }

    /// The reason to reject a trade for its time.
    #[inline]
    fn untimely(&self, event_ms: u64, frontier_ms: Option<u64>, timestamp_ms: Option<u64>) -> Option<Reason> {
        let settings = self.settings;
        if frontier_ms.is_some_and(|frontier_ms| event_ms < frontier_ms.saturating_sub(settings.allowed_lateness_ms)) {
            return Some(Reason::BeyondAllowedLateness);
        }
        let reference_ms = match settings.progress {
            ProgressMode::BoundedOutOfOrderness { .. } => timestamp_ms,
            ProgressMode::Records | ProgressMode::ProgressLog => frontier_ms.or(timestamp_ms),
        };
        let ahead = reference_ms.is_some_and(|ms| event_ms > ms.saturating_add(settings.max_ahead_trade_ms));
        ahead.then_some(Reason::TooFarAhead)
    }

    /// Gives a trade its time, or rejects it for its time.
    #[inline]
    fn take(&mut self, origin: &Origin<'_>, raw: &RawTrade<'_>, timestamp_ms: Option<u64>) {
        let frontier_ms = self.partition.frontier.frontier_ms();
        if let Some(reason) = self.untimely(raw.event_ms, frontier_ms, timestamp_ms) {
            return self.reject_at(origin, reason);
        }
        self.accept(origin, raw, frontier_ms);
    }

    #[inline]
    fn accept(&mut self, origin: &Origin<'_>, raw: &RawTrade<'_>, frontier_ms: Option<u64>) {
        let settings = self.settings;
        let own = settings.step(raw.event_ms);
        if settings.dedup && !raw.id.is_empty() && self.is_duplicate(origin, raw, own, frontier_ms) {
            return self.count_duplicate(origin);
        }
        let now = frontier_ms.map_or(0, |ms| settings.step(ms));
        let time = own.max(now);
        if self.is_new(time, origin) {
            self.route(origin, raw, time, own < now);
        }
        self.partition.frontier.observe(raw.event_ms, settings.progress);
    }

    /// The next trade where the newest trades move the frontier: one that leaps has to be confirmed by the next ones.
    fn take_confirmed(&mut self, index: u32, raw: &RawTrade<'_>) {
        let timestamp_ms = self.timestamp_ms();
        loop {
            let frontier_ms = self.partition.frontier.frontier_ms();
            if let Some(reason) = self.untimely(raw.event_ms, frontier_ms, timestamp_ms) {
                return self.reject(index, reason);
            }
            match self.partition.leaps.next(frontier_ms, raw.event_ms) {
                Verdict::Accept => {
                    self.partition.frontier.observe_symbol(raw.symbol);
                    return self.accept(&self.origin(index), raw, frontier_ms);
                }
                Verdict::Wait => break,
                Verdict::Confirmed(trades) => self.settle(&trades, true),
                Verdict::Refuted(trades) => self.settle(&trades, false),
            }
        }
        let trade = WaitingTrade::new(&self.origin(index), raw, self.partition.leaps.last());
        let has_several = self.partition.frontier.has_several_symbols();
        let confirmed = self.partition.leaps.wait(trade, has_several);
        self.settle(&confirmed, true);
    }

    /// Accepts or rejects trades that have waited.
    #[cold]
    fn settle(&mut self, trades: &[WaitingTrade], is_confirmed: bool) {
        for waiting in trades {
            let (origin, trade) = (waiting.origin(), waiting.trade());
            if is_confirmed {
                self.partition.frontier.observe_symbol(trade.symbol);
                // Its own record's time was compared when it was read.
                self.take(&origin, &trade, None);
            } else {
                self.reject_at(&origin, Reason::TooFarAhead);
            }
        }
    }

    /// The log has ended: nothing more confirms the trades that wait.
    pub(super) fn end(&mut self) {
        match self.partition.leaps.end(self.partition.frontier.frontier_ms()) {
            Verdict::Confirmed(trades) => self.settle(&trades, true),
            Verdict::Refuted(trades) => self.settle(&trades, false),
            Verdict::Accept | Verdict::Wait => {}
        }
    }
}

impl Visitor for Reading<'_> {
    #[inline]
    fn trade(&mut self, index: u32, raw: &RawTrade<'_>) {
        match self.settings.progress {
            ProgressMode::Records => {
                self.partition.frontier.confirm(raw.event_ms, self.settings.max_ahead_ms);
                self.take(&self.origin(index), raw, self.timestamp_ms());
            }
            ProgressMode::ProgressLog => self.take(&self.origin(index), raw, self.timestamp_ms()),
            ProgressMode::BoundedOutOfOrderness { .. } => self.take_confirmed(index, raw),
        }
    }

    fn control(&mut self, control: Control<'_>) {
        let before = self.partition.frontier.frontier_ms().map(|_| self.now());
        if self.settings.progress == ProgressMode::Records {
            let Settings { step_ms, max_ahead_ms, .. } = *self.settings;
            let context = RecordContext { step_ms, max_ahead_ms, timestamp_ms: self.timestamp_ms() };
            match control.apply(&mut self.partition.frontier, &context) {
                Ok(()) => {}
                Err(ProgressError::TooManySources) => return self.reject(0, Reason::BadControl),
                Err(ProgressError::TooFarAhead) => return self.reject(0, Reason::TooFarAhead),
            }
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
        if self.is_new(now, &self.origin(0)) {
            self.router.count(now, counter);
            if let Control::Gap { source, from_ms, to_ms, cause } = control {
                let (partition, offset) = (self.partition.number, self.span.offset);
                let (source, cause) = (source.into(), cause.into());
                self.router.gap(GapRow { partition, offset, source, from_ms, to_ms, cause, as_of: now });
            }
        }
    }

    fn reject(&mut self, index: u32, reason: Reason) {
        self.reject_at(&self.origin(index), reason);
    }
}

impl Reading<'_> {
    #[cold]
    fn reject_at(&mut self, origin: &Origin<'_>, reason: Reason) {
        let as_of = self.now();
        if !self.is_new(as_of, origin) {
            return;
        }
        let kept = origin.record.len().min(ORIGINAL_BYTES_MAX);
        let row = RejectedRow {
            partition: self.partition.number,
            offset: origin.offset,
            index: origin.index,
            reason,
            original: origin.record[..kept].into(),
            original_bytes_total: origin.total_len,
            as_of,
        };
        self.router.reject(row);
    }

    /// Whether a trade was accepted before; if not, its name is kept.
    fn is_duplicate(&mut self, origin: &Origin<'_>, raw: &RawTrade<'_>, step: Time, frontier_ms: Option<u64>) -> bool {
        let (name, from) = (trade_name(raw.symbol, raw.id), seen_from(self.settings, frontier_ms));
        let seen = &mut self.partition.seen;
        let is_duplicate = seen.has(name, from);
        if !is_duplicate {
            seen.insert(name, step, origin.offset);
        }
        is_duplicate
    }

    fn count_duplicate(&mut self, origin: &Origin<'_>) {
        let now = self.now();
        if self.is_new(now, origin) {
            self.router.count(now, Counter::Duplicates);
        }
    }

    #[inline]
    fn route(&mut self, origin: &Origin<'_>, raw: &RawTrade<'_>, time: Time, late: bool) {
        let Origin { offset, index, .. } = *origin;
        let place = Place { event_ms: raw.event_ms, partition: self.partition.number, offset, index };
        let (table, router) = (&self.settings.conditions, &mut *self.router);
        let Some(symbol) = router.symbol(table, raw.symbol) else { return self.reject_at(origin, Reason::BadSymbol) };
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
