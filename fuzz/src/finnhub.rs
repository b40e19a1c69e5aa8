//! What Finnhub sends: texts of the feed on their way into the log, and lists of the REST interface.

use dataflows::log::decode::decode;
use serde_json::Value;
use serde_json::value::RawValue;
use tickline::finnhub::message::{Frame, has_trades, read};
use tickline::ingest::router::{Routed, route};
use tickline::log::partitioner::partition_of;

use crate::decoded::{Part, Parts};
use crate::symbol_list;

const PARTITIONS: u32 = 4;

/// Checks one text. What begins like a list is one of the REST interface.
pub fn check(data: &[u8]) {
    if data.trim_ascii_start().starts_with(b"[") {
        return symbol_list::check(data);
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    let routed = route(text, PARTITIONS);
    assert!(has_trades(text) <= (routed.trades + routed.malformed > 0));
    let Routed { records, trades, malformed, .. } = &routed;
    let mut parts = 0;
    for record in records {
        assert!(!record.bytes.contains(&b'\n') && !record.bytes.contains(&b'\r'), "a record of two lines");
        assert!(record.partition < PARTITIONS);
        let decoded = Parts::of(|parts| decode(&record.bytes, record.bytes.len() as u64, parts));
        parts += decoded.0.len() as u64;
        for part in &decoded.0 {
            match part {
                Part::Control(control) => panic!("the feed reports progress: {control}"),
                Part::Rejected { .. } => {}
                Part::Trade(trade) if record.key.is_some() => {
                    let key = record.key.as_ref().map(|key| key.as_str());
                    assert_eq!(key, Some(trade.symbol.as_str()), "the key of a record is another symbol");
                    assert_eq!(record.partition, partition_of(trade.symbol.as_bytes(), PARTITIONS));
                }
                Part::Trade(_) => assert_eq!(record.partition, 0),
            }
        }
    }
    assert_eq!(parts, trades + malformed, "elements are lost, or made up: {routed:?}");
    match read(text) {
        Frame::Trades(elements) => frame(text, &elements, &routed),
        Frame::Ping | Frame::Error(_) => assert_eq!(records.len(), 0),
        Frame::Other(_) => assert_eq!((records.len(), *malformed), (1, 1)),
    }
}

/// A frame: each element is in the log byte for byte, but for line ends.
fn frame(text: &str, elements: &[&RawValue], routed: &Routed) {
    assert_eq!(routed.trades + routed.malformed, elements.len() as u64);
    let value: Value = match serde_json::from_str(text) {
        Ok(value) => value,
        // A number that no double holds, or values nested too deeply for it.
        Err(_) => return,
    };
    assert_eq!(value["data"].as_array().map(Vec::len), Some(elements.len()));
    let newest =
        value["data"].as_array().into_iter().flatten().filter_map(|element| element.as_object()?.get("t")?.as_u64());
    assert_eq!(newest.max(), routed.newest_ms);
    for element in elements {
        let flat = element.get().replace(['\n', '\r'], " ");
        let holds = |bytes: &[u8]| bytes.windows(flat.len()).any(|window| window == flat.as_bytes());
        assert!(routed.records.iter().any(|record| holds(&record.bytes)), "{flat} is not in the log");
    }
}
