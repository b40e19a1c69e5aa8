//! In-memory index of all symbols, for search as you type and for finding the most traded ones.
//!
//! It is refreshed in the background (`indexer.rs`), so a search costs the store nothing. Its prices may be some
//! seconds old; viewers of a symbol get current ones from the stream.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use dataflows::symbols::entry::{Entry, Status};
use serde::Serialize;

use super::json::Day;
use crate::store::{StoreError, StoreReader, StoredCandle};
use crate::symbols::search::Searched;

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
    symbols: Vec<(SymbolView, Searched)>,
    positions: BTreeMap<String, usize>,
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
    /// Reads symbols and newest days.
    pub fn read(reader: &mut dyn StoreReader) -> Result<Self, StoreError> {
        let entries = reader.symbols(&mut |entry| entry.status != Status::Withdrawn)?;
        Ok(Self::new(entries, reader.latest()?))
    }

    fn new(entries: Vec<Entry>, days: Vec<(String, StoredCandle)>) -> Self {
        let mut known: BTreeMap<String, (SymbolView, Searched)> = BTreeMap::new();
        for entry in entries {
            let searched = Searched::new(&entry.symbol, &entry.display_symbol, &entry.name);
            let view = SymbolView {
                symbol: entry.symbol.to_string(),
                name: entry.name.to_string(),
                exchange: entry.exchange.to_string(),
                currency: entry.currency.to_string(),
                status: Some(entry.status.name()),
                day: None,
            };
            known.insert(view.symbol.clone(), (view, searched));
        }
        for (symbol, candle) in days {
            let (view, _) = known.entry(symbol).or_insert_with_key(|symbol| {
                // Without an entry the exchange is the part before the colon, as Finnhub writes pairs.
                let exchange = symbol.split_once(':').map_or("", |(exchange, _)| exchange).to_owned();
                let (name, currency, symbol) = (String::new(), String::new(), symbol.clone());
                let searched = Searched::new(&symbol, "", "");
                (SymbolView { symbol, name, exchange, currency, status: None, day: None }, searched)
            });
            view.day = Some(Day::from(candle));
        }
        let mut symbols: Vec<_> = known.into_values().collect();
        // A stable sort: equal ones stay in the order of their symbols.
        symbols.sort_by_key(|(view, _)| Reverse(view.day.as_ref().map(|day| (day.day_start_ms, day.trades))));
        let positions = symbols.iter().enumerate().map(|(at, (view, _))| (view.symbol.clone(), at)).collect();
        Self { symbols, positions }
    }

    /// Looks a symbol up.
    pub fn get(&self, symbol: &str) -> Option<&SymbolView> {
        self.positions.get(symbol).map(|at| &self.symbols[*at].0)
    }

    /// Name of a symbol; empty if unknown.
    pub fn name(&self, symbol: &str) -> &str {
        self.get(symbol).map_or("", |view| &view.name)
    }

    /// The symbols with most trades on the newest day.
    pub fn busiest(&self, limit: usize) -> Vec<String> {
        let traded = self.symbols.iter().take_while(|(view, _)| view.day.is_some());
        traded.take(limit).map(|(view, _)| view.symbol.clone()).collect()
    }

    /// The best `limit` matches, best first, and the number of all matches.
    pub fn search(&self, query: &Query) -> (Vec<&SymbolView>, usize) {
        let is_selected = |view: &SymbolView| {
            query.exchange.as_ref().is_none_or(|exchange| view.exchange.eq_ignore_ascii_case(exchange))
                && query.traded.is_none_or(|traded| view.day.is_some() == traded)
        };
        let rank = |(at, (view, searched)): (usize, &(SymbolView, Searched))| {
            is_selected(view).then(|| searched.rank(&query.text)).flatten().map(|rank| (rank, at))
        };
        let mut found: Vec<_> = self.symbols.iter().enumerate().filter_map(rank).collect();
        if !query.text.is_empty() {
            found.sort_unstable();
        } else {
            found.sort_unstable_by_key(|(_, at)| *at);
        }
        let total = found.len();
        (found.into_iter().take(query.limit).map(|(_, at)| &self.symbols[at].0).collect(), total)
    }
}

#[cfg(test)]
mod tests {
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
        let index = Index::new(entries, days);
        let search = |text: &str, exchange: Option<&str>, traded, limit| {
            let query = Query { text: text.into(), exchange: exchange.map(str::to_owned), traded, limit };
            let (found, total) = index.search(&query);
            (found.into_iter().map(|view| view.symbol.as_str()).collect::<Vec<_>>(), total)
        };
        assert_eq!(search("", None, None, 9), (vec!["BINANCE:AAVE", "AAA", "OLD", "A", "AA"], 5));
        assert_eq!(search("aa", None, None, 2), (vec!["AA", "BINANCE:AAVE"], 3));
        assert_eq!(search("alcoa", None, None, 9), (vec!["AAA", "AA"], 2));
        assert_eq!(search("alcoa", Some("us"), None, 9), (vec!["AA"], 1));
        assert_eq!(search("", Some("binance"), None, 9), (vec!["BINANCE:AAVE"], 1));
        assert_eq!(search("a", None, Some(false), 9), (vec!["A", "AA"], 2));
        assert_eq!(index.busiest(2), ["BINANCE:AAVE", "AAA"]);
        assert_eq!((index.name("AA"), index.name("OLD"), index.name("NONE")), ("ALCOA", "", ""));
        assert!(index.get("OLD").unwrap().status.is_none() && index.get("NONE").is_none());
    }
}
