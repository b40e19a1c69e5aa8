//! Rate limits: the plan's calls per minute, and 30 per second, which is Finnhub's limit on every plan.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Calls per second, on every plan.
const CALLS_PER_SECOND_MAX: usize = 30;
/// Windows are a little longer than the limits say, since the server counts arrivals and latency varies.
const SECOND: Duration = Duration::from_millis(1_100);
const MINUTE: Duration = Duration::from_secs(61);

/// Rate limiter over the times of the last calls.
#[derive(Debug)]
pub struct Pace {
    per_minute_max: usize,
    calls: Mutex<VecDeque<Instant>>,
}

impl Pace {
    /// Limiter of calls per minute (at least one).
    pub fn new(per_minute_max: u32) -> Self {
        // The limit per second allows no more than this.
        let per_minute_max = (per_minute_max as usize).clamp(1, 60 * CALLS_PER_SECOND_MAX);
        Self { per_minute_max, calls: Mutex::default() }
    }

    /// Waits until one more call may be made, and counts it.
    pub async fn turn(&self) {
        loop {
            let due = self.take(Instant::now());
            match due {
                None => return,
                Some(due) => tokio::time::sleep_until(due.into()).await,
            }
        }
    }

    /// Counts a call at `now`, or returns when one may be made.
    fn take(&self, now: Instant) -> Option<Instant> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let after = |back: usize, span| Some(*calls.get(calls.len().checked_sub(back)?)? + span);
        let due = after(self.per_minute_max, MINUTE).max(after(CALLS_PER_SECOND_MAX, SECOND));
        if due.is_some_and(|due| due > now) {
            return due;
        }
        calls.push_back(now);
        if calls.len() > self.per_minute_max.max(CALLS_PER_SECOND_MAX) {
            calls.pop_front();
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Times of calls made as fast as allowed, in milliseconds since the first.
    fn times(per_minute_max: u32, count: usize) -> Vec<u128> {
        let pace = Pace::new(per_minute_max);
        let start = Instant::now();
        let mut now = start;
        let times = (0..count).map(|_| {
            while let Some(due) = pace.take(now) {
                now = due;
            }
            (now - start).as_millis()
        });
        times.collect()
    }

    #[test]
    fn both_limits_are_kept() {
        let times_60 = times(60, 200);
        assert_eq!(
            [0, 29, 30, 59, 60, 89, 90, 120].map(|at| times_60[at]),
            [0, 0, 1_100, 1_100, 61_000, 61_000, 62_100, 122_000]
        );
        let times_1 = times(1, 3);
        assert_eq!(times_1, [0, 61_000, 122_000]);
        assert_eq!(times(u32::MAX, 61)[60], 2_200);
        assert!(times(300, 1_000).windows(301).all(|w| w[300] - w[0] > 60_000));
    }
}
