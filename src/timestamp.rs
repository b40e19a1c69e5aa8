//! Event times as people read them: one form for commands, page and messages.

use jiff::Timestamp;

/// Milliseconds since 1970 as RFC 3339 in UTC, the fraction only where there is one: `2013-10-07T13:30:05Z`. A time
/// that this form cannot say is shown as its milliseconds.
pub fn rfc3339(ms: u64) -> String {
    let timestamp = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    timestamp.map_or_else(|| ms.to_string(), |timestamp| timestamp.to_string())
}
