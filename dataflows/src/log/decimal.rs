//! Decimal text to fixed point and back to a double, exactly: no float on the way in, one rounding on the way out.

use ethnum::{I256, U256};

/// Fraction digits of prices.
pub const PRICE_DIGITS: u32 = 18;
/// Fraction digits of volumes.
pub const VOLUME_DIGITS: u32 = 10;
/// A price of 1 in its integer.
pub const PRICE_ONE: i128 = 10_i128.pow(PRICE_DIGITS);
/// A volume of 1 in its integer.
pub const VOLUME_ONE: i128 = 10_i128.pow(VOLUME_DIGITS);
/// A notional of 1 in its integer: an exact product has the digits of both.
pub const NOTIONAL_ONE: i128 = PRICE_ONE * VOLUME_ONE;
/// A recursive average of 1 in its integer.
pub const AVERAGE_ONE: i128 = 10_i128.pow(24);
/// Greatest magnitude of a price: 10^12.
pub const PRICE_MAX: i128 = 1_000_000_000_000 * PRICE_ONE;
/// A price that is rounded keeps at least this magnitude, so at least 6 significant digits.
pub const ROUNDED_PRICE_MIN: i128 = 100_000;
/// Greatest volume of one trade: 10^15.
pub const VOLUME_MAX: i128 = 1_000_000_000_000_000 * VOLUME_ONE;

/// A number read from decimal text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    /// The value, in units of the digits asked for, rounded half to even.
    pub value: i128,
    /// The digits beyond those kept were not all zero.
    pub rounded: bool,
}

/// The reason why a text is not a [`Decimal`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecimalError {
    /// Not a number in JSON's grammar.
    Syntax,
    /// Its magnitude does not fit, or it is not zero and rounds to zero.
    Range,
}

/// Digits that an i128 holds, whatever they are.
const DIGITS_MAX: i64 = 37;

/// Reads a JSON number (RFC 8259, section 6) into fixed point with this number of fraction digits.
///
/// ```
/// use dataflows::log::decimal::parse;
/// assert_eq!(parse(b"7296.89", 10).unwrap().value, 72_968_900_000_000);
/// assert_eq!(parse(b"1.267e-05", 10).unwrap().value, 126_700);
/// assert!(parse(b"1e400", 10).is_err());
/// ```
pub fn parse(text: &[u8], fraction_digits: u32) -> Result<Decimal, DecimalError> {
    let (negative, unsigned) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        _ => (false, text),
    };
    let integer_len = unsigned.iter().take_while(|b| b.is_ascii_digit()).count();
    let (integer, rest) = unsigned.split_at(integer_len);
    if integer.is_empty() || (integer.len() > 1 && integer[0] == b'0') {
        return Err(DecimalError::Syntax);
    }
    let (fraction, rest) = split_fraction(rest)?;
    let exponent = parse_exponent(rest)?;
    let magnitude = scale(integer, fraction, exponent, fraction_digits)?;
    Ok(Decimal { value: if negative { -magnitude.value } else { magnitude.value }, ..magnitude })
}

fn split_fraction(rest: &[u8]) -> Result<(&[u8], &[u8]), DecimalError> {
    let Some((b'.', digits)) = rest.split_first() else { return Ok((&[], rest)) };
    let len = digits.iter().take_while(|b| b.is_ascii_digit()).count();
    if len == 0 { Err(DecimalError::Syntax) } else { Ok(digits.split_at(len)) }
}

/// The exponent, bounded so that arithmetic on it cannot overflow; a text is at most 1 MiB long.
fn parse_exponent(rest: &[u8]) -> Result<i64, DecimalError> {
    let Some((b'e' | b'E', rest)) = rest.split_first() else {
        return if rest.is_empty() { Ok(0) } else { Err(DecimalError::Syntax) };
    };
    let (negative, digits) = match rest.split_first() {
        Some((b'-', digits)) => (true, digits),
        Some((b'+', digits)) => (false, digits),
        _ => (false, rest),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(DecimalError::Syntax);
    }
    let size = digits.iter().fold(0_i64, |n, d| (n * 10 + i64::from(d - b'0')).min(1 << 40));
    Ok(if negative { -size } else { size })
}

/// The digits `integer` `fraction`, with the point after the integer part, moved right by `exponent`, in units
/// of `fraction_digits`.
fn scale(integer: &[u8], fraction: &[u8], exponent: i64, fraction_digits: u32) -> Result<Decimal, DecimalError> {
    let digits = || integer.iter().chain(fraction).map(|d| d - b'0');
    let Some(first) = digits().position(|d| d != 0) else { return Ok(Decimal { value: 0, rounded: false }) };
    // `kept` of the digits are at or before the last place of the fraction that is kept.
    let kept = integer.len() as i64 + exponent + i64::from(fraction_digits);
    if kept - first as i64 > DIGITS_MAX {
        return Err(DecimalError::Range);
    }
    if kept < first as i64 {
        return Err(DecimalError::Range);
    }
    let kept = kept as usize;
    let mut value = 0_i128;
    let mut taken = first;
    for digit in digits().take(kept).skip(first) {
        value = value * 10 + i128::from(digit);
        taken += 1;
    }
    for _ in taken..kept {
        value *= 10;
    }
    let mut dropped = digits().skip(kept);
    let half = dropped.next().unwrap_or(0);
    let rest = dropped.any(|d| d != 0);
    let up = half > 5 || (half == 5 && (rest || value & 1 == 1));
    value += i128::from(up);
    if value == 0 { Err(DecimalError::Range) } else { Ok(Decimal { value, rounded: half != 0 || rest }) }
}

/// `numerator / denominator` as the nearest double (ties to even), for any signs; the denominator is not 0.
///
/// ```
/// assert_eq!(dataflows::log::decimal::ratio_f64(1, 3), 1.0 / 3.0);
/// ```
pub fn ratio_f64(numerator: i128, denominator: i128) -> f64 {
    const EXACT: u128 = 1 << 53;
    let negative = (numerator < 0) != (denominator < 0);
    let (n, d) = (numerator.unsigned_abs(), denominator.unsigned_abs());
    let magnitude = if n < EXACT && d < EXACT {
        // Both are doubles, so one division rounds once.
        n as f64 / d as f64
    } else {
        narrow_ratio(n, d).unwrap_or_else(|| wide_ratio(U256::from(n), U256::from(d)))
    };
    if negative { -magnitude } else { magnitude }
}

/// `numerator / denominator` as the nearest double; the denominator is above 0 and below 2^190.
pub fn wide_ratio_f64(numerator: I256, denominator: I256) -> f64 {
    let magnitude = wide_ratio(numerator.unsigned_abs(), denominator.unsigned_abs());
    if numerator.is_negative() { -magnitude } else { magnitude }
}

/// `notional / volume` as the nearest double; the volume is above 0.
pub fn notional_per_volume_f64(notional: I256, volume: i128) -> f64 {
    wide_ratio_f64(notional, I256::from(volume) * I256::from(PRICE_ONE))
}

/// The exact product of two fixed-point numbers: price x volume, or a square.
#[inline]
pub fn product(a: i128, b: i128) -> I256 {
    match a.checked_mul(b) {
        Some(product) => I256::from(product),
        None => I256::from(a) * I256::from(b),
    }
}

/// The quotient where 128 bits are enough for it: 56 or 57 significant bits, and what is left over as a last bit.
fn narrow_ratio(n: u128, d: u128) -> Option<f64> {
    let shift = 56 + n.leading_zeros() as i32 - d.leading_zeros() as i32;
    if n == 0 || !(0..128).contains(&shift) || d.leading_zeros() < 56 {
        return None;
    }
    let scaled = n << shift;
    let sticky = u128::from(!scaled.is_multiple_of(d));
    Some(libm::scalbn((((scaled / d) << 1) | sticky) as f64, -shift - 1))
}

fn wide_ratio(n: U256, d: U256) -> f64 {
    if n == 0 {
        return 0.0;
    }
    // Shift so that the quotient has 66 or 67 significant bits; what is left over becomes a sticky last bit.
    let shift = 66 + n.leading_zeros() as i32 - d.leading_zeros() as i32;
    let (n, d) = if shift >= 0 { (n << shift as u32, d) } else { (n, d << (-shift) as u32) };
    let quotient = (n / d).as_u128();
    let sticky = u128::from(n % d != 0);
    libm::scalbn((quotient | sticky) as f64, -shift)
}

/// A wide integer as the nearest double.
pub fn wide_f64(value: I256) -> f64 {
    let magnitude = value.unsigned_abs();
    let bits = 256 - magnitude.leading_zeros();
    let shift = bits.saturating_sub(120);
    let top = (magnitude >> shift).as_u128();
    let sticky = u128::from((U256::from(top) << shift) != magnitude);
    let rounded = libm::scalbn((top | sticky) as f64, shift as i32);
    if value.is_negative() { -rounded } else { rounded }
}

/// `numerator / denominator`, rounded half to even; the denominator is above 0.
#[inline]
pub fn div_half_even(numerator: i128, denominator: i128) -> i128 {
    let quotient = numerator.div_euclid(denominator);
    let twice = numerator.rem_euclid(denominator) * 2;
    let up = twice > denominator || (twice == denominator && quotient & 1 == 1);
    quotient + i128::from(up)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<(i128, bool), DecimalError>) {
        assert_eq!(parse(text.as_bytes(), 10).map(|d| (d.value, d.rounded)), expected, "{text}");
    }

    #[test]
    fn reads_json_numbers() {
        check("0", Ok((0, false)));
        check("-0.0e7", Ok((0, false)));
        check("167.4100", Ok((1_674_100_000_000, false)));
        check("-1.5", Ok((-15_000_000_000, false)));
        check("1E3", Ok((10_000_000_000_000, false)));
        check("0.00000000005", Err(DecimalError::Range));
        check("0.00000000015", Ok((2, true)));
        check("0.00000000025", Ok((2, true)));
        check("0.000000000250000001", Ok((3, true)));
        check("0.30000000000000004", Ok((3_000_000_000, true)));
        check("12345678901234567e-17", Ok((1_234_567_890, true)));
        check("1e400", Err(DecimalError::Range));
        check("1e-400", Err(DecimalError::Range));
        check("0e999999999999999999999", Ok((0, false)));
        check("1e99999999999999999999", Err(DecimalError::Range));
        check("999999999999999999999999999", Ok((999_999_999_999_999_999_999_999_999 * VOLUME_ONE, false)));
        check("1000000000000000000000000000", Err(DecimalError::Range));
        for text in ["", "-", "+1", "01", "1.", ".5", "1e", "1e+", "NaN", "Infinity", "0x10", "1 ", "1_000", "--1"] {
            check(text, Err(DecimalError::Syntax));
        }
    }

    #[test]
    fn ratios_round_once() {
        for text in ["7296.89", "0.0000000001", "123456789012.3456789012", "0.1", "999999999999.9999999999"] {
            for digits in [10, 18] {
                let value = parse(text.as_bytes(), digits).map(|d| d.value).unwrap_or_default();
                assert_eq!(Ok(ratio_f64(value, 10_i128.pow(digits))), text.parse(), "{text}");
            }
        }
        assert_eq!(ratio_f64(-(1 << 100), 3), -(2_f64.powi(100) / 3.0));
        let notional = |n: i128| I256::from(n) * I256::from(NOTIONAL_ONE);
        assert_eq!(notional_per_volume_f64(notional(10), 3 * VOLUME_ONE), 10.0 / 3.0);
        assert_eq!(notional_per_volume_f64(notional(-10), 3 * VOLUME_ONE), -10.0 / 3.0);
        assert_eq!(wide_ratio_f64(notional(1 << 90), I256::from(NOTIONAL_ONE)), 2_f64.powi(90));
        assert_eq!(wide_f64(I256::from(-12_345)), -12_345.0);
        assert_eq!(wide_f64(I256::from(1) << 200), 2_f64.powi(200));
    }

    #[test]
    fn halves_go_to_even() {
        assert_eq!([5, 15, 25, -5, -15, 26, 24].map(|n| div_half_even(n, 10)), [0, 2, 2, 0, -2, 3, 2]);
    }
}
