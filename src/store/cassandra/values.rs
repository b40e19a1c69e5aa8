//! Conversion of column values. There is no null.

use dataflows::progress::time::DAY_MS;
use scylla::cluster::metadata::ColumnType;
use scylla::serialize::SerializationError;
use scylla::serialize::value::SerializeValue;
use scylla::serialize::writers::{CellWriter, WrittenCellProof};
use scylla::value::{CqlDate, CqlTimestamp};

/// A value, by the type of its column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// `text`
    Text(&'a str),
    /// `double`
    Double(f64),
    /// `bigint`
    Bigint(i64),
    /// `timestamp`, in milliseconds
    Timestamp(u64),
    /// `timestamp`, in milliseconds, as a record says: it may be before 1970
    AnyTimestamp(i64),
    /// `date`, as the milliseconds of its first moment
    Date(u64),
    /// `blob`
    Blob(&'a [u8]),
}

impl SerializeValue for Value<'_> {
    fn serialize<'b>(
        &self,
        kind: &ColumnType,
        writer: CellWriter<'b>,
    ) -> Result<WrittenCellProof<'b>, SerializationError> {
        match *self {
            Self::Text(text) => text.serialize(kind, writer),
            Self::Double(value) => value.serialize(kind, writer),
            Self::Bigint(value) => value.serialize(kind, writer),
            Self::Timestamp(ms) => timestamp(ms).serialize(kind, writer),
            Self::AnyTimestamp(ms) => CqlTimestamp(ms).serialize(kind, writer),
            Self::Date(ms) => date(ms).serialize(kind, writer),
            Self::Blob(bytes) => bytes.serialize(kind, writer),
        }
    }
}

/// A `bigint`. Times, offsets and counts are far below its maximum; the end of a range may be above, and is clamped.
pub fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A time in milliseconds as a `timestamp`.
pub fn timestamp(ms: u64) -> CqlTimestamp {
    CqlTimestamp(int(ms))
}

/// The day of a time in milliseconds as a `date`.
pub fn date(ms: u64) -> CqlDate {
    // Days are counted from 2^31.
    CqlDate((1_u32 << 31).saturating_add(u32::try_from(ms / DAY_MS).unwrap_or(u32::MAX)))
}
