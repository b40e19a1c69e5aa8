//! `tickline replay`: recomputes everything from the log and prints one line for each kept frontier, with its digest.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc;

use anyhow::Context;
use dataflows::output::frontier_row::FrontierRow;
use dataflows::progress::time::{MINUTE_MS, Time};
use dataflows::settings::Settings;
use dataflows::state::manifest::SegmentKey;
use dataflows::symbols::entry::Entry;

use super::options::duration::Duration;
use super::options::moment::Moment;
use super::options::rows::SettingsArgs;
use super::options::workers::{WORKERS, workers};
use super::output::progress::show_progress;
use crate::command::UsageError;
use crate::log::address::LogAddress;
use crate::log::{Log, first_offsets};
use crate::process::messages::note;
use crate::store::address::StoreAddress;
use crate::store::anchor::{WarmStart, anchors};
use crate::store::{
    Checkpoint, DurableFrontier, Heartbeat, PipelineSettings, RowBatch, Store, StoreError, StoreIdentity,
};
use crate::time::rfc3339;
use crate::worker::{self, Watch, WorkerConfig, identity};

mod target;

/// Recomputes the rows from the log and prints the digest at each frontier kept.
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
    /// Begin at the last checkpoint of a store at or before this time, and print the frontiers from there on: their
    /// digests are those of a replay of the whole log
    #[arg(long, value_name = "TIME", requires = "checkpoints_of", conflicts_with = "write_to")]
    pub from: Option<Moment>,
    /// The store whose checkpoints `--from` means: sqlite:PATH or cassandra://HOST:PORT/KEYSPACE. It is only read
    #[arg(long, value_name = "STORE", requires = "from")]
    pub checkpoints_of: Option<StoreAddress>,
    /// Stop when the frontier reaches this time: 2013-10-07T13:30:00Z, a date, seconds or milliseconds since 1970,
    /// "2h ago", now
    #[arg(long, value_name = "TIME")]
    pub until: Option<Moment>,
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
    let mut out = std::io::stdout().lock();
    let every_ms = args.every.ms().max(1);
    let mut print = |row: &FrontierRow| -> std::io::Result<()> {
        let (frontier, digest, rows) = (rfc3339(row.frontier), row.digest, row.rows);
        writeln!(out, "{{\"frontier\":\"{frontier}\",\"digest\":\"{digest}\",\"rows\":{rows}}}")
    };
    let mut printed = 0;
    let mut last = FrontierRow::empty();
    let target = target::open(args)?;
    let (log, config) = open(args)?;
    let start = warm_start(args, &*log, &config.settings)?;
    let mut next = args.from.map_or(0, |from| from.0);
    if let Some(row) = start.as_ref().map(|start| &start.row) {
        last = row.clone();
        if row.frontier >= next && row.frontier.is_multiple_of(MINUTE_MS) {
            printed = row.frontier;
            print(row)?;
        }
    }
    let result = replay(log, config, start, target, |replayed| {
        if replayed.kind == Kind::Kept && replayed.row.frontier >= next {
            next = (replayed.row.frontier / every_ms + 1) * every_ms;
            printed = replayed.row.frontier;
            print(&replayed.row)?;
        }
        last = replayed.row;
        Ok(())
    });
    let result = result.and_then(|_| if printed == last.frontier { Ok(()) } else { Ok(print(&last)?) });
    match result.as_ref().err().and_then(|error| error.downcast_ref::<std::io::Error>()) {
        // The reader has closed the pipe, as `head` does.
        Some(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        _ => result,
    }
}

/// A frontier row that a replay has reached.
#[derive(Clone, Debug)]
pub struct ReplayedRow {
    /// The row.
    pub row: FrontierRow,
    /// Why it is reported.
    pub kind: Kind,
}

/// Why a frontier row is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// It is a kept one: one as of each full minute in which something changed.
    Kept,
    /// It is as of a requested time.
    Stop,
    /// It is the current frontier.
    Now,
}

/// Opens the log, with what is asked of its replay.
fn open(args: &ReplayArgs) -> anyhow::Result<(Arc<dyn Log>, WorkerConfig)> {
    let settings = args.settings.settings()?;
    let log: Arc<dyn Log> = Arc::from(args.settings.open(&args.log)?);
    if let Some((partition, _)) = args.from_offset.iter().find(|(partition, _)| *partition >= log.partitions()) {
        let last = log.partitions() - 1;
        let text = format!("--from-offset names partition {partition}, but {} has partitions 0 to {last}", args.log);
        return Err(UsageError(text).into());
    }
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
    let mut reader = address.open_reader()?;
    if let Some(theirs) = reader.identity()? {
        identity::check(&theirs, &identity::of(settings, log), &log.name())?;
    }
    if let Some(start) = WarmStart::last_before(&mut *reader, &first_offsets(log)?, from.0)? {
        note(format_args!("beginning at the checkpoint of {}", rfc3339(start.checkpoint.frontier)));
        return Ok(Some(start));
    }
    let all = anchors(&mut *reader)?;
    let oldest = all.first().map_or_else(|| "none".to_owned(), |oldest| rfc3339(oldest.checkpoint.frontier));
    let text = format!(
        "{address} has no checkpoint at or before {} after which the log holds everything; the oldest: {oldest}. \
         `tickline checkpoint list` shows all; without --from, a replay begins with the log",
        rfc3339(from.0)
    );
    Err(UsageError(text).into())
}

/// A replay to the end of the log.
pub fn replay_config(workers: usize, settings: Settings) -> WorkerConfig {
    WorkerConfig { until_end: true, checkpoint_every: None, ..WorkerConfig::new(workers, settings) }
}

/// Replays a log into a store, from its beginning or from a checkpoint, and calls `each` with every frontier row. Rows
/// of one kind come in order. Returns how many records of the log are not before the last frontier.
pub fn replay(
    log: Arc<dyn Log>,
    config: WorkerConfig,
    start: Option<WarmStart>,
    store: Box<dyn Store>,
    mut each: impl FnMut(ReplayedRow) -> anyhow::Result<()>,
) -> anyhow::Result<u64> {
    let name = log.name();
    let (sender, rows) = mpsc::channel();
    let store = Box::new(ReportingStore { store, start, rows: sender });
    let watch = Arc::new(Watch::default());
    let display = show_progress("replay", Arc::clone(&watch));
    let for_worker = Arc::clone(&watch);
    let worker = std::thread::spawn(move || worker::run(config, log, store, None, for_worker));
    let mut handed = Ok(());
    for replayed in rows {
        handed = each(replayed);
        if handed.is_err() {
            break;
        }
    }
    if handed.is_err() {
        watch.stop.store(true, Ordering::SeqCst);
    }
    let result = worker.join();
    watch.stop.store(true, Ordering::SeqCst);
    // It only displays progress, so its end cannot matter.
    let _ = display.join();
    handed?;
    result.map_err(|_| anyhow::anyhow!("the worker failed"))?.with_context(|| format!("replay of {name} ends"))?;
    Ok(watch.records_waiting() + watch.records_unread.load(Ordering::SeqCst))
}

/// A store that also reports the frontier rows.
struct ReportingStore {
    store: Box<dyn Store>,
    start: Option<WarmStart>,
    rows: mpsc::Sender<ReplayedRow>,
}

impl ReportingStore {
    fn report(&self, row: &FrontierRow, kind: Kind) {
        // The receiver is gone only when the reader of our output has closed the pipe.
        let _ = self.rows.send(ReplayedRow { row: row.clone(), kind });
    }
}

impl Store for ReportingStore {
    fn keeps_rows(&self) -> bool {
        self.store.keeps_rows()
    }

    fn open_epoch(&mut self) -> Result<(u64, Option<Checkpoint>), StoreError> {
        // A replay begins where it was asked to, whatever the store holds.
        let start = self.start.as_ref().map(|start| start.checkpoint.clone());
        self.store.open_epoch().map(|(epoch, _)| (epoch, start))
    }

    fn join_epoch(&mut self, epoch: u64) -> Result<(), StoreError> {
        self.store.join_epoch(epoch)
    }

    fn write(&mut self, rows: &RowBatch) -> Result<(), StoreError> {
        self.store.write(rows)
    }

    fn commit_frontier(&mut self, frontier: &DurableFrontier, kept: &[FrontierRow]) -> Result<(), StoreError> {
        self.store.commit_frontier(frontier, kept)?;
        kept.iter().for_each(|row| self.report(row, Kind::Kept));
        self.report(&frontier.row, Kind::Now);
        Ok(())
    }

    fn beat(&mut self, heartbeat: &Heartbeat) -> Result<(), StoreError> {
        self.store.beat(heartbeat)
    }

    fn observe(&mut self, row: &FrontierRow) -> Result<(), StoreError> {
        self.store.observe(row)?;
        self.report(row, Kind::Stop);
        Ok(())
    }

    fn put_segments(&mut self, epoch: u64, frontier: Time, segments: &[(u32, &[u8])]) -> Result<(), StoreError> {
        self.store.put_segments(epoch, frontier, segments)
    }

    fn put_settings(&mut self, epoch: u64, settings: PipelineSettings) -> Result<(), StoreError> {
        self.store.put_settings(epoch, settings)
    }

    fn identity(&mut self) -> Result<Option<StoreIdentity>, StoreError> {
        self.store.identity()
    }

    fn put_identity(&mut self, epoch: u64, identity: &StoreIdentity) -> Result<(), StoreError> {
        self.store.put_identity(epoch, identity)
    }

    fn drop_checkpoint(&mut self, epoch: u64, frontier: Time) -> Result<(), StoreError> {
        self.store.drop_checkpoint(epoch, frontier)
    }

    fn commit_checkpoint(
        &mut self,
        epoch: u64,
        checkpoint: &Checkpoint,
        obsolete: &[SegmentKey],
    ) -> Result<(), StoreError> {
        self.store.commit_checkpoint(epoch, checkpoint, obsolete)
    }

    fn segments(&mut self, wanted: &[SegmentKey]) -> Result<Vec<Vec<u8>>, StoreError> {
        self.start.as_mut().map_or_else(|| Ok(Vec::new()), |start| start.take(wanted))
    }

    fn stored_segments(&mut self) -> Result<Vec<SegmentKey>, StoreError> {
        self.store.stored_segments()
    }

    fn put_symbols(&mut self, entries: &[Entry]) -> Result<(), StoreError> {
        self.store.put_symbols(entries)
    }
}
