//! REST rate limits: calls per minute and per second, counted by API token.

use std::collections::HashMap;

/// Calls per second, in addition to the plan's limit.
const CALLS_PER_SECOND_MAX: u32 = 30;

/// Decision on a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Whether the call is allowed; else 429.
    pub allowed: bool,
    /// Calls per minute.
    pub limit: u32,
    /// Calls left in this minute.
    pub remaining: u32,
    /// End of the minute, in Unix seconds.
    pub reset_s: u64,
}

/// Rate limiter with fixed windows.
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
    /// Limiter of calls per minute and API token.
    pub fn new(per_minute_max: u32) -> Self {
        Self { per_minute_max, used: HashMap::new() }
    }

    /// Counts a call at `now_ms` (Unix milliseconds). A rejected call is not counted.
    pub fn call(&mut self, token: &str, now_ms: u64) -> Allowance {
        let used = self.used.entry(token.to_owned()).or_default();
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
    fn both_limits_hold_for_each_token() {
        let mut limit = RateLimit::new(60);
        let allowed =
            |limit: &mut RateLimit, token: &str, now_ms| (0..100).filter(|_| limit.call(token, now_ms).allowed).count();
        assert_eq!(allowed(&mut limit, "a", 60_000), 30);
        assert_eq!(allowed(&mut limit, "a", 61_000), 30);
        assert_eq!(allowed(&mut limit, "a", 62_000), 0);
        assert_eq!(allowed(&mut limit, "b", 62_000), 30);
        assert_eq!(limit.call("a", 62_000).reset_s, 120);
        assert_eq!(allowed(&mut limit, "a", 120_000), 30);
    }
}
