//! Routing: a text of the feed becomes records of the log's partitions, byte for byte.
//!
//! Nothing is validated or dropped here. Elements without a symbol go to partition 0, where the dataflow rejects them
//! with their offset and the reason. No text of the feed may become a control record: a feed must not be able to report
//! progress.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::value::RawValue;

use crate::finnhub::message::{Address, Frame, address, read};
use crate::log::partitioner::partition_of;

/// Record and its partition.
pub type Record = (u32, Vec<u8>);

/// Records of a text.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Routed {
    /// In the order of the text.
    pub records: Vec<Record>,
    /// Elements with a symbol among them.
    pub trades: u64,
    /// Elements and texts without a symbol; they are among the records too.
    pub malformed: u64,
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
            let ours = kind.as_deref().is_some_and(|kind| matches!(kind, "progress" | "gap" | "bye" | "trade"));
            let record = if ours || address(text).has_type && kind.is_none() { framed(&[text]) } else { flat(text) };
            Routed { records: vec![(0, record)], malformed: 1, ..Routed::default() }
        }
    }
}

fn route_elements(elements: &[&RawValue], partitions: u32) -> Routed {
    let mut routed = Routed::default();
    let mut groups: Vec<(u32, Vec<&str>)> = Vec::new();
    // Only looked up, never iterated: the order is that of the frame.
    let mut group_of: HashMap<Cow<'_, str>, usize> = HashMap::new();
    for element in elements {
        let text = element.get();
        let Address { symbol, has_type } = address(text);
        let Some(symbol) = symbol else {
            routed.malformed += 1;
            routed.records.push((0, if has_type { framed(&[text]) } else { flat(text) }));
            continue;
        };
        routed.trades += 1;
        let partition = partition_of(symbol.as_bytes(), partitions);
        let group = *group_of.entry(symbol).or_insert_with(|| {
            groups.push((partition, Vec::new()));
            groups.len() - 1
        });
        if let Some((_, texts)) = groups.get_mut(group) {
            texts.push(text);
        }
    }
    routed.records.extend(groups.into_iter().map(|(partition, texts)| match texts.as_slice() {
        [one] if !address(one).has_type => (partition, flat(one)),
        several => (partition, framed(several)),
    }));
    routed
}

/// A frame of the log around elements.
fn framed(elements: &[&str]) -> Vec<u8> {
    flat(&format!(r#"{{"type":"trade","data":[{}]}}"#, elements.join(",")))
}

/// A record holds no line end. In JSON one can only stand between tokens, where a space means the same.
fn flat(text: &str) -> Vec<u8> {
    text.bytes().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte }).collect()
}

/// The promise that trades behind it in the partition have `event_ms` or a later time.
pub fn progress(source: &str, event_ms: u64) -> Vec<u8> {
    format!(r#"{{"type":"progress","source":{},"event_ms":{event_ms}}}"#, quoted(source)).into_bytes()
}

/// Trades of this span may be missing.
pub fn gap(source: &str, from_ms: u64, to_ms: u64, cause: &str) -> Vec<u8> {
    let (source, cause) = (quoted(source), quoted(cause));
    format!(r#"{{"type":"gap","source":{source},"from_ms":{from_ms},"to_ms":{to_ms},"cause":{cause}}}"#).into_bytes()
}

/// The cause of a gap for records that the log did not take.
pub fn lost_cause(records: u64) -> String {
    format!("the log did not take {records} records in time")
}

/// The source promises no more and sends no more.
pub fn bye(source: &str) -> Vec<u8> {
    format!(r#"{{"type":"bye","source":{}}}"#, quoted(source)).into_bytes()
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(routed: &Routed) -> Vec<(u32, &str)> {
        routed.records.iter().map(|(partition, bytes)| (*partition, std::str::from_utf8(bytes).unwrap())).collect()
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
        // Of a key that comes twice the last counts for the dataflow; here the text is no frame at all.
        for twice in [r#"{"type":"x","type":"bye","source":"x"}"#, r#"{"type":"trade","data":[],"type":"bye"}"#] {
            assert_eq!(texts(&route(twice, 4)), [(0, format!(r#"{{"type":"trade","data":[{twice}]}}"#).as_str())]);
        }
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

    #[test]
    fn control_records_are_json() {
        assert_eq!(progress("a\"b", 5), br#"{"type":"progress","source":"a\"b","event_ms":5}"#);
        assert_eq!(gap("s", 1, 2, "x"), br#"{"type":"gap","source":"s","from_ms":1,"to_ms":2,"cause":"x"}"#);
        assert_eq!(bye("s"), br#"{"type":"bye","source":"s"}"#);
    }
}
