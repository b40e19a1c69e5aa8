//! Price path with random access: the price at any second, computed without the seconds before it.
//!
//! A sum of straight-line noises, each with twice the period of the one before and √2 times its size, moves over every
//! span about as a random walk does, from seconds to weeks. Some lattice points lie far out, which makes calm and wild
//! stretches of every length. All in integers, so that every platform sees the same price.

use super::instrument::Instrument;
use super::rng::hash;

/// Periods from 4 seconds to about 12 days.
const OCTAVES: u32 = 19;
/// Deviations are counted in billionths of the base price.
const BILLION: i64 = 1_000_000_000;
/// Minimum deviation, so that prices stay positive.
const DEVIATION_MIN: i64 = -900_000_000;

/// The middle price at the start of `second` (Unix time), in the instrument's price units.
pub fn middle(seed: u64, instrument: &Instrument, second: u64) -> i64 {
    let mut deviation = 0i64;
    for octave in 0..OCTAVES {
        let period = 4u64 << octave;
        let (cell, within) = (second / period, (second % period) as i64);
        let left = lattice(seed, instrument.path_key, octave, cell);
        let right = lattice(seed, instrument.path_key, octave, cell + 1);
        let noise = left + (right - left) * within / period as i64;
        deviation += amplitude(instrument.day_move_bp, period) * noise / 1_000;
    }
    let price = i128::from(instrument.price) * i128::from(BILLION + deviation.max(DEVIATION_MIN)) / i128::from(BILLION);
    (price as i64).max(1)
}

/// Size of the noise with this period, in billionths: the day's move scaled by the root of time.
fn amplitude(day_move_bp: u64, period_s: u64) -> i64 {
    let root_millionths = (period_s * 1_000_000_000_000 / 86_400).isqrt();
    // bp * 100_000 is billionths; 45 % of it, since neighbouring octaves add up.
    (day_move_bp * 45 * root_millionths / 1_000) as i64
}

/// A number in thousandths, mostly within ±1000; one in 16 lies up to three times as far.
fn lattice(seed: u64, key: u64, octave: u32, cell: u64) -> i64 {
    let chance = hash(seed, key, (u64::from(octave) << 48) ^ cell);
    let value = (chance % 2_001) as i64 - 1_000;
    if (chance >> 32).is_multiple_of(16) { 3 * value } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::universe::Universe;

    #[test]
    fn exchanges_agree_on_a_pairs_price() {
        let universe = Universe::new(Universe::NAMED);
        let at = |symbol: &str, second| {
            let instrument = &universe.instruments()[universe.find(symbol).unwrap()];
            middle(1, instrument, second) as f64 / 10f64.powi(i32::from(instrument.price_decimals))
        };
        for second in (1_704_205_800..1_706_205_800).step_by(10_007) {
            let ratio = at("BINANCE:BTCUSDT", second) / at("KRAKEN:XBTUSD", second);
            assert!((0.999..1.001).contains(&ratio), "{ratio} at {second}");
        }
        let other = at("BINANCE:BTCUSDT", 1_704_205_800) / at("BINANCE:BTCUSDT", 1_706_205_800);
        assert!(!(0.9999..1.0001).contains(&other), "prices move");
    }

    #[test]
    fn prices_do_not_jump_between_seconds() {
        for instrument in Universe::new(Universe::NAMED).instruments() {
            let prices: Vec<i64> = (1_704_205_800..1_704_206_800).map(|second| middle(1, instrument, second)).collect();
            for pair in prices.windows(2) {
                assert!((pair[1] - pair[0]).abs() <= 1 + instrument.price / 200, "{}", instrument.symbol);
            }
        }
    }
}
