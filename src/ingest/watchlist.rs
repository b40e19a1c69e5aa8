//! Watch list of an ingest, and its share when several ingests split the list.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use dataflows::name_policy;
use dataflows::symbols::symbol::Symbol;

use crate::csv_cell;
use crate::escape::escaped;

/// Maximum number of shares.
const SHARES_MAX: u32 = 64;

/// Share of a list, written `0/3`, `1/3`, `2/3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    index: u32,
    of: u32,
}

impl Share {
    /// The whole list.
    pub const WHOLE: Self = Self { index: 0, of: 1 };

    /// Whether a symbol belongs to this share. It depends on the symbol alone, so a longer list moves no symbol.
    pub fn holds(self, symbol: &Symbol) -> bool {
        symbol.shard() % self.of == self.index
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/').and_then(|(index, of)| Some((index.parse().ok()?, of.parse().ok()?)));
        match parts {
            Some((index, of)) if index < of && of <= SHARES_MAX => Ok(Self { index, of }),
            _ => Err(format!("invalid share {text:?}: expected I/N with I from 0 to N - 1, and N up to {SHARES_MAX}")),
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

/// Parses a list: one symbol per line, or CSV with the symbols in its first column, under the heading `symbol`. Returns
/// distinct symbols in the order of the list. Errors name the line.
pub fn read_list(text: &str) -> Result<Vec<Symbol>, String> {
    let mut symbols = Vec::new();
    let mut known = HashSet::new();
    for (number, line) in (1..).zip(text.lines()) {
        let Some(field) = first_field(line.trim()) else { return Err(format!("line {number}: unclosed quote")) };
        let heading = number == 1 && line.contains(',') && field.eq_ignore_ascii_case("symbol");
        if field.is_empty() || heading {
            continue;
        }
        let bad = |why: String| format!("line {number}: invalid symbol \"{}\"{why}", escaped(&field));
        name_policy::check(&field).map_err(|why| bad(format!(": {why}")))?;
        let symbol = Symbol::new(&field).ok_or_else(|| bad(String::new()))?;
        if known.insert(symbol.clone()) {
            symbols.push(symbol);
        }
    }
    Ok(symbols)
}

fn first_field(line: &str) -> Option<String> {
    let Some(quoted) = line.strip_prefix('"') else {
        return Some(csv_cell::text_of(line.split(',').next().unwrap_or_default().trim()).to_owned());
    };
    let mut field = String::new();
    let mut rest = quoted.chars().peekable();
    while let Some(c) = rest.next() {
        match (c, rest.peek()) {
            ('"', Some('"')) => field.extend(rest.next()),
            ('"', _) => return Some(csv_cell::text_of(&field).to_owned()),
            _ => field.push(c),
        }
    }
    None
}

/// Symbols of a share. If there are more than the plan allows on one connection, the error says how to split the list.
pub fn share_of(symbols: &[Symbol], share: Share, symbols_max: usize) -> Result<Vec<String>, String> {
    if symbols.is_empty() {
        return Err("no symbols: name some with --symbols or --watchlist".to_owned());
    }
    let size = |share: Share| symbols.iter().filter(|symbol| share.holds(symbol)).count();
    if size(share) > symbols_max {
        let fits = |of: &u32| (0..*of).all(|index| size(Share { index, of: *of }) <= symbols_max);
        let advice = match (2..=SHARES_MAX).find(fits) {
            Some(of) => format!(
                "start {of} ingests, each with its own API token and --source, with --share 0/{of} to {}/{of}",
                of - 1
            ),
            None => "use fewer symbols".to_owned(),
        };
        return Err(format!(
            "{} symbols are too many for this ingest; the plan allows {symbols_max} on one connection: {advice}; \
             or raise --symbols-max if the plan allows more",
            size(share)
        ));
    }
    Ok(symbols.iter().filter(|symbol| share.holds(symbol)).map(|symbol| symbol.as_str().to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(list: &str) -> Vec<String> {
        read_list(list).unwrap().iter().map(|symbol| symbol.as_str().to_owned()).collect()
    }

    #[test]
    fn lists_are_lines_or_csv() {
        assert_eq!(texts("AAPL\n\n IC MARKETS:1 \r\nAAPL\nSYMBOL\n"), ["AAPL", "IC MARKETS:1", "SYMBOL"]);
        let csv = "symbol,name,market\nAAPL,\"APPLE, INC\",stock\n\"A\"\"B,C\",x,y\nBINANCE:BTCUSDT,,crypto\n";
        assert_eq!(texts(csv), ["AAPL", "A\"B,C", "BINANCE:BTCUSDT"]);
        assert_eq!(texts("'=A\n'B\n\"'@C,D\",x"), ["=A", "'B", "@C,D"]);
        assert_eq!(texts(""), [""; 0]);
        assert!(read_list("A\n\"B").unwrap_err().starts_with("line 2"));
        assert!(read_list(&"A".repeat(200)).unwrap_err().starts_with("line 1"));
    }

    #[test]
    fn hidden_characters_are_rejected() {
        for hidden in ["\u{1b}", "\u{202e}", "\u{200b}", "\u{2028}", "\u{e0041}", "\u{7f}"] {
            let why = read_list(&format!("A\nB{hidden}C\n")).unwrap_err();
            assert!(why.starts_with("line 2: invalid symbol") && why.contains("U+") && !why.contains(hidden), "{why}");
        }
    }

    #[test]
    fn shares_split_the_list() {
        let share = |text: &str| text.parse::<Share>().unwrap();
        for bad in ["", "1", "1/1", "3/2", "-1/2", "0/0", "0/65", "a/b"] {
            assert!(bad.parse::<Share>().is_err(), "{bad}");
        }
        let list: String = (0..200).map(|n| format!("SYMBOL {n}\n")).collect();
        let symbols = read_list(&list).unwrap();
        let mut all: Vec<String> =
            ["0/3", "1/3", "2/3"].iter().flat_map(|text| share_of(&symbols, share(text), 200).unwrap()).collect();
        all.sort();
        let mut whole = share_of(&symbols, Share::WHOLE, 200).unwrap();
        whole.sort();
        assert_eq!(all, whole);
    }

    #[test]
    fn too_many_symbols_suggest_shares() {
        let list: String = (0..120).map(|n| format!("S{n}\n")).collect();
        let symbols = read_list(&list).unwrap();
        let why = share_of(&symbols, Share::WHOLE, 50).unwrap_err();
        assert!(why.contains("120 symbols") && why.contains("50"), "{why}");
        let of: u32 = why.split("start ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
        for index in 0..of {
            assert!(share_of(&symbols, Share { index, of }, 50).is_ok());
        }
        assert!(share_of(&[], Share::WHOLE, 50).is_err());
    }
}
