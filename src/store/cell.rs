//! One value of a stored row, as a comparison of rows needs it: exact, whatever the store.

use std::fmt;

/// Bytes of a blob that a message shows.
const SHOWN_BYTES: usize = 60;

/// A value of a stored row. Two are equal when they have the same bits.
#[derive(Clone, Debug)]
pub enum Cell {
    /// No value. Tickline writes none.
    Null,
    /// An integer, or a time in Unix milliseconds.
    Int(i64),
    /// A double.
    Double(f64),
    /// A text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl Cell {
    /// The integer; `None` for any other value.
    pub const fn int(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            _ => None,
        }
    }
}

impl PartialEq for Cell {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Int(ours), Self::Int(theirs)) => ours == theirs,
            (Self::Double(ours), Self::Double(theirs)) => ours.to_bits() == theirs.to_bits(),
            (Self::Text(ours), Self::Text(theirs)) => ours == theirs,
            (Self::Blob(ours), Self::Blob(theirs)) => ours == theirs,
            _ => false,
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("nothing"),
            Self::Int(value) => write!(f, "{value}"),
            // The shortest text that reads back as the same bits.
            Self::Double(value) => write!(f, "{value:?}"),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Blob(bytes) => {
                let shown = &bytes[..bytes.len().min(SHOWN_BYTES)];
                let more = if shown.len() < bytes.len() { "..." } else { "" };
                write!(f, "{:?}{more} ({} bytes)", String::from_utf8_lossy(shown), bytes.len())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_equal_by_their_bits() {
        assert_eq!(Cell::Double(0.1), Cell::Double(0.1));
        assert_ne!(Cell::Double(0.1), Cell::Double(0.1_f64.next_up()));
        assert_ne!(Cell::Double(0.0), Cell::Double(-0.0));
        assert_eq!(Cell::Double(f64::NAN), Cell::Double(f64::NAN));
        assert_ne!(Cell::Double(1.0), Cell::Int(1));
        assert_ne!(Cell::Double(0.1).to_string(), Cell::Double(0.1_f64.next_up()).to_string());
    }
}
