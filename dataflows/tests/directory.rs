//! The symbol table as a differential collection, against a plain map that is filled record by record: as of every
//! offset, for any batching, records out of order within a batch, records that are read again, on one and two workers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use dataflows::progress::time::Time;
use dataflows::symbols::entry::{ENTRY_BYTES_MAX, Entry, Market, Status};
use dataflows::symbols::upserts::{Upsert, upserts};
use proptest::prelude::*;
use timely::dataflow::operators::{Input, Inspect, Probe};

const SYMBOLS: u8 = 6;

fn entry(symbol: u8, name: u8, status: Status) -> Entry {
    let text = format!(r#"{{"type":"symbol","symbol":"S{symbol}","name":"n{name}","market":"crypto","more":[1],"#);
    let text = format!(r#"{text}"status":"{}","first_seen_ms":1,"last_seen_ms":2,"as_of_ms":3}}"#, status.name());
    Entry::decode(text.as_bytes()).unwrap()
}

/// One batch that a reader hands over: how many new records, and some of those before it once more, from a sixteenth
/// of the way on.
#[derive(Clone, Debug)]
struct Batch {
    records: usize,
    again_from: usize,
    again: usize,
    reversed: bool,
}

fn batches() -> impl Strategy<Value = Vec<Batch>> {
    let batch = (1..9usize, 0..16usize, 0..5usize, any::<bool>());
    prop::collection::vec(
        batch.prop_map(|(records, again_from, again, reversed)| Batch { records, again_from, again, reversed }),
        1..12,
    )
}

fn entries() -> impl Strategy<Value = Vec<Entry>> {
    let status = prop_oneof![4 => Just(Status::Listed), 1 => Just(Status::Delisted), 2 => Just(Status::Withdrawn)];
    prop::collection::vec((0..SYMBOLS, 0..3u8, status).prop_map(|(s, n, status)| entry(s, n, status)), 1..60)
}

/// Every update that comes out, in any order.
fn run(workers: usize, log: Vec<(Time, Entry)>, batches: Vec<Batch>) -> Vec<(Entry, Time, i64)> {
    let (sender, updates) = mpsc::channel();
    let sender = Mutex::new(sender);
    let (log, batches) = (Arc::new(log), Arc::new(batches));
    timely::execute(timely::Config::process(workers), move |worker| {
        let out = sender.lock().unwrap().clone();
        let (mut input, probe) = worker.dataflow::<Time, _, _>(|scope| {
            let (input, records) = scope.new_input();
            let collection = upserts(records);
            let (probe, _) = collection.inner.inspect(move |update| out.send(update.clone()).unwrap()).probe();
            (input, probe)
        });
        let (mut next, is_reader) = (0, worker.index() == 0);
        for batch in batches.iter().cycle().take_while(|_| is_reader) {
            let again = &log[next * batch.again_from / 16..next];
            let mut records = again[..batch.again.min(again.len())].to_vec();
            records.extend_from_slice(&log[next..(next + batch.records).min(log.len())]);
            next = (next + batch.records).min(log.len());
            if batch.reversed {
                records.reverse();
            }
            records.into_iter().for_each(|(offset, entry)| input.send(Upsert { offset, entry }));
            if next == log.len() {
                break;
            }
            input.advance_to(log[next].0);
            worker.step_while(|| probe.less_than(input.time()));
        }
    })
    .unwrap()
    .join()
    .into_iter()
    .for_each(|joined| joined.unwrap());
    updates.try_iter().collect()
}

/// The definition: go through the log, and keep the last entry of each symbol.
fn oracle(log: &[(Time, Entry)], up_to: Time) -> BTreeMap<String, Entry> {
    let mut all = BTreeMap::new();
    for (_, entry) in log.iter().filter(|(offset, _)| *offset <= up_to) {
        all.insert(entry.symbol.to_string(), entry.clone());
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn collection_matches_map_at_every_offset(
        entries in entries(), gaps in prop::collection::vec(1..4u64, 60), batches in batches(),
    ) {
        // Compaction leaves gaps between the offsets.
        let offsets = gaps.iter().scan(0, |offset, gap| { *offset += gap; Some(*offset) });
        let log: Vec<(Time, Entry)> = offsets.zip(entries).collect();
        for workers in [1, 2] {
            let updates = run(workers, log.clone(), batches.clone());
            for (up_to, _) in &log {
                let mut sum: BTreeMap<&Entry, i64> = BTreeMap::new();
                for (entry, _, diff) in updates.iter().filter(|(_, time, _)| time <= up_to) {
                    *sum.entry(entry).or_default() += diff;
                }
                sum.retain(|_, count| *count != 0);
                let wanted = oracle(&log, *up_to);
                prop_assert!(sum.values().all(|count| *count == 1), "{sum:?}");
                prop_assert_eq!(sum.keys().copied().collect::<Vec<_>>(), {
                    let mut wanted: Vec<_> = wanted.values().collect();
                    wanted.sort();
                    wanted
                });
            }
        }
    }
}

#[test]
fn symbol_records_round_trip_and_reject_others() {
    let entry = Entry { market: Market::Stock, figi: "BBG000B9XRY4".into(), ..entry(1, 2, Status::Renamed) };
    let record = entry.encode().unwrap();
    let text = String::from_utf8(record.clone()).unwrap();
    assert!(text.starts_with(r#"{"type":"symbol","symbol":"S1","#), "{text}");
    assert_eq!(Entry::decode(&record).unwrap(), entry);
    let trade = r#"{"c":null,"p":1.5,"s":"A","t":1575526691134,"v":2}"#;
    let long = " ".repeat(ENTRY_BYTES_MAX + 1);
    for bad in ["", "x", trade, &long, &text.replace("S1", ""), &text.replace(r#""symbol","#, r#""progress","#)] {
        assert!(Entry::decode(bad.as_bytes()).is_err(), "{bad}");
    }
}
