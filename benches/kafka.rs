//! Benchmark of reading from Kafka: throughput of the whole dataflow compared with the client library alone.
//!
//! `cargo bench --bench kafka` starts a real broker (`scripts/kafka-server`), fills a topic with one trade per record,
//! as other producers write it, and one with frames of 20 trades of one symbol, as `tickline ingest` does. Then, in
//! turns on the same machine: librdkafka reads and discards, and `tickline work --store none` runs, with as many
//! threads as workers. The result is the ratio of the medians. `-- --quick` takes a quarter of the trades.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a bench that cannot run must stop")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use tickline::log::address::LogAddress;

#[path = "support/broker.rs"]
mod broker;
#[path = "support/input.rs"]
#[allow(dead_code, reason = "the other bench uses the rest")]
mod input;
#[path = "support/librdkafka.rs"]
mod librdkafka;

use broker::{Broker, start};
use input::{Feed, Input};
use librdkafka::By;

/// The binary's own allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PARTITIONS: u32 = input::PARTITIONS as u32;
/// Trades per record of frames.
const FRAME_TRADES: usize = 20;
/// Runs of each kind; the first one is a warm-up.
const RUNS: usize = 6;

/// Fills a topic, record by record; batches are not compressed, as is a producer's default.
fn fill(broker: &Broker, folder: &Path, topic: &str, frames: bool, feed: &Feed) -> u64 {
    let config = folder.join("client.properties");
    std::fs::write(&config, "compression.type=none\n").unwrap();
    let text = format!("kafka://{}/{topic}?config={}", broker.address, config.display());
    let address: LogAddress = text.parse().unwrap();
    address.create(PARTITIONS).unwrap();
    let mut writer = address.open_writer().unwrap();
    let Input::Json(partitions, _) = Input::json(feed) else { panic!("JSON was asked for") };
    let mut records = 0;
    for (partition, batches) in (0..).zip(&partitions) {
        let mut waiting: std::collections::BTreeMap<&[u8], Vec<&[u8]>> = std::collections::BTreeMap::new();
        for record in batches.iter().flat_map(|batch| batch.records.iter().map(|span| batch.record(span))) {
            if !frames {
                writer.append(partition, Some(symbol(record)), record).unwrap();
                records += 1;
                continue;
            }
            let key = symbol(record);
            let together = waiting.entry(key).or_default();
            together.push(record);
            if together.len() == FRAME_TRADES {
                writer.append(partition, Some(key), &frame(together)).unwrap();
                records += 1;
                together.clear();
            }
        }
        for (key, together) in waiting.iter().filter(|(_, together)| !together.is_empty()) {
            writer.append(partition, Some(key), &frame(together)).unwrap();
            records += 1;
        }
    }
    writer.sync().unwrap();
    records
}

/// The symbol of a generated trade.
fn symbol(record: &[u8]) -> &[u8] {
    let start = memchr::memmem::find(record, b"\"s\":\"").unwrap() + 5;
    let len = memchr::memchr(b'"', &record[start..]).unwrap();
    &record[start..start + len]
}

fn frame(trades: &[&[u8]]) -> Vec<u8> {
    [br#"{"type":"trade","data":["#, trades.join(b",".as_slice()).as_slice(), b"]}"].concat()
}

fn work(broker: &Broker, topic: &str, workers: usize) -> f64 {
    let log = format!("kafka://{}/{topic}", broker.address);
    let workers = workers.to_string();
    let line = [
        "work",
        "--log",
        &log,
        "--store",
        "none",
        "--until-end",
        "--max-out-of-orderness",
        "5s",
        "--workers",
        &workers,
    ];
    let start = Instant::now();
    let status = Command::new(env!("CARGO_BIN_EXE_tickline")).args(line).stderr(Stdio::null()).status().unwrap();
    assert!(status.success(), "{line:?} ended with {status}");
    start.elapsed().as_secs_f64()
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.remove(0);
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

fn main() {
    let quick = std::env::args().any(|word| word == "--quick");
    let mut feed = Feed::dense();
    feed.trades /= if quick { 4 } else { 1 };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let broker = start(&folder.path().join("kafka"));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!(
        "{cores} cores, shared with the broker; {} trades of 500 symbols, {PARTITIONS} partitions; M records/s\n",
        feed.trades
    );
    println!(
        "| topic | threads | librdkafka by polls | by batches | work | work, trades | work to polls | to batches |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    for (topic, frames) in [("one-trade", false), ("frames", true)] {
        let records = fill(&broker, folder.path(), topic, frames, &feed);
        for threads in [2, 1] {
            let (mut polls, mut batches, mut whole) = (Vec::new(), Vec::new(), Vec::new());
            let alone = |by| librdkafka::read_and_discard(&broker.address, topic, PARTITIONS, threads, records, by);
            for _ in 0..RUNS {
                polls.push(alone(By::Polls));
                whole.push(work(&broker, topic, threads));
                batches.push(alone(By::Batches));
            }
            let (polls, batches, whole) = (median(polls), median(batches), median(whole));
            let rate = |count: u64, seconds: f64| count as f64 / seconds / 1e6;
            println!(
                "| {topic} | {threads} | {:.2} | {:.2} | {:.2} | {:.2} | {:.0} % | {:.0} % |",
                rate(records, polls),
                rate(records, batches),
                rate(records, whole),
                rate(feed.trades, whole),
                100.0 * polls / whole,
                100.0 * batches / whole
            );
        }
    }
}
