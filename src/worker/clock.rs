//! The clocks of a run: those of the machine, or one that stands until it is moved, so that a simulation decides when
//! time passes. They decide when something is written or shown, never what.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::time::now_ms;

/// The monotonic clock and the wall clock of a run.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<ByHand>>);

/// A clock that stands until it is moved.
#[derive(Debug)]
struct ByHand {
    started: Instant,
    started_ms: u64,
    passed_us: AtomicU64,
}

impl Clock {
    /// A clock that shows `started_ms`, milliseconds since 1970, until it is moved. Its clones are the same clock.
    pub fn by_hand(started_ms: u64) -> Self {
        let passed_us = AtomicU64::new(0);
        Self(Some(Arc::new(ByHand { started: Instant::now(), started_ms, passed_us })))
    }

    /// Moves a clock that stands. That of the machine moves by itself.
    pub fn advance(&self, by: Duration) {
        if let Some(clock) = &self.0 {
            clock.passed_us.fetch_add(by.as_micros() as u64, Ordering::SeqCst);
        }
    }

    /// The monotonic clock.
    pub(super) fn now(&self) -> Instant {
        self.0.as_ref().map_or_else(Instant::now, |clock| clock.started + clock.passed())
    }

    /// The wall clock, in milliseconds since 1970.
    pub(super) fn wall_ms(&self) -> u64 {
        self.0.as_ref().map_or_else(now_ms, |clock| clock.started_ms + clock.passed().as_millis() as u64)
    }
}

impl ByHand {
    fn passed(&self) -> Duration {
        Duration::from_micros(self.passed_us.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_by_hand_stands_until_it_is_moved() {
        let clock = Clock::by_hand(5_000);
        let (start, same) = (clock.now(), clock.clone());
        assert_eq!((clock.now(), clock.wall_ms()), (start, 5_000));
        same.advance(Duration::from_millis(70));
        assert_eq!((clock.now() - start, clock.wall_ms()), (Duration::from_millis(70), 5_070));
        assert!(Clock::default().wall_ms() > 1_000_000_000_000, "the machine's");
    }
}
