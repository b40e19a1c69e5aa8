//! The tables of rows that follow from the log alone, with key and columns, the same in every store.

use dataflows::progress::time::Resolution;

use super::table::{self, CANDLE_VALUES, GAP_VALUES, REJECTED_VALUES};

/// A table of rows that follow from the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowTable {
    /// Candles of one resolution.
    Candles(Resolution),
    /// Indicators.
    Indicators,
    /// Rejected records.
    Rejected,
    /// Gaps.
    Gaps,
}

impl RowTable {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Candles(Resolution::S5),
        Self::Candles(Resolution::M1),
        Self::Candles(Resolution::M5),
        Self::Candles(Resolution::H1),
        Self::Candles(Resolution::D1),
        Self::Indicators,
        Self::Rejected,
        Self::Gaps,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Candles(resolution) => table::candles(resolution),
            Self::Indicators => "indicators_5s",
            Self::Rejected => "rejected",
            Self::Gaps => "gaps",
        }
    }

    /// Columns of the key, as SQLite has it.
    pub const fn key(self) -> &'static [&'static str] {
        match self {
            Self::Candles(_) | Self::Indicators => &["symbol", "bucket", "window_start"],
            Self::Rejected => &["log_partition", "log_offset", "item"],
            Self::Gaps => &["bucket", "gap_start", "log_partition", "log_offset"],
        }
    }

    /// All columns that follow from the log: the key, then the values, of which `as_of` is the last.
    pub fn columns(self) -> Vec<String> {
        let values = match self {
            Self::Candles(_) => CANDLE_VALUES.to_owned(),
            Self::Indicators => table::indicator_values(),
            Self::Rejected => REJECTED_VALUES.to_owned(),
            Self::Gaps => GAP_VALUES.to_owned(),
        };
        self.key().iter().copied().chain(values.split(", ")).map(str::to_owned).collect()
    }

    /// Length of its windows in milliseconds; `None` for a table without windows.
    pub const fn window_ms(self) -> Option<u64> {
        match self {
            Self::Candles(resolution) => Some(resolution.length_ms()),
            Self::Indicators => Some(Resolution::S5.length_ms()),
            Self::Rejected | Self::Gaps => None,
        }
    }
}
