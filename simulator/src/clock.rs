//! Wall clock.

use std::time::{SystemTime, UNIX_EPOCH};

/// Current Unix time in milliseconds.
pub(super) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
