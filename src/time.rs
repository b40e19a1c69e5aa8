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

/// As [`rfc3339`], for a time that may be before 1970.
pub fn rfc3339_of(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |timestamp| timestamp.to_string())
}

/// The UTC day of a time: `2013-10-07`.
pub fn day(ms: u64) -> String {
    rfc3339(ms).chars().take(DAY_LEN).collect()
}

/// A duration in its two greatest units: `250 ms`, `12 s`, `3 min 5 s`, `2 h 7 min`, `13 years`.
pub fn span(ms: u64) -> String {
    let (seconds, minutes, hours, days) = (ms / 1_000, ms / 60_000, ms / 3_600_000, ms / 86_400_000);
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{seconds} s"),
        60_000..3_600_000 => format!("{minutes} min {} s", seconds % 60),
        3_600_000..86_400_000 => format!("{hours} h {} min", minutes % 60),
        _ if days < 365 => format!("{days} d {} h", hours % 24),
        _ => format!("{} years", days / 365),
    }
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

    #[test]
    fn spans_have_at_most_two_units() {
        let of = [999, 12_900, 185_000, 7_620_000, 90_000_000, 13 * 365 * 86_400_000].map(span);
        assert_eq!(of, ["999 ms", "12 s", "3 min 5 s", "2 h 7 min", "1 d 1 h", "13 years"]);
    }
}
