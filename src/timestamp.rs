//! Event times as people read them: one form for commands, page and messages.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// Length of what [`day`] makes.
pub const DAY_LEN: usize = 10;

/// Milliseconds since 1970 as RFC 3339 in UTC, the fraction only where there is one: `2013-10-07T13:30:05Z`. A time
/// that this form cannot say is shown as its milliseconds.
pub fn rfc3339(ms: u64) -> String {
    let timestamp = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    timestamp.map_or_else(|| ms.to_string(), |timestamp| timestamp.to_string())
}

/// The UTC day that holds a moment: `2013-10-07`.
pub fn day(ms: u64) -> String {
    rfc3339(ms).chars().take(DAY_LEN).collect()
}

/// The wall clock, in Unix milliseconds. It decides no row of the dataflow.
pub fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
