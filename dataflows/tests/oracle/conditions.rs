//! Trade conditions: a table's schemes by symbol prefix, and what a scheme says of a list of conditions.

/// Permissions of a trade.
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
    /// Everything.
    pub const ALL: Self = Self { last: true, range: true, volume: true };
    /// Volume, and no price.
    pub const VOLUME: Self = Self { last: false, range: false, volume: true };
    /// Prices, and no volume.
    pub const PRICES: Self = Self { last: true, range: true, volume: false };
    /// Nothing.
    pub const NONE: Self = Self { last: false, range: false, volume: false };

    /// What both allow.
    pub fn and(self, other: Self) -> Self {
        Self { last: self.last && other.last, range: self.range && other.range, volume: self.volume && other.volume }
    }

    /// Nothing is left.
    pub fn is_none(self) -> bool {
        self == Self::NONE
    }
}

/// How conditions of some symbols are read.
#[derive(Clone, Debug)]
pub enum Scheme {
    /// Each text is a code.
    Codes(Vec<(String, Flags)>),
    /// The first text is a hexadecimal number; a rule holds when it has a bit of `any` and none of `unless`.
    Bits(Vec<BitRule>),
}

/// One rule about bits.
#[derive(Clone, Debug)]
pub struct BitRule {
    /// One of these is set.
    pub any: u64,
    /// None of these is set.
    pub unless: u64,
    /// What is left to the trade then.
    pub keep: Flags,
}

/// The table: schemes by symbol prefix; the empty one is that of symbols without a colon.
#[derive(Clone)]
pub struct Conditions(pub Vec<(String, Scheme)>);

/// Short: failing cases are printed, and the tables are always the same.
impl std::fmt::Debug for Conditions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Conditions({} schemes)", self.0.len())
    }
}

impl Conditions {
    /// Finnhub's codes for symbols without an exchange in front of a colon.
    pub fn finnhub() -> Self {
        let range_and_volume = Flags { last: false, range: true, volume: true };
        let range_only = Flags { last: false, range: true, volume: false };
        let classes: [(&[u32], Flags); 4] = [
            (&[16, 27, 31, 34, 36, 38, 39, 40], Flags::NONE),
            (&[3, 5, 10, 11, 12, 17, 22, 25, 26, 37], Flags::VOLUME),
            (&[9, 18, 21, 30, 32], range_and_volume),
            (&[20], range_only),
        ];
        let codes = classes.iter().flat_map(|(codes, flags)| codes.iter().map(|code| (code.to_string(), *flags)));
        Self(vec![(String::new(), Scheme::Codes(codes.collect()))])
    }

    /// The same, and for symbols that begin with `prefix` the rule that LEAN's equity bars follow.
    pub fn with_lean_bits(prefix: &str) -> Self {
        let rules = vec![
            // A sweep, and two kinds of block, in the regular session (in which 0x2000 is not set).
            BitRule { any: 0x20 | 0x4_0000 | 0x10_0000, unless: 0x2000, keep: Flags::VOLUME },
            BitRule { any: 0x200 | 0x100_0000 | 0x200_0000 | 0x400_0000, unless: 0, keep: Flags::VOLUME },
            // The official open and close.
            BitRule { any: 0x100_0000 | 0x400_0000, unless: 0, keep: Flags::PRICES },
        ];
        let mut table = Self::finnhub();
        table.0.push((prefix.to_string(), Scheme::Bits(rules)));
        table
    }

    /// Permissions of a trade of this symbol with these conditions, whatever its volume.
    pub fn flags(&self, symbol: &str, conditions: &[String]) -> Flags {
        let fits = |prefix: &str| if prefix.is_empty() { !symbol.contains(':') } else { symbol.starts_with(prefix) };
        let fitting = self.0.iter().filter(|(prefix, _)| fits(prefix));
        match fitting.max_by_key(|(prefix, _)| prefix.len()) {
            None => Flags::ALL,
            Some((_, Scheme::Codes(codes))) => {
                let known = conditions.iter().flat_map(|c| codes.iter().filter(move |(code, _)| code == c));
                known.fold(Flags::ALL, |flags, (_, keep)| flags.and(*keep))
            }
            Some((_, Scheme::Bits(rules))) => {
                let bits = conditions.first().and_then(|text| u64::from_str_radix(text, 16).ok()).unwrap_or(0);
                let holding = rules.iter().filter(|rule| bits & rule.any != 0 && bits & rule.unless == 0);
                holding.fold(Flags::ALL, |flags, rule| flags.and(rule.keep))
            }
        }
    }
}
