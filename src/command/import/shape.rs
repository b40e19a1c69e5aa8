//! The kind of a line: its symbols and event times, as `import` needs them. Uses the dataflow's own decoder, so that both
//! always agree on what a trade is.

use dataflows::log::decode::{Control, RawTrade, Visitor, decode};
use dataflows::log::reject::Reason;

use crate::log::partitioner::partition_of;

/// Kind of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A trade, or a frame of trades.
    Trades {
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
        self.shape = match self.shape {
            Shape::Trades { partition, least_ms, greatest_ms } => Shape::Trades {
                partition: if partition == own { own } else { 0 },
                least_ms: least_ms.min(at),
                greatest_ms: greatest_ms.max(at),
            },
            _ => Shape::Trades { partition: own, least_ms: at, greatest_ms: at },
        };
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
        let one = Shape::Trades { partition: 340, least_ms: T, greatest_ms: T };
        assert_eq!(line(&trade("21", T)), one);
        assert_eq!(line(&format!(" {}\r", trade("21", T))), one);
        assert_eq!(line(&trade("foobar", T)), Shape::Trades { partition: 166, least_ms: T, greatest_ms: T });
        let frame = |trades: &[String]| format!(r#"{{"type":"trade","data":[{}]}}"#, trades.join(","));
        let same = [trade("21", T + 5), trade("21", T - 7), "7".to_string()];
        assert_eq!(line(&frame(&same)), Shape::Trades { partition: 340, least_ms: T - 7, greatest_ms: T + 5 });
        let mixed = [trade("21", T), trade("foobar", T + 1), trade("21", T)];
        assert_eq!(line(&frame(&mixed)), Shape::Trades { partition: 0, least_ms: T, greatest_ms: T + 1 });
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
