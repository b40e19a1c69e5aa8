//! Trades as JSON Lines: test data of any size from a seed.

use std::io::{self, Write};
use std::sync::Arc;

use super::market::Market;
use super::universe::Universe;

/// Writes `count` trades in the feed's order, one per line, from `start_ms` on. The same arguments give the same bytes.
pub fn print(seed: u64, universe: &Arc<Universe>, start_ms: u64, count: u64, out: &mut dyn Write) -> io::Result<()> {
    let all = universe.instruments().len();
    if all == 0 {
        return Ok(());
    }
    let mut market = Market::new(seed, Arc::clone(universe), start_ms);
    for instrument in 0..all {
        market.subscribe(instrument);
    }
    let mut left = count;
    let mut now_ms = start_ms.next_multiple_of(1_000);
    let (mut trades, mut text) = (Vec::new(), Vec::new());
    while left > 0 {
        now_ms += 1_000;
        // Up to the last millisecond of the second, so that each step generates one second.
        market.advance(now_ms - 1, &mut trades);
        text.clear();
        for trade in trades.iter().take(usize::try_from(left).unwrap_or(usize::MAX)) {
            if let Some(instrument) = universe.instruments().get(trade.instrument as usize) {
                trade.write_json(instrument, &mut text);
                text.push(b'\n');
            }
        }
        left = left.saturating_sub(trades.len() as u64);
        out.write_all(&text)?;
    }
    out.flush()
}
