//! The progress of one partition: the newest trade less the bound on out-of-orderness, as bindings.
//!
//! A trade that leaps ahead binds nothing until the next trades confirm it, and nothing after it is bound before: the
//! rules are those of [`dataflows::progress::leap`].

use dataflows::log::batch::{RecordBatch, RecordSpan};
use dataflows::log::binding::Binding;
use dataflows::log::control::Control;
use dataflows::log::decode::{RawTrade, Visitor, decode};
use dataflows::log::reject::Reason;
use dataflows::progress::leap::{Leaping, Leaps, Verdict};
use dataflows::progress::partition::PartitionFrontier;
use dataflows::progress::time::{ALLOWED_LATENESS_MS, Resolution, STEP_MS, floor_step};
use dataflows::settings::ProgressMode;

/// What is past all trades is a multiple of this: the end of a time step, however long steps are.
pub(super) const PAST_MS: u64 = Resolution::S5.length_ms();
/// A frontier up to this time only says that there were no trades.
pub(super) const NOTHING_MS: u64 = PAST_MS;

/// The progress of one partition.
pub(super) struct PartitionPacer {
    number: u32,
    mode: ProgressMode,
    max_out_of_orderness_ms: u64,
    frontier: PartitionFrontier,
    leaps: Leaps<WaitingTrade>,
    /// Where reading began.
    start: u64,
    /// Everything before this offset is read.
    position: u64,
    /// The last binding made, as offset and event time.
    bound: Option<(u64, u64)>,
    /// The last time of a binding after which a record was read: it counts there, unless it is a later trade.
    read_at_ms: Option<u64>,
    bindings: Vec<Binding>,
}

/// A trade that waits to be confirmed.
struct WaitingTrade {
    offset: u64,
    event_ms: u64,
    symbol: Box<str>,
}

impl Leaping for WaitingTrade {
    fn event_ms(&self) -> u64 {
        self.event_ms
    }

    fn symbol(&self) -> &str {
        &self.symbol
    }
}

impl PartitionPacer {
    /// Continues at `position`, after the last binding made, if there is one.
    pub(super) fn new(
        number: u32,
        position: u64,
        last: Option<Binding>,
        max_out_of_orderness_ms: u64,
        max_ahead_trade_ms: u64,
    ) -> Self {
        let mode = ProgressMode::BoundedOutOfOrderness { max_out_of_orderness_ms };
        let mut frontier = PartitionFrontier::default();
        if let Some(last) = last {
            frontier.follow(last.event_ms);
            if let Some(newest_ms) = last.newest_ms {
                frontier.observe(newest_ms, mode);
            }
        }
        Self {
            number,
            mode,
            max_out_of_orderness_ms,
            frontier,
            leaps: Leaps::new(max_ahead_trade_ms),
            start: position,
            position,
            bound: last.map(|last| (last.offset, last.event_ms)),
            read_at_ms: None,
            bindings: Vec::new(),
        }
    }

    /// The partition.
    pub(super) fn number(&self) -> u32 {
        self.number
    }

    /// The frontier in event milliseconds, once there is one.
    pub(super) fn frontier_ms(&self) -> Option<u64> {
        self.frontier.frontier_ms()
    }

    /// The frontier that trades are compared with: one by trades.
    fn trade_frontier_ms(&self) -> Option<u64> {
        self.frontier_ms().filter(|ms| *ms > NOTHING_MS)
    }

    /// Whether records were read that are not bound.
    pub(super) fn has_unbound(&self) -> bool {
        self.position > self.bound.map_or(self.start, |(offset, _)| offset)
    }

    /// The greatest time that anything read counts at.
    pub(super) fn newest_ms(&self) -> Option<u64> {
        self.frontier.newest_ms().max(self.read_at_ms)
    }

    /// Everything before this offset is read.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Reads the next records, up to `position`. Returns whether there was a trade among them.
    pub(super) fn read(&mut self, batch: &RecordBatch, position: u64) -> bool {
        let mut has_trades = false;
        for span in &batch.records {
            let mut reading = Reading { pacer: self, span, has_trades: false };
            decode(batch.record(span), span.total_len, &mut reading);
            has_trades |= reading.has_trades;
            self.read_at_ms = self.read_at_ms.max(self.bound.map(|(_, bound_ms)| bound_ms));
            self.position = span.offset + 1;
            if self.bound.is_none_or(|(_, bound_ms)| self.step() > Some(floor_step(bound_ms, STEP_MS))) {
                self.bind_read();
            }
        }
        self.position = self.position.max(position);
        self.bind_read();
        has_trades
    }

    fn step(&self) -> Option<u64> {
        self.frontier_ms().map(|ms| floor_step(ms, STEP_MS))
    }

    /// Nothing more comes for now: the partition follows the others, to this event time.
    pub(super) fn follow(&mut self, event_ms: u64) {
        self.decide(Some(event_ms), false);
        self.frontier.follow(event_ms);
        self.bind_read();
    }

    /// Decides the trades that wait, if that can be done now. The other partitions, which are at `others_ms`, may have
    /// arrived where they are; a partition without any trade before them accepts them. Only at the end of the log
    /// (`is_over`) they are refuted: until then the next trade may confirm them, however rare trades are.
    pub(super) fn decide(&mut self, others_ms: Option<u64>, is_over: bool) {
        if let Some(first) = self.leaps.first() {
            let others_agree = others_ms.is_some_and(|ms| self.leaps.agrees(first, ms));
            let frontier_ms = self.trade_frontier_ms().or(others_ms).filter(|ms| *ms > NOTHING_MS && !others_agree);
            if is_over || frontier_ms.is_none() {
                let verdict = self.leaps.end(frontier_ms);
                self.settle(verdict);
            }
        }
    }

    fn settle(&mut self, verdict: Verdict<WaitingTrade>) {
        let Verdict::Confirmed(trades) = verdict else { return };
        let (Some(first), Some(least_ms)) = (trades.first(), trades.iter().map(|trade| trade.event_ms).min()) else {
            return;
        };
        self.frontier.follow(least_ms.saturating_sub(self.max_out_of_orderness_ms));
        self.bind(first.offset);
        for trade in &trades {
            self.observe(&trade.symbol, trade.event_ms);
        }
    }

    fn observe(&mut self, symbol: &str, event_ms: u64) {
        self.frontier.observe_symbol(symbol);
        self.frontier.observe(event_ms, self.mode);
    }

    /// Binds what is read, up to the first trade that waits.
    fn bind_read(&mut self) {
        self.bind(self.leaps.first().map_or(self.position, |first| first.offset));
    }

    fn bind(&mut self, offset: u64) {
        let Some(event_ms) = self.frontier_ms() else { return };
        if self.bound.is_none() && self.start < offset {
            // The first records are compared with it, too: a trade far ahead may be among them. One that is rejected
            // counts at that time, which has to be complete when this one is.
            self.make(self.start, event_ms.saturating_sub(STEP_MS));
        }
        let (bound_offset, bound_ms) = self.bound.unwrap_or_default();
        if self.bound.is_none() || offset > bound_offset || event_ms > bound_ms {
            self.make(offset.max(bound_offset), event_ms.max(bound_ms));
        }
    }

    fn make(&mut self, offset: u64, event_ms: u64) {
        self.bound = Some((offset, event_ms));
        let newest_ms = self.newest_ms();
        self.bindings.push(Binding { partition: self.number, offset, event_ms, newest_ms, place: 0 });
    }

    /// The bindings made since the last call.
    pub(super) fn take(&mut self) -> Vec<Binding> {
        std::mem::take(&mut self.bindings)
    }
}

/// A record during decoding.
struct Reading<'a> {
    pacer: &'a mut PartitionPacer,
    span: &'a RecordSpan,
    has_trades: bool,
}

impl Visitor for Reading<'_> {
    fn trade(&mut self, _: u32, trade: &RawTrade<'_>) {
        self.has_trades = true;
        let RawTrade { event_ms, symbol, .. } = *trade;
        loop {
            let frontier_ms = self.pacer.trade_frontier_ms();
            if frontier_ms.is_some_and(|ms| event_ms < ms.saturating_sub(ALLOWED_LATENESS_MS)) {
                return;
            }
            match self.pacer.leaps.next(frontier_ms, event_ms) {
                Verdict::Accept => return self.pacer.observe(symbol, event_ms),
                Verdict::Wait => break,
                decided => self.pacer.settle(decided),
            }
        }
        let waiting = WaitingTrade { offset: self.span.offset, event_ms, symbol: symbol.into() };
        let confirmed = self.pacer.leaps.wait(waiting, self.pacer.frontier.has_several_symbols());
        self.pacer.settle(Verdict::Confirmed(confirmed));
    }

    fn control(&mut self, _: Control<'_>) {}

    fn reject(&mut self, _: u32, _: Reason, _: &[u8]) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(from: u64, trades: &[(&str, u64)]) -> RecordBatch {
        let mut batch = RecordBatch::default();
        for (offset, (symbol, t)) in (from..).zip(trades) {
            let text = format!(r#"{{"c":null,"p":1,"s":"{symbol}","t":{t},"v":1}}"#);
            batch.push(offset, text.as_bytes(), None);
        }
        batch
    }

    fn bindings(pacer: &mut PartitionPacer) -> Vec<(u64, u64)> {
        pacer.take().into_iter().map(|binding| (binding.offset, binding.event_ms)).collect()
    }

    const NOON: u64 = 1_575_547_200_000;

    fn pacer() -> PartitionPacer {
        PartitionPacer::new(0, 0, None, 5_000, 3_600_000)
    }

    #[test]
    fn bindings_follow_the_newest_trade() {
        let mut pacer = pacer();
        assert!(pacer.read(&batch(0, &[("A", NOON), ("A", NOON + 100)]), 2));
        assert_eq!(bindings(&mut pacer), [], "the first trades have to confirm each other");
        pacer.read(&batch(2, &[("A", NOON + 200), ("A", NOON + 1_100), ("A", NOON + 1_200)]), 5);
        let first = [(0, NOON - 5_000), (4, NOON - 3_900), (5, NOON - 3_800)];
        assert_eq!(bindings(&mut pacer), first);
        pacer.follow(NOON);
        assert_eq!(bindings(&mut pacer), [(5, NOON)]);
    }

    #[test]
    fn nothing_is_bound_past_a_leap_before_it_is_confirmed() {
        let day = 86_400_000;
        let mut pacer = pacer();
        pacer.read(&batch(0, &[("A", NOON), ("B", NOON), ("A", NOON)]), 3);
        bindings(&mut pacer);
        pacer.read(&batch(3, &[("A", NOON + day), ("A", NOON + day), ("A", NOON + day)]), 6);
        assert_eq!(bindings(&mut pacer), [], "one symbol of two confirms nothing");
        pacer.read(&batch(6, &[("B", NOON + day - 3)]), 7);
        assert_eq!(bindings(&mut pacer), [(3, NOON + day - 5_003), (7, NOON + day - 5_000)]);
        pacer.read(&batch(7, &[("A", NOON + 3 * day), ("B", NOON + day)]), 9);
        assert_eq!(bindings(&mut pacer), [(9, NOON + day - 5_000)], "refuted");
    }

    #[test]
    fn what_is_read_late_is_not_newer_than_its_trades() {
        let mut pacer = pacer();
        pacer.read(&batch(0, &[("A", NOON), ("A", NOON), ("A", NOON)]), 3);
        assert_eq!(pacer.newest_ms(), Some(NOON));
        pacer.follow(NOON + 9_000);
        assert_eq!(pacer.newest_ms(), Some(NOON));
        // No trade: it counts at what was bound before it, and has to be passed as well.
        let mut junk = RecordBatch::default();
        junk.push(3, b"nonsense", None);
        assert!(!pacer.read(&junk, 4));
        assert_eq!(pacer.newest_ms(), Some(NOON + 9_000));
    }

    #[test]
    fn a_first_trade_far_ahead_binds_nothing() {
        let mut pacer = pacer();
        let ahead = NOON + 86_400_000;
        pacer.read(&batch(0, &[("A", ahead), ("A", NOON), ("A", NOON), ("A", NOON)]), 4);
        assert_eq!(bindings(&mut pacer), [(0, NOON - 6_000), (1, NOON - 5_000), (4, NOON - 5_000)]);
        // Alone, it is compared with the other partitions.
        let mut pacer = self::pacer();
        pacer.read(&batch(0, &[("A", ahead)]), 1);
        pacer.follow(NOON);
        assert_eq!(bindings(&mut pacer), [(0, NOON)], "it waits");
        pacer.decide(Some(NOON), true);
        pacer.follow(NOON);
        assert_eq!(bindings(&mut pacer), [(1, NOON)]);
    }

    #[test]
    fn rare_trades_after_a_night_confirm_each_other() {
        let mut pacer = pacer();
        pacer.read(&batch(0, &[("A", NOON), ("A", NOON), ("A", NOON)]), 3);
        pacer.follow(NOON + 5_000);
        bindings(&mut pacer);
        let day = 86_400_000;
        for n in 0..3 {
            // It is idle before each of them.
            pacer.follow(NOON + 5_000);
            assert_eq!(bindings(&mut pacer), [], "{n}");
            pacer.read(&batch(3 + n, &[("A", NOON + day + n * 60_000)]), 4 + n);
        }
        let confirmed = [(3, NOON + day - 5_000), (6, NOON + day + 115_000)];
        assert_eq!(bindings(&mut pacer), confirmed);
    }

    #[test]
    fn a_restart_continues_from_the_newest_trade() {
        let mut before = pacer();
        before.read(&batch(0, &[("A", NOON), ("A", NOON), ("A", NOON)]), 3);
        let last = before.take().pop().unwrap();
        assert_eq!((last.event_ms, last.newest_ms), (NOON - 5_000, Some(NOON)));
        let mut after = PartitionPacer::new(0, last.offset, Some(last), 5_000, 3_600_000);
        after.read(&batch(3, &[]), 3);
        assert_eq!((bindings(&mut after), after.newest_ms()), (vec![], Some(NOON)), "nothing came");
        let mut smaller = PartitionPacer::new(0, last.offset, Some(last), 1_000, 3_600_000);
        smaller.follow(NOON + 5_000);
        assert_eq!((bindings(&mut smaller), smaller.newest_ms()), (vec![(3, NOON + 5_000)], Some(NOON)));
    }

    #[test]
    fn records_without_any_trade_are_bound_when_all_is_quiet() {
        let mut junk = RecordBatch::default();
        junk.push(0, b"nonsense", None);
        let mut pacer = pacer();
        assert!(!pacer.has_unbound());
        pacer.read(&junk, 1);
        assert!(pacer.has_unbound());
        pacer.follow(NOTHING_MS);
        assert_eq!(bindings(&mut pacer).last(), Some(&(1, NOTHING_MS)));
        assert!(!pacer.has_unbound());
        // The first trade cannot be far ahead of that.
        pacer.read(&batch(1, &[("A", NOON)]), 2);
        pacer.decide(None, true);
        pacer.follow(NOON + 5_000);
        assert_eq!(bindings(&mut pacer).last(), Some(&(2, NOON + 5_000)));
        assert_eq!(pacer.newest_ms(), Some(NOON));
    }

    #[test]
    fn a_quiet_partition_decides_what_waits() {
        let mut pacer = pacer();
        pacer.read(&batch(0, &[("A", NOON)]), 1);
        pacer.follow(NOON + 20_000);
        assert_eq!(bindings(&mut pacer), [(0, NOON - 5_000), (1, NOON + 20_000)]);
        let day = 86_400_000;
        pacer.read(&batch(1, &[("A", NOON + day)]), 2);
        pacer.follow(NOON + day + 60_000);
        let arrived = [(1, NOON + day - 5_000), (2, NOON + day + 60_000)];
        assert_eq!(bindings(&mut pacer), arrived, "the others have arrived where it is");
    }
}
