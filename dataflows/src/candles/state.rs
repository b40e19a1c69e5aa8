//! State of one worker's symbols, and the rule that applies time steps to it. Free of timely: the operator around it
//! ([`crate::candles::operator`]) decides when.
//!
//! The time steps of a [`Group`] are applied symbol by symbol, and then the rows of that symbol go out: for each that
//! differs from what it was before the group, its retraction and its new value. So a jump over many time steps costs
//! one change per row, not one per time step.

use std::ops::Range;

use crate::candles::candle::Candle;
use crate::candles::group::Group;
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

/// A candle of a symbol.
#[derive(Clone, Copy)]
pub(super) struct WindowOf {
    pub(super) resolution: Resolution,
    pub(super) window_start_ms: u64,
}

/// A candle that the group has touched, and what it was before, if it was.
struct TouchedCandle {
    of: WindowOf,
    old: Option<(Candle, Time)>,
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
    touched_candles: Vec<TouchedCandle>,
    touched_rows: Vec<Change>,
    price_updated: Vec<PriceUpdated>,
    /// 5 s candles of the symbol that changed in this time step.
    step_windows: Vec<u64>,
    step_points: Vec<Point>,
    wheel: Wheel,
    changes: Changes,
    /// The snapshot that is being encoded.
    snapshot: Option<GradualSnapshot>,
}

/// A symbol that has not traded for this long after its candles became final is packed.
const IDLE_MS: u64 = MINUTE_MS;

impl WindowState {
    /// No symbols yet.
    pub fn new(settings: &Settings) -> Self {
        Self {
            allowed_lateness_ms: settings.allowed_lateness_ms,
            indicators: settings.indicators,
            symbols: Vec::new(),
            touched_candles: Vec::new(),
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
            self.changes.mark_saved(number);
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
            if due > now || state.pack(fixed_ms).is_err() {
                self.wheel.watch(number, due.max(now));
            } else {
                state.is_watched = false;
            }
        }
    }

    /// Applies time steps, symbol by symbol, until about `left` trades were applied, and emits the rows that differ,
    /// each as retraction and new value. Returns whether all of the group is applied; no other may come before. Groups
    /// ascend, and their trades carry this state's symbol numbers.
    pub fn apply(
        &mut self,
        group: &mut Group,
        left: &mut usize,
        mut candle: impl FnMut(Update<CandleRow>),
        mut indicators: impl FnMut(Update<IndicatorRow>),
    ) -> bool {
        let last = group.last();
        while *left > 0 {
            let Some((symbol, count, partials)) = group.next_symbol() else {
                (0..group.steps()).for_each(|_| self.pack_idle(last));
                return true;
            };
            *left = left.saturating_sub(count);
            self.apply_symbol(symbol, partials);
            self.emit_candles(symbol, &mut candle);
            let name = &self.symbols[symbol as usize].symbol;
            self.touched_rows.drain(..).for_each(|change| emit_indicators(name, &change, &mut indicators));
        }
        false
    }

    /// Applies the trades of one symbol.
    fn apply_symbol<'a>(&mut self, symbol: u32, partials: impl Iterator<Item = &'a Partial>) {
        self.keep_for_snapshot(symbol);
        let mut partials = partials.peekable();
        while let Some(now) = partials.peek().map(|partial| partial.time) {
            if !self.symbols[symbol as usize].is_watched {
                self.rouse(symbol, now);
            }
            self.step_windows.clear();
            while let Some(partial) = partials.next_if(|partial| partial.time == now) {
                self.merge(now, partial);
            }
            self.settle_price_updates(symbol, now);
            if self.indicators {
                self.update_indicators(symbol, now);
            }
        }
    }

    /// Windows that end at or before this never change again: later trades are late by at most the allowed lateness.
    fn fixed_ms(&self, now: Time) -> u64 {
        now.saturating_sub(self.allowed_lateness_ms)
    }

    #[inline]
    fn merge(&mut self, now: Time, partial: &Partial) {
        let fixed_ms = self.fixed_ms(now);
        let state = &mut self.symbols[partial.symbol as usize];
        let (touched_candles, price_updated) = (&mut self.touched_candles, &mut self.price_updated);
        state.touched = now;
        let trades = partial.candle.trades > 0;
        for resolution in Resolution::ALL {
            let window_start_ms = resolution.window_start_ms(partial.window_start_ms);
            let series = &mut state.series[resolution as usize];
            let of = WindowOf { resolution, window_start_ms };
            let merged = series.change(window_start_ms, |slot| {
                if !std::mem::replace(&mut slot.is_touched, true) {
                    touched_candles.push(TouchedCandle { of, old: Some((slot.candle, slot.as_of)) });
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
        self.step_windows.push(partial.window_start_ms);
    }

    /// A price update changes a row's `as_of` only if a value is different at the end of the time step.
    fn settle_price_updates(&mut self, symbol: u32, now: Time) {
        for PriceUpdated { of, before } in self.price_updated.drain(..) {
            let series = &mut self.symbols[symbol as usize].series[of.resolution as usize];
            series.change(of.window_start_ms, |slot| {
                slot.is_price_updated = false;
                if !slot.candle.same_values(&before) {
                    slot.as_of = now;
                }
            });
        }
    }

    fn update_indicators(&mut self, symbol: u32, now: Time) {
        let fixed_ms = self.fixed_ms(now);
        // Few, mostly one.
        self.step_windows.sort_unstable();
        self.step_windows.dedup();
        let state = &mut self.symbols[symbol as usize];
        self.step_points.clear();
        self.step_points.extend(self.step_windows.iter().filter_map(|&window| point(&state.series[0], window)));
        let rows = &mut self.touched_rows;
        state.history.update(&self.step_points, now, fixed_ms, |change| match rows.last_mut() {
            Some(last) if last.window_start_ms == change.window_start_ms => last.new = change.new,
            _ => rows.push(change),
        });
    }

    /// Emits the rows of a symbol's candles that differ from what they were before the group.
    fn emit_candles(&mut self, symbol: u32, emit: &mut impl FnMut(Update<CandleRow>)) {
        let state = &mut self.symbols[symbol as usize];
        for TouchedCandle { of, old } in self.touched_candles.drain(..) {
            let touched = state.series[of.resolution as usize].change(of.window_start_ms, |slot| {
                slot.is_touched = false;
                (slot.candle, slot.as_of)
            });
            debug_assert!(touched.is_some(), "a touched window is kept until its row is out");
            let Some((new, as_of)) = touched else { continue };
            if old.is_some_and(|(old, old_as_of)| old_as_of == as_of && old.same_values(&new)) {
                continue;
            }
            if let Some((old, old_as_of)) = &old {
                emit((candle_row(&state.symbol, of, old, *old_as_of), as_of, -1));
            }
            emit((candle_row(&state.symbol, of, &new, as_of), as_of, 1));
        }
    }
}

/// Input of the indicators from a 5 s candle.
#[inline]
fn point(series: &Series, window_start_ms: u64) -> Option<Point> {
    let Candle { close, volume, notional, trades, .. } = series.get(window_start_ms)?.candle;
    Some(Point { window_start_ms, close, volume, notional, trades, log_return: None, as_of: 0 })
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

pub(super) fn candle_row(symbol: &Symbol, of: WindowOf, candle: &Candle, as_of: Time) -> CandleRow {
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
