//! Everything beside the log that decides a row.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::log::conditions::ConditionTable;
use crate::progress::time::{HORIZON_MS, MAX_AHEAD_MS, Resolution, TICK_MS, Time, floor_tick};

/// Goes up when the code's meaning changes, so that reprocessed rows win over old ones. At most 999.
pub const PIPELINE_REVISION: u64 = 0;

/// How a partition's frontier moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProgressMode {
    /// By the progress records of its sources.
    Promises,
    /// By the newest trade, less a bound on disorder: for logs that hold no progress records.
    Disorder {
        /// So far behind the newest trade a trade is still on time, in milliseconds.
        max_disorder_ms: u64,
    },
}

/// What decides a row, beside the log. Two runs agree when log and settings agree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Grain of dataflow time in milliseconds; a divisor of the 5 s window.
    pub tick_ms: u64,
    /// So far behind its partition's frontier a trade still corrects its candle, in milliseconds.
    pub horizon_ms: u64,
    /// Further ahead than this a trade is refused, in milliseconds.
    pub max_ahead_ms: u64,
    /// How frontiers move.
    pub progress: ProgressMode,
    /// Which trades do what.
    pub conditions: ConditionTable,
    /// Whether indicators are computed.
    pub indicators: bool,
}

/// Settings that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A tick must divide the window.
    #[error("a tick of {0} ms does not divide the window of 5000 ms: use 1000, or another divisor of 5000")]
    Tick(u64),
}

impl Settings {
    /// The defaults, with a table of conditions.
    pub fn new(conditions: ConditionTable) -> Self {
        Self {
            tick_ms: TICK_MS,
            horizon_ms: HORIZON_MS,
            max_ahead_ms: MAX_AHEAD_MS,
            progress: ProgressMode::Promises,
            conditions,
            indicators: true,
        }
    }

    /// Refuses settings that cannot be used.
    pub fn validate(&self) -> Result<(), SettingsError> {
        let window_ms = Resolution::S5.length_ms();
        if self.tick_ms > 0 && window_ms.is_multiple_of(self.tick_ms) {
            Ok(())
        } else {
            Err(SettingsError::Tick(self.tick_ms))
        }
    }

    /// The tick of an event time.
    #[inline]
    pub fn tick(&self, event_ms: u64) -> Time {
        floor_tick(event_ms, self.tick_ms)
    }

    /// A number that differs when rows could: kept with each checkpoint. Stable across builds of one revision.
    pub fn fingerprint(&self) -> u64 {
        let text = format!("{PIPELINE_REVISION} {self:?}");
        xxh3_64(text.as_bytes())
    }
}
