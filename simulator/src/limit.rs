//! The REST limits: so many calls in a minute and in a second, counted for each key.

use std::collections::HashMap;

/// Calls in one second, on top of the plan's limit.
const CALLS_PER_SECOND_MAX: u32 = 30;

/// What a call is told about the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// False: answer with 429.
    pub allowed: bool,
    /// Calls in one minute.
    pub limit: u32,
    /// Calls left in this minute.
    pub remaining: u32,
    /// When the minute ends, in Unix seconds.
    pub reset_s: u64,
}

/// Counts calls in fixed windows.
#[derive(Debug, Default)]
pub struct RateLimit {
    per_minute_max: u32,
    used: HashMap<String, Used>,
}

#[derive(Debug, Default)]
struct Used {
    minute: u64,
    in_minute: u32,
    second: u64,
    in_second: u32,
}

impl RateLimit {
    /// So many calls a minute for each key.
    pub fn new(per_minute_max: u32) -> Self {
        Self { per_minute_max, used: HashMap::new() }
    }

    /// Counts a call at `now_ms` (Unix milliseconds). A refused call is not counted.
    pub fn call(&mut self, key: &str, now_ms: u64) -> Allowance {
        let used = self.used.entry(key.to_owned()).or_default();
        let (minute, second) = (now_ms / 60_000, now_ms / 1_000);
        if used.minute != minute {
            (used.minute, used.in_minute) = (minute, 0);
        }
        if used.second != second {
            (used.second, used.in_second) = (second, 0);
        }
        let allowed = used.in_minute < self.per_minute_max && used.in_second < CALLS_PER_SECOND_MAX;
        if allowed {
            used.in_minute += 1;
            used.in_second += 1;
        }
        Allowance {
            allowed,
            limit: self.per_minute_max,
            remaining: self.per_minute_max.saturating_sub(used.in_minute),
            reset_s: (minute + 1) * 60,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_minute_and_the_second_are_limited_for_each_key() {
        let mut limit = RateLimit::new(60);
        let allowed =
            |limit: &mut RateLimit, key: &str, now_ms| (0..100).filter(|_| limit.call(key, now_ms).allowed).count();
        assert_eq!(allowed(&mut limit, "a", 60_000), 30);
        assert_eq!(allowed(&mut limit, "a", 61_000), 30);
        assert_eq!(allowed(&mut limit, "a", 62_000), 0);
        assert_eq!(allowed(&mut limit, "b", 62_000), 30);
        assert_eq!(limit.call("a", 62_000).reset_s, 120);
        assert_eq!(allowed(&mut limit, "a", 120_000), 30);
    }
}
