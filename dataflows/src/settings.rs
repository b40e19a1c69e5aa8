//! Everything beside the log that decides a row.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::log::conditions::ConditionTable;
use crate::progress::time::{ALLOWED_LATENESS_MS, MAX_AHEAD_MS, Resolution, STEP_MS, Time, floor_step};

/// Goes up when the code's meaning changes, so that reprocessed rows win over old ones. At most 999.
pub const PIPELINE_REVISION: u64 = 0;

/// How a partition's frontier moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProgressMode {
    /// By the progress records of its sources.
    Records,
    /// By the newest trade, less a bound on out-of-orderness: for logs that hold no progress records.
    BoundedOutOfOrderness {
        /// So far behind the newest trade a trade is still on time, in milliseconds.
        max_out_of_orderness_ms: u64,
    },
}

/// What decides a row, beside the log. Two runs agree when log and settings agree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Grain of dataflow time in milliseconds; a divisor of the 5 s window.
    pub step_ms: u64,
    /// So far behind its partition's frontier a trade still corrects its candle, in milliseconds.
    pub allowed_lateness_ms: u64,
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
    /// A time step must divide the window.
    #[error("a time step of {0} ms does not divide the window of 5000 ms: use 1000, or another divisor of 5000")]
    Step(u64),
}

impl Settings {
    /// The defaults, with a table of conditions.
    pub fn new(conditions: ConditionTable) -> Self {
        Self {
            step_ms: STEP_MS,
            allowed_lateness_ms: ALLOWED_LATENESS_MS,
            max_ahead_ms: MAX_AHEAD_MS,
            progress: ProgressMode::Records,
            conditions,
            indicators: true,
        }
    }

    /// Refuses settings that cannot be used.
    pub fn validate(&self) -> Result<(), SettingsError> {
        let window_ms = Resolution::S5.length_ms();
        if self.step_ms > 0 && window_ms.is_multiple_of(self.step_ms) {
            Ok(())
        } else {
            Err(SettingsError::Step(self.step_ms))
        }
    }

    /// The time step of an event time.
    #[inline]
    pub fn step(&self, event_ms: u64) -> Time {
        floor_step(event_ms, self.step_ms)
    }

    /// A number that differs when rows could: kept with each checkpoint. Stable across builds of one revision.
    pub fn fingerprint(&self) -> u64 {
        let text = format!("{PIPELINE_REVISION} {self:?}");
        xxh3_64(text.as_bytes())
    }
}
