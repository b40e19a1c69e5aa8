//! Reasons to reject a record, or a trade in it. `docs/definitions.md`, section 2.

use serde::{Deserialize, Serialize};

/// Maximum length of a decoded record, in bytes.
pub const RECORD_BYTES_MAX: usize = 1 << 20;
/// Maximum kept length of a rejected record, in bytes.
pub const ORIGINAL_BYTES_MAX: usize = 64 << 10;

/// Rows of rejected parts of one record, at most; one more says how many parts were rejected.
pub const REJECTED_ROWS_MAX: u64 = 256;

/// Reject reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Reason {
    /// The record is longer than [`RECORD_BYTES_MAX`].
    TooLarge,
    /// Not JSON, or not shaped like a record.
    BadJson,
    /// A control record with a field missing or of the wrong type, or whose source is not a name.
    BadControl,
    /// An object whose `type` is unknown.
    UnknownType,
    /// A trade without `s`, `p`, `t` or `v`.
    MissingField,
    /// The symbol is not a string, empty, too long, or holds a hidden character.
    BadSymbol,
    /// The price is not a number.
    BadPrice,
    /// The volume is not a number.
    BadVolume,
    /// The event time is not an integer.
    BadTime,
    /// The conditions are not a list of strings.
    BadConditions,
    /// A number out of range.
    OutOfRange,
    /// Late by more than the allowed lateness.
    BeyondAllowedLateness,
    /// Further ahead of the partition's frontier than the limit.
    TooFarAhead,
    /// A record of a topic that has no value.
    Tombstone,
    /// The record begins with the header of a schema registry.
    SchemaBytes,
    /// More parts of the record were rejected than have rows: not a rejection, but what says so.
    MoreRejected,
    /// Of a symbol that is new to a partition with as many as it may have.
    TooManySymbols,
}

impl Reason {
    /// All reasons, in the order of their numbers.
    pub const ALL: [Self; 17] = [
        Self::TooLarge,
        Self::BadJson,
        Self::BadControl,
        Self::UnknownType,
        Self::MissingField,
        Self::BadSymbol,
        Self::BadPrice,
        Self::BadVolume,
        Self::BadTime,
        Self::BadConditions,
        Self::OutOfRange,
        Self::BeyondAllowedLateness,
        Self::TooFarAhead,
        Self::Tombstone,
        Self::SchemaBytes,
        Self::MoreRejected,
        Self::TooManySymbols,
    ];

    /// The name in rows, counters and documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::BadJson => "bad_json",
            Self::BadControl => "bad_control",
            Self::UnknownType => "unknown_type",
            Self::MissingField => "missing_field",
            Self::BadSymbol => "bad_symbol",
            Self::BadPrice => "bad_price",
            Self::BadVolume => "bad_volume",
            Self::BadTime => "bad_time",
            Self::BadConditions => "bad_conditions",
            Self::OutOfRange => "out_of_range",
            Self::BeyondAllowedLateness => "beyond_allowed_lateness",
            Self::TooFarAhead => "too_far_ahead",
            Self::Tombstone => "tombstone",
            Self::SchemaBytes => "schema_bytes",
            Self::MoreRejected => "more_rejected",
            Self::TooManySymbols => "too_many_symbols",
        }
    }

    /// The reason of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_distinct() {
        for (at, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, at);
            assert_eq!(Reason::from_name(reason.name()), Some(reason));
        }
    }
}
