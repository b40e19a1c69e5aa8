//! Simulated market: a pure function from (seed, instrument, second) to trades, emitted in the order of a feed.
//!
//! Its only state are the trades not emitted yet. The trades of a second depend neither on when the market was started
//! nor on the subscriptions; a feed with fewer symbols gets exactly a subset.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::instrument::{Class, Instrument};
use super::price::middle;
use super::rng::{Rng, hash};
use super::trade::{SimTrade, conditions_of};
use super::universe::Universe;

/// Maximum delay from a trade's event time to its emission, in milliseconds.
pub const DELAY_MS_MAX: u64 = 30_000;
/// Delay in milliseconds that only about one trade in 4000 exceeds.
pub const USUAL_DELAY_MS_MAX: u64 = 1_100;

/// Generator of the subscribed instruments' trades, in the order of the feed.
#[derive(Debug)]
pub struct Market {
    seed: u64,
    universe: Arc<Universe>,
    subscribed: BTreeSet<u32>,
    /// The next second to generate.
    second: u64,
    /// Trades that are not emitted yet.
    pending: Vec<SimTrade>,
}

impl Market {
    /// Market without subscriptions, from `start_ms` (Unix milliseconds, rounded up to a second).
    pub fn new(seed: u64, universe: Arc<Universe>, start_ms: u64) -> Self {
        Self { seed, universe, subscribed: BTreeSet::new(), second: start_ms.div_ceil(1_000), pending: Vec::new() }
    }

    /// The instruments.
    pub fn universe(&self) -> &Universe {
        &self.universe
    }

    /// Subscribes to an instrument from the next second on; false if it was subscribed already or the index is invalid.
    pub fn subscribe(&mut self, instrument: usize) -> bool {
        let known = instrument < self.universe.instruments().len();
        known && u32::try_from(instrument).is_ok_and(|index| self.subscribed.insert(index))
    }

    /// Unsubscribes, and discards trades not emitted yet; false if the instrument was not subscribed.
    pub fn unsubscribe(&mut self, instrument: usize) -> bool {
        let Ok(index) = u32::try_from(instrument) else { return false };
        self.pending.retain(|trade| trade.instrument != index);
        self.subscribed.remove(&index)
    }

    /// Replaces `out` by the trades due up to and including `now_ms` that were not emitted before, in the feed's order.
    pub fn advance(&mut self, now_ms: u64, out: &mut Vec<SimTrade>) {
        while self.second <= now_ms / 1_000 {
            let instruments = self.universe.instruments();
            for &index in &self.subscribed {
                if let Some(instrument) = instruments.get(index as usize) {
                    second_of(self.seed, index, instrument, self.second, &mut self.pending);
                }
            }
            self.second += 1;
        }
        out.clear();
        self.pending.retain(|trade| {
            let due = trade.emit_ms <= now_ms;
            if due {
                out.push(*trade);
            }
            !due
        });
        out.sort_unstable();
    }
}

/// Adds the trades of one instrument in one second.
fn second_of(seed: u64, index: u32, instrument: &Instrument, second: u64, out: &mut Vec<SimTrade>) {
    let mut rng = Rng::at(seed, instrument.key, second);
    let orders = orders(seed, instrument, second, &mut rng);
    if orders == 0 {
        return;
    }
    let (left, right) = (middle(seed, instrument, second), middle(seed, instrument, second + 1));
    let mut place = 0;
    for _ in 0..orders {
        let ms = rng.below(1_000);
        let mut price = left + (right - left) * ms as i64 / 1_000 + jitter(instrument, &mut rng);
        let mut emit_ms = second * 1_000 + ms + delay(&mut rng);
        let upward = rng.below(2) == 0;
        for _ in 0..fills(&mut rng) {
            let (size, odd_lot) = size(instrument, &mut rng);
            out.push(SimTrade {
                emit_ms,
                instrument: index,
                place,
                event_ms: second * 1_000 + ms,
                price: price.max(1),
                size,
                conditions: conditions_of(instrument.class, odd_lot, rng.roll()),
            });
            place += 1;
            emit_ms += rng.below(2);
            price += if upward { 1 } else { -1 } * rng.below(2) as i64;
        }
    }
}

/// Orders executed in a second: the usual rate, times random factors of the instrument and of its class.
fn orders(seed: u64, instrument: &Instrument, second: u64, rng: &mut Rng) -> u64 {
    let own = match hash(seed, instrument.key ^ 1, second / 20) % 16 {
        0 => 4_000,
        1..5 => 1_700,
        5..11 => 800,
        _ => 300,
    };
    let whole_class = if hash(seed, instrument.class as u64, second / 15).is_multiple_of(24) { 3_000 } else { 900 };
    let millis = instrument.orders_per_1000_s * own / 1_000 * whole_class / 1_000;
    // Rounded at random, so that quiet instruments keep their rate.
    let quiet = instrument.orders_per_1000_s < 20;
    let millis = if quiet { instrument.orders_per_1000_s } else { millis };
    let orders = millis / 1_000 + u64::from(rng.below(1_000) < millis % 1_000);
    if orders > 2 { orders / 2 + rng.below(orders + 1) } else { orders }
}

/// Fills of an order: mostly one, rarely many.
fn fills(rng: &mut Rng) -> u64 {
    match rng.below(100) {
        0..70 => 1,
        70..97 => 2 + rng.below(3),
        _ => 5 + rng.below(12),
    }
}

/// Distance from the middle price: about the spread of the book.
fn jitter(instrument: &Instrument, rng: &mut Rng) -> i64 {
    let spread = 1 + instrument.price / 40_000;
    rng.below(2 * spread as u64 + 1) as i64 - spread
}

/// Delay of emission. Most trades are prompt, some overtake each other, a few are late.
fn delay(rng: &mut Rng) -> u64 {
    match rng.below(12_000) {
        0..10_800 => 15 + rng.below(100),
        10_800..11_997 => 100 + rng.below(USUAL_DELAY_MS_MAX - 200),
        _ => 2_000 + rng.below(DELAY_MS_MAX - 2_100),
    }
}

/// Size of a fill in the instrument's units, and whether it is an odd lot. Zero is a price update.
fn size(instrument: &Instrument, rng: &mut Rng) -> (i64, bool) {
    let updates_of_1000 = match instrument.class {
        Class::Stock => 2,
        Class::Crypto => 12,
        Class::Forex => 400,
    };
    if rng.below(1_000) < updates_of_1000 {
        return (0, false);
    }
    // Geometric: many small, few very large.
    let doublings = rng.roll().trailing_ones().min(7);
    let usual = instrument.size.max(1) as u64;
    let size = (1 + rng.below(usual)) << doublings;
    if instrument.class == Class::Stock && rng.below(100) < 45 && usual > 10 {
        return (100 * (1 + size as i64 / 200), false);
    }
    (size as i64, instrument.class == Class::Stock && size < 100)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::print::print;

    const START_MS: u64 = 1_704_205_800_000;

    fn trades(seed: u64, symbols: usize, seconds: u64) -> Vec<SimTrade> {
        let mut market = Market::new(seed, Arc::new(Universe::new(symbols)), START_MS);
        (0..symbols).for_each(|index| assert!(market.subscribe(index)));
        let (mut all, mut step) = (Vec::new(), Vec::new());
        for second in 0..seconds {
            market.advance(START_MS + second * 1_000 + 999, &mut step);
            all.extend_from_slice(&step);
        }
        all
    }

    #[test]
    fn seed_and_start_determine_every_byte() {
        let text = |seed| {
            let mut out = Vec::new();
            print(seed, &Arc::new(Universe::new(100)), START_MS, 50_000, &mut out).unwrap();
            out
        };
        let first = text(1);
        assert_eq!(first.iter().filter(|byte| **byte == b'\n').count(), 50_000);
        assert_eq!(first, text(1));
        assert_ne!(first, text(2));
        let hash = first.iter().fold(5381u64, |hash, byte| hash.wrapping_mul(33) ^ u64::from(*byte));
        assert_eq!(hash, 4_768_719_001_632_040_209, "the market changed: recorded output must be updated");
    }

    #[test]
    fn step_length_does_not_change_the_order() {
        let whole = trades(7, 80, 60);
        let mut market = Market::new(7, Arc::new(Universe::new(80)), START_MS);
        (0..80).for_each(|index| assert!(market.subscribe(index)));
        let (mut parts, mut step) = (Vec::new(), Vec::new());
        for now_ms in (START_MS..START_MS + 60_000).step_by(37).chain([START_MS + 59_999]) {
            market.advance(now_ms, &mut step);
            parts.extend_from_slice(&step);
        }
        assert_eq!(parts, whole);
    }

    #[test]
    fn fewer_subscriptions_yield_a_subset() {
        let whole = trades(3, 62, 40);
        let mut market = Market::new(3, Arc::new(Universe::new(62)), START_MS + 10_000);
        assert!(market.subscribe(1) && !market.subscribe(1) && !market.subscribe(62));
        let mut step = Vec::new();
        market.advance(START_MS + 39_999, &mut step);
        let part: Vec<_> =
            whole.iter().filter(|t| t.instrument == 1 && t.event_ms >= START_MS + 10_000).copied().collect();
        assert_eq!(step, part);
        assert!(!step.is_empty());
        assert!(market.unsubscribe(1) && !market.unsubscribe(1));
        market.advance(START_MS + 100_000, &mut step);
        assert!(step.is_empty());
    }

    #[test]
    fn out_of_orderness_is_bounded() {
        let trades = trades(1, 62, 1_200);
        let delays: Vec<u64> = trades.iter().map(|t| t.emit_ms - t.event_ms).collect();
        assert!(delays.iter().all(|delay| *delay <= DELAY_MS_MAX));
        let late = delays.iter().filter(|delay| **delay > USUAL_DELAY_MS_MAX).count();
        assert!(late > 0 && late * 1_000 < delays.len(), "{late} of {}", delays.len());
        let overtaken = trades.windows(2).filter(|pair| pair[1].event_ms < pair[0].event_ms).count();
        assert!(overtaken * 20 > trades.len(), "{overtaken} of {}", trades.len());
    }

    #[test]
    fn prices_sizes_and_activity_are_sensible() {
        let seconds = 1_200;
        let trades = trades(1, 62, seconds);
        let universe = Universe::new(62);
        let mut counts = vec![0u64; 62];
        for trade in &trades {
            counts[trade.instrument as usize] += 1;
            let instrument = &universe.instruments()[trade.instrument as usize];
            let ratio = trade.price as f64 / instrument.price as f64;
            assert!((0.3..3.0).contains(&ratio), "{}: {ratio}", instrument.symbol);
            assert!(trade.size >= 0 && trade.size <= instrument.size * 256 + 100, "{}", instrument.symbol);
        }
        let busiest = counts.iter().max().unwrap();
        assert!(*busiest > 5 * seconds, "some trade many times a second");
        assert!(counts.iter().any(|count| (1..30).contains(count)), "some trade once in minutes");
        let updates = trades.iter().filter(|trade| trade.size == 0).count();
        assert!(updates * 100 > trades.len() && updates * 5 < trades.len(), "{updates} of {}", trades.len());
        for conditions in 0..9 {
            assert!(trades.iter().any(|trade| trade.conditions == conditions), "form {conditions} is missing");
        }
    }

    #[test]
    fn every_line_is_a_valid_trade() {
        let mut out = Vec::new();
        print(1, &Arc::new(Universe::new(2_000)), START_MS, 20_000, &mut out).unwrap();
        let universe = Universe::new(2_000);
        for line in std::str::from_utf8(&out).unwrap().lines() {
            let trade: serde_json::Value = serde_json::from_str(line).unwrap();
            let symbol = trade["s"].as_str().unwrap();
            assert!(universe.find(symbol).is_some(), "{line}");
            assert!(trade["p"].as_f64().unwrap() > 0.0, "{line}");
            assert!(trade["v"].as_f64().unwrap() >= 0.0, "{line}");
            assert!(trade["t"].as_u64().unwrap() >= START_MS, "{line}");
            let codes = &trade["c"];
            assert!(codes.is_null() || codes.as_array().unwrap().iter().all(serde_json::Value::is_string), "{line}");
        }
    }
}
