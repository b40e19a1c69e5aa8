//! What an ingress decides of the trades of some windows: gathered as it is read, bounded by the number of trades that
//! are to be listed and the time steps of the windows.

use std::collections::BTreeMap;

use dataflows::candles::candle::{Candle, Place, Trade};
use dataflows::ingress::witness::{Decision, Part, Witness};
use dataflows::log::conditions::Flags;
use dataflows::log::decode::{RawTrade, general};
use dataflows::log::reject::Reason;
use dataflows::output::row::CandleRow;
use dataflows::output::to_f64::{price_f64, volume_f64};
use dataflows::progress::time::{Resolution, Time};

use super::Window;
use super::answer::{
    Accepted, AcceptedTrade, DUPLICATE, EXCLUDED, LeftOut, LeftOutTrade, LogPlace, NOT_COUNTED_YET, Version, Versions,
};
use super::rejected_part::{self, Read};
use crate::store::StoredCandle;

/// The place before all others.
const FIRST_PLACE: Place = Place { event_ms: 0, partition: 0, offset: 0, index: 0 };

/// Numbers of the windows of one symbol, by resolution and start.
type Starts = [BTreeMap<u64, usize>; Resolution::ALL.len()];

/// The windows, and what was found of each.
pub(super) struct Watch {
    windows: BTreeMap<String, Starts>,
    gathered: Vec<Gathered>,
    /// Rejected parts that may have been meant for any window.
    unreadable: u64,
}

impl Watch {
    /// Nothing is found yet. Of each window `limit` trades are kept.
    pub(super) fn new(windows: &[Window], limit: usize) -> Self {
        let mut starts: BTreeMap<String, Starts> = BTreeMap::new();
        for (number, window) in windows.iter().enumerate() {
            let of = starts.entry(window.symbol.to_string()).or_default();
            of[window.resolution as usize].insert(window.start_ms, number);
        }
        let gathered = windows.iter().map(|_| Gathered::new(limit)).collect();
        Self { windows: starts, gathered, unreadable: 0 }
    }

    /// What was found of each window, in their order.
    pub(super) fn into_found(self) -> Vec<Gathered> {
        self.gathered
    }

    /// Rejected parts of which symbol or time cannot be read.
    pub(super) const fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// Adds to every window that holds this time.
    fn add(&mut self, symbol: &str, event_ms: u64, mut add: impl FnMut(&mut Gathered)) {
        let Some(of) = self.windows.get(symbol) else { return };
        for (resolution, starts) in Resolution::ALL.iter().zip(of) {
            if let Some(&number) = starts.get(&resolution.window_start_ms(event_ms)) {
                add(&mut self.gathered[number]);
            }
        }
    }

    fn add_rejected(&mut self, part: &Part<'_>, reason: &'static str, decided_at: Time) {
        match rejected_part::read(part.bytes) {
            Read::Trade { symbol, trade } => {
                let Some(event_ms) = trade.event_ms else {
                    self.unreadable += u64::from(self.windows.contains_key(&symbol));
                    return;
                };
                let place = place_of(part);
                let left_out = LeftOutTrade {
                    place,
                    event_ms,
                    price: trade.price,
                    volume: trade.volume,
                    conditions: trade.conditions,
                    reason,
                    decided_at_ms: decided_at,
                };
                self.add(&symbol, event_ms, |gathered| gathered.leave_out((decided_at, place), &left_out));
            }
            Read::Control => {}
            Read::Nothing => self.unreadable += 1,
        }
    }
}

impl Witness for Watch {
    fn decided(&mut self, part: &Part<'_>, decision: Decision<'_>) {
        match decision {
            Decision::Accepted { trade, time, is_late, flags } => {
                let place = place_of(part);
                let accepted = Took { place, trade, time, is_late, flags };
                self.add(trade.symbol, trade.event_ms, |gathered| gathered.take(&accepted));
            }
            Decision::Duplicate { as_of } => self.add_rejected(part, DUPLICATE, as_of),
            // Of a control record: not a trade.
            Decision::Rejected { reason: Reason::BadControl, .. } => {}
            Decision::Rejected { reason, as_of } => self.add_rejected(part, reason.name(), as_of),
        }
    }
}

/// An accepted trade, excluded or not.
struct Took<'a> {
    place: LogPlace,
    trade: &'a RawTrade<'a>,
    time: Time,
    is_late: bool,
    flags: Flags,
}

fn place_of(part: &Part<'_>) -> LogPlace {
    LogPlace { partition: part.partition, offset: part.offset, index: part.index }
}

/// The trades of one time step, merged.
struct Step {
    candle: Candle,
    trades: u64,
    late: u64,
}

/// What was found of one window.
pub(super) struct Gathered {
    limit: usize,
    steps: BTreeMap<Time, Step>,
    /// The first of them in the order in which they count.
    accepted: BTreeMap<(Time, Place), AcceptedTrade>,
    /// The first of them in the order in which it was decided.
    left_out: BTreeMap<(Time, LogPlace), LeftOutTrade>,
    by_reason: BTreeMap<&'static str, u64>,
}

/// What was found of one window, as it is returned.
pub(super) struct Found {
    pub(super) accepted: Accepted,
    pub(super) left_out: LeftOut,
    pub(super) versions: Versions,
    pub(super) computed: Option<StoredCandle>,
}

impl Gathered {
    fn new(limit: usize) -> Self {
        let (steps, accepted, left_out, by_reason) =
            (BTreeMap::new(), BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { limit, steps, accepted, left_out, by_reason }
    }

    fn take(&mut self, took: &Took<'_>) {
        let Took { place, trade: raw, time, is_late, flags } = *took;
        let LogPlace { partition, offset, index } = place;
        let (price, volume) = (price_f64(raw.price), volume_f64(raw.volume));
        // They were read once, or the trade would not be accepted.
        let conditions = general::conditions(raw.conditions).unwrap_or_default();
        if flags.is_none() {
            let (price, volume) = (Some(price), Some(volume));
            let (event_ms, reason, decided_at_ms) = (raw.event_ms, EXCLUDED, time);
            let left_out = LeftOutTrade { place, event_ms, price, volume, conditions, reason, decided_at_ms };
            return self.leave_out((time, place), &left_out);
        }
        let at = Place { event_ms: raw.event_ms, partition, offset, index };
        let trade = Trade { place: at, price: raw.price, volume: raw.volume, flags };
        let merged = self.steps.entry(time).and_modify(|step| step.candle.add(&trade));
        let step = merged.or_insert_with(|| Step { candle: Candle::of(&trade), trades: 0, late: 0 });
        step.trades += 1;
        step.late += u64::from(is_late);
        let (number, event_ms, counted_at_ms, late) = (0, raw.event_ms, time, is_late);
        let sets = [("last", flags.last), ("range", flags.range), ("volume", flags.volume)];
        let sets = sets.into_iter().filter(|(_, may)| *may).map(|(name, _)| name).collect();
        let listed = AcceptedTrade { number, place, event_ms, price, volume, conditions, sets, counted_at_ms, late };
        self.accepted.insert((time, at), listed);
        if self.accepted.len() > self.limit {
            self.accepted.pop_last();
        }
    }

    fn leave_out(&mut self, at: (Time, LogPlace), trade: &LeftOutTrade) {
        *self.by_reason.entry(trade.reason).or_default() += 1;
        self.left_out.insert(at, trade.clone());
        if self.left_out.len() > self.limit {
            self.left_out.pop_last();
        }
    }

    /// The answer as of `to`. What counts then or later is not part of the row yet.
    pub(super) fn finish(mut self, window: &Window, to: Time) -> Found {
        for (_, step) in self.steps.split_off(&to) {
            *self.by_reason.entry(NOT_COUNTED_YET).or_default() += step.trades;
        }
        let listed: Vec<_> = self.accepted.extract_if((to, FIRST_PLACE).., |_, _| true).collect();
        for ((time, _), trade) in listed {
            let AcceptedTrade { place, event_ms, price, volume, conditions, .. } = trade;
            let (price, volume, reason) = (Some(price), Some(volume), NOT_COUNTED_YET);
            let trade = LeftOutTrade { place, event_ms, price, volume, conditions, reason, decided_at_ms: time };
            self.left_out.insert((time, place), trade);
        }
        while self.left_out.len() > self.limit {
            self.left_out.pop_last();
        }
        let (versions, computed) = self.versions(window);
        let sum = |of: fn(&Step) -> u64| self.steps.values().map(of).sum();
        let mut accepted = Accepted { total: sum(|step| step.trades), late: sum(|step| step.late), listed: Vec::new() };
        accepted.listed.extend(self.accepted.into_values());
        (1..).zip(&mut accepted.listed).for_each(|(number, trade)| trade.number = number);
        let total = self.by_reason.values().sum();
        let left_out = LeftOut { total, by_reason: self.by_reason, listed: self.left_out.into_values().collect() };
        Found { accepted, left_out, versions, computed }
    }

    /// Folds the time steps: each after which a value differs makes a version.
    fn versions(&self, window: &Window) -> (Versions, Option<StoredCandle>) {
        let mut versions = Versions::default();
        let (mut folded, mut before): (Option<Candle>, u64) = (None, 0);
        let mut last = None;
        for (&as_of, step) in &self.steps {
            let old = folded;
            let candle = folded.get_or_insert(step.candle);
            if old.is_some() {
                candle.merge(&step.candle);
            }
            let (first_trade, last_trade) = (before + 1, before + step.trades);
            before = last_trade;
            if old.is_some_and(|old| old.same_values(candle)) {
                continue;
            }
            versions.total += 1;
            // The last one is always listed.
            if versions.listed.len() + 1 < self.limit {
                versions.listed.extend(last.take());
            }
            let row = StoredCandle::from(&row(window, candle, as_of));
            last = Some(Version { version: versions.total, first_trade, last_trade, row });
        }
        let computed = last.as_ref().map(|version: &Version| version.row.clone());
        versions.listed.extend(last.filter(|_| self.limit > 0));
        (versions, computed)
    }
}

fn row(window: &Window, candle: &Candle, as_of: Time) -> CandleRow {
    let Window { symbol, resolution, start_ms } = window;
    let Candle { open, high, low, close, volume, notional, trades, .. } = *candle;
    let (symbol, resolution, window_start_ms) = (symbol.clone(), *resolution, *start_ms);
    CandleRow { symbol, resolution, window_start_ms, open, high, low, close, volume, notional, trades, as_of }
}
