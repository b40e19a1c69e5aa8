//! State of one worker's symbols, and the rule that applies one time step to it. Free of timely: the operator around it
//! ([`crate::candles::operator`]) decides when.
//!
//! Changes are gathered between flushes: for each touched row, its value at the last flush. A flush emits, for each row
//! that differs, its retraction and its new value. So a jump over many time steps costs one change per row, not one per
//! time step.

use std::ops::Range;

use crate::candles::candle::Candle;
use crate::candles::idle::Wheel;
use crate::candles::series::{Series, Slot};
use crate::candles::symbol_state::SymbolState;
use crate::indicators::chain::Point;
use crate::indicators::history::Change;
use crate::ingress::delivery::Partial;
use crate::output::row::{CandleRow, IndicatorRow, IndicatorValues};
use crate::progress::time::{MINUTE_MS, Resolution, Time};
use crate::settings::Settings;
use crate::state::changes::Changes;
use crate::state::codec::CodecError;
use crate::state::gradual::GradualSnapshot;
use crate::state::snapshot::{LoadedShard, Shard};
use crate::symbols::symbol::Symbol;

/// An update of a collection: row, time, diff.
pub type Update<R> = (R, Time, i64);

/// The candle of a window.
#[derive(Clone, Copy)]
struct WindowOf {
    symbol: u32,
    resolution: Resolution,
    window_start_ms: u64,
}

/// A candle that was touched since the last flush, and the index of what it was then, if it was.
struct TouchedCandle {
    of: WindowOf,
    old: Option<u32>,
}

/// A row of indicators that changed since the last flush.
struct TouchedIndicators {
    symbol: u32,
    change: Change,
}

/// A candle that only price updates touched in this time step: its values before.
struct PriceUpdated {
    of: WindowOf,
    before: Candle,
}

/// The symbols of one worker.
pub struct WindowState {
    allowed_lateness_ms: u64,
    indicators: bool,
    pub(crate) symbols: Vec<SymbolState>,
    round: u64,
    touched_candles: Vec<TouchedCandle>,
    old_candles: Vec<(Candle, Time)>,
    touched_rows: Vec<TouchedIndicators>,
    price_updated: Vec<PriceUpdated>,
    /// Symbols whose 5 s candles changed in this time step, with the windows.
    step_windows: Vec<(u32, u64)>,
    step_points: Vec<Point>,
    wheel: Wheel,
    changes: Changes,
    /// The snapshot that is being encoded.
    snapshot: Option<GradualSnapshot>,
}

/// A symbol that has not traded for this long after its candles became final is packed.
const IDLE_MS: u64 = MINUTE_MS;
/// Room that a buffer keeps after a catch-up, in elements.
const ROOM_MAX: usize = 65_536;

impl WindowState {
    /// No symbols yet.
    pub fn new(settings: &Settings) -> Self {
        Self {
            allowed_lateness_ms: settings.allowed_lateness_ms,
            indicators: settings.indicators,
            symbols: Vec::new(),
            round: 1,
            touched_candles: Vec::new(),
            old_candles: Vec::new(),
            touched_rows: Vec::new(),
            price_updated: Vec::new(),
            step_windows: Vec::new(),
            step_points: Vec::new(),
            wheel: Wheel::default(),
            changes: Changes::default(),
            snapshot: None,
        }
    }

    /// Begins a snapshot of everything as it is now, as of `frontier`. One at a time.
    pub fn begin_snapshot(&mut self, frontier: Time) {
        self.snapshot = Some(GradualSnapshot::new(frontier, self.changes.take()));
    }

    /// Encodes about this many bytes of the snapshot that was begun, if one was. Returns its frontier and its segments
    /// when it is complete.
    pub fn continue_snapshot(&mut self, bytes_max: usize) -> Option<(Time, Result<Vec<Shard>, CodecError>)> {
        let is_complete = self.snapshot.as_mut()?.advance(&mut self.symbols, bytes_max);
        let snapshot = self.snapshot.take_if(|_| is_complete)?;
        let (frontier, segments) = (snapshot.frontier(), snapshot.finish());
        segments.iter().flatten().for_each(|segment| self.changes.add_segment(segment));
        Some((frontier, segments))
    }

    /// Whether a snapshot is not complete.
    pub const fn has_snapshot(&self) -> bool {
        self.snapshot.is_some()
    }

    /// Adds a symbol without state, and numbers it.
    pub fn add_symbol(&mut self, symbol: Symbol) -> u32 {
        self.add_state(SymbolState::new(symbol))
    }

    /// Adds a shard of the snapshot that the run resumes from.
    pub fn add_shard(&mut self, shard: LoadedShard) -> Range<u32> {
        let first = self.symbols.len() as u32;
        for state in shard.states {
            let number = self.add_state(state);
            self.changes.is_saved(number);
        }
        self.changes.add_loaded(shard.number, shard.segments);
        first..self.symbols.len() as u32
    }

    /// Adds a symbol with its state.
    fn add_state(&mut self, mut state: SymbolState) -> u32 {
        let number = self.symbols.len() as u32;
        self.changes.add_symbol(state.symbol.shard());
        if let Some(as_of) = state.series[0].newest_as_of() {
            (state.touched, state.is_watched) = (as_of, true);
            self.wheel.watch(number, self.idle_from(as_of));
        }
        self.symbols.push(state);
        number
    }

    fn idle_from(&self, touched: Time) -> Time {
        touched.saturating_add(self.allowed_lateness_ms).saturating_add(IDLE_MS)
    }

    /// A symbol is about to change.
    #[inline]
    fn keep_for_snapshot(&mut self, number: u32) {
        if let Some(snapshot) = &mut self.snapshot {
            snapshot.keep(number as usize, &mut self.symbols);
        }
        self.changes.mark(number);
    }

    /// A symbol trades for the first time, or again.
    #[cold]
    fn rouse(&mut self, number: u32, now: Time) {
        let due = self.idle_from(now);
        self.wheel.watch(number, due);
        let state = &mut self.symbols[number as usize];
        state.is_watched = true;
        let unpacked = state.unpack();
        // A checkpoint's are unpacked once when they are loaded, the others were packed by this run.
        assert!(unpacked.is_ok(), "cannot unpack {:?}: {unpacked:?}", state.symbol);
    }

    /// Packs some of the symbols that have become idle.
    fn pack_idle(&mut self, now: Time) {
        for number in self.wheel.take(now) {
            let (due, fixed_ms) = (self.idle_from(self.symbols[number as usize].touched), self.fixed_ms(now));
            self.keep_for_snapshot(number);
            let state = &mut self.symbols[number as usize];
            // It was flushed since: rows go out at least once a minute.
            if due > now || state.pack(fixed_ms).is_err() {
                self.wheel.watch(number, due.max(now));
            } else {
                state.is_watched = false;
            }
        }
    }

    /// Applies all trades of one time step. Time steps ascend, each once. Partials carry this state's symbol numbers.
    /// Rows of indicators that a newer one of their symbol follows are emitted at once, so that a jump over many time
    /// steps does not hold all of them.
    pub fn apply(&mut self, now: Time, partials: &[Partial], indicators: impl FnMut(Update<IndicatorRow>)) {
        for partial in partials {
            self.merge(now, partial);
        }
        self.settle_price_updates(now);
        if self.indicators {
            self.update_indicators(now, indicators);
        }
        self.step_windows.clear();
        self.pack_idle(now);
    }

    /// Windows that end at or before this never change again: later trades are late by at most the allowed lateness.
    fn fixed_ms(&self, now: Time) -> u64 {
        now.saturating_sub(self.allowed_lateness_ms)
    }

    #[inline]
    fn merge(&mut self, now: Time, partial: &Partial) {
        let fixed_ms = self.fixed_ms(now);
        self.keep_for_snapshot(partial.symbol);
        if !self.symbols[partial.symbol as usize].is_watched {
            self.rouse(partial.symbol, now);
        }
        let state = &mut self.symbols[partial.symbol as usize];
        let (touched_candles, old_candles) = (&mut self.touched_candles, &mut self.old_candles);
        let price_updated = &mut self.price_updated;
        state.touched = now;
        let trades = partial.candle.trades > 0;
        for resolution in Resolution::ALL {
            let window_start_ms = resolution.window_start_ms(partial.window_start_ms);
            let series = &mut state.series[resolution as usize];
            let of = WindowOf { symbol: partial.symbol, resolution, window_start_ms };
            let merged = series.change(window_start_ms, |slot| {
                if !std::mem::replace(&mut slot.is_touched, true) {
                    touched_candles.push(TouchedCandle { of, old: Some(old_candles.len() as u32) });
                    old_candles.push((slot.candle, slot.as_of));
                }
                if trades {
                    slot.as_of = now;
                } else if slot.as_of != now && !std::mem::replace(&mut slot.is_price_updated, true) {
                    price_updated.push(PriceUpdated { of, before: slot.candle });
                }
                slot.candle.merge(&partial.candle);
            });
            if merged.is_none() {
                let candle = partial.candle;
                let slot = Slot { candle, window_start_ms, as_of: now, is_touched: true, is_price_updated: false };
                series.insert(slot);
                series.drop_ended(resolution.length_ms(), fixed_ms);
                touched_candles.push(TouchedCandle { of, old: None });
            }
        }
        self.step_windows.push((partial.symbol, partial.window_start_ms));
    }

    /// A price update changes a row's `as_of` only if a value is different at the end of the time step.
    fn settle_price_updates(&mut self, now: Time) {
        for PriceUpdated { of, before } in self.price_updated.drain(..) {
            let series = &mut self.symbols[of.symbol as usize].series[of.resolution as usize];
            series.change(of.window_start_ms, |slot| {
                slot.is_price_updated = false;
                if !slot.candle.same_values(&before) {
                    slot.as_of = now;
                }
            });
        }
    }

    fn update_indicators(&mut self, now: Time, mut emit: impl FnMut(Update<IndicatorRow>)) {
        let fixed_ms = self.fixed_ms(now);
        let mut windows = std::mem::take(&mut self.step_windows);
        // The sort puts a symbol's windows together; time steps hold few windows per symbol, mostly one.
        windows.sort_unstable();
        windows.dedup();
        let mut rest = windows.as_slice();
        while let Some(&(symbol, _)) = rest.first() {
            let len = rest.iter().take_while(|w| w.0 == symbol).count();
            let state = &mut self.symbols[symbol as usize];
            self.step_points.clear();
            self.step_points.extend(rest[..len].iter().filter_map(|w| point(&state.series[0], w.1)));
            if state.round != self.round {
                (state.round, state.newest_change) = (self.round, usize::MAX);
            }
            let (rows, newest_change) = (&mut self.touched_rows, &mut state.newest_change);
            state.history.update(&self.step_points, now, fixed_ms, |change| {
                if let Some(before) = note(rows, newest_change, symbol, &change) {
                    emit_indicators(&state.symbol, &before, &mut emit);
                }
            });
            rest = &rest[len..];
        }
        windows.clear();
        self.step_windows = windows;
    }

    /// Emits rows that differ from the last flush, each as retraction and new value, until this many were looked at.
    /// Returns whether none is left; until then no time step may be applied.
    pub fn flush(
        &mut self,
        rows_max: usize,
        mut candle: impl FnMut(Update<CandleRow>),
        mut indicators: impl FnMut(Update<IndicatorRow>),
    ) -> bool {
        let mut rows = 0..rows_max;
        while let Some(touched) = self.touched_candles.pop_if(|_| rows.next().is_some()) {
            self.flush_candle(&touched, &mut candle);
        }
        while let Some(TouchedIndicators { symbol, change }) = self.touched_rows.pop_if(|_| rows.next().is_some()) {
            emit_indicators(&self.symbols[symbol as usize].symbol, &change, &mut indicators);
        }
        if !self.touched_candles.is_empty() || !self.touched_rows.is_empty() {
            return false;
        }
        self.old_candles.clear();
        self.touched_candles.shrink_to(ROOM_MAX);
        self.old_candles.shrink_to(ROOM_MAX);
        self.touched_rows.shrink_to(ROOM_MAX);
        self.round += 1;
        true
    }

    fn flush_candle(&mut self, touched: &TouchedCandle, candle: &mut impl FnMut(Update<CandleRow>)) {
        let of = touched.of;
        let state = &mut self.symbols[of.symbol as usize];
        let flushed = state.series[of.resolution as usize].change(of.window_start_ms, |slot| {
            slot.is_touched = false;
            (slot.candle, slot.as_of)
        });
        debug_assert!(flushed.is_some(), "a touched window is kept until its row is out");
        let Some((new, as_of)) = flushed else { return };
        let row = |candle: &Candle, as_of| candle_row(&state.symbol, of, candle, as_of);
        let old = touched.old.map(|at| self.old_candles[at as usize]);
        if old.is_some_and(|(old, old_as_of)| old_as_of == as_of && old.same_values(&new)) {
            return;
        }
        if let Some((old, old_as_of)) = &old {
            candle((row(old, *old_as_of), as_of, -1));
        }
        candle((row(&new, as_of), as_of, 1));
    }
}

/// Input of the indicators from a 5 s candle.
#[inline]
fn point(series: &Series, window_start_ms: u64) -> Option<Point> {
    let Candle { close, volume, notional, trades, .. } = series.get(window_start_ms)?.candle;
    Some(Point { window_start_ms, close, volume, notional, trades, log_return: None, as_of: 0 })
}

/// Records a change, merged with an earlier one of the same row since the last flush. Returns the change of the row
/// that was the symbol's newest until now.
#[inline]
fn note(rows: &mut Vec<TouchedIndicators>, newest: &mut usize, symbol: u32, change: &Change) -> Option<Change> {
    let Some(row) = rows.get_mut(*newest).filter(|row| row.symbol == symbol) else {
        *newest = rows.len();
        rows.push(TouchedIndicators { symbol, change: *change });
        return None;
    };
    if row.change.window_start_ms == change.window_start_ms {
        row.change.new = change.new;
        return None;
    }
    Some(std::mem::replace(&mut row.change, *change))
}

fn emit_indicators(symbol: &Symbol, change: &Change, emit: &mut impl FnMut(Update<IndicatorRow>)) {
    let as_of = change.new.1;
    let row = |(values, as_of): (IndicatorValues, Time)| IndicatorRow {
        symbol: symbol.clone(),
        window_start_ms: change.window_start_ms,
        values,
        as_of,
    };
    if let Some(old) = change.old {
        emit((row(old), as_of, -1));
    }
    emit((row(change.new), as_of, 1));
}

fn candle_row(symbol: &Symbol, of: WindowOf, candle: &Candle, as_of: Time) -> CandleRow {
    CandleRow {
        symbol: symbol.clone(),
        resolution: of.resolution,
        window_start_ms: of.window_start_ms,
        open: candle.open,
        high: candle.high,
        low: candle.low,
        close: candle.close,
        volume: candle.volume,
        notional: candle.notional,
        trades: candle.trades,
        as_of,
    }
}
