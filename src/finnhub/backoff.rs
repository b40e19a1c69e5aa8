//! The pause before the next attempt to connect to the feed.

use std::time::Duration;

use super::error::SocketError;
use crate::retry;

/// The longest pause, whatever the feed asks for.
const PAUSE_MAX: Duration = Duration::from_secs(3_600);

/// Back-off between connections: exponential, longer where the feed asks for it.
#[derive(Clone, Debug)]
pub struct Backoff {
    pauses: retry::Backoff,
    too_many: Duration,
}

impl Backoff {
    /// A back-off with pauses between `min` and `max`; at least `too_many` is added when the feed rejects a connection
    /// because there are too many.
    pub fn new(min: Duration, max: Duration, too_many: Duration) -> Self {
        Self { pauses: retry::Backoff::new(min, max), too_many }
    }

    /// Starts over after a connection that worked.
    pub fn reset(&mut self) {
        self.pauses.reset();
    }

    /// The pause after one more failure; `None` when another attempt cannot help.
    pub fn pause(&mut self, error: &SocketError) -> Option<Duration> {
        self.pause_at(error, retry::chance())
    }

    fn pause_at(&mut self, error: &SocketError, chance: u64) -> Option<Duration> {
        let pause = self.pauses.next_pause_at(chance);
        match error {
            SocketError::Unauthorized { .. } | SocketError::BadUrl { .. } => None,
            SocketError::TooMany { retry_after_s } => {
                let requested = Duration::from_secs(retry_after_s.unwrap_or(0)).max(self.too_many);
                Some((requested + pause).min(PAUSE_MAX))
            }
            _ => Some(pause),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_follow_what_the_feed_answered() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60), Duration::from_secs(60));
        assert_eq!(backoff.pause_at(&SocketError::Closed, u64::MAX), Some(Duration::from_secs(2)));
        let pause = |backoff: &mut Backoff, retry_after_s| backoff.pause_at(&SocketError::TooMany { retry_after_s }, 0);
        assert_eq!(pause(&mut backoff, None), Some(Duration::from_secs(61)));
        assert_eq!(pause(&mut backoff, Some(90)), Some(Duration::from_secs(91)));
        assert_eq!(pause(&mut backoff, Some(u64::MAX / 2)), Some(PAUSE_MAX));
        assert_eq!(backoff.pause_at(&SocketError::Unauthorized { status: 401 }, 0), None);
        let bad = SocketError::BadUrl { why: String::new() };
        assert_eq!(backoff.pause_at(&bad, 0), None);
        backoff.reset();
        assert_eq!(backoff.pause_at(&SocketError::Closed, u64::MAX), Some(Duration::from_secs(2)));
    }
}
