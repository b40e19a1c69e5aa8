//! Whether the log still has its beginning, and which rows follow from the rest if it has not.
//!
//! A digest covers all rows from the first record on, and indicators continue from candle to candle, so neither can be
//! compared without the beginning. A candle can, where no missing record could reach its window.

use dataflows::ingress::frontier_scan::FrontierScan;
use dataflows::log::batch::RecordBatch;
use dataflows::log::control::Control;
use dataflows::progress::time::Time;
use dataflows::settings::{ProgressMode, Settings};

use crate::log::{Log, LogError};
use crate::store::{Cell, RowTable};
use crate::time::rfc3339;

/// Bytes read at once.
const READ_BYTES: usize = 1 << 20;
/// Pause while a log is still being fetched.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(1);

/// The beginning of a log.
#[derive(Clone, Debug)]
pub enum Beginning {
    /// The log has it.
    Whole,
    /// Records are missing before these offsets.
    Gone {
        /// Partition and first offset of each partition without its first record.
        first: Vec<(u32, u64)>,
        /// No missing record changed a window that starts at this time or later, nor a record read then.
        comparable_from: Time,
    },
    /// Records are missing before these offsets, and a checkpoint of the store has what they led to.
    Anchored {
        /// Partition and first offset of each partition without its first record.
        first: Vec<(u32, u64)>,
        /// Frontier of the checkpoint.
        from: Time,
    },
}

impl Beginning {
    /// Determines which rows a log without its first records decides, for a store that was made while it had them. An
    /// error where nothing can be compared without them, as with digests alone.
    pub fn of(
        log: &dyn Log,
        first: Vec<(u32, u64)>,
        settings: &Settings,
        with_rows: bool,
        frontier: Time,
    ) -> Result<Self, LogError> {
        let Some(&(partition, offset)) = first.first() else { return Ok(Self::Whole) };
        let lost = |partition, first, cause: &str| Err(Self::lost(log, (partition, first), cause)?);
        if !with_rows {
            let cause = "digests cover the whole log, so no frontier can be compared: `verify --rows` compares the \
                         rows that follow from the rest; or verify with a copy of the log";
            return lost(partition, offset, cause);
        }
        if settings.progress != ProgressMode::Records {
            let cause = "without progress records nothing says which rows the missing records changed: verify with a \
                         copy of the log";
            return lost(partition, offset, cause);
        }
        let mut progress_max = 0;
        for &(partition, offset) in &first {
            let Some(progress) = first_progress(log, partition, offset)? else {
                return lost(partition, offset, "no progress record follows, so no row can be compared");
            };
            progress_max = progress_max.max(progress);
        }
        let reach_ms = settings.max_ahead_trade_ms.max(settings.allowed_lateness_ms);
        let comparable_from = settings.step(progress_max + reach_ms) + settings.step_ms;
        if comparable_from >= frontier {
            let cause = "the missing records may have changed every row up to the published frontier: verify with a \
                         copy of the log";
            return lost(partition, offset, cause);
        }
        Ok(Self::Gone { first, comparable_from })
    }

    /// The error that records before the first offset of a partition are needed, and gone.
    pub fn lost(log: &dyn Log, (partition, first): (u32, u64), cause: &str) -> Result<LogError, LogError> {
        let (path, end) = (log.name(), log.end_offset(partition)?);
        Ok(LogError::OffsetLost { path, partition, wanted: 0, first, end, cause: cause.to_owned() })
    }

    /// Whether a row follows from the records that the log has.
    pub fn decides(&self, table: RowTable, row: &[Cell]) -> bool {
        let (time, from) = match (self, table) {
            (Self::Whole, _) => return true,
            // The time of the last change, by which it is known whether the replay has made it.
            (Self::Anchored { from, .. }, _) => (row.last(), from),
            (Self::Gone { comparable_from, .. }, RowTable::Candles(_)) => {
                (row.get(table.key().len() - 1), comparable_from)
            }
            (Self::Gone { comparable_from, .. }, RowTable::Rejected | RowTable::Gaps) => (row.last(), comparable_from),
            (Self::Gone { comparable_from, .. }, RowTable::Indicators) => (None, comparable_from),
        };
        time.and_then(Cell::int).and_then(|time| u64::try_from(time).ok()).is_some_and(|time| time >= *from)
    }

    /// The time from which on there is anything to compare; `None` for the log's beginning.
    pub const fn from(&self) -> Option<Time> {
        match self {
            Self::Whole => None,
            Self::Gone { comparable_from: from, .. } | Self::Anchored { from, .. } => Some(*from),
        }
    }

    /// Whether nothing is missing.
    pub const fn is_whole(&self) -> bool {
        matches!(self, Self::Whole)
    }

    /// Partition and first offset of each partition whose first record is gone.
    pub fn gone(offsets: &[u64]) -> Vec<(u32, u64)> {
        (0..).zip(offsets.iter().copied()).filter(|(_, offset)| *offset > 0).collect()
    }

    /// What cannot be compared; `None` if everything can.
    pub fn missing(&self) -> Option<String> {
        match self {
            Self::Whole => None,
            Self::Gone { first, comparable_from } => Some(format!(
                "the log no longer has its beginning ({}): no frontier and no row of indicators was compared, and of \
                 the other tables only what no missing record could change, from {} on",
                starts(first),
                rfc3339(*comparable_from)
            )),
            Self::Anchored { first, from } => Some(format!(
                "the log no longer has its beginning ({}): compared from the checkpoint of {} on; what is before it \
                 was not compared",
                starts(first),
                rfc3339(*from)
            )),
        }
    }
}

/// Where partitions of a log begin, for people.
fn starts(first: &[(u32, u64)]) -> String {
    let one = |(partition, offset): &(u32, u64)| format!("partition {partition} starts at offset {offset}");
    first.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// The time of the first progress record at or after an offset: the partition's frontier was not beyond it before.
fn first_progress(log: &dyn Log, partition: u32, offset: u64) -> Result<Option<u64>, LogError> {
    let (mut reader, end) = (log.reader(partition, offset)?, log.end_offset(partition)?);
    let (mut scan, mut batch) = (FrontierScan::default(), RecordBatch::default());
    while reader.position() < end {
        reader.read(&mut batch, READ_BYTES)?;
        if batch.records.is_empty() {
            std::thread::sleep(PAUSE);
        }
        for span in &batch.records {
            let mut found = None;
            scan.read(span, batch.record(span), |control| {
                if let Control::Progress { event_ms, .. } = control {
                    found = Some(*event_ms);
                }
            });
            if found.is_some() {
                return Ok(found);
            }
        }
    }
    Ok(None)
}
