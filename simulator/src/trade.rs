//! Generated trade, and its JSON as Finnhub formats it.

use super::instrument::{Class, Instrument};

/// Generated trade. The order of its fields is the order of emission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SimTrade {
    /// Time of emission, in Unix milliseconds.
    pub emit_ms: u64,
    /// Index of its instrument.
    pub instrument: u32,
    /// Index among the trades of the same second and instrument.
    pub place: u32,
    /// Event time, in Unix milliseconds.
    pub event_ms: u64,
    /// In units of the instrument's price decimals.
    pub price: i64,
    /// In units of the instrument's size decimals; 0 is a price update.
    pub size: i64,
    /// Index into [`CONDITIONS`].
    pub conditions: u8,
}

/// Forms of the key `c` on the feed; empty if the key is absent.
pub const CONDITIONS: [&str; 9] = [
    "",
    r#""c":null,"#,
    r#""c":[],"#,
    r#""c":["1"],"#,
    r#""c":["1","12"],"#,
    r#""c":["1","8"],"#,
    r#""c":["1","8","12"],"#,
    r#""c":["1","24"],"#,
    r#""c":["1","37"],"#,
];

/// Chooses a form of conditions: stocks have codes, other classes mostly do not.
pub fn conditions_of(class: Class, odd_lot: bool, chance: u64) -> u8 {
    match (class, chance % 100) {
        (_, 0) => 1,
        (Class::Stock, 1) => 0,
        (Class::Stock, 2) => 2,
        (Class::Stock, 3..5) => 7,
        (Class::Stock, 5) => 8,
        (Class::Stock, 6..30) => 5 + u8::from(odd_lot),
        (Class::Stock, _) => 3 + u8::from(odd_lot),
        (Class::Crypto, 1..5) => 2,
        (Class::Crypto, 5..8) => 0,
        (Class::Crypto, _) => 1,
        (Class::Forex, 1..10) => 2,
        (Class::Forex, _) => 0,
    }
}

impl SimTrade {
    /// Appends the trade as a JSON object, with keys in Finnhub's order and without a line end.
    pub fn write_json(&self, instrument: &Instrument, out: &mut Vec<u8>) {
        out.push(b'{');
        out.extend_from_slice(CONDITIONS.get(usize::from(self.conditions)).unwrap_or(&"").as_bytes());
        out.extend_from_slice(br#""p":"#);
        write_decimal(self.price.unsigned_abs(), instrument.price_decimals, out);
        // No symbol of the universe needs escapes.
        out.extend_from_slice(br#","s":""#);
        out.extend_from_slice(instrument.symbol.as_bytes());
        out.extend_from_slice(br#"","t":"#);
        write_integer(self.event_ms, out);
        out.extend_from_slice(br#","v":"#);
        write_decimal(self.size.unsigned_abs(), instrument.size_decimals, out);
        out.push(b'}');
    }
}

/// Appends `units` of 10^-`decimals` as the feed formats numbers: no trailing zeros, and an exponent below 10^-6.
pub fn write_decimal(mut units: u64, mut decimals: u8, out: &mut Vec<u8>) {
    while decimals > 0 && units.is_multiple_of(10) {
        units /= 10;
        decimals -= 1;
    }
    if units == 0 || decimals == 0 {
        return write_integer(units, out);
    }
    let start = out.len();
    write_integer(units, out);
    let digits = out.len() - start;
    let decimals = usize::from(decimals);
    if digits + 6 <= decimals {
        if digits > 1 {
            out.insert(start + 1, b'.');
        }
        out.extend_from_slice(b"e-");
        write_integer((decimals + 1 - digits) as u64, out);
    } else if digits > decimals {
        out.insert(start + digits - decimals, b'.');
    } else {
        let zeros = b"0.000000";
        out.splice(start..start, zeros[..2 + decimals - digits].iter().copied());
    }
}

fn write_integer(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_written_in_the_shortest_form() {
        let cases: [(u64, u8, &str); 12] = [
            (0, 5, "0"),
            (729_689, 2, "7296.89"),
            (729_690, 2, "7296.9"),
            (729_600, 2, "7296"),
            (100, 0, "100"),
            (1_743, 8, "0.00001743"),
            (11_467, 6, "0.011467"),
            (5, 1, "0.5"),
            (1, 6, "0.000001"),
            (7, 8, "7e-8"),
            (12, 8, "1.2e-7"),
            (1_234_567, 10, "0.0001234567"),
        ];
        for (units, decimals, text) in cases {
            let mut out = b"x".to_vec();
            write_decimal(units, decimals, &mut out);
            assert_eq!(String::from_utf8_lossy(&out[1..]), text);
        }
    }
}
