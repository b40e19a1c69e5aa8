//! Trade conditions as data: which trades may set open and close, high and low, and add volume.
//!
//! The format is explained in `conditions.toml`, which is also the built-in table. `docs/definitions.md`, section 4.

use serde::{Deserialize, Serialize};

use crate::toml_error;

/// The built-in table.
pub const BUILT_IN: &str = include_str!("conditions.toml");

/// Effects of a trade on its candle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags {
    /// May set open and close.
    pub last: bool,
    /// May set high and low.
    pub range: bool,
    /// Adds volume, notional and count.
    pub volume: bool,
}

impl Flags {
    /// All three.
    pub const ALL: Self = Self { last: true, range: true, volume: true };

    /// Whether no flag is set: the trade has no effect.
    #[inline]
    pub fn is_none(self) -> bool {
        !(self.last || self.range || self.volume)
    }

    fn and(self, other: Self) -> Self {
        Self { last: self.last && other.last, range: self.range && other.range, volume: self.volume && other.volume }
    }
}

/// An invalid table.
#[derive(Debug, thiserror::Error)]
pub enum ConditionsError {
    /// Not TOML, or not of the table's shape.
    #[error("cannot parse the conditions table: {0}")]
    Shape(String),
    /// No scheme applies to every symbol.
    #[error(
        "the conditions table has no default scheme: add one with prefix = \"\", which applies to all other symbols"
    )]
    NoDefault,
    /// A rule forbids high and low, and allows open and close.
    #[error(
        "in the conditions table, the scheme with prefix {0:?} has a rule that clears \"range\" and not \"last\": \
         clear \"last\" too, so that open and close never lie outside low and high"
    )]
    LastWithoutRange(String),
}

/// A validated table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConditionTable {
    scheme: Vec<Scheme>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Scheme {
    prefix: String,
    /// Only symbols without an exchange in front of a colon.
    #[serde(default)]
    unprefixed: bool,
    #[serde(flatten)]
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Kind {
    Codes(Codes),
    Bits { rule: Vec<BitRule> },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Codes {
    #[serde(default)]
    none: Vec<String>,
    #[serde(default)]
    volume: Vec<String>,
    #[serde(default)]
    range_volume: Vec<String>,
    #[serde(default)]
    range: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct BitRule {
    any: u64,
    #[serde(default)]
    unless: u64,
    clears: Vec<Flag>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Flag {
    Last,
    Range,
    Volume,
}

impl ConditionTable {
    /// Parses a table.
    pub fn from_toml(text: &str) -> Result<Self, ConditionsError> {
        let table: Self =
            toml::from_str(text).map_err(|error| ConditionsError::Shape(toml_error::describe(text, &error)))?;
        if !table.scheme.iter().any(|s| s.prefix.is_empty() && !s.unprefixed) {
            return Err(ConditionsError::NoDefault);
        }
        match table.scheme.iter().find(|s| s.kind.leaves_last_without_range()) {
            Some(scheme) => Err(ConditionsError::LastWithoutRange(scheme.prefix.clone())),
            None => Ok(table),
        }
    }

    /// A table in which conditions have no effect.
    pub fn neutral() -> Self {
        let none = Codes { none: vec![], volume: vec![], range_volume: vec![], range: vec![] };
        Self { scheme: vec![Scheme { prefix: String::new(), unprefixed: false, kind: Kind::Codes(none) }] }
    }

    /// The number of a symbol's scheme: the one with the longest matching prefix, of two the one for unprefixed
    /// symbols.
    pub fn scheme_of(&self, symbol: &str) -> u32 {
        let is_unprefixed = !symbol.contains(':');
        let fits = |s: &Scheme| symbol.starts_with(&s.prefix) && (is_unprefixed || !s.unprefixed);
        let fitting = self.scheme.iter().enumerate().filter(|(_, s)| fits(s));
        fitting.max_by_key(|(_, s)| (s.prefix.len(), s.unprefixed)).map_or(0, |(at, _)| at as u32)
    }

    /// Flags of a trade with these conditions.
    pub fn flags(&self, scheme: u32, conditions: &[impl AsRef<str>]) -> Flags {
        match &self.scheme[scheme as usize].kind {
            Kind::Codes(codes) => {
                conditions.iter().fold(Flags::ALL, |flags, code| flags.and(codes.flags(code.as_ref())))
            }
            Kind::Bits { rule } => conditions.first().map_or(Flags::ALL, |bits| bit_flags(rule, bits.as_ref())),
        }
    }
}

impl Kind {
    fn leaves_last_without_range(&self) -> bool {
        let leaves = |rule: &BitRule| rule.clears.contains(&Flag::Range) && !rule.clears.contains(&Flag::Last);
        matches!(self, Self::Bits { rule } if rule.iter().any(leaves))
    }
}

impl Codes {
    fn flags(&self, code: &str) -> Flags {
        let is_in = |list: &[String]| list.iter().any(|c| c == code);
        let (last, range, volume) = if is_in(&self.none) {
            (false, false, false)
        } else if is_in(&self.volume) {
            (false, false, true)
        } else if is_in(&self.range_volume) {
            (false, true, true)
        } else if is_in(&self.range) {
            (false, true, false)
        } else {
            (true, true, true)
        };
        Flags { last, range, volume }
    }
}

/// A text that is not a hexadecimal number has no effect, like an unknown code.
fn bit_flags(rules: &[BitRule], bits: &str) -> Flags {
    let bits = u64::from_str_radix(bits, 16).unwrap_or(0);
    let cleared = |flag| rules.iter().any(|r| bits & r.any != 0 && bits & r.unless == 0 && r.clears.contains(&flag));
    Flags { last: !cleared(Flag::Last), range: !cleared(Flag::Range), volume: !cleared(Flag::Volume) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_join_by_and() {
        let table = ConditionTable::from_toml(BUILT_IN).unwrap();
        let flags = |codes: &[&str]| {
            let f = table.flags(table.scheme_of("AAPL"), codes);
            (f.last, f.range, f.volume)
        };
        assert_eq!(flags(&[]), (true, true, true));
        assert_eq!(flags(&["1", "zzz"]), (true, true, true));
        assert_eq!(flags(&["1", "12"]), (false, false, true));
        assert_eq!(flags(&["20", "9"]), (false, true, false));
        assert_eq!(flags(&["16"]), (false, false, false));
    }

    #[test]
    fn longest_prefix_applies_and_bits_clear() {
        let text = format!(
            "{BUILT_IN}\n[[scheme]]\nprefix = \"US:\"\nkind = \"bits\"\n\
             [[scheme.rule]]\nany = 0x20\nunless = 0x2000\nclears = [\"last\", \"range\"]\n\
             [[scheme.rule]]\nany = 0x5000000\nclears = [\"volume\"]\n"
        );
        let table = ConditionTable::from_toml(&text).unwrap();
        assert_ne!(table.scheme_of("US:SPY"), table.scheme_of("AAPL"));
        let flags = |bits| table.flags(table.scheme_of("US:SPY"), &[bits]);
        assert_eq!(flags("2020"), Flags::ALL);
        assert_eq!(flags("20"), Flags { last: false, range: false, volume: true });
        assert_eq!(flags("4000000"), Flags { last: true, range: true, volume: false });
        assert!(matches!(ConditionTable::from_toml("scheme = []"), Err(ConditionsError::NoDefault)));
        assert!(matches!(ConditionTable::from_toml("x"), Err(ConditionsError::Shape(_))));
        let bad = text.replace("clears = [\"last\", \"range\"]", "clears = [\"range\"]");
        assert!(matches!(ConditionTable::from_toml(&bad), Err(ConditionsError::LastWithoutRange(of)) if of == "US:"));
    }

    #[test]
    fn built_in_codes_are_for_us_stocks() {
        let table = ConditionTable::from_toml(BUILT_IN).unwrap();
        let flags = |symbol| table.flags(table.scheme_of(symbol), &["12"]);
        assert!(!flags("AAPL").last && !flags("BRK.B").last);
        assert_eq!((flags("BINANCE:BTCUSDT"), flags("OANDA:EUR_USD")), (Flags::ALL, Flags::ALL));
    }
}
