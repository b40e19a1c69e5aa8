//! Latency from the acknowledgement of a progress record in Kafka to the moment when another client reads the new
//! frontier, with all rows up to it.

use std::time::Duration;

use tickline::store::Range;
use tickline::store::address::StoreAddress;

use super::input::Feed;
use super::live::{Feeder, Reader};
use super::{Running, Servers, percentile::percentile};

/// Warm-up time, for the JIT of the node.
const WARM: Duration = Duration::from_secs(40);
const PER_SECOND: u64 = 5_000;

/// Prints the distribution.
pub fn run(servers: &Servers) {
    let length = Duration::from_secs(if servers.quick { 30 } else { 120 });
    let seconds = (WARM + length).as_secs();
    let log = servers.log("latency");
    let mut feeder = Feeder::new(&log, &Feed::random(500, PER_SECOND, PER_SECOND * (seconds + 5)));
    let store = servers.store("bench_latency");
    let mut work = Running::start(servers, "latency", &format!("work --log {log} --store {store}"));
    let reader = Reader::start(&store);
    let start_ms = feeder.start_ms();
    feeder.pace(start_ms, WARM + length, || work.assert_runs());
    let last = *feeder.acknowledged.last_key_value().expect("a progress record").0;
    reader.wait_for(last, || work.assert_runs());
    let latencies = reader.latencies_ms(&feeder.acknowledged, start_ms + WARM.as_millis() as u64);
    header();
    line(&format!("500 symbols, {PER_SECOND} trades/s"), &latencies);
    assert_rows_are_there(&store, last);
}

/// Header of a table of distributions.
pub fn header() {
    println!("| load | advances | p50, ms | p90 | p99 | max |");
    println!("| --- | --- | --- | --- | --- | --- |");
}

/// Row of the table.
pub fn line(load: &str, latencies: &[f64]) {
    let [p50, p90, p99, max] = [50, 90, 99, 100].map(|percent| percentile(latencies, percent));
    println!("| {load} | {} | {p50:.0} | {p90:.0} | {p99:.0} | {max:.0} |", latencies.len());
}

/// Counters of the frontier row.
fn assert_rows_are_there(store: &str, frontier: u64) {
    let mut reader = store.parse::<StoreAddress>().unwrap().open_reader().unwrap();
    let range = Range { from_ms: frontier - 60_000, to_ms: frontier, limit: 100 };
    let candles = reader.candles("BINANCE:SYM00007USDT", dataflows::progress::time::Resolution::S5, range).unwrap();
    assert!(candles.len() >= 11, "{} candles of the last minute", candles.len());
}
