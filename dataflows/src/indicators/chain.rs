//! The chain of indicators: from one candle to the next, exact, in integers. `docs/definitions.md`, section 6.
//!
//! A link of the chain needs the values of the previous candle and the candles that leave its windows now; so the
//! whole chain can be restarted at any candle, as a correction does ([`crate::indicators::history`]).

use ethnum::I256;
use serde::{Deserialize, Serialize};

use crate::compact::deque::Record;
use crate::compact::fields::{FieldReader, FieldWriter};
use crate::log::decimal::{AVERAGE_ONE, PRICE_ONE, div_half_even, product, ratio_f64};
use crate::output::row::IndicatorValues;
use crate::progress::time::{DAY_MS, Time};
use crate::state::wide;

/// The longest window, in candles: the number kept before the oldest candle that may still change.
pub const WINDOW_MAX: u64 = 240;

const SMA: [u64; 3] = [12, 60, 240];
const EMA: [i128; 2] = [12, 26];
const SIGNAL: i128 = 9;
const BOLLINGER: u64 = 20;
const ROLLING: u64 = 60;
const RSI: u64 = 14;
/// Log returns are counted in 10^-16.
const RETURN_UNIT: i128 = 10_i128.pow(16);
/// From a price's unit to a recursive average's.
const AVERAGE_PER_PRICE: i128 = AVERAGE_ONE / PRICE_ONE;

/// The chain's input from one candle, and its row's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// Start of its window.
    pub window_start_ms: u64,
    /// Close (10^-18).
    pub close: i128,
    /// Volume (10^-10).
    pub volume: i128,
    /// Notional (10^-28).
    #[serde(with = "wide")]
    pub notional: I256,
    /// Trades.
    pub trades: u64,
    /// Log return from the candle before (10^-16); `None` for the first, and where a close is not above 0.
    pub log_return: Option<i64>,
    /// Time step of the last change of its row.
    pub as_of: Time,
}

impl Record for Point {
    const BYTES: usize = 11 + 8 + 16 + 4 + 6 + 1 + 8;

    #[inline]
    fn window_start_ms(&self) -> u64 {
        self.window_start_ms
    }

    #[inline]
    fn write(&self, fields: &mut FieldWriter<'_>) {
        fields.signed::<11>(self.close);
        fields.signed::<8>(self.volume);
        fields.wide(self.notional);
        fields.unsigned::<4>(self.trades);
        fields.unsigned::<6>(self.as_of);
        fields.unsigned::<1>(self.log_return.is_some().into());
        fields.signed::<8>(self.log_return.unwrap_or(0).into());
    }

    #[inline]
    fn read(window_start_ms: u64, fields: &mut FieldReader<'_>) -> Self {
        let (close, volume) = (fields.signed::<11>(), fields.signed::<8>());
        let notional = I256::from(fields.signed::<16>());
        let (trades, as_of) = (fields.unsigned::<4>(), fields.unsigned::<6>());
        let (has_return, log_return) = (fields.unsigned::<1>() != 0, fields.signed::<8>() as i64);
        let log_return = has_return.then_some(log_return);
        Self { window_start_ms, close, volume, notional, trades, log_return, as_of }
    }
}

/// The values after one candle, and the rest of the next link's input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chain {
    /// The row's values.
    pub values: IndicatorValues,
    close: i128,
    day: u64,
}

impl Chain {
    /// Advances to the next candle, whose log return is set here. `back(n)` is the candle n before it, asked for up to
    /// [`WINDOW_MAX`].
    #[inline]
    pub fn push(&mut self, point: &mut Point, back: impl Fn(usize) -> Point) {
        let is_first = self.values.candles == 0;
        if !is_first {
            point.log_return = log_return(self.close, point.close);
        }
        self.values.candles += 1;
        self.slide(point, back);
        self.average(point, is_first);
        self.accumulate(point);
        self.close = point.close;
    }

    /// Sums over the last n candles: add this one, subtract the one that leaves.
    #[inline]
    fn slide(&mut self, point: &Point, back: impl Fn(usize) -> Point) {
        let v = &mut self.values;
        let leaving = |n: u64| if v.candles > n { Some(back(n as usize)) } else { None };
        let [short, middle, long] = SMA.map(|n| leaving(n).map_or(0, |p| p.close));
        let bollinger = leaving(BOLLINGER).map_or(0, |p| p.close);
        let rolling = leaving(ROLLING).map_or((0, I256::ZERO, None), |p| (p.volume, p.notional, p.log_return));
        for (sum, left) in v.close_sums.iter_mut().zip([short, middle, long]) {
            *sum += point.close - left;
        }
        v.bollinger_sum += point.close - bollinger;
        v.bollinger_sum_sq += product(point.close, point.close) - product(bollinger, bollinger);
        v.volume_60 += point.volume - rolling.0;
        v.notional_60 += point.notional - rolling.1;
        let [new, left] = [point.log_return, rolling.2].map(|r| i128::from(r.unwrap_or(0)));
        v.returns = v.returns + u64::from(point.log_return.is_some()) - u64::from(rolling.2.is_some());
        v.return_sum += new - left;
        v.return_sum_sq += new * new - left * left;
    }

    /// Averages that carry on, rounded half to even at the 24th digit.
    fn average(&mut self, point: &Point, is_first: bool) {
        let v = &mut self.values;
        let close = point.close * AVERAGE_PER_PRICE;
        if is_first {
            v.ema = [close; 2];
            v.macd_signal = 0;
            return;
        }
        for (ema, n) in v.ema.iter_mut().zip(EMA) {
            *ema = div_half_even(2 * close + (n - 1) * *ema, n + 1);
        }
        let macd = v.ema[0] - v.ema[1];
        v.macd_signal = div_half_even(2 * macd + (SIGNAL - 1) * v.macd_signal, SIGNAL + 1);
        let change = (point.close - self.close) * AVERAGE_PER_PRICE;
        let m = i128::from((v.candles - 1).min(RSI));
        v.rsi_gain = div_half_even(change.max(0) + (m - 1) * v.rsi_gain, m);
        v.rsi_loss = div_half_even((-change).max(0) + (m - 1) * v.rsi_loss, m);
    }

    /// Sums since UTC midnight.
    fn accumulate(&mut self, point: &Point) {
        let v = &mut self.values;
        let day = point.window_start_ms / DAY_MS;
        if day != self.day {
            (v.cumulative_volume, v.cumulative_notional, v.cumulative_trades) = (0, I256::ZERO, 0);
            self.day = day;
        }
        v.cumulative_volume += point.volume;
        v.cumulative_notional += point.notional;
        v.cumulative_trades += point.trades;
    }
}

/// ln(close / before) in 10^-16: the quotient rounded once to a double, the logarithm by libm, the same on every
/// platform. Zero and negative prices have no logarithm.
#[inline]
fn log_return(before: i128, close: i128) -> Option<i64> {
    (before > 0 && close > 0).then(|| positive_log_return(before, close))
}

fn positive_log_return(before: i128, close: i128) -> i64 {
    if before == close {
        return 0;
    }
    let change = ratio_f64(close - before, before);
    if change == -1.0 {
        // The rest is lost in the double, whose logarithm would be infinite.
        return -positive_log_return(close, before);
    }
    round_scaled(libm::log1p(change))
}

/// The exact value of a double below 128, times 10^16, rounded half to even. A product of doubles would round twice.
fn round_scaled(value: f64) -> i64 {
    let bits = value.abs().to_bits();
    let (exponent, fraction) = ((bits >> 52) as i32, bits & ((1 << 52) - 1));
    let mantissa = if exponent == 0 { fraction } else { fraction | 1 << 52 };
    // The value is mantissa x 2^-shift; the product takes up to 107 bits.
    let shift = 1075 - exponent.max(1);
    let product = i128::from(mantissa) * RETURN_UNIT;
    let rounded = if shift < 108 { div_half_even(product, 1 << shift) } else { 0 };
    let rounded = rounded as i64;
    if value < 0.0 { -rounded } else { rounded }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_holds_every_field() {
        let point = Point {
            window_start_ms: 5_000,
            close: -(1 << 87),
            volume: i64::MIN.into(),
            notional: I256::from(i128::MIN),
            trades: u32::MAX.into(),
            log_return: Some(i64::MIN),
            as_of: (1 << 48) - 1,
        };
        let again = |point: &Point| {
            let mut bytes = [0; Point::BYTES];
            let mut fields = FieldWriter::new(&mut bytes);
            point.write(&mut fields);
            let fits = fields.fits();
            fits.then(|| Point::read(point.window_start_ms, &mut FieldReader::new(&bytes)))
        };
        let fitting = [point, Point { log_return: None, ..point }, Point { close: (1 << 87) - 1, as_of: 0, ..point }];
        fitting.iter().for_each(|point| assert_eq!(again(point).as_ref(), Some(point)));
        let too_great = [
            Point { close: 1 << 87, ..point },
            Point { volume: i128::from(i64::MAX) + 1, ..point },
            Point { notional: I256::from(i128::MIN) - 1, ..point },
            Point { trades: 1 << 32, ..point },
            Point { as_of: 1 << 48, ..point },
        ];
        too_great.iter().for_each(|point| assert_eq!(again(point), None));
    }

    #[test]
    fn log_returns_are_rounded_once() {
        assert_eq!(log_return(10_i128.pow(22), 986_900_000_000), Some(-230_390_380_479_816_947));
        assert_eq!(log_return(100, 101), Some(99_503_308_531_681));
        // The second quotient rounds to a fall by everything.
        assert_eq!(log_return(1, 10_i128.pow(22)), Some(506_568_720_458_690_080));
        assert_eq!(log_return(10_i128.pow(22), 1), Some(-506_568_720_458_690_080));
        assert_eq!(log_return(1, 10_i128.pow(30)).map(|r| -r), log_return(10_i128.pow(30), 1));
        assert_eq!([(1, 0), (0, 1), (-1, 1), (-1, -1), (0, 0)].map(|(a, b)| log_return(a, b)), [None; 5]);
        assert_eq!((round_scaled(5e-17), round_scaled(1.5e-16), round_scaled(-2.5e-16)), (0, 1, -3));
        assert_eq!((round_scaled(0.0), round_scaled(1e-300), round_scaled(-0.5)), (0, 0, -5_000_000_000_000_000));
    }
}
