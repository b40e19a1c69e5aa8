//! A record during decoding: everything in it gets its time, and goes to the router.

use crate::candles::candle::{Place, Trade};
use crate::ingress::ahead::FAR_MS;
use crate::ingress::partition::Partition;
use crate::ingress::router::Router;
use crate::ingress::seen::{seen_from, trade_name};
use crate::ingress::waiting_trade::{Origin, WaitingTrade};
use crate::ingress::witness::{Decision, Part, Witness};
use crate::log::batch::RecordSpan;
use crate::log::control::Control;
use crate::log::decode::{RawTrade, Visitor};
use crate::log::reject::{ORIGINAL_BYTES_MAX, REJECTED_ROWS_MAX, Reason};
use crate::output::counters::Counter;
use crate::output::row::{GapRow, RejectedRow};
use crate::progress::leap::Verdict;
use crate::progress::partition::{ProgressError, RecordContext};
use crate::progress::time::Time;
use crate::settings::{ProgressMode, Settings};
use crate::symbols::symbol::Symbol;

/// A record during decoding.
pub(super) struct Reading<'a, W> {
    pub(super) partition: &'a mut Partition,
    pub(super) router: &'a mut Router,
    pub(super) settings: &'a Settings,
    /// Records before this time are already in the state.
    pub(super) resumed_from: Time,
    pub(super) span: &'a RecordSpan,
    pub(super) record: &'a [u8],
    /// Parts of the record at hand that were rejected, and the index of the first one without a row.
    pub(super) rejected: (u64, Option<u32>),
    pub(super) witness: &'a mut W,
}

impl<W: Witness> Reading<'_, W> {
    fn now(&self) -> Time {
        self.partition.now(self.settings)
    }

    fn timestamp_ms(&self) -> Option<u64> {
        self.span.timestamp_ms.map(|ms| ms.max(0) as u64)
    }

    /// Where a part of the record at hand was read, which these bytes are.
    fn origin<'b>(&self, index: u32, bytes: &'b [u8]) -> Origin<'b> {
        // The beginning of a record that is too large is not all of it.
        let is_record = bytes.len() == self.record.len();
        let total_len = if is_record { self.span.total_len } else { bytes.len() as u64 };
        Origin { offset: self.span.offset, index, bytes, total_len }
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

    /// Whether a time is so far ahead of the partition frontier that its trade is kept apart.
    #[inline]
    fn is_far(&self, time: Time) -> bool {
        let frontier_ms = self.partition.frontier.frontier_ms();
        frontier_ms.is_some_and(|ms| time >= self.settings.step(ms).saturating_add(far_ms(self.settings)))
    }

    /// Keeps an accepted trade that is far ahead of the frontier. Its time is after every checkpoint that was made.
    #[cold]
    fn keep_ahead(&mut self, origin: &Origin<'_>, raw: &RawTrade<'_>, time: Time) {
        if origin.offset == self.span.offset {
            self.partition.trail.note_kept(time);
        } else {
            self.partition.trail.note_settled_kept(time);
        }
        self.partition.frontier.note(time);
        // A run that resumes may read again what was applied before its frontier.
        if time >= self.resumed_from {
            self.partition.ahead.insert(time, WaitingTrade::accepted(origin, raw));
        }
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
        self.accept(origin, raw, frontier_ms, self.now());
    }

    /// Accepts a trade that is on time or late. If there is no room for its symbol it is rejected as of `rejected_at`;
    /// a duplicate is counted as of then.
    #[inline]
    fn accept(&mut self, origin: &Origin<'_>, raw: &RawTrade<'_>, frontier_ms: Option<u64>, rejected_at: Time) {
        let settings = self.settings;
        let Some(symbol) = self.admit(origin, raw) else {
            return self.reject_as_of(origin, Reason::TooManySymbols, rejected_at);
        };
        let own = settings.step(raw.event_ms);
        if settings.dedup && !raw.id.is_empty() && self.is_duplicate(origin, raw, own, frontier_ms) {
            return self.count_duplicate(origin, rejected_at);
        }
        let now = frontier_ms.map_or(0, |ms| settings.step(ms));
        let time = own.max(now);
        if self.is_far(time) {
            self.keep_ahead(origin, raw, time);
        } else if self.is_new(time, origin) {
            self.route(origin, raw, symbol, time, own < now);
        }
        self.partition.frontier.observe(raw.event_ms, settings.progress);
    }

    /// The next trade where the newest trades move the frontier: one that leaps has to be confirmed by the next ones.
    fn take_confirmed(&mut self, index: u32, raw: &RawTrade<'_>) {
        let timestamp_ms = self.timestamp_ms();
        loop {
            let frontier_ms = self.partition.frontier.frontier_ms();
            if let Some(reason) = self.untimely(raw.event_ms, frontier_ms, timestamp_ms) {
                return self.reject_at(&self.origin(index, raw.bytes), reason);
            }
            match self.partition.leaps.next(frontier_ms, raw.event_ms) {
                Verdict::Accept => {
                    self.partition.frontier.observe_symbol(raw.symbol);
                    return self.accept(&self.origin(index, raw.bytes), raw, frontier_ms, self.now());
                }
                Verdict::Wait => break,
                Verdict::Confirmed(trades) => self.settle(&trades, true),
                Verdict::Refuted(trades) => self.settle(&trades, false),
            }
        }
        let trade = WaitingTrade::new(&self.origin(index, raw.bytes), raw);
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

    /// A trade, where sources or a progress log report progress.
    #[inline]
    fn take_reported(&mut self, index: u32, raw: &RawTrade<'_>) {
        let (origin, timestamp_ms) = (self.origin(index, raw.bytes), self.timestamp_ms());
        if timestamp_ms.is_none() && self.partition.frontier.frontier_ms().is_none() {
            return self.partition.early.push(WaitingTrade::new(&origin, raw));
        }
        self.take(&origin, raw, timestamp_ms);
    }

    /// Judges the trades that were read before there was a frontier, once there is one: they are as on time as they
    /// were, and none may be further ahead of it than others.
    pub(super) fn settle_early(&mut self) {
        let Some((early, frontier_ms)) = self.partition.take_early() else { return };
        let rejected_at = self.settings.step(frontier_ms);
        for waiting in early {
            let (origin, trade) = (waiting.origin(), waiting.trade());
            if trade.event_ms > frontier_ms.saturating_add(self.settings.max_ahead_trade_ms) {
                self.reject_as_of(&origin, Reason::TooFarAhead, rejected_at);
            } else {
                self.accept(&origin, &trade, None, rejected_at);
            }
        }
    }

    /// The time before which an accepted trade is near the frontier.
    pub(super) fn near(&self) -> Time {
        self.now().saturating_add(far_ms(self.settings))
    }

    /// Sends on the accepted trades before `end` that have waited for the frontier to come near.
    pub(super) fn send_ahead(&mut self, end: Time) {
        // Nothing is taken from the partition: a checkpoint may still need them.
        let due: Vec<_> = self.partition.ahead.send_before(end).map(|(time, trade)| (time, trade.clone())).collect();
        for (time, waiting) in due {
            let (origin, trade) = (waiting.origin(), waiting.trade());
            if let Some(symbol) = self.number(&trade) {
                self.route(&origin, &trade, symbol, time, false);
            }
        }
    }

    /// The record at hand is read: one row says how many of its parts have none.
    pub(super) fn end_record(&mut self) {
        let (rejected, Some(index)) = self.rejected else { return };
        let text = format!(r#"{{"rejected":{rejected},"with_rows":{REJECTED_ROWS_MAX}}}"#);
        let as_of = self.now();
        if self.is_new(as_of, &self.origin(index, &[])) {
            let (partition, offset) = (self.partition.number, self.span.offset);
            let (original, original_bytes_total) = (text.as_bytes().into(), text.len() as u64);
            let reason = Reason::MoreRejected;
            let row = RejectedRow { partition, offset, index, reason, original, original_bytes_total, as_of };
            self.router.reject(row);
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

impl<W: Witness> Visitor for Reading<'_, W> {
    #[inline]
    fn trade(&mut self, index: u32, raw: &RawTrade<'_>) {
        match self.settings.progress {
            ProgressMode::Records => {
                self.partition.frontier.confirm(raw.event_ms, self.settings.max_ahead_ms);
                self.partition.note_frontier();
                self.settle_early();
                self.take_reported(index, raw);
            }
            ProgressMode::ProgressLog => self.take_reported(index, raw),
            ProgressMode::BoundedOutOfOrderness { .. } => self.take_confirmed(index, raw),
        }
    }

    fn control(&mut self, control: Control<'_>) {
        let before = self.partition.frontier.frontier_ms().map(|_| self.now());
        if self.settings.progress == ProgressMode::Records {
            let Settings { step_ms, max_ahead_ms, .. } = *self.settings;
            let context = RecordContext { step_ms, max_ahead_ms, timestamp_ms: self.timestamp_ms() };
            match control.apply(&mut self.partition.frontier, &context) {
                Ok(()) => self.partition.note_frontier(),
                Err(ProgressError::TooManySources) => return self.reject(0, Reason::BadControl, self.record),
                Err(ProgressError::TooFarAhead) => return self.reject(0, Reason::TooFarAhead, self.record),
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
        if self.is_new(now, &self.origin(0, self.record)) {
            self.router.count(now, counter);
            if let Control::Gap { source, from_ms, to_ms, cause } = control {
                let (partition, offset) = (self.partition.number, self.span.offset);
                let (source, cause) = (source.into(), cause.into());
                self.router.gap(GapRow { partition, offset, source, from_ms, to_ms, cause, as_of: now });
            }
        }
    }

    fn reject(&mut self, index: u32, reason: Reason, bytes: &[u8]) {
        self.reject_at(&self.origin(index, bytes), reason);
    }
}

impl<W: Witness> Reading<'_, W> {
    #[cold]
    fn reject_at(&mut self, origin: &Origin<'_>, reason: Reason) {
        self.reject_as_of(origin, reason, self.now());
    }

    fn reject_as_of(&mut self, origin: &Origin<'_>, reason: Reason, as_of: Time) {
        let has_row = origin.offset != self.span.offset || self.has_row(origin.index);
        if !self.is_new(as_of, origin) {
            return;
        }
        self.witness.decided(&Part::new(self.partition.number, origin), Decision::Rejected { reason, as_of });
        if !has_row {
            return self.router.count(as_of, Counter::Rejected(reason));
        }
        let kept = origin.bytes.len().min(ORIGINAL_BYTES_MAX);
        let row = RejectedRow {
            partition: self.partition.number,
            offset: origin.offset,
            index: origin.index,
            reason,
            original: origin.bytes[..kept].into(),
            original_bytes_total: origin.total_len,
            as_of,
        };
        self.router.reject(row);
    }

    /// The number of a trade's symbol, if there is room for it.
    #[inline]
    fn admit(&mut self, origin: &Origin<'_>, raw: &RawTrade<'_>) -> Option<u32> {
        let known = self.router.number(raw.symbol);
        if !self.partition.room.admits(known, self.settings.symbols_max) {
            return None;
        }
        let number = known.or_else(|| self.number(raw))?;
        self.partition.room.take(number, origin.offset);
        Some(number)
    }

    /// The number of a symbol, which is added.
    fn number(&mut self, raw: &RawTrade<'_>) -> Option<u32> {
        Symbol::new(raw.symbol).map(|symbol| self.router.add(&self.settings.conditions, symbol))
    }

    /// Whether the next rejected part of the record at hand has a row of its own.
    fn has_row(&mut self, index: u32) -> bool {
        self.rejected.0 += 1;
        let has_row = self.rejected.0 <= REJECTED_ROWS_MAX;
        if !has_row {
            self.rejected.1.get_or_insert(index);
        }
        has_row
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

    fn count_duplicate(&mut self, origin: &Origin<'_>, as_of: Time) {
        if self.is_new(as_of, origin) {
            self.witness.decided(&Part::new(self.partition.number, origin), Decision::Duplicate { as_of });
            self.router.count(as_of, Counter::Duplicates);
        }
    }

    #[inline]
    fn route(&mut self, origin: &Origin<'_>, raw: &RawTrade<'_>, symbol: u32, time: Time, late: bool) {
        let Origin { offset, index, .. } = *origin;
        let place = Place { event_ms: raw.event_ms, partition: self.partition.number, offset, index };
        let (table, router) = (&self.settings.conditions, &mut *self.router);
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
        let part = Part::new(self.partition.number, origin);
        self.witness.decided(&part, Decision::Accepted { trade: raw, time, is_late: late, flags });
        if flags.is_none() {
            return router.count(time, Counter::Excluded);
        }
        let trade = Trade { place, price: raw.price, volume: raw.volume, flags };
        router.merge(symbol, time, &trade);
    }
}

/// Distance ahead of the partition frontier from which on a trade is kept apart. Where the newest trades move the
/// frontier, all are ahead of it by the bound on out-of-orderness.
fn far_ms(settings: &Settings) -> u64 {
    match settings.progress {
        ProgressMode::BoundedOutOfOrderness { max_out_of_orderness_ms } => {
            FAR_MS.saturating_add(max_out_of_orderness_ms)
        }
        ProgressMode::Records | ProgressMode::ProgressLog => FAR_MS,
    }
}
