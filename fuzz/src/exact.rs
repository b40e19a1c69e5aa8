//! Decimal numbers in digits, without any arithmetic of the product's: what a text has to be as fixed point.

/// A number in fixed point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fixed {
    pub value: i128,
    pub rounded: bool,
}

/// Digits that are read into fixed point at most. More are out of any range.
const DIGITS_MAX: i64 = 37;

/// A number in JSON's grammar with this number of fraction digits, rounded half to even. `None` if it is too large, or
/// not zero and rounds to zero.
pub fn fixed(number: &str, places: i64) -> Option<Fixed> {
    let (is_negative, unsigned) = number.strip_prefix('-').map_or((false, number), |rest| (true, rest));
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{integer}{fraction}");
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return Some(Fixed { value: 0, rounded: false });
    }
    let is_small = exponent.starts_with('-');
    let exponent: i64 = exponent.parse().unwrap_or(if is_small { -(1 << 40) } else { 1 << 40 });
    // The number of digits that are before the last place kept; digits are added or dropped.
    let kept = digits.len() as i64 + exponent.clamp(-(1 << 40), 1 << 40) - fraction.len() as i64 + places;
    if !(0..=DIGITS_MAX).contains(&kept) {
        return None;
    }
    let padded = format!("{digits:0<width$}", width = kept as usize);
    let (whole, dropped) = padded.split_at(kept as usize);
    let dropped = dropped.trim_end_matches('0');
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let is_half = dropped == "5";
    let is_more = !is_half && dropped.as_bytes().first().is_some_and(|digit| *digit >= b'5');
    let value = whole + i128::from(is_more || is_half && whole % 2 == 1);
    (value != 0).then_some(Fixed { value: if is_negative { -value } else { value }, rounded: !dropped.is_empty() })
}
