//! In-memory index of all symbols, for search as you type and for finding the most traded ones.
//!
//! It is refreshed in the background (`indexer.rs`), so a search costs the store nothing. Its prices may be some
//! seconds old; viewers of a symbol get current ones from the stream.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use serde::Serialize;

use super::json::Day;
use super::names::{Name, Names};
use crate::store::{StoreError, StoreReader, StoredCandle};
use crate::symbols::search::rank;

/// A symbol: its entry in the symbol table, and its newest day.
#[derive(Clone, Debug, Serialize)]
pub struct SymbolView {
    /// As the feed spells it.
    pub symbol: String,
    /// Name of the company, fund or pair; empty if unknown, like the next two.
    pub name: String,
    /// Finnhub's code of the exchange.
    pub exchange: String,
    /// Currency of its prices.
    pub currency: String,
    /// Listing status; `None` if the symbol table has no entry.
    pub status: Option<&'static str>,
    /// Its newest UTC day; `None` if it has not traded.
    pub day: Option<Day>,
}

/// Symbols in the order shown without a search: traded symbols by newest day and number of trades, then the others by
/// symbol.
#[derive(Debug, Default)]
pub struct Index {
    names: Arc<Names>,
    /// Symbols that have traded, in the order shown.
    traded: Vec<Traded>,
    /// Their positions, ascending by symbol.
    traded_by_symbol: Vec<u32>,
    /// The positions of those with an entry, ascending.
    traded_names: Vec<u32>,
}

/// A symbol that has traded.
#[derive(Debug)]
struct Traded {
    symbol: Box<str>,
    day: Day,
    /// The position of its entry.
    name: Option<u32>,
}

/// A search.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Part of a symbol or name, in lower case; empty for all.
    pub text: String,
    /// Only this exchange, in any case.
    pub exchange: Option<String>,
    /// Only those that have, or have not, traded.
    pub traded: Option<bool>,
    /// Maximum number of results.
    pub limit: usize,
}

impl Index {
    /// Reads symbols and newest days; `before` is what was read the last time.
    pub fn read(reader: &mut dyn StoreReader, before: &Self) -> Result<Self, StoreError> {
        let names = Names::read(reader, &before.names)?;
        Ok(Self::new(names, reader.latest()?))
    }

    fn new(names: Arc<Names>, days: Vec<(String, StoredCandle)>) -> Self {
        let traded = days.into_iter().map(|(symbol, candle)| {
            let name = names.find(&symbol).and_then(|at| u32::try_from(at).ok());
            Traded { symbol: symbol.into(), day: candle.into(), name }
        });
        let mut traded: Vec<_> = traded.collect();
        traded.sort_by(|a, b| {
            let key = |one: &Traded| Reverse((one.day.day_start_ms, one.day.trades));
            key(a).cmp(&key(b)).then_with(|| a.symbol.cmp(&b.symbol))
        });
        let mut traded_by_symbol: Vec<_> = (0..).take(traded.len()).collect();
        traded_by_symbol.sort_by(|a, b| symbol_at(&traded, *a).cmp(symbol_at(&traded, *b)));
        let mut traded_names: Vec<_> = traded.iter().filter_map(|one| one.name).collect();
        traded_names.sort_unstable();
        Self { names, traded, traded_by_symbol, traded_names }
    }

    fn find(&self, symbol: &str) -> Option<&Traded> {
        let found = self.traded_by_symbol.binary_search_by(|at| symbol_at(&self.traded, *at).cmp(symbol));
        found.ok().map(|at| &self.traded[self.traded_by_symbol[at] as usize])
    }

    /// The newest day of a symbol that has traded.
    pub fn day(&self, symbol: &str) -> Option<&Day> {
        self.find(symbol).map(|one| &one.day)
    }

    /// Name of a symbol; empty if unknown.
    pub fn name(&self, symbol: &str) -> &str {
        self.names.find(symbol).map_or("", |at| self.names.get(at).name)
    }

    /// The symbols with most trades on the newest day.
    pub fn busiest(&self, limit: usize) -> Vec<String> {
        self.traded.iter().take(limit).map(|one| one.symbol.to_string()).collect()
    }

    /// Number of symbols, and of those left out because there are too many.
    pub fn count(&self) -> (usize, usize) {
        (self.traded.len() + self.names.len() - self.traded_names.len(), self.names.omitted())
    }

    /// The best `limit` matches, best first, and the number of all matches.
    pub fn search(&self, query: &Query) -> (Vec<SymbolView>, usize) {
        let (mut best, mut total) = (BinaryHeap::new(), 0);
        let mut lower = [const { String::new() }; 3];
        let mut take = |at: usize, name: Name<'_>| {
            let is_there = query.exchange.as_ref().is_none_or(|exchange| name.exchange.eq_ignore_ascii_case(exchange));
            if let Some(rank) = is_there.then(|| rank_of(&mut lower, &name, &query.text)).flatten() {
                total += 1;
                best.push((rank, at));
                if best.len() > query.limit {
                    best.pop();
                }
            }
        };
        if query.traded != Some(false) {
            self.traded.iter().enumerate().for_each(|(at, one)| take(at, self.name_of(one)));
        }
        if query.traded != Some(true) {
            self.untraded().for_each(|at| take(self.traded.len() + at, self.names.get(at)));
        }
        (best.into_sorted_vec().into_iter().map(|(_, at)| self.view(at)).collect(), total)
    }

    /// Positions of the entries of symbols that have not traded.
    fn untraded(&self) -> impl Iterator<Item = usize> {
        let mut traded = self.traded_names.iter().map(|at| *at as usize).peekable();
        (0..self.names.len()).filter(move |at| traded.next_if_eq(at).is_none())
    }

    /// The texts of a traded symbol.
    fn name_of<'a>(&'a self, one: &'a Traded) -> Name<'a> {
        // Without an entry the exchange is the part before the colon, as Finnhub writes pairs.
        let unknown = || Name {
            symbol: &one.symbol,
            exchange: one.symbol.split_once(':').map_or("", |(exchange, _)| exchange),
            ..Name::default()
        };
        one.name.map_or_else(unknown, |at| self.names.get(at as usize))
    }

    /// The symbol at a position in the order shown.
    fn view(&self, at: usize) -> SymbolView {
        let traded = self.traded.get(at);
        let name = traded.map_or_else(|| self.names.get(at - self.traded.len()), |one| self.name_of(one));
        SymbolView {
            symbol: name.symbol.to_owned(),
            name: name.name.to_owned(),
            exchange: name.exchange.to_owned(),
            currency: name.currency.to_owned(),
            status: name.status.map(|status| status.name()),
            day: traded.map(|one| one.day.clone()),
        }
    }
}

fn symbol_at(traded: &[Traded], at: u32) -> &str {
    &traded[at as usize].symbol
}

/// The rank of a match, all the same without a text. `lower` is memory for the texts in lower case.
fn rank_of(lower: &mut [String; 3], name: &Name, text: &str) -> Option<u8> {
    if text.is_empty() {
        return Some(0);
    }
    for (lower, text) in lower.iter_mut().zip([name.symbol, name.display_symbol, name.name]) {
        lower.clear();
        if text.is_ascii() {
            lower.push_str(text);
            lower.make_ascii_lowercase();
        } else {
            lower.push_str(&text.to_lowercase());
        }
    }
    rank(&lower[0], &lower[1], &lower[2], text)
}

#[cfg(test)]
mod tests {
    use dataflows::symbols::entry::Entry;

    use super::*;

    fn entry(symbol: &str, name: &str, exchange: &str) -> Entry {
        let json = format!(
            r#"{{"symbol":"{symbol}","name":"{name}","market":"stock","exchange":"{exchange}","currency":"USD",
            "status":"listed","first_seen_ms":0,"last_seen_ms":0,"as_of_ms":0}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    fn day(symbol: &str, day: u64, trades: u64) -> (String, StoredCandle) {
        let one = StoredCandle {
            window_start_ms: day * 86_400_000,
            open: 1.0,
            high: 1.0,
            low: 1.0,
            close: 1.0,
            volume: 1.0,
            notional: 1.0,
            vwap: 1.0,
            trades,
            as_of: 0,
        };
        (symbol.to_owned(), one)
    }

    #[test]
    fn best_matches_first_then_most_traded() {
        let entries = vec![entry("A", "AGILENT", "US"), entry("AA", "ALCOA", "US"), entry("AAA", "ALCOA TOO", "L")];
        let days = vec![day("AAA", 2, 5), day("BINANCE:AAVE", 2, 9), day("OLD", 1, 99)];
        let index = Index::new(Arc::new(Names::from_iter(&entries)), days);
        let found =
            |symbols: &[&str], total: usize| (symbols.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>(), total);
        let search = |text: &str, exchange: Option<&str>, traded, limit| {
            let query = Query { text: text.into(), exchange: exchange.map(str::to_owned), traded, limit };
            let (found, total) = index.search(&query);
            (found.into_iter().map(|view| view.symbol).collect::<Vec<_>>(), total)
        };
        assert_eq!(search("", None, None, 9), found(&["BINANCE:AAVE", "AAA", "OLD", "A", "AA"], 5));
        assert_eq!(search("aa", None, None, 2), found(&["AA", "BINANCE:AAVE"], 3));
        assert_eq!(search("alcoa", None, None, 9), found(&["AAA", "AA"], 2));
        assert_eq!(search("alcoa", Some("us"), None, 9), found(&["AA"], 1));
        assert_eq!(search("", Some("binance"), None, 9), found(&["BINANCE:AAVE"], 1));
        assert_eq!(search("a", None, Some(false), 9), found(&["A", "AA"], 2));
        assert_eq!(index.busiest(2), ["BINANCE:AAVE", "AAA"]);
        assert_eq!((index.name("AA"), index.name("OLD"), index.name("NONE")), ("ALCOA", "", ""));
        assert!(index.day("OLD").is_some() && index.day("A").is_none() && index.day("NONE").is_none());
        assert_eq!(index.count(), (5, 0));
        let all = index.search(&Query { limit: 9, ..Query::default() }).0;
        assert_eq!(all.iter().map(|view| view.status.is_some()).collect::<Vec<_>>(), [false, true, false, true, true]);
    }
}
