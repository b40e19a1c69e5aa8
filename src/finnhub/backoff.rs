//! Pause before the next attempt to connect.

use std::time::Duration;

use super::error::SocketError;
use crate::retry::{chance, spread};

/// Maximum pause, whatever the feed asks for.
const PAUSE_MAX: Duration = Duration::from_secs(3_600);

/// Exponential back-off with jitter over the whole bound, so that clients cut off together do not reconnect together.
#[derive(Clone, Debug)]
pub struct Backoff {
    least: Duration,
    most: Duration,
    too_many: Duration,
    failures: u32,
}

impl Backoff {
    /// Pauses between `least` and `most`; at least `too_many` more after HTTP status 429.
    pub fn new(least: Duration, most: Duration, too_many: Duration) -> Self {
        Self { least, most: most.max(least), too_many, failures: 0 }
    }

    /// Starts again at the shortest pause, after a good connection.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// The pause after one more failure; `None` when a retry cannot help.
    pub fn pause(&mut self, error: &SocketError) -> Option<Duration> {
        self.pause_at(error, chance())
    }

    fn pause_at(&mut self, error: &SocketError, chance: u64) -> Option<Duration> {
        let bound = self.least.saturating_mul(2 << self.failures.min(16)).min(self.most);
        self.failures = self.failures.saturating_add(1);
        let jittered = spread(self.least, bound, chance);
        match error {
            SocketError::Unauthorized { .. } | SocketError::BadUrl { .. } => None,
            SocketError::TooMany { retry_after_s } => {
                let asked = Duration::from_secs(retry_after_s.unwrap_or(0)).max(self.too_many);
                Some((asked + jittered).min(PAUSE_MAX))
            }
            _ => Some(jittered),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(pauses: &[Option<Duration>]) -> Vec<f64> {
        pauses.iter().map(|pause| pause.unwrap().as_secs_f64().round()).collect()
    }

    #[test]
    fn pauses_double_up_to_the_bound() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60), Duration::from_secs(60));
        let pauses: Vec<_> = (0..8).map(|_| backoff.pause_at(&SocketError::Closed, u64::MAX)).collect();
        assert_eq!(seconds(&pauses), [2., 4., 8., 16., 32., 60., 60., 60.]);
        assert_eq!(backoff.pause_at(&SocketError::Closed, 0), Some(Duration::from_secs(1)));
        backoff.reset();
        assert_eq!(seconds(&[backoff.pause_at(&SocketError::Closed, u64::MAX)]), [2.]);
    }

    #[test]
    fn status_decides_pause_or_end() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60), Duration::from_secs(60));
        let pause = |backoff: &mut Backoff, retry_after_s| backoff.pause_at(&SocketError::TooMany { retry_after_s }, 0);
        assert_eq!(pause(&mut backoff, None), Some(Duration::from_secs(61)));
        assert_eq!(pause(&mut backoff, Some(90)), Some(Duration::from_secs(91)));
        assert_eq!(pause(&mut backoff, Some(u64::MAX / 2)), Some(PAUSE_MAX));
        assert_eq!(backoff.pause_at(&SocketError::Unauthorized { status: 401 }, 0), None);
        let bad = SocketError::BadUrl { why: String::new() };
        assert_eq!(backoff.pause_at(&bad, 0), None);
    }
}
