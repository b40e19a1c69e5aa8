//! Checkpoints: the row of the committed one, and segments in chunks.

use std::time::Instant;

use dataflows::progress::time::Time;
use dataflows::state::manifest::{HEADER_SHARD, SegmentKey};
use dataflows::state::snapshot::memory_shard;
use scylla::value::CqlTimestamp;

use super::epoch::{self, PIPELINE};
use super::error::Failure;
use super::frontier::unsigned;
use super::identity;
use super::retry::backoff;
use super::session::{Client, Level, Pages};
use super::values::{int, timestamp};
use crate::store::Checkpoint;
use crate::store::checkpoint::missing_segment;

/// Largest chunk in bytes: well below a node's limit of one mutation.
const CHUNK_BYTES: usize = 512 * 1024;
/// Page size when reading chunks.
const CHUNKS_AT_ONCE: i32 = 8;

/// The committed checkpoint, and the epoch that committed it.
pub async fn last(client: &Client) -> Result<Option<(u64, Checkpoint)>, Failure> {
    committed(client, Level::Serial).await
}

/// [`last`], as it was a moment ago perhaps.
pub async fn committed(client: &Client, level: Level) -> Result<Option<(u64, Checkpoint)>, Failure> {
    let cql = "SELECT epoch, frontier, header FROM checkpoints WHERE pipeline = ?";
    let rows: Vec<(i64, CqlTimestamp, Vec<u8>)> = client.rows(cql, level, &(PIPELINE,)).await?;
    let Some((epoch, frontier, header)) = rows.into_iter().next() else { return Ok(None) };
    let (epoch, frontier) = (unsigned("epoch", epoch)?, unsigned("frontier", frontier.0)?);
    Ok((epoch > 0).then_some((epoch, Checkpoint { frontier, header })))
}

/// Stores segments under their epoch and frontier; nothing reads them before the commit.
///
/// The timestamp is the epoch: a commit removes segments of its own or earlier epochs, whatever the clocks say.
pub async fn put_segments(
    client: &Client,
    epoch: u64,
    frontier: Time,
    segments: &[(u32, &[u8])],
) -> Result<(), Failure> {
    let cql = "INSERT INTO checkpoint_segments (pipeline, shard, epoch, frontier, chunk, chunks, bytes) \
               VALUES (?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?";
    let pieces = segments.iter().flat_map(|(shard, bytes)| {
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

/// Makes this the checkpoint, and removes segments that are part of none. `committed` is the epoch and frontier of the
/// checkpoint that this epoch last saw; it can only have changed since if this epoch is fenced.
pub async fn commit(
    client: &Client,
    epoch: u64,
    checkpoint: &Checkpoint,
    committed: &mut (u64, Time),
    obsolete: &[SegmentKey],
) -> Result<(), Failure> {
    set(client, epoch, Some(checkpoint), *committed).await?;
    *committed = (epoch, checkpoint.frontier);
    remove_segments(client, epoch, obsolete).await
}

async fn remove_segments(client: &Client, epoch: u64, segments: &[SegmentKey]) -> Result<(), Failure> {
    let cql = "DELETE FROM checkpoint_segments USING TIMESTAMP ? \
               WHERE pipeline = ? AND shard = ? AND epoch = ? AND frontier = ?";
    let remove = async |key: &SegmentKey| {
        let SegmentKey { shard, epoch: by, frontier } = *key;
        client.execute(cql, &(int(epoch), PIPELINE, i64::from(shard), int(by), timestamp(frontier))).await
    };
    client.gather(segments.iter(), remove).await.map(drop)
}

/// Removes the committed checkpoint and all segments. `committed` as in [`commit`].
pub async fn remove(client: &Client, epoch: u64, frontier: Time, committed: &mut (u64, Time)) -> Result<(), Failure> {
    epoch::check(client, epoch).await?;
    let (by, at) = *committed;
    if by == 0 || at != frontier {
        return Err(Failure::Permanent(format!("there is no committed checkpoint as of frontier {frontier}")));
    }
    set(client, epoch, None, (by, at)).await?;
    *committed = (0, 0);
    let stored = stored(client).await?;
    remove_segments(client, epoch, &stored).await
}

/// All segments, ascending: each has a first chunk.
pub async fn stored(client: &Client) -> Result<Vec<SegmentKey>, Failure> {
    let partitions = identity::read(client).await?.map_or(0, |identity| identity.partitions);
    let cql = "SELECT epoch, frontier, chunk FROM checkpoint_segments WHERE pipeline = ? AND shard = ?";
    let read = async |shard: u32| {
        let rows: Vec<(i64, CqlTimestamp, i64)> =
            client.rows(cql, Level::Quorum, &(PIPELINE, i64::from(shard))).await?;
        Ok(rows.into_iter().map(move |row| (shard, row)).collect::<Vec<_>>())
    };
    let mut found = Vec::new();
    for (shard, (epoch, frontier, chunk)) in
        client.gather((0..memory_shard(partitions)).chain([HEADER_SHARD]), read).await?.into_iter().flatten()
    {
        let (epoch, frontier) = (unsigned("epoch", epoch)?, unsigned("frontier", frontier.0)?);
        if chunk == 0 {
            found.push(SegmentKey { shard, epoch, frontier });
        }
    }
    found.sort_unstable();
    Ok(found)
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

/// These segments, in this order.
pub async fn segments(client: &Client, wanted: &[SegmentKey]) -> Result<Vec<Vec<u8>>, Failure> {
    let read = async |at: usize| Ok((at, segment(client, &wanted[at]).await?));
    let mut found: Vec<(usize, Vec<u8>)> = client.gather(0..wanted.len(), read).await?;
    found.sort_unstable_by_key(|(at, _)| *at);
    Ok(found.into_iter().map(|(_, bytes)| bytes).collect())
}

async fn segment(client: &Client, key: &SegmentKey) -> Result<Vec<u8>, Failure> {
    let cql = "SELECT chunk, chunks, bytes FROM checkpoint_segments \
               WHERE pipeline = ? AND shard = ? AND epoch = ? AND frontier = ?";
    let values = (PIPELINE, i64::from(key.shard), int(key.epoch), timestamp(key.frontier));
    let pages = Pages { rows: CHUNKS_AT_ONCE, ..Pages::ALL };
    let rows: Vec<(i64, i64, Vec<u8>)> = client.read(cql, Level::Quorum, &values, pages).await?;
    let Some((_, chunks, _)) = rows.first() else { return Err(Failure::corrupt(missing_segment(key))) };
    let (chunks, found) = (*chunks, rows.len());
    let whole = found as u64 == chunks.unsigned_abs() && rows.iter().zip(0..).all(|((chunk, ..), at)| *chunk == at);
    if !whole {
        let SegmentKey { shard, frontier, .. } = key;
        let what = format!("shard {shard} of the checkpoint as of {frontier} has {found} of {chunks} chunks");
        return Err(Failure::corrupt(what));
    }
    Ok(rows.into_iter().flat_map(|(.., bytes)| bytes).collect())
}
