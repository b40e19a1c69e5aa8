//! One worker's way in: batches of raw records of its partitions become deliveries, refused rows and counts, each at
//! its time.
//!
//! Everything here is a function of the records read so far: no clock. A trade is merged with its neighbours of the
//! same symbol, window and tick before it travels, so a dense feed crosses threads as few large pieces.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use crate::candles::candle::{Candle, Trade};
use crate::ingress::delivery::{Delivery, Partial};
use crate::log::batch::{RecordBatch, RecordSpan};
use crate::log::conditions::Flags;
use crate::log::decode::{RawTrade, Visitor, decode, general};
use crate::output::counters::Tally;
use crate::output::ledger::LedgerChange;
use crate::output::row::RejectedRow;
use crate::progress::partition::PartitionFrontier;
use crate::progress::resume::{ResumePoint, ResumeTrail};
use crate::progress::time::{Resolution, Time};
use crate::settings::Settings;

use crate::ingress::partition::Reading;
use crate::ingress::symbols::Symbols;

/// Different texts of conditions whose flags are remembered; more are worked out anew each time.
const CONDITIONS_MAX: usize = 4096;
/// Records of a batch between two places at which a later run may resume.
const MARK_EVERY: usize = 1024;

/// What is to be sent at the worker's present time.
#[derive(Debug, Default)]
pub struct Outgoing {
    /// Trades, at most one message a worker.
    pub deliveries: Vec<Delivery>,
    /// Refused records.
    pub rejected: Vec<(RejectedRow, Time, i64)>,
    /// Counts, by time.
    pub counts: Vec<LedgerChange>,
}

/// One worker's partitions, and what it has read of them and not yet sent.
pub struct Ingress {
    settings: Settings,
    /// Records before this time are in the state already: a resumed run reads some of them again.
    resumed_from: Time,
    partitions: Vec<Partition>,
    symbols: Symbols,
    /// By scheme of conditions: flags of texts met before.
    flags: Vec<HashMap<Box<str>, Flags>>,
    deliveries: Vec<Delivery>,
    rejected: Vec<(RejectedRow, Time, i64)>,
    counts: BTreeMap<Time, LedgerChange>,
    /// Counts of the common case, trades of the tick at hand.
    trades: (Time, u64),
}

struct Partition {
    number: u32,
    frontier: PartitionFrontier,
    trail: ResumeTrail,
    /// Offset of the next record.
    offset: u64,
}

impl Ingress {
    /// Starts at the given places, one for each partition that this worker owns; `resumed_from` is 0 for a new run.
    pub fn new(settings: Settings, worker: usize, peers: usize, starts: Vec<ResumePoint>, resumed_from: Time) -> Self {
        let partitions = starts.into_iter().map(|start| Partition {
            number: start.partition,
            frontier: start.frontier.clone(),
            offset: start.offset,
            trail: ResumeTrail::new(start),
        });
        let deliveries =
            (0..peers).map(|to| Delivery { receiver: to as u32, sender: worker as u32, ..Delivery::default() });
        Self {
            settings,
            resumed_from,
            partitions: partitions.collect(),
            symbols: Symbols::new(peers),
            flags: Vec::new(),
            deliveries: deliveries.collect(),
            rejected: Vec::new(),
            counts: BTreeMap::new(),
            trades: (0, 0),
        }
    }

    /// Takes the next records of the `at`th partition of this worker.
    pub fn feed(&mut self, at: usize, batch: &RecordBatch) {
        for (n, span) in batch.records.iter().enumerate() {
            if n % MARK_EVERY == 0 {
                let Partition { trail, frontier, .. } = &mut self.partitions[at];
                trail.mark(span.offset, frontier);
            }
            let record = batch.record(span);
            decode(record, span.total_len, &mut Reading { ingress: self, at, span, record });
            self.partitions[at].offset = span.offset + 1;
        }
    }

    /// Takes one trade that is decoded already, as the record at `offset` of the `at`th partition.
    #[inline]
    pub fn feed_decoded(&mut self, at: usize, offset: u64, trade: &RawTrade<'_>) {
        let span = RecordSpan { offset, start: 0, len: 0, total_len: 0, timestamp_ms: None };
        Reading { ingress: self, at, span: &span, record: &[] }.trade(0, trade);
        self.partitions[at].offset = offset + 1;
    }

    /// The time before which nothing more will be sent: the least frontier of this worker's partitions.
    /// `None` when it owns none.
    pub fn frontier(&self) -> Option<Time> {
        self.partitions.iter().map(|p| self.partition_time(p)).min()
    }

    /// The frontier of its `at`th partition.
    pub fn partition_frontier(&self, at: usize) -> Time {
        self.partition_time(&self.partitions[at])
    }

    fn partition_time(&self, partition: &Partition) -> Time {
        partition.frontier.frontier_ms().map_or(0, |ms| self.settings.tick(ms)).max(self.resumed_from)
    }

    /// Records of the `at`th partition that are held for a frontier still to come; [`ResumeTrail::records_from`].
    pub fn records_from(&self, at: usize, frontier: Time) -> u64 {
        self.partitions[at].trail.records_from(frontier)
    }

    /// Where a run as of `frontier` would resume, for each partition of this worker.
    pub fn resume_points(&self, frontier: Time) -> Vec<ResumePoint> {
        let point = |p: &Partition| {
            let end = ResumePoint { partition: p.number, offset: p.offset, frontier: p.frontier.clone() };
            p.trail.resume_point(frontier, end)
        };
        self.partitions.iter().map(point).collect()
    }

    /// No run will resume from before this frontier.
    pub fn forget(&mut self, frontier: Time) {
        self.partitions.iter_mut().for_each(|p| p.trail.forget(frontier));
    }

    /// Asks every worker for a snapshot as of `time`, which is after this worker's own frontier: so no worker has
    /// passed it.
    pub fn request_checkpoint(&mut self, time: Time) {
        assert!(self.frontier().is_some_and(|own| own < time), "a checkpoint as of {time} comes too late");
        self.deliveries.iter_mut().for_each(|delivery| delivery.checkpoint = Some(time));
    }

    /// Takes out what is to be sent. All of it has times at or after the frontier that the last call of this left
    /// behind.
    pub fn take(&mut self) -> Outgoing {
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
            counts: std::mem::take(&mut self.counts).into_values().collect(),
        }
    }

    fn count(&mut self, time: Time, tally: Tally) {
        self.counts.entry(time).or_insert_with(|| LedgerChange::at(time)).count(tally, 1);
    }

    #[inline]
    fn count_trade(&mut self, time: Time) {
        if self.trades.0 != time {
            self.flush_trades();
            self.trades.0 = time;
        }
        self.trades.1 += 1;
    }

    fn flush_trades(&mut self) {
        let (time, trades) = std::mem::take(&mut self.trades);
        if trades > 0 {
            self.counts.entry(time).or_insert_with(|| LedgerChange::at(time)).count(Tally::Trades, trades);
        }
    }

    #[inline]
    fn flags(&mut self, scheme: u32, conditions: &str) -> Flags {
        if matches!(conditions, "" | "null" | "[]") {
            return Flags::ALL;
        }
        if let Some(flags) = self.flags.get(scheme as usize).and_then(|known| known.get(conditions)) {
            return *flags;
        }
        let texts = general::conditions(conditions).unwrap_or_default();
        let flags = self.settings.conditions.flags(scheme, &texts);
        if self.flags.len() <= scheme as usize {
            self.flags.resize_with(scheme as usize + 1, HashMap::new);
        }
        let known = &mut self.flags[scheme as usize];
        if known.len() < CONDITIONS_MAX {
            known.insert(conditions.into(), flags);
        }
        flags
    }

    /// Merges a trade into the partial of its symbol, window and tick.
    #[inline]
    fn merge(&mut self, symbol: u32, time: Time, trade: &Trade) {
        let known = &mut self.symbols.known[symbol as usize];
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
