//! `tickline verify`: replays the log and compares the result with a store: every frontier row and, with `--rows`,
//! every value of every row.

use std::path::PathBuf;
use std::sync::Arc;

use dataflows::progress::time::Time;
use dataflows::settings::Settings;

use super::UsageError;
use super::compare::beginning::Beginning;
use super::compare::rows::RowCheck;
use super::options::rows::SettingsArgs;
use super::options::workers::{WORKERS, workers};
use super::output::progress::while_shown;
use crate::log::address::LogAddress;
use crate::log::{Log, first_offsets};
use crate::process::messages::note;
use crate::replay::{ReplayedRow, replay, replay_config};
use crate::store::address::StoreAddress;
use crate::store::anchor::{Anchor, WarmStart};
use crate::store::none::NoStore;
use crate::store::sqlite::ExpectedRows;
use crate::store::{Store, StoreError, StoreReader, Verification};
use crate::time::{now_ms, rfc3339};
use crate::worker::{WorkerConfig, identity};

mod frontiers;
mod mismatch;
mod record;

use frontiers::{FrontierCheck, matching};
use mismatch::Mismatch;

/// Number of differences that are shown.
const SHOWN_MAX: usize = 10;

/// Replay the log and compare the result with a store: its frontier rows and, on request, all rows.
#[derive(clap::Args, Clone, Debug)]
pub struct VerifyArgs {
    /// The log: dir:PATH or kafka://HOST:PORT/TOPIC
    #[arg(long, env = "TICKLINE_LOG")]
    pub log: LogAddress,
    /// The store: sqlite:PATH or cassandra://HOST:PORT/KEYSPACE
    #[arg(long, env = "TICKLINE_STORE")]
    pub store: StoreAddress,
    /// Also compare every value of every row: candles, indicators, rejected records, gaps. The rows of the replay are
    /// kept in a temporary file (TMPDIR) meanwhile
    #[arg(long)]
    pub rows: bool,
    /// Worker threads
    #[arg(long, env = "TICKLINE_WORKERS", default_value_t = WORKERS, value_parser = workers())]
    pub workers: u16,
    /// Write the result as metrics to this file, whole or not at all, for a textfile collector of Prometheus
    #[arg(long, env = "TICKLINE_VERIFY_METRICS_FILE", value_name = "PATH")]
    pub metrics_file: Option<PathBuf>,
    /// Record the result in the store, also while a worker writes to it: every dashboard exports it as metrics.
    /// Otherwise the store is only read
    #[arg(long, env = "TICKLINE_VERIFY_RECORD")]
    pub record: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "its own type says it")]
    pub settings: SettingsArgs,
}

/// Runs `tickline verify`.
pub fn run(args: &VerifyArgs) -> anyhow::Result<()> {
    let mut reader = args.store.open_reader()?;
    let (settings, log) = (args.settings.settings()?, args.settings.open(&args.log)?);
    let (store, workers) = (args.store.to_string(), usize::from(args.workers));
    let compared = Compared { log: Arc::from(log), settings, workers, rows: args.rows, store: &store };
    let mut now = Verification::default();
    let result = verify(&compared, &mut *reader, &mut now);
    let is_ok = result.is_ok();
    // What else fails has compared nothing.
    if is_ok || result.as_ref().is_err_and(|error| error.is::<Mismatch>()) {
        record::record(args, &mut *reader, Verification { ran_ms: now_ms(), is_ok, ..now })?;
    }
    result
}

/// What is compared with a store.
pub struct Compared<'a> {
    /// The log.
    pub log: Arc<dyn Log>,
    /// Those that the store was made with.
    pub settings: Settings,
    /// Worker threads of the replay.
    pub workers: usize,
    /// Also compare every value of every row.
    pub rows: bool,
    /// Name of the store, for messages.
    pub store: &'a str,
}

/// Replays a log and compares the result with a store. Prints what was compared, notes it in `now`, and fails with a
/// `Mismatch` if anything differs.
pub fn verify(compared: &Compared<'_>, reader: &mut dyn StoreReader, now: &mut Verification) -> anyhow::Result<()> {
    let Compared { log, settings, workers, rows, store } = compared;
    let Some(durable) = reader.frontier()? else {
        return Err(UsageError(format!("{store} has no frontier yet: run `tickline work` on it first")).into());
    };
    if let Some(identity) = reader.identity()? {
        identity::check(&identity, &identity::of(settings, &**log), &log.name())?;
    }
    let offsets = first_offsets(&**log)?;
    let first = Beginning::gone(&offsets);
    now.missing_records = offsets.iter().sum();
    let start = match first.is_empty() || is_made_from_rest(compared, reader)? {
        true => None,
        false => oldest_anchor(reader, &offsets, durable.row.frontier)?,
    };
    let begins = start.as_ref().map(|start| start.row.clone());
    let expected = rows.then(ExpectedRows::create).transpose()?;
    let scratch: Box<dyn Store> = match &expected {
        Some(expected) => expected.writer()?,
        None => Box::new(NoStore::default()),
    };
    let frontier = durable.row.frontier;
    let config = WorkerConfig {
        until: Some(settings.step(frontier)),
        stops: vec![frontier],
        ..replay_config(*workers, settings.clone())
    };
    let mut check = FrontierCheck::of(reader, &durable.row, begins.as_ref())?;
    (now.from_ms, now.until_ms) = (check.first(), frontier);
    let each = |replayed: ReplayedRow| {
        check.compare(&replayed);
        // Rows are compared in any case: they show where the difference is.
        let goes_on = *rows || (!first.is_empty() && begins.is_none());
        if goes_on { Ok(()) } else { check.result().map_err(Into::into) }
    };
    let after = while_shown("replay", |watch| replay(Arc::clone(log), config, start, scratch, watch, each));
    now.frontiers = check.agree;
    let after = after?;
    let mut frontiers = check.finish();
    let mut beginning = begins.map_or(Beginning::Whole, |row| {
        let first = first.clone();
        Beginning::Anchored { first, from: row.frontier }
    });
    if frontiers.is_ok() {
        let (count, at, digest) = (matching(check.agree), rfc3339(frontier), durable.row.digest);
        let hint = if *rows { "" } else { "; digests only (--rows compares every row)" };
        println!("{count}, the last at {at}, digest {digest}; {}{hint}", records_after(after));
        beginning.missing().iter().for_each(|missing| println!("{missing}"));
    } else if let (false, true, Some(first)) = (check.is_reached, beginning.is_whole(), first.first()) {
        let cause = "what is left does not lead to the published frontier: verify with a copy of the log";
        return Err(Beginning::lost(&**log, *first, cause)?.into());
    } else if check.is_reached && beginning.is_whole() {
        // The store may have been made from records that the log no longer has.
        beginning = Beginning::of(&**log, first, settings, *rows, frontier)?;
        if let Some(missing) = beginning.missing() {
            println!("{missing}");
            frontiers = Ok(());
            now.from_ms = beginning.from().unwrap_or(now.from_ms);
        }
    }
    let Some(expected) = expected.filter(|_| check.is_reached) else { return Ok(frontiers?) };
    let mut rows_checked = RowCheck::new(expected, frontier, beginning, SHOWN_MAX);
    let rows = compare_rows(store, reader, &mut rows_checked);
    now.rows = rows_checked.counts.iter().map(|(_, counts)| counts.equal + counts.different).sum();
    if let (Err(frontiers), Err(_)) = (&frontiers, &rows) {
        note(format_args!("{frontiers}"));
    }
    rows.and_then(|()| Ok(frontiers?))
}

/// The oldest checkpoint of a store after which the log has everything, if one is before the published frontier: one as
/// of it would be compared with itself.
fn oldest_anchor(
    reader: &mut dyn StoreReader,
    offsets: &[u64],
    frontier: Time,
) -> Result<Option<WarmStart>, StoreError> {
    let covered = |anchor: &Anchor| anchor.header.is_covered(offsets) && anchor.checkpoint.frontier < frontier;
    WarmStart::read(reader, |all| all.into_iter().filter(covered).collect())
}

/// Whether a log without its first records leads to the first frontier row that the store keeps: then the store was
/// made when they were gone already.
fn is_made_from_rest(compared: &Compared<'_>, reader: &mut dyn StoreReader) -> anyhow::Result<bool> {
    let Some(row) = reader.frontiers()?.into_iter().next() else { return Ok(true) };
    let config = WorkerConfig {
        until: Some(row.frontier),
        stops: vec![row.frontier],
        ..replay_config(compared.workers, compared.settings.clone())
    };
    let mut agrees = false;
    let each = |replayed: ReplayedRow| {
        agrees |= replayed.row == row;
        Ok(())
    };
    let (log, store) = (Arc::clone(&compared.log), Box::new(NoStore::default()));
    while_shown("replay", |watch| replay(log, config, None, store, watch, each))?;
    Ok(agrees)
}

/// Compares all rows, and prints the first differences and the counts of each table.
fn compare_rows(store: &str, reader: &mut dyn StoreReader, check: &mut RowCheck) -> anyhow::Result<()> {
    check.run(reader)?;
    let lines = check.differences.all().iter().flat_map(Mismatch::lines).take(SHOWN_MAX);
    lines.for_each(|line| println!("{line}"));
    println!("rows of {store} as of {}:", rfc3339(check.frontier));
    check.counts.iter().for_each(|(table, counts)| println!("  {}: {counts}", table.name()));
    Ok(Mismatch::of_rows(check)?)
}

fn records_after(records: u64) -> String {
    match records {
        0 => "no record of the log lies after it".to_owned(),
        1 => "1 record of the log lies after it and was not compared".to_owned(),
        _ => format!("{records} records of the log lie after it and were not compared"),
    }
}
