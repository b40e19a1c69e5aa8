//! When the first worker writes a heartbeat: every few seconds, and one at a time, so that none wait for a slow store.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::store_command::Ack;

/// Interval of heartbeats.
const BEAT_EVERY: Duration = Duration::from_secs(5);

/// The heartbeats of one run.
#[derive(Debug, Default)]
pub(super) struct Heartbeats {
    begun: Option<Instant>,
    /// Whether the store has not acknowledged the last one yet.
    is_busy: Arc<AtomicBool>,
}

impl Heartbeats {
    /// Whether one is to be written. The last one of a run always is.
    pub(super) fn is_due(&self, is_last: bool, now: Instant) -> bool {
        let waited = self.begun.is_none_or(|begun| now.duration_since(begun) >= BEAT_EVERY);
        is_last || (waited && !self.is_busy.load(Ordering::SeqCst))
    }

    /// One is being written. Returns the callback for its acknowledgement.
    pub(super) fn begin(&mut self, now: Instant) -> Ack {
        self.begun = Some(now);
        self.is_busy.store(true, Ordering::SeqCst);
        let is_busy = Arc::clone(&self.is_busy);
        Box::new(move || is_busy.store(false, Ordering::SeqCst))
    }
}
