//! Speed and memory of the whole binary on the embedded log and store: `cargo bench --bench end_to_end`.
//!
//! Synthetic trades are printed by the simulator and imported; then the log is replayed and worked off, and a log ten
//! times as long with the same symbols shows that memory stays level. Peak memory is the kernel's own figure for the
//! process.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a bench that cannot run must stop")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const TICKLINE: &str = env!("CARGO_BIN_EXE_tickline");
/// Trades of the short log; the long one has ten times as many.
const TRADES: u64 = 1_000_000;

/// Seconds, and peak memory in MiB.
struct Run {
    seconds: f64,
    peak_mib: u64,
}

fn run(args: &[&str], folder: &Path) -> Run {
    let start = Instant::now();
    let mut child = Command::new(TICKLINE)
        .args(args)
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let mut peak_mib = 0;
    loop {
        peak_mib = peak_mib.max(peak_of(child.id()));
        match child.try_wait().expect("the child is ours") {
            Some(status) => {
                assert!(status.success(), "{args:?} ended with {status}");
                return Run { seconds: start.elapsed().as_secs_f64(), peak_mib };
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

fn peak_of(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) / 1_024
}

fn make_log(folder: &Path, name: &str, trades: u64) -> Run {
    let file = std::fs::File::create(folder.join("trades.jsonl")).expect("the folder is ours");
    let count = trades.to_string();
    let mut simulate = Command::new(TICKLINE);
    let status = simulate.args(["simulate", "--print", &count]).stdout(file).status().expect("the binary starts");
    assert!(status.success());
    run(&["import", "trades.jsonl", "--log", name], folder)
}

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("{cores} cores; simulated feed of 62 symbols, JSON Lines in 4 partitions\n");
    println!("| what | trades | M trades/s | peak MiB |\n| --- | --- | --- | --- |");
    let row = |what: &str, trades: u64, run: &Run| {
        println!("| {what} | {trades} | {:.2} | {} |", trades as f64 / run.seconds / 1e6, run.peak_mib);
    };
    for (name, trades) in [("dir:short", TRADES), ("dir:long", 10 * TRADES)] {
        row("import (two passes)", trades, &make_log(folder, name, trades));
        for workers in ["1", "2"] {
            let replay = run(&["replay", "--log", name, "--workers", workers], folder);
            row(&format!("replay, {workers} workers"), trades, &replay);
        }
        let store = format!("sqlite:{}.db", name.trim_start_matches("dir:"));
        let work = run(&["work", "--log", name, "--store", &store, "--workers", "2", "--until-end"], folder);
        row("work into SQLite, 2 workers", trades, &work);
    }
}
