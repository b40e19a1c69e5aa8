//! One record on its way in: gives everything in it a time, by the partition's frontier as it stands at this record.

use super::router::Ingress;
use crate::candles::candle::{Place, Trade};
use crate::log::batch::RecordSpan;
use crate::log::decode::{Control, RawTrade, Visitor};
use crate::log::reject::{ORIGINAL_BYTES_MAX, Reason};
use crate::output::counters::Tally;
use crate::output::row::RejectedRow;
use crate::progress::time::Time;
use crate::settings::ProgressMode;
use crate::symbols::symbol::Symbol;

/// A record while it is decoded.
pub(super) struct Reading<'a> {
    pub(super) ingress: &'a mut Ingress,
    /// Which of the worker's partitions it is in.
    pub(super) at: usize,
    pub(super) span: &'a RecordSpan,
    pub(super) record: &'a [u8],
}

impl Reading<'_> {
    /// The partition's frontier, as the tick at which things that have no time of their own count.
    fn now(&self) -> Time {
        self.ingress.partitions[self.at].frontier.frontier_ms().map_or(0, |ms| self.ingress.settings.tick(ms))
    }

    /// Notes a time for the resume rule; `false` when the state holds everything of that time already.
    #[inline]
    fn is_new(&mut self, time: Time) -> bool {
        self.ingress.partitions[self.at].trail.note(time);
        time >= self.ingress.resumed_from
    }

    /// Why a trade cannot be taken at its time.
    #[inline]
    fn untimely(&self, event_ms: u64, frontier_ms: Option<u64>) -> Option<Reason> {
        let settings = &self.ingress.settings;
        if frontier_ms.is_some_and(|frontier_ms| event_ms < frontier_ms.saturating_sub(settings.horizon_ms)) {
            return Some(Reason::BeyondHorizon);
        }
        let reference_ms = match settings.progress {
            ProgressMode::Promises => frontier_ms,
            ProgressMode::Disorder { .. } => self.span.timestamp_ms.map(|ms| ms.max(0) as u64),
        };
        let ahead = reference_ms.is_some_and(|ms| event_ms > ms.saturating_add(settings.max_ahead_ms));
        ahead.then_some(Reason::TooFarAhead)
    }
}

impl Visitor for Reading<'_> {
    #[inline]
    fn trade(&mut self, index: u32, raw: &RawTrade<'_>) {
        let frontier_ms = self.ingress.partitions[self.at].frontier.frontier_ms();
        if let Some(reason) = self.untimely(raw.event_ms, frontier_ms) {
            return self.reject(index, reason);
        }
        let settings = &self.ingress.settings;
        let own = settings.tick(raw.event_ms);
        let now = frontier_ms.map_or(0, |ms| settings.tick(ms));
        let time = own.max(now);
        let mode = settings.progress;
        if self.is_new(time) {
            self.take(index, raw, time, own < now);
        }
        self.ingress.partitions[self.at].frontier.observe(raw.event_ms, mode);
    }

    fn control(&mut self, control: Control<'_>) {
        let before = self.ingress.partitions[self.at].frontier.frontier_ms().map(|_| self.now());
        let promises = self.ingress.settings.progress == ProgressMode::Promises;
        let frontier = &mut self.ingress.partitions[self.at].frontier;
        let tally = match control {
            Control::Progress { source, event_ms } => {
                if promises && frontier.promise(source, event_ms).is_err() {
                    return self.reject(0, Reason::BadControl);
                }
                Tally::Progress
            }
            Control::Gap => Tally::Gaps,
            Control::Bye { source } => {
                if promises {
                    frontier.bye(source);
                }
                Tally::Byes
            }
        };
        // The first promise has no frontier before it, and counts at its own.
        let now = before.unwrap_or_else(|| self.now());
        if self.is_new(now) {
            self.ingress.count(now, tally);
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
            partition: self.ingress.partitions[self.at].number,
            offset: self.span.offset,
            index,
            reason,
            original: self.record[..kept].into(),
            original_bytes_total: self.span.total_len,
            as_of,
        };
        self.ingress.count(as_of, Tally::Rejected(reason));
        self.ingress.rejected.push((row, as_of, 1));
    }
}

impl Reading<'_> {
    #[inline]
    fn take(&mut self, index: u32, raw: &RawTrade<'_>, time: Time, late: bool) {
        let place = Place {
            event_ms: raw.event_ms,
            partition: self.ingress.partitions[self.at].number,
            offset: self.span.offset,
            index,
        };
        let ingress = &mut *self.ingress;
        let Some(symbol) = ingress.symbol(raw.symbol) else { return self.reject(index, Reason::BadSymbol) };
        let mut flags = ingress.flags(ingress.symbols.known[symbol as usize].scheme, raw.conditions);
        ingress.count_trade(time);
        if late {
            ingress.count(time, Tally::Late);
        }
        if raw.rounded {
            ingress.count(time, Tally::Rounded);
        }
        if raw.volume == 0 {
            ingress.count(time, Tally::PriceUpdates);
            flags.volume = false;
        }
        if flags.is_none() {
            return ingress.count(time, Tally::Excluded);
        }
        let trade = Trade { place, price: raw.price, volume: raw.volume, notional: raw.notional, flags };
        ingress.merge(symbol, time, &trade);
    }
}

impl Ingress {
    /// The number of a symbol; a new one is told to the worker that keeps its state.
    #[inline]
    fn symbol(&mut self, text: &str) -> Option<u32> {
        if let Some(number) = self.symbols.number(text) {
            return Some(number);
        }
        let symbol = Symbol::new(text)?;
        let number = self.symbols.add(symbol.clone(), self.settings.conditions.scheme_of(text));
        let receiver = self.symbols.known[number as usize].receiver;
        self.deliveries[receiver as usize].symbols.push((number, symbol));
        Some(number)
    }
}
