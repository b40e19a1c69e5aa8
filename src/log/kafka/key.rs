//! The key of a record: what a topic is ordered and compacted by.

use std::borrow::Cow;

use dataflows::log::control::Control;
use dataflows::log::decode::{RawTrade, Visitor, decode};
use dataflows::log::reject::Reason;
use dataflows::symbols::entry::Entry;
use serde::Deserialize;

/// Finds the key of a record; nothing where it has none.
pub type KeyOf = fn(&[u8]) -> Option<Vec<u8>>;

/// The symbol of a record's first trade, by the dataflow's own decoder; control records have no key.
pub fn key_of_trade(record: &[u8]) -> Option<Vec<u8>> {
    let mut first = FirstSymbol(None);
    decode(record, record.len() as u64, &mut first);
    first.0
}

/// The symbol of an entry of the symbol directory.
pub fn key_of_symbol(record: &[u8]) -> Option<Vec<u8>> {
    Entry::decode(record).ok().map(|entry| entry.symbol.as_bytes().to_vec())
}

/// `log/partition/offset/index` of a record of the mirror: the same place always has the same key.
pub fn key_of_rejected(record: &[u8]) -> Option<Vec<u8>> {
    #[derive(Deserialize)]
    struct Place<'a> {
        #[serde(borrow)]
        log: Cow<'a, str>,
        partition: u32,
        offset: u64,
        index: u32,
    }
    let Place { log, partition, offset, index } = serde_json::from_slice(record).ok()?;
    Some(format!("{log}/{partition}/{offset}/{index}").into_bytes())
}

struct FirstSymbol(Option<Vec<u8>>);

impl Visitor for FirstSymbol {
    fn trade(&mut self, _index: u32, trade: &RawTrade<'_>) {
        self.0.get_or_insert_with(|| trade.symbol.as_bytes().to_vec());
    }

    fn control(&mut self, _control: Control<'_>) {}

    fn reject(&mut self, _index: u32, _reason: Reason) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_symbol_is_the_key() {
        let trade = |symbol: &str| format!(r#"{{"c":null,"p":1.5,"s":"{symbol}","t":1575526691134,"v":2}}"#);
        assert_eq!(key_of_trade(trade("A").as_bytes()).as_deref(), Some(b"A".as_slice()));
        let frame = format!(r#"{{"type":"trade","data":[7,{},{}]}}"#, trade("B"), trade("A"));
        assert_eq!(key_of_trade(frame.as_bytes()).as_deref(), Some(b"B".as_slice()));
        for none in [r#"{"type":"progress","source":"s","event_ms":5}"#, "", "no JSON"] {
            assert_eq!(key_of_trade(none.as_bytes()), None, "{none}");
        }
    }

    #[test]
    fn the_place_is_the_key_of_what_was_refused() {
        let record = br#"{"type":"rejected","log":"a\"b","partition":3,"offset":812,"index":1,"original":"x"}"#;
        assert_eq!(key_of_rejected(record).as_deref(), Some(b"a\"b/3/812/1".as_slice()));
        assert_eq!(key_of_rejected(br#"{"partition":3,"offset":812,"index":1}"#), None);
    }
}
