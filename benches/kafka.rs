//! Benchmark of reading from Kafka: this program's own reader and the whole dataflow, compared with librdkafka.
//!
//! `cargo bench --bench kafka` starts a real broker (`scripts/kafka-server`), fills topics with one trade per record,
//! as other producers write it, uncompressed and with LZ4, and one with frames of 20 trades of one symbol, as `tickline
//! ingest` does. Then, in turns on the same machine, with as many threads as workers: librdkafka reads and discards, in
//! its two ways; the own reader does; its walk runs over the broker's files, without a broker; and `tickline work
//! --store none` runs with either reader. Results are medians. `-- --quick` takes a quarter of the trades; a word takes
//! the topics whose name holds it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a bench that cannot run must stop")]

use std::path::Path;
use std::process::Command;

use tickline::log::address::LogAddress;

#[path = "support/broker.rs"]
mod broker;
#[path = "support/bulk.rs"]
mod bulk;
#[path = "support/input.rs"]
#[allow(dead_code, reason = "the other bench uses the rest")]
mod input;
#[path = "support/librdkafka.rs"]
mod librdkafka;
#[path = "support/usage.rs"]
mod usage;

use broker::{Broker, start};
use input::{Feed, Input};
use librdkafka::By;
use usage::Usage;

/// The binary's own allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PARTITIONS: u32 = input::PARTITIONS as u32;
/// Trades per record of frames.
const FRAME_TRADES: usize = 20;
/// Runs of each kind; the first one is a warm-up.
const RUNS: usize = 6;

/// What is in a topic.
struct Topic {
    name: &'static str,
    codec: &'static str,
    frames: bool,
}

const TOPICS: [Topic; 3] = [
    Topic { name: "one-trade", codec: "none", frames: false },
    Topic { name: "one-trade-lz4", codec: "lz4", frames: false },
    Topic { name: "frames", codec: "none", frames: true },
];

/// Fills a topic, record by record.
fn fill(broker: &Broker, folder: &Path, topic: &Topic, feed: &Feed) -> u64 {
    let config = folder.join("client.properties");
    std::fs::write(&config, format!("compression.type={}\n", topic.codec)).unwrap();
    let text = format!("kafka://{}/{}?config={}", broker.address, topic.name, config.display());
    let address: LogAddress = text.parse().unwrap();
    address.create(PARTITIONS).unwrap();
    let mut writer = address.open_writer().unwrap();
    let Input::Json(partitions, _) = Input::json(feed) else { panic!("JSON was asked for") };
    let mut records = 0;
    for (partition, batches) in (0..).zip(&partitions) {
        let mut waiting: std::collections::BTreeMap<&[u8], Vec<&[u8]>> = std::collections::BTreeMap::new();
        for record in batches.iter().flat_map(|batch| batch.records.iter().map(|span| batch.record(span))) {
            if !topic.frames {
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

fn work(log: &str, workers: usize) -> Usage {
    let line = format!("work --log {log} --store none --until-end --max-out-of-orderness 5s --workers {workers}");
    usage::run(Command::new(env!("CARGO_BIN_EXE_tickline")).args(line.split(' ')))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.remove(0);
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn median_of(usages: &[Usage], value: fn(&Usage) -> f64) -> f64 {
    median(usages.iter().map(value).collect())
}

/// One line of the table.
fn measure(broker: &Broker, data: &Path, topic: &str, threads: usize, (records, trades): (u64, u64)) {
    let log = format!("kafka://{}/{topic}", broker.address);
    let (mut polls, mut batches, mut ours, mut walks) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut whole, mut with_librdkafka) = (Vec::new(), Vec::new());
    let library = |by| librdkafka::read_and_discard(&broker.address, topic, PARTITIONS, threads, records, by);
    for _ in 0..RUNS {
        polls.push(library(By::Polls));
        batches.push(library(By::Batches));
        ours.push(bulk::read_and_discard(&log, PARTITIONS, threads, records));
        walks.push(bulk::walk(data, topic, PARTITIONS, threads, records));
        whole.push(work(&log, threads));
        with_librdkafka.push(work(&format!("{log}?reader=librdkafka"), threads));
    }
    let rate = |count: u64, seconds: f64| count as f64 / seconds / 1e6;
    let (ours, walks) = (rate(records, median(ours)), rate(records, median(walks)));
    print!(
        "| {topic} | {threads} | {:.2} | {:.2} | {ours:.2} | {walks:.2} | {:.0} % |",
        rate(records, median(polls)),
        rate(records, median(batches)),
        100.0 * ours / walks,
    );
    for usages in [whole, with_librdkafka] {
        let per_million = median_of(&usages, |usage| usage.cpu) / trades as f64 * 1e6;
        let seconds = median_of(&usages, |usage| usage.seconds);
        print!(" {:.2} | {per_million:.2} | {:.0} |", rate(trades, seconds), median_of(&usages, |usage| usage.mib));
    }
    println!();
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let quick = std::env::args().any(|word| word == "--quick");
    let mut feed = Feed::dense();
    feed.trades /= if quick { 4 } else { 1 };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let broker = start(&folder.path().join("kafka"));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!(
        "{cores} cores, shared with the broker; {} trades of 500 symbols, {PARTITIONS} partitions; M records/s, and of \
         `work` M trades/s, seconds of processor time per M trades and MiB\n",
        feed.trades
    );
    println!(
        "| topic | threads | librdkafka by polls | by batches | own | walk | own to walk | work | CPU | MiB | with \
         librdkafka | CPU | MiB |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    let is_wanted = |topic: &&Topic| words.is_empty() || words.iter().any(|word| topic.name.contains(word.as_str()));
    for topic in TOPICS.iter().filter(is_wanted) {
        let records = fill(&broker, folder.path(), topic, &feed);
        for threads in [2, 1] {
            let data = folder.path().join("kafka/data");
            measure(&broker, &data, topic.name, threads, (records, feed.trades));
        }
    }
}
