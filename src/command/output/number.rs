//! Numbers as text for people: the same rules as on the page (`src/dashboard/page/number.js`), by the same examples
//! (`tests/page/numbers.json`). A digit is left out only where there is no room for it, and then a `~` says so.

/// Sign before a number of which digits were left out.
const ROUNDED: &str = "~";

/// The shortest decimal digits that read back as the same double: `digits` with a point after the first, times
/// 10^`exponent`.
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i32,
}

impl Decimal {
    /// `None` for what is not a finite number.
    fn of(value: f64) -> Option<Self> {
        let text = format!("{:e}", value.abs());
        let (mantissa, exponent) = text.split_once('e')?;
        let digits = mantissa.replace('.', "");
        Some(Self { negative: value < 0.0, digits, exponent: exponent.parse().ok()? })
    }

    /// Rounded to this number of digits, half away from zero. The text of digits is rounded, not the double, so that
    /// the page rounds the same.
    fn rounded(&self, digits: usize) -> Self {
        let Self { negative, exponent, .. } = *self;
        let zero = || Self { negative: false, digits: "0".to_owned(), exponent: 0 };
        let (kept, rest) = self.digits.split_at(digits.min(self.digits.len()));
        let up = rest.as_bytes().first().is_some_and(|digit| *digit >= b'5');
        let number = kept.parse::<u64>().unwrap_or(0) + u64::from(up);
        if number == 0 {
            return zero();
        }
        let text = number.to_string();
        // 99.6 has one digit more before the point when it is rounded to 100.
        let exponent = exponent + (text.len() - kept.len()) as i32;
        let text = text.trim_end_matches('0');
        Self { negative, digits: text.to_owned(), exponent }
    }

    fn sign(&self) -> &'static str {
        if self.negative { "-" } else { "" }
    }

    fn plain(&self) -> String {
        let (sign, digits) = (self.sign(), &self.digits);
        let Ok(whole) = usize::try_from(self.exponent) else {
            let zeros = "0".repeat(self.exponent.unsigned_abs() as usize - 1);
            return format!("{sign}0.{zeros}{digits}");
        };
        if digits.len() <= whole + 1 {
            return format!("{sign}{digits}{}", "0".repeat(whole + 1 - digits.len()));
        }
        format!("{sign}{}.{}", &digits[..=whole], &digits[whole + 1..])
    }

    fn scientific(&self) -> String {
        let (first, rest) = self.digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        format!("{}{first}{point}{rest}e{}", self.sign(), self.exponent)
    }

    /// The most digits that fit: without an exponent if that shows as many. `mark` is put before a rounded one.
    fn fitted(&self, columns: usize, mark: &str) -> String {
        let fits = |text: &String, mark: &str| mark.len() + text.len() <= columns;
        if let Some(text) = [self.plain(), self.scientific()].into_iter().find(|text| fits(text, "")) {
            return text;
        }
        let rounded = (1..self.digits.len()).rev().map(|digits| self.rounded(digits));
        let mut texts = rounded.flat_map(|decimal| [decimal.plain(), decimal.scientific()]);
        let text = texts.find(|text| fits(text, mark)).unwrap_or_else(|| self.rounded(1).scientific());
        format!("{mark}{text}")
    }
}

/// All digits of a double, without an exponent: the shortest text that reads back the same.
pub fn exact(value: f64) -> String {
    Decimal::of(value).map_or_else(|| value.to_string(), |decimal| decimal.plain())
}

/// A double in at most `columns` columns, 10 or more: all its digits if they fit, with an exponent if need be; else
/// rounded, after a `~`.
pub fn fitted(value: f64, columns: usize) -> String {
    Decimal::of(value).map_or_else(|| value.to_string(), |decimal| decimal.fitted(columns, ROUNDED))
}

/// The label of a place on an axis where the next label is `step` away: as many digits as distinguish the two.
pub fn axis(value: f64, step: f64, columns: usize) -> String {
    let (Some(decimal), Some(step)) = (Decimal::of(value), Decimal::of(step)) else { return value.to_string() };
    if step.digits == "0" {
        return decimal.fitted(columns, ROUNDED);
    }
    let digits = usize::try_from(decimal.exponent - step.exponent + 2).unwrap_or(0);
    decimal.rounded(digits).fitted(columns, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Example {
        value: String,
        exact: String,
        fitted_10: String,
        fitted_13: String,
    }

    #[test]
    fn the_examples_of_the_page_hold() {
        let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/numbers.json"));
        let examples: Vec<Example> = serde_json::from_str(text).unwrap();
        assert!(examples.len() > 30);
        for Example { value, exact: all, fitted_10, fitted_13 } in examples {
            let number: f64 = value.parse().unwrap();
            let found = [exact(number), fitted(number, 10), fitted(number, 13)];
            assert_eq!(found, [all, fitted_10, fitted_13], "{value}");
        }
    }

    #[test]
    fn no_digit_is_lost_and_everything_fits() {
        let mut state = 1_u64;
        for exponent in -18..=18 {
            for _ in 0..200 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let digits = (state >> 33) % 10_u64.pow(1 + (state >> 20) as u32 % 9);
                let sign = if state & 1 << 50 == 0 { "" } else { "-" };
                let value: f64 = format!("{sign}{digits}e{exponent}").parse().unwrap();
                let all = exact(value);
                assert_eq!(all.parse::<f64>().unwrap(), value, "{all}");
                assert!(!all.contains('e'), "{all}");
                for columns in [10, 12, 20] {
                    let text = fitted(value, columns);
                    assert!(text.len() <= columns, "{text} for {all}");
                    match text.strip_prefix('~') {
                        None => assert_eq!(text.parse::<f64>().unwrap(), value, "{text} for {all}"),
                        Some(text) => {
                            let found: f64 = text.parse().unwrap();
                            assert!(found != value && (found - value).abs() < value.abs() / 50.0, "{text} for {all}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn labels_of_an_axis_differ() {
        for (high, low) in
            [(1.2378e-9, 1.2309e-9), (6.1e-11, 3.2e-12), (29_750.25, 29_700.0), (1e18, 1e12), (1.0, -1.0)]
        {
            let step = (high - low) / 16.0;
            let labels: Vec<String> = (0..16).map(|row| axis(high - step * f64::from(row), step, 12)).collect();
            assert!(labels.windows(2).all(|pair| pair[0] != pair[1]), "{labels:?}");
            assert!(labels.iter().all(|label| label.len() <= 12 && !label.contains('~')), "{labels:?}");
        }
        assert_eq!(axis(15.523_456, 1.0, 10), "15.5");
        assert_eq!(axis(5.0, 0.0, 10), "5");
        assert_eq!(axis(1e-17, 0.1, 10), "0");
    }
}
