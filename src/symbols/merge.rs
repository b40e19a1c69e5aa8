//! Merge of today's list of one exchange with the known entries: a pure function, with the time as an argument.

use std::collections::{BTreeMap, BTreeSet};

use dataflows::symbols::entry::{Entry, Market, Status};

use super::day_ms;
use crate::finnhub::rest::answer::{Answer, Listed};

/// An exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Its market.
    pub market: Market,
    /// Finnhub's code or name.
    pub name: String,
}

/// Entries by symbol.
pub type Entries = BTreeMap<String, Entry>;

/// Result of a merge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// Changed entries, ascending by symbol.
    pub changed: Vec<Entry>,
    /// Number of distinct symbols in the list.
    pub listed: usize,
    /// Number of symbols never seen before.
    pub new: usize,
    /// Number of symbols no longer listed.
    pub delisted: usize,
    /// Number of symbols that continue under another one.
    pub renamed: usize,
    /// Symbols that another exchange lists, or that are duplicates.
    pub taken: Vec<String>,
    /// The list is empty although symbols of this exchange were listed: nothing is delisted.
    pub is_suddenly_empty: bool,
}

/// Merges a list. Nothing is delisted if the list has elements that could not be parsed, since one of them may be the
/// missing symbol, or if the list is empty.
pub fn merge(known: &Entries, exchange: &Exchange, answer: &Answer, now_ms: u64) -> Merged {
    let mut merged = Merged::default();
    let mut today: BTreeMap<&str, &Listed> = BTreeMap::new();
    for listed in &answer.listed {
        let symbol = listed.symbol.0.as_str();
        let elsewhere = known.get(symbol).is_some_and(|e| e.status == Status::Listed && !is_of(e, exchange));
        if elsewhere || today.contains_key(symbol) {
            merged.taken.push(symbol.to_owned());
        } else {
            today.insert(symbol, listed);
        }
    }
    merged.listed = today.len();
    for (symbol, listed) in &today {
        let old = known.get(*symbol);
        merged.new += usize::from(old.is_none());
        let entry = listed_entry(listed, exchange, old, now_ms);
        if old.is_none_or(|old| differs(old, &entry)) {
            merged.changed.push(entry);
        }
    }
    let before = known.values().filter(|entry| is_of(entry, exchange));
    merged.is_suddenly_empty = answer.listed.is_empty() && before.clone().any(|entry| entry.status == Status::Listed);
    if answer.bad.is_empty() && !answer.listed.is_empty() {
        let all: BTreeSet<&str> = answer.listed.iter().map(|listed| listed.symbol.0.as_str()).collect();
        let gone = before.filter(|entry| !all.contains(entry.symbol.as_str()));
        delist(&mut merged, known, &today, gone, now_ms);
    }
    merged.changed.sort_unstable_by(|a, b| a.symbol.cmp(&b.symbol));
    merged
}

fn is_of(entry: &Entry, exchange: &Exchange) -> bool {
    entry.market == exchange.market && entry.exchange == exchange.name
}

fn listed_entry(listed: &Listed, exchange: &Exchange, old: Option<&Entry>, now_ms: u64) -> Entry {
    let Listed { symbol, display_symbol, description, mic, currency, r#type, figi, isin } = listed;
    // Lists of pairs have no currency: the price is in the currency after the slash.
    let quote = display_symbol.0.rsplit_once('/').filter(|_| exchange.market != Market::Stock);
    let currency = if currency.0.is_empty() { quote.map_or("", |(_, quote)| quote) } else { &currency.0 };
    let day = day_ms(now_ms);
    Entry {
        symbol: symbol.0.as_str().into(),
        display_symbol: display_symbol.0.as_str().into(),
        name: description.0.as_str().into(),
        market: exchange.market,
        exchange: exchange.name.as_str().into(),
        mic: mic.0.as_str().into(),
        currency: currency.into(),
        security_type: r#type.0.as_str().into(),
        figi: figi.0.as_str().into(),
        isin: isin.0.as_str().into(),
        status: Status::Listed,
        renamed_to: "".into(),
        first_seen_ms: old.map_or(day, |old| old.first_seen_ms.min(day)),
        last_seen_ms: old.map_or(day, |old| old.last_seen_ms.max(day)),
        as_of_ms: as_of(old, now_ms),
    }
}

/// Time of a change: it increases with each change, even if the clock is set back.
fn as_of(old: Option<&Entry>, now_ms: u64) -> u64 {
    old.map_or(now_ms, |old| now_ms.max(old.as_of_ms + 1))
}

fn differs(old: &Entry, new: &Entry) -> bool {
    Entry { as_of_ms: old.as_of_ms, ..new.clone() } != *old
}

/// Marks missing symbols as delisted, or as renamed to the one symbol of today's list that has the same FIGI and was
/// not listed before. A delisted symbol can still become a renamed one on a later day.
fn delist<'a>(
    merged: &mut Merged,
    known: &Entries,
    today: &BTreeMap<&str, &Listed>,
    gone: impl Iterator<Item = &'a Entry>,
    now_ms: u64,
) {
    let was_listed = |symbol: &str| known.get(symbol).is_some_and(|entry| entry.status == Status::Listed);
    let mut newcomers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (symbol, listed) in today.iter().filter(|(symbol, listed)| !was_listed(symbol) && !listed.figi.0.is_empty()) {
        newcomers.entry(&listed.figi.0).or_default().push(symbol);
    }
    for old in gone.filter(|old| matches!(old.status, Status::Listed | Status::Delisted)) {
        let (status, renamed_to) = match newcomers.get(old.figi.as_str()).map(Vec::as_slice) {
            Some([symbol]) => (Status::Renamed, *symbol),
            _ => (Status::Delisted, ""),
        };
        if status != old.status {
            merged.renamed += usize::from(status == Status::Renamed);
            merged.delisted += usize::from(status == Status::Delisted);
            let as_of_ms = as_of(Some(old), now_ms);
            merged.changed.push(Entry { status, renamed_to: renamed_to.into(), as_of_ms, ..old.clone() });
        }
    }
}
