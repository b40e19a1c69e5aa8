//! Exponential back-off with jitter, and the random numbers for it.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

/// A random number. Not suitable for secrets.
pub fn chance() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Exponential back-off: the bound doubles with each failure in a row, from `min` to `max`, and each pause is a random
/// time between `min` and the bound, so that clients which were cut off together do not return together.
#[derive(Clone, Debug)]
pub struct Backoff {
    min: Duration,
    max: Duration,
    failures: u32,
}

impl Backoff {
    /// A back-off with pauses between `min` and `max`.
    pub fn new(min: Duration, max: Duration) -> Self {
        Self { min, max: max.max(min), failures: 0 }
    }

    /// Starts over from the shortest bound, after a success.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// The pause after one more failure.
    pub fn next_pause(&mut self) -> Duration {
        self.next_pause_at(chance())
    }

    /// The same with the random number given: 0 gives the shortest pause, `u64::MAX` the longest.
    pub(crate) fn next_pause_at(&mut self, chance: u64) -> Duration {
        let bound = self.min.saturating_mul(2 << self.failures.min(16)).min(self.max);
        self.failures = self.failures.saturating_add(1);
        self.min + (bound - self.min).mul_f64(chance as f64 / u64::MAX as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_maximum_and_reset() {
        let seconds = Duration::from_secs;
        let mut backoff = Backoff::new(seconds(1), seconds(60));
        let pauses: Vec<_> = (0..8).map(|_| backoff.next_pause_at(u64::MAX)).collect();
        assert_eq!(pauses, [2, 4, 8, 16, 32, 60, 60, 60].map(seconds));
        assert_eq!(backoff.next_pause_at(0), seconds(1));
        backoff.reset();
        assert_eq!(backoff.next_pause_at(u64::MAX), seconds(2));
        let pauses: Vec<_> = (0..50).map(|_| backoff.next_pause()).collect();
        assert!(pauses.iter().all(|pause| (seconds(1)..=seconds(60)).contains(pause)), "{pauses:?}");
    }
}
