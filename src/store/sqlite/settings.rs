//! Settings of the pipeline, in the table `meta`.

use rusqlite::{Connection, Transaction, params};

use super::error::Failure;
use super::write_rows::int;
use crate::store::PipelineSettings;

/// Replaces the settings.
pub fn write(transaction: &Transaction, settings: PipelineSettings) -> Result<(), Failure> {
    let mut statement = transaction.prepare_cached("INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)")?;
    for (name, value) in settings.rows() {
        statement.execute(params![name, int(value)])?;
    }
    Ok(())
}

/// Reads the settings; `None` before the first start of a worker.
pub fn read(connection: &Connection) -> Result<Option<PipelineSettings>, Failure> {
    let mut statement = connection.prepare_cached("SELECT name, value FROM meta")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(PipelineSettings::from_rows(rows.collect::<rusqlite::Result<Vec<(String, u64)>>>()?))
}
