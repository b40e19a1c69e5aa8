//! Epochs and checkpoints.

use dataflows::progress::time::Time;
use dataflows::state::manifest::SegmentKey;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::error::Failure;
use super::write_rows::int;
use crate::store::Checkpoint;
use crate::store::checkpoint::missing_segment;

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

/// The committed checkpoint, and the epoch that committed it.
pub fn last(connection: &Connection) -> Result<Option<(u64, Checkpoint)>, Failure> {
    let mut statement = connection.prepare_cached("SELECT epoch, frontier, header FROM checkpoints WHERE one = 1")?;
    let found =
        statement.query_row([], |row| Ok((row.get(0)?, Checkpoint { frontier: row.get(1)?, header: row.get(2)? })));
    Ok(found.optional()?)
}

/// Stores segments under their epoch and frontier; nothing reads them before the commit.
pub fn put_segments(
    transaction: &Transaction,
    epoch: u64,
    frontier: Time,
    segments: &[(u32, &[u8])],
) -> Result<(), Failure> {
    check_epoch(transaction, epoch)?;
    let sql = "INSERT OR REPLACE INTO checkpoint_segments (epoch, frontier, shard, bytes) VALUES (?1, ?2, ?3, ?4)";
    let mut statement = transaction.prepare_cached(sql)?;
    for (shard, bytes) in segments {
        statement.execute(params![int(epoch), int(frontier), shard, bytes])?;
    }
    Ok(())
}

/// Makes this the checkpoint, and removes segments that are part of none.
pub fn commit(
    transaction: &Transaction,
    epoch: u64,
    checkpoint: &Checkpoint,
    obsolete: &[SegmentKey],
) -> Result<(), Failure> {
    check_epoch(transaction, epoch)?;
    let sql = "INSERT OR REPLACE INTO checkpoints (one, epoch, frontier, header) VALUES (1, ?1, ?2, ?3)";
    let values = params![int(epoch), int(checkpoint.frontier), checkpoint.header];
    transaction.prepare_cached(sql)?.execute(values)?;
    let sql = "DELETE FROM checkpoint_segments WHERE epoch = ?1 AND frontier = ?2 AND shard = ?3";
    let mut statement = transaction.prepare_cached(sql)?;
    for key in obsolete {
        statement.execute(params![int(key.epoch), int(key.frontier), key.shard])?;
    }
    Ok(())
}

/// Removes the committed checkpoint, all segments included: those of an unfinished one belong to an older epoch.
pub fn remove(transaction: &Transaction, epoch: u64, frontier: Time) -> Result<(), Failure> {
    check_epoch(transaction, epoch)?;
    if transaction.execute("DELETE FROM checkpoints WHERE one = 1 AND frontier = ?1", [int(frontier)])? == 0 {
        return Err(Failure::Other(format!("there is no committed checkpoint as of frontier {frontier}")));
    }
    transaction.execute("DELETE FROM checkpoint_segments", [])?;
    Ok(())
}

/// All segments with their sizes in bytes, ascending.
pub fn stored(connection: &Connection) -> Result<Vec<(SegmentKey, u64)>, Failure> {
    let sql = "SELECT shard, epoch, frontier, length(bytes) FROM checkpoint_segments ORDER BY 1, 2, 3";
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement.query_map([], |row| {
        Ok((SegmentKey { shard: row.get(0)?, epoch: row.get(1)?, frontier: row.get(2)? }, row.get(3)?))
    })?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

/// These segments, in this order.
pub fn segments(connection: &Connection, wanted: &[SegmentKey]) -> Result<Vec<Vec<u8>>, Failure> {
    let sql = "SELECT bytes FROM checkpoint_segments WHERE epoch = ?1 AND frontier = ?2 AND shard = ?3";
    let mut statement = connection.prepare_cached(sql)?;
    let mut read = |key: &SegmentKey| {
        let values = params![int(key.epoch), int(key.frontier), key.shard];
        let bytes = statement.query_row(values, |row| row.get(0)).optional()?;
        bytes.ok_or_else(|| Failure::corrupt(missing_segment(key)))
    };
    wanted.iter().map(&mut read).collect()
}
