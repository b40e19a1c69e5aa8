//! Wall time of an ingest: the wall clock at its start, carried on by the monotonic clock, which nobody can set.
//!
//! The wall clock is compared with it before each progress record. A difference of more than [`STEP_MAX_MS`] is a step:
//! the clock was set, or the machine was suspended, and nothing here can know which time is right. Until that is clear
//! there is no progress:
//! - if the wall clock goes back to where it would have been, nothing has happened;
//! - if trades arrive whose newest event time agrees with the wall clock, it is right, and its time is taken on.
//!
//! A smaller difference is drift, and followed at [`SLEW_MS_PER_S`].

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

/// Maximum difference between wall clock and monotonic clock, in milliseconds; more is a step.
const STEP_MAX_MS: i64 = 1_000;
/// How fast drift is followed: twice the rate at which NTP slews a clock.
const SLEW_MS_PER_S: i64 = 1;
/// Texts of trades that must agree with a clock that was set. One alone may be a coincidence: an old trade, repeated.
const AGREEING_MIN: u32 = 3;
/// Maximum time between the readings of both clocks; above it the process was interrupted in between.
const READING_MAX: Duration = Duration::from_millis(100);
/// Attempts to read both clocks without an interruption.
const READING_TRIES: u32 = 3;

/// A reading of both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// Monotonic clock.
    pub at: Instant,
    /// Wall clock in Unix milliseconds.
    pub wall_ms: u64,
    /// False if the process was interrupted between the two.
    pub is_exact: bool,
}

impl Reading {
    /// Reads both clocks.
    pub fn now(wall_clock: fn() -> u64) -> Self {
        let read = || {
            let at = Instant::now();
            Self { at, wall_ms: wall_clock(), is_exact: at.elapsed() <= READING_MAX }
        };
        let first = read();
        (1..READING_TRIES).fold(first, |reading, _| if reading.is_exact { reading } else { read() })
    }
}

/// Unix time from the monotonic clock. Clones share it.
#[derive(Clone, Debug)]
pub struct UnixTime {
    base: Instant,
    base_ms: Arc<AtomicI64>,
}

impl UnixTime {
    /// Unix time of a moment, in milliseconds.
    pub fn ms(&self, at: Instant) -> u64 {
        u64::try_from(self.signed_ms(at)).unwrap_or(0)
    }

    fn signed_ms(&self, at: Instant) -> i64 {
        let since = at.saturating_duration_since(self.base).as_millis() as i64;
        let before = self.base.saturating_duration_since(at).as_millis() as i64;
        self.base_ms.load(Ordering::Relaxed) + since - before
    }
}

/// Result of a comparison of the clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The wall clock was set by this number of milliseconds: no progress from here on.
    Stepped {
        /// Positive when it was set forward.
        by_ms: i64,
    },
    /// Clock and trades agree again: Unix time has changed by this number of milliseconds, 0 if the step was undone.
    Agreed {
        /// Positive when Unix time is later than before.
        by_ms: i64,
    },
}

/// The clock of an ingest.
#[derive(Debug)]
pub struct Clock {
    time: UnixTime,
    looked: Instant,
    /// Difference of a wall clock that was set, and the texts of trades that agree with it.
    step: Option<(i64, u32)>,
}

impl Clock {
    /// Takes the wall clock's time as it is.
    pub fn new(reading: Reading) -> Self {
        let base_ms = Arc::new(AtomicI64::new(i64::try_from(reading.wall_ms).unwrap_or(i64::MAX)));
        Self { time: UnixTime { base: reading.at, base_ms }, looked: reading.at, step: None }
    }

    /// Unix time, to be shared with other threads.
    pub fn time(&self) -> &UnixTime {
        &self.time
    }

    /// How much the wall clock is ahead of Unix time here, in milliseconds; 0 unless it was set.
    pub fn step_ms(&self) -> i64 {
        self.step.map_or(0, |(by_ms, _)| by_ms)
    }

    /// Whether the wall clock was set, and trades do not agree with it yet.
    pub fn is_stepped(&self) -> bool {
        self.step.is_some()
    }

    /// Compares both clocks.
    pub fn look(&mut self, reading: Reading) -> Option<Change> {
        if !reading.is_exact {
            return None;
        }
        let wall_ms = i64::try_from(reading.wall_ms).unwrap_or(i64::MAX);
        let by_ms = wall_ms.saturating_sub(self.time.signed_ms(reading.at));
        match self.step {
            Some(_) if by_ms.abs() <= STEP_MAX_MS => {
                self.step = None;
                Some(Change::Agreed { by_ms: 0 })
            }
            Some((before_ms, agreeing)) => {
                let is_another = by_ms.saturating_sub(before_ms).abs() > STEP_MAX_MS;
                self.step = Some((by_ms, if is_another { 0 } else { agreeing }));
                is_another.then_some(Change::Stepped { by_ms })
            }
            None if by_ms.abs() > STEP_MAX_MS => {
                self.step = Some((by_ms, 0));
                Some(Change::Stepped { by_ms })
            }
            None => {
                let seconds = reading.at.saturating_duration_since(self.looked).as_secs() as i64;
                if seconds > 0 {
                    self.looked = reading.at;
                    let limit_ms = seconds * SLEW_MS_PER_S;
                    self.time.base_ms.fetch_add(by_ms.clamp(-limit_ms, limit_ms), Ordering::Relaxed);
                }
                None
            }
        }
    }

    /// Trades arrived at `at` while the wall clock is in doubt; the newest of them happened at `event_ms`. They agree
    /// with it if they are on time by it. A trade from its future contradicts it.
    pub fn trades(&mut self, event_ms: u64, at: Instant, max_out_of_orderness_ms: u64) -> Option<Change> {
        let (by_ms, agreeing) = self.step?;
        let wall_ms = self.time.signed_ms(at).saturating_add(by_ms);
        let age_ms = wall_ms.saturating_sub(i64::try_from(event_ms).unwrap_or(i64::MAX));
        let delay_max_ms = i64::try_from(max_out_of_orderness_ms).unwrap_or(i64::MAX);
        let agreeing = if age_ms < -STEP_MAX_MS { 0 } else { agreeing + u32::from(age_ms <= delay_max_ms) };
        if agreeing < AGREEING_MIN {
            self.step = Some((by_ms, agreeing));
            return None;
        }
        self.step = None;
        self.time.base_ms.fetch_add(by_ms, Ordering::Relaxed);
        Some(Change::Agreed { by_ms })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START_MS: u64 = 1_000_000_000;

    /// A clock, and a function that gives readings of both clocks: after `ms` of the monotonic one, the wall clock is
    /// ahead by `ahead_ms`.
    fn started() -> (Clock, impl Fn(u64, i64) -> Reading) {
        let start = Instant::now();
        let reading = move |ms: u64, ahead_ms: i64| Reading {
            at: start + Duration::from_millis(ms),
            wall_ms: (START_MS + ms).saturating_add_signed(ahead_ms),
            is_exact: true,
        };
        (Clock::new(reading(0, 0)), reading)
    }

    fn ms(clock: &Clock, reading: Reading) -> u64 {
        clock.time().ms(reading.at)
    }

    #[test]
    fn a_step_that_is_undone_changes_nothing() {
        for by_ms in [-3_600_000, -1_001, 1_001, 3_600_000] {
            let (mut clock, reading) = started();
            assert_eq!(clock.look(reading(1_000, 0)), None);
            assert_eq!(clock.look(reading(2_000, by_ms)), Some(Change::Stepped { by_ms }));
            assert_eq!(clock.look(reading(3_000, by_ms)), None, "once");
            assert!(clock.is_stepped());
            assert_eq!(ms(&clock, reading(3_000, 0)), START_MS + 3_000);
            assert_eq!(clock.look(reading(4_000, 0)), Some(Change::Agreed { by_ms: 0 }));
            assert_eq!(ms(&clock, reading(4_000, 0)), START_MS + 4_000);
        }
    }

    #[test]
    fn trades_decide_whether_a_new_time_is_right() {
        for by_ms in [-60_000_i64, 60_000] {
            let (mut clock, reading) = started();
            let at = |ms| reading(ms, 0).at;
            let new_ms = |ms: u64| (START_MS + ms).saturating_add_signed(by_ms);
            assert_eq!(clock.look(reading(1_000, by_ms)), Some(Change::Stepped { by_ms }));
            // Trades of the old time, and of long ago, do not agree with it.
            for _ in 0..10 {
                assert_eq!(clock.trades(START_MS + 1_000, at(1_000), 1_500), None);
                assert_eq!(clock.trades(5, at(1_000), 1_500), None);
            }
            assert_eq!(clock.trades(new_ms(1_000) - 1_400, at(1_000), 1_500), None);
            assert_eq!(clock.trades(new_ms(1_000) + 900, at(1_000), 1_500), None);
            assert_eq!(clock.trades(new_ms(2_000), at(2_000), 1_500), Some(Change::Agreed { by_ms }));
            assert!(!clock.is_stepped());
            assert_eq!(ms(&clock, reading(3_000, 0)), new_ms(3_000));
            assert_eq!(clock.look(reading(3_000, by_ms)), None);
        }
    }

    #[test]
    fn a_trade_from_the_future_contradicts_the_clock() {
        let (mut clock, reading) = started();
        let at = reading(0, 0).at;
        // Set back by an hour, while a feed repeats trades of an hour ago among new ones.
        assert!(clock.look(reading(0, -3_600_000)).is_some());
        for _ in 0..10 {
            assert_eq!(clock.trades(START_MS - 3_600_000, at, 1_500), None);
            assert_eq!(clock.trades(START_MS - 3_600_000, at, 1_500), None);
            assert_eq!(clock.trades(START_MS, at, 1_500), None);
        }
        assert!(clock.is_stepped());
    }

    #[test]
    fn a_second_step_starts_over() {
        let (mut clock, reading) = started();
        let at = reading(0, 0).at;
        assert!(clock.look(reading(0, 60_000)).is_some());
        assert_eq!(clock.trades(START_MS + 60_000, at, 1_500), None);
        assert_eq!(clock.trades(START_MS + 60_000, at, 1_500), None);
        assert_eq!(clock.look(reading(0, 90_000)), Some(Change::Stepped { by_ms: 90_000 }));
        assert_eq!(clock.trades(START_MS + 90_000, at, 1_500), None);
        assert_eq!(clock.trades(START_MS + 90_000, at, 1_500), None);
        assert_eq!(clock.trades(START_MS + 90_000, at, 1_500), Some(Change::Agreed { by_ms: 90_000 }));
    }

    #[test]
    fn drift_is_followed_slowly() {
        let (mut clock, reading) = started();
        // 400 ppm for three hours: 4.3 s in all, and never a step.
        for second in 1..=3 * 3_600 {
            assert_eq!(clock.look(reading(second * 1_000, second as i64 * 2 / 5)), None);
        }
        let end = reading(3 * 3_600 * 1_000, 3 * 3_600 * 2 / 5);
        assert!(ms(&clock, end).abs_diff(end.wall_ms) <= 2);
        // An interrupted reading says nothing.
        assert_eq!(clock.look(Reading { wall_ms: 0, is_exact: false, ..end }), None);
    }
}
