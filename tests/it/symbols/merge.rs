//! Cases of a merge that the simulator does not produce.

use dataflows::progress::time::DAY_MS;
use dataflows::symbols::entry::{Market, Status};
use tickline::finnhub::rest::answer::{Answer, symbols};
use tickline::symbols::merge::{Entries, Exchange, Merged, merge};

/// A list of `symbol` or `symbol/figi`.
fn list(texts: &[&str]) -> Answer {
    let element = |text: &&str| {
        let (symbol, figi) = text.split_once('/').unwrap_or((text, ""));
        format!(r#"{{"symbol":"{symbol}","figi":"{figi}"}}"#)
    };
    symbols(format!("[{}]", texts.iter().map(element).collect::<Vec<_>>().join(",")).as_bytes()).unwrap()
}

/// Merges lists, one per day, and returns the result of the last one.
fn days(known: &mut Entries, exchange: &str, lists: &[&[&str]]) -> Merged {
    let exchange = Exchange { market: Market::Stock, name: exchange.to_owned() };
    let first_day = known.values().map(|entry| entry.as_of_ms / DAY_MS).max().unwrap_or(0) + 1;
    let mut last = Merged::default();
    for (day, texts) in (first_day..).zip(lists) {
        last = merge(known, &exchange, &list(texts), day * DAY_MS + 5);
        known.extend(last.changed.iter().map(|entry| (entry.symbol.to_string(), entry.clone())));
        assert!(merge(known, &exchange, &list(texts), day * DAY_MS + 6).changed.is_empty(), "not idempotent");
    }
    last
}

fn statuses(known: &Entries) -> Vec<String> {
    known.values().map(|e| format!("{} {} {}", e.symbol, e.status.name(), e.renamed_to).trim().to_owned()).collect()
}

#[test]
fn only_unambiguous_renames_are_followed() {
    let mut known = Entries::new();
    // Two newcomers with the FIGI of A, none with that of B, and C without any.
    let merged = days(&mut known, "X", &[&["A/1", "B/2", "C", "K/9"], &["A1/1", "A2/1", "C1", "K/9"]]);
    assert_eq!((merged.delisted, merged.renamed, merged.new), (3, 0, 3));
    assert_eq!(
        statuses(&known),
        ["A delisted", "A1 listed", "A2 listed", "B delisted", "C delisted", "C1 listed", "K listed"]
    );
    // A day later B continues as B1; the second listing of K is not a rename.
    let merged = days(&mut known, "X", &[&["A1/1", "A2/1", "B1/2", "C1", "K/9", "K2/9"]]);
    assert_eq!((merged.delisted, merged.renamed, merged.new), (0, 1, 2));
    assert_eq!(statuses(&known)[3..6], ["B renamed B1", "B1 listed", "C delisted"]);
    assert_eq!(known["K"].status, Status::Listed);
}

#[test]
fn an_empty_list_delists_nothing() {
    let mut known = Entries::new();
    let merged = days(&mut known, "X", &[&["A"], &[]]);
    assert!(merged.is_suddenly_empty && merged.changed.is_empty());
    assert!(!days(&mut Entries::new(), "X", &[&[]]).is_suddenly_empty);
}

#[test]
fn a_symbol_stays_with_the_exchange_that_lists_it() {
    let mut known = Entries::new();
    days(&mut known, "X", &[&["A", "B"]]);
    let merged = days(&mut known, "Y", &[&["A", "C", "C"]]);
    assert_eq!((merged.taken, merged.listed), (vec!["A".to_owned(), "C".to_owned()], 1));
    assert_eq!((&*known["A"].exchange, &*known["C"].exchange), ("X", "Y"));
    // The other exchange takes it over once it is delisted here.
    days(&mut known, "X", &[&["B"]]);
    assert_eq!(known["A"].status, Status::Delisted);
    let merged = days(&mut known, "Y", &[&["A", "C"]]);
    assert!(merged.taken.is_empty() && merged.delisted == 0);
    assert_eq!((known["A"].status, &*known["A"].exchange, known["A"].first_seen_ms), (Status::Listed, "Y", DAY_MS));
}

#[test]
fn a_clock_set_back_keeps_the_order() {
    let mut known = Entries::new();
    days(&mut known, "X", &[&["A"], &["A"]]);
    let exchange = Exchange { market: Market::Stock, name: "X".to_owned() };
    let merged = merge(&known, &exchange, &list(&["A/1"]), DAY_MS / 2);
    let (old, new) = (&known["A"], &merged.changed[0]);
    assert!(new.as_of_ms > old.as_of_ms);
    assert_eq!((new.last_seen_ms, new.first_seen_ms), (old.last_seen_ms, 0));
}
