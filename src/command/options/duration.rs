//! Durations on the command line and in settings.

use std::fmt;
use std::str::FromStr;

/// A duration of whole milliseconds, written `250ms`, `30s`, `15m`, `1h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duration(u64);

const UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];

impl Duration {
    /// A duration of that many milliseconds.
    pub const fn from_ms(ms: u64) -> Self {
        Self(ms)
    }

    /// Milliseconds.
    pub const fn ms(self) -> u64 {
        self.0
    }

    /// The same duration as a type of the standard library.
    pub const fn std(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0)
    }
}

impl FromStr for Duration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let invalid = || format!("invalid duration {text:?}: expected e.g. 250ms, 30s, 15m, 1h");
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let unit = UNITS.iter().find(|(name, _)| *name == &text[digits.len()..]).ok_or_else(invalid)?;
        let number: u64 = digits.parse().map_err(|_| invalid())?;
        number.checked_mul(unit.1).map(Self).ok_or_else(invalid)
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = UNITS.iter().rev().find(|(_, ms)| self.0.is_multiple_of(*ms) && self.0 >= *ms);
        let (name, ms) = fits.copied().unwrap_or(UNITS[0]);
        write!(f, "{}{name}", self.0 / ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_duration_round_trip() {
        for text in ["1ms", "250ms", "30s", "90s", "15m", "1h", "0ms"] {
            assert_eq!(text.parse::<Duration>().unwrap().to_string(), text);
        }
        for text in ["", "5", "ms", "-1s", "1.5s", "1d", "99999999999999999999s", "18446744073709551615h"] {
            assert!(text.parse::<Duration>().is_err(), "{text}");
        }
    }
}
