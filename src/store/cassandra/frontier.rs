//! The durable frontier, and the frontier rows that are kept for `verify`.

use std::cmp::Ordering;
use std::time::Instant;

use dataflows::output::frontier_row::FrontierRow;
use dataflows::settings::PIPELINE_REVISION;
use scylla::value::{CqlDate, CqlTimestamp};

use super::epoch::{self, PIPELINE};
use super::error::Failure;
use super::retry::backoff;
use super::session::{Client, Level};
use super::values::{date, int, timestamp};
use crate::store::frontier_row::{HeldRow, counters_text, precedence};
use crate::store::{DurableFrontier, table, write_us};

/// Columns of a row of the history.
type History = (CqlTimestamp, String, i64, String, i64);

/// The published frontier, and the revision of the program that published it.
pub type Published = (DurableFrontier, u64);

/// The durable frontier; `None` before the first.
pub async fn durable(client: &Client, level: Level) -> Result<Option<Published>, Failure> {
    let cql = "SELECT frontier, digest, rows, counters, revision, epoch, resume FROM frontier WHERE pipeline = ?";
    type Row = (CqlTimestamp, String, i64, String, i64, i64, String);
    let rows: Vec<Row> = client.rows(cql, level, &(PIPELINE,)).await?;
    let Some((frontier, digest, rows, counters, revision, epoch, resume)) = rows.into_iter().next() else {
        return Ok(None);
    };
    if epoch == 0 {
        return Ok(None);
    }
    let held = held((frontier, digest, rows, counters, revision))?;
    let revision = held.revision;
    Ok(Some((DurableFrontier { row: held.decode()?, epoch: unsigned("epoch", epoch)?, resume }, revision)))
}

/// Publishes the durable frontier and the kept rows up to it. `published` is the value that this epoch last saw; it can
/// only have changed since if this epoch is fenced.
pub async fn publish(
    client: &Client,
    durable: &DurableFrontier,
    kept: &[FrontierRow],
    published: &mut Option<Published>,
) -> Result<(), Failure> {
    // A later row, or one of a newer revision, stays; an equal one must be the same.
    let stays = match published {
        Some((old, revision)) => precedence(&old.row, *revision, &durable.row)? == Ordering::Greater,
        None => false,
    };
    if stays || !kept.is_empty() {
        // A fenced epoch writes nothing more, not even rows that the new one would write with the same values.
        check_fence(client, durable.epoch).await?;
    }
    keep(client, kept).await?;
    if stays {
        return Ok(());
    }
    set(client, durable, published.as_ref()).await?;
    *published = Some((durable.clone(), PIPELINE_REVISION));
    Ok(())
}

/// All kept rows up to a frontier, ascending.
pub async fn kept(client: &Client, up_to: u64) -> Result<Vec<FrontierRow>, Failure> {
    let cql = "SELECT DISTINCT pipeline, bucket FROM frontier_history";
    let buckets: Vec<(String, CqlDate)> = client.rows(cql, Level::Quorum, &()).await?;
    let buckets = buckets.into_iter().filter(|(pipeline, _)| pipeline == PIPELINE).map(|(_, bucket)| bucket);
    let cql = "SELECT frontier, digest, rows, counters, revision FROM frontier_history \
               WHERE pipeline = ? AND bucket = ? AND frontier <= ?";
    let of = async |bucket| client.rows::<History>(cql, Level::Quorum, &(PIPELINE, bucket, timestamp(up_to))).await;
    let parts = client.gather(buckets, of).await?;
    let rows = parts.into_iter().flatten().map(|row| Ok(held(row)?.decode()?));
    let mut rows = rows.collect::<Result<Vec<FrontierRow>, Failure>>()?;
    rows.sort_unstable_by_key(|row| row.frontier);
    Ok(rows)
}

/// Writes the rows of minutes that do not exist yet; existing ones must be the same. All are compared before any write.
async fn keep(client: &Client, kept: &[FrontierRow]) -> Result<(), Failure> {
    let found = "SELECT frontier, digest, rows, counters, revision FROM frontier_history \
                 WHERE pipeline = ? AND bucket = ? AND frontier = ?";
    let missing = client.gather(kept, async |row: &FrontierRow| {
        let key = (PIPELINE, date(table::month_ms(row.frontier)), timestamp(row.frontier));
        let Some(old) = client.rows::<History>(found, Level::Quorum, &key).await?.into_iter().next() else {
            return Ok(Some(row));
        };
        let old = held(old)?;
        let revision = old.revision;
        Ok((precedence(&old.decode()?, revision, row)? == Ordering::Less).then_some(row))
    });
    let missing = missing.await?;
    let cql = "INSERT INTO frontier_history (pipeline, bucket, frontier, digest, rows, counters, revision) \
               VALUES (?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?";
    let write = async |row: &FrontierRow| {
        let values = (
            PIPELINE,
            date(table::month_ms(row.frontier)),
            timestamp(row.frontier),
            row.digest.to_string(),
            row.rows,
            counters_text(&row.counters),
            int(PIPELINE_REVISION),
            int(write_us(row.frontier)),
        );
        client.execute(cql, &values).await
    };
    client.gather(missing.into_iter().flatten(), write).await.map(drop)
}

/// Sets the register if the fence is ours and the value is the one that we last saw: an attempt whose answer was lost
/// may be applied after later ones, and must not move the frontier back.
async fn set(client: &Client, durable: &DurableFrontier, published: Option<&Published>) -> Result<(), Failure> {
    let cql = "UPDATE frontier SET frontier = ?, digest = ?, rows = ?, counters = ?, epoch = ?, revision = ?, \
               resume = ? WHERE pipeline = ? IF fence = ? AND frontier = ? AND revision = ?";
    let row = &durable.row;
    let (old, old_revision) = published.map_or((0, 0), |(old, revision)| (old.row.frontier, *revision));
    let values = (
        timestamp(row.frontier),
        row.digest.to_string(),
        row.rows,
        counters_text(&row.counters),
        int(durable.epoch),
        int(PIPELINE_REVISION),
        &durable.resume,
        PIPELINE,
        int(durable.epoch),
        timestamp(old),
        int(old_revision),
    );
    let (begun, mut pauses) = (Instant::now(), backoff());
    loop {
        match epoch::attempt(client, cql, &values).await? {
            Ok(true) => return Ok(()),
            Ok(false) => {
                check_fence(client, durable.epoch).await?;
                // An attempt before this one, whose answer got lost, was carried out.
                return match self::durable(client, Level::Serial).await? {
                    Some((found, PIPELINE_REVISION)) if found == *durable => Ok(()),
                    _ => Err(Failure::corrupt("the frontier has changed under the epoch that alone may change it")),
                };
            }
            Err(why) => client.pause(&mut pauses, begun, why).await?,
        }
    }
}

/// Fails when another epoch may write the frontier.
async fn check_fence(client: &Client, ours: u64) -> Result<(), Failure> {
    match epoch::fence(client, "frontier").await? {
        Some(theirs) if theirs == ours => Ok(()),
        Some(theirs) => Err(Failure::Fenced { ours, theirs }),
        None => Err(Failure::corrupt("the frontier row is missing")),
    }
}

fn held((frontier, digest, rows, counters, revision): History) -> Result<HeldRow, Failure> {
    Ok(HeldRow {
        frontier: unsigned("frontier", frontier.0)?,
        digest,
        rows,
        counters,
        revision: unsigned("revision", revision)?,
    })
}

/// Converts a column that is never negative.
pub fn unsigned(column: &str, value: i64) -> Result<u64, Failure> {
    u64::try_from(value).map_err(|_| Failure::corrupt(format!("a row's {column} is {value}")))
}
