//! Epochs and fences: the registers `epochs`, `frontier` and `checkpoints`, one row each, changed only by lightweight
//! transactions.
//!
//! Opening an epoch raises `epochs`, then the fence of the two others, and only then reads them. Requests of an older
//! epoch that are still in flight are thereby either applied before that read or rejected. The answer to a lightweight
//! transaction may be lost: it is repeated where that is harmless, and then the stored value decides.

use std::time::Instant;

use scylla::serialize::row::SerializeRow;
use scylla::value::CqlTimestamp;

use super::error::Failure;
use super::heartbeat;
use super::retry::backoff;
use super::session::{Client, Level};
use super::values::{int, timestamp};
use crate::retry::chance;
use crate::store::NewestEpoch;

/// The key of every register.
pub const PIPELINE: &str = "tickline";

/// Opens the next epoch and fences all earlier ones.
pub async fn open(client: &Client) -> Result<u64, Failure> {
    let epoch = raise(client).await?;
    raise_fence(client, "frontier", epoch).await?;
    raise_fence(client, "checkpoints", epoch).await?;
    Ok(epoch)
}

/// The newest epoch; 0 before the first.
pub async fn newest(client: &Client) -> Result<u64, Failure> {
    Ok(epoch_and_holder(client).await?.map_or(0, |(epoch, _)| epoch))
}

/// The newest epoch, as readers see it; `None` before the first.
pub async fn opened(client: &Client) -> Result<Option<NewestEpoch>, Failure> {
    let cql = "SELECT epoch, opened_at FROM epochs WHERE pipeline = ?";
    let rows: Vec<(i64, CqlTimestamp)> = client.rows(cql, Level::Quorum, &(PIPELINE,)).await?;
    let Some((epoch, opened_at)) = rows.into_iter().next() else { return Ok(None) };
    let epoch = epoch.unsigned_abs();
    let has_beaten = heartbeat::read(client).await?.is_some_and(|heartbeat| heartbeat.epoch >= epoch);
    Ok(Some(NewestEpoch { epoch, opened_ms: opened_at.0.unsigned_abs(), has_beaten }))
}

/// Fails when there is a newer epoch.
pub async fn check(client: &Client, ours: u64) -> Result<(), Failure> {
    match newest(client).await? {
        theirs if theirs > ours => Err(Failure::Fenced { ours, theirs }),
        _ => Ok(()),
    }
}

/// Executes a lightweight transaction that may be repeated; returns whether it was applied. The inner `Err` is a lost
/// answer: it may have been applied, and the stored value decides.
pub async fn attempt(client: &Client, cql: &str, values: &impl SerializeRow) -> Result<Result<bool, String>, Failure> {
    match client.execute_once(cql, values).await {
        Ok(result) => {
            let rows = result.into_rows_result().map_err(|error| Failure::Permanent(error.to_string()))?;
            let first =
                rows.first_row::<scylla::value::Row>().map_err(|error| Failure::Permanent(error.to_string()))?;
            let applied = first.columns.first().and_then(|value| value.as_ref()?.as_boolean());
            Ok(Ok(applied.unwrap_or(false)))
        }
        Err(Failure::Transient(why)) => Ok(Err(why)),
        Err(other) => Err(other),
    }
}

/// Raises the epoch by one; retries until one is ours.
async fn raise(client: &Client) -> Result<u64, Failure> {
    let holder = holder();
    let (begun, mut pauses) = (Instant::now(), backoff());
    loop {
        let current = epoch_and_holder(client).await?;
        if let Some((epoch, found)) = &current
            && *found == holder
        {
            return Ok(*epoch);
        }
        let now_ms = jiff::Timestamp::now().as_millisecond().unsigned_abs();
        let next = current.as_ref().map_or(1, |(epoch, _)| epoch + 1);
        let tried = match current {
            None => {
                let cql = "INSERT INTO epochs (pipeline, epoch, holder, opened_at) VALUES (?, ?, ?, ?) IF NOT EXISTS";
                attempt(client, cql, &(PIPELINE, int(next), &holder, timestamp(now_ms))).await?
            }
            Some((epoch, _)) => {
                let cql = "UPDATE epochs SET epoch = ?, holder = ?, opened_at = ? WHERE pipeline = ? IF epoch = ?";
                attempt(client, cql, &(int(next), &holder, timestamp(now_ms), PIPELINE, int(epoch))).await?
            }
        };
        match tried {
            Ok(true) => return Ok(next),
            // Another process was faster.
            Ok(false) => {}
            Err(why) => client.pause(&mut pauses, begun, why).await?,
        }
    }
}

/// Makes `epoch` the only epoch that may write a register.
async fn raise_fence(client: &Client, register: &'static str, epoch: u64) -> Result<(), Failure> {
    let (begun, mut pauses) = (Instant::now(), backoff());
    loop {
        let tried = match fence(client, register).await? {
            Some(found) if found == epoch => return Ok(()),
            Some(found) if found > epoch => return Err(Failure::Fenced { ours: epoch, theirs: found }),
            Some(_) => {
                let cql = format!("UPDATE {register} SET fence = ? WHERE pipeline = ? IF fence < ?");
                attempt(client, &cql, &(int(epoch), PIPELINE, int(epoch))).await?
            }
            None => make(client, register, epoch).await?,
        };
        if let Err(why) = tried {
            client.pause(&mut pauses, begun, why).await?;
        }
    }
}

/// Creates an empty register. No value is null.
async fn make(client: &Client, register: &str, epoch: u64) -> Result<Result<bool, String>, Failure> {
    if register == "frontier" {
        let cql = "INSERT INTO frontier (pipeline, frontier, digest, rows, counters, epoch, revision, resume, fence) \
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS";
        let none = "0".repeat(32);
        return attempt(client, cql, &(PIPELINE, timestamp(0), none, 0_i64, "{}", 0_i64, 0_i64, "[]", int(epoch)))
            .await;
    }
    let cql = "INSERT INTO checkpoints (pipeline, frontier, epoch, header, fence) VALUES (?, ?, ?, ?, ?) IF NOT EXISTS";
    attempt(client, cql, &(PIPELINE, timestamp(0), 0_i64, &b""[..], int(epoch))).await
}

/// The epoch that may write a register.
pub async fn fence(client: &Client, register: &str) -> Result<Option<u64>, Failure> {
    let cql = format!("SELECT fence FROM {register} WHERE pipeline = ?");
    let rows: Vec<(i64,)> = client.rows(&cql, Level::Serial, &(PIPELINE,)).await?;
    Ok(rows.first().map(|(fence,)| fence.unsigned_abs()))
}

async fn epoch_and_holder(client: &Client) -> Result<Option<(u64, String)>, Failure> {
    let cql = "SELECT epoch, holder FROM epochs WHERE pipeline = ?";
    let rows: Vec<(i64, String)> = client.rows(cql, Level::Serial, &(PIPELINE,)).await?;
    Ok(rows.into_iter().next().map(|(epoch, holder)| (epoch.unsigned_abs(), holder)))
}

/// Unique name, by which a process recognises its own epoch after a lost answer.
fn holder() -> String {
    format!("process {} {:016x}{:016x}", std::process::id(), chance(), chance())
}
