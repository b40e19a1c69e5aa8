//! How many records one worker reads beyond the durable frontier: as many as the store takes within about a second.
//!
//! What was read and is not durable is lost work when the process is killed, and memory. So while catching up the
//! frontier moves in small jumps: a jump that takes long makes the next one smaller, one that is short makes it larger.
//! The bound decides when rows are written, never what they hold.

use std::time::{Duration, Instant};

use dataflows::progress::time::Time;

/// Fewest records, and those at first, when nothing is known of the store: enough for a time step of a dense feed to be
/// read in few rounds.
const LEAST: u64 = 4_096;
/// Most records when rows are written: each may wait as a partial candle, and as rows, for about 1 KB in all.
const MOST: u64 = 131_072;
/// Most records when none are.
const MOST_WITHOUT_ROWS: u64 = 1_048_576;
/// Bytes of a partition per read: few against what may wait, and enough to make the cost of a read small.
const READ_BYTES: std::ops::RangeInclusive<usize> = 16 << 10..=256 << 10;
/// Bytes of a record that holds one trade, about.
const RECORD_BYTES: usize = 100;
/// A jump of the durable frontier that takes longer is too large.
const LONG: Duration = Duration::from_secs(2);
/// One that takes less is too small.
const SHORT: Duration = Duration::from_millis(250);

/// The bound of one worker.
#[derive(Debug)]
pub(super) struct ReadAhead {
    records: u64,
    most: u64,
    /// The store holds the rows before this time: they are computed again, and not written.
    known: Time,
    /// The last jump of the durable frontier.
    durable: Time,
    jumped: Instant,
    /// Whether the bound has stopped a partition since.
    has_stopped: bool,
}

impl ReadAhead {
    /// The bound at the start, of a store that holds the rows before `known`.
    pub(super) fn new(keeps_rows: bool, known: Time, now: Instant) -> Self {
        let most = if keeps_rows { MOST } else { MOST_WITHOUT_ROWS };
        Self { records: LEAST, most, known, durable: 0, jumped: now, has_stopped: false }
    }

    /// Notes the durable frontier. How fast it passes what the store holds already says nothing of the store.
    pub(super) fn observe(&mut self, durable: Time, now: Instant) {
        if durable == self.durable {
            return;
        }
        let took = now.duration_since(self.jumped);
        let counts = self.has_stopped && self.durable >= self.known;
        if counts && took > LONG {
            self.records = (self.records / 2).max(LEAST);
        } else if counts && took < SHORT {
            self.records = (self.records * 2).min(self.most);
        }
        (self.durable, self.jumped, self.has_stopped) = (durable, now, false);
    }

    /// Most records that may wait, at a time that the store may hold already.
    fn bound(&self, time: Time) -> u64 {
        if time < self.known { self.most } else { self.records }
    }

    /// Bytes to read of each of these partitions at a time: of all together no more than may wait.
    pub(super) fn read_bytes(&self, partitions: usize) -> usize {
        (self.bound(self.durable) as usize * RECORD_BYTES / partitions.max(1))
            .clamp(*READ_BYTES.start(), *READ_BYTES.end())
    }

    /// Whether no more may be read with this many records waiting. A partition that holds back the frontier itself is
    /// always read: the others wait for it. What the store holds already is read faster, and no further than that: the
    /// rows after it are written in one go, which must not take longer than the process lives.
    pub(super) fn stops(&mut self, waiting: u64, frontier: Time) -> bool {
        let stops = self.is_full(waiting, frontier);
        self.has_stopped |= stops;
        stops
    }

    /// The same, without noting it.
    pub(super) fn is_full(&self, waiting: u64, frontier: Time) -> bool {
        waiting >= self.bound(frontier) && frontier > self.durable
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_follows_the_store() {
        let start = Instant::now();
        let mut ahead = ReadAhead::new(true, 0, start);
        assert!(!ahead.stops(LEAST - 1, 5) && ahead.stops(LEAST, 5));
        assert!(!ahead.stops(u64::MAX, 0), "the slowest partition is read");
        ahead.observe(10, start + SHORT / 2);
        assert!(!ahead.stops(LEAST, 15), "twice as many");
        ahead.observe(20, start + LONG * 2);
        assert!(!ahead.stops(LEAST, 25), "nothing was stopped: the feed was slow, not the store");
        assert!(ahead.stops(LEAST * 2, 25));
        ahead.observe(30, start + LONG * 4);
        assert!(ahead.stops(LEAST, 35), "half as many");
        for jump in 0..20 {
            assert!(ahead.stops(MOST, 99));
            ahead.observe(40 + jump, start + LONG * 5);
        }
        assert!(!ahead.stops(MOST - 1, 99) && ahead.stops(MOST, 99), "there is a greatest");
        for jump in 0..20_u32 {
            assert!(ahead.stops(MOST, 999));
            ahead.observe(100 + u64::from(jump), start + LONG * (7 + 2 * jump));
        }
        assert!(!ahead.stops(LEAST - 1, 999) && ahead.stops(LEAST, 999), "and a least");
    }

    #[test]
    fn a_read_is_small_where_little_may_wait() {
        let mut ahead = ReadAhead::new(true, 50, Instant::now());
        assert_eq!([1, 12, 500].map(|partitions| ahead.read_bytes(partitions)), [256 << 10, 256 << 10, 26_214]);
        ahead.observe(50, Instant::now());
        assert_eq!([1, 12, 500].map(|partitions| ahead.read_bytes(partitions)), [256 << 10, 34_133, 16 << 10]);
    }

    #[test]
    fn what_the_store_holds_is_read_fast_and_no_further() {
        let start = Instant::now();
        let mut ahead = ReadAhead::new(true, 50, start);
        for jump in (1..49).chain([50]) {
            assert!(!ahead.stops(MOST - 1, 49) && ahead.stops(MOST, 49));
            assert!(!ahead.stops(LEAST - 1, 50) && ahead.stops(LEAST, 50), "a partition that is past it waits");
            ahead.observe(jump, start);
        }
        assert!(ahead.stops(LEAST, 51), "how fast it was found again does not count");
        ahead.observe(51, start);
        assert!(!ahead.stops(LEAST, 52), "the first jump that was written does");
    }
}
