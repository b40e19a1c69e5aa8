//! Settings that affect results.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::log::conditions::ConditionTable;
use crate::progress::time::{
    ALLOWED_LATENESS_MS, MAX_AHEAD_MS, MAX_AHEAD_TRADE_MS, Resolution, STEP_MS, Time, floor_step,
};

/// Revision of the rules that make rows: raised with every change of what a row holds. A store has rows of one
/// revision. At most 999.
pub const PIPELINE_REVISION: u64 = 4;

/// Default number of symbols of one partition. Finnhub has about 30,000 US stocks; each symbol costs some kilobytes.
pub const SYMBOLS_MAX: u64 = 100_000;

/// Source of a partition's progress.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProgressMode {
    /// By the progress records of its sources.
    #[default]
    Records,
    /// By a separate progress log: for logs without progress records.
    ProgressLog,
    /// By the newest trade, less a bound on out-of-orderness: for one finished log without progress records.
    BoundedOutOfOrderness {
        /// Max out-of-orderness: distance of the frontier behind the newest trade, in milliseconds.
        max_out_of_orderness_ms: u64,
    },
}

/// Settings that affect results. Two runs agree when log and settings agree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Grain of dataflow time in milliseconds; a divisor of the 5 s window.
    pub step_ms: u64,
    /// Allowed lateness: how late a trade may be and still correct its candle, in milliseconds.
    pub allowed_lateness_ms: u64,
    /// Progress further ahead than this of everything known leaps, and has to be confirmed, in milliseconds.
    pub max_ahead_ms: u64,
    /// Trades further ahead of the frontier than this are rejected, in milliseconds.
    pub max_ahead_trade_ms: u64,
    /// Symbols of one partition, at most.
    pub symbols_max: u64,
    /// Source of progress.
    pub progress: ProgressMode,
    /// Trade conditions.
    pub conditions: ConditionTable,
    /// Whether indicators are computed.
    pub indicators: bool,
    /// Whether a trade with the id of an earlier one is a second delivery of it, and has no effect.
    pub dedup: bool,
}

/// Invalid settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The time step does not divide the window.
    #[error("invalid time step {0} ms: expected a divisor of the 5000 ms window, e.g. 1000")]
    Step(u64),
}

impl Settings {
    /// The defaults with this table of conditions.
    pub fn new(conditions: ConditionTable) -> Self {
        Self {
            step_ms: STEP_MS,
            allowed_lateness_ms: ALLOWED_LATENESS_MS,
            max_ahead_ms: MAX_AHEAD_MS,
            max_ahead_trade_ms: MAX_AHEAD_TRADE_MS,
            symbols_max: SYMBOLS_MAX,
            progress: ProgressMode::Records,
            conditions,
            indicators: true,
            dedup: false,
        }
    }

    /// Checks the settings.
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

    /// Every setting by the name of its option, as text, so that a difference can be named.
    pub fn named(&self) -> Vec<(&'static str, String)> {
        let Self { step_ms, allowed_lateness_ms, max_ahead_ms, max_ahead_trade_ms, symbols_max, .. } = self;
        let ms = |ms: &u64| format!("{ms} ms");
        let progress = match &self.progress {
            ProgressMode::Records => "records of the log".to_owned(),
            ProgressMode::ProgressLog => "a progress log".to_owned(),
            ProgressMode::BoundedOutOfOrderness { max_out_of_orderness_ms } => {
                format!("{max_out_of_orderness_ms} ms behind the newest trade")
            }
        };
        vec![
            ("step", ms(step_ms)),
            ("allowed-lateness", ms(allowed_lateness_ms)),
            ("max-ahead", ms(max_ahead_ms)),
            ("max-ahead-trade", ms(max_ahead_trade_ms)),
            ("symbols-max", symbols_max.to_string()),
            ("progress", progress),
            ("conditions", format!("table {:016x}", xxh3_64(format!("{:?}", self.conditions).as_bytes()))),
            ("indicators", self.indicators.to_string()),
            ("dedup", self.dedup.to_string()),
        ]
    }

    /// Fingerprint of everything that affects rows, kept with each checkpoint. Stable across builds of one revision.
    pub fn fingerprint(&self) -> u64 {
        let text = format!("{PIPELINE_REVISION} {self:?}");
        xxh3_64(text.as_bytes())
    }
}
