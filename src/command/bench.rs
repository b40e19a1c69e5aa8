//! `tickline bench`: how fast this program is on this machine, over feeds of known shapes or a log.
//!
//! Each run is a `replay` in a process of its own, with all resolutions, all indicators and the digest, from its start
//! to its end. So what it shows is what a user gets, start included, and every run can be repeated by hand.

use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::options::workers::workers;
use super::output::format::{Format, json_array, print};
use super::output::table::table;
use crate::log::address::LogAddress;
use crate::process::messages::note;

mod feed;
mod measure;

use feed::Feed;
use measure::{Taken, measure};

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
    /// Measure the replay of this log instead of made-up feeds: dir:PATH or kafka://HOST:PORT/TOPIC
    #[arg(long, conflicts_with_all = ["feeds", "trades"])]
    pub log: Option<LogAddress>,
    /// Numbers of worker threads, one run each
    #[arg(
        long,
        value_name = "N",
        value_delimiter = ',',
        default_value = "1,2",
        value_parser = workers()
    )]
    pub workers: Vec<u16>,
    /// Output format
    #[arg(long, value_parser = Format::among(&Format::OF_REPORTS), default_value = "table")]
    pub format: Format,
}

/// One run.
#[derive(Clone, Debug, Serialize)]
struct Run {
    feed: String,
    workers: u16,
    /// Trades, where the feed was made for this.
    trades: Option<u64>,
    seconds: f64,
    user_seconds: f64,
    system_seconds: f64,
    peak_bytes: u64,
    rows: u64,
    digest: String,
}

/// Where the processes run.
struct Bench {
    program: PathBuf,
    folder: TempDir,
}

/// Runs `tickline bench`.
pub fn run(args: &BenchArgs) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("cannot create a temporary folder")?;
    let program = std::env::current_exe().context("cannot find this program")?;
    let bench = Bench { program, folder };
    let mut runs = Vec::new();
    if let Some(log) = &args.log {
        // With what the environment and tickline.toml say of it.
        let command = || Command::new(&bench.program);
        runs.extend(bench.replays(command, &log.to_string(), (&log.to_string(), None), &args.workers)?);
    } else {
        for &feed in &args.feeds {
            note(format_args!("{}: {} trades", feed.name(), args.trades));
            bench.make_log(feed, args.trades)?;
            let of = (&*feed.name(), Some(args.trades));
            runs.extend(bench.replays(|| bench.alone(), LOG, of, &args.workers)?);
        }
    }
    print(&match args.format {
        Format::Json => json_array(runs.iter().map(serde_json::to_string))?,
        _ => as_table(&runs),
    })
}

impl Bench {
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

    /// Makes a log of a feed, which replaces the one before.
    fn make_log(&self, feed: Feed, trades: u64) -> anyhow::Result<()> {
        let [path, log] = ["trades.jsonl", "log"].map(|name| self.folder.path().join(name));
        if log.exists() {
            fs::remove_dir_all(&log).with_context(|| format!("cannot remove {}", log.display()))?;
        }
        let file = fs::File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
        let mut out = BufWriter::new(file);
        let written = feed.write(trades, &mut out).and_then(|()| out.flush());
        written.with_context(|| format!("cannot write {}", path.display()))?;
        let mut import = self.alone();
        import.args(["import", "trades.jsonl", "--log", LOG, "--partitions", PARTITIONS]);
        if feed == Feed::Late {
            // Sorted by time, no trade would be late.
            import.arg("--as-live");
        }
        measure(import, self.folder.path())?;
        fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))
    }

    /// Replays a log with each number of workers. All must come to the same digest.
    fn replays(
        &self,
        program: impl Fn() -> Command,
        log: &str,
        (feed, trades): (&str, Option<u64>),
        workers: &[u16],
    ) -> anyhow::Result<Vec<Run>> {
        let mut runs: Vec<Run> = Vec::new();
        for &workers in workers {
            let mut replay = program();
            replay.args(["replay", "--log", log, "--every", "24h", "--workers", &workers.to_string()]);
            let run = run_of(feed, workers, trades, &measure(replay, self.folder.path())?)?;
            if let Some(other) = runs.first().filter(|other| (other.rows, &other.digest) != (run.rows, &run.digest)) {
                bail!("{feed}: two numbers of workers come to different rows, a bug: {other:?}, {run:?}");
            }
            runs.push(run);
        }
        Ok(runs)
    }
}

/// What a replay prints last.
#[derive(Deserialize)]
struct LastRow {
    rows: u64,
    digest: String,
}

/// A run, with what the last line of its replay says.
fn run_of(feed: &str, workers: u16, trades: Option<u64>, taken: &Taken) -> anyhow::Result<Run> {
    let last: LastRow = serde_json::from_str(&taken.last_line)
        .with_context(|| format!("{feed}: the replay did not end with a row but with {:?}", taken.last_line))?;
    Ok(Run {
        feed: feed.to_owned(),
        workers,
        trades,
        seconds: taken.seconds,
        user_seconds: taken.user_seconds,
        system_seconds: taken.system_seconds,
        peak_bytes: taken.peak_bytes,
        rows: last.rows,
        digest: last.digest,
    })
}

fn as_table(runs: &[Run]) -> String {
    let header = ["feed", "workers", "seconds", "M trades/s", "CPU s/M", "system s/M", "peak MiB", "rows", "digest"];
    let cells = |run: &Run| {
        let millions = run.trades.map(|trades| trades as f64 / 1e6);
        let per_million = |seconds: f64| millions.map_or_else(|| "-".to_owned(), |m| format!("{:.2}", seconds / m));
        let rate = millions.map_or_else(|| "-".to_owned(), |m| format!("{:.2}", m / run.seconds));
        vec![
            run.feed.clone(),
            run.workers.to_string(),
            format!("{:.2}", run.seconds),
            rate,
            per_million(run.user_seconds + run.system_seconds),
            per_million(run.system_seconds),
            (run.peak_bytes >> 20).to_string(),
            run.rows.to_string(),
            run.digest.get(..8).unwrap_or_default().to_owned(),
        ]
    };
    table(&header, &runs.iter().map(cells).collect::<Vec<_>>())
}
