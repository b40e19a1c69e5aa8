//! Candles from a plain scan of a file of trades, as `docs/definitions.md` defines them, without the program's code.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

/// The resolutions by name, with their length in milliseconds.
pub const RESOLUTIONS: [(&str, u64); 5] =
    [("5s", 5_000), ("1m", 60_000), ("5m", 300_000), ("1h", 3_600_000), ("1d", 86_400_000)];

/// Finnhub's condition codes for volume only; simulated trades use no other codes that matter.
const VOLUME_ONLY: [&str; 10] = ["3", "5", "10", "11", "12", "17", "22", "25", "26", "37"];

/// A candle: open, high, low, close, volume, notional, vwap; trades.
pub type Bar = ([f64; 7], u64);

#[derive(serde::Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    p: &'a RawValue,
    #[serde(borrow)]
    v: &'a RawValue,
    s: String,
    t: u64,
    #[serde(default)]
    c: Value,
}

/// A trade in units of 10^-10.
#[derive(Debug)]
struct Trade {
    event_ms: u64,
    price: u128,
    volume: u128,
    prices: bool,
}

/// Trades by symbol, in the order of the file.
pub struct Trades(BTreeMap<String, Vec<Trade>>);

impl Trades {
    pub fn read(text: &str) -> Self {
        let mut all: BTreeMap<String, Vec<Trade>> = BTreeMap::new();
        for line in text.lines() {
            let line: Line<'_> = serde_json::from_str(line).unwrap();
            let codes = line.c.as_array().cloned().unwrap_or_default();
            let prices = !codes.iter().any(|code| VOLUME_ONLY.contains(&code.as_str().unwrap()));
            let (price, volume) = (units(line.p.get()), units(line.v.get()));
            all.entry(line.s).or_default().push(Trade { event_ms: line.t, price, volume, prices });
        }
        Self(all)
    }

    /// All symbols, ascending.
    pub fn symbols(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    /// The candles of one symbol by window start.
    pub fn candles(&self, symbol: &str, length_ms: u64) -> BTreeMap<u64, Bar> {
        let mut windows: BTreeMap<u64, Vec<&Trade>> = BTreeMap::new();
        for trade in &self.0[symbol] {
            windows.entry(trade.event_ms / length_ms * length_ms).or_default().push(trade);
        }
        windows.into_iter().filter_map(|(start, trades)| Some((start, bar(trades)?))).collect()
    }
}

fn bar(mut trades: Vec<&Trade>) -> Option<Bar> {
    trades.sort_by_key(|trade| trade.event_ms);
    let count = trades.iter().filter(|trade| trade.volume > 0).count() as u64;
    let volume: u128 = trades.iter().map(|trade| trade.volume).sum();
    let notional: u128 = trades.iter().map(|trade| trade.price * trade.volume).sum();
    // A volume-only price update has no effect; the others may set prices.
    trades.retain(|trade| trade.prices || trade.volume > 0);
    if trades.iter().any(|trade| trade.prices) {
        trades.retain(|trade| trade.prices);
    }
    let prices: Vec<u128> = trades.iter().map(|trade| trade.price).collect();
    let units = |count: u128| double(&count.to_string(), -10);
    let (open, close) = (*prices.first()?, *prices.last()?);
    let (high, low) = (*prices.iter().max()?, *prices.iter().min()?);
    let [open, high, low, close] = [open, high, low, close].map(units);
    let notional_double = double(&notional.to_string(), -20);
    let bar = [open, high, low, close, units(volume), notional_double, 0.0];
    let vwap = if volume > 0 { quotient(notional, volume) } else { close };
    Some(([bar[0], bar[1], bar[2], bar[3], bar[4], bar[5], vwap], count))
}

/// The double nearest to digits x 10^exponent, as the standard library reads it.
fn double(digits: &str, exponent: i32) -> f64 {
    format!("{digits}e{exponent}").parse().unwrap()
}

/// Notional (10^-20) divided by volume (10^-10): long division to forty digits, and one more for the remainder.
fn quotient(notional: u128, volume: u128) -> f64 {
    let mut digits = (notional / volume).to_string();
    let mut rest = notional % volume;
    for _ in 0..40 {
        rest *= 10;
        digits += &(rest / volume).to_string();
        rest %= volume;
    }
    digits += if rest == 0 { "0" } else { "1" };
    double(&digits, -10 - 41)
}

/// Decimal text in units of 10^-10.
fn units(text: &str) -> u128 {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: u128 = format!("{whole}{fraction}").parse().unwrap();
    let exponent = exponent.parse::<i32>().unwrap() + 10 - fraction.len() as i32;
    let scale = 10_u128.pow(exponent.unsigned_abs());
    assert!(exponent >= 0 || digits.is_multiple_of(scale), "{text} has more than ten fraction digits");
    if exponent >= 0 { digits * scale } else { digits / scale }
}
