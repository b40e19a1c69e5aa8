//! Ingest into Kafka: trades per second, memory, and latency from the socket to the acknowledgement.
//!
//! `cargo bench --bench ingest` starts a real broker (`scripts/kafka-server`), `tickline simulate` and
//! `tickline ingest`, all on this machine: once with as many trades as the simulator can make, once with about 5,000 a
//! second. `-- --quick` measures a quarter of the time.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a bench that cannot run must stop")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use simulator::universe::Universe;
use tickline::log::address::LogAddress;

#[path = "support/broker.rs"]
mod broker;
#[path = "support/process.rs"]
mod process;

/// Warm-up time.
const WARM: Duration = Duration::from_secs(5);
const PARTITIONS: u32 = 4;

/// Running `tickline` process.
struct Running(process::Process, BufReader<ChildStdout>);

impl Running {
    fn start(folder: &Path, line: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tickline"));
        command.args(line.split_whitespace()).current_dir(folder).env("FINNHUB_TOKEN", "bench");
        let mut process = process::Process::spawn(command.stdout(Stdio::piped()).stderr(Stdio::null()));
        let stdout = BufReader::new(process.0.stdout.take().unwrap());
        Self(process, stdout)
    }

    /// The address after these words on standard output.
    fn address(&mut self, words: &str) -> String {
        let mut line = String::new();
        self.1.read_line(&mut line).unwrap();
        let rest = line.split(words).nth(1).unwrap_or_else(|| panic!("{words} is not in {line:?}"));
        rest.split('/').next().unwrap().to_owned()
    }

    /// Peak memory in MiB.
    fn memory_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.0.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap() / 1024
    }
}

/// Metrics: trades, rejected trades, and acknowledgements up to each number of seconds.
struct Numbers {
    trades: u64,
    rejected: u64,
    buckets: Vec<(String, u64)>,
}

fn scrape(address: &str) -> Numbers {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let number = |name: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix(name));
        value.unwrap_or_else(|| panic!("{name} is missing: {text}")).trim().parse().unwrap()
    };
    let bucket = |line: &str| {
        let (bound, count) =
            line.strip_prefix("tickline_ingest_acknowledgement_seconds_bucket{le=\"")?.split_once("\"} ")?;
        Some((bound.to_owned(), count.parse().unwrap()))
    };
    Numbers {
        trades: number("tickline_ingest_trades_total "),
        rejected: number("tickline_ingest_rejected_total "),
        buckets: text.lines().filter_map(bucket).collect(),
    }
}

/// Bound in seconds of the first bucket with at least this percentage of the acknowledgements in between.
fn percentile(before: &Numbers, after: &Numbers, percent: u64) -> String {
    let counts = before.buckets.iter().zip(&after.buckets).map(|((_, was), (bound, is))| (bound, is - was));
    let counts: Vec<_> = counts.collect();
    let all = counts.last().map_or(0, |(_, count)| *count);
    let found = counts.into_iter().find(|(_, count)| count * 100 >= all * percent);
    found.map_or_else(String::new, |(bound, _)| bound.clone())
}

fn main() {
    let quick = std::env::args().any(|word| word == "--quick");
    let span = Duration::from_secs(if quick { 10 } else { 40 });
    let folder = tempfile::tempdir().expect("a temporary folder");
    let broker = broker::start(&folder.path().join("kafka"));
    std::fs::write(folder.path().join("list"), Universe::new(Universe::NAMED).symbols().join("\n")).unwrap();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("{cores} cores, shared with simulator and broker; {} symbols, {PARTITIONS} partitions\n", Universe::NAMED);
    println!("| activity | trades/s | rejected | memory, MiB | acknowledged after, s: p50 | p99 |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for activity in [1_000, 16] {
        let log = format!("kafka://{}/activity-{activity}", broker.address);
        log.parse::<LogAddress>().unwrap().create(PARTITIONS).unwrap();
        let line = format!("simulate --listen 127.0.0.1:0 --subscriptions-max 100 --activity {activity}");
        let mut simulator = Running::start(folder.path(), &line);
        let feed = simulator.address("ws://");
        let line = format!(
            "ingest --log {log} --url ws://{feed}/ --watchlist list --symbols-max 100 --source activity-{activity} \
             --listen 127.0.0.1:0"
        );
        let mut ingest = Running::start(folder.path(), &line);
        let metrics = ingest.address("http://");
        std::thread::sleep(WARM);
        let (start, before) = (Instant::now(), scrape(&metrics));
        std::thread::sleep(span);
        let (seconds, after) = (start.elapsed().as_secs_f64(), scrape(&metrics));
        println!(
            "| {activity} | {:.0} | {} | {} | {} | {} |",
            (after.trades - before.trades) as f64 / seconds,
            after.rejected,
            ingest.memory_mib(),
            percentile(&before, &after, 50),
            percentile(&before, &after, 99),
        );
    }
}
