//! Numbers: decimal text to an exact rational, rationals to integers and doubles, each rounding written out.

use ethnum::I256;
use num_bigint::{BigInt, Sign};
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};

/// A decimal text as a count of units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fixed {
    /// It has a value; `rounded` when digits were lost.
    Value { value: i128, rounded: bool },
    /// Too great for anything, or not zero and rounds to zero.
    OutOfRange,
}

/// 10^power.
pub fn ten_to(power: i64) -> BigRational {
    let magnitude = BigRational::from_integer(BigInt::from(10).pow(power.unsigned_abs().try_into().unwrap()));
    if power < 0 { magnitude.recip() } else { magnitude }
}

/// Reads a JSON number into units of 10^-`digits`, rounded half to even.
pub fn fixed(text: &str, digits: i64) -> Fixed {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<BigInt>().unwrap()),
        None => (text, BigInt::zero()),
    };
    let negative = mantissa.starts_with('-');
    let (integer, fraction) = mantissa.trim_start_matches('-').split_once('.').unwrap_or((mantissa, ""));
    let integer = integer.trim_start_matches('-');
    let written = format!("{integer}{fraction}");
    let significant = written.trim_start_matches('0');
    if significant.is_empty() {
        return Fixed::Value { value: 0, rounded: false };
    }
    // The power of ten of the first digit that is not 0: far outside, the number need not be written out.
    let power = BigInt::from(significant.len()) - 1 - BigInt::from(fraction.len()) + &exponent;
    if power > BigInt::from(18) || power < BigInt::from(-20) {
        return Fixed::OutOfRange;
    }
    let scale = exponent.to_i64().unwrap() - fraction.len() as i64;
    let magnitude = BigRational::from_integer(significant.parse().unwrap()) * ten_to(scale);
    let exact = (if negative { -magnitude } else { magnitude }) * ten_to(digits);
    let value = half_even(&exact);
    if value.is_zero() {
        return Fixed::OutOfRange;
    }
    let rounded = BigRational::from_integer(value.clone()) != exact;
    Fixed::Value { value: value.to_i128().unwrap(), rounded }
}

/// The nearest integer; of two equally near the even one.
pub fn half_even(value: &BigRational) -> BigInt {
    let below = value.floor().to_integer();
    let above: BigInt = &below + 1;
    let half = BigRational::new(BigInt::one(), BigInt::from(2));
    let rest = value - BigRational::from_integer(below.clone());
    let is_even = (&below % BigInt::from(2)).is_zero();
    if rest < half || (rest == half && is_even) { below } else { above }
}

/// `numerator / denominator` rounded half to even.
pub fn divide(numerator: i128, denominator: i128) -> i128 {
    half_even(&ratio(numerator, denominator)).to_i128().unwrap()
}

/// An exact quotient.
pub fn ratio(numerator: i128, denominator: i128) -> BigRational {
    BigRational::new(BigInt::from(numerator), BigInt::from(denominator))
}

/// The nearest double (ties to even) of a number far from the ends of the range of doubles.
pub fn nearest_double(value: &BigRational) -> f64 {
    if value.is_zero() {
        return 0.0;
    }
    let magnitude = value.abs();
    // Multiply by a power of two until the whole part has 53 binary digits.
    let bits = |q: &BigRational| q.to_integer().bits();
    let mut shift = 53 - (magnitude.numer().bits() as i64 - magnitude.denom().bits() as i64);
    while bits(&(&magnitude * two_to(shift))) > 53 {
        shift -= 1;
    }
    while bits(&(&magnitude * two_to(shift))) < 53 {
        shift += 1;
    }
    let whole = half_even(&(&magnitude * two_to(shift))).to_u64().unwrap();
    // At most 2^53, so a double; the powers of two in question are doubles too, and the product is exact.
    let double = whole as f64 * 2_f64.powi(i32::try_from(-shift).unwrap());
    if value.is_negative() { -double } else { double }
}

/// 2^power.
pub fn two_to(power: i64) -> BigRational {
    let magnitude = BigRational::from_integer(BigInt::one() << power.unsigned_abs());
    if power < 0 { magnitude.recip() } else { magnitude }
}

/// The exact value of a double.
pub fn exactly(double: f64) -> BigRational {
    BigRational::from_float(double).expect("a finite double")
}

/// The same integer in the type of the rows.
pub fn wide(value: &BigInt) -> I256 {
    let fill = if value.sign() == Sign::Minus { 0xff } else { 0 };
    let mut bytes = [fill; 32];
    let digits = value.to_signed_bytes_le();
    bytes[..digits.len()].copy_from_slice(&digits);
    I256::from_le_bytes(bytes)
}
