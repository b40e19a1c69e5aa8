//! Event time: time steps, windows, resolutions. Plain integer milliseconds since the Unix epoch, no clock.

use serde::{Deserialize, Serialize};

/// Dataflow time: event time in milliseconds, floored to a time step.
pub type Time = u64;

/// Default grain of dataflow time, in milliseconds.
pub const STEP_MS: u64 = 1_000;
/// Default allowed lateness, in milliseconds.
pub const ALLOWED_LATENESS_MS: u64 = 15 * 60 * 1_000;
/// Default distance beyond which progress that nothing confirms is rejected, in milliseconds.
pub const MAX_AHEAD_MS: u64 = 5 * 60 * 1_000;
/// Default distance ahead of its partition's frontier beyond which a trade is rejected, in milliseconds.
pub const MAX_AHEAD_TRADE_MS: u64 = 60 * 60 * 1_000;
/// Distance between the frontier rows that are kept, in milliseconds of event time.
pub const MINUTE_MS: u64 = 60 * 1_000;
/// One UTC day.
pub const DAY_MS: u64 = 24 * 60 * MINUTE_MS;

/// Least valid event time: 1971-01-01. A time in seconds, read as milliseconds, falls before it.
pub const EVENT_MS_MIN: i64 = 31_536_000_000;
/// Event times are below this: 2100-01-01. A time in microseconds, read as milliseconds, falls after it.
pub const EVENT_MS_END: i64 = 4_102_444_800_000;

/// Rounds an event time down to its time step.
///
/// ```
/// assert_eq!(dataflows::progress::time::floor_step(12_345, 1_000), 12_000);
/// ```
#[inline]
pub fn floor_step(event_ms: u64, step_ms: u64) -> Time {
    event_ms - event_ms % step_ms
}

/// Length of a candle's window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Resolution {
    /// 5 seconds: the finest window, and the one that indicators are made from.
    S5,
    /// 1 minute.
    M1,
    /// 5 minutes.
    M5,
    /// 1 hour.
    H1,
    /// 1 UTC day.
    D1,
}

impl Resolution {
    /// All of them, finest first; `ALL[r as usize] == r`.
    pub const ALL: [Self; 5] = [Self::S5, Self::M1, Self::M5, Self::H1, Self::D1];

    /// Length in milliseconds.
    #[inline]
    pub const fn length_ms(self) -> u64 {
        match self {
            Self::S5 => 5_000,
            Self::M1 => MINUTE_MS,
            Self::M5 => 5 * MINUTE_MS,
            Self::H1 => 60 * MINUTE_MS,
            Self::D1 => DAY_MS,
        }
    }

    /// Start of the window that holds `event_ms`. Windows are aligned to the Unix epoch.
    ///
    /// ```
    /// use dataflows::progress::time::Resolution;
    /// assert_eq!(Resolution::S5.window_start_ms(14_999), 10_000);
    /// ```
    #[inline]
    pub const fn window_start_ms(self, event_ms: u64) -> u64 {
        event_ms - event_ms % self.length_ms()
    }

    /// The name that commands, tables and HTTP use: `5s`, `1m`, `5m`, `1h`, `1d`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::S5 => "5s",
            Self::M1 => "1m",
            Self::M5 => "5m",
            Self::H1 => "1h",
            Self::D1 => "1d",
        }
    }

    /// The resolution of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_order_agree() {
        for (at, resolution) in Resolution::ALL.into_iter().enumerate() {
            assert_eq!(resolution as usize, at);
            assert_eq!(Resolution::from_name(resolution.name()), Some(resolution));
            assert_eq!(DAY_MS % resolution.length_ms(), 0, "each window lies in one day");
        }
        assert_eq!(Resolution::from_name("2m"), None);
    }
}
