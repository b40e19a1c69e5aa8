//! Latency at several rates, until another client reads the new frontier, with all rows up to it: from the
//! acknowledgement of the progress record in Kafka, from the moment at which that record was due, and from the moment
//! at which each trade was due.
//!
//! What is late to be appended counts from when it was due, so a stall of the feed or of the broker is not left out.

use std::time::Duration;

use tickline::store::Range;
use tickline::store::address::StoreAddress;

use super::input::Feed;
use super::live::{Feeder, Reader};
use super::{Running, Servers, percentile::percentile};

/// Warm-up time, for the JIT of the node.
const WARM: Duration = Duration::from_secs(40);
/// Trades a second.
const RATES: [u64; 3] = [1_000, 5_000, 20_000];

/// Prints the distributions.
pub fn run(servers: &Servers) {
    let length = Duration::from_secs(if servers.quick { 30 } else { 120 });
    header();
    for per_second in RATES {
        measure(servers, per_second, length);
    }
}

fn measure(servers: &Servers, per_second: u64, length: Duration) {
    let seconds = (WARM + length).as_secs();
    let log = servers.log(&format!("latency-{per_second}"));
    let mut feeder = Feeder::new(&log, &Feed::random(500, per_second, per_second * (seconds + 5)));
    let store = servers.store(&format!("bench_latency_{per_second}"));
    let mut work = Running::start(servers, "latency", &format!("work --log {log} --store {store}"));
    let reader = Reader::start(&store);
    let start_ms = feeder.start_ms();
    feeder.pace(start_ms, WARM + length, || work.assert_runs());
    let last = *feeder.acknowledged.last_key_value().expect("a progress record").0;
    reader.wait_for(last, || work.assert_runs());
    let warm_ms = start_ms + WARM.as_millis() as u64;
    let acknowledged = reader.latencies_ms(&feeder.acknowledged, warm_ms);
    let due = reader.latencies_ms(&feeder.due, warm_ms);
    let of_trades = feeder.before_progress(warm_ms..last).filter_map(|(progress_ms, before)| {
        // Progress is due once a second from the first trade on.
        due.range(progress_ms..).next().map(|(next, latency)| latency + before + (next - progress_ms) as f64)
    });
    let name = format!("500 symbols, {per_second} trades/s");
    line(&format!("{name}: an advance, from its acknowledgement"), acknowledged.into_values());
    line(&format!("{name}: an advance, from when it was due"), due.values().copied());
    line(&format!("{name}: a trade, from when it was due"), of_trades);
    assert_rows_are_there(&store, last);
}

/// Header of a table of distributions.
pub fn header() {
    println!("| load | count | p50, ms | p90 | p99 | max |");
    println!("| --- | --- | --- | --- | --- | --- |");
}

/// Row of the table.
pub fn line(load: &str, latencies: impl Iterator<Item = f64>) {
    let latencies: Vec<f64> = latencies.collect();
    let [p50, p90, p99, max] = [50, 90, 99, 100].map(|percent| percentile(&latencies, percent));
    println!("| {load} | {} | {p50:.0} | {p90:.0} | {p99:.0} | {max:.0} |", latencies.len());
}

/// Counters of the frontier row.
fn assert_rows_are_there(store: &str, frontier: u64) {
    let mut reader = store.parse::<StoreAddress>().unwrap().open_reader().unwrap();
    let range = Range { from_ms: frontier - 60_000, to_ms: frontier, limit: 100 };
    let candles = reader.candles("BINANCE:SYM00007USDT", dataflows::progress::time::Resolution::S5, range).unwrap();
    assert!(candles.len() >= 11, "{} candles of the last minute", candles.len());
}
