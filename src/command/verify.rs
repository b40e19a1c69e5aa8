//! `tickline verify`: replays the log and compares the result with a store: every frontier row and, with `--rows`,
//! every value of every row.

use super::UsageError;
use super::options::moment::Moment;
use super::options::rows::SettingsArgs;
use super::options::workers::{WORKERS, workers};
use super::replay::{ReplayArgs, replay};
use crate::log::address::LogAddress;
use crate::process::messages::note;
use crate::store::address::StoreAddress;
use crate::store::none::NoStore;
use crate::store::sqlite::ExpectedRows;
use crate::store::{Store, StoreReader};
use crate::time::rfc3339;
use crate::worker::identity;

mod beginning;
mod counts;
mod expiry;
mod frontiers;
mod mismatch;
mod rows;

use beginning::{Beginning, first_offsets};
use frontiers::{FrontierCheck, matching};
use rows::RowCheck;

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
    #[command(flatten)]
    #[expect(missing_docs, reason = "its own type says it")]
    pub settings: SettingsArgs,
}

/// Runs `tickline verify`.
pub fn run(args: &VerifyArgs) -> anyhow::Result<()> {
    let mut reader = args.store.open_reader()?;
    let Some(durable) = reader.frontier()? else {
        return Err(UsageError(format!("{} has no frontier yet: run `tickline work` on it first", args.store)).into());
    };
    let (settings, log) = (args.settings.settings()?, args.settings.open(&args.log)?);
    if let Some(identity) = reader.identity()? {
        identity::check(&identity, &identity::of(&settings, &*log), &log.name())?;
    }
    let first = first_offsets(&*log)?;
    let expected = args.rows.then(ExpectedRows::create).transpose()?;
    let store: Box<dyn Store> = match &expected {
        Some(expected) => expected.writer()?,
        None => Box::new(NoStore),
    };
    let frontier = durable.row.frontier;
    let mut check = FrontierCheck::of(&mut *reader, &durable.row)?;
    let after = replay(&replay_args(args, frontier), vec![frontier], store, |replayed| {
        check.compare(&replayed);
        // Rows are compared in any case: they show where the difference is.
        let goes_on = args.rows || !first.is_empty();
        if goes_on { Ok(()) } else { check.result().map_err(Into::into) }
    })?;
    let mut frontiers = check.finish();
    let mut beginning = Beginning::Whole;
    if frontiers.is_ok() {
        let (count, at, digest) = (matching(check.agree), rfc3339(frontier), durable.row.digest);
        let rows = if args.rows { "" } else { "; digests only (--rows compares every row)" };
        println!("{count}, the last at {at}, digest {digest}; {}{rows}", records_after(after));
    } else if check.is_reached {
        // The store may have been made from records that the log no longer has.
        beginning = Beginning::of(&*log, first, &settings, args.rows, frontier)?;
        if let Some(missing) = beginning.missing() {
            println!("{missing}");
            frontiers = Ok(());
        }
    }
    let Some(expected) = expected.filter(|_| check.is_reached) else { return Ok(frontiers?) };
    let rows = compare_rows(args, &mut *reader, RowCheck::new(expected, frontier, beginning));
    if let (Err(frontiers), Err(_)) = (&frontiers, &rows) {
        note(format_args!("{frontiers}"));
    }
    rows.and_then(|()| Ok(frontiers?))
}

/// Compares all rows, and prints the first differences and the counts of each table.
fn compare_rows(args: &VerifyArgs, reader: &mut dyn StoreReader, mut check: RowCheck) -> anyhow::Result<()> {
    let differences = check.run(reader)?;
    differences.shown.iter().for_each(|line| println!("{line}"));
    println!("rows of {} as of {}:", args.store, rfc3339(check.frontier));
    check.counts.iter().for_each(|(table, counts)| println!("  {}: {counts}", table.name()));
    Ok(check.result()?)
}

/// The replay to compare with: up to the published frontier, from the beginning of the log.
fn replay_args(args: &VerifyArgs, frontier: u64) -> ReplayArgs {
    ReplayArgs {
        log: args.log.clone(),
        write_to: None,
        take_over: false,
        workers: args.workers,
        every: super::options::duration::Duration::from_ms(1),
        from_offset: Vec::new(),
        until: Some(Moment(frontier)),
        settings: args.settings.clone(),
    }
}

fn records_after(records: u64) -> String {
    match records {
        0 => "no record of the log lies after it".to_owned(),
        1 => "1 record of the log lies after it and was not compared".to_owned(),
        _ => format!("{records} records of the log lie after it and were not compared"),
    }
}
