//! The heartbeat: one small write without a lightweight transaction. Each epoch has a row of its own, so a slow old one
//! cannot hide the newest.

use scylla::value::CqlTimestamp;

use super::epoch::PIPELINE;
use super::error::Failure;
use super::frontier::unsigned;
use super::session::{Client, Level};
use super::values::{int, timestamp};
use crate::store::Heartbeat;

/// Replaces the heartbeat of an epoch. The time of the heartbeat is the timestamp, so that an attempt that arrives late
/// changes nothing.
pub async fn write(client: &Client, heartbeat: &Heartbeat) -> Result<(), Failure> {
    let life = serde_json::to_string(&heartbeat.life).map_err(|error| Failure::Permanent(error.to_string()))?;
    let cql = "INSERT INTO heartbeats (pipeline, epoch, written_at, life) VALUES (?, ?, ?, ?) USING TIMESTAMP ?";
    let written_us = int(heartbeat.written_ms.saturating_mul(1_000));
    let values = (PIPELINE, int(heartbeat.epoch), timestamp(heartbeat.written_ms), life, written_us);
    client.execute(cql, &values).await
}

/// Reads the newest epoch's heartbeat; `None` before the first.
pub async fn read(client: &Client) -> Result<Option<Heartbeat>, Failure> {
    let cql = "SELECT epoch, written_at, life FROM heartbeats WHERE pipeline = ? LIMIT 1";
    let rows: Vec<(i64, CqlTimestamp, String)> = client.rows(cql, Level::Quorum, &(PIPELINE,)).await?;
    let Some((epoch, written_at, life)) = rows.into_iter().next() else { return Ok(None) };
    let invalid = |error| Failure::corrupt(format!("the heartbeat is not valid: {error}"));
    Ok(Some(Heartbeat {
        epoch: unsigned("epoch", epoch)?,
        written_ms: unsigned("written_at", written_at.0)?,
        life: serde_json::from_str(&life).map_err(invalid)?,
    }))
}
