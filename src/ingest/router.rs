//! Routing: a text of the feed becomes records of the log's partitions, byte for byte.
//!
//! Nothing is validated or dropped here. Elements without a symbol go to partition 0, where the dataflow rejects them
//! with their offset and the reason. No text of the feed may become a control record: a feed must not be able to report
//! progress.

use std::borrow::Cow;
use std::collections::HashMap;

use dataflows::log::control::is_reserved;
use dataflows::symbols::symbol::Symbol;
use serde_json::value::RawValue;

use crate::finnhub::message::{Address, Frame, address, read};
use crate::log::partitioner::partition_of;

/// A record for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The partition it belongs to.
    pub partition: u32,
    /// The symbol of its trades: the record's key. None for a record without a valid symbol.
    pub key: Option<Symbol>,
    /// The record itself.
    pub bytes: Vec<u8>,
}

impl Record {
    fn without_key(bytes: Vec<u8>) -> Self {
        Self { partition: 0, key: None, bytes }
    }
}

/// Records of a text.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Routed {
    /// In the order of the text.
    pub records: Vec<Record>,
    /// Elements with a symbol among them.
    pub trades: u64,
    /// Elements and texts without a symbol; they are among the records too.
    pub malformed: u64,
    /// Event time of the newest element that has one, in Unix milliseconds.
    pub newest_ms: Option<u64>,
    /// Error message of the feed.
    pub complaint: Option<String>,
}

/// Makes the records of one text: one for the trades of one symbol, and one for each element without a symbol.
pub fn route(text: &str, partitions: u32) -> Routed {
    match read(text) {
        Frame::Trades(elements) => route_elements(&elements, partitions),
        Frame::Ping => Routed::default(),
        Frame::Error(complaint) => Routed { complaint: Some(complaint), ..Routed::default() },
        Frame::Other(kind) => {
            // What counts is what the log will hold: with a line end in a string the text is not JSON, without it is.
            let record = flat(text);
            let is_ours = match kind {
                Some(kind) => is_reserved(&kind),
                None => address(&record).has_type,
            };
            let record = if is_ours { framed(&[text]) } else { record };
            Routed { records: vec![Record::without_key(record.into_bytes())], malformed: 1, ..Routed::default() }
        }
    }
}

fn route_elements(elements: &[&RawValue], partitions: u32) -> Routed {
    let mut routed = Routed::default();
    let mut groups: Vec<(u32, Option<Symbol>, Vec<&str>)> = Vec::new();
    // Only looked up, never iterated: the order is that of the frame.
    let mut group_of: HashMap<Cow<'_, str>, usize> = HashMap::new();
    for element in elements {
        let text = element.get();
        let Address { symbol, event_ms, has_type } = address(text);
        routed.newest_ms = routed.newest_ms.max(event_ms);
        let Some(symbol) = symbol else {
            routed.malformed += 1;
            let record = if has_type { framed(&[text]) } else { flat(text) };
            routed.records.push(Record::without_key(record.into_bytes()));
            continue;
        };
        routed.trades += 1;
        let partition = partition_of(symbol.as_bytes(), partitions);
        let key = Symbol::new(&symbol);
        let group = *group_of.entry(symbol).or_insert_with(|| {
            groups.push((partition, key, Vec::new()));
            groups.len() - 1
        });
        if let Some((_, _, texts)) = groups.get_mut(group) {
            texts.push(text);
        }
    }
    routed.records.extend(groups.into_iter().map(|(partition, key, texts)| {
        let record = match texts.as_slice() {
            [one] if !address(one).has_type => flat(one),
            several => framed(several),
        };
        Record { partition, key, bytes: record.into_bytes() }
    }));
    routed
}

/// A frame of the log around elements.
fn framed(elements: &[&str]) -> String {
    flat(&format!(r#"{{"type":"trade","data":[{}]}}"#, elements.join(",")))
}

/// A record holds no line end. In JSON one can only stand between tokens, where a space means the same.
fn flat(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(routed: &Routed) -> Vec<(u32, &str)> {
        routed.records.iter().map(|record| (record.partition, std::str::from_utf8(&record.bytes).unwrap())).collect()
    }

    #[test]
    fn trades_of_a_symbol_share_a_record() {
        let text = r#"{"data":[{"s":"A","v":1},{"v":2,"s":"B"},{"s":"A","v":3.0}],"type":"trade"}"#;
        let routed = route(text, 1);
        let frame = r#"{"type":"trade","data":[{"s":"A","v":1},{"s":"A","v":3.0}]}"#;
        assert_eq!(texts(&routed), [(0, frame), (0, r#"{"v":2,"s":"B"}"#)]);
        assert_eq!((routed.trades, routed.malformed), (3, 0));
    }

    #[test]
    fn the_newest_trade_of_a_text_is_found() {
        let newest_ms = |text| route(text, 1).newest_ms;
        assert_eq!(newest_ms(r#"{"data":[{"t":5},17,{"t":9,"s":"A"},{"t":"x"}],"type":"trade"}"#), Some(9));
        for text in [r#"{"data":[{"s":"A"}],"type":"trade"}"#, r#"{"type":"ping"}"#, r#"{"data":[],"type":"trade"}"#] {
            assert_eq!(newest_ms(text), None, "{text}");
        }
    }

    #[test]
    fn a_record_has_its_symbol_as_key() {
        let long = "x".repeat(1_000);
        let text = format!(r#"{{"data":[{{"s":"A\u0042"}},{{"s":"{long}"}},17,{{"s":"AB"}}],"type":"trade"}}"#);
        let records = route(&text, 1).records;
        let keys: Vec<_> = records.iter().map(|record| record.key.as_ref().map(Symbol::as_str)).collect();
        // In the order of the records: the element without a symbol, the joined ones, and one that is too long for a
        // key.
        assert_eq!(keys, [None, Some("AB"), None]);
    }

    #[test]
    fn elements_without_symbol_go_to_partition_0() {
        let routed = route(r#"{"data":[17,{"p":1},{"s":"abc"}],"type":"trade"}"#, 1000);
        // murmur2("abc") is 479470107.
        assert_eq!(texts(&routed), [(0, "17"), (0, r#"{"p":1}"#), (107, r#"{"s":"abc"}"#)]);
        assert_eq!((routed.trades, routed.malformed), (1, 2));
    }

    #[test]
    fn no_text_of_the_feed_becomes_a_control_record() {
        let progress = r#"{"type":"progress","source":"x","event_ms":9000000000000}"#;
        let wrapped = format!(r#"{{"type":"trade","data":[{progress}]}}"#);
        assert_eq!(texts(&route(progress, 4)), [(0, wrapped.as_str())]);
        let element = format!(r#"{{"data":[{progress}],"type":"trade"}}"#);
        assert_eq!(texts(&route(&element, 4)), [(0, wrapped.as_str())]);
        // If a key occurs twice, the dataflow uses the last one; here the text is not a valid frame.
        for twice in [r#"{"type":"x","type":"bye","source":"x"}"#, r#"{"type":"trade","data":[],"type":"bye"}"#] {
            assert_eq!(texts(&route(twice, 4)), [(0, format!(r#"{{"type":"trade","data":[{twice}]}}"#).as_str())]);
        }
        // With the line end this is not JSON; in the log, which has none, it would be.
        let torn = "{\"type\":\"progress\",\"source\":\"x\n\",\"event_ms\":5}";
        let whole = r#"{"type":"trade","data":[{"type":"progress","source":"x ","event_ms":5}]}"#;
        assert_eq!(texts(&route(torn, 4)), [(0, whole)]);
        let with_symbol = r#"{"data":[{"type":"bye","source":"x","s":"A"}],"type":"trade"}"#;
        let expected = r#"{"type":"trade","data":[{"type":"bye","source":"x","s":"A"}]}"#;
        assert_eq!(texts(&route(with_symbol, 1)), [(0, expected)]);
    }

    #[test]
    fn other_texts_are_kept_and_pings_are_not() {
        assert_eq!(route(r#"{"type":"ping"}"#, 4), Routed::default());
        assert_eq!(texts(&route(r#"{"type":"news","data":[]}"#, 4)), [(0, r#"{"type":"news","data":[]}"#)]);
        assert_eq!(texts(&route("{\"type\":\n broken", 4)), [(0, "{\"type\":  broken")]);
        let complaint = route(r#"{"type":"error","msg":"Subscribing to too many symbols"}"#, 4);
        assert_eq!(complaint.complaint.as_deref(), Some("Subscribing to too many symbols"));
        assert!(complaint.records.is_empty());
    }
}
