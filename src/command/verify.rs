//! `tickline verify`: replays the log and compares the result with every frontier row of a store.

use std::collections::BTreeMap;

use dataflows::output::frontier_row::FrontierRow;

use super::UsageError;
use super::options::moment::Moment;
use super::options::rows::SettingsArgs;
use super::options::workers::{WORKERS, workers};
use super::replay::{Kind, ReplayArgs, replay};
use crate::log::address::LogAddress;
use crate::store::address::StoreAddress;
use crate::time::rfc3339;
use crate::worker::identity;

/// Replay the log and compare the result with the frontier rows of a store.
#[derive(clap::Args, Clone, Debug)]
pub struct VerifyArgs {
    /// The log: dir:PATH or kafka://HOST:PORT/TOPIC
    #[arg(long, env = "TICKLINE_LOG")]
    pub log: LogAddress,
    /// The store: sqlite:PATH or cassandra://HOST:PORT/KEYSPACE
    #[arg(long, env = "TICKLINE_STORE")]
    pub store: StoreAddress,
    /// Worker threads
    #[arg(long, env = "TICKLINE_WORKERS", default_value_t = WORKERS, value_parser = workers())]
    pub workers: u16,
    #[command(flatten)]
    #[expect(missing_docs, reason = "its own type says it")]
    pub settings: SettingsArgs,
}

/// The first frontier at which store and log disagree: exit code 1.
#[derive(Debug, thiserror::Error)]
#[error("store and log disagree: {}; first mismatch at {at}: {what}", matching(*.agree))]
struct Mismatch {
    agree: u64,
    at: String,
    what: String,
}

/// `1 frontier matches`, `2 frontiers match`.
fn matching(count: u64) -> String {
    if count == 1 { "1 frontier matches".to_owned() } else { format!("{count} frontiers match") }
}

/// Runs `tickline verify`.
pub fn run(args: &VerifyArgs) -> anyhow::Result<()> {
    let mut reader = args.store.open_reader()?;
    let durable = reader.frontier()?;
    let Some(durable) = durable else {
        return Err(UsageError(format!("{} has no frontier yet: run `tickline work` on it first", args.store)).into());
    };
    if let Some(identity) = reader.identity()? {
        let log = args.settings.open(&args.log)?;
        identity::check(&identity, &identity::of(&args.settings.settings()?, &*log), &log.name())?;
    }
    let kept = reader.frontiers()?.into_iter().map(|row| ((row.frontier, Kind::Kept), row));
    let mut stored: BTreeMap<_, FrontierRow> = kept.collect();
    stored.insert((durable.row.frontier, Kind::Stop), durable.row.clone());
    let replay_args = ReplayArgs {
        log: args.log.clone(),
        write_to: None,
        workers: args.workers,
        every: super::options::duration::Duration::from_ms(1),
        from_offset: Vec::new(),
        until: Some(Moment(durable.row.frontier)),
        settings: args.settings.clone(),
    };
    let mut agree = 0;
    let after = replay(&replay_args, vec![durable.row.frontier], |replayed| {
        let frontier = replayed.row.frontier;
        if frontier > durable.row.frontier || replayed.kind == Kind::Now {
            return Ok(());
        }
        let what = match stored.remove(&(frontier, replayed.kind)) {
            Some(theirs) if theirs == replayed.row => {
                agree += 1;
                return Ok(());
            }
            Some(theirs) => difference(&theirs, &replayed.row),
            None => "the store has no frontier row where the replay produces one".into(),
        };
        Err(Mismatch { agree, at: rfc3339(frontier), what }.into())
    })?;
    if let Some(((frontier, _), _)) = stored.pop_first() {
        let what = "the store has a frontier row that the replay does not produce".into();
        return Err(Mismatch { agree, at: rfc3339(frontier), what }.into());
    }
    let after = match after {
        0 => "no record of the log lies after it".to_owned(),
        1 => "1 record of the log lies after it and was not compared".to_owned(),
        _ => format!("{after} records of the log lie after it and were not compared"),
    };
    let (frontier, digest) = (rfc3339(durable.row.frontier), durable.row.digest);
    println!("{}, the last at {frontier}, digest {digest}; {after}", matching(agree));
    Ok(())
}

fn difference(theirs: &FrontierRow, ours: &FrontierRow) -> String {
    let (digest, rows) = (theirs.digest, theirs.rows);
    format!("the store has digest {digest} over {rows} rows, the replay {} over {}", ours.digest, ours.rows)
}
