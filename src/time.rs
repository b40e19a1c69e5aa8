//! Times as text, the same in commands, page and messages; the clock.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// Length of the text of a [`day`].
pub const DAY_LEN: usize = 10;

/// Milliseconds since 1970 as RFC 3339 in UTC, with a fraction only where there is one: `2013-10-07T13:30:05Z`. A time
/// beyond the range of this format is shown in milliseconds.
pub fn rfc3339(ms: u64) -> String {
    let timestamp = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    timestamp.map_or_else(|| ms.to_string(), |timestamp| timestamp.to_string())
}

/// The UTC day of a time: `2013-10-07`.
pub fn day(ms: u64) -> String {
    rfc3339(ms).chars().take(DAY_LEN).collect()
}

/// The wall clock, in milliseconds since 1970. No row depends on it.
pub fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_shown_only_where_there_are_some() {
        const MS: u64 = 1_381_152_600_000;
        assert_eq!(rfc3339(MS), "2013-10-07T13:30:00Z");
        assert_eq!(rfc3339(MS + 250), "2013-10-07T13:30:00.25Z");
        assert_eq!(rfc3339(u64::MAX), u64::MAX.to_string());
    }
}
