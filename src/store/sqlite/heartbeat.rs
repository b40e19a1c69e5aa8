//! The heartbeat: one row.

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::error::Failure;
use super::write_rows::int;
use crate::store::Heartbeat;

/// Replaces the heartbeat.
pub fn write(transaction: &Transaction, heartbeat: &Heartbeat) -> Result<(), Failure> {
    let life = serde_json::to_string(&heartbeat.life).map_err(|error| Failure::Other(error.to_string()))?;
    let sql = "INSERT OR REPLACE INTO heartbeats (one, epoch, written_at, life) VALUES (1, ?1, ?2, ?3)";
    let values = params![int(heartbeat.epoch), int(heartbeat.written_ms), life];
    transaction.prepare_cached(sql)?.execute(values)?;
    Ok(())
}

/// Reads the heartbeat; `None` before the first.
pub fn read(connection: &Connection) -> Result<Option<Heartbeat>, Failure> {
    let mut statement = connection.prepare_cached("SELECT epoch, written_at, life FROM heartbeats WHERE one = 1")?;
    let row = statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?))).optional()?;
    let Some((epoch, written_ms, life)) = row else { return Ok(None) };
    let invalid = |error| Failure::corrupt(format!("the heartbeat is not valid: {error}"));
    Ok(Some(Heartbeat { epoch, written_ms, life: serde_json::from_str(&life).map_err(invalid)? }))
}
