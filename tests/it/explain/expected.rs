//! The row of a window, and the versions it has had, from the trades that count in it: docs/definitions.md, section 5,
//! with all trades at hand.

use std::collections::BTreeSet;

use super::world::{Fate, Written};

/// A row: open, high, low, close, volume, notional, vwap, trades, as_of.
pub type Row = ([f64; 7], u64, u64);

/// The time step at which a trade counts.
fn counts_at(trade: &Written) -> Option<u64> {
    match trade.fate {
        Fate::Counts { at, .. } => Some(at),
        Fate::Out { .. } => None,
    }
}

/// The versions of the row of these trades, all of one window and counting; the last one is the row.
pub fn versions(trades: &[&Written]) -> Vec<Row> {
    let steps: BTreeSet<u64> = trades.iter().filter_map(|trade| counts_at(trade)).collect();
    let mut versions: Vec<Row> = Vec::new();
    for step in steps {
        let by_then: Vec<&Written> =
            trades.iter().copied().filter(|trade| counts_at(trade).is_some_and(|at| at <= step)).collect();
        let (values, count) = values(&by_then);
        if versions.last().is_none_or(|last| (last.0, last.1) != (values, count)) {
            versions.push((values, count, step));
        }
    }
    versions
}

fn values(trades: &[&Written]) -> ([f64; 7], u64) {
    let price = |trade: &Written| trade.quarters as f64 / 4.0;
    let mut all = trades.to_vec();
    all.sort_by_key(|trade| (trade.event_ms, trade.partition, trade.offset, trade.index));
    let of = |may: fn(&Written) -> bool| all.iter().copied().filter(|trade| may(trade)).collect::<Vec<_>>();
    let (last, range, volume) = (of(|trade| trade.sets.0), of(|trade| trade.sets.1), of(|trade| trade.sets.2));
    let ranged = if range.is_empty() { &all } else { &range };
    let ends = if last.is_empty() { ranged } else { &last };
    let prices = ranged.iter().map(|trade| price(trade));
    let (high, low) = (prices.clone().fold(f64::MIN, f64::max), prices.fold(f64::MAX, f64::min));
    let (open, close) = (price(ends[0]), price(ends[ends.len() - 1]));
    let sum: u64 = volume.iter().map(|trade| trade.volume).sum();
    let quarters: i64 = volume.iter().map(|trade| trade.quarters * trade.volume as i64).sum();
    let notional = quarters as f64 / 4.0;
    let vwap = if sum > 0 { notional / sum as f64 } else { close };
    ([open, high, low, close, sum as f64, notional, vwap], volume.len() as u64)
}
