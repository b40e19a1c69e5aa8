//! Candles by a plain scan of a file of trades.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::value::RawValue;

use super::folder::{Bar, unpack};

/// A line as it stands in the file.
#[derive(serde::Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    p: &'a RawValue,
    #[serde(borrow)]
    v: &'a RawValue,
    s: String,
    t: u64,
    c: Option<Vec<String>>,
}

/// A trade in exact units of 10^-10.
#[derive(Debug)]
pub struct Trade {
    pub symbol: String,
    pub event_ms: u64,
    pub price: i128,
    pub volume: i128,
    /// May set prices.
    pub prices: bool,
    /// Adds volume.
    pub counts: bool,
}

/// Meaning of the conditions in a file.
#[derive(Clone, Copy, Debug)]
pub enum Rule {
    /// Nothing.
    None,
    /// The bits of LEAN's equity files.
    Lean,
}

/// Reads the trades of a file in its order.
pub fn trades(folder: &Path, name: &str, rule: Rule) -> Vec<Trade> {
    unpack(&folder.join(format!("{name}.trades.jsonl.gz"))).lines().map(|line| trade(line, rule)).collect()
}

fn trade(line: &str, rule: Rule) -> Trade {
    let line: Line<'_> = serde_json::from_str(line).unwrap();
    // The hexadecimal number in the first condition, 0 where there is none.
    let first = line.c.as_ref().and_then(|c| c.first());
    let bits = first.and_then(|text| u64::from_str_radix(text, 16).ok()).unwrap_or(0);
    let volume = units(line.v.get());
    let (prices, counts) = match rule {
        Rule::None => (true, true),
        Rule::Lean => lean(bits),
    };
    let price = units(line.p.get());
    Trade { symbol: line.s, event_ms: line.t, price, volume, prices, counts: counts && volume > 0 }
}

/// Whether a trade of LEAN's equity files sets prices, and whether it adds volume.
fn lean(bits: u64) -> (bool, bool) {
    let regular_session = bits & 0x2000 == 0;
    // An intermarket sweep, and two kinds of block.
    let not_in_regular = bits & (0x20 | 0x4_0000 | 0x10_0000) != 0;
    let official_open_or_close = bits & (0x100_0000 | 0x400_0000) != 0;
    let never = bits & (0x200 | 0x200_0000) != 0 || official_open_or_close;
    (!(never || regular_session && not_in_regular), !official_open_or_close)
}

/// Decimal text (at most ten fraction digits that count) in units of 10^-10.
fn units(text: &str) -> i128 {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = fraction.trim_end_matches('0');
    let exponent = exponent.parse::<i32>().unwrap() + 10 - fraction.len() as i32;
    assert!(exponent >= 0 && !mantissa.starts_with('-'), "{text} is not of the simple kind");
    format!("{whole}{fraction}").parse::<i128>().unwrap() * 10_i128.pow(exponent.unsigned_abs())
}

/// The double nearest to a count of 10^-digits: as the standard library reads its decimal text.
pub fn double(count: i128, digits: u32) -> f64 {
    format!("{count}e-{digits}").parse().unwrap()
}

/// The symbols in the trades, ascending.
pub fn symbols(trades: &[Trade]) -> Vec<String> {
    let mut symbols: Vec<String> = trades.iter().map(|t| t.symbol.clone()).collect();
    symbols.sort_unstable();
    symbols.dedup();
    symbols
}

/// The trades of each window of one symbol, in order of time, equal times in order of the file.
pub fn windows<'a>(trades: &'a [Trade], symbol: &str, seconds: u64) -> BTreeMap<u64, Vec<&'a Trade>> {
    let mut windows: BTreeMap<u64, Vec<&Trade>> = BTreeMap::new();
    for trade in trades.iter().filter(|t| t.symbol == symbol) {
        windows.entry(trade.event_ms - trade.event_ms % (seconds * 1_000)).or_default().push(trade);
    }
    for trades in windows.values_mut() {
        trades.sort_by_key(|t| t.event_ms);
    }
    windows
}

/// The candles of one symbol.
pub fn candles(trades: &[Trade], symbol: &str, seconds: u64) -> Vec<Bar> {
    let bar = |(start_ms, trades): (u64, Vec<&Trade>)| {
        let counted: Vec<&&Trade> = trades.iter().filter(|t| t.counts).collect();
        let some = || trades.iter().filter(|t| t.prices || t.counts);
        let mut prices: Vec<i128> = trades.iter().filter(|t| t.prices).map(|t| t.price).collect();
        if prices.is_empty() {
            prices = some().map(|t| t.price).collect();
        }
        (!prices.is_empty()).then(|| Bar {
            start_ms,
            open: double(prices[0], 10),
            high: double(*prices.iter().max().unwrap(), 10),
            low: double(*prices.iter().min().unwrap(), 10),
            close: double(prices[prices.len() - 1], 10),
            volume: double(counted.iter().map(|t| t.volume).sum(), 10),
            notional: double(counted.iter().map(|t| t.price * t.volume).sum(), 20),
            trades: counted.len() as u64,
        })
    };
    windows(trades, symbol, seconds).into_iter().filter_map(bar).collect()
}
