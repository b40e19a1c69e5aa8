//! An explanation, as the API returns it in JSON: times in milliseconds since 1970, prices and volumes as doubles.

use std::collections::BTreeMap;

use dataflows::progress::time::Time;
use serde::Serialize;

use crate::store::StoredCandle;

/// Reason of a trade whose time step is not complete yet.
pub const NOT_COUNTED_YET: &str = "not_counted_yet";
/// Reason of a trade that its conditions exclude.
pub const EXCLUDED: &str = "excluded";
/// Reason of a second delivery of a trade.
pub const DUPLICATE: &str = "duplicate";

/// Explanation of a window.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// The symbol.
    pub symbol: String,
    /// Name of the resolution.
    pub resolution: &'static str,
    /// Start of the window.
    pub window_start_ms: u64,
    /// End of the window (exclusive).
    pub window_end_ms: u64,
    /// The published frontier: everything is as of it.
    pub frontier_ms: Time,
    /// Whether the frontier has reached the end of the window. If not, the row is not complete and may change.
    pub complete: bool,
    /// From this frontier on no trade can change the row.
    pub final_from_ms: Time,
    /// Whether the frontier has reached it.
    pub is_final: bool,
    /// What was read of the log.
    pub scan: Scan,
    /// The trades that made the row.
    pub accepted: Accepted,
    /// The trades of the window that did not.
    pub left_out: LeftOut,
    /// The values that the row has had.
    pub versions: Versions,
    /// How the stored row compares with the one that the log leads to.
    pub verdict: Verdict,
    /// Names of the columns that differ.
    pub differences: Vec<&'static str>,
    /// The row that the log leads to.
    pub computed: Option<StoredCandle>,
    /// The row of the store.
    pub stored: Option<StoredCandle>,
}

impl Explanation {
    /// Whether neither log nor store has anything of the window.
    pub const fn is_empty(&self) -> bool {
        self.accepted.total == 0 && self.left_out.total == 0 && self.stored.is_none()
    }

    /// How the stored row differs from the one that the log leads to, if it does.
    pub fn mismatch(&self) -> Option<String> {
        match self.verdict {
            Verdict::Differs => Some(format!("{} differ", self.differences.join(", "))),
            Verdict::Missing => Some("it is missing in the store".to_owned()),
            Verdict::Unexpected => Some("the log does not lead to it".to_owned()),
            Verdict::Equal | Verdict::Expired | Verdict::ChangedSince | Verdict::NoRow => None,
        }
    }
}

/// The part of the log that was read. Every record of it that belongs to the window is listed or counted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scan {
    /// The checkpoint that it begins from: what was decided before its frontier is not listed. `None` where it begins
    /// with the log.
    pub from_ms: Option<Time>,
    /// The time that the frontier of every partition has reached.
    pub to_ms: Time,
    /// Offsets, by partition.
    pub partitions: Vec<ScannedPartition>,
    /// Rejected records, and elements of frames, that name no symbol, or a symbol that was asked for and no time: they
    /// may have been meant for any window.
    pub unreadable: u64,
    /// Trades that have no time yet, because they wait for others that confirm them.
    pub undecided: u64,
}

/// What was read of a partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ScannedPartition {
    /// The partition.
    pub partition: u32,
    /// The first offset that was read. A checkpoint also holds accepted trades before it.
    pub from_offset: u64,
    /// One past the last.
    pub to_offset: u64,
}

/// Trades that made a row.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Accepted {
    /// How many there are, price updates included.
    pub total: u64,
    /// How many of them were late.
    pub late: u64,
    /// The first of them, in the order in which they counted: by time step, and in it by event time, partition, offset
    /// and index.
    pub listed: Vec<AcceptedTrade>,
}

/// A trade that is part of a row.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AcceptedTrade {
    /// Its number in the order in which they counted, from 1.
    pub number: u64,
    /// Where it is in the log.
    #[serde(flatten)]
    pub place: LogPlace,
    /// Its own time.
    pub event_ms: u64,
    /// Its price.
    pub price: f64,
    /// Its volume.
    pub volume: f64,
    /// Codes of its conditions.
    pub conditions: Vec<String>,
    /// What they let it set: `last` (open and close), `range` (high and low), `volume`.
    pub sets: Vec<&'static str>,
    /// The time step at which it counted.
    pub counted_at_ms: Time,
    /// Whether its own time step was complete by then.
    pub late: bool,
}

/// Where a part of a record is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct LogPlace {
    /// The partition.
    pub partition: u32,
    /// Offset of the record.
    pub offset: u64,
    /// Index in the record.
    pub index: u32,
}

/// Trades of a window that are not part of its row.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct LeftOut {
    /// How many there are.
    pub total: u64,
    /// How many of each reason.
    pub by_reason: BTreeMap<&'static str, u64>,
    /// The first of them, in the order in which it was decided.
    pub listed: Vec<LeftOutTrade>,
}

/// A trade that was left out. What cannot be read of it is null.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LeftOutTrade {
    /// Where it is in the log.
    #[serde(flatten)]
    pub place: LogPlace,
    /// Its own time.
    pub event_ms: u64,
    /// Its price.
    pub price: Option<f64>,
    /// Its volume.
    pub volume: Option<f64>,
    /// Codes of its conditions.
    pub conditions: Vec<String>,
    /// The reason: [`EXCLUDED`], [`DUPLICATE`], [`NOT_COUNTED_YET`], or that of a rejected record.
    pub reason: &'static str,
    /// The time step at which that was decided.
    pub decided_at_ms: Time,
}

/// The versions of a row.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Versions {
    /// How many there are.
    pub total: u64,
    /// The first of them, and the last.
    pub listed: Vec<Version>,
}

/// A version of a row: its values as of a time step, and the trades of that step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Version {
    /// Number of the version, from 1.
    pub version: u64,
    /// Number of the first trade that made it.
    pub first_trade: u64,
    /// Number of the last one.
    pub last_trade: u64,
    /// The row; its `as_of` is the time step.
    #[serde(flatten)]
    pub row: StoredCandle,
}

/// How a stored row compares with the one that the log leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// All values are equal, bit by bit.
    Equal,
    /// Values differ.
    Differs,
    /// The store does not have the row.
    Missing,
    /// The store has a row, and the log leads to none.
    Unexpected,
    /// The store may have removed the row after the table's time to live.
    Expired,
    /// The live pipeline has changed the row after the frontier was read: nothing to compare it with.
    ChangedSince,
    /// Neither the log nor the store has a row.
    NoRow,
}
