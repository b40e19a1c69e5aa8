//! Epochs and checkpoints.

use std::collections::BTreeMap;

use dataflows::progress::time::Time;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::error::Failure;
use super::write_rows::int;
use crate::store::{Checkpoint, CheckpointInfo};

/// Raises the epoch by one and returns it.
pub fn next_epoch(transaction: &Transaction) -> Result<u64, Failure> {
    let epoch = current_epoch(transaction)?;
    let changed =
        transaction.execute("UPDATE epochs SET epoch = ?2 WHERE one = 1 AND epoch = ?1", [epoch, epoch + 1])?;
    if changed == 1 { Ok(epoch + 1) } else { Err(Failure::Fenced { ours: epoch, theirs: epoch + 1 }) }
}

/// Fails unless `epoch` is the newest epoch.
pub fn check_epoch(transaction: &Transaction, epoch: u64) -> Result<(), Failure> {
    match current_epoch(transaction)? {
        newest if newest == epoch => Ok(()),
        newest => Err(Failure::Fenced { ours: epoch, theirs: newest }),
    }
}

fn current_epoch(transaction: &Transaction) -> Result<u64, Failure> {
    let epoch = transaction.prepare_cached("SELECT epoch FROM epochs WHERE one = 1")?.query_row([], |row| row.get(0));
    epoch.optional()?.ok_or_else(|| Failure::corrupt("the epoch row is missing"))
}

/// The committed checkpoint.
pub fn last(transaction: &Transaction) -> Result<Option<Checkpoint>, Failure> {
    let mut statement = transaction.prepare_cached("SELECT frontier, header FROM checkpoints WHERE one = 1")?;
    let found = statement.query_row([], |row| Ok(Checkpoint { frontier: row.get(0)?, header: row.get(1)? }));
    Ok(found.optional()?)
}

/// Stores shards under their epoch and frontier; nothing reads them before the commit.
pub fn put_shards(
    transaction: &Transaction,
    epoch: u64,
    frontier: Time,
    shards: &[(u32, &[u8])],
) -> Result<(), Failure> {
    check_epoch(transaction, epoch)?;
    let sql = "INSERT OR REPLACE INTO checkpoint_shards (epoch, frontier, shard, bytes) VALUES (?1, ?2, ?3, ?4)";
    let mut statement = transaction.prepare_cached(sql)?;
    for (shard, bytes) in shards {
        statement.execute(params![int(epoch), int(frontier), shard, bytes])?;
    }
    Ok(())
}

/// Commits the shards of (epoch, frontier) as the checkpoint, and removes all earlier ones. Those of a later frontier
/// belong to an unfinished checkpoint and stay.
pub fn commit(transaction: &Transaction, epoch: u64, checkpoint: &Checkpoint) -> Result<(), Failure> {
    check_epoch(transaction, epoch)?;
    let key = [int(epoch), int(checkpoint.frontier)];
    let sql = "INSERT OR REPLACE INTO checkpoints (one, epoch, frontier, header) VALUES (1, ?1, ?2, ?3)";
    transaction.prepare_cached(sql)?.execute(params![key[0], key[1], checkpoint.header])?;
    transaction.prepare_cached("DELETE FROM checkpoint_shards WHERE epoch <> ?1 OR frontier < ?2")?.execute(key)?;
    Ok(())
}

/// Removes the committed checkpoint, all shards included: those of an unfinished one belong to an older epoch.
pub fn remove(transaction: &Transaction, epoch: u64, frontier: Time) -> Result<(), Failure> {
    check_epoch(transaction, epoch)?;
    if transaction.execute("DELETE FROM checkpoints WHERE one = 1 AND frontier = ?1", [int(frontier)])? == 0 {
        return Err(Failure::Other(format!("there is no committed checkpoint as of frontier {frontier}")));
    }
    transaction.execute("DELETE FROM checkpoint_shards", [])?;
    Ok(())
}

/// All checkpoints, ascending by frontier and epoch.
pub fn list(connection: &Connection) -> Result<Vec<CheckpointInfo>, Failure> {
    // One transaction, so that a commit in between is seen as a whole or not at all.
    let view = connection.unchecked_transaction()?;
    let mut statement = view.prepare_cached("SELECT frontier, epoch FROM checkpoints WHERE one = 1")?;
    let committed: Option<(u64, u64)> = statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let sql = "SELECT frontier, epoch, count(*), sum(length(bytes)) FROM checkpoint_shards GROUP BY epoch, frontier";
    let mut statement = view.prepare_cached(sql)?;
    let found = statement.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), (row.get(2)?, row.get(3)?))))?;
    let mut all = found.collect::<rusqlite::Result<BTreeMap<(u64, u64), (u64, u64)>>>()?;
    // A checkpoint without any symbol has no shards.
    if let Some(key) = committed {
        all.entry(key).or_default();
    }
    let info = |((frontier, epoch), (shards, bytes))| CheckpointInfo {
        frontier,
        epoch,
        shards,
        bytes: Some(bytes),
        is_committed: committed == Some((frontier, epoch)),
    };
    Ok(all.into_iter().map(info).collect())
}

/// Shards of the committed checkpoint, ascending by number; shards that were never stored are left out.
pub fn shards(transaction: &Transaction, frontier: Time, wanted: &[u32]) -> Result<Vec<(u32, Vec<u8>)>, Failure> {
    let mut statement = transaction.prepare_cached("SELECT frontier, epoch FROM checkpoints WHERE one = 1")?;
    let committed: Option<(u64, u64)> = statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let Some((_, epoch)) = committed.filter(|(at, _)| *at == frontier) else {
        return Err(Failure::Other(format!("there is no committed checkpoint as of frontier {frontier}")));
    };
    let sql = "SELECT bytes FROM checkpoint_shards WHERE epoch = ?1 AND frontier = ?2 AND shard = ?3";
    let mut statement = transaction.prepare_cached(sql)?;
    let mut found = Vec::new();
    for &shard in wanted {
        let bytes = statement.query_row(params![int(epoch), int(frontier), shard], |row| row.get(0)).optional()?;
        found.extend(bytes.map(|bytes| (shard, bytes)));
    }
    Ok(found)
}
