//! The symbol log on a topic: entries are read back with the symbol as key, and workers use it as their second input.

use dataflows::symbols::entry::Entry;
use tickline::log::address::LogAddress;
use tickline::store::address::StoreAddress;
use tickline::symbols::book::Book;

use crate::shared::broker::{log_address, shared, topic};

fn entry(symbol: &str, name: &str, as_of_ms: u64) -> Entry {
    let text = format!(
        r#"{{"type":"symbol","symbol":"{symbol}","name":"{name}","market":"forex","status":"listed",
            "first_seen_ms":1,"last_seen_ms":2,"as_of_ms":{as_of_ms}}}"#
    );
    Entry::decode(text.as_bytes()).unwrap()
}

#[test]
fn a_topic_keeps_the_symbol_table() {
    let topic = topic(1);
    let address: LogAddress = log_address(&topic).parse().unwrap();
    let home = tempfile::tempdir().unwrap();
    let store: StoreAddress = format!("sqlite:{}", home.path().join("s.db").display()).parse().unwrap();
    let mut book = Book::open(None, Some(&address)).unwrap();
    assert!(book.entries().is_empty());
    book.put(vec![entry("IC MARKETS:1", "first", 10), entry("OANDA:EUR_USD", "", 10)]).unwrap();
    book.put(vec![entry("IC MARKETS:1", "second", 11)]).unwrap();
    drop(book);
    // A store that comes later gets the newest of each, and nothing is written twice.
    let book = Book::open(Some(&store), Some(&address)).unwrap();
    let names: Vec<_> = book.entries().values().map(|entry| (&*entry.symbol, &*entry.name)).collect();
    assert_eq!(names, [("IC MARKETS:1", "second"), ("OANDA:EUR_USD", "")]);
    let stored = store.open_reader().unwrap().symbols(&mut |_| true).unwrap();
    assert_eq!(stored, book.entries().values().cloned().collect::<Vec<_>>());
    let keys = ["IC MARKETS:1", "OANDA:EUR_USD", "IC MARKETS:1"].map(|key| Some(key.to_owned()));
    assert_eq!(shared().keys(&topic, 3), keys);
    assert_eq!(address.open().unwrap().end_offset(0).unwrap(), 3);
}
