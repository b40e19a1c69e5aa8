//! The kind of a record: its symbols and event times, as an import needs them. Uses the dataflow's own decoder, so that
//! both always agree on what a trade is.

use dataflows::log::control::Control;
use dataflows::log::decode::{RawTrade, Visitor, decode};
use dataflows::log::reject::Reason;

use crate::log::partitioner::partition_of;

/// What a record holds. One value is used for many records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    partitions: u32,
    /// Symbol of the first trade: the record's key.
    pub key: String,
    /// Symbols that differ from that of the trade before them.
    pub other_symbols: Vec<String>,
    /// Partition of the symbols; 0 if they belong to several partitions, or if there is no trade.
    pub partition: u32,
    /// Earliest event time in milliseconds.
    pub least_ms: u64,
    /// Latest event time in milliseconds.
    pub greatest_ms: u64,
    /// Number of trades.
    pub trades: u64,
    /// Number of trades that will be rejected, or 1 for a record that will be.
    pub rejected: u64,
    /// The first reason for that.
    pub reason: Option<Reason>,
    /// A control record of a source that reports progress, or of an import.
    pub is_progress: bool,
}

impl Shape {
    /// A value for records of a log with this number of partitions.
    pub fn new(partitions: u32) -> Self {
        Self { partitions, ..Self::default() }
    }

    /// Decodes a record.
    pub fn read(&mut self, record: &[u8]) {
        self.key.clear();
        self.other_symbols.clear();
        (self.partition, self.trades, self.rejected, self.reason, self.is_progress) = (0, 0, 0, None, false);
        decode(record, record.len() as u64, self);
    }

    /// The key of the record; `None` without a trade.
    pub fn key(&self) -> Option<&str> {
        (self.trades > 0).then_some(&*self.key)
    }
}

impl Visitor for Shape {
    fn trade(&mut self, _index: u32, trade: &RawTrade<'_>) {
        let at = trade.event_ms;
        self.trades += 1;
        if self.trades == 1 {
            self.key.push_str(trade.symbol);
            self.partition = partition_of(trade.symbol.as_bytes(), self.partitions);
            (self.least_ms, self.greatest_ms) = (at, at);
            return;
        }
        (self.least_ms, self.greatest_ms) = (at.min(self.least_ms), at.max(self.greatest_ms));
        if self.other_symbols.last().unwrap_or(&self.key) != trade.symbol {
            let own = partition_of(trade.symbol.as_bytes(), self.partitions);
            self.partition = if self.partition == own { own } else { 0 };
            self.other_symbols.push(trade.symbol.to_owned());
        }
    }

    fn control(&mut self, control: Control<'_>) {
        self.is_progress = !matches!(control, Control::Gap { .. });
    }

    fn reject(&mut self, _index: u32, reason: Reason, _: &[u8]) {
        self.rejected += 1;
        self.reason = self.reason.or(Some(reason));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: u64 = 1_575_526_691_134;

    fn trade(symbol: &str, at: u64) -> String {
        format!(r#"{{"c":null,"p":1.5,"s":"{symbol}","t":{at},"v":2}}"#)
    }

    fn shape(text: &str) -> Shape {
        let mut shape = Shape::new(1_000);
        shape.read(trade("before", 5 * T).as_bytes());
        shape.read(text.as_bytes());
        shape
    }

    #[test]
    fn symbols_decide_the_partition() {
        let check = |text: &str, key: Option<&str>, partition, times: [u64; 2], rejected| {
            let found = shape(text);
            assert_eq!((found.key(), found.partition, found.rejected), (key, partition, rejected), "{text}");
            assert_eq!([found.least_ms, found.greatest_ms], times, "{text}");
        };
        // "21" goes to 340 and "foobar" to 166 of 1000: Kafka's own golden hashes, masked and divided by hand.
        check(&trade("21", T), Some("21"), 340, [T, T], 0);
        check(&format!(" {}\r", trade("21", T)), Some("21"), 340, [T, T], 0);
        check(&trade("foobar", T), Some("foobar"), 166, [T, T], 0);
        let frame = |trades: &[String]| format!(r#"{{"type":"trade","data":[{}]}}"#, trades.join(","));
        let same = ["7".to_string(), trade("21", T + 5), trade("21", T - 7), "7".to_string()];
        check(&frame(&same), Some("21"), 340, [T - 7, T + 5], 2);
        let mixed = [trade("21", T), trade("foobar", T + 1), trade("21", T)];
        check(&frame(&mixed), Some("21"), 0, [T, T + 1], 0);
    }

    #[test]
    fn other_records_are_recognized() {
        for text in ["", "{", "[]", r#"{"s":"A"}"#, r#"{"type":"ping"}"#, &trade("A", 5)] {
            let found = shape(text);
            assert_eq!((found.key(), found.rejected, found.is_progress), (None, 1, false), "{text}");
            assert!(found.reason.is_some());
        }
        for (text, is_progress) in [
            (r#"{"type":"trade","data":[]}"#, false),
            (r#"{"type":"gap","source":"x","from_ms":1,"to_ms":2,"cause":"y"}"#, false),
            (r#"{"type":"bye","source":"x"}"#, true),
            (r#"{"type":"progress","source":"x","event_ms":1575526691134}"#, true),
        ] {
            let found = shape(text);
            assert_eq!((found.key(), found.rejected, found.is_progress), (None, 0, is_progress), "{text}");
        }
    }
}
