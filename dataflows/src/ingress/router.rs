//! Merges trades with their neighbours and addresses them to the worker that keeps their symbol's state.
//!
//! A trade is merged with others of its symbol, window and time step before it is sent, so a dense feed crosses threads
//! as few large pieces.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use crate::candles::candle::{Candle, Trade};
use crate::ingress::delivery::{Delivery, Partial};
use crate::ingress::symbols::Symbols;
use crate::log::conditions::{ConditionTable, Flags};
use crate::log::decode::general;
use crate::output::counters::Counter;
use crate::output::ledger::LedgerChange;
use crate::output::row::{GapRow, RejectedRow};
use crate::progress::time::{Resolution, Time};
use crate::symbols::symbol::Symbol;

/// Maximum number of condition texts whose flags are cached, and of the bytes of one; other flags are computed for each
/// trade.
const CONDITIONS_MAX: usize = 4096;
const CONDITION_BYTES_MAX: usize = 64;

/// Output to send at the worker's current time.
#[derive(Debug, Default)]
pub struct Outgoing {
    /// Trades, at most one message per worker.
    pub deliveries: Vec<Delivery>,
    /// Rejected records.
    pub rejected: Vec<(RejectedRow, Time, i64)>,
    /// Gaps.
    pub gaps: Vec<(GapRow, Time, i64)>,
    /// Counts, by time.
    pub counts: Vec<LedgerChange>,
}

/// One worker's output that is not sent yet.
pub(super) struct Router {
    symbols: Symbols,
    /// By condition scheme: flags of texts seen before.
    flags: Vec<HashMap<Box<str>, Flags>>,
    deliveries: Vec<Delivery>,
    rejected: Vec<(RejectedRow, Time, i64)>,
    gaps: Vec<(GapRow, Time, i64)>,
    counts: BTreeMap<Time, LedgerChange>,
    /// Counts of the common case: trades of the current time step.
    trades: (Time, u64),
}

impl Router {
    /// Nothing to send yet. `worker` of `peers` is this one.
    pub(super) fn new(worker: usize, peers: usize) -> Self {
        let deliveries =
            (0..peers).map(|to| Delivery { receiver: to as u32, sender: worker as u32, ..Delivery::default() });
        Self {
            symbols: Symbols::new(peers),
            flags: Vec::new(),
            deliveries: deliveries.collect(),
            rejected: Vec::new(),
            gaps: Vec::new(),
            counts: BTreeMap::new(),
            trades: (0, 0),
        }
    }

    /// Sends on the trades of this symbol alone. Nothing was read yet.
    pub(super) fn send_only(&mut self, symbol: Symbol) {
        self.symbols.only = Some(symbol);
    }

    /// Takes the output to send. Its times are at or after the frontier at the last
    /// call.
    pub(super) fn take(&mut self) -> Outgoing {
        self.flush_trades();
        self.symbols.next_serial();
        let full = self.deliveries.iter_mut().filter(|d| !d.is_empty()).map(|d| {
            // As much is likely to come next: growing step by step would copy everything again.
            let partials = Vec::with_capacity(d.partials.len());
            let empty = Delivery { receiver: d.receiver, sender: d.sender, partials, ..Delivery::default() };
            std::mem::replace(d, empty)
        });
        Outgoing {
            deliveries: full.collect(),
            rejected: std::mem::take(&mut self.rejected),
            gaps: std::mem::take(&mut self.gaps),
            counts: std::mem::take(&mut self.counts).into_values().collect(),
        }
    }

    /// Adds a request for a snapshot as of `time` to each delivery.
    pub(super) fn request_checkpoint(&mut self, time: Time) {
        self.deliveries.iter_mut().for_each(|delivery| delivery.checkpoint = Some(time));
    }

    /// Adds a rejected record, and counts it.
    pub(super) fn reject(&mut self, row: RejectedRow) {
        let as_of = row.as_of;
        self.count(as_of, Counter::Rejected(row.reason));
        self.rejected.push((row, as_of, 1));
    }

    /// Adds a gap, which is counted like every control record.
    pub(super) fn gap(&mut self, row: GapRow) {
        let as_of = row.as_of;
        self.gaps.push((row, as_of, 1));
    }

    pub(super) fn count(&mut self, time: Time, counter: Counter) {
        self.counts.entry(time).or_insert_with(|| LedgerChange::at(time)).count(counter, 1);
    }

    #[inline]
    pub(super) fn count_trade(&mut self, time: Time) {
        if self.trades.0 != time {
            self.flush_trades();
            self.trades.0 = time;
        }
        self.trades.1 += 1;
    }

    pub(super) fn flush_trades(&mut self) {
        let (time, trades) = std::mem::take(&mut self.trades);
        if trades > 0 {
            self.counts.entry(time).or_insert_with(|| LedgerChange::at(time)).count(Counter::Trades, trades);
        }
    }

    /// The number of a symbol that was added.
    #[inline]
    pub(super) fn number(&self, text: &str) -> Option<u32> {
        self.symbols.number(text)
    }

    /// The symbol with this number.
    pub(super) fn symbol_of(&self, number: u32) -> &Symbol {
        &self.symbols.known[number as usize].symbol
    }

    /// The number of a symbol; a new symbol is also sent to the worker that keeps its state.
    pub(super) fn add(&mut self, table: &ConditionTable, symbol: Symbol) -> u32 {
        if let Some(number) = self.symbols.number(symbol.as_str()) {
            return number;
        }
        let number = self.symbols.add(symbol.clone(), table.scheme_of(symbol.as_str()));
        let known = &self.symbols.known[number as usize];
        if known.is_sent {
            self.deliveries[known.receiver as usize].symbols.push((number, symbol));
        }
        number
    }

    #[inline]
    pub(super) fn flags(&mut self, table: &ConditionTable, symbol: u32, conditions: &str) -> Flags {
        if matches!(conditions, "" | "null" | "[]") {
            return Flags::ALL;
        }
        let scheme = self.symbols.known[symbol as usize].scheme;
        if let Some(flags) = self.flags.get(scheme as usize).and_then(|known| known.get(conditions)) {
            return *flags;
        }
        let texts = general::conditions(conditions).unwrap_or_default();
        let flags = table.flags(scheme, &texts);
        if self.flags.len() <= scheme as usize {
            self.flags.resize_with(scheme as usize + 1, HashMap::new);
        }
        let known = &mut self.flags[scheme as usize];
        if known.len() < CONDITIONS_MAX && conditions.len() <= CONDITION_BYTES_MAX {
            known.insert(conditions.into(), flags);
        }
        flags
    }

    /// Merges a trade into the partial of its symbol, window and time step.
    #[inline]
    pub(super) fn merge(&mut self, symbol: u32, time: Time, trade: &Trade) {
        let known = &mut self.symbols.known[symbol as usize];
        if !known.is_sent {
            return;
        }
        let delivery = &mut self.deliveries[known.receiver as usize];
        let window_start_ms = Resolution::S5.window_start_ms(trade.place.event_ms);
        if known.serial == self.symbols.serial
            && let Some(partial) = delivery.partials.get_mut(known.at as usize)
            && partial.window_start_ms == window_start_ms
            && partial.time == time
        {
            partial.candle.add(trade);
            return;
        }
        (known.at, known.serial) = (delivery.partials.len() as u32, self.symbols.serial);
        delivery.partials.push(Partial { candle: Candle::of(trade), window_start_ms, time, symbol });
    }
}
