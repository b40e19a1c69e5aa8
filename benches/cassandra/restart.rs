//! A restart with the state of 30,000 symbols over the default allowed lateness, and what a checkpoint of it costs.

use std::time::{Duration, Instant};

use tickline::store::Checkpoint;
use tickline::store::address::StoreAddress;

use super::driver::Driver;
use super::input::Feed;
use super::live::{Feeder, Reader};
use super::{Running, Servers, latency, percentile::percentile};

const SYMBOLS: u64 = 30_000;
/// Event time before the first restart: the allowed lateness and a little more.
const FILLED_MS: u64 = 17 * MINUTE_MS;
/// Growth of the log while no worker runs.
const AWAY_MS: u64 = 30_000;
const MINUTE_MS: u64 = 60_000;

/// Prints the results.
pub fn run(servers: &Servers) {
    let rounds = if servers.quick { 2 } else { 5 };
    let per_second = if servers.quick { 200 } else { 1_000 };
    let live = Duration::from_secs(if servers.quick { 70 } else { 130 });
    let seconds = FILLED_MS / 1_000 + 60 * 20 + 30 * rounds + 2 * live.as_secs() + 60;
    let (log, keyspace) = (servers.log("restart"), "bench_restart");
    let mut feeder = Feeder::new(&log, &Feed::random(SYMBOLS, per_second, per_second * seconds));
    let store = servers.store(keyspace);
    let driver = Driver::new(&servers.node.address, keyspace);
    let checkpoint = || driver.number("SELECT toUnixTimestamp(frontier) FROM checkpoints WHERE pipeline = 'tickline'");
    let line = format!("work --log {log} --store {store}");
    println!("{SYMBOLS} symbols, {per_second} trades/s of event time, allowed lateness 15 min\n");

    let mut end_ms = feeder.start_ms();
    feeder.fill(end_ms, end_ms + FILLED_MS);
    end_ms += FILLED_MS;
    let mut work = Running::start(servers, "fill", &format!("{line} --checkpoint-every 1s"));
    let reader = Reader::start(&store);
    reader.wait_for(end_ms, || work.assert_runs());
    while (checkpoint() as u64) < end_ms {
        feeder.fill(end_ms, end_ms + MINUTE_MS);
        end_ms += MINUTE_MS;
        reader.wait_for(end_ms, || work.assert_runs());
        std::thread::sleep(Duration::from_secs(2));
    }
    drop(work);

    let (mut first, mut caught_up) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let before = reader.newest();
        feeder.fill(end_ms, end_ms + AWAY_MS);
        end_ms += AWAY_MS;
        let start = Instant::now();
        let mut work = Running::start(servers, "restart", &line);
        first.push((reader.wait_for(before + 1, || work.assert_runs()) - start).as_secs_f64());
        caught_up.push((reader.wait_for(end_ms, || work.assert_runs()) - start).as_secs_f64());
    }
    let [first_p50, first_max] = [50, 100].map(|percent| percentile(&first, percent));
    let [caught_up_p50, caught_up_max] = [50, 100].map(|percent| percentile(&caught_up, percent));
    println!("| after a restart | median, s | max, s |");
    println!("| --- | --- | --- |");
    println!("| first new durable frontier | {first_p50:.2} | {first_max:.2} |");
    println!("| caught up with the log | {caught_up_p50:.2} | {caught_up_max:.2} |\n");

    latency::header();
    for (every, load) in [("1h", "no checkpoint"), ("20s", "a checkpoint in each minute")] {
        let mut work = Running::start(servers, "live", &format!("{line} --checkpoint-every {every}"));
        let (from_ms, before) = (end_ms, checkpoint());
        feeder.pace(end_ms, live, || work.assert_runs());
        end_ms = *feeder.acknowledged.last_key_value().expect("a progress record").0;
        reader.wait_for(end_ms, || work.assert_runs());
        assert_eq!(every != "1h", checkpoint() > before, "checkpoints as meant");
        latency::line(
            &format!("{per_second} trades/s, {load}"),
            reader.latencies_ms(&feeder.acknowledged, from_ms + 10_000).values().copied(),
        );
    }
    cost(&store);
}

/// Reads the checkpoint and writes it again.
fn cost(text: &str) {
    let mut store = text.parse::<StoreAddress>().unwrap().open_writer().unwrap();
    let (epoch, Some(checkpoint)) = store.open_epoch().unwrap() else { panic!("there is a checkpoint") };
    let start = Instant::now();
    let keys = store.stored_segments().unwrap();
    let segments = store.segments(&keys).unwrap();
    let read = start.elapsed().as_secs_f64();
    let bytes: usize = segments.iter().map(Vec::len).sum();
    // Each under a time of its own, so that those of one shard do not replace each other.
    let at = |nth: usize| checkpoint.frontier + MINUTE_MS + nth as u64;
    let start = Instant::now();
    for (nth, (key, bytes)) in keys.iter().zip(&segments).enumerate() {
        store.put_segments(epoch, at(nth), &[(key.shard, bytes)]).unwrap();
    }
    store.commit_checkpoint(epoch, &Checkpoint { frontier: at(0), ..checkpoint }, &keys).unwrap();
    let written = start.elapsed().as_secs_f64();
    println!("\nA checkpoint: {:.1} MB, read in {read:.2} s, written in {written:.2} s.", bytes as f64 / 1e6);
}
