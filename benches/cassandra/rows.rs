//! Rows per second: `write` of the store compared with the best grouping of the driver baseline.

use std::time::Instant;

use tickline::store::address::StoreAddress;

use super::driver::{Driver, Shape, ready};
use super::{Servers, made_up, percentile::percentile};

/// Groupings and concurrency limits of the driver baseline. A batch stays below 5 KiB, as the server counts.
const ALONE: [(Shape, usize); 7] = [
    (Shape::Single, 64),
    (Shape::Single, 256),
    (Shape::Single, 1024),
    (Shape::Partition(8), 128),
    (Shape::Key(8), 128),
    (Shape::Any(10), 32),
    (Shape::Any(10), 128),
];

/// Prints both, for an advance of the frontier by a time step and by a minute.
pub fn run(servers: &Servers) {
    let text = servers.store("bench_rows");
    let driver = Driver::new(&servers.node.address, "bench_rows");
    let mut store = text.parse::<StoreAddress>().unwrap().open_writer().unwrap();
    store.open_epoch().unwrap();
    println!("| 500 symbols, an advance by | rows | ours, rows/s | driver alone, rows/s | shape, in flight | ratio |");
    println!("| --- | --- | --- | --- | --- | --- |");
    let scale = if servers.quick { 3 } else { 1 };
    let mut end_ms = made_up::START_MS;
    for (seconds, rounds) in [(1, 60 / scale), (60, 15 / scale)] {
        let mut next = || {
            end_ms += seconds * 1_000;
            made_up::rows(500, end_ms, seconds)
        };
        let warm = rounds / 3;
        let (mut ours, mut alone) = (Vec::new(), vec![Vec::new(); ALONE.len()]);
        let mut count = 0;
        for round in 0..warm + rounds {
            let rows = next();
            count = rows.candles.len() + rows.indicators.len();
            let start = Instant::now();
            store.write(&rows).unwrap();
            let took = start.elapsed();
            if round >= warm {
                ours.push(took.as_secs_f64());
            }
            for ((shape, in_flight), seconds) in ALONE.into_iter().zip(&mut alone) {
                let rows = ready(&next());
                let start = Instant::now();
                driver.write(rows, shape, in_flight);
                let took = start.elapsed();
                if round >= warm {
                    seconds.push(took.as_secs_f64());
                }
            }
        }
        let rate = |seconds: &[f64]| count as f64 / percentile(seconds, 50);
        let ours = rate(&ours);
        let alone: Vec<f64> = alone.iter().map(|seconds| rate(seconds)).collect();
        let best = alone.iter().copied().fold(0.0, f64::max);
        for ((shape, in_flight), rate) in ALONE.iter().zip(&alone) {
            let mark = if *rate == best { " (best)" } else { "" };
            let ratio = 100.0 * ours / rate;
            println!("| {seconds} s | {count} | {ours:.0} | {rate:.0} | {shape:?}, {in_flight}{mark} | {ratio:.0} % |");
        }
    }
}
