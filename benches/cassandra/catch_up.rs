//! Catching up from a backlog: `work --until-end` into Cassandra against `--store none`, which computes the same
//! and keeps nothing.

use std::time::Instant;

use tickline::store::address::StoreAddress;

use super::input::Feed;
use super::{Running, Servers, live, percentile::percentile};

/// Prints trades per second of both, for the backlog of an ordinary day and of a busy day.
pub fn run(servers: &Servers) {
    let trades = if servers.quick { 1_000_000 } else { 5_000_000 };
    let rounds = if servers.quick { 2 } else { 4 };
    println!("| 500 symbols, trades/s of event time | rows | none, M trades/s | Cassandra, M trades/s | ratio |");
    println!("| --- | --- | --- | --- | --- |");
    for per_second in [5_000, 20_000] {
        let topic = format!("backlog-{per_second}");
        live::fill(&servers.log(&topic), &Feed::random(500, per_second, trades));
        let (mut none, mut kept, mut rows) = (Vec::new(), Vec::new(), 0);
        // The first round warms up caches and the node's JIT, and is not counted.
        for round in 0..=rounds {
            let seconds = work(servers, &topic, "none");
            let store = servers.store(&format!("catch_up_{per_second}_{round}"));
            let with_rows = work(servers, &topic, &store);
            if round > 0 {
                none.push(seconds);
                kept.push(with_rows);
            }
            let mut reader = store.parse::<StoreAddress>().unwrap().open_reader().unwrap();
            rows = reader.frontier().unwrap().expect("a frontier").row.rows;
        }
        let rate = |seconds: &[f64]| trades as f64 / percentile(seconds, 50) / 1e6;
        let (none, kept) = (rate(&none), rate(&kept));
        println!("| {per_second} | {rows} | {none:.2} | {kept:.2} | {:.0} % |", 100.0 * kept / none);
    }
}

fn work(servers: &Servers, topic: &str, store: &str) -> f64 {
    let line = format!("work --log {} --store {store} --until-end --workers 2", servers.log(topic));
    let start = Instant::now();
    Running::start(servers, "catch_up", &line).wait();
    start.elapsed().as_secs_f64()
}
