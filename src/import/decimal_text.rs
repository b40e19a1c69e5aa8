//! Decimal numbers as text: taken over digit by digit, never by way of a float.

use std::borrow::Cow;

use dataflows::log::decimal::{DecimalError, parse};

/// The number in JSON's grammar, with the same digits: `.5`, `+5`, `5.` and `05` are numbers elsewhere. `None` if it is
/// not a number.
pub fn json_number(text: &str) -> Option<Cow<'_, str>> {
    let text = text.trim();
    let known = |number: &str| !matches!(parse(number.as_bytes(), 0), Err(DecimalError::Syntax));
    if known(text) {
        return Some(Cow::Borrowed(text));
    }
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let end = unsigned.find(['.', 'e', 'E']).unwrap_or(unsigned.len());
    let (integer, rest) = unsigned.split_at(end);
    // Without its zeros, "0-5" would be a number.
    let is_whole = integer.bytes().all(|byte| byte.is_ascii_digit());
    let integer = integer.trim_start_matches('0');
    let integer = if integer.is_empty() { "0" } else { integer };
    let rest = if rest == "." { "" } else { rest };
    let number = format!("{sign}{integer}{rest}");
    // A sign, a point or an exponent alone is not a number.
    let has_digits = unsigned.trim_start_matches('.').starts_with(|c: char| c.is_ascii_digit());
    (has_digits && is_whole && known(&number)).then_some(Cow::Owned(number))
}

/// The number divided by 10^`places`, exactly.
pub fn shifted(number: &str, places: usize) -> String {
    let (sign, unsigned) = number.strip_prefix('-').map_or(("", number), |rest| ("-", rest));
    let (mantissa, exponent) = unsigned.split_at(unsigned.find(['e', 'E']).unwrap_or(unsigned.len()));
    let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let padded = format!("{integer:0>width$}", width = places + 1);
    let (whole, moved) = padded.split_at(padded.len() - places);
    format!("{sign}{whole}.{moved}{fraction}{exponent}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_spellings_become_json() {
        for (text, expected) in [
            ("0.1234", "0.1234"),
            (" 5 ", "5"),
            (".5", "0.5"),
            ("-.5", "-0.5"),
            ("+7.10", "7.10"),
            ("007", "7"),
            ("00", "0"),
            ("5.", "5"),
            ("1e-7", "1e-7"),
            ("1E5", "1E5"),
            ("0.12369999999999999", "0.12369999999999999"),
        ] {
            assert_eq!(json_number(text).as_deref(), Some(expected));
        }
        for text in ["", "-", ".", "+", "1,5", "NaN", "1_0", "0x1", "--1", "e5", "1 2", "0-5", "00-0", "+-5"] {
            assert_eq!(json_number(text), None, "{text}");
        }
    }

    #[test]
    fn shifting_moves_the_point() {
        for (text, places, expected) in [
            ("1682500", 4, "168.2500"),
            ("5", 4, "0.0005"),
            ("-12", 1, "-1.2"),
            ("79000000000", 9, "79.000000000"),
            ("1682500e2", 4, "168.2500e2"),
            ("-5E-1", 1, "-0.5E-1"),
        ] {
            assert_eq!(shifted(text, places), expected);
        }
    }
}
