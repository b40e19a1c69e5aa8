//! `tickline replay`: recomputes everything from the log and prints one line for each kept frontier, with its digest.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use dataflows::output::frontier_row::FrontierRow;
use dataflows::progress::time::MINUTE_MS;
use dataflows::settings::Settings;

use super::options::duration::Duration;
use super::options::moment::Moment;
use super::options::rows::SettingsArgs;
use super::options::workers::{WORKERS, workers};
use super::output::format::Format;
use super::output::progress::while_shown;
use crate::command::UsageError;
use crate::log::address::LogAddress;
use crate::log::range::RangeLog;
use crate::log::{Log, first_offsets};
use crate::process::messages::note;
use crate::replay::{Kind, ReplayedRow, replay, replay_config};
use crate::store::address::StoreAddress;
use crate::store::anchor::{WarmStart, anchors};
use crate::time::rfc3339;
use crate::worker::{WorkerConfig, identity};

mod diff;
mod target;

/// Recomputes the rows from the log and prints the digest at each frontier kept, or with --diff how the rows of a store
/// differ.
#[derive(clap::Args, Clone, Debug)]
pub struct ReplayArgs {
    /// The log: dir:PATH or kafka://HOST:PORT/TOPIC
    #[arg(long, env = "TICKLINE_LOG")]
    pub log: LogAddress,
    /// Also write the rows to this store, which must be empty or made from the whole of this log with these settings,
    /// and have no live worker. Only the command line can ask for it
    #[arg(long, value_name = "STORE")]
    pub write_to: Option<StoreAddress>,
    /// Write although a worker seems to write to this store: it is fenced, and ends with exit code 4
    #[arg(long, requires = "write_to")]
    pub take_over: bool,
    /// Worker threads; the digests do not depend on their number
    #[arg(long, env = "TICKLINE_WORKERS", default_value_t = WORKERS, value_parser = workers())]
    pub workers: u16,
    /// Print at most one line per this much event time; the last line is always printed
    #[arg(long, default_value = "1m")]
    pub every: Duration,
    /// Start at these offsets, and at the first available offset of every other partition. Windows that began
    /// earlier are incomplete
    #[arg(
        long,
        value_name = "PARTITION=OFFSET",
        value_delimiter = ',',
        value_parser = partition_offset,
        conflicts_with = "from"
    )]
    pub from_offset: Vec<(u32, u64)>,
    /// Stop before these offsets, and at the end of every other partition. A partition that ends here holds back the
    /// frontier as at the end of a log: windows after it are incomplete
    #[arg(long, value_name = "PARTITION=OFFSET", value_delimiter = ',', value_parser = partition_offset)]
    pub to_offset: Vec<(u32, u64)>,
    /// Begin at the last checkpoint of a store at or before this time, and print the frontiers from there on: their
    /// digests are those of a replay of the whole log. Another store that is written to has the rows that change from
    /// the checkpoint on, and says so: `work` and `verify` refuse it
    #[arg(long, value_name = "TIME", requires = "checkpoints_of")]
    pub from: Option<Moment>,
    /// The store whose checkpoints `--from` means: sqlite:PATH or cassandra://HOST:PORT/KEYSPACE. It is only read
    #[arg(long, value_name = "STORE", requires = "from")]
    pub checkpoints_of: Option<StoreAddress>,
    /// Stop when the frontier reaches this time: 2013-10-07T13:30:00Z, a date, seconds or milliseconds since 1970,
    /// "2h ago", now
    #[arg(long, value_name = "TIME")]
    pub until: Option<Moment>,
    /// Show which rows of this store differ from a replay with the settings of this command line, whatever settings it
    /// was made with, as of its published frontier. It is only read, and must be made from the same log. The exit code
    /// is 0 also with differences: it answers a question, while `verify` proves
    #[arg(
        long,
        value_name = "STORE",
        conflicts_with_all = ["write_to", "from", "from_offset", "to_offset", "until", "every"]
    )]
    pub diff: Option<StoreAddress>,
    /// With --diff: list at most N rows of each table
    #[arg(long, value_name = "N", requires = "diff", default_value_t = 10)]
    pub limit: usize,
    /// With --diff: output format
    #[arg(long, requires = "diff", value_parser = Format::among(&Format::OF_REPORTS), default_value = "table")]
    pub format: Format,
    #[command(flatten)]
    #[expect(missing_docs, reason = "its own type says it")]
    pub settings: SettingsArgs,
}

fn partition_offset(text: &str) -> Result<(u32, u64), String> {
    let numbers =
        text.split_once('=').and_then(|(partition, offset)| Some((partition.parse().ok()?, offset.parse().ok()?)));
    numbers.ok_or_else(|| format!("invalid offset {text:?}: expected PARTITION=OFFSET, e.g. 0=812"))
}

/// Runs `tickline replay`.
pub fn run(args: &ReplayArgs) -> anyhow::Result<()> {
    if args.diff.is_some() { diff::run(args) } else { print_frontiers(args) }
}

/// Prints the frontier rows of a replay.
fn print_frontiers(args: &ReplayArgs) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let every_ms = args.every.ms().max(1);
    let mut print = |row: &FrontierRow| -> std::io::Result<()> {
        let (frontier, digest, rows) = (rfc3339(row.frontier), row.digest, row.rows);
        writeln!(out, "{{\"frontier\":\"{frontier}\",\"digest\":\"{digest}\",\"rows\":{rows}}}")
    };
    let mut printed = 0;
    let mut last = FrontierRow::empty();
    let (log, mut config) = open(args)?;
    let start = warm_start(args, &*log, &config.settings)?;
    config.begins = target::begins(args, start.as_ref());
    let target = target::open(args, &config, &*log)?;
    let mut next = args.from.map_or(0, |from| from.0);
    if let Some(row) = start.as_ref().map(|start| &start.row) {
        last = row.clone();
        if row.frontier >= next && row.frontier.is_multiple_of(MINUTE_MS) {
            printed = row.frontier;
            print(row)?;
        }
    }
    let each = |replayed: ReplayedRow| {
        if replayed.kind == Kind::Kept && replayed.row.frontier >= next {
            next = (replayed.row.frontier / every_ms + 1) * every_ms;
            printed = replayed.row.frontier;
            print(&replayed.row)?;
        }
        last = replayed.row;
        Ok(())
    };
    let result = while_shown("replay", |watch| replay(log, config, start, target, watch, each));
    let result = result.and_then(|_| if printed == last.frontier { Ok(()) } else { Ok(print(&last)?) });
    match result.as_ref().err().and_then(|error| error.downcast_ref::<std::io::Error>()) {
        // The reader has closed the pipe, as `head` does.
        Some(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        _ => result,
    }
}

/// Opens the log, with what is asked of its replay.
fn open(args: &ReplayArgs) -> anyhow::Result<(Arc<dyn Log>, WorkerConfig)> {
    let settings = args.settings.settings()?;
    let log = args.settings.open(&args.log)?;
    for (option, offsets) in [("--from-offset", &args.from_offset), ("--to-offset", &args.to_offset)] {
        if let Some((partition, _)) = offsets.iter().find(|(partition, _)| *partition >= log.partitions()) {
            let last = log.partitions() - 1;
            let text = format!("{option} names partition {partition}, but {} has partitions 0 to {last}", args.log);
            return Err(UsageError(text).into());
        }
    }
    let ends: BTreeMap<u32, u64> = args.to_offset.iter().copied().collect();
    if let Some((partition, from)) = args.from_offset.iter().find(|(at, from)| ends.get(at).is_some_and(|to| to < from))
    {
        let text = format!("--to-offset of partition {partition} is before its --from-offset, {from}");
        return Err(UsageError(text).into());
    }
    let log: Arc<dyn Log> = if ends.is_empty() { Arc::from(log) } else { Arc::new(RangeLog::new(log, ends)) };
    let config = WorkerConfig {
        until: args.until.map(|until| settings.step(until.0)),
        offsets: args.from_offset.iter().copied().collect(),
        ..replay_config(usize::from(args.workers), settings)
    };
    Ok((log, config))
}

/// The checkpoint that `--from` asks for.
fn warm_start(args: &ReplayArgs, log: &dyn Log, settings: &Settings) -> anyhow::Result<Option<WarmStart>> {
    let (Some(from), Some(address)) = (args.from, &args.checkpoints_of) else { return Ok(None) };
    if args.until.is_some_and(|until| until.0 < from.0) {
        return Err(UsageError("--until is before --from".to_owned()).into());
    }
    last_checkpoint(address, log, settings, from).map(Some)
}

/// The last checkpoint of a store at or before a time.
pub fn last_checkpoint(
    address: &StoreAddress,
    log: &dyn Log,
    settings: &Settings,
    from: Moment,
) -> anyhow::Result<WarmStart> {
    let mut reader = address.open_reader()?;
    if let Some(theirs) = reader.identity()? {
        identity::check(&theirs, &identity::of(settings, log), &log.name())?;
    }
    if let Some(start) = WarmStart::last_before(&mut *reader, &first_offsets(log)?, from.0)? {
        note(format_args!("beginning at the checkpoint of {}", rfc3339(start.checkpoint.frontier)));
        return Ok(start);
    }
    let all = anchors(&mut *reader)?;
    let oldest = all.first().map_or_else(|| "none".to_owned(), |oldest| rfc3339(oldest.checkpoint.frontier));
    let text = format!(
        "{address} has no checkpoint at or before {} after which the log holds everything; the oldest: {oldest}. \
         `tickline checkpoint list` shows all; without --checkpoints-of, everything begins with the log",
        rfc3339(from.0)
    );
    Err(UsageError(text).into())
}
