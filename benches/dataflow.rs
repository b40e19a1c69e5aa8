//! Speed of the pure crate, in memory: trades a second of whole runs, from the first record fed to the last row out.
//!
//! All figures of the table come from one process on one machine, so that their ratios hold where absolute times drift.
//! `cargo bench --bench dataflow` runs all; `cargo bench --bench dataflow -- dense` those whose name holds the word.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a bench that cannot run must stop")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::Criterion;
use dataflows::settings::Settings;

mod support;

use support::input::{Feed, Input};
use support::{baseline, drive};

/// The binary's own allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Figure {
    name: &'static str,
    /// Millions a second that are asked for.
    target: f64,
    workers: usize,
    indicators: bool,
    input: fn() -> Input,
}

const FIGURES: [Figure; 9] = [
    Figure { name: "decoded, dense, candles", target: 8.0, workers: 1, indicators: false, input: dense_decoded },
    Figure { name: "decoded, sparse, candles", target: 1.5, workers: 1, indicators: false, input: sparse_decoded },
    Figure {
        name: "decoded, dense, 1 % late, candles",
        target: 5.0,
        workers: 1,
        indicators: false,
        input: late_decoded,
    },
    Figure {
        name: "decoded, dense, candles, 2 workers",
        target: 13.6,
        workers: 2,
        indicators: false,
        input: dense_decoded,
    },
    Figure {
        name: "decoded, sparse, candles, 2 workers",
        target: 2.55,
        workers: 2,
        indicators: false,
        input: sparse_decoded,
    },
    Figure { name: "decoded, dense, all indicators", target: 4.0, workers: 1, indicators: true, input: dense_decoded },
    Figure {
        name: "decoded, sparse, all indicators",
        target: 0.75,
        workers: 1,
        indicators: true,
        input: sparse_decoded,
    },
    Figure { name: "JSON, dense, candles", target: 4.0, workers: 1, indicators: false, input: dense_json },
    Figure { name: "JSON, dense, all indicators", target: 2.0, workers: 1, indicators: true, input: dense_json },
];

fn dense_decoded() -> Input {
    Input::decoded(&Feed::dense())
}

fn sparse_decoded() -> Input {
    Input::decoded(&Feed::sparse())
}

fn late_decoded() -> Input {
    Input::decoded(&Feed::dense().late())
}

fn dense_json() -> Input {
    Input::json(&Feed::dense())
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("dataflow");
    group.sample_size(10).warm_up_time(Duration::from_millis(1)).measurement_time(Duration::from_secs(1));
    let mut table = Vec::new();
    for figure in &FIGURES {
        let mut input = None;
        let settings = Settings { indicators: figure.indicators, ..support::settings() };
        let mut seconds = Vec::new();
        group.bench_function(figure.name, |bencher| {
            let input = input.get_or_insert_with(|| Arc::new((figure.input)()));
            bencher.iter_custom(|iterations| {
                let mut total = Duration::ZERO;
                for _ in 0..iterations {
                    let start = Instant::now();
                    drive::run(&settings, input, figure.workers);
                    seconds.push(start.elapsed().as_secs_f64());
                    total += start.elapsed();
                }
                total
            });
        });
        if let Some(input) = input {
            table.push(row(figure, &mut seconds, input.trades()));
        }
    }
    group.finish();
    if table.is_empty() {
        return;
    }
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("\n{cores} cores; millions of trades a second, median of the runs (least to greatest)\n");
    println!("| what | M trades/s | asked for | of it |\n| --- | --- | --- | --- |\n{}", table.join("\n"));
    let input = Input::json(&Feed::dense());
    println!("\n| baseline | M trades/s |\n| --- | --- |");
    println!("| bare loop: decode the same JSON and add up | {:.2} |", baseline::bare_decode(&input) / 1e6);
    let reduce = baseline::differential_reduce(&Feed::dense()) / 1e6;
    println!("| 5 s candles alone, by differential's reduce | {reduce:.2} |");
    let count = baseline::differential_count(&Feed::dense()) / 1e6;
    println!("| 5 s candles alone, as differences by differential's count_total | {count:.2} |");
}

fn row(figure: &Figure, seconds: &mut [f64], trades: u64) -> String {
    seconds.sort_by(f64::total_cmp);
    let rate = |seconds: f64| trades as f64 / seconds / 1e6;
    let median = rate(seconds[seconds.len() / 2]);
    let (least, greatest) = (rate(seconds[seconds.len() - 1]), rate(seconds[0]));
    let (name, target) = (figure.name, figure.target);
    format!("| {name} | {median:.2} ({least:.2} to {greatest:.2}) | {target:.2} | {:.0} % |", 100.0 * median / target)
}
