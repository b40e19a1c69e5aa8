//! First look at an input: what it seems to be, before anything is written.

use std::fmt;

use crate::time::rfc3339;

/// Number of names and of invalid lines that are shown.
const SHOWN: usize = 3;
/// Length of a shown text, in characters.
const TEXT_CHARS: usize = 120;

/// Order of the trades of an input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// All times are equal, or there is one trade at most.
    #[default]
    Same,
    /// Ascending.
    OldestFirst,
    /// Descending.
    NewestFirst,
    /// Neither.
    Unsorted,
}

/// A line that is not a trade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidLine {
    /// Its number, from 1.
    pub line: u64,
    /// The reason.
    pub why: String,
    /// Its text, shortened.
    pub text: String,
}

/// Summary of an input.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// Name of the input.
    pub name: String,
    /// Its format.
    pub format: String,
    /// Records that are written: trades, frames, and what is not a trade.
    pub records: u64,
    /// Trades.
    pub trades: u64,
    /// Number of symbols.
    pub symbols: usize,
    /// The first of them.
    pub some_symbols: Vec<String>,
    /// Earliest and latest event time.
    pub span_ms: Option<(u64, u64)>,
    /// Order of the trades.
    pub order: Order,
    /// Number of trades and lines that will be rejected.
    pub invalid: u64,
    /// The first of them.
    pub invalid_lines: Vec<InvalidLine>,
    /// Time of the last trade.
    last_ms: Option<u64>,
}

impl Look {
    /// A look at an input that is not read yet.
    pub fn new(name: &str, format: String) -> Self {
        Self { name: name.to_owned(), format, ..Self::default() }
    }

    /// Adds a trade or a frame.
    pub fn add(&mut self, trades: u64, least_ms: u64, greatest_ms: u64) {
        self.trades += trades;
        let (first, last) = self.span_ms.unwrap_or((least_ms, greatest_ms));
        self.span_ms = Some((first.min(least_ms), last.max(greatest_ms)));
        if let Some(before) = self.last_ms.replace(least_ms) {
            self.order = match (self.order, before.cmp(&least_ms)) {
                (order, std::cmp::Ordering::Equal) => order,
                (Order::Same | Order::OldestFirst, std::cmp::Ordering::Less) => Order::OldestFirst,
                (Order::Same | Order::NewestFirst, std::cmp::Ordering::Greater) => Order::NewestFirst,
                _ => Order::Unsorted,
            };
        }
    }

    /// Adds what will be rejected of a line.
    pub fn reject(&mut self, rejected: u64, line: u64, why: &str, text: &[u8]) {
        self.invalid += rejected;
        if self.invalid_lines.len() < SHOWN {
            self.invalid_lines.push(InvalidLine { line, why: why.to_owned(), text: shortened(text) });
        }
    }

    /// Sets the symbols.
    pub fn set_symbols<'a>(&mut self, symbols: impl ExactSizeIterator<Item = &'a String>) {
        self.symbols = symbols.len();
        // The names come from a hash map; the look must not depend on its order.
        let mut names: Vec<_> = symbols.collect();
        names.sort_unstable();
        self.some_symbols = names.into_iter().take(SHOWN).cloned().collect();
    }
}

impl fmt::Display for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, format, trades, symbols, some_symbols, .. } = self;
        write!(f, "{name}: {format}, {trades} trades")?;
        if let Some((first, last)) = self.span_ms {
            let more = if *symbols > some_symbols.len() { ", ..." } else { "" };
            let plural = if *symbols == 1 { "" } else { "s" };
            write!(f, " of {symbols} symbol{plural} ({}{more})", some_symbols.join(", "))?;
            write!(f, ", {} to {}", rfc3339(first), rfc3339(last))?;
        }
        f.write_str(match self.order {
            Order::Same => "",
            Order::OldestFirst => ", oldest first",
            Order::NewestFirst => ", newest first",
            Order::Unsorted => ", unsorted",
        })?;
        if self.invalid > 0 {
            write!(f, "; {} not trades", self.invalid)?;
        }
        Ok(())
    }
}

/// The text in quotes, as one short line.
pub fn shortened(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(&text[..text.len().min(4 * TEXT_CHARS)]);
    let short: String = text.chars().take(TEXT_CHARS).collect();
    let dots = if short.len() < text.len() { " ..." } else { "" };
    format!("{short:?}{dots}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_is_one_line() {
        let mut look = Look::new("a", "JSON Lines".into());
        assert_eq!(look.to_string(), "a: JSON Lines, 0 trades");
        look.add(1, 2_000, 2_000);
        look.add(2, 1_000, 3_000);
        look.set_symbols(["D", "C", "B", "A"].map(String::from).iter());
        look.reject(1, 7, "why", b"\xff\n");
        assert_eq!(
            look.to_string(),
            "a: JSON Lines, 3 trades of 4 symbols (A, B, C, ...), 1970-01-01T00:00:01Z to 1970-01-01T00:00:03Z, \
             newest first; 1 not trades"
        );
        look.add(1, 1_500, 1_500);
        assert_eq!(look.order, Order::Unsorted);
        assert_eq!(look.invalid_lines[0].text, "\"\u{fffd}\\n\"");
    }
}
