//! How many records one worker reads beyond the durable frontier: as many as the store takes within about a second.
//!
//! What was read and is not durable is lost work when the process is killed, and memory. So while catching up the
//! frontier moves in small jumps: a jump that takes long makes the next one smaller, one that is short makes it larger.
//! The bound decides when rows are written, never what they hold.

use std::time::{Duration, Instant};

use dataflows::progress::time::Time;

/// Records at first: few, since nothing is known of the store.
const FIRST: u64 = 16_384;
/// Fewest records: enough for a time step of a dense feed to be read in few rounds.
const LEAST: u64 = 4_096;
/// Most records when rows are written: each may wait as a partial candle, and as rows, for about 1 KB in all.
const MOST: u64 = 131_072;
/// Most records when none are.
const MOST_WITHOUT_ROWS: u64 = 1_048_576;
/// A jump of the durable frontier that takes longer is too large.
const LONG: Duration = Duration::from_secs(2);
/// One that takes less is too small.
const SHORT: Duration = Duration::from_millis(250);

/// The bound of one worker.
#[derive(Debug)]
pub(super) struct ReadAhead {
    records: u64,
    most: u64,
    /// The last jump of the durable frontier.
    durable: Time,
    jumped: Instant,
    /// Whether the bound has stopped a partition since.
    has_stopped: bool,
}

impl ReadAhead {
    /// The bound at the start.
    pub(super) fn new(keeps_rows: bool, now: Instant) -> Self {
        let most = if keeps_rows { MOST } else { MOST_WITHOUT_ROWS };
        Self { records: FIRST, most, durable: 0, jumped: now, has_stopped: false }
    }

    /// Notes the durable frontier.
    pub(super) fn observe(&mut self, durable: Time, now: Instant) {
        if durable == self.durable {
            return;
        }
        let took = now.duration_since(self.jumped);
        if self.has_stopped && took > LONG {
            self.records = (self.records / 2).max(LEAST);
        } else if self.has_stopped && took < SHORT {
            self.records = (self.records * 2).min(self.most);
        }
        (self.durable, self.jumped, self.has_stopped) = (durable, now, false);
    }

    /// Whether no more may be read with this many records waiting. A partition that holds back the frontier itself is
    /// always read: the others wait for it.
    pub(super) fn stops(&mut self, waiting: u64, frontier: Time) -> bool {
        let stops = waiting >= self.records && frontier > self.durable;
        self.has_stopped |= stops;
        stops
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_follows_the_store() {
        let start = Instant::now();
        let mut ahead = ReadAhead::new(true, start);
        assert!(!ahead.stops(FIRST - 1, 5) && ahead.stops(FIRST, 5));
        assert!(!ahead.stops(u64::MAX, 0), "the slowest partition is read");
        ahead.observe(10, start + SHORT / 2);
        assert!(!ahead.stops(FIRST, 15), "twice as many");
        ahead.observe(20, start + LONG * 2);
        assert!(!ahead.stops(FIRST, 25), "nothing was stopped: the feed was slow, not the store");
        assert!(ahead.stops(FIRST * 2, 25));
        ahead.observe(30, start + LONG * 4);
        assert!(ahead.stops(FIRST, 35), "half as many");
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
}
