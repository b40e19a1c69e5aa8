//! `tickline bench`: how fast this program is on this machine, over feeds of known shapes or a log.
//!
//! Each run is a `replay`, or a `work` into a store or on several processes, in processes of its own, with all
//! resolutions, all indicators and the digest, from its start to its end. So what it shows is what a user gets, start
//! included, and every run can be repeated by hand.

use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, bail};
use serde::Serialize;
use tempfile::TempDir;

use super::options::workers::workers;
use super::output::format::{Format, json_array, print};
use super::output::table::table;
use crate::log::address::LogAddress;
use crate::process::messages::note;
use crate::time::now_ms;

mod feed;
mod measure;
mod pipeline;

use feed::Feed;
use measure::{Taken, measure};
use pipeline::{Pipeline, Target};

/// Partitions of a log that is made for this.
const PARTITIONS: &str = "4";
/// Its address, in the folder of the run.
const LOG: &str = "dir:log";

/// Measure how fast this machine replays feeds of known shapes, or a log.
#[derive(clap::Args, Clone, Debug)]
pub struct BenchArgs {
    /// Shapes of made-up feeds
    #[arg(
        long = "feed",
        value_name = "FEED",
        value_enum,
        value_delimiter = ',',
        default_value = "dense,late,zipf,sparse"
    )]
    pub feeds: Vec<Feed>,
    /// Trades of each feed. The state of `sparse` is full after 5.4 million, as many as the allowed lateness holds
    #[arg(long, value_name = "N", default_value_t = 3_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub trades: u64,
    /// Symbols of each feed, instead of its own number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub symbols: Option<u64>,
    /// Put made-up feeds into topics of this broker, named tickline-bench-..., which stay there
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "log")]
    pub broker: Option<String>,
    /// Measure the replay of this log instead of made-up feeds: dir:PATH or kafka://HOST:PORT/TOPIC
    #[arg(long, conflicts_with_all = ["feeds", "trades", "symbols"])]
    pub log: Option<LogAddress>,
    /// Numbers of worker threads of each process, one run each
    #[arg(
        long,
        value_name = "N",
        value_delimiter = ',',
        default_value = "1,2",
        value_parser = workers()
    )]
    pub workers: Vec<u16>,
    /// Numbers of processes, one run each. More than one run `work`
    #[arg(
        long,
        value_name = "N",
        value_delimiter = ',',
        default_value = "1",
        value_parser = clap::value_parser!(u16).range(1..=16)
    )]
    pub processes: Vec<u16>,
    /// Write the rows with `work`: into a new SQLite file (sqlite), or into a new keyspace of a Cassandra node
    /// (cassandra://HOST:PORT), named tickline_bench_..., with one replica, which stays there. `none`: `replay`, which
    /// keeps no rows
    #[arg(long, value_name = "STORE", default_value = "none")]
    pub store: Target,
    /// Output format
    #[arg(long, value_parser = Format::among(&Format::OF_REPORTS), default_value = "table")]
    pub format: Format,
}

/// One run.
#[derive(Clone, Debug, Serialize)]
struct Run {
    feed: String,
    processes: u16,
    workers: u16,
    /// Trades, where the feed was made for this.
    trades: Option<u64>,
    seconds: f64,
    user_seconds: f64,
    system_seconds: f64,
    /// Of all processes together.
    peak_bytes: u64,
    digest: String,
}

/// Where the processes run.
struct Bench<'a> {
    args: &'a BenchArgs,
    program: PathBuf,
    folder: TempDir,
}

/// What is measured.
struct Subject {
    feed: String,
    log: String,
    /// Where it was made for this.
    trades: Option<u64>,
}

/// Runs `tickline bench`.
pub fn run(args: &BenchArgs) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("cannot create a temporary folder")?;
    let program = std::env::current_exe().context("cannot find this program")?;
    let bench = Bench { args, program, folder };
    let mut runs = Vec::new();
    if let Some(log) = &args.log {
        // With what the environment and tickline.toml say of it.
        let command = || Command::new(&bench.program);
        runs.extend(bench.runs(command, &Subject { feed: log.to_string(), log: log.to_string(), trades: None })?);
    } else {
        for &feed in &args.feeds {
            note(format_args!("{}: {} trades", feed.name(), args.trades));
            let log = bench.make_log(feed)?;
            runs.extend(bench.runs(|| bench.alone(), &Subject { feed: feed.name(), log, trades: Some(args.trades) })?);
        }
    }
    print(&match args.format {
        Format::Json => json_array(runs.iter().map(serde_json::to_string))?,
        _ => as_table(&runs),
    })
}

impl Bench<'_> {
    /// This program in its folder, with no other settings than its arguments.
    fn alone(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.current_dir(self.folder.path());
        let names = std::env::vars_os().map(|(name, _)| name);
        names
            .filter(|name| name.to_string_lossy().starts_with("TICKLINE_"))
            .for_each(|name| _ = command.env_remove(name));
        command
    }

    /// Makes a log of a feed, and returns its address. One in a directory replaces the one before.
    fn make_log(&self, feed: Feed) -> anyhow::Result<String> {
        let BenchArgs { trades, symbols, broker, .. } = self.args;
        let [path, log] = ["trades.jsonl", "log"].map(|name| self.folder.path().join(name));
        if log.exists() {
            fs::remove_dir_all(&log).with_context(|| format!("cannot remove {}", log.display()))?;
        }
        let file = fs::File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
        let mut out = BufWriter::new(file);
        let written = feed.write(*trades, *symbols, &mut out).and_then(|()| out.flush());
        written.with_context(|| format!("cannot write {}", path.display()))?;
        let topic = |broker| format!("kafka://{broker}/tickline-bench-{}-{}", feed.name(), now_ms());
        let address = broker.as_ref().map_or_else(|| LOG.to_owned(), topic);
        let mut import = self.alone();
        import.args(["import", "trades.jsonl", "--log", &address, "--partitions", PARTITIONS]);
        if feed == Feed::Late {
            // Sorted by time, no trade would be late.
            import.arg("--as-live");
        }
        measure(vec![import], self.folder.path())?;
        fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        Ok(address)
    }

    /// Runs a log with each number of processes and workers. All must come to the same digest.
    fn runs(&self, program: impl Fn() -> Command, subject: &Subject) -> anyhow::Result<Vec<Run>> {
        let mut runs: Vec<Run> = Vec::new();
        let each = self.args.processes.iter().flat_map(|p| self.args.workers.iter().map(move |w| (*p, *w)));
        for (processes, workers) in each {
            let pipeline = Pipeline { log: &subject.log, processes, workers, target: &self.args.store };
            let commands = pipeline.commands(&program, self.args.symbols, self.folder.path())?;
            let taken = measure(commands, self.folder.path())?;
            let digest = pipeline.digest(&taken).with_context(|| subject.feed.clone())?;
            let run = Run::new(subject, &pipeline, &taken, digest);
            if let Some(other) = runs.first().filter(|other| other.digest != run.digest) {
                bail!("{}: two runs come to different rows, a bug: {other:?}, {run:?}", subject.feed);
            }
            runs.push(run);
        }
        Ok(runs)
    }
}

impl Run {
    fn new(subject: &Subject, pipeline: &Pipeline<'_>, taken: &Taken, digest: String) -> Self {
        Self {
            feed: subject.feed.clone(),
            processes: pipeline.processes,
            workers: pipeline.workers,
            trades: subject.trades,
            seconds: taken.seconds,
            user_seconds: taken.user_seconds,
            system_seconds: taken.system_seconds,
            peak_bytes: taken.peak_bytes,
            digest,
        }
    }
}

fn as_table(runs: &[Run]) -> String {
    let header =
        ["feed", "processes", "workers", "seconds", "M trades/s", "CPU s/M", "system s/M", "peak MiB", "digest"];
    let cells = |run: &Run| {
        let millions = run.trades.map(|trades| trades as f64 / 1e6);
        let per_million = |seconds: f64| millions.map_or_else(|| "-".to_owned(), |m| format!("{:.2}", seconds / m));
        let rate = millions.map_or_else(|| "-".to_owned(), |m| format!("{:.2}", m / run.seconds));
        vec![
            run.feed.clone(),
            run.processes.to_string(),
            run.workers.to_string(),
            format!("{:.2}", run.seconds),
            rate,
            per_million(run.user_seconds + run.system_seconds),
            per_million(run.system_seconds),
            (run.peak_bytes >> 20).to_string(),
            run.digest.get(..8).unwrap_or_default().to_owned(),
        ]
    };
    table(&header, &runs.iter().map(cells).collect::<Vec<_>>())
}
