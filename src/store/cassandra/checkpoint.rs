//! Checkpoints: the row of the committed one, and shards in chunks.

use std::collections::BTreeMap;
use std::time::Instant;

use dataflows::progress::time::Time;
use dataflows::state::snapshot::memory_shard;
use dataflows::symbols::symbol::SHARDS;
use scylla::value::CqlTimestamp;

use super::epoch::{self, PIPELINE};
use super::error::Failure;
use super::frontier::unsigned;
use super::retry::backoff;
use super::session::{Client, Level, Pages};
use super::values::{int, timestamp};
use crate::store::{Checkpoint, CheckpointInfo};

/// Largest chunk in bytes: well below a node's limit of one mutation.
const CHUNK_BYTES: usize = 512 * 1024;
/// Page size when reading chunks.
const CHUNKS_AT_ONCE: i32 = 8;

/// The committed checkpoint and the epoch of its shards.
pub async fn last(client: &Client) -> Result<Option<(u64, Checkpoint)>, Failure> {
    committed(client, Level::Serial).await
}

async fn committed(client: &Client, level: Level) -> Result<Option<(u64, Checkpoint)>, Failure> {
    let cql = "SELECT epoch, frontier, header FROM checkpoints WHERE pipeline = ?";
    let rows: Vec<(i64, CqlTimestamp, Vec<u8>)> = client.rows(cql, level, &(PIPELINE,)).await?;
    let Some((epoch, frontier, header)) = rows.into_iter().next() else { return Ok(None) };
    let (epoch, frontier) = (unsigned("epoch", epoch)?, unsigned("frontier", frontier.0)?);
    Ok((epoch > 0).then_some((epoch, Checkpoint { frontier, header })))
}

/// Stores shards under their epoch and frontier; nothing reads them before the commit.
///
/// The timestamp is the epoch: a commit removes shards of its own or earlier epochs, whatever the clocks say.
pub async fn put_shards(client: &Client, epoch: u64, frontier: Time, shards: &[(u32, &[u8])]) -> Result<(), Failure> {
    let cql = "INSERT INTO checkpoint_shards (pipeline, shard, epoch, frontier, chunk, chunks, bytes) \
               VALUES (?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?";
    let pieces = shards.iter().flat_map(|(shard, bytes)| {
        let chunks = bytes.len().div_ceil(CHUNK_BYTES).max(1);
        (0..chunks).map(move |chunk| {
            let from = chunk * CHUNK_BYTES;
            (*shard, chunk, chunks, &bytes[from..bytes.len().min(from + CHUNK_BYTES)])
        })
    });
    let put = async |(shard, chunk, chunks, bytes): (u32, usize, usize, &[u8])| {
        let (epoch, chunk, chunks) = (int(epoch), int(chunk as u64), int(chunks as u64));
        let values = (PIPELINE, i64::from(shard), epoch, timestamp(frontier), chunk, chunks, bytes, epoch);
        client.execute(cql, &values).await
    };
    client.gather(pieces, put).await.map(drop)
}

/// Commits the shards of (epoch, frontier) as the checkpoint, and removes all earlier ones. `committed` is the epoch
/// and frontier of the checkpoint that this epoch last saw; it can only have changed since if this epoch is fenced. The
/// log has this number of `partitions`, each of which may have a shard besides those of the symbols.
pub async fn commit(
    client: &Client,
    epoch: u64,
    checkpoint: &Checkpoint,
    committed: &mut (u64, Time),
    partitions: u32,
) -> Result<(), Failure> {
    set(client, epoch, Some(checkpoint), *committed).await?;
    *committed = (epoch, checkpoint.frontier);
    let at = timestamp(checkpoint.frontier);
    let cql = "DELETE FROM checkpoint_shards USING TIMESTAMP ? \
               WHERE pipeline = ? AND shard = ? AND (epoch, frontier) < (?, ?)";
    let remove =
        async |shard: u32| client.execute(cql, &(int(epoch), PIPELINE, i64::from(shard), int(epoch), at)).await;
    client.gather(0..memory_shard(partitions), remove).await.map(drop)
}

/// Removes the committed checkpoint and its shards. `committed` as in [`commit`].
pub async fn remove(client: &Client, epoch: u64, frontier: Time, committed: &mut (u64, Time)) -> Result<(), Failure> {
    epoch::check(client, epoch).await?;
    let (by, at) = *committed;
    if by == 0 || at != frontier {
        return Err(Failure::Permanent(format!("there is no committed checkpoint as of frontier {frontier}")));
    }
    set(client, epoch, None, (by, at)).await?;
    *committed = (0, 0);
    let cql = "DELETE FROM checkpoint_shards USING TIMESTAMP ? \
               WHERE pipeline = ? AND shard = ? AND (epoch, frontier) <= (?, ?)";
    let remove =
        async |shard: u32| client.execute(cql, &(int(epoch), PIPELINE, i64::from(shard), int(by), timestamp(at))).await;
    client.gather(0..SHARDS, remove).await.map(drop)
}

/// All checkpoints, ascending by frontier and epoch. A shard counts where its first chunk is present.
pub async fn list(client: &Client) -> Result<Vec<CheckpointInfo>, Failure> {
    let committed = committed(client, Level::Quorum).await?;
    let committed = committed.map(|(epoch, checkpoint)| (checkpoint.frontier, epoch));
    let cql = "SELECT epoch, frontier, chunk FROM checkpoint_shards WHERE pipeline = ? AND shard = ?";
    let read = async |shard: u32| {
        client.rows::<(i64, CqlTimestamp, i64)>(cql, Level::Quorum, &(PIPELINE, i64::from(shard))).await
    };
    let mut shards: BTreeMap<(u64, u64), u64> = committed.iter().map(|key| (*key, 0)).collect();
    for (epoch, frontier, chunk) in client.gather(0..SHARDS, read).await?.into_iter().flatten() {
        let key = (unsigned("frontier", frontier.0)?, unsigned("epoch", epoch)?);
        *shards.entry(key).or_default() += u64::from(chunk == 0);
    }
    let info = |((frontier, epoch), shards)| CheckpointInfo {
        frontier,
        epoch,
        shards,
        bytes: None,
        is_committed: committed == Some((frontier, epoch)),
    };
    Ok(shards.into_iter().map(info).collect())
}

/// Sets the register if the fence is ours and the value is the one that we last saw: an attempt whose answer was lost
/// may be applied after later ones, and must not bring an earlier checkpoint back.
///
/// Without a checkpoint the register is set as it was before the first one.
async fn set(client: &Client, epoch: u64, new: Option<&Checkpoint>, old: (u64, Time)) -> Result<(), Failure> {
    let cql = "UPDATE checkpoints SET epoch = ?, frontier = ?, header = ? WHERE pipeline = ? \
               IF fence = ? AND epoch = ? AND frontier = ?";
    let (by, at, header) = new.map_or((0, 0, &[][..]), |new| (epoch, new.frontier, &new.header[..]));
    let values = (int(by), timestamp(at), header, PIPELINE, int(epoch), int(old.0), timestamp(old.1));
    let (begun, mut pauses) = (Instant::now(), backoff());
    loop {
        match epoch::attempt(client, cql, &values).await? {
            Ok(true) => return Ok(()),
            Ok(false) => {
                let theirs = epoch::fence(client, "checkpoints").await?.unwrap_or(0);
                // An earlier attempt whose answer was lost may have been applied.
                let found = last(client).await?;
                return match (&found, new) {
                    _ if theirs != epoch => Err(Failure::Fenced { ours: epoch, theirs }),
                    (Some((by, found)), Some(new)) if *by == epoch && found == new => Ok(()),
                    (None, None) => Ok(()),
                    _ => Err(Failure::corrupt(
                        "the checkpoint was changed by something other than the epoch that owns it",
                    )),
                };
            }
            Err(why) => client.pause(&mut pauses, begun, why).await?,
        }
    }
}

/// Shards of the committed checkpoint, ascending by number; shards that were never stored are left out.
pub async fn shards(client: &Client, frontier: Time, wanted: &[u32]) -> Result<Vec<(u32, Vec<u8>)>, Failure> {
    let committed = last(client).await?.filter(|(_, checkpoint)| checkpoint.frontier == frontier);
    let Some((epoch, _)) = committed else {
        return Err(Failure::Permanent(format!("there is no committed checkpoint as of frontier {frontier}")));
    };
    let read = async |shard: u32| Ok((shard, shard_of(client, epoch, frontier, shard).await?));
    let found: Vec<(u32, Option<Vec<u8>>)> = client.gather(wanted.iter().copied(), read).await?;
    let mut found: Vec<_> = found.into_iter().filter_map(|(shard, bytes)| Some((shard, bytes?))).collect();
    found.sort_unstable_by_key(|(shard, _)| *shard);
    Ok(found)
}

async fn shard_of(client: &Client, epoch: u64, frontier: Time, shard: u32) -> Result<Option<Vec<u8>>, Failure> {
    let cql = "SELECT chunk, chunks, bytes FROM checkpoint_shards \
               WHERE pipeline = ? AND shard = ? AND epoch = ? AND frontier = ?";
    let key = (PIPELINE, i64::from(shard), int(epoch), timestamp(frontier));
    let pages = Pages { rows: CHUNKS_AT_ONCE, ..Pages::ALL };
    let rows: Vec<(i64, i64, Vec<u8>)> = client.read(cql, Level::Quorum, &key, pages).await?;
    let Some((_, chunks, _)) = rows.first() else { return Ok(None) };
    let (chunks, found) = (*chunks, rows.len());
    let whole = found as u64 == chunks.unsigned_abs() && rows.iter().zip(0..).all(|((chunk, ..), at)| *chunk == at);
    if !whole {
        let what = format!("shard {shard} of the checkpoint as of {frontier} has {found} of {chunks} chunks");
        return Err(Failure::corrupt(what));
    }
    Ok(Some(rows.into_iter().flat_map(|(.., bytes)| bytes).collect()))
}
