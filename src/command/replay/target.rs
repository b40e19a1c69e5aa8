//! The store that a replay writes to. A replay must not change the rows of another pipeline, of a part of the log, or
//! of a pipeline that is running: all of that is proved before an epoch is opened or a row is written.

use std::collections::BTreeMap;

use super::ReplayArgs;
use crate::command::UsageError;
use crate::log::{Log, LogError};
use crate::pipeline_state::is_worker_live;
use crate::store::address::StoreAddress;
use crate::store::anchor::WarmStart;
use crate::store::none::NoStore;
use crate::store::{Store, StoreError, StoreIdentity, StoreReader};
use crate::time::{now_ms, rfc3339, span};
use crate::worker::{WorkerConfig, identity};

/// Where the rows of a replay begin, for people; `None` for the beginning of the log.
pub fn begins(args: &ReplayArgs, start: Option<&WarmStart>) -> Option<String> {
    if let Some(start) = start {
        return Some(format!("the checkpoint of {}", rfc3339(start.checkpoint.frontier)));
    }
    let later: BTreeMap<u32, u64> = args.from_offset.iter().copied().filter(|(_, offset)| *offset > 0).collect();
    let one = |(partition, offset): (&u32, &u64)| format!("offset {offset} of partition {partition}");
    (!later.is_empty()).then(|| later.iter().map(one).collect::<Vec<_>>().join(", "))
}

/// Opens the store that `--write-to` names, or the one that keeps nothing.
pub fn open(args: &ReplayArgs, config: &WorkerConfig, log: &dyn Log) -> anyhow::Result<Box<dyn Store>> {
    let Some(address) = &args.write_to else { return Ok(Box::new(NoStore::default())) };
    if let Some(mut reader) = existing(address)? {
        check_identity(args, address, &mut *reader, config, log)?;
        if !args.take_over {
            check_rest(address, &mut *reader)?;
        }
    }
    Ok(address.open_writer()?)
}

/// The reading side, if there is anything to read.
fn existing(address: &StoreAddress) -> Result<Option<Box<dyn StoreReader>>, StoreError> {
    // An empty file is a store that is still to be made.
    if let StoreAddress::Sqlite(path) = address
        && path.metadata().is_ok_and(|file| file.len() == 0)
    {
        return Ok(None);
    }
    match address.open_reader() {
        Err(StoreError::Missing { .. }) => Ok(None),
        opened => opened.map(Some),
    }
}

/// Fails if the rows of this replay are not those of the store.
fn check_identity(
    args: &ReplayArgs,
    address: &StoreAddress,
    reader: &mut dyn StoreReader,
    config: &WorkerConfig,
    log: &dyn Log,
) -> anyhow::Result<()> {
    let Some(theirs) = reader.identity()? else { return Ok(()) };
    let ours = StoreIdentity { begins: config.begins.clone(), ..identity::of(&config.settings, log) };
    let is_whole = theirs.begins.is_none();
    let ours_whole = StoreIdentity { begins: theirs.begins.clone(), ..ours.clone() };
    identity::check(&theirs, &ours_whole, &log.name())?;
    let part = match (&ours.begins, args.to_offset.is_empty()) {
        (Some(_), _) if args.from.is_some() => Some("--from begins at a checkpoint"),
        (Some(_), _) => Some("--from-offset leaves out the first records"),
        (None, false) => Some("--to-offset leaves out the last records"),
        (None, true) => None,
    };
    if let Some(part) = part.filter(|_| is_whole) {
        let text = format!(
            "{part}, so rows would replace complete ones in {address}, which was made from the whole log: write to a \
             new store"
        );
        return Err(UsageError(text).into());
    }
    identity::check(&theirs, &ours, &log.name())?;
    if is_whole { Ok(check_beginning(log)?) } else { Ok(()) }
}

/// Fails if the log has lost its first records.
fn check_beginning(log: &dyn Log) -> Result<(), LogError> {
    for partition in 0..log.partitions() {
        let first = log.first_offset(partition)?;
        if first > 0 {
            let (path, end) = (log.name(), log.end_offset(partition)?);
            let cause =
                "retention has removed it, so rows would replace complete ones in the store: write to a new one";
            return Err(LogError::OffsetLost { path, partition, wanted: 0, first, end, cause: cause.to_owned() });
        }
    }
    Ok(())
}

/// Fails while a worker writes to the store: it would be fenced, and end for good.
fn check_rest(address: &StoreAddress, reader: &mut dyn StoreReader) -> anyhow::Result<()> {
    let (heartbeat, now_ms) = (reader.heartbeat()?, now_ms());
    let live = heartbeat.filter(|heartbeat| is_worker_live(heartbeat, now_ms));
    let sign = match (live, reader.newest_epoch()?) {
        (Some(live), _) => {
            format!("epoch {} gave a sign of life {} ago", live.epoch, span(now_ms.saturating_sub(live.written_ms)))
        }
        (None, Some(newest)) if newest.is_starting(now_ms) => {
            format!("epoch {} was opened {} ago", newest.epoch, span(now_ms.saturating_sub(newest.opened_ms)))
        }
        _ => return Ok(()),
    };
    let text = format!(
        "a worker writes to {address}: {sign}. Writing opens a new epoch, which would end that worker with exit code \
         4, and nothing starts it again. Stop it first (after a crash, wait some seconds), write to a new store, or \
         insist with --take-over"
    );
    Err(UsageError(text).into())
}
