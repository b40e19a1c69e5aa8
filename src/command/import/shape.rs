//! The kind of a line: its symbols and event times, as `import` needs them. Uses the dataflow's own decoder, so that
//! both always agree on what a trade is.

use dataflows::log::control::Control;
use dataflows::log::decode::{RawTrade, Visitor, decode};
use dataflows::log::reject::Reason;

use crate::log::partitioner::partition_of;

/// Kind of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A trade, or a frame of trades.
    Trades {
        /// The symbol of the first trade: the record's key.
        key: String,
        /// Partition of its symbol; 0 for a frame whose symbols belong to several partitions.
        partition: u32,
        /// Earliest event time in milliseconds.
        least_ms: u64,
        /// Latest event time in milliseconds.
        greatest_ms: u64,
    },
    /// A progress or bye record of another source.
    Progress,
    /// Anything else. It goes to partition 0, where it will be counted or rejected.
    Other,
}

impl Shape {
    /// The key of a record of this shape.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Trades { key, .. } => Some(key),
            Self::Progress | Self::Other => None,
        }
    }
}

/// Decodes a line.
pub fn shape(line: &[u8], partitions: u32) -> Shape {
    let mut classifier = Classifier { partitions, shape: Shape::Other };
    decode(line, line.len() as u64, &mut classifier);
    classifier.shape
}

struct Classifier {
    partitions: u32,
    shape: Shape,
}

impl Visitor for Classifier {
    fn trade(&mut self, _index: u32, trade: &RawTrade<'_>) {
        let (own, at) = (partition_of(trade.symbol.as_bytes(), self.partitions), trade.event_ms);
        match &mut self.shape {
            Shape::Trades { partition, least_ms, greatest_ms, .. } => {
                *partition = if *partition == own { own } else { 0 };
                *least_ms = at.min(*least_ms);
                *greatest_ms = at.max(*greatest_ms);
            }
            _ => {
                let key = trade.symbol.to_owned();
                self.shape = Shape::Trades { key, partition: own, least_ms: at, greatest_ms: at };
            }
        }
    }

    fn control(&mut self, control: Control<'_>) {
        if !matches!(control, Control::Gap) {
            self.shape = Shape::Progress;
        }
    }

    fn reject(&mut self, _index: u32, _reason: Reason) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trade(symbol: &str, at: u64) -> String {
        format!(r#"{{"c":null,"p":1.5,"s":"{symbol}","t":{at},"v":2}}"#)
    }

    #[test]
    fn symbols_decide_the_partition() {
        const T: u64 = 1_575_526_691_134;
        let line = |text: &str| shape(text.as_bytes(), 1_000);
        // "21" goes to 340 and "foobar" to 166 of 1000: Kafka's own golden hashes, masked and divided by hand.
        let trades = |key: &str, partition, least_ms, greatest_ms| {
            let key = key.to_owned();
            Shape::Trades { key, partition, least_ms, greatest_ms }
        };
        assert_eq!(line(&trade("21", T)), trades("21", 340, T, T));
        assert_eq!(line(&format!(" {}\r", trade("21", T))), trades("21", 340, T, T));
        assert_eq!(line(&trade("foobar", T)), trades("foobar", 166, T, T));
        let frame = |trades: &[String]| format!(r#"{{"type":"trade","data":[{}]}}"#, trades.join(","));
        let same = ["7".to_string(), trade("21", T + 5), trade("21", T - 7), "7".to_string()];
        assert_eq!(line(&frame(&same)), trades("21", 340, T - 7, T + 5));
        let mixed = [trade("21", T), trade("foobar", T + 1), trade("21", T)];
        assert_eq!(line(&frame(&mixed)), trades("21", 0, T, T + 1));
        assert_eq!(line(&frame(&mixed)).key(), Some("21"));
        assert_eq!(line(r#"{"type":"progress","source":"s","event_ms":5}"#).key(), None);
    }

    #[test]
    fn other_records_are_recognized() {
        let line = |text: &str| shape(text.as_bytes(), 4);
        for text in
            ["", "{", "[]", r#"{"s":"A"}"#, r#"{"type":"trade","data":[]}"#, r#"{"type":"ping"}"#, &trade("A", 5)]
        {
            assert_eq!(line(text), Shape::Other, "{text}");
        }
        assert_eq!(line(r#"{"type":"gap","source":"x","from_ms":1,"to_ms":2,"cause":"y"}"#), Shape::Other);
        assert_eq!(line(r#"{"type":"bye","source":"x"}"#), Shape::Progress);
        assert_eq!(line(r#"{"type":"progress","source":"x","event_ms":1575526691134}"#), Shape::Progress);
    }
}
