//! Made-up feeds of known shapes, the same in every run, as JSON Lines.

use std::io::{self, Write};
use std::sync::Arc;

use clap::ValueEnum;
use simulator::print;
use simulator::universe::Universe;

/// 2024-01-02 14:30 UTC, on a full minute.
const START_MS: u64 = 1_704_205_800_000;
const DENSE_SYMBOLS: u64 = 500;
const DENSE_PER_SECOND: u64 = 20_000;
const WIDE_SYMBOLS: u64 = 30_000;
const SPARSE_PER_SECOND: u64 = 6_000;
/// No trade is late before the feed has gone on for this long.
const LATE_AFTER_MS: u64 = 120_000;

/// The shape of a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Feed {
    /// 500 symbols at random, 20,000 trades a second
    Dense,
    /// The same with 1 % of the trades 5 to 65 s late
    Late,
    /// 30,000 symbols of very different activity, as in a market
    Zipf,
    /// 30,000 symbols in turn, 6,000 trades a second: each trade makes a 5 s candle of its own
    Sparse,
}

impl Feed {
    /// The name that the command line has for it.
    pub fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Writes this many trades, of another number of symbols than its own where one is given.
    pub fn write(self, trades: u64, symbols: Option<u64>, out: &mut dyn Write) -> io::Result<()> {
        let own = if matches!(self, Self::Zipf | Self::Sparse) { WIDE_SYMBOLS } else { DENSE_SYMBOLS };
        let symbols = symbols.unwrap_or(own);
        if self == Self::Zipf {
            return print::print(1, &Arc::new(Universe::new(symbols as usize)), START_MS, trades, out);
        }
        let mut dice = 0x5eed_u64;
        for n in 0..trades {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (symbol, after_ms) = match self {
                Self::Sparse => (n % symbols, n * 1_000 / SPARSE_PER_SECOND),
                _ => ((dice >> 20) % symbols, n * 1_000 / DENSE_PER_SECOND),
            };
            let is_late = self == Self::Late && (dice >> 50).is_multiple_of(100) && after_ms > LATE_AFTER_MS;
            let back_ms = if is_late { 5_000 + (dice >> 8) % 60_000 } else { 0 };
            let (cents, volume, time) = ((dice >> 30) % 100, 1 + (dice >> 40) % 500, START_MS + after_ms - back_ms);
            let whole = 100 + symbol % 400;
            let line = format_args!(
                r#"{{"c":null,"p":{whole}.{cents:02},"s":"BINANCE:SYM{symbol:05}USDT","t":{time},"v":{volume}}}"#
            );
            writeln!(out, "{line}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Symbol and time of each trade.
    fn trades_of(feed: Feed, count: u64, symbols: Option<u64>) -> Vec<(String, u64)> {
        let mut bytes = Vec::new();
        feed.write(count, symbols, &mut bytes).unwrap();
        let value = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
        let trade = |v: serde_json::Value| (v["s"].as_str().unwrap().to_owned(), v["t"].as_u64().unwrap());
        std::str::from_utf8(&bytes).unwrap().lines().map(|line| trade(value(line))).collect()
    }

    fn trades(feed: Feed, count: u64) -> Vec<(String, u64)> {
        trades_of(feed, count, None)
    }

    #[test]
    fn feeds_have_their_shapes() {
        let count_of = |trades: &[(String, u64)]| trades.iter().map(|t| &t.0).collect::<BTreeSet<_>>().len();
        let sparse = trades(Feed::Sparse, 60_000);
        let candles: BTreeSet<_> = sparse.iter().map(|(symbol, time)| (symbol, time / 5_000)).collect();
        assert_eq!((count_of(&sparse), candles.len()), (30_000, 60_000));
        assert_eq!(count_of(&trades_of(Feed::Dense, 1_000, Some(3))), 3);
        assert_eq!(count_of(&trades_of(Feed::Sparse, 1_000, Some(700))), 700);
        let dense = trades(Feed::Dense, 40_000);
        assert_eq!((count_of(&dense), dense[39_999].1 - dense[0].1), (500, 1_999));
        assert!(dense.is_sorted_by_key(|trade| trade.1));
        assert!((10_000..=30_000).contains(&count_of(&trades(Feed::Zipf, 300_000))));
        let late = trades(Feed::Late, 2_600_000);
        let mut newest = 0;
        let of = |(_, time): &(String, u64)| {
            newest = newest.max(*time);
            newest - time
        };
        let behind: Vec<u64> = late.iter().map(of).filter(|behind| *behind > 0).collect();
        assert!((1_500..2_500).contains(&behind.len()), "{} of the 200,000 after two minutes", behind.len());
        assert!(behind.iter().all(|behind| (4_900..65_000).contains(behind)));
    }
}
