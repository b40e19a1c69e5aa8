//! When to try a failed request again: until when, and after which pauses.

use std::time::{Duration, Instant};

use crate::retry::Backoff;

/// Shortest pause between two attempts.
const PAUSE_MIN: Duration = Duration::from_millis(20);
/// Longest pause between two attempts.
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// How long to retry while the store does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryPolicy {
    /// Without end: nothing is acknowledged meanwhile, and nothing is lost.
    Endless,
    /// Each request for this long: a person or a page is waiting.
    Bounded(Duration),
    /// Connecting and all requests until this moment.
    Deadline(Instant),
}

impl RetryPolicy {
    /// Whether another attempt may start after `pause`, for a request that began at `begun`.
    pub fn allows(self, begun: Instant, pause: Duration) -> bool {
        match self {
            Self::Endless => true,
            Self::Bounded(limit) => begun.elapsed() < limit,
            Self::Deadline(end) => Instant::now() + pause < end,
        }
    }

    /// Upper bound of one wait.
    pub fn limit(self, most: Duration) -> Duration {
        match self {
            Self::Endless | Self::Bounded(_) => most,
            Self::Deadline(end) => end.saturating_duration_since(Instant::now()).min(most),
        }
    }
}

/// The pauses between attempts.
pub fn backoff() -> Backoff {
    Backoff::new(PAUSE_MIN, PAUSE_MAX)
}
