//! What a line is, as far as `import` must know: whose trades it holds and when they happened. The dataflow's own
//! decoder says so, so that both always agree on what a trade is.

use dataflows::log::control::Control;
use dataflows::log::decode::{RawTrade, Visitor, decode};
use dataflows::log::reject::Reason;

use crate::log::partitioner::partition_of;

/// What a line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A trade, or a frame that holds some.
    Trades {
        /// The symbol of the first trade, which is the record's key.
        key: String,
        /// Where it goes: by its symbol; a frame whose symbols belong to several partitions goes to partition 0.
        partition: u32,
        /// Least event time in milliseconds.
        least_ms: u64,
        /// Greatest event time in milliseconds.
        greatest_ms: u64,
    },
    /// A record by which another source promises or leaves.
    Progress,
    /// Anything else. It goes to partition 0, where it will be counted or refused.
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

/// Looks at a line.
pub fn shape(line: &[u8], partitions: u32) -> Shape {
    let mut look = Look { partitions, shape: Shape::Other };
    decode(line, line.len() as u64, &mut look);
    look.shape
}

struct Look {
    partitions: u32,
    shape: Shape,
}

impl Visitor for Look {
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
    fn trades_and_frames_go_by_their_symbols() {
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
    fn what_is_no_trade_is_told_apart() {
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
